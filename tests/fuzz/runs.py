"""Tiny trained runs in a folder of their own, in which every command of the fuzz test runs."""

import os
import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from attention.tasks.runs import LanguageModelRun, MaskedLMRun, TranslationRun
from attention.training.trainer import TrainingConfig
from tests.cli.commands import SENTENCES, TEXT, TRANSLATIONS
from tests.fuzz.command import Outcome, contents, run

GPT = {"d_model": 8, "n_heads": 2, "n_layers": 1, "max_len": 32}
KINDS = {
    "words": (TranslationRun, "bahdanau", {"d_model": 16, "d_embedding": 16}),
    "subwords": (TranslationRun, "transformer", {"d_model": 8, "n_heads": 2, "subwords": 60}),
    "gpt": (LanguageModelRun, "gpt", GPT | {"subwords": 270}),
    "llama": (LanguageModelRun, "llama", GPT | {"subwords": 270}),
    "bert": (MaskedLMRun, "bert", GPT | {"subwords": 60}),
}
STEPS = {"words": 80}
USES = {  # a command that shows all of a model, by the name of its run
    "words": ["translate", "words", "They arrived .", "They left early .", "--beam", "2"],
    "subwords": ["translate", "subwords", "They arrived .", "They left early .", "--json"],
    "gpt": ["generate", "gpt", "The agreement", "--tokens", "8", "--temperature", "0"],
    "llama": ["generate", "llama", "The agreement", "--tokens", "8", "--temperature", "0"],
    "bert": ["fill", "bert", "the [MASK] area", "--json"],
}
RESUMED = {  # a run that was stopped two steps before its end
    "half-words": ["train", "translation", "--out", "half-words", "--resume"],
    "half-gpt": ["train", "language", "--out", "half-gpt", "--resume"],
    "half-bert": ["train", "language", "--out", "half-bert", "--resume"],
}


class Bench:
    """A folder with `pairs.tsv`, `text.txt` and the runs of `KINDS`, which is the current one.

    Each run is there finished, and as `half-…` stopped before its last two steps.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.chdir(folder)
        lines = [f"{pair[0]}\t{pair[1]}" for pair in zip(SENTENCES, TRANSLATIONS, strict=True)]
        Path("pairs.tsv").write_text("\n".join(lines * 6), encoding="utf-8")
        Path("text.txt").write_text(TEXT, encoding="utf-8")
        self._references: dict[tuple[str, ...], tuple[Outcome, dict[str, bytes]]] = {}
        for name, (kind, arch, sizes) in KINDS.items():
            data = ["pairs.tsv" if kind is TranslationRun else "text.txt"]
            for out, steps, done in (name, STEPS.get(name, 3), 99), (f"half-{name}", 4, 2):
                if out in (*USES, *RESUMED) and not Path(out).exists():
                    config = TrainingConfig(
                        steps=steps, tokens_per_batch=60, lr=1e-2, warmup=2, average_fraction=0.75
                    )
                    begun = kind.begin(Path(out), arch, data, config, "cpu", **sizes)
                    trained = begun.steps()
                    list(islice(trained, done))
                    trained.close()
                    shutil.copytree(out, f"original-{out}")

        self._own = set(folder.iterdir())

    def clean(self) -> None:
        """Remove what a command has written into the folder."""
        for path in set(self.folder.iterdir()) - self._own:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def restore(self, name: str) -> Path:
        """The folder of a run, as it was in the beginning."""
        shutil.rmtree(name, ignore_errors=True)
        shutil.copytree(f"original-{name}", name)
        return Path(name)

    def reference(self, name: str) -> tuple[Outcome, dict[str, bytes]]:
        """What the command for an undamaged run prints, and the weights that are there then."""
        command = tuple(command_for(name))
        if command not in self._references:
            folder = self.restore(name)
            self._references[command] = run(command), weights_of(contents(folder))
            self.restore(name)
        return self._references[command]


def weights_of(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a run that its resumption determines to the last bit."""
    return {name: content for name, content in files.items() if name.endswith(".safetensors")}


def command_for(name: str) -> Sequence[str]:
    """The command that uses a run, or resumes it."""
    return (USES | RESUMED)[name]
