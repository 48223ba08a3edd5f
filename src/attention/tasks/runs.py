"""A training run kept in a folder, so that it can be stopped and taken up again."""

import os
from abc import ABC
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch

from attention.checkpoints import load_json, load_tensors, save_json, save_tensors
from attention.data import Pair, parallel, toy
from attention.data.prose import read_paragraphs, read_texts
from attention.errors import BadInput
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import Reader, reading_trainer
from attention.tasks.objectives import language_trainer, translation_trainer
from attention.tasks.translation import Translator
from attention.training.trainer import TrainingConfig

__all__ = ["LanguageRun", "ReadingRun", "Run", "TranslationRun", "choose_device", "read_data"]

TOY_SIZES = {"train": 50_000, "valid": 500, "test": 1_000}
SAVE_EVERY = 200  # steps

AnyRun = TypeVar("AnyRun", bound="Run")


def read_data(data: Sequence[str], split: str = "train") -> list[Pair]:
    """The sentence pairs that the command's `--data` means.

    Args:
        data: `toy`, `toy-train`, `toy-valid` or `toy-test`; one tab-separated file; or two
            line-aligned files, the source first.
        split: Which part of the toy corpus plain `toy` means.

    Raises:
        BadInput: A file cannot be used; the message says which, where and why.
    """
    if len(data) == 1 and data[0] in {"toy", *(f"toy-{name}" for name in TOY_SIZES)}:
        split = data[0].removeprefix("toy").lstrip("-") or split
        return toy.pairs(split, TOY_SIZES[split])
    return parallel.read_pairs([Path(name) for name in data])


class Run(ABC):
    """Something that learns, what it learns from, and the folder where both are kept.

    Attributes:
        data: Where the corpus comes from, in the words of the command's `--data`.
        subwords: How many pieces of words the vocabulary was asked to have.
        corpus: What it learns from.
        learner: What is being trained.
        trainer: How far it has come; `trainer.step` of `trainer.config.steps`.
    """

    kind: type[Any]  # of the learner
    read: Callable[[Sequence[str]], Sequence[Any]]
    teach: Callable[[Any, Sequence[Any], TrainingConfig], Any]

    def __init__(
        self,
        folder: Path,
        data: Sequence[str],
        corpus: Sequence[Any],
        learner: Any,
        config: TrainingConfig,
        subwords: int | None = None,
    ) -> None:
        self.folder, self.data, self.corpus, self.learner = folder, list(data), corpus, learner
        self.subwords = subwords
        self.trainer = type(self).teach(learner, corpus, config)

    @classmethod
    def begin(
        cls: type[AnyRun],
        folder: Path,
        arch: str,
        data: Sequence[str],
        config: TrainingConfig,
        device: str,
        subwords: int | None = None,
        **sizes: Any,
    ) -> AnyRun:
        """Make the folder and an untrained learner; `sizes` change its Config.

        Raises:
            BadInput: The folder holds a run already or cannot be written, or the data are bad.
        """
        if (folder / "run.json").exists():
            raise BadInput(
                f"{folder}: holds a run already; continue it with --resume, or give another --out"
            )
        _must_be_writable(folder)
        corpus = cls.read(data)
        try:
            learner = cls.kind.new(arch, corpus, config.seed, subwords, **sizes)
        except ValueError as error:  # heads that cannot share a width
            raise BadInput(f"--arch {arch}: {error}") from error
        learner.model.to(device)
        run = cls(folder, data, corpus, learner, config, subwords)
        _make(folder)
        run.save()
        return run

    @classmethod
    def resume(cls: type[AnyRun], folder: Path, device: str) -> AnyRun:
        """Take up a run where it was last saved.

        Raises:
            BadInput: The folder holds no run, or a damaged one.
        """
        if not (folder / "run.json").exists():
            raise BadInput(f"{folder}: holds no run to resume; leave --resume out to begin one")
        settings = load_json(folder / "run.json")
        learner = cls.kind.load(folder)
        learner.model.to(device)
        try:
            data, config = settings["data"], TrainingConfig(**settings["training"])
            pieces = settings.get("subwords")
            run = cls(folder, data, cls.read(data), learner, config, pieces)
            run.trainer.load_state(load_tensors(folder / "training.safetensors"))
        except (KeyError, TypeError, RuntimeError) as error:
            raise BadInput(f"{folder}: damaged run ({str(error).splitlines()[0]})") from error
        return run

    def steps(self) -> Generator[float, None, None]:
        """Train to the end, giving out each step's loss, and save now and then.

        Whatever stops it between two steps, an exception thrown in included, the run is saved.
        """
        try:
            for loss in self.trainer.steps():
                if self.trainer.step % SAVE_EVERY == 0:
                    self.save()
                yield loss
        finally:
            self.save()

    def save(self) -> None:
        """Write the learner and all that `resume` needs."""
        self.learner.save(self.folder)
        save_tensors(self.folder / "training.safetensors", self.trainer.state())
        training = asdict(self.trainer.config)
        settings = {"data": self.data, "training": training, "subwords": self.subwords}
        save_json(self.folder / "run.json", settings)


class TranslationRun(Run):
    """A translator in training, on sentence pairs."""

    kind, read, teach = Translator, staticmethod(read_data), staticmethod(translation_trainer)
    learner: Translator


class LanguageRun(Run):
    """A language model in training, on texts."""

    kind, read, teach = LanguageModel, staticmethod(read_texts), staticmethod(language_trainer)
    learner: LanguageModel


class ReadingRun(Run):
    """A reader in training, on paragraphs."""

    kind, read, teach = Reader, staticmethod(read_paragraphs), staticmethod(reading_trainer)
    learner: Reader


def _must_be_writable(folder: Path) -> None:
    """Find out before an hour of training, not after it."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise BadInput(f"{folder}: cannot be written, because of {there}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made ({error.strerror})") from error


def choose_device(name: str | None) -> str:
    """The device asked for, or the fastest one there is.

    Raises:
        BadInput: This machine has no such device.
    """
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(f"--device {name}: not on this machine; leave it out") from error
    return name
