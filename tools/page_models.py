"""The models that a page trains in its own Python blocks, in half precision, for the playground.

The blocks are executed as a reader would, in order, up to the first that calls a `Trainer`, in a
process of its own. What it trained is kept as the outputs of a lab are (`tools.lab_runs`), so it is
trained once for each state of the page, the package and the pinned versions.
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


def trained(page: Path, model: str) -> Path:
    """Train what the page calls `model`, unless it is kept already, and give its folder.

    Raises:
        PluginError: the blocks of the page failed; the message is theirs.
    """
    place = lab_runs.kept(page).with_suffix("")
    if place.exists():
        return place
    lab_runs.log.info(f"Training the model of {page.name}; it will be kept in {lab_runs.KEPT}")
    lab_runs.KEPT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=lab_runs.KEPT) as temporary:
        folder = Path(temporary, "files")
        command = [sys.executable, "-m", __name__, str(page), model, str(folder)]
        environment = os.environ | lab_runs.ENVIRONMENT
        done = subprocess.run(
            command, cwd=labs.ROOT, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise PluginError(f"{page.name}: {done.stderr}")
        with suppress(OSError):  # another process was faster
            folder.rename(place)
    return place


def run(page: Path) -> dict[str, Any]:
    """Execute the blocks of a page up to the first that trains, and give its names."""
    last = next(b for b in find_blocks(page) if "Trainer(" in b.code and not b.is_excerpt)
    names: dict[str, Any] = {}
    for block in [*last.needs, last]:
        exec(compile(block.code, f"{page.name}:{block.lineno}", "exec"), names)
    return names


def save(names: dict[str, Any], model: str, folder: Path) -> None:
    """Save a GPT with 16 bits a weight; its config, and its tokenizer where the page has one."""
    from attention.checkpoints import save_json, save_tensors  # here: they bring torch along

    gpt = names[model]
    settings: dict[str, Any] = {"arch": "gpt", "config": asdict(gpt.config)}
    if "tokenizer" in names:
        settings["tokenizer"] = names["tokenizer"].to_dict()
    save_json(folder / NAMES[0], settings)
    save_tensors(folder / NAMES[1], gpt.half().state_dict())


if __name__ == "__main__":
    page, model, folder = sys.argv[1:]
    save(run(Path(page)), model, Path(folder))
