"""Exercises of the chapter *Self-attention and masked self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.shapes import Tensor

__all__ = [
    "check_given_and_wanted",
    "check_may_look",
    "check_perplexity",
    "check_what_moves",
]

Rule = Callable[[int, int], bool]

SELF, MASKED, CROSS = "self-attention", "masked self-attention", "encoder-decoder attention"


def everywhere(query: int, key: int) -> bool:
    """Nothing is forbidden."""
    return True


def back(query: int, key: int) -> bool:
    """A word may look at itself and at what came before it."""
    return key <= query


def check_may_look(may_look: Callable[..., Any]) -> None:
    """Check who may look at whom, in the three kinds of attention.

    Args:
        may_look: From a kind and the places of a query and a key, whether the one may look at
            the other.

    Raises:
        Hint: It allows too much or too little.
    """
    length = 4
    only_itself = "A word may look at itself, and at others, too."
    not_itself = "A word may look at itself as well. It would be a pity if it forgot what it is."
    kinds: dict[str, tuple[int, Rule, list[tuple[Rule, str]]]] = {
        SELF: (length, everywhere, [
            (back, "This is the mask of masked self-attention. Self-attention looks both ways."),
            (lambda q, k: k != q, not_itself),
            (lambda q, k: k == q, only_itself),
        ]),
        MASKED: (length, back, [
            (everywhere, "This lets a word see the future: the words after it aren't written yet."),
            (lambda q, k: k < q, not_itself),
            (lambda q, k: k == q, only_itself),
            (
                lambda q, k: k >= q,
                "It is the wrong way round: your words look at what comes after them. The query "
                "looks, and the key is looked at.",
            ),
            (
                lambda q, k: k > q,
                "These are the pairs that are forbidden. True means that a query may look there.",
            ),
        ]),
        CROSS: (length + 2, everywhere, [
            (
                back,
                "The key is a word of the other text, and that is all there: nothing in it is the "
                "future. Its place says nothing about the place of the query.",
            ),
            (
                lambda q, k: k == q,
                "Place 2 of one text has nothing to do with place 2 of the other. Let the query "
                "look at all of it.",
            ),
        ]),
    }  # fmt: skip
    for kind, (keys, rule, mistakes) in kinds.items():
        pairs = [(query, key) for query in range(length) for key in range(keys)]
        found = [answer(f"may_look({kind!r}, {q}, {k})", may_look, kind, q, k) for q, k in pairs]
        for pair, said in zip(pairs, found, strict=True):
            if same(said, rule(*pair)):
                continue
            for mistake, hint in mistakes:
                if same(found, [mistake(*p) for p in pairs]):
                    raise Hint(f"In {kind}: {hint}")
            compare(f"may_look({kind!r}, {pair[0]}, {pair[1]})", said, rule(*pair))
    right("only what is still to be written is out of sight.")


def check_what_moves(what_moves: Callable[..., Any]) -> None:
    """Check which outputs change with a word.

    Args:
        what_moves: From a kind, the length of a sentence and the place of a word, the places
            whose outputs may change when this word is another.

    Raises:
        Hint: Others change.
    """
    for length, i in [(5, 1), (5, 4), (4, 0), (6, 3)]:
        all_places = list(range(length))
        before, after = list(range(i)), list(range(i, length))
        counted_from_one = "Count places from 0: a sentence of 5 words has the places 0 to 4."
        for kind, expected, mistakes in [
            (SELF, all_places, [
                ([i], "Its neighbours look at word i, so their outputs change with it."),
                (
                    [*before, *after[1:]],
                    "Word i looks at itself, too, so its own output changes with it.",
                ),
                (after, "Nothing is masked here: the words before i look at it as well."),
                (list(range(1, length + 1)), counted_from_one),
            ]),
            (MASKED, after, [
                (all_places, "Under the mask, the words before i can't see it: they don't move."),
                (
                    [*before, i],
                    "These are the places that word i may look at. Asked is who may look at i.",
                ),
                (after[1:], "Word i looks at itself, so its own output moves, too."),
                (before, "It is the wrong way round: the words before i can't see it."),
                ([i], "Its own output moves, but later words have looked at word i, too."),
                (list(range(i + 1, length + 1)), counted_from_one),
            ]),
        ]:  # fmt: skip
            what = f"what_moves({kind!r}, {length}, {i})"
            found = _as_list(answer(what, what_moves, kind, length, i))
            compare(what, found, expected, mistakes)
    right("a change reaches whoever may look at it, and nobody else.")


def _as_list(places: object) -> object:
    """Places in order, however the reader has collected them."""
    if isinstance(places, Tensor) and places.dim():
        places = places.tolist()
    if isinstance(places, set | frozenset | range | tuple):
        places = list(places)
    if isinstance(places, list) and all(isinstance(place, int) for place in places):
        return sorted(places)
    return places


def check_given_and_wanted(given_and_wanted: Callable[..., Any]) -> None:
    """Check what a language model is given, and what is wanted from it.

    Args:
        given_and_wanted: From word numbers `(B, T + 1)`, begun with 2, ended with 3 and padded
            with 0, the two halves of the training, `(B, T)` each.

    Raises:
        Hint: They are not one place apart.
    """
    ids = torch.tensor([[2, 4, 5, 6, 3], [2, 7, 8, 3, 0], [2, 9, 3, 0, 0]])
    early, late = ids[:, :-1], ids[:, 1:]
    copies = (
        "The model is asked for the word that it is given at the same place. It may look at "
        "itself, so it copies, mask or no mask, and learns nothing. Shift one of the two by a "
        "place."
    )
    backwards = "It is the wrong way round: your model learns to guess the word *before*."
    mistakes: list[tuple[object, str]] = [
        ((early, early), copies),
        ((late, late), copies),
        ((ids, ids), copies),
        ((late, early), backwards),
        (
            (ids[:-1], ids[1:]),
            "You have shifted the sentences of the batch. The words lie along the second axis.",
        ),
        (
            (ids, ids.roll(-1, dims=1)),
            "roll brings the <s> of the beginning round to the end, and asks for it there. Cut off "
            "instead: the last word is never given.",
        ),
        ((ids, ids.roll(1, dims=1)), backwards),
        (
            (ids[:, 1:-1], ids[:, 2:]),
            "You throw <s> away. From it the model learns how a sentence begins.",
        ),
        (
            (ids[:, :-2], ids[:, 1:-1]),
            "The longest sentence loses its </s>. From it the model learns when to stop.",
        ),
        ((ids[:, :-2], ids[:, 2:]), "They are two places apart, so each word skips its neighbour."),
        ((ids, late), "What is given is one place too long: nothing comes after the last word."),
    ]
    found = answer("given_and_wanted(ids)", given_and_wanted, ids)
    if found is not None and found is not ... and not _is_two_tensors(found):
        raise Hint("Give two tensors back: return given, wanted")
    compare("given_and_wanted(ids)", found, (early, late), mistakes)
    right("every word is the answer once, and is given when the next one is asked for.")


def _is_two_tensors(found: object) -> bool:
    pair = isinstance(found, tuple | list) and len(found) == 2
    return pair and all(isinstance(half, Tensor) for half in found)  # type: ignore[attr-defined]


def check_perplexity(perplexity: Callable[..., Any]) -> None:
    """Check a perplexity.

    Args:
        perplexity: From the probabilities that a model gave to the right words, how many equally
            likely words would have made it as unsure.

    Raises:
        Hint: It is another number.
    """
    p = torch.tensor([1 / 2, 1 / 4, 1 / 16, 1.0])
    loss = -p.log().mean()
    expected = loss.exp()
    what = "perplexity(probabilities)"
    compare(what, answer(what, perplexity, p), expected, [
        (loss, "This is the loss. Raise e to it."),
        (
            (1 / p).mean(),
            "You average the numbers of words, and one bad guess outweighs many good ones. Average "
            "the logarithms first, and raise e to their mean.",
        ),
        (1 / p.mean(), "You average the probabilities. Average their logarithms."),
        (
            1 / expected,
            "Mind the sign: the loss is minus the logarithm. Who is unsure has more than one word "
            "to choose from.",
        ),
        (
            1 / p.prod(),
            "You add the losses up. Take their mean, so that a long text isn't worse than a short "
            "one.",
        ),
        (2.0**loss, "torch.log has the base e, so raise e to the mean, and not 2."),
        (
            torch.tensor(math.e) ** (-p.log2().mean()),
            "log2 has the base 2, so raise 2 to the mean, and not e. Or take torch.log.",
        ),
    ])  # fmt: skip
    right("the loss, as a number of words to choose from.")
