"""The checks of the Transformer's lab accept correct answers, and name what is wrong."""

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

ROOT = 6**0.5  # of the dimension


def positions(ids, d_model=6):
    return sinusoidal_positions(ids.size(1), d_model)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda table, ids: table[ids], "The positions are missing"),
        (lambda table, ids: table[ids] * ROOT, "The positions are missing"),
        (lambda table, ids: table[ids] + positions(ids), "by √D before you add"),
        (lambda table, ids: (table[ids] + positions(ids)) * ROOT, "embeddings alone"),
        (lambda table, ids: table[ids] + positions(ids) * ROOT, "embeddings alone"),
        (lambda table, ids: table[ids] / ROOT + positions(ids), "as attention divides"),
        (lambda table, ids: table[ids] * 6 + positions(ids), "D is the dimension"),
        (lambda table, ids: table[ids] * ids.size(1) ** 0.5 + positions(ids), "D is the dimension"),
        (
            lambda table, ids: table[ids] * table.size(0) ** 0.5 + positions(ids),
            "D is the dimension",
        ),
        (lambda table, ids: table[ids] * ROOT + positions(ids.T)[:, None], "entries are wrong"),
        (lambda table, ids: table[ids] * ROOT - positions(ids), "entries are wrong"),
        (lambda table, ids: (table[ids] * ROOT + positions(ids)).flatten(0, 1), "of the shape"),
        (lambda table, ids: positions(ids), "of the shape"),
        (
            lambda table, ids: (table[ids] * ROOT + positions(ids)) * (ids != 0)[..., None],
            "set padding to zero",
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
        (lambda x, layer, norm, first: norm(layer(x)), "layer replaces x"),
        (lambda x, layer, norm, first: layer(norm(x)), "layer replaces x"),
        (lambda x, layer, norm, first: layer(x), "layer replaces x"),
        (lambda x, layer, norm, first: norm(x) + layer(norm(x)) if first else post(x, layer, norm),
         "Add to x itself"),
        (lambda x, layer, norm, first: x + norm(layer(x)), "Post-norm normalises the sum"),
        (lambda x, layer, norm, first: norm(x) + layer(x), "Add to x itself"),
        (lambda x, layer, norm, first: norm(x + layer(norm(x))), "normalise twice"),
        (lambda x, layer, norm, first: norm(x) + norm(layer(x)), "entries are wrong"),
        (lambda x, layer, norm, first: x + layer(x), "The norm is missing"),
        (lambda x, layer, norm, first: pre(x, layer, norm)[0], "of the shape"),
        (lambda x, layer, norm, first: F.layer_norm(x + layer(x), (4,)), "a layer norm of"),
        (lambda x, layer, norm, first: x + layer(F.layer_norm(x, (4,))) if first
         else post(x, layer, norm), "a layer norm of your own"),
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


def weighted(logs, y, e):
    """The loss, of logarithms that may be those of another softmax."""
    goal = one_hot(y) * (1 - e) + e / 7
    return -(goal * logs).sum(-1)[y != 0].mean()


def broadcast(logs, y, e):
    """The loss, of a column and a row, which make a matrix."""
    each = (e - 1) * logs.gather(-1, y[:, None]) - e * logs.mean(-1)
    return each[y != 0].mean()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (smoothed, "no log-probabilities"),
        (lambda x, y, e: smoothed(x.softmax(-1), y, e), "no log-probabilities"),
        (lambda x, y, e: (1 - e) * torchs(x, y, 0.0, ignore_index=0), "counts 1 − ε times"),
        (lambda x, y, e: torchs(x, y, 0.0, ignore_index=0), "counts 1 − ε times"),
        (lambda x, y, e: torchs(x, y, e), "Padding counts in your mean"),
        (lambda x, y, e: torchs(x, y, e, ignore_index=0, reduction="sum"), "This is the sum"),
        (lambda x, y, e: torchs(x, y, e, reduction="none"), "should be a number"),
        (
            lambda x, y, e: torchs(x, y, e, ignore_index=0, reduction="sum") / 5,
            "Padding counts in your mean",
        ),
        (lambda x, y, e: spread(x, y, 1 - e - e / 6, e / 6), "target gets a part of ε"),
        (lambda x, y, e: spread(x, y, 1, e / 7), "counts 1 − ε times"),
        (lambda x, y, e: spread(x, y, 1 - e, e), "not a sum"),
        (lambda x, y, e: spread(x, y, e, (1 - e) / 7), "are swapped"),
        (lambda x, y, e: -spread(x, y, 1 - e, e / 7), "The sign"),
        (lambda x, y, e: spread(x, y, 1 - e, -e / 7), "Check the signs"),
        (lambda x, y, e: weighted(x.log_softmax(0), y, e), "Softmax is over"),
        (lambda x, y, e: broadcast(x.log_softmax(-1), y, e), r"become \(T, T\)"),
        (lambda x, y, e: weighted(x.log_softmax(-1), y, e) / 7, "should be more"),
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
            if mistake.get("repeats_end") and token.item() == EOS:
                written += [EOS] * (max_len - len(written))
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
        written = written[:1] if mistake.get("first_only") else written
        written = written[: max_len - 1] if mistake.get("cuts") else written
        written = written[1:] if mistake.get("starts_late") else written
        return [BOS, *written] if mistake.get("keeps_begin") else written

    return write


@pytest.mark.parametrize(
    ("mistake", "hint"),
    [
        ({"feeds": BOS}, "should be given 7, the last token, but got 2"),
        ({"forgets": True}, "You gave decode_step an old state"),
        ({"restart": True}, "You call prefill again"),
        ({"deep": True}, r"of shape \(1,\). Yours: \(1, 1\)"),
        ({"repeats_end": True}, "You go on after </s>"),
        ({"first_only": True}, "should be a list of 4"),
        ({"keeps_end": True}, "</s> ends the translation"),
        ({"keeps_begin": True}, "<s> starts the decoder"),
        ({"endless": True}, "max_len is 2"),
        ({"tensors": True}, "Make the tensors integers"),
        ({"cuts": True}, "as if it were </s>"),
        ({"starts_late": True}, "The first token is missing"),
        ({"deaf_to_end": True}, "You go on after </s>"),
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
