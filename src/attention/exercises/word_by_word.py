"""Exercises of the chapter *Word by word*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.evaluation.metrics import alignment_error_rate
from attention.exercises.checking import Hint, compare, right

__all__ = ["check_alignment_error_rate", "check_look_up", "check_shares"]

Links = frozenset[tuple[int, int]]


def check_look_up(look_up: Callable[..., Any]) -> None:
    """Check a translator that looks each word up.

    Args:
        look_up: From the words of a sentence and a dictionary, `{(English, French): probability}`,
            the likeliest French word for each English one. Of equals the first in the dictionary
            is taken; an unknown word stays as it is.

    Raises:
        Hint: It writes something else.
    """
    dictionary = {
        ("the", "les"): 0.2, ("the", "la"): 0.4, ("the", "le"): 0.4,
        ("treaty", "un"): 0.1, ("treaty", "traité"): 0.9,
    }  # fmt: skip
    try:
        written = look_up(["the", "Lisbon", "treaty"], dict(dictionary))
    except (LookupError, ValueError) as error:
        message = "A word that is not in the dictionary stays as it is. On `Lisbon` yours raises "
        raise Hint(message + repr(error)) from error
    compare("look_up(words, dictionary)", written, ["la", "Lisbon", "traité"], [
        (["les", "Lisbon", "un"], "You take the first translation. Take the likeliest."),
        (["le", "Lisbon", "traité"], "la and le are equally likely. Keep the one that came first."),
        (["la", "traité"], "A word that is not in the dictionary stays. You leave it out."),
        (["la", "<unk>", "traité"], "Copy the unknown word: a name is often right as it is."),
        ("la Lisbon traité", "This is the right text. Give its words, in a list."),
    ])  # fmt: skip
    right("one word for one word, in the order of the source.")


def check_shares(shares: Callable[..., Any]) -> None:
    """Check the expectation step of one sentence pair, all words at once.

    Args:
        shares: From a table of probabilities (a row for each source word, a column for each
            target word) and the numbers of the two sentences' words, the share of each target
            word (row) that each source word (column) gets.

    Raises:
        Hint: It shares out wrongly.
    """
    table = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
    source, target = torch.tensor([2, 0]), torch.tensor([0, 1, 1])
    claims = table[source][:, target].T
    expected = claims / claims.sum(dim=1, keepdim=True)
    what = "shares(table, source, target)"
    shape = "it needs a row for each target word and a column for each source word."
    other_way = claims / claims.sum(dim=0)
    compare(what, shares(table, source, target), expected, [
        (claims, "These are the claims. Each row must add up to 1: divide by its sum."),
        (claims.T, f"These are the claims, and they lie on their side: {shape} Then divide."),
        (expected.T, f"The shares are right, but they lie on their side: {shape}"),
        (torch.full_like(claims, 0.5), "Even shares were for the start. Look into the table."),
        (other_way, "Your columns add up to 1. A target word shares itself out: rows must."),
        (claims.softmax(dim=1), "No softmax here: the table holds probabilities, not scores."),
    ])  # fmt: skip
    right("each target word is shared out once, among the words of its source.")


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
    compare("error_rate(found, gold)", error_rate(found, gold), expected, [
        (1 - expected, "This is how far they agree. The error is the rest, up to 1."),
        (
            1 - agreed / len(found),
            "You divide by the links found alone. A translator that finds one sure link and no "
            "other would be perfect: the gold links must count, too.",
        ),
        (
            1 - agreed / len(gold),
            "You divide by the gold links alone. A translator that links every word with every "
            "other would be perfect: the links found must count, too.",
        ),
        (1 - agreed / both, "A link on which both agree stands in both sets: count it twice."),
        (1 - agreed / len(found | gold), "Divide by both sizes, added: not by their union."),
    ])  # fmt: skip
    compare("error_rate(gold, gold)", error_rate(gold, gold), 0.0)
    right("0 when all links agree, 1 when none does.")
