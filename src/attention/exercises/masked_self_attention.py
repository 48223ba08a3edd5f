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

NOT_ITSELF = "A token may attend to itself as well: its own value is a part of its context."
ONLY_ITSELF = "A token may attend to itself, but also to others."
# For each kind of attention, the rule, and likely mistakes: q and k are positions, from 0.
RULES: dict[str, tuple[Callable[[int, int], bool], list[tuple[Callable[[int, int], bool], str]]]]
RULES = {
    SELF: (lambda q, k: True, [
        (lambda q, k: k <= q, "This is the rule of masked self-attention. Self-attention allows "
         "every key."),
        (lambda q, k: k != q, NOT_ITSELF),
        (lambda q, k: k == q, ONLY_ITSELF),
    ]),
    MASKED: (lambda q, k: k <= q, [
        (lambda q, k: True, "A query may attend to later tokens here, which in generation don't "
         "exist yet."),
        (lambda q, k: k < q, NOT_ITSELF),
        (lambda q, k: k == q, ONLY_ITSELF),
        (lambda q, k: k >= q, "It is the wrong way round: your queries attend to later tokens. The "
         "query attends, and the key is attended to."),
        (lambda q, k: k > q, "These are the pairs that are masked. True means that the query may "
         "attend to the key."),
        (lambda q, k: k <= q + 1, "Off by one: a query may attend to the next token, which is what "
         "the model has to predict there."),
    ]),
    CROSS: (lambda q, k: True, [
        (lambda q, k: k <= q, "The keys belong to the source, which is complete, so no key is in "
         "the future. Its position says nothing about the position of the query."),
        (lambda q, k: k == q, "Position 2 of the source has nothing to do with position 2 of the "
         "target. Allow every key."),
        (lambda q, k: False, "Your rule lets no query attend to any key."),
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
        found = [
            answer(one, may_attend, kind, *pair) for one, pair in zip(what, pairs, strict=True)
        ]
        expected = [rule(*pair) for pair in pairs]
        if not same(found, expected):
            for mistake, hint in mistakes:
                if same(found, [mistake(*pair) for pair in pairs]):
                    raise Hint(f"In {kind}: {hint}")
        for one, said, allowed in zip(what, found, expected, strict=True):
            compare(one, said, allowed)
    right("only the tokens that are still to be generated are masked.")


def check_affected_positions(affected_positions: Callable[..., Any]) -> None:
    """Check which outputs change with a token.

    Args:
        affected_positions: From a kind, the length of a sentence and a position, the positions
            whose outputs may change when the token there is replaced.

    Raises:
        Hint: They are others.
    """
    from_zero = "Count positions from 0: a sentence of 5 tokens has the positions 0 to 4."
    itself = "Token i attends to itself, too, so its own output may change."
    for length, i in [(5, 1), (5, 4), (4, 0), (6, 3)]:
        every, before, after = list(range(length)), list(range(i)), list(range(i, length))
        one_too_far = list(range(i + 1, length + 1))
        for kind, expected, mistakes in [
            (SELF, every, [
                ([i], "The other tokens attend to token i, so their outputs may change, too."),
                ([*before, *after[1:]], itself),
                (after, "Nothing is masked here: the tokens before i attend to it as well."),
                (list(range(1, length + 1)), from_zero),
            ]),
            (MASKED, after, [
                (every, "Under the mask, the tokens before i can't attend to it, so their outputs "
                 "stay the same."),
                ([*before, i], "These are the positions that token i may attend to. The question "
                 "is which positions may attend to i."),
                (after[1:], itself),
                (before, "It is the wrong way round: the tokens before i can't attend to it."),
                ([i], "Its own output may change, but later tokens attend to token i, too."),
                (one_too_far, from_zero),
            ]),
        ]:  # fmt: skip
            what = f"affected_positions({kind!r}, {length}, {i})"
            found = _as_list(answer(what, affected_positions, kind, length, i))
            if isinstance(found, list) and any(isinstance(one, bool) for one in found):
                raise Hint("Return the positions themselves, not True or False for each.")
            if isinstance(found, int) and not isinstance(found, bool):
                raise Hint(f"{what} is a single number. Return a list of positions.")
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
        "copies it, mask or no mask, and learns nothing. Shift one of the two by a position."
    )
    backwards = "It is the wrong way round: your model learns to predict the *previous* token."
    mistakes: list[tuple[object, str]] = [
        ((early, early), copies),
        ((late, late), copies),
        ((ids, ids), copies),
        ((late, early), backwards),
        ((ids, ids.roll(1, dims=1)), backwards),
        ((ids[:-1], ids[1:]), "You shift the sentences of the batch. The tokens are on axis 1."),
        ((ids, ids.roll(-1, dims=1)), "roll moves the <s> of the beginning to the end, where it "
         "becomes a target. Cut instead: the last token is never an input."),
        ((ids[:, 1:-1], ids[:, 2:]), "You cut off <s>. From it, the model learns how a sentence "
         "begins."),
        ((ids[:, :-2], ids[:, 1:-1]), "The longest sentence loses its </s>. From it, the model "
         "learns when to stop."),
        ((ids[:, :-2], ids[:, 2:]), "They are two positions apart, so each prediction skips a "
         "token."),
        ((ids, late), "The inputs are one token too long: nothing follows the last token."),
        ((early, ids), "The targets are one token too long: nothing predicts <s>."),
    ]  # fmt: skip
    what = "inputs_and_targets(ids)"
    found = answer(what, inputs_and_targets, ids)
    pair = isinstance(found, tuple | list) and len(found) == 2
    if found is not None and found is not ... and not (
        pair and all(isinstance(half, Tensor) for half in found)
    ):  # fmt: skip
        raise Hint("Return two tensors: return inputs, targets")
    compare(what, found, (early, late), mistakes)
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
    what = "perplexity(probabilities)"
    compare(what, answer(what, perplexity, p), expected, [
        (loss, "This is the loss. Raise e to it."),
        (1 / p, "This is a number for each token. Take the mean of the losses first."),
        ((1 / p).mean(), "You average 1/p, so one bad prediction outweighs many good ones. Average "
         "the logarithms first, and raise e to their mean."),
        (1 / p.mean(), "You average the probabilities. Average their logarithms."),
        (1 / expected, "Mind the sign: the loss is *minus* the logarithm, so a perplexity is never "
         "below 1."),
        (1 / p.prod(), "You add up the losses. Take their mean, so that a long text isn't worse "
         "than a short one."),
        (2.0**loss, "torch.log has the base e, so raise e to the mean, and not 2."),
        (torch.tensor(math.e) ** (-p.log2().mean()), "log2 has the base 2, so raise 2 to the mean, "
         "and not e. Or use torch.log."),
    ])  # fmt: skip
    right("the loss, as a number of equally probable tokens.")
