"""Blocks that continue others say so on the page, and are copied with all that they need.

`tools.blocks` reads the same `cont` marks for the tests: what a reader copies is what was run.
The links work by themselves; `site.js` lets the button copy what the links name.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs.utils import is_markdown_file

from tools.blocks import SHOWN, Block, PageError, code_shown, find_blocks


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Mark the blocks of a page that continue others, or that others need."""
    if not is_markdown_file(page.file.src_uri):  # a lab is copied as a whole: it is a notebook
        return content
    path = Path(str(page.file.abs_src_path))
    try:
        blocks = find_blocks(path)
    except PageError as error:
        raise PluginError(str(error)) from None
    return connect(content, blocks, page.file.src_uri)


def connect(content: str, blocks: list[Block], page: str) -> str:
    """Give names to the blocks that others need, and to those others a line that leads there.

    The page may show more Python than its blocks: the reference shows the package's source.

    Raises:
        PluginError: a block that the page does not show.
    """
    names = {block.lineno: f"python-block-{number}" for number, block in enumerate(blocks, 1)}
    needed = {earlier.lineno for block in blocks for earlier in block.needs}
    coming = iter(blocks)
    awaited = next(coming, None)

    def mark(shown: re.Match[str]) -> str:
        nonlocal awaited
        code = code_shown(shown)
        if awaited is None or code is None or code.split() != awaited.code.split():
            return shown[0]
        block, awaited = awaited, next(coming, None)
        name = f' id="{names[block.lineno]}"' if block.lineno in needed else ""
        line = continues([names[earlier.lineno] for earlier in block.needs])
        return re.sub(r"^<div([^>]*)>", rf"<div\1{name}>{line}", shown[0])

    content = SHOWN.sub(mark, content)
    if awaited and any(block.needs for block in blocks):
        raise PluginError(f"{page}:{awaited.lineno}: the page does not show this block")
    return content


def continues(names: list[str]) -> str:
    """The line above a block that needs those of these names."""
    if not names:
        return ""
    if len(names) == 1:
        links = f'Continues an <a href="#{names[0]}">earlier block</a>'
    else:
        each = [f'<a href="#{name}">{number}</a>' for number, name in enumerate(names, 1)]
        links = f"Continues {len(names)} earlier blocks: {', '.join(each)}"
    button = '<button type="button" class="copy-with-needs">Copy with what it needs</button>'
    return f'<p class="continues" data-search-exclude><span>{links}</span> {button}</p>'
