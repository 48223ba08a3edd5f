"""A few hundred inputs of each kind, always the same; `python -m tests.fuzz` draws many others."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from tests.fuzz import arguments, checkpoints, files, sentences
from tests.fuzz.command import run
from tests.fuzz.runs import Bench

EXAMPLES = {files: 120, checkpoints: 160, arguments: 100, sentences: 50}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    before, threads = os.getcwd(), torch.get_num_threads()
    yield Bench(tmp_path_factory.mktemp("fuzz"))
    os.chdir(before)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_any_input_is_taken_rightly_or_refused_in_one_line(kind, bench):
    short = settings(
        max_examples=EXAMPLES[kind],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    outcomes = []

    @short
    @given(kind.inputs)
    def holds(one):
        outcomes.append(kind.check(bench, one).refused)

    holds()
    assert 0.1 < sum(outcomes) / len(outcomes) < 0.95, "as good as all are accepted, or refused"


def test_a_process_of_its_own_ends_in_the_same_way(bench):
    words = ["translate", "words", "They left .", "caf\udce9"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "attention.cli", *words]
    ended = subprocess.run(command, capture_output=True, env=environment)
    here = run(words)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, b"", here.err.encode())
    assert here.code == 2
