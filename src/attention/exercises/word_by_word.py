"""Checks for the chapter *Word by word*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.evaluation import alignment_error_rate
from attention.exercises.checking import compare, right

__all__ = ["check_alignment_error_rate", "check_normalise", "check_share_out"]

Links = frozenset[tuple[int, int]]


def check_share_out(share_out: Callable[..., Any]) -> None:
    """Check the expectation step of one sentence pair, all words at once.

    Args:
        share_out: From a table of probabilities (a row for each source word, a column for each
            target word) and the numbers of the two sentences' words, the share of each target
            word (row) that each source word (column) gets.

    Raises:
        Hint: It shares out wrongly.
    """
    table = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
    source, target = torch.tensor([2, 0]), torch.tensor([0, 1, 1])
    claims = table[source][:, target].T
    shares = claims / claims.sum(dim=1, keepdim=True)
    what = "share_out(table, source, target)"
    shape = "it needs a row for each target word and a column for each source word."
    other_way = claims / claims.sum(dim=0)
    compare(what, share_out(table, source, target), shares, [
        (claims, "These are the claims. Each row must add up to 1: divide by its sum."),
        (claims.T, f"These are the claims, and they lie on their side: {shape} Then divide."),
        (shares.T, f"The shares are right, but they lie on their side: {shape}"),
        (torch.full_like(claims, 0.5), "Even shares were for the start. Look into the table."),
        (other_way, "Your columns add up to 1. A target word shares itself out: rows must."),
        (claims.softmax(dim=1), "No softmax here: the table holds probabilities, not scores."),
    ])  # fmt: skip
    right("each target word is shared out once, among the words of its source.")


def check_normalise(normalise: Callable[..., Any]) -> None:
    """Check the maximisation step.

    Args:
        normalise: From counts, by (source word, target word), the probability of each target word
            given the source word.

    Raises:
        Hint: It divides by the wrong total.
    """
    counts = {("the", "la"): 3.0, ("the", "le"): 1.0, ("house", "la"): 1.0, ("house", "maison"): 2}
    given = {"the": 4, "house": 3}
    received = {"la": 4, "le": 1, "maison": 2}

    def divided(total: Callable[[str, str], float]) -> dict[tuple[str, str], float]:
        return {(s, t): count / total(s, t) for (s, t), count in counts.items()}

    compare("normalise(counts)", normalise(dict(counts)), divided(lambda s, t: given[s]), [
        (counts, "These are still the counts. Divide each by a total."),
        (
            divided(lambda s, t: received[t]),
            "You divide by what each French word received. The probabilities of an English word "
            "must add up to 1: divide by what that word was given.",
        ),
        (
            divided(lambda s, t: 7),
            "You divide by the total of all counts. Each English word needs a total of its own.",
        ),
        (
            divided(lambda s, t: 2),
            "You divide by the number of translations. Divide by the sum of their counts.",
        ),
    ])  # fmt: skip
    right("the probabilities of each English word add up to 1.")


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
