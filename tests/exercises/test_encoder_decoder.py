"""The exercises of *The encoder-decoder*: right answers pass, and each wrong one gets its hint."""

import math
import re
from itertools import pairwise
from typing import Any

import pytest
import torch

from attention import exercises
from attention.exercises import Hint
from images import encoder_decoder
from tests.exercise_pages import DOCS
from tools.blocks import find_blocks

PAGE = "before-attention/encoder-decoder.md"


def gru_step(x, h, W, U, gate="before", keep=1, proposes=False, swap=False):
    """The solution, with something wrong if wanted."""
    (W_r, W_z, W_n), (U_r, U_z, U_n) = W.chunk(3), U.chunk(3)
    r, z = torch.sigmoid(W_r @ x + U_r @ h), torch.sigmoid(W_z @ x + U_z @ h)
    r, z = (z, r) if swap else (r, z)
    heard = {"before": U_n @ (r * h), "after": r * (U_n @ h), "none": U_n @ h}[gate]
    n = torch.tanh(W_n @ x + heard)
    z = z if keep else 1 - z
    return n if proposes else (1 - z) * n + z * h


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"gate": "after"}, "PyTorch's step"),
        ({"keep": 0}, "wrong way round"),
        ({"proposes": True}, "proposal n"),
        ({"gate": "none"}, "does nothing"),
        ({"swap": True}, "taken r for z"),
    ],
)
def test_wrong_steps(wrong, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_paper_gru_step(lambda x, h, W, U: gru_step(x, h, W, U, **wrong))


def each(scores, wanted, dim=1):
    return -scores.log_softmax(dim).gather(1, wanted.unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda s, w: torch.nn.functional.cross_entropy(s, w), "predict padding"),
        (lambda s, w: (each(s, w) * (w != 0)).sum() / len(w), "divide by all places"),
        (lambda s, w: each(s, w)[w != 0].sum(), "This is the sum"),
        (lambda s, w: -each(s, w)[w != 0].mean(), "Mind the sign"),
        (lambda s, w: -s.gather(1, w[:, None])[:, 0][w != 0].mean(), "These are scores"),
        (lambda s, w: each(s, w, dim=0)[w != 0].mean(), "along the places"),
        (lambda s, w: (-each(s, w)).exp()[w != 0].mean(), "mean probability"),
    ],
)
def test_wrong_losses(wrong, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_loss(wrong)


def test_a_loss_that_python_counts_is_right():
    exercises.check_loss(lambda s, w: each(s, w)[w != 0].mean().item())


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda ids: ids, "Nothing has moved"),
        (lambda ids: ids.flip(1), "turn the padding round"),
        (lambda ids: ids.flip(0), "upside down"),
        (lambda ids: ids.sort(dim=1, descending=True).values, "sorted"),
    ],
)
def test_wrong_reversals(wrong, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_reverse(wrong)


def logs(probabilities):
    return sum(math.log(p) for p in probabilities)


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("rank", "hint"),
    [
        (lambda p, alpha: logs(p), "The short one still wins"),
        (lambda p, alpha: logs(p) / len(p), "To the power 0"),
        (lambda p, alpha: sum(p) / len(p) ** alpha, "Multiply them"),
        (lambda p, alpha: (sum(p) if alpha else logs(p)) / len(p) ** alpha, "one bad word"),
        (lambda p, alpha: logs(p) * len(p) ** alpha, "The short one still wins"),
    ],
)
def test_wrong_choices(rank, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_likeliest(lambda c, alpha: max(c, key=lambda t: rank(c[t], alpha)))


def test_the_figures_show_what_the_chapter_computes(capsys):
    writing = next(block for block in find_blocks(DOCS / PAGE) if "def write(" in block.code)
    chapter: dict[str, Any] = {}
    for block in [*writing.needs, writing]:
        exec(block.code, chapter)
    read = re.findall(r"(\w+) +tensor\(\[ ?(\S+), +(\S+)\]", capsys.readouterr().out)
    assert {w: (float(a), float(b)) for w, a, b in read[:3]} == encoder_decoder.READING

    french, directions = chapter["french"], chapter["directions"]
    for word, direction in encoder_decoder.DIRECTIONS.items():
        assert tuple(directions[french.index(word)].tolist()) == direction

    for last, c in [("late", chapter["c"]), ("early", chapter["c_early"])]:
        h = c
        for before, word in pairwise(["<s>", *encoder_decoder.WRITING]):
            scores, h = chapter["write_step"](before, h, c)
            if last == "late":
                drawn = encoder_decoder.WRITING[word]
                assert h.tolist() == pytest.approx(drawn, abs=0.006), word
            if before == "en":
                points = torch.tensor(encoder_decoder.POINTS[last])
                assert torch.allclose(scores, directions @ points, atol=0.04), last
