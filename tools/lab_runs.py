"""The execution of labs.

A lab is executed once for each state of its text, the package and the pinned versions. Its outputs
are kept under `.cache/labs`, and the files that it writes beside them. A cell tagged
`raises-exception` must raise, and no other may; one tagged `solution` is folded. `tools.lab_pages`
makes the pages.
"""

import hashlib
import logging
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from mkdocs.exceptions import PluginError
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from tools.labs import ROOT, is_tagged, named_cells, read

log = logging.getLogger("mkdocs.labs")

KEPT = ROOT / ".cache" / "labs"
ENVIRONMENT = {  # the same for every lab: one thread, no GPU, no screen, no progress bars
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "MPLBACKEND": "agg",
    "TQDM_DISABLE": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def kept(lab: Path) -> Path:
    """Say where a lab's outputs are kept: a new name whenever anything they depend on changes."""
    state = hashlib.sha256()
    for path in [lab, ROOT / "constraints.txt", Path(__file__), *sorted(ROOT.glob("src/**/*.py"))]:
        state.update(path.read_bytes())
    return KEPT / f"{lab.stem}-{state.hexdigest()[:16]}.ipynb"


def execute(lab: Path) -> Path:
    """Execute a lab, unless its outputs are kept already, and give their place.

    The files that it writes are kept too, in the folder of the same name without `.ipynb`, so that
    what a lab trains can be loaded.

    Raises:
        PluginError: a cell failed, or did not although it is there to fail, or draws without
            saying what; the message names the cell.
    """
    place = kept(lab)
    if place.exists():
        return place
    log.info(f"Executing the lab {lab.name}; its outputs will be kept in {KEPT}")
    notebook = read(lab)
    KEPT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=KEPT) as folder:
        files, outputs = Path(folder, "files"), Path(folder, place.name)
        files.mkdir()
        run(notebook, files, lab.name)
        if fault := cell_without_error(notebook) or picture_without_words(notebook):
            raise PluginError(f"{lab.name}: {fault}")
        nbformat.write(notebook, outputs)
        if kept(lab) == place:
            with suppress(OSError):  # another process was faster
                files.rename(place.with_suffix(""))
            outputs.replace(place)
    return execute(lab)  # anew, if something changed meanwhile: these may be of neither state


def run(notebook: NotebookNode, folder: Path, name: str) -> None:
    """Run all cells of a notebook in a folder; its outputs stand in it afterwards."""
    client = NotebookClient(
        notebook,
        timeout=900,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env=os.environ | ENVIRONMENT)
    except (CellControlSignal, DeadKernelError) as error:
        trace = strip_ansi(str(error))
        raise PluginError(f"{name}: {cell_that_failed(notebook)}\n{trace}") from None


def raises(cell: NotebookNode) -> bool:
    """Whether the output of a cell is an error."""
    return any(output.output_type == "error" for output in cell.get("outputs", []))


def cell_that_failed(notebook: NotebookNode) -> str:
    """Name the cell whose output is an error, and that is not there to fail."""
    for name, cell in named_cells(notebook):
        if raises(cell) and not is_tagged(cell, "raises-exception"):
            return f"{name} failed"
    return "a cell failed"


def cell_without_error(notebook: NotebookNode) -> str:
    """Name the first cell that is there to fail, and does not."""
    for name, cell in named_cells(notebook):
        if is_tagged(cell, "raises-exception") and not raises(cell):
            return f"{name} is tagged `raises-exception`, but raises nothing"
    return ""


def picture_without_words(notebook: NotebookNode) -> str:
    """Name the first cell that draws and does not say, for those who listen, what is to be seen."""
    for name, cell in named_cells(notebook):
        shown = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in shown) and not cell.metadata.get("alt"):
            return f'{name} draws a picture: say what it shows, with `# %% alt="..."` above it'
    return ""
