"""Commands in processes of their own, which signals strike at chosen moments.

The processes are forked from a server that has imported the command already.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from attention.cli.app import main
from attention.tasks.objectives import EncodedPairs

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.cli.interruptions", "torch._dynamo"])  # what Adam imports
PATIENCE = 300  # seconds after which a process that should have ended counts as hanging

Moment = tuple[str, int]  # a function, and the number of its call


def strike(moment: Moment, signals: Sequence[int]) -> None:
    """Let this process get signals at a moment.

    The functions are those of `os` by which files come to be; `update`: then the weights of a step
    have been updated, but the step hasn't been counted; and `validate`: one has begun.
    """
    name, number = moment
    calls = 0

    def tick(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            for one in signals:
                os.kill(os.getpid(), one)

    if name == "update":
        register_optimizer_step_post_hook(tick)
        return
    if name == "validate":
        loss = EncodedPairs.loss
        during = lambda *given: (torch.is_grad_enabled() or tick(), loss(*given))[1]  # noqa: E731
        EncodedPairs.loss = during
        return
    function = getattr(os, name)
    setattr(os, name, lambda *arguments: (tick(), function(*arguments))[1])


def run(
    arguments: list[str],
    output: Connection,
    moment: Moment | None,
    signals: Sequence[int],
    ignore: Sequence[int],
) -> None:
    """In the process: the command, which prints into a pipe."""
    for one in ignore:
        signal.signal(one, signal.SIG_IGN)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    output.close()
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    if moment:
        strike(moment, signals)
    main(arguments)


class Command:
    """A command in a process of its own.

    Attributes:
        printed: On standard output and standard error, as far as it has been read.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        moment: Moment | None = None,
        *signals: int,
        ignore: Sequence[int] = (),
    ) -> None:
        self._read_end, write_end = SERVER.Pipe(duplex=False)
        self.process = SERVER.Process(
            target=run, args=(list(arguments), write_end, moment, signals, ignore), daemon=True
        )
        self.process.start()
        write_end.close()
        self.printed = ""

    def wait_for(self, text: str) -> None:
        """Read until it has printed this."""
        while text not in self.printed:
            assert self._read(), f"it ended without {text!r}:\n{self.printed}"

    def _read(self) -> str:
        """What it prints next; nothing when it has ended."""
        assert self._read_end.poll(PATIENCE), f"it hangs:\n{self.printed}"
        piece = os.read(self._read_end.fileno(), 4096).decode(errors="replace")
        self.printed += piece
        return piece

    def send(self, *signals: int) -> None:
        """Send it signals."""
        for one in signals:
            os.kill(self.process.pid, one)

    def end(self) -> int:
        """Its exit code, as a shell reports it."""
        while self._read():
            pass
        self.process.join(PATIENCE)
        code = self.process.exitcode
        assert code is not None, f"it hangs:\n{self.printed}"
        return code if code >= 0 else 128 - code


KILL, INT, TERM, HUP = signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP
