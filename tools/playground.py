"""The models of the playground, published with the site.

The Transformer is the one that the lab of its chapter trains, which saves its translator beside its
outputs (`tools.lab_runs`). The GPT and the model with an induction head are those of the blocks of
their pages (`tools.page_models`). All have 16 bits a weight, and the files that the package itself
reads. A page that has `checksum="<!--weights NAME-->"`, of one model or of several, gets the
checksum of each there, and their size, so that a browser can tell a file of another build. A site
whose labs aren't executed has no weights, and says so.

With the Transformer come held-out sentences, and what two earlier translators make of them.
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
SAVED = "transformer"  # by the lab, in the folder of its files
OTHERS = labs.ROOT / "docs" / "before-attention" / "first-attention-lab.py"
NAMES = ("translator.json", "model.safetensors")
PAGES = {  # the page of a model, and what it is called there
    "gpt": (MODELS / "gpt.md", "model"),
    "induction": (MODELS / "induction-heads.md", "two_layers"),
}
PAGE = "playground.md"  # without it nothing is made
WEIGHTS = "assets/weights"
PLACE = f"{WEIGHTS}/translator"
MARK = re.compile(r'checksum="<!--weights ([\w ]+)-->"')
serving = False


def on_startup(command: str, dirty: bool) -> None:
    """Remember whether a server waits for the pages: it doesn't wait for a training."""
    global serving
    serving = command == "serve"


def on_serve(server: LiveReloadServer, config: MkDocsConfig, builder: Any) -> LiveReloadServer:
    """Train what pages train beside the server, which shows them again when it is done."""
    if os.environ.get("LABS") != "skip":
        Thread(target=train_pages, daemon=True).start()
    return server


def train_pages() -> None:
    """Train the models of all pages that aren't kept yet."""
    for page, name in PAGES.values():
        page_models.train(page, name)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Publish the models, with sentences to read; a build first makes those that aren't there."""
    if not files.get_file_from_path(PAGE):
        return files
    if not serving and os.environ.get("LABS") != "skip":
        for lab in (LAB, OTHERS):
            lab_runs.execute(lab)
        train_pages()
    for name in ("translator", *PAGES):
        if folder := weights(name):
            place = f"{WEIGHTS}/{name}"
            for path in sorted(folder.iterdir()):
                files.append(File.generated(config, f"{place}/{path.name}", abs_src_path=str(path)))
            if texts := {"translator": sentences, "gpt": prompts}.get(name):
                files.append(File.generated(config, f"{place}/sentences.json", content=texts()))
    return files


def on_page_content(html: str, **_: object) -> str:
    """Tell the page which weights were published with it; none, if one of its models is missing."""

    def known(mark: re.Match[str]) -> str:
        folders = [folder for name in mark[1].split() if (folder := weights(name))]
        return identity(*folders) if len(folders) == len(mark[1].split()) else ""

    return MARK.sub(known, html)


def identity(*folders: Path) -> str:
    """The checksum that is in each file of weights, and the size of these files together."""
    paths = [folder / NAMES[1] for folder in folders]
    checksums = []
    for path in paths:
        with safe_open(path, "numpy") as file:
            checksums.append(file.metadata()["crc32"])
    size = sum(path.stat().st_size for path in paths)
    return f'checksum="{" ".join(checksums)}" bytes="{size}"'


def sentences() -> str:
    """Held-out sentences, as JSON, with the translations that other labs have made of them."""
    made = lab_runs.kept(OTHERS).with_suffix("") / "translations.json"
    if made.exists():
        return made.read_text("utf-8")
    from attention.data import toy

    return json.dumps({"source": [*toy.held_out(), *(p.source for p in toy.pairs("test", 200))]})


def prompts() -> str:
    """Sentences of the GPT's vocabulary that it wasn't trained on, as JSON."""
    from attention.data import toy

    return json.dumps([f"{pair.source} =" for pair in toy.small_world("test", 3_000)])


def weights(name: str) -> Path | None:
    """The folder with a model that the site publishes, or None if there is none."""
    if os.environ.get("LABS") == "skip":
        return None
    if name in PAGES:
        folder = page_models.kept(PAGES[name][0])
        return folder if folder.exists() else None
    kept = lab_runs.kept(LAB)
    return half_precision(kept.with_suffix("") / SAVED) if kept.exists() else None


def half_precision(trained: Path) -> Path:
    """Save a translator again with 16 bits a weight, in a folder beside it; give the folder."""
    folder = trained.with_name(f"{trained.name}-half")
    if not (folder / NAMES[1]).exists():
        from attention import Translator  # here: it brings torch along

        translator = Translator.load(trained)
        translator.model.half()
        translator.save(folder)
    return folder
