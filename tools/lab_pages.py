"""A lab becomes a page like any other, and a notebook that readers can keep.

mkdocs-jupyter makes the page from the outputs that `tools.lab_runs` keeps, through our template.
`LABS=skip` shows labs without executing them; `mkdocs serve` executes them beside the server.
"""

import logging
import os
import re
from html import unescape
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath
from queue import SimpleQueue
from threading import Thread
from typing import Any

import nbformat
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs_jupyter.config import settings

from tools import lab_runs, labs
from tools.katex import without_colours

log = logging.getLogger("mkdocs.labs")

LINK = re.compile(r"(?<!!)\[([^\[\]]*)\]\(([^()\s:#]+\.(?:md|py))(#[^()\s]*)?\)")

# Our templates write Markdown: a page of mkdocs-jupyter's own weighs 654 KB before its text.
settings.templates_dir = str(labs.ROOT / "tools" / "lab_templates")
serving = False
waiting: SimpleQueue[Path] = SimpleQueue()
failed: set[Path] = set()


def notebook_for_page(lab: Path, page: Path) -> str:
    """Write the notebook that is shown and offered, and say what a reader must know of it."""
    if os.environ.get("LABS") == "skip":
        place, note = lab, "This lab was not executed here, so it shows no output."
    elif serving and not lab_runs.kept(lab).exists():
        place, note = lab, wait_for(lab)
    else:
        place, note = lab_runs.execute(lab), ""
    notebook = labs.read(lab) if place == lab else nbformat.read(place, as_version=4)
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        install = f"%pip install --quiet git+https://github.com/{repository}"
        cell = nbformat.v4.new_code_cell(install, id="install", metadata={"tags": ["install"]})
        notebook.cells.insert(0, cell)
    page.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, page)
    return note


def wait_for(lab: Path) -> str:
    """Ask for a lab to be executed beside the server, and say so."""
    if lab_runs.kept(lab) in failed:
        return "This lab stopped with an error, which stands in the terminal of `make serve`."
    waiting.put(lab)
    return "This lab is being executed; its outputs appear here when it is done."


def execute_waiting() -> None:
    """Execute labs one after another, for as long as the server runs."""
    while lab := waiting.get():
        state = lab_runs.kept(lab)
        try:
            lab_runs.execute(lab)
        except PluginError as error:
            failed.add(state)
            log.error(str(error))


def make_portable(notebook: Path, page: str, site: str) -> None:
    """Take out of a notebook what only this site knows: its colours, and its links.

    Args:
        notebook: The file, which changes.
        page: The lab, from `docs/` on.
        site: The address of the site, to which links then lead; without it, only their text stays.
    """

    def lead(link: re.Match[str]) -> str:
        text, target, anchor = link.groups(default="")
        place = PurePosixPath(normpath(join(dirname(page), target))).with_suffix("")
        place = place.parent if place.name == "index" else place
        address = "" if place == PurePosixPath() else f"{place}/"
        return f"[{text}]({site.rstrip('/')}/{address}{anchor})" if site else text

    content = nbformat.read(notebook, as_version=4)
    for cell in content.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lead, without_colours(cell.source))
    nbformat.write(content, notebook)


def links(folder: str, name: str) -> str:
    """Offer the notebook: to keep, and to open in Colab when the repository is known.

    Colab opens what lies in a repository: publishing puts the notebooks of the site on a branch.
    """
    offers = [f'<a href="{name}" download>Download notebook (.ipynb)</a>']
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        place = f"https://colab.research.google.com/github/{repository}/blob/notebooks"
        offers.append(f'<a href="{place}/{folder}{name}">Open in Colab</a>')
    return f'<p class="downloads" data-search-exclude>{" · ".join(offers)}</p>'


def drawings(markdown: str) -> str:
    """Let drawings take the site's colours, which follow light and dark, and drop their preface."""
    if "<svg" not in markdown:
        return markdown
    from attention.inspection.plots import COLOURS  # here, because it brings torch along

    preface = r"<\?xml.*?(?=<svg)|<metadata>.*?</metadata>|(?<=<g) id=\"\w*\""
    markdown = re.sub(preface, "", markdown, flags=re.DOTALL)
    for name, colour in COLOURS.items():
        markdown = markdown.replace(colour.lower(), f"var(--{name})")
    return markdown


# MkDocs.


def on_startup(command: str, dirty: bool) -> None:
    """Remember whether a server waits for the pages."""
    global serving
    serving = command == "serve"


def on_serve(server: LiveReloadServer, config: MkDocsConfig, builder: Any) -> LiveReloadServer:
    """Execute labs beside the server, which shows the page again when a lab is done."""
    lab_runs.KEPT.mkdir(parents=True, exist_ok=True)
    server.watch(str(lab_runs.KEPT))
    Thread(target=execute_waiting, daemon=True).start()
    return server


def on_page_read_source(page: Page, config: MkDocsConfig) -> str | None:
    """Let mkdocs-jupyter turn a lab into Markdown; from here on it is a page like any other."""
    if not page.file.src_uri.endswith(".py"):
        return None
    lab = Path(str(page.file.abs_src_path))
    notebook = Path(page.file.abs_dest_path).with_name(f"{lab.stem}.ipynb")
    note = notebook_for_page(lab, notebook)
    page.file.abs_src_path = str(notebook)
    page.render(config, Files([]))  # mkdocs-jupyter's own, with our template
    del page.render
    make_portable(notebook, page.file.src_uri, config.site_url or "")
    markdown = drawings(unescape(str(page.content).partition("<")[0]))
    top = links(page.url, notebook.name) + (f'\n<p class="lab-note">{note}</p>' if note else "")
    markdown = re.sub(r"\A(\s*# .*\n)?", rf"\g<0>\n{top}\n", markdown, count=1)
    return f"---\n{yaml.safe_dump(labs.front_matter(lab))}---\n{markdown}"
