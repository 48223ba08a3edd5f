"""A training run that knows where its data comes from: begun in a folder, resumed from it."""

import logging
from abc import ABC
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from attention.checkpoints import load_json, load_tensors
from attention.errors import BadInput, first_line
from attention.models.ibm_model_1 import IBMModel1
from attention.tasks.architectures import Architecture
from attention.tasks.old_files import current_tensors
from attention.tasks.run_data import read_data, read_held_out
from attention.tasks.run_folder import RunFolder
from attention.tasks.run_settings import RunSettings, check_same_data, names_from_here
from attention.tasks.training_run import TrainingRun
from attention.training.trainer import TrainingConfig
from attention.training.validation import with_new_patience

__all__ = ["Run"]

log = logging.getLogger(__name__)
VALIDATIONS = 10  # of a run with held-out data, unless it says otherwise
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
        valid: Sequence[str] = (),
        **sizes: Any,
    ) -> AnyRun:
        """Create the folder, and an untrained task in it.

        Args:
            valid: Where the held-out data comes from. With it there are ten validations unless the
                config says otherwise.
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

        return cls._begin(folder, data, valid, device, new, lambda _: config, subwords=subwords)

    @classmethod
    def fine_tune(
        cls: type[AnyRun],
        folder: Path,
        start: str,
        data: Sequence[str],
        device: str,
        valid: Sequence[str] = (),
        **training: Any,
    ) -> AnyRun:
        """Create the folder, and in it a copy of a trained task, in single precision.

        Args:
            start: The folder of the trained task; for a language model also its name on the hub.
            valid: As for `begin`.
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

        return cls._begin(folder, data, valid, device, load, config, start=start)

    @classmethod
    def _begin(
        cls: type[AnyRun],
        folder: Path,
        data: Sequence[str],
        valid: Sequence[str],
        device: str,
        make_task: Callable[[Sequence[Any]], Any],
        make_config: Callable[[Any], TrainingConfig],
        **origin: Any,
    ) -> AnyRun:
        run_folder = RunFolder(folder)
        run_folder.check_free()
        sources, corpus = read_data(cls.read, data, cls.built_in)
        valid_sources, held_out = read_held_out(cls.read, valid, cls.built_in, corpus)
        task = make_task(corpus)
        config = make_config(task)
        if held_out and not config.valid_every and not isinstance(task.model, IBMModel1):
            config = replace(config, valid_every=max(1, config.steps // VALIDATIONS))
        task.model.to(device)
        log.info("encoding the data")
        settings = RunSettings(sources, config, valid=valid_sources, **origin)
        run = cls(run_folder, task, corpus, settings, held_out)
        run_folder.create()
        log.info("saving the untrained model")
        run.save()
        return run

    @classmethod
    def resume(
        cls: type[AnyRun],
        folder: Path,
        device: str,
        data: Sequence[str] | None = None,
        valid: Sequence[str] = (),
        steps: int | None = None,
        log_every: int | None = None,
    ) -> AnyRun:
        """Continue a run from its last checkpoint, written by this version or an earlier one.

        Args:
            data: Where the data is now; where it was when the run began, unless given.
            valid: Where the held-out data is now; where it was when the run began, unless given. A
                run that has no validations only keeps it as its `held_out`.
            steps: More steps than the run was to have; as many, unless given. It goes on from its
                last weights; where it has stopped early, its patience counts anew.
            log_every: As in `TrainingConfig`; as it was, unless given.

        Raises:
            BadInput: The folder holds no run, or a damaged one, or can't be written, or belongs to
                another process; or the data has changed.
        """
        run_folder = RunFolder(folder)
        if not run_folder.holds_run:
            raise BadInput(f"{folder}: holds no run to resume; leave --resume out to begin one")
        run_folder.acquire()
        settings = RunSettings.from_dict(load_json(folder / "run.json"))
        training = settings.training
        extended = steps is not None and steps > training.steps
        training = replace(
            training,
            steps=max(steps or 0, training.steps),
            log_every=log_every or training.log_every,
        )
        sources, corpus = read_data(
            cls.read, data or names_from_here(settings.sources), cls.built_in
        )
        valid_names = valid or names_from_here(settings.valid)
        valid_sources, held_out = read_held_out(cls.read, valid_names, cls.built_in, corpus)
        log.info("loading %s, and encoding the data", folder)
        state = current_tensors(load_tensors(folder / "training.safetensors"))
        if extended:
            state = with_new_patience(state)
        task = cls.task_class.load(folder)
        task.model.to(device)
        now = replace(settings, training=training, sources=sources, valid=valid_sources)
        try:
            run = cls(run_folder, task, corpus, now, held_out)
            run.trainer.load_state_dict(state)
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise BadInput(f"{folder}: damaged run ({first_line(error)})") from error
        if data or run.trainer.step < run.settings.training.steps:
            check_same_data(settings.sources, sources, bool(data), folder)
        if training.valid_every and settings.valid:
            check_same_data(settings.valid, valid_sources, bool(valid), folder, "--valid")
        run.saved_step = run.trainer.step
        return run
