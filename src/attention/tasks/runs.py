"""A training run kept in a folder, so that it can be stopped and taken up again."""

import os
from abc import ABC
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from attention.checkpoints import load_json, load_tensors, save_json, save_tensors
from attention.data.parallel import load_pairs
from attention.data.prose import read_paragraphs, read_texts
from attention.errors import BadInput
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM, retrieval_trainer
from attention.tasks.objectives import language_trainer, translation_trainer
from attention.tasks.old_files import current_tensors, current_training
from attention.tasks.translation import Translator
from attention.training.trainer import TrainingConfig

__all__ = ["LanguageModelRun", "MaskedLMRun", "Run", "TranslationRun"]

SAVE_EVERY = 200  # steps

AnyRun = TypeVar("AnyRun", bound="Run")


class Run(ABC):
    """Something that learns, what it learns from, and the folder where both are kept.

    Attributes:
        data: Where the corpus comes from, in the words of the command's `--data`.
        subwords: How many pieces of words the vocabulary was asked to have.
        corpus: What it learns from.
        task: What is being trained.
        trainer: How far it has come; `trainer.step` of `trainer.config.steps`.
    """

    task_class: type[Any]  # of the task
    read: Callable[[Sequence[str]], Sequence[Any]]
    make_trainer: Callable[[Any, Sequence[Any], TrainingConfig], Any]

    def __init__(
        self,
        folder: Path,
        data: Sequence[str],
        corpus: Sequence[Any],
        task: Any,
        config: TrainingConfig,
        subwords: int | None = None,
    ) -> None:
        self.folder, self.data, self.corpus, self.task = folder, list(data), corpus, task
        self.subwords = subwords
        self.trainer = type(self).make_trainer(task, corpus, config)

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
        """Make the folder and an untrained task; `sizes` change its Config.

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
            task = cls.task_class.new(arch, corpus, config.seed, subwords, **sizes)
        except ValueError as error:  # heads that cannot share a width
            raise BadInput(f"--arch {arch}: {error}") from error
        task.model.to(device)
        run = cls(folder, data, corpus, task, config, subwords)
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
        task = cls.task_class.load(folder)
        task.model.to(device)
        try:
            data = settings["data"]
            config = TrainingConfig(**current_training(settings["training"]))
            pieces = settings.get("subwords")
            run = cls(folder, data, cls.read(data), task, config, pieces)
            state = load_tensors(folder / "training.safetensors")
            run.trainer.load_state(current_tensors(state))
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
        """Write the task and all that `resume` needs."""
        self.task.save(self.folder)
        save_tensors(self.folder / "training.safetensors", self.trainer.state())
        training = asdict(self.trainer.config)
        settings = {"data": self.data, "training": training, "subwords": self.subwords}
        save_json(self.folder / "run.json", settings)


class TranslationRun(Run):
    """A translator in training, on sentence pairs."""

    task_class = Translator
    read = staticmethod(load_pairs)
    make_trainer = staticmethod(translation_trainer)
    task: Translator


class LanguageModelRun(Run):
    """A language model in training, on texts."""

    task_class = LanguageModel
    read = staticmethod(read_texts)
    make_trainer = staticmethod(language_trainer)
    task: LanguageModel


class MaskedLMRun(Run):
    """A reader in training, on paragraphs."""

    task_class = MaskedLM
    read = staticmethod(read_paragraphs)
    make_trainer = staticmethod(retrieval_trainer)
    task: MaskedLM


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
