"""`python -m tests.fuzz --inputs 20000`: the fuzz test for long, with random inputs.

The inputs run in a process of its own, a batch of each kind in turn, so that one that aborts the
process or hangs in native code is counted as well. Each batch has a seed, and can be run again.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz import arguments, checkpoints, files, sentences
from tests.fuzz.command import SECONDS, Fault
from tests.fuzz.runs import Bench

KINDS = {
    "files": files.inputs,
    "checkpoints": checkpoints.inputs.filter(lambda one: one.file.endswith(".safetensors")),
    "settings": checkpoints.inputs.filter(lambda one: one.file.endswith(".json")),
    "arguments": arguments.inputs,
    "sentences": sentences.inputs,
}
CHECKS = {"files": files, "arguments": arguments, "sentences": sentences}
BATCH = 100
FAULTS = ("traceback", "abort", "hang", "wrong")
COLUMNS = ("inputs", "accepted", "refused", *FAULTS)
START = 120  # seconds in which a process makes its runs


def work(kinds: list[str], first: int, last: int) -> None:
    """Run these batches, and report each input, then how it ended."""
    reports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what native code prints is no report

    def report(**event: object) -> None:
        print(json.dumps(event), file=reports, flush=True)

    bench = Bench(Path(tempfile.mkdtemp()))
    for batch in range(first, last):
        kind = kinds[batch % len(kinds)]
        report(batch=batch, kind=kind)
        long = settings(
            max_examples=BATCH,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )

        @seed(batch)
        @long
        @given(KINDS[kind])
        def run_one(one: Any) -> None:
            report(input=repr(one))
            try:
                outcome = CHECKS.get(kind, checkpoints).check(bench, one)  # noqa: B023
                report(ended="refused" if outcome.refused else "accepted")
            except Fault as fault:
                report(ended=fault.kind, message=str(fault))

        run_one()


def reports(kinds: list[str], first: int, last: int) -> Iterator[dict[str, Any]]:
    """What `work` reports, in processes that are watched; `abort` and `hang` end a batch."""
    while first < last:
        command = [sys.executable, "-m", "tests.fuzz", "--work", str(first), str(last), *kinds]
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as worker,
        ):
            signal.signal(signal.SIGALRM, lambda *_, worker=worker: worker.kill())
            signal.alarm(START)
            try:
                for line in worker.stdout:
                    event = json.loads(line)
                    first = event.get("batch", first)
                    signal.alarm(4 * SECONDS)  # an input has several runs; each has its own limit
                    yield event
            except BaseException:
                worker.kill()
                raise
            left = signal.alarm(0)
            if worker.wait() == 0:
                return
            errors.seek(0)
            ended = "abort" if left else "hang"
            yield {"ended": ended, "message": f"{ended}: {errors.read()[-500:]}"}
        first += 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, help="of the first batch; random unless given")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        return work(asked.work[2:], *map(int, asked.work[:2]))
    first = random.randrange(10**6) * len(KINDS) if asked.seed is None else asked.seed
    last = first + -(-asked.inputs // BATCH)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in asked.kinds}
    started = time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell too
    with suppress(KeyboardInterrupt), closing(reports(asked.kinds, first, last)) as events:
        _count(events, counts)  # until Ctrl-C, if one comes
    minutes = (time.monotonic() - started) / 60
    print(f"\nbatches from --seed {first}, {minutes:.1f} minutes")
    print(f"{'':12}" + "".join(f"{column:>11}" for column in COLUMNS))
    for kind, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        print(f"{kind:12}" + "".join(f"{count[column]:11,}" for column in COLUMNS))
    sys.exit(any(count[fault] for count in counts.values() for fault in FAULTS))


def _count(events: Iterator[dict[str, Any]], counts: dict[str, Counter[str]]) -> None:
    """Count how the inputs of each kind ended, and print the first of each fault."""
    kind, batch, given_input = next(iter(counts)), 0, ""
    shown: set[str] = set()
    for event in events:
        if "batch" in event:
            kind, batch = event["kind"], event["batch"]
            done = sum(count["inputs"] for count in counts.values())
            print(f"\r{done:,} inputs", end="", file=sys.stderr, flush=True)
        elif "input" in event:
            given_input = event["input"]
            counts[kind]["inputs"] += 1
        else:
            counts[kind][event["ended"]] += 1
            message = event.get("message", "")
            if event["ended"] in FAULTS and message[:70] not in shown:
                shown.add(message[:70])
                again = f"python -m tests.fuzz --inputs {BATCH} --kinds {kind} --seed {batch}"
                print(f"\n{message:.500}\n  of {given_input:.500}\n  again: {again}", flush=True)


if __name__ == "__main__":
    main()
