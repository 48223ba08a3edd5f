"""Labs: notebooks written as `docs/**/*.py` (jupytext's percent format) and shown as pages.

A lab is executed once for each state of its text, the package and the pinned versions, and kept
under `.cache/labs`. mkdocs-jupyter makes the page from what was kept, and offers it for download.
`LABS=skip` shows labs without executing them; `mkdocs serve` executes them beside the server.
"""

import hashlib
import logging
import os
import re
from html import unescape
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import jupytext
import nbformat
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs_jupyter.config import settings
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

log = logging.getLogger("mkdocs.labs")

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".cache" / "labs"
FRONT_MATTER = re.compile(r"\A# ---\n(.*?)^# ---\n", re.MULTILINE | re.DOTALL)
ENVIRONMENT = {  # the same for every lab: one thread, no GPU, no screen, no progress bars
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "MPLBACKEND": "agg",
    "TQDM_DISABLE": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}

# Our templates write Markdown: a page of mkdocs-jupyter's own weighs 654 KB before its text.
settings.templates_dir = str(ROOT / "tools" / "lab_templates")
serving = False
waiting: SimpleQueue[Path] = SimpleQueue()
failed: set[Path] = set()


# A lab and its execution.


def front_matter(lab: Path) -> dict[str, Any]:
    """Read a lab's header: the navigation's keys, between two lines `# ---` at the top."""
    found = FRONT_MATTER.match(lab.read_text("utf-8"))
    header = yaml.safe_load(re.sub(r"^# ?", "", found[1], flags=re.MULTILINE)) if found else None
    return {key: value for key, value in (header or {}).items() if key != "jupyter"}


def read(lab: Path) -> NotebookNode:
    """Read a lab as a notebook, its header left out."""
    text = FRONT_MATTER.sub("", lab.read_text("utf-8")).lstrip()
    notebook: NotebookNode = jupytext.reads(text, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same in every build
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def kept(lab: Path) -> Path:
    """Say where a lab's outputs are kept: a new name whenever anything they depend on changes."""
    state = hashlib.sha256()
    for path in [lab, ROOT / "constraints.txt", Path(__file__), *sorted(ROOT.glob("src/**/*.py"))]:
        state.update(path.read_bytes())
    return KEPT / f"{lab.stem}-{state.hexdigest()[:16]}.ipynb"


def execute(lab: Path) -> Path:
    """Execute a lab, unless its outputs are kept already, and give their place.

    Raises:
        PluginError: a cell failed, or draws without saying what; the message names the cell.
    """
    place = kept(lab)
    if place.exists():
        return place
    log.info(f"Executing the lab {lab.name}; its outputs will be kept in {KEPT}")
    notebook = read(lab)
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=900,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute(env=os.environ | ENVIRONMENT)
        except (CellControlSignal, DeadKernelError) as error:
            trace = strip_ansi(str(error))
            raise PluginError(f"{lab.name}: {cell_that_failed(notebook)}\n{trace}") from None
    if kept(lab) != place:
        return execute(lab)  # something changed meanwhile: these outputs may be of neither state
    if silent := picture_without_words(notebook):
        raise PluginError(f"{lab.name}: {silent}")
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(f".{os.getpid()}")
    nbformat.write(notebook, unfinished)
    unfinished.replace(place)
    return place


def cell_that_failed(notebook: NotebookNode) -> str:
    """Name the cell whose output is an error."""
    for number, cell in enumerate(notebook.cells, start=1):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return f"cell {number} of {len(notebook.cells)} failed"
    return "a cell failed"


def picture_without_words(notebook: NotebookNode) -> str:
    """Name the first cell that draws and does not say, for those who listen, what is to be seen."""
    for number, cell in enumerate(notebook.cells, start=1):
        shown = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in shown) and not cell.metadata.get("alt"):
            cells = f"cell {number} of {len(notebook.cells)}"
            return f'{cells} draws a picture: say what it shows, with `# %% alt="..."` above it'
    return ""


# A lab as a page.


def notebook_for_page(lab: Path, page: Path) -> str:
    """Write the notebook that is shown and offered, and say what a reader must know of it."""
    if os.environ.get("LABS") == "skip":
        place, note = lab, "This lab was not executed here, so it shows no output."
    elif serving and not kept(lab).exists():
        place, note = lab, wait_for(lab)
    else:
        place, note = execute(lab), ""
    notebook = read(lab) if place == lab else nbformat.read(place, as_version=4)
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        install = f"%pip install --quiet git+https://github.com/{repository}"
        cell = nbformat.v4.new_code_cell(install, id="install", metadata={"tags": ["install"]})
        notebook.cells.insert(0, cell)
    page.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, page)
    return note


def wait_for(lab: Path) -> str:
    """Ask for a lab to be executed beside the server, and say so."""
    if kept(lab) in failed:
        return "This lab stopped with an error, which stands in the terminal of `make serve`."
    waiting.put(lab)
    return "This lab is being executed; its outputs appear here when it is done."


def execute_waiting() -> None:
    """Execute labs one after another, for as long as the server runs."""
    while lab := waiting.get():
        state = kept(lab)
        try:
            execute(lab)
        except PluginError as error:
            failed.add(state)
            log.error(str(error))


def links(folder: str, name: str) -> str:
    """Offer the notebook: to keep, and to open in Colab when the repository is known.

    Colab opens what lies in a repository: publishing puts the notebooks of the site on a branch.
    """
    offers = [f'<a href="{name}" download>Download notebook (.ipynb)</a>']
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        place = f"https://colab.research.google.com/github/{repository}/blob/notebooks"
        offers.append(f'<a href="{place}/{folder}{name}">Open in Colab</a>')
    return f'<p class="lab-links">{" · ".join(offers)}</p>'


def drawings(markdown: str) -> str:
    """Let drawings take the site's colours, which follow light and dark, and drop their preface."""
    if "<svg" not in markdown:
        return markdown
    from attention.plots import COLOURS  # here, because it brings torch along

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
    KEPT.mkdir(parents=True, exist_ok=True)
    server.watch(str(KEPT))
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
    markdown = drawings(unescape(str(page.content).partition("<")[0]))
    top = links(page.url, notebook.name) + (f'\n<p class="lab-note">{note}</p>' if note else "")
    markdown = re.sub(r"\A(\s*# .*\n)?", rf"\g<0>\n{top}\n", markdown, count=1)
    return f"---\n{yaml.safe_dump(front_matter(lab))}---\n{markdown}"
