"""The models of the playground, published with the site.

The Transformer is the one that the lab of its chapter trains; the lab saves its translator beside
its outputs (`tools.lab_runs`). The GPT and the model with an induction head are trained by the
blocks of their pages (`tools.page_models`). All are saved with 16 bits a weight, in the files that
the package itself reads. A page that has `checksum="<!--weights NAME-->"`, of one model or of several,
gets their checksums and their size there, so that a browser can tell a file of another build. A
site whose labs aren't executed has no weights, and says so.
"""

import json
import os
import re
from pathlib import Path
from threading import Thread
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import File, Files
from safetensors import safe_open

from tools import lab_runs, labs, page_models

MODELS = labs.ROOT / "docs" / "models"
LAB = MODELS / "transformer.py"
PAGES = {  # the page of each model, and what it is called there
    "gpt": (MODELS / "gpt.md", "model"),
    "induction": (MODELS / "induction-heads.md", "two_layers"),
}
MARK = re.compile(r'checksum="<!--weights ([\w ]+)-->"')
WEIGHTS = "model.safetensors"
serving = False


def on_startup(command: str, dirty: bool) -> None:
    """Remember whether a server waits for the pages: nothing is trained before it shows them."""
    global serving
    serving = command == "serve"


def on_serve(server: LiveReloadServer, config: MkDocsConfig, builder: Any) -> LiveReloadServer:
    """Train beside the server, which shows the pages again when a model is there."""
    if os.environ.get("LABS") != "skip":
        Thread(target=lambda: [page_models.trained(*page) for page in PAGES.values()], daemon=True).start()
    return server


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Publish the models that there are, each with texts that it wasn't trained on."""
    for name in ("translator", *PAGES):
        if folder := weights(name):
            place = f"assets/weights/{name}"
            for path in sorted(folder.iterdir()):
                files.append(File.generated(config, f"{place}/{path.name}", abs_src_path=str(path)))
            content = json.dumps(texts(name))
            files.append(File.generated(config, f"{place}/texts.json", content=content))
    return files


def on_page_content(html: str, **_: object) -> str:
    """Tell the page which weights were published with it; none, if one of its models is missing."""
    return MARK.sub(lambda mark: identity([weights(name) for name in mark[1].split()]), html)


def identity(folders: list[Path | None]) -> str:
    """The checksums that are in the files of the weights, and the size of the files together."""
    paths = [folder / WEIGHTS for folder in folders if folder]
    if len(paths) < len(folders):
        return ""
    checksums = []
    for path in paths:
        with safe_open(path, "numpy") as file:
            checksums.append(file.metadata()["crc32"])
    size = sum(path.stat().st_size for path in paths)
    return f'checksum="{" ".join(checksums)}" bytes="{size}"'


def texts(name: str) -> list[str]:
    """Texts for a model to read that it wasn't trained on."""
    from attention.data import toy

    if name == "translator":
        return [*toy.held_out(), *(pair.source for pair in toy.pairs("test", 200))]
    return [f"{pair.source} =" for pair in toy.small_world("test", 3_000)]


def weights(name: str) -> Path | None:
    """The folder with the weights of a model, or None if nothing is to be trained for it now."""
    if os.environ.get("LABS") == "skip":
        return None
    page, variable = PAGES.get(name, (LAB, ""))
    if serving and not lab_runs.kept(page).with_suffix("").exists():
        return None
    if name in PAGES:
        return page_models.trained(page, variable)
    return half_precision(lab_runs.execute(LAB).with_suffix("") / "transformer")


def half_precision(trained: Path) -> Path:
    """Save a translator again with 16 bits a weight, in a folder beside it; give the folder."""
    folder = trained.with_name(f"{trained.name}-half")
    if not (folder / WEIGHTS).exists():
        from attention import Translator  # here: it brings torch along

        translator = Translator.load(trained)
        translator.model.half()
        translator.save(folder)
    return folder
