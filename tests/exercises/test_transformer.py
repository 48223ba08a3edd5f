"""The checks of the lab on the Transformer know right answers, and name what is wrong."""

import pytest
import torch
from torch.nn import functional as F

from attention import sinusoidal_positions
from attention.exercises import (
    Hint,
    check_first_vectors,
    check_greedy,
    check_smoothed_loss,
    check_sublayer,
)
from attention.tokenizers.special_tokens import BOS, EOS


def waves(ids, d_model=4):
    return sinusoidal_positions(ids.size(1), d_model)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda table, ids: table[ids], "positions are missing, and"),
        (lambda table, ids: table[ids] * 2, "The positions are missing: sin"),
        (lambda table, ids: table[ids] + waves(ids), "multiplied by √D before"),
        (lambda table, ids: (table[ids] + waves(ids)) * 2, "not the positions"),
        (lambda table, ids: table[ids] + waves(ids) * 2, "the words that grow"),
        (lambda table, ids: table[ids] / 2 + waves(ids), "as attention does"),
        (lambda table, ids: table[ids] * 4 + waves(ids), "the square root of D"),
        (lambda table, ids: table[ids] * ids.size(1) ** 0.5 + waves(ids), "width of the table"),
        (lambda table, ids: table[ids] * table.size(0) ** 0.5 + waves(ids), "width of the table"),
        (lambda table, ids: table[ids] * 2 + waves(ids.T)[:, None], "number the sentences"),
        (lambda table, ids: table[ids] * 2 + sinusoidal_positions(9, 4)[ids], "by the numbers"),
        (
            lambda table, ids: table[ids] * 2 + sinusoidal_positions(9, 4)[1:][: ids.size(1)],
            "counted from 0",
        ),
        (lambda table, ids: ids @ table, "raises an error"),
        (lambda table, ids: ..., "gives nothing back yet"),
    ],
)
def test_wrong_first_vectors(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_first_vectors(wrong)


def pre(x, layer, norm, first=True):
    return x + layer(norm(x))


def post(x, layer, norm, first=False):
    return norm(x + layer(x))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (pre, "the other order"),
        (post, "the other order"),
        (lambda x, layer, norm, first: post(x, layer, norm) if first else pre(x, layer, norm),
         "the other order"),
        (lambda x, layer, norm, first: norm(layer(x)), "The layer replaces x"),
        (lambda x, layer, norm, first: norm(x) + layer(norm(x)) if first else post(x, layer, norm),
         "x as it came"),
        (lambda x, layer, norm, first: x + norm(layer(x)), "what the layer says"),
        (lambda x, layer, norm, first: norm(x) + layer(x), "beside the layer"),
        (lambda x, layer, norm, first: norm(x + layer(norm(x))), "comes twice"),
        (lambda x, layer, norm, first: x + layer(x), "The norm is missing"),
        (lambda x, layer, norm, first: x + layer, "raises an error"),
    ],
)  # fmt: skip
def test_wrong_orders(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_sublayer(wrong)


def one_hot(wanted):
    return F.one_hot(wanted, 7).float()


def spread(logits, wanted, right, each):
    """Cross-entropy with `right` for the right word, and `each` for every word besides."""
    goal = right * one_hot(wanted) + each
    return -(goal * logits.log_softmax(-1)).sum(-1)[wanted != 0].mean()


def torchs(logits, wanted, e, **options):
    return F.cross_entropy(logits, wanted, label_smoothing=e, **options)


def smoothed(x, y, e):
    """The loss, of numbers that may be no logarithms."""
    each = (e - 1) * x.gather(-1, y[:, None])[:, 0] - e * x.mean(-1)
    return each[y != 0].mean()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (smoothed, "the scores themselves"),
        (lambda x, y, e: smoothed(x.softmax(-1), y, e), "These are probabilities"),
        (lambda x, y, e: (1 - e) * torchs(x, y, 0.0, ignore_index=0), "of all words is missing"),
        (lambda x, y, e: torchs(x, y, 0.0, ignore_index=0), "without smoothing"),
        (lambda x, y, e: torchs(x, y, e), "Padding counts. Take"),
        (lambda x, y, e: torchs(x, y, e, ignore_index=0, reduction="sum"), "A sum"),
        (lambda x, y, e: torchs(x, y, e, reduction="none"), "is one number"),
        (lambda x, y, e: torchs(x, y, e, ignore_index=0, reduction="sum") / 5, "A sum|all places"),
        (lambda x, y, e: spread(x, y, 1 - e - e / 6, e / 6), "wrong words alone"),
        (lambda x, y, e: spread(x, y, 1, e / 7), "keeps 1 − ε"),
        (lambda x, y, e: spread(x, y, 1 - e, e), "and not the sum"),
        (lambda x, y, e: spread(x, y, e, (1 - e) / 7), "other way round"),
        (lambda x, y, e: -spread(x, y, 1 - e, e / 7), "The sign"),
        (lambda x, y, e: torchs(x, y.float(), e), "raises an error"),
    ],
)
def test_wrong_losses(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_smoothed_loss(wrong)


def test_torchs_own_loss_is_right():
    check_smoothed_loss(lambda x, y, e: torchs(x, y, e, ignore_index=0))


def greedily(**mistake):
    """Greedy writing, with a mistake."""

    def write(model, source, max_len):
        (logits, state), written = model.prefill(source, max_len), []
        for _ in range(99 if mistake.get("endless") else max_len):
            token = logits.argmax(-1)
            if token.item() == EOS and not mistake.get("deaf_to_end"):
                if mistake.get("keeps_end"):
                    written.append(EOS)
                break
            written.append(token if mistake.get("tensors") else token.item())
            if mistake.get("restart"):
                state = model.prefill(source, max_len)[1]
            asked = token.unsqueeze(0) if mistake.get("deep") else token
            asked = torch.tensor([mistake["feeds"]]) if mistake.get("feeds") else asked
            logits, following = model.decode_step(asked, state)
            state = state if mistake.get("forgets") else following
        written = written[: max_len - 1] if mistake.get("cuts") else written
        return [BOS, *written] if mistake.get("keeps_begin") else written

    return write


@pytest.mark.parametrize(
    ("mistake", "hint"),
    [
        ({"feeds": BOS}, "should be given 7, the last token, but got 2"),
        ({"forgets": True}, "You gave decode_step an old state"),
        ({"restart": True}, "You call prefill again"),
        ({"deep": True}, r"of shape \(1,\), not torch.Size\(\[1, 1\]\)"),
        ({"keeps_end": True}, "</s> is a sign to stop"),
        ({"keeps_begin": True}, "<s> is a sign to begin"),
        ({"endless": True}, "max_len is 2"),
        ({"tensors": True}, "they are tensors"),
        ({"cuts": True}, "as if it were </s>"),
        ({"deaf_to_end": True}, "should be"),
    ],
)
def test_wrong_writers(mistake, hint):
    with pytest.raises(Hint, match=hint):
        check_greedy(greedily(**mistake))


def test_a_writer_that_works_too_much():
    def twice(model, source, max_len):
        model.prefill(source, max_len)
        return greedily()(model, source, max_len)

    def one_more(model, source, max_len):
        (logits, state), written = model.prefill(source, max_len), []
        for _ in range(max_len):
            token = logits.argmax(-1)
            written.append(token.item())
            logits, state = model.decode_step(token, state)
        return written[: written.index(EOS)] if EOS in written else written

    with pytest.raises(Hint, match="call prefill again"):
        check_greedy(twice)
    with pytest.raises(Hint, match="10 steps, and 4 are enough"):
        check_greedy(one_more)
    check_greedy(greedily())
