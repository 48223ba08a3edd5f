"""The models that pages train in their own Python blocks, saved for the playground.

The blocks are executed in order, as a reader would, up to the first that calls a `Trainer`, in a
process of their own. What they trained is kept beside the outputs of the labs (`tools.lab_runs`):
it is trained once for each state of the page, the package and the pinned versions.
"""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.exceptions import PluginError

from tools import lab_runs, labs
from tools.blocks import find_blocks

NAMES = ("model.json", "model.safetensors")


def kept(page: Path) -> Path:
    """Say in which folder the model of a page is kept."""
    return lab_runs.kept(page).with_suffix("")


def train(page: Path, name: str) -> Path:
    """Train the GPT that a page calls `name`, unless it is kept already, and give its folder.

    Raises:
        PluginError: the blocks of the page failed; the message is theirs.
    """
    place = kept(page)
    if place.exists():
        return place
    lab_runs.log.info(f"Training the model of {page.name}; it will be kept in {lab_runs.KEPT}")
    lab_runs.KEPT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=lab_runs.KEPT) as temporary:
        folder = Path(temporary, "model")
        command = [sys.executable, "-m", __name__, str(page), name, str(folder)]
        settings = os.environ | lab_runs.ENVIRONMENT
        done = subprocess.run(command, cwd=labs.ROOT, env=settings, capture_output=True, text=True)
        if done.returncode:
            raise PluginError(f"{page.name}: its model can't be trained\n{done.stderr}")
        with suppress(OSError):  # another process was faster
            folder.rename(place)
    return place


def execute(page: Path) -> dict[str, Any]:
    """Execute the blocks of a page up to the first that trains, and give all names in them."""
    last = next(b for b in find_blocks(page) if "Trainer(" in b.code and not b.is_excerpt)
    names: dict[str, Any] = {}
    for block in [*last.needs, last]:
        exec(compile(block.code, f"{page.name}, line {block.lineno}", "exec"), names)
    return names


def save(names: dict[str, Any], name: str, folder: Path) -> None:
    """Save a GPT with 16 bits a weight, its config, and the page's tokenizer if there is one."""
    from attention.checkpoints import save_json, save_tensors  # here: they bring torch along

    model = names[name].half()
    settings: dict[str, Any] = {"arch": "gpt", "config": asdict(model.config)}
    if "tokenizer" in names:
        settings["tokenizer"] = names["tokenizer"].to_dict()
    save_json(folder / NAMES[0], settings)
    save_tensors(folder / NAMES[1], model.state_dict())


if __name__ == "__main__":
    page, name, folder = sys.argv[1:]
    save(execute(Path(page)), name, Path(folder))
