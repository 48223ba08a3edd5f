"""Exercises of the chapter *Word by word*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.evaluation.metrics import alignment_error_rate
from attention.exercises.checking import answer, compare, right

__all__ = ["check_alignment_error_rate", "check_look_up", "check_posteriors"]

Links = frozenset[tuple[int, int]]


def check_look_up(look_up: Callable[..., Any]) -> None:
    """Check a word-by-word translator.

    Args:
        look_up: From the words of a sentence and a translation table, `{(English, French):
            probability}`, the most probable French word for each English one, in a list. Of equals
            the first in the table is taken; an unknown word is copied.

    Raises:
        Hint: It writes something else.
    """
    table = {
        ("the", "les"): 0.2, ("the", "la"): 0.35, ("the", "le"): 0.35, ("the", "l'"): 0.1,
        ("treaty", "traités"): 0.1, ("treaty", "traité"): 0.7, ("treaty", "un"): 0.2,
    }  # fmt: skip
    what = "look_up(words, table)"
    pairs = "A key of the table is a pair, (English, French). First collect the pairs of the word."
    unknown = "A word that is not in the table, here `Lisbon`, is copied."
    answer(what, look_up, ["the", "treaty"], dict(table), hint=pairs)
    found = answer(what, look_up, ["the", "Lisbon", "treaty"], dict(table), hint=unknown)
    copy = "Copy the unknown word: a name is often right as it is."
    mistakes: list[tuple[object, str]] = [
        (["les", "Lisbon", "traités"], "You take the first translation. Take the most probable."),
        (["l'", "Lisbon", "traités"], "You take the least probable. Take the most probable."),
        (["the", "Lisbon", "treaty"], "You copy each word. The key is a pair, (English, French)."),
        (["les", "Lisbon", "un"], "max compares spellings. Give it a key: the probability."),
        (["le", "Lisbon", "traité"], "la and le are equally probable. Keep the first of them."),
        (["la", "traité"], "A word that is not in the table is copied. You leave it out."),
        *((["la", other, "traité"], copy) for other in ("<unk>", None, "")),
        ("la Lisbon traité", "The words are right. Return them in a list, not as one string."),
    ]
    compare(what, found, ["la", "Lisbon", "traité"], mistakes)
    right("one word for one word, in the order of the source.")


def check_posteriors(posteriors: Callable[..., Any]) -> None:
    """Check the E-step of one sentence pair, all words at once.

    Args:
        posteriors: From a translation table (a row for each source word, a column for each target
            word) and the token ids of the two sentences, the posterior probability that each target
            word (row) translates each source word (column).

    Raises:
        Hint: It computes something else.
    """
    table = torch.tensor(
        [
            [0.5, 0.1, 0.2, 0.1, 0.1],
            [0.1, 0.4, 0.2, 0.2, 0.1],
            [0.3, 0.1, 0.1, 0.4, 0.1],
            [0.2, 0.1, 0.6, 0.0, 0.1],
        ]
    )
    source, target = torch.tensor([3, 0]), torch.tensor([0, 2, 2])
    joint, swapped = table[source][:, target].T, table[target][:, source]
    expected = joint / joint.sum(dim=1, keepdim=True)
    hint = (
        "If the indexing fails: take rows, then columns, table[source][:, target], because "
        "table[source, target] pairs the words of the two sentences one to one.\n"
        "If the division fails: keepdim=True keeps the sums in a column, one for each row."
    )
    columns = "Your columns add up to 1, not your rows. A target word translates one source word."
    swap = "You take table[target], but the rows of the table are source words."
    mistakes = [
        (joint, "These are the probabilities of the table. Divide each row by its sum."),
        (expected.T, "The posteriors are right, but transposed: a row is a target word."),
        (joint / joint.sum(dim=0), columns),
        (joint / joint.sum(), "You divide by the sum of everything. Divide each row by its own."),
        (joint.softmax(dim=1), "No softmax here: the table holds probabilities, not scores."),
        (swapped / swapped.sum(dim=1, keepdim=True), swap),
    ]
    what = "posteriors(table, source, target)"
    found = answer(what, posteriors, table, source, target, hint=hint)
    compare(what, found, expected, mistakes)
    right("each target word's posteriors add up to one over the words of its source.")


def check_alignment_error_rate(error_rate: Callable[..., Any]) -> None:
    """Check the alignment error rate of one sentence.

    Args:
        error_rate: From the links found and the gold ones, the error rate.

    Raises:
        Hint: It measures something else.
    """
    gold: Links = frozenset({(0, 0), (1, 1), (2, 1), (3, 2), (4, 2)})
    found: Links = frozenset({(0, 0), (1, 0)})
    agreed, both = len(found & gold), len(found) + len(gold)
    expected = alignment_error_rate([found], [gold])
    precision = (
        "You divide by the links found alone, so you measure precision. A translator that finds "
        "one correct link and no other would be perfect: the gold links must count, too."
    )
    recall = (
        "You divide by the gold links alone, so you measure recall. A translator that links every "
        "word with every other would be perfect: the links found must count, too."
    )
    twice = "The denominator counts a link in both sets twice. The numerator must do so, too."
    mistakes = [
        (1 - expected, "This is how far they agree. The error is the rest, up to 1."),
        (1 - agreed / len(found), precision),
        (1 - agreed / len(gold), recall),
        (1 - agreed / both, twice),
        (1 - agreed / len(found | gold), "Divide by the sum of both sizes, not by their union."),
    ]
    sets = "Both arguments are sets: `found & gold` is the set of links in both."
    rate = answer("error_rate(found, gold)", error_rate, found, gold, hint=sets)
    compare("error_rate(found, gold)", rate, expected, mistakes)
    perfect = answer("error_rate(gold, gold)", error_rate, gold, gold, hint=sets)
    compare("error_rate(gold, gold)", perfect, 0.0)
    right("0 when all links agree, 1 when none does.")
