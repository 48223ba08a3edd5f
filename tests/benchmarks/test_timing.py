"""Timing two workloads: in turn, by the median, with the difference of their results."""

import time

import pytest
import torch

from attention.benchmarks import timing
from attention.benchmarks.timing import compare, environment


def test_results_that_differ_are_reported():
    pair = [lambda: torch.tensor([1, 2]), lambda: torch.tensor([1, 5])]
    assert compare(("A", "decoding", "B"), pair, 1e-9, "cpu").difference == 3
    pair[1] = lambda: torch.tensor([1])
    assert compare(("A", "decoding", "B"), pair, 1e-9, "cpu").difference == float("inf")


def test_workloads_alternate_and_the_median_counts(monkeypatch):
    now, done = [0.0], []
    costs = {"ours": iter([9, 1, 5, 1, 1, 1]), "theirs": iter([9, 2, 2, 2, 8, 2])}

    def workload(name):
        def run():
            done.append(name)
            now[0] += next(costs[name])
            return torch.zeros(1)

        return run

    names = "A", "decoding", "B"
    monkeypatch.setattr(timing, "_clock", lambda device: lambda: now[0])
    result = compare(names, [workload("ours"), workload("theirs")], 21.0, "cpu")
    assert (result.ours, result.theirs, result.ratio, result.repetitions) == (1000, 2000, 0.5, 4)
    assert done == ["ours", "theirs", "theirs", "ours"] * 2 + ["ours", "theirs"]


@pytest.mark.on_cpu(reason="reads the clock of the CPU")
@pytest.mark.parametrize(("threads", "clock"), [(1, "CPU"), (2, "wall")])
def test_a_single_thread_is_timed_by_its_cpu_time(threads, clock, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert environment("cpu")["clock"] == clock
    assert timing._clock("cuda") is time.perf_counter
