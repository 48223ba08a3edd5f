"""The weights of the playground: the Transformer that its chapter trains, in half precision.

The lab of the chapter saves its translator beside its outputs (`tools.lab_runs`). It is saved
again with 16 bits a weight, in the files that the package itself reads, and published with the
site. A page that has `checksum="<!--weights translator-->"` gets their checksum and their size
there, so that a browser can tell a file of another build. A site whose lab wasn't executed has no
weights, and says so.

With the weights come held-out sentences, and what two earlier translators make of them.
"""

import json
import os
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from safetensors import safe_open

from tools import lab_runs, labs

LAB = labs.ROOT / "docs" / "models" / "transformer.py"
OTHERS = labs.ROOT / "docs" / "before-attention" / "first-attention-lab.py"
SAVED = "transformer"  # by the lab, in the folder of its files
PLACE = "assets/weights/translator"
MARK = 'checksum="<!--weights translator-->"'
NAMES = ("translator.json", "model.safetensors")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Publish the weights, if the lab has been executed."""
    if folder := weights():
        for name in NAMES:
            source = str(folder / name)
            files.append(File.generated(config, f"{PLACE}/{name}", abs_src_path=source))
        files.append(File.generated(config, f"{PLACE}/sentences.json", content=sentences()))
    return files


def on_page_content(html: str, **_: object) -> str:
    """Tell the page which weights were published with it; none, if the lab wasn't executed."""
    if MARK not in html:
        return html
    return html.replace(MARK, identity(folder) if (folder := weights()) else "")


def identity(folder: Path) -> str:
    """The checksum that is in the weights' file, and the size of the file."""
    path = folder / NAMES[1]
    with safe_open(path, "numpy") as file:
        checksum = file.metadata()["crc32"]
    return f'checksum="{checksum}" bytes="{path.stat().st_size}"'


def sentences() -> str:
    """Held-out sentences, as JSON, with the translations that other labs have made of them."""
    made = lab_runs.kept(OTHERS).with_suffix("") / "translations.json"
    if made.exists():
        return made.read_text("utf-8")
    from attention.data import toy

    return json.dumps({"source": [*toy.held_out(), *(p.source for p in toy.pairs("test", 200))]})


@cache
def weights() -> Path | None:
    """The folder with the weights that the site publishes, or None."""
    if os.environ.get("LABS") == "skip" or not lab_runs.kept(LAB).exists():
        return None
    return half_precision(lab_runs.kept(LAB).with_suffix("") / SAVED)


def half_precision(trained: Path) -> Path:
    """Save a translator again with 16 bits a weight, in a folder beside it; give the folder."""
    folder = trained.with_name(f"{trained.name}-half")
    if not (folder / NAMES[1]).exists():
        from attention import Translator  # here: it brings torch along

        translator = Translator.load(trained)
        translator.model.half()
        translator.save(folder)
    return folder
