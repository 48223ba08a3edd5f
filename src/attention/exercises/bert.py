"""Exercises of the chapter *BERT: reading both ways*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right
from attention.shapes import Tensor

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
    mask = torch.full_like(ids, MASK_ID)

    def replaced(below: Tensor, between: Tensor, above: Tensor) -> Tensor:
        """The input, with what chosen tokens become below 0.8, below 0.9, and above."""
        new = torch.where(draws < 0.8, below, torch.where(draws < 0.9, between, above))
        return torch.where(chosen, new, ids)

    expected = replaced(mask, random_ids, ids)
    masked, randomised = draws < 0.8, (draws >= 0.8) & (draws < 0.9)
    everywhere = torch.where(masked, mask, torch.where(randomised, random_ids, ids))
    stays = "With a draw of 0.9 or more, a chosen token stays as it is."
    second = "torch.where takes its second argument where the condition is true."
    chosen_only = "Only chosen tokens may change: is `chosen &` in each condition?"
    unchosen = (
        everywhere,
        torch.where(chosen, ids, everywhere),
        torch.where(randomised, random_ids, replaced(mask, ids, ids)),
        torch.where(chosen & randomised, random_ids, torch.where(masked, mask, ids)),
    )
    mistakes = [
        (ids, "Nothing has changed. torch.where returns a new tensor, so use its result."),
        *((wrong, chosen_only) for wrong in unchosen),
        (replaced(mask, mask, mask), "Only 80% of the chosen tokens become [MASK]."),
        (replaced(ids, random_ids, ids), "With a draw below 0.8, a chosen token becomes [MASK]."),
        (replaced(mask, ids, ids), "From 0.8 up to 0.9, a chosen token becomes a random one."),
        (replaced(mask, random_ids, random_ids), stays),
        (replaced(mask, ids, random_ids), stays),
        (replaced(mask, random_ids, torch.zeros_like(ids)), stays),
        (torch.where(chosen & masked, ids, mask), second),
        (replaced(random_ids, mask, ids), "[MASK] and the random token are swapped."),
        (replaced(random_ids, random_ids, ids), "Your random tokens overwrite the masks."),
    ]
    given = ids.clone()
    what = "corrupt(ids, chosen, draws, random_ids, mask_id)"
    where = (
        "Combine conditions on tensors with & and parentheses: chosen & (draws < 0.8). "
        "Index both sides: new[replaced] = random_ids[replaced]."
    )
    others = (chosen, draws, random_ids, MASK_ID)
    # The lambda passes ids itself, because answer() would copy it and hide a change in place.
    found = answer(what, lambda *rest: corrupt(ids, *rest), *others, hint=where)
    if not torch.equal(ids, given):
        raise Hint(
            "Your function overwrites ids, and with them the targets: the loss would then ask for "
            "[MASK]. Make a new tensor, with torch.where or from ids.clone()."
        )
    compare(what, found, expected, mistakes)
    right("most chosen tokens are masked, some are random, some stay, and no other changes.")


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
    by_text = torch.stack([each[row, chosen[row]].mean() for row in (0, 1)])
    zero_logits = F.cross_entropy((logits * chosen[..., None]).flatten(0, 1), ids.flatten())
    zero_targets = F.cross_entropy(logits.flatten(0, 1), (ids * chosen).flatten())
    shifted = F.cross_entropy(logits[:, :-1].mT, ids[:, 1:], reduction="none")
    twice = F.cross_entropy(logits[chosen].softmax(-1), ids[chosen])
    shift = "Shift nothing: the logits at a masked position predict the token there."
    zeros = "Zeros leave no position out: each is scored all the same. Select the chosen ones."
    mistakes = [
        (each.mean(), "You score all positions. At most of them, the input contains the answer."),
        (each[ids != 0].mean(), "You leave out only the padding. Select the chosen positions."),
        (each[~chosen].mean(), "You score the positions that were not chosen. Invert the mask."),
        (each[chosen].sum(), "This is the sum. Take the mean over the chosen positions."),
        ((each * chosen).mean(), "You divide by all positions. Divide by the chosen ones."),
        (by_text.mean(), "You average over each text first. Weigh all chosen positions equally."),
        (zero_logits, zeros),
        (zero_targets, zeros),
        *((wrong.mean(), shift) for wrong in (shifted, shifted[chosen[:, 1:]])),
        (twice, "Your softmax is applied twice: F.cross_entropy takes logits."),
    ]
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
    no_softmax = "Return the logits as they are: the loss applies softmax."
    mistakes = [
        (each[:, -1], "This is the last token, often padding. [CLS] is the first."),
        (each.mean(1), "You average over all tokens. Take the hidden state of [CLS] alone."),
        (each[0], "states[0] holds the tokens of the first text. The tokens are the second axis."),
        (each, "You classify each token. Select [CLS] first, so that the logits are (B, C)."),
        (states[:, 0], "This is the hidden state of [CLS]. Multiply it by the weight."),
        (logits - bias, "The bias is missing."),
        (logits.argmax(-1), "This is the predicted class. Return the logits, (B, C)."),
        (logits.softmax(-1), no_softmax),
        (logits.log_softmax(-1), no_softmax),
        (logits.sigmoid(), no_softmax),
    ]
    layout = "The weight is (C, D), so use F.linear(x, weight, bias), or x @ weight.T + bias."
    what = "classify(states, weight, bias)"
    found = answer(what, classify, states, weight, bias, hint=layout)
    compare(what, found, logits, mistakes)
    right("one linear layer on [CLS] is all that fine-tuning adds.")
