"""Training behind a progress bar, and the signals that stop it between two steps."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import torch
from tqdm import tqdm

from attention.errors import BadInput, NonFiniteLoss
from attention.tasks.training_run import TrainingRun

__all__ = ["train_with_progress"]

# Ctrl-C; what `kill` and batch systems send; and what a terminal sends when it is closed.
STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]

HANGUP = getattr(signal, "SIGHUP", None)


def train_with_progress(
    run: TrainingRun,
    corpus_size: str,
    next_commands: Sequence[str],
    summary: Sequence[str] = (),
    **saving: int,
) -> None:
    """Train behind a progress bar, until all steps are done or a signal stops the run.

    Args:
        run: What to train; it is saved whenever training stops.
        corpus_size: The size of its corpus, in words.
        next_commands: Commands to suggest once it is trained.
        summary: Lines to print before training, about its data and its model.
        saving: Arguments of `run.steps`.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the run has been saved between two steps.
        SystemExit: The same for SIGTERM and SIGHUP, with the exit code that shells give them.
        BadInput, NonFiniteLoss: It can't be saved, or has diverged; the last checkpoint stays.
    """
    trainer, start = run.trainer, time.process_time()
    total = trainer.config.steps
    if trainer.finished:
        print(f"{run.folder}: {_why_finished(trainer)}")
        print("--resume with a larger --steps goes on from its last weights")
        return
    _say_how(run, corpus_size)
    print(*summary, sep="\n", end="\n" if summary else "", file=sys.stderr)
    loss: Any = float("nan")
    received: list[int] = []
    try:
        with (
            _stopping_signals(received),
            closing(run.steps(**saving)) as losses,
            tqdm(initial=trainer.step, total=total, unit="step", mininterval=0.5) as bar,
        ):
            for loss in losses:
                if bar.update():
                    bar.set_postfix(loss=f"{float(loss):.3f}", refresh=False)
                if received:
                    break
    except OSError:  # the terminal was gone before the signal that says so
        if HANGUP not in received:
            raise
    except (BadInput, NonFiniteLoss) as error:
        where = f"{run.folder} keeps the checkpoint of step {run.saved_step:,}"
        raise type(error)(f"{error}; {where}") from error
    if received and not trainer.finished:
        print(f"stopped after step {trainer.step:,}, and saved at step {run.saved_step:,} in")
        print(f"{run.folder}; the same command with --resume continues from there")
    else:
        best = getattr(trainer, "best", None)
        if best and best.weights:
            print(f"the weights of step {best.step:,} are kept: their validation loss is the")
            print(
                f"lowest, {best.loss:.3f}; after step {trainer.step:,} it was {best.last_loss:.3f}"
            )
        if trainer.step < total:
            print(_why_finished(trainer))
        seconds = time.process_time() - start
        print(f"{run.folder}: trained in {seconds:.0f} CPU-seconds, last loss {loss:.3f}. Now try")
        for command in next_commands:
            print(f"  {command}")
    if received:
        _end(received[0])


def _why_finished(trainer: Any) -> str:
    step, config = trainer.step, trainer.config
    if step >= config.steps:
        return f"all {step:,} steps are done already"
    return (
        f"stopped early, after step {step:,} of {config.steps:,}: {config.patience} validations in "
        "a row without a lower loss (--patience)"
    )


def _say_how(run: TrainingRun, corpus_size: str) -> None:
    now = _computing(torch.get_num_threads(), run.device)
    lines = [f"{run.folder}: {corpus_size}, {run.trainer.config.steps:,} steps, {now}"]
    if run.trainer.step:
        lines.append(f"continues after step {run.trainer.step:,}, its last checkpoint")
        before = _computing(run.settings.threads or 0, run.settings.device or "")
        if run.settings.threads and before != now:
            lines.append(
                f"until now on {before}: the weights will differ, in their last digits, from those "
                "of an unbroken run"
            )
    if not run.locked:
        lines.append("no locks on this system: don't train into this folder from two processes")
    print("\n".join(lines), file=sys.stderr)


def _computing(threads: int, device: str) -> str:
    return f"{threads} thread{'s' * (threads != 1)}" + f" and {device}" * (device != "cpu")


@contextmanager
def _stopping_signals(received: list[int]) -> Iterator[None]:
    """Append the signals received to a list, so that they interrupt neither a step nor the saving.

    A signal that this process was started to ignore, as by `nohup`, is ignored still.
    """
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def handle(number: int, frame: Any) -> None:
        if number == HANGUP:  # what is printed on a terminal that is gone must not end the command
            _redirect_to_nowhere(terminals)
        if not received:
            with suppress(OSError):
                os.write(2, b"\nattention: stopping after this step, and saving\n")
        received.append(number)

    handled = [number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _redirect_to_nowhere(descriptors: Sequence[int]) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _end(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
