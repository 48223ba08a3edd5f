"""Exercises of the chapter *Self-attention and masked self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.shapes import Tensor

__all__ = [
    "check_affected_positions",
    "check_inputs_and_targets",
    "check_may_attend",
    "check_perplexity",
]

SELF, MASKED, CROSS = "self-attention", "masked self-attention", "encoder-decoder attention"

Rule = Callable[[int, int], bool]  # whether a query may attend to a key: positions, from 0
NOT_ITSELF = "A token may attend to itself as well: its own value is a part of its context."
COMPLETE = "The keys belong to the source, which is complete: allow every key."
# For each kind of attention, the rule, and likely mistakes.
RULES: dict[str, tuple[Rule, list[tuple[Rule, str]]]] = {
    SELF: (lambda q, k: True, [
        (lambda q, k: k <= q, "This is the rule of masked self-attention. Allow every key."),
        (lambda q, k: k != q, NOT_ITSELF),
        (lambda q, k: False, "True means “may attend”."),
    ]),
    MASKED: (lambda q, k: k <= q, [
        (lambda q, k: True, "Yours attend to later tokens, which don't exist in generation."),
        (lambda q, k: k < q, NOT_ITSELF),
        (lambda q, k: k >= q, "It is the wrong way round: your queries attend to later tokens."),
        (lambda q, k: k > q, "These are the pairs that are masked. True means “may attend”."),
        (lambda q, k: k <= q + 1, "Off by one: a query may attend to the next token."),
    ]),
    CROSS: (lambda q, k: True, [
        (lambda q, k: k <= q, COMPLETE),
        (lambda q, k: k == q, COMPLETE),
    ]),
}  # fmt: skip


def check_may_attend(may_attend: Callable[..., Any]) -> None:
    """Check which query may attend to which key, in the three kinds of attention.

    Args:
        may_attend: From a kind and the positions of a query and a key, whether the query may
            attend to the key.

    Raises:
        Hint: It allows too much or too little.
    """
    queries, keys = 4, {SELF: 4, MASKED: 4, CROSS: 6}
    for kind, (rule, mistakes) in RULES.items():
        pairs = [(query, key) for query in range(queries) for key in range(keys[kind])]
        what = [f"may_attend({kind!r}, {query}, {key})" for query, key in pairs]
        found = [answer(w, may_attend, kind, *pair) for w, pair in zip(what, pairs, strict=True)]
        for mistake, hint in mistakes:
            if same(found, [mistake(*pair) for pair in pairs]):
                raise Hint(f"In {kind}: {hint}")
        for one, said, pair in zip(what, found, pairs, strict=True):
            compare(one, said, rule(*pair))
    right("only the tokens that are still to be generated are masked.")


def check_affected_positions(affected_positions: Callable[..., Any]) -> None:
    """Check which outputs change with a token.

    Args:
        affected_positions: From a kind, the length of a sentence and a position, the positions
            whose outputs may change when the token there is replaced.

    Raises:
        Hint: They are others.
    """
    past = "These are the positions that i may attend to. Which attend to i?"
    itself = "Token i attends to itself, too, so its own output may change."
    for length, i in [(5, 1), (5, 4), (4, 0), (6, 3)]:
        every, before, after = list(range(length)), list(range(i)), list(range(i, length))
        for kind, expected, mistakes in [
            (SELF, every, [
                ([i], "The other tokens attend to token i, so their outputs may change, too."),
                ([*before, *after[1:]], itself),
                (after, "Nothing is masked here: the tokens before i attend to it as well."),
            ]),
            (MASKED, after, [
                (every, "The tokens before i can't attend to it, so their outputs stay the same."),
                *((wrong, past) for wrong in ([*before, i], before)),
                (after[1:], itself),
                ([i], "Its own output may change, but later tokens attend to token i, too."),
            ]),
        ]:  # fmt: skip
            what = f"affected_positions({kind!r}, {length}, {i})"
            found = _as_list(answer(what, affected_positions, kind, length, i))
            if isinstance(found, list) and any(isinstance(one, bool) for one in found):
                raise Hint("Return the positions themselves, not True or False for each.")
            compare(what, found, expected, mistakes)
    right("a change affects the positions that may attend to it, and no others.")


def _as_list(positions: object) -> object:
    """Positions in order, however the reader has collected them."""
    if isinstance(positions, Tensor) and positions.dim():
        positions = positions.tolist()
    if isinstance(positions, set | frozenset | range | tuple):
        positions = list(positions)
    if isinstance(positions, list) and all(isinstance(position, int) for position in positions):
        return sorted(positions)
    return positions


def check_inputs_and_targets(inputs_and_targets: Callable[..., Any]) -> None:
    """Check the inputs and the targets of a language model.

    Args:
        inputs_and_targets: From token ids `(B, T + 1)` that start with 2, end with 3 and are
            padded with 0, the inputs and the targets, `(B, T)` each.

    Raises:
        Hint: The targets are not the inputs, one position later.
    """
    ids = torch.tensor([[2, 4, 5, 6, 3], [2, 7, 8, 3, 0], [2, 9, 3, 0, 0]])
    early, late = ids[:, :-1], ids[:, 1:]
    copies = (
        "The target is the input at the same position. A token may attend to itself, so the model "
        "copies it, mask or no mask. Shift one of the two by a position."
    )
    backwards = "It is the wrong way round: your model learns to predict the *previous* token."
    mistakes: list[tuple[object, str]] = [
        *(((half, half), copies) for half in (early, late, ids)),
        ((late, early), backwards),
        ((ids, ids.roll(1, dims=1)), backwards),
        ((ids[:-1], ids[1:]), "You shift the sentences of the batch. The tokens are on axis 1."),
        ((ids, ids.roll(-1, dims=1)), "roll moves <s> to the end, as a target. Cut instead."),
        ((ids, late), "Nothing follows the last token, so it is never an input."),
        ((early, ids), "Nothing predicts the first token, so it is never a target."),
    ]
    what = "inputs_and_targets(ids)"
    compare(what, answer(what, inputs_and_targets, ids), (early, late), mistakes)
    right("each token is the target once, and an input when the next one is predicted.")


def check_perplexity(perplexity: Callable[..., Any]) -> None:
    """Check a perplexity.

    Args:
        perplexity: From the probabilities that a model gave to the correct tokens, the number of
            equally probable tokens that would have made it as uncertain.

    Raises:
        Hint: It is another number.
    """
    p = torch.tensor([1 / 2, 1 / 4, 1 / 16, 1.0])
    loss = -p.log().mean()
    expected = loss.exp()
    base = "torch.log has the base e, and torch.log2 has 2. Raise the same base to the mean."
    mistakes = [
        (loss, "This is the loss. Raise e to it."),
        ((1 / p).mean(), "You average 1/p. Average the logarithms, and raise e to their mean."),
        (1 / p.mean(), "You average the probabilities. Average their logarithms."),
        ((-p).mean().exp(), "The logarithm is missing: the loss is minus log p."),
        (1 / expected, "Mind the sign: the loss is *minus* the logarithm."),
        (1 / p.prod(), "You add up the losses. Take their mean."),
        (2.0**loss, base),
        (math.e ** float(-p.log2().mean()), base),
    ]
    what = "perplexity(probabilities)"
    compare(what, answer(what, perplexity, p), expected, mistakes)
    right("the loss, as a number of equally probable tokens.")
