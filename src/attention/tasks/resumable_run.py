"""A training run that knows where its data comes from: begun in a folder, resumed from it."""

import logging
from abc import ABC
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from attention.checkpoints import load_json, load_tensors
from attention.data.sources import DataSource, locate
from attention.errors import BadInput, first_line
from attention.models.ibm_model_1 import IBMModel1
from attention.tasks.architectures import Architecture
from attention.tasks.old_files import current_tensors
from attention.tasks.run_folder import RunFolder
from attention.tasks.run_settings import RunSettings
from attention.tasks.training_run import TrainingRun
from attention.training.trainer import TrainingConfig

__all__ = ["Run"]

log = logging.getLogger(__name__)
AnyRun = TypeVar("AnyRun", bound="Run")


class Run(TrainingRun, ABC):
    """A training run that can be begun and resumed, because it knows where its data comes from."""

    task_class: type[Any]
    read: Callable[[Sequence[str]], Sequence[Any]]
    built_in: Collection[str]  # corpora that `read` knows by name
    architectures: Mapping[str, Architecture]

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
            sizes: Arguments of the architecture's Config.

        Raises:
            BadInput: The folder holds a run or other models already or can't be written, the data
                can't be used, or the Config is impossible.
        """

        def new(corpus: Sequence[Any]) -> Any:
            log.info("learning the vocabulary, and building the model")
            try:
                return cls.task_class.new(arch, corpus, config.seed, subwords, **sizes)
            except ValueError as error:  # a dimension that the heads don't divide, for example
                raise BadInput(f"--arch {arch}: {error}") from error

        return cls._begin(folder, data, device, new, lambda _: config, subwords=subwords)

    @classmethod
    def fine_tune(
        cls: type[AnyRun],
        folder: Path,
        start: str,
        data: Sequence[str],
        device: str,
        **training: Any,
    ) -> AnyRun:
        """Create the folder, and in it a copy of a trained task, in single precision.

        Args:
            start: The folder of the trained task; for a language model also its name on the hub.
            training: Fields of the `TrainingConfig` that differ from the architecture's.

        Raises:
            BadInput: As for `begin`; or there is no such task, or it can't be trained further.
        """

        def load(_: Sequence[Any]) -> Any:
            log.info("loading %s", start)
            task = cls.task_class.load(start)
            if isinstance(task.model, IBMModel1):
                raise BadInput(f"--from {start}: a {task.arch} dictionary can't be trained further")
            task.model.float()
            return task

        def config(task: Any) -> TrainingConfig:
            return replace(cls.architectures[task.arch].training, **training)

        return cls._begin(folder, data, device, load, config, start=start)

    @classmethod
    def _begin(
        cls: type[AnyRun],
        folder: Path,
        data: Sequence[str],
        device: str,
        make_task: Callable[[Sequence[Any]], Any],
        make_config: Callable[[Any], TrainingConfig],
        **origin: Any,
    ) -> AnyRun:
        run_folder = RunFolder(folder)
        run_folder.check_free()
        sources, corpus = cls._read(data)
        task = make_task(corpus)
        task.model.to(device)
        log.info("encoding the data")
        run = cls(run_folder, task, corpus, RunSettings(sources, make_config(task), **origin))
        run_folder.create()
        run.save()
        return run

    @classmethod
    def resume(
        cls: type[AnyRun],
        folder: Path,
        device: str,
        data: Sequence[str] | None = None,
        steps: int | None = None,
    ) -> AnyRun:
        """Continue a run from its last checkpoint, written by this version or an earlier one.

        Args:
            data: Where the data is now; where it was when the run began, unless given.
            steps: More steps than the run was to have; as many, unless given.

        Raises:
            BadInput: The folder holds no run, or a damaged one, or can't be written, or belongs to
                another process; or the data has changed.
        """
        run_folder = RunFolder(folder)
        if not run_folder.holds_run:
            raise BadInput(f"{folder}: holds no run to resume; leave --resume out to begin one")
        run_folder.acquire()
        settings = RunSettings.from_dict(load_json(folder / "run.json"))
        if steps is not None and steps > settings.training.steps:
            settings = replace(settings, training=replace(settings.training, steps=steps))
        sources, corpus = cls._read(data or settings.data())
        log.info("loading %s, and encoding the data", folder)
        state = current_tensors(load_tensors(folder / "training.safetensors"))
        task = cls.task_class.load(folder)
        task.model.to(device)
        try:
            run = cls(run_folder, task, corpus, replace(settings, sources=sources))
            run.trainer.load_state_dict(state)
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise BadInput(f"{folder}: damaged run ({first_line(error)})") from error
        if data or run.trainer.step < run.settings.training.steps:
            settings.check_same_data(sources, bool(data), folder)
        run.saved_step = run.trainer.step
        return run

    @classmethod
    def _read(cls, data: Sequence[str]) -> tuple[list[DataSource], Sequence[Any]]:
        log.info("reading %s", " ".join(data))
        sources = locate(data, cls.built_in)
        corpus = cls.read(data)
        return [source.with_fingerprint(corpus) for source in sources], corpus
