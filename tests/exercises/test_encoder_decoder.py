"""The exercises of *The encoder-decoder*: right answers pass, and each wrong one gets its hint."""

import math
import re
from itertools import pairwise
from typing import Any

import pytest
import torch

from attention import exercises
from attention.exercises import Hint
from attention.models.rnn.fixed_vector import reverse_tokens
from images import encoder_decoder
from tests.exercise_pages import DOCS
from tools.blocks import find_blocks

PAGE = "before-attention/encoder-decoder.md"


def chapter_until(code: str) -> dict[str, Any]:
    """The names that the chapter has after the block with some code in it."""
    last = next(block for block in find_blocks(DOCS / PAGE) if code in block.code)
    chapter: dict[str, Any] = {}
    for block in [*last.needs, last]:
        exec(block.code, chapter)
    return chapter


def gru_step(
    x, h, W, U, gate="before", keep=1, candidate=False, swap=False, squash=torch.tanh, new=False
):  # fmt: skip
    """The solution, with something wrong if wanted."""
    (W_r, W_z, W_n), (U_r, U_z, U_n) = W.chunk(3), U.chunk(3)
    r, z = torch.sigmoid(W_r @ x + U_r @ h), torch.sigmoid(W_z @ x + U_z @ h)
    r, z = (z, r) if swap else (r, z)
    gated = {
        "before": U_n @ (r * h),
        "after": r * (U_n @ h),
        "none": U_n @ h,
        "no brackets": U_n @ r * h,
        "right": (r * h) @ U_n,
        "inverted": U_n @ ((1 - r) * h),
    }[gate]
    n = squash(W_n @ x + gated)
    z = z if keep else 1 - z
    h = r * h if new else h
    return n if candidate else (1 - z) * n + z * h


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"gate": "after"}, "PyTorch's step"),
        ({"gate": "no brackets"}, "Put brackets"),
        ({"gate": "right"}, "transpose"),
        ({"keep": 0}, "is inverted"),
        ({"candidate": True}, "is the candidate state n"),
        ({"squash": torch.sigmoid}, "needs a tanh"),
        ({"gate": "none"}, "no effect"),
        ({"swap": True}, "You swap r and z"),
        ({"new": True}, "You have overwritten h"),
        ({"squash": lambda n: n}, "needs a tanh"),
        ({"gate": "inverted"}, r"else at \[0\]"),
    ],
)
def test_wrong_steps(wrong, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_paper_gru_step(lambda x, h, W, U: gru_step(x, h, W, U, **wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, h, W, U: gru_step(x, h, W.T, U.T),
        lambda x, h, W, U: gru_step(x, h, U, W),
        lambda x, h, W, U: x @ W.chunk(3)[0],
    ],
)
def test_steps_whose_shapes_do_not_fit(wrong):
    with pytest.raises(Hint, match=r"raises an error.*\n.*three matrices"):
        exercises.check_paper_gru_step(wrong)


def each(logits, targets, dim=1):
    return -logits.log_softmax(dim).gather(1, targets.unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, y: torch.nn.functional.cross_entropy(x, y), "includes the padding"),
        (lambda x, y: (each(x, y) * (y != 0)).sum() / len(y), "divide by all positions"),
        (lambda x, y: each(x, y)[y != 0].sum(), "This is the sum"),
        (lambda x, y: -each(x, y)[y != 0].mean(), "Check the sign"),
        (lambda x, y: -x.gather(1, y[:, None])[:, 0][y != 0].mean(), "These are logits"),
        (lambda x, y: each(x, y, dim=0)[y != 0].mean(), "over the positions"),
        (lambda x, y: (-each(x, y)).exp()[y != 0].mean(), "a mean of probabilities"),
        (lambda x, y: -(-each(x, y)).exp()[y != 0].mean().log(), "the logarithm of the mean"),
        (lambda x, y: each(x, y), r"a number, but yours is of the shape \(5,\)"),
        (lambda x, y: (-each(x, y)).exp()[y != 0].mean().neg(), "a mean of probabilities"),
        (lambda x, y: each(x, y)[y != 0].mean().exp(), "less than"),
        (lambda x, y: each(x, y)[y == 0].mean(), "padding alone"),
        (lambda x, y: each(x.softmax(1), y)[y != 0].mean(), "softmax twice"),
        (lambda x, y: each(x[:2], y[1:3]).mean(), "less than"),
        (lambda x, y: -x.log_softmax(1)[:, y][y != 0].mean(), "every target at every position"),
        (lambda x, y: -x.log_softmax(1)[:, y], r"a number, but yours is of the shape \(5, 5\)"),
        (lambda x, y: -x.log_softmax(1).gather(1, y)[y != 0].mean(), "unsqueeze"),
        (lambda x, y: -x.log_softmax(1)[y != 0].gather(1, y)[:, 0].mean(), "unsqueeze"),
    ],
)
def test_wrong_losses(wrong, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_loss(wrong)


def test_a_loss_that_python_counts_is_right():
    exercises.check_loss(lambda x, y: each(x, y)[y != 0].mean().item())


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda ids: ids, "unchanged"),
        (lambda ids: ids.flip(1), "begins with it"),
        (lambda ids: ids.flip(0), "reversed the batch"),
        (lambda ids: ids.flip(0, 1), "order of the sentences"),
        (lambda ids: ids.sort(dim=1, descending=True).values, r"else at \[1, 0\]"),
        (lambda ids: ids[:, ::-1], "flip"),
        (lambda ids: torch.stack([row[row != 0].flip(0) for row in ids]), "be stacked"),
        (
            lambda ids: [row[row != 0].flip(0) for row in ids],
            r"a tensor of the shape \(3, 5\), but yours is a list of 3",
        ),
        (lambda ids: reverse_tokens(ids).float(), "embedding needs integers"),
    ],
)
def test_wrong_reversals(wrong, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_reverse(wrong)


def logs(probabilities):
    return sum(math.log(p) for p in probabilities)


@pytest.mark.on_cpu(reason="the candidates are numbers of Python")
@pytest.mark.parametrize(
    ("score", "hint"),
    [
        (lambda p, a, t: logs(p), "The shortest one still wins"),
        (lambda p, a, t: logs(p) * len(p) ** a, "The shortest one still wins"),
        (lambda p, a, t: logs(p) / len(t.split()) ** a, "number of words"),
        (lambda p, a, t: logs(p) / len(t) ** a, "number of letters"),
        (lambda p, a, t: sum(p) / len(p) ** a, "add up probabilities"),
        (lambda p, a, t: sum(p), "add up probabilities"),
        (lambda p, a, t: -logs(p) / len(p) ** a, "the worst"),
        (lambda p, a, t: logs(p) / len(p), "Only the length"),
        (lambda p, a, t: logs(p) / (a * len(p)), "Only the length"),
        (lambda p, a, t: (logs(p) / len(p)) ** a, "0.5.*complex.*\n.*Only the length"),
        (lambda p, a, t: math.pow(logs(p) / len(p), a), "0.5.*\n.*Only the length"),
        (lambda p, a, t: (torch.tensor(logs(p)) / len(p)) ** a, "Only the length"),
        (lambda p, a, t: -((-logs(p) / len(p)) ** a), "Only the length"),
        (lambda p, a, t: math.log(p) / len(p) ** a, "their logarithms"),
        (lambda p, a, t: logs(p) / (len(p) + 1) ** a, "by too much"),
        (lambda p, a, t: logs(p) * 6 / (len(p) + 5), "by too much"),
        (lambda p, a, t: logs(p[:-1]) / len(p[:-1]) ** a, "leave the last probability out"),
        (lambda p, a, t: len(p), "something else than 'Il est bien"),
        (lambda p, a, t: math.log(sum(p)) / len(p) ** a, "add up probabilities"),
    ],
)
def test_wrong_choices(score, hint):
    with pytest.raises(Hint, match=hint):
        exercises.check_likeliest(lambda c, a: max(c, key=lambda t: score(c[t], a, t)))


@pytest.mark.on_cpu(reason="the candidates are numbers of Python")
@pytest.mark.parametrize(
    "choose", [dict.values, dict.items, lambda c: [0.5], lambda c: [torch.tensor(0.5)]]
)
def test_a_choice_that_is_no_translation(choose):
    with pytest.raises(Hint, match="Return the translation itself"):
        exercises.check_likeliest(lambda c, a: max(choose(c)))


@pytest.mark.on_cpu(reason="the candidates are numbers of Python")
def test_a_choice_by_number():
    with pytest.raises(Hint, match=r"there is no 0\ncandidates\[translation\]"):
        exercises.check_likeliest(lambda c, a: max(range(len(c)), key=lambda i: logs(c[i])))


def test_the_step_by_hand_is_what_the_chapter_computes(capsys):
    chapter = chapter_until("def decoder_step(")
    h, c, y = chapter["c"], chapter["c"], torch.tensor([4.0, 0])
    candidate = torch.tanh(y + c + h / 2)
    state = (candidate + h) / 2
    page = (DOCS / PAGE).read_text("utf-8")
    for values in (h, y + c, h / 2, y + c + h / 2, candidate, state, state + y):
        assert "({:.2f}, {:.2f})".format(*values.tolist()) in page, values
    logits, found = chapter["decoder_step"]("<s>", h, c)
    assert torch.allclose(found, state)
    assert torch.allclose(logits, chapter["output_vectors"] @ (state + y))
    step = page[page.index("5. **Logits**") : page.index("6. **Softmax**")]
    shown = [float(value) for value in re.findall(r"= (\d+\.\d+)", step)]
    french = chapter["french"]
    computed = [logits[french.index(word)].item() for word in ("Ils", "retard", "sont")]
    assert shown == pytest.approx(computed, abs=0.03)


def test_the_figures_show_what_the_chapter_computes(capsys):
    chapter = chapter_until("def generate(")
    read = re.findall(r"(\w+) +tensor\(\[ ?(\S+), +(\S+)\]", capsys.readouterr().out)
    assert {w: (float(a), float(b)) for w, a, b in read[:3]} == encoder_decoder.ENCODING

    french, outputs = chapter["french"], chapter["output_vectors"]
    for word, direction in encoder_decoder.OUTPUT_VECTORS.items():
        assert tuple(outputs[french.index(word)].tolist()) == direction

    for last, c in [("late", chapter["c"]), ("early", chapter["c_early"])]:
        h = c
        for before, word in pairwise(["<s>", *encoder_decoder.GENERATING]):
            logits, h = chapter["decoder_step"](before, h, c)
            if last == "late":
                drawn = encoder_decoder.GENERATING[word]
                assert h.tolist() == pytest.approx(drawn, abs=0.006), word
            if before == "en":
                points = torch.tensor(encoder_decoder.READOUTS[last])
                assert torch.allclose(logits, outputs @ points, atol=0.04), last
