"""Exercises of the chapter *BERT: reading both ways*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right

__all__ = ["check_classifier", "check_masked_lm_loss", "check_masking"]

MASK_ID = 4


def check_masking(corrupt: Callable[..., Any]) -> None:
    """Check the 80/10/10 rule of masked language modelling.

    Args:
        corrupt: From token ids `(B, T)`, the positions that are chosen for prediction, a uniform
            draw and a random token id for each position, and the id of `[MASK]`: the model's input
            `(B, T)`.

    Raises:
        Hint: It returns something else, or changes the ids in place.
    """
    ids = torch.tensor([[2, 11, 12, 13, 14, 15, 3], [2, 16, 17, 18, 19, 3, 0]])
    chosen = torch.tensor([[0, 1, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 0, 0]]).bool()
    draws = torch.tensor(
        [[0.5, 0.1, 0.85, 0.83, 0.95, 0.3, 0.97], [0.9, 0.7, 0.1, 0.92, 0.84, 0.05, 0.86]]
    )
    random_ids = torch.tensor([[21, 22, 23, 24, 25, 26, 27], [31, 32, 33, 34, 35, 36, 37]])
    low, high = draws < 0.8, draws >= 0.9
    middle = ~low & ~high
    masked = torch.where(chosen & low, MASK_ID, ids)
    expected = torch.where(chosen & middle, random_ids, masked)
    everywhere = torch.where(low, MASK_ID, torch.where(middle, random_ids, ids))
    forgotten = "You change tokens that were not chosen: `chosen &` is missing in one condition."
    unchosen = "You change tokens that were not chosen. They stay, whatever their draw."
    mistakes = [
        (torch.where(middle, random_ids, masked), forgotten),
        (torch.where(chosen & middle, random_ids, torch.where(low, MASK_ID, ids)), forgotten),
        (everywhere, unchosen),
        (torch.where(chosen, ids, everywhere), unchosen),
        (
            torch.where(chosen & ~high, random_ids, ids),
            "Your random tokens overwrite the masks: they belong to draws from 0.8, below 0.9.",
        ),
        (
            torch.where(chosen, MASK_ID, ids),
            "You replace all chosen tokens by [MASK]. Only 80% of them become it.",
        ),
        (
            torch.where(chosen, torch.where(low, MASK_ID, random_ids), ids),
            "With a draw of 0.9 or more, a chosen token stays as it is.",
        ),
        (masked, "With a draw from 0.8 and below 0.9, a chosen token becomes the random one."),
        (
            torch.where(chosen & high, random_ids, masked),
            "Your last two intervals are swapped: a random token below 0.9, no change from there.",
        ),
        (
            torch.where(chosen & middle, MASK_ID, torch.where(chosen & low, random_ids, ids)),
            "[MASK] and the random token are swapped: [MASK] is for draws below 0.8.",
        ),
        (
            torch.where(chosen & middle, random_ids, ids),
            "With a draw below 0.8, a chosen token becomes [MASK].",
        ),
        (
            torch.where(chosen, torch.where(high, random_ids, MASK_ID), ids),
            "[MASK] is for draws below 0.8 only. From 0.9, a chosen token stays as it is.",
        ),
        (
            torch.where(chosen, ids, -100),
            "These are targets. Return the input, in which some tokens are replaced.",
        ),
        (
            torch.where(chosen & (draws < 0.15), MASK_ID, ids),
            "The 15% are chosen already. What is left to decide is what becomes of them.",
        ),
        (
            expected[chosen],
            "You return the chosen tokens only. The model needs the whole texts, (B, T).",
        ),
        (ids, "Nothing has changed. torch.where returns a new tensor, so use its result."),
    ]
    given = ids.clone()
    what = "corrupt(ids, chosen, draws, random_ids, mask_id)"
    # The lambda passes ids itself, because answer() would copy it and hide a change in place.
    found = answer(
        what, lambda *rest: corrupt(ids, *rest), chosen, draws, random_ids, MASK_ID, hint=WHERE
    )
    if not torch.equal(ids, given):
        raise Hint(
            "Your function overwrites ids, and with them the targets: the loss would then ask for "
            "[MASK]. Make a new tensor, with torch.where or from ids.clone()."
        )
    compare(what, found, expected, mistakes)
    right("most chosen tokens are masked, some are random, some stay, and no other changes.")


WHERE = "Combine conditions on tensors with & and parentheses: chosen & (draws < 0.8)."


def check_masked_lm_loss(loss: Callable[..., Any]) -> None:
    """Check the loss of masked language modelling.

    Args:
        loss: From logits `(B, T, V)`, the original token ids `(B, T)` and the positions that were
            chosen for prediction `(B, T)`, the mean cross-entropy.

    Raises:
        Hint: It is something else.
    """
    logits = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[2, 5, 6, 4, 3], [2, 4, 3, 0, 0]])
    chosen = torch.tensor([[0, 1, 1, 1, 0], [0, 1, 0, 0, 0]]).bool()
    each = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="none").view(2, 5)
    p = (-each).exp()
    by_text = torch.stack([each[row, chosen[row]].mean() for row in (0, 1)])
    zeroed = F.cross_entropy((logits * chosen[..., None]).flatten(0, 1), ids.flatten())
    zero_targets = F.cross_entropy(logits.flatten(0, 1), (ids * chosen).flatten())
    shifted = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    mistakes = [
        (each.mean(), "You score all positions. At most of them the input contains the answer, so "
         "leave out those that were not chosen."),
        (each[ids != 0].mean(), "You leave out only the padding. At the other positions that were "
         "not chosen, the model can copy its input."),
        (each[~chosen].mean(), "You score the positions that were not chosen. Invert the mask."),
        (each[chosen].sum(), "This is the sum. Take the mean over the chosen positions."),
        ((each * chosen).mean(), "You divide by all positions. Divide by the chosen ones."),
        (each[chosen], "These are the losses at the chosen positions. Take their mean."),
        (-each[chosen].mean(), "The sign is wrong: a loss is *minus* log p."),
        (-p[chosen].mean(), "This is the mean of p. Take the logarithm first."),
        (by_text.mean(), "You average over each text, and then over the texts. All chosen "
         "positions have the same weight."),
        (zeroed, "Logits of 0 are a uniform distribution, not a position that is left out. Select "
         "the chosen positions."),
        (zero_targets, "A target of 0 doesn't leave a position out: token 0 is scored there. "
         "Select the chosen positions."),
        (shifted, "Nothing is shifted here: the logits at a position predict the token of this "
         "same position, which was masked."),
        (F.cross_entropy(logits[chosen].softmax(-1), ids[chosen]), "Your softmax is applied "
         "twice: F.cross_entropy takes logits."),
        (F.nll_loss(logits[chosen], ids[chosen]), "F.nll_loss takes log-probabilities. Use "
         "F.cross_entropy, which takes logits."),
        ((each * chosen).sum(1).mean(), "You divide by the number of texts. Divide by the number "
         "of chosen positions."),
        (each[chosen].mean().exp(), "This is e to the power of the loss, the perplexity. Return "
         "the loss."),
        ((logits.argmax(-1) == ids)[chosen].float().mean(), "This is the proportion of correct "
         "predictions. Return the mean of -log p."),
    ]  # fmt: skip
    select = "logits[chosen] has a row for each chosen position, and ids[chosen] its token id."
    what = "loss(logits, ids, chosen)"
    found = answer(what, loss, logits, ids, chosen, hint=select)
    compare(what, found, each[chosen].mean(), mistakes)
    right("only the chosen positions are scored.")


def check_classifier(classify: Callable[..., Any]) -> None:
    """Check a classifier on the hidden state of `[CLS]`.

    Args:
        classify: From hidden states `(B, T, D)`, a weight `(C, D)` and a bias `(C,)`, the logits of
            the classes `(B, C)`.

    Raises:
        Hint: They are something else.
    """
    generator = torch.Generator().manual_seed(3)
    states, weight = (torch.randn(*s, generator=generator) for s in ((4, 6, 5), (3, 5)))
    bias = torch.tensor([0.5, -1.0, 2.0])
    each = states @ weight.T + bias  # (B, T, C)
    logits = each[:, 0]
    mistakes = [
        (each[:, -1], "This is the last token, often padding. [CLS] is the first."),
        (each[:, 1], "This is the second token. Positions start from 0, and [CLS] comes first."),
        (each.mean(1), "You average over all tokens. Take the hidden state of [CLS] alone."),
        (each[0], "states[0] holds the tokens of the first text. The tokens are the second axis."),
        (each, "You classify each token. Select [CLS] first, so that the logits are (B, C)."),
        (logits[:, None], "The axis of the tokens is still there, of size 1. Index it with 0."),
        (logits - bias, "The bias is missing."),
        (logits.softmax(-1), "These are probabilities. Return logits: the loss applies softmax."),
        (logits.argmax(-1), "This is the predicted class. Return the logits, (B, C)."),
        (
            logits.log_softmax(-1),
            "These are log-probabilities. Return logits: the loss applies softmax.",
        ),
        (logits.sigmoid(), "A sigmoid is applied. Return logits: the loss applies softmax."),
        (logits.T, "The axes are swapped: (C, B). Return (B, C)."),
        (logits - 2 * bias, "You subtract the bias. Add it."),
        (
            each.sum(1) - (each.size(1) - 1) * bias,
            "You add up the tokens. Take the hidden state of [CLS] alone.",
        ),
        (
            states.amax(1) @ weight.T + bias,
            "This is the maximum over all tokens. Take the hidden state of [CLS] alone.",
        ),
        (states[:, 0], "This is the hidden state of [CLS]. Multiply it by the weight."),
    ]
    layout = "The weight is (C, D), so use F.linear(x, weight, bias), or x @ weight.T + bias."
    what = "classify(states, weight, bias)"
    found = answer(what, classify, states, weight, bias, hint=layout)
    compare(what, found, logits, mistakes)
    right("one linear layer on [CLS] is all that fine-tuning adds.")
