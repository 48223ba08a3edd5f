"""Damaged checkpoints and settings: refused, or what they give is what the undamaged ones give."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import damage
from tests.fuzz.command import Outcome, changes, contents, run, wrong
from tests.fuzz.runs import RESUMED, USES, Bench, command_for, weights_of


@dataclass(frozen=True)
class Damaged:
    """A run, one of its files, and what has happened to it."""

    run: str
    file: str
    how: Any


RUNS = [*USES, *RESUMED]
TENSORS = st.sampled_from(["model.safetensors", "training.safetensors"])
SETTINGS = ["run.json", "translator.json", "config.json", "tokenizer.json"]


def _files(name: str) -> tuple[str, ...]:
    """The files that the command for this run reads."""
    tensors = ("model.safetensors", "training.safetensors")[: 1 + (name in RESUMED)]
    of_task = ("config.json", "tokenizer.json")
    if name.endswith("words"):
        of_task = ("translator.json",)
    return (*tensors, *of_task, *(("run.json",) * 2 if name in RESUMED else ()))


def _damaged(name: str) -> st.SearchStrategy[Damaged]:
    def of(file: str) -> st.SearchStrategy[Damaged]:
        structured = damage.tensors if file.endswith(".safetensors") else damage.values
        if file == "run.json":  # where it may be the number of steps
            structured = structured.filter(lambda how: how.value != damage.LARGEST)
        how = st.one_of(structured, structured, damage.data)
        return st.builds(Damaged, st.just(name), st.just(file), how)

    return st.sampled_from(_files(name)).flatmap(of)


inputs = st.sampled_from(RUNS).flatmap(_damaged)


def check(bench: Bench, given: Damaged) -> Outcome:
    """Use or resume a run of which one file is damaged."""
    expected, weights = bench.reference(given.run)
    folder = bench.restore(given.run)
    path = folder / given.file
    whole = path.read_bytes()
    given.how.apply(path)
    before = contents(folder)
    outcome, after = run(command_for(given.run)), contents(folder)
    bench.restore(given.run)
    if outcome.refused:
        changed = changes(before, after)
        wrong(changed and outcome.code == 2, f"a refusal has changed {changed}")
        return outcome
    same = weights_of(after) == weights if given.run in RESUMED else outcome.out == expected.out
    if not same:
        wrong(not _may_be_meant(given, whole, before[given.file]), f"accepted: {outcome.out!r}")
    return outcome


def _may_be_meant(given: Damaged, whole: bytes, now: bytes) -> bool:
    """Whether somebody can have edited the file so, for the result that it has.

    JSON is text, which people edit: another value of the same type is taken at its word.
    """
    if given.file.endswith(".safetensors"):
        return given.how.harmless
    if isinstance(given.how, damage.Bytes):
        return True
    old, new = json.loads(whole), given.how.value
    parent, key = given.how.place(old)
    optional = given.file in ("config.json", "tokenizer.json") and new is None
    return optional or new == damage.MISSING or _type(parent[key]) == _type(new)


def _type(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"
