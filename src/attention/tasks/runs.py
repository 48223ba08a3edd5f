"""Training runs: kept in a folder, where they can be stopped and resumed."""

import os
from abc import ABC
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from attention.checkpoints import load_json, load_tensors, save_json, save_tensors
from attention.data.parallel import load_pairs
from attention.data.prose import read_paragraphs, read_texts
from attention.errors import BadInput, first_line
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.objectives import language_model_trainer, translation_trainer
from attention.tasks.old_files import current_tensors, current_training
from attention.tasks.retrieval_training import retrieval_trainer
from attention.tasks.translation import Translator
from attention.training.metrics_log import MetricsLog
from attention.training.trainer import TrainingConfig

__all__ = ["LanguageModelRun", "MaskedLMRun", "Run", "TranslationRun"]

SAVE_EVERY = 200  # steps

AnyRun = TypeVar("AnyRun", bound="Run")


class Run(ABC):
    """A task in training, its data and its trainer, with the folder of their checkpoints.

    Attributes:
        folder: It holds the saved task, `training.safetensors` (the trainer's checkpoint) and
            `run.json` (the settings), with `log.jsonl` (the metrics of training).
        data: Where the corpus comes from, as `--data` names it.
        subwords: Requested size of the subword vocabulary; None for the default.
        corpus: The training data.
        task: What is trained, a model with its tokenizer.
        trainer: Its `step` counts the updates, of `config.steps`.
    """

    task_class: type[Any]
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
        """Create the folder, and an untrained task in it.

        Args:
            folder: Created where it doesn't exist.
            device: Of the model.
            sizes: Arguments of the architecture's Config.

        Raises:
            BadInput: The folder holds a run already or can't be written, the data can't be used,
                or the Config is impossible.
        """
        if (folder / "run.json").exists():
            raise BadInput(
                f"{folder}: holds a run already; continue it with --resume, or give another --out"
            )
        _must_be_writable(folder)
        corpus = cls.read(data)
        try:
            task = cls.task_class.new(arch, corpus, config.seed, subwords, **sizes)
        except ValueError as error:  # a dimension that the heads don't divide, for example
            raise BadInput(f"--arch {arch}: {error}") from error
        task.model.to(device)
        run = cls(folder, data, corpus, task, config, subwords)
        _make(folder)
        run.save()
        return run

    @classmethod
    def resume(cls: type[AnyRun], folder: Path, device: str) -> AnyRun:
        """Continue a run from its last checkpoint, written by this version or an earlier one.

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
            run = cls(folder, data, cls.read(data), task, config, settings.get("subwords"))
            state = load_tensors(folder / "training.safetensors")
            run.trainer.load_state_dict(current_tensors(state))
        except (KeyError, TypeError, RuntimeError) as error:
            raise BadInput(f"{folder}: damaged run ({first_line(error)})") from error
        return run

    def steps(self) -> Generator[Any, None, None]:
        """Train to the last step, yielding each loss; save every 200 steps, and at the end.

        A run that is stopped between two steps, by an exception too, is saved as well.
        """
        log = MetricsLog(self.folder / "log.jsonl", self.trainer.step)
        self.trainer.reporters.append(log)
        try:
            for loss in self.trainer.steps():
                if self.trainer.step % SAVE_EVERY == 0:
                    self.save()
                yield loss
        finally:
            self.trainer.reporters.remove(log)
            self.save()

    def save(self) -> None:
        """Save the task, and the checkpoint and settings that `resume` needs."""
        state = self.trainer.state_dict()  # refuses weights that are not finite
        self.task.save(self.folder)
        save_tensors(self.folder / "training.safetensors", state)
        training = asdict(self.trainer.config)
        settings = {"data": self.data, "training": training, "subwords": self.subwords}
        save_json(self.folder / "run.json", settings)


class TranslationRun(Run):
    """The training of a `Translator` on sentence pairs."""

    task_class = Translator
    read = staticmethod(load_pairs)
    make_trainer = staticmethod(translation_trainer)
    task: Translator


class LanguageModelRun(Run):
    """The training of a causal `LanguageModel` on texts."""

    task_class = LanguageModel
    read = staticmethod(read_texts)
    make_trainer = staticmethod(language_model_trainer)
    task: LanguageModel


class MaskedLMRun(Run):
    """The training of a `MaskedLM` for search on paragraphs."""

    task_class = MaskedLM
    read = staticmethod(read_paragraphs)
    make_trainer = staticmethod(retrieval_trainer)
    task: MaskedLM


def _must_be_writable(folder: Path) -> None:
    """Fail before the training rather than after it."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise BadInput(f"{folder}: cannot be written, because of {existing}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made ({error.strerror})") from error
