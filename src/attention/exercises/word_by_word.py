"""Exercises of the chapter *Word by word*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.evaluation.metrics import alignment_error_rate
from attention.exercises.checking import Hint, answer, compare, right
from attention.shapes import Tensor

__all__ = ["check_alignment_error_rate", "check_look_up", "check_posteriors"]

Links = frozenset[tuple[int, int]]
Table = dict[tuple[str, str], float]


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
        ("treaty", "un"): 0.2, ("treaty", "traité"): 0.7, ("treaty", "traités"): 0.1,
    }  # fmt: skip
    expected = ["la", "Lisbon", "traité"]
    _translated(look_up, ["the", "treaty"], table)  # a fault here has to do with known words
    try:
        written = _translated(look_up, ["the", "Lisbon", "treaty"], table)
    except Hint as hint:
        message = "A word that is not in the table is copied, but on `Lisbon` yours raises an error"
        raise Hint(f"{message}: {hint.__cause__!r}") from hint
    compare("look_up(words, table)", written, expected, [
        (["les", "Lisbon", "un"], "You take the first translation. Take the most probable."),
        (["l'", "Lisbon", "traités"], "You take the least probable. Take the most probable."),
        (["le", "Lisbon", "traité"], "la and le are equally probable. Keep the first of them."),
        (["la", "traité"], "A word that is not in the table is copied. You leave it out."),
        (["la", "<unk>", "traité"], "Copy the unknown word: a name is often right as it is."),
        (["la", None, "traité"], "Copy the unknown word; you write None in its position."),
        (["la", "", "traité"], "Copy the unknown word; you write nothing in its position."),
        ("la Lisbon traité", "The words are right. Return them in a list, not as one string."),
        (written, _unlike(written, expected)),
    ])  # fmt: skip
    right("one word for one word, in the order of the source.")


def _translated(look_up: Callable[..., Any], words: list[str], table: Table) -> Any:
    """What the reader's function returns; a missing key gets a hint of its own."""
    try:
        return answer("look_up(words, table)", look_up, list(words), dict(table))
    except Hint as hint:
        if not isinstance(hint.__cause__, KeyError):
            raise
        key = hint.__cause__.args[0]
        message = f"The table has no key {key!r}: a key is a pair, (English, French)."
        raise Hint(f"{message} First collect the pairs whose English word is yours.") from hint


def _unlike(written: object, expected: list[str]) -> str:
    """In words, how something differs from a list of words."""
    if not isinstance(written, list | tuple):
        return f"Return a list of words, not a {type(written).__name__}."
    if len(written) != len(expected):
        return f"One word for each English word: {len(expected)}, but you write {len(written)}."
    first = next((i for i, word in enumerate(written) if word != expected[i]), 0)
    said = f"Word {first} of your translation is {written[first]!r}: not"
    is_word = isinstance(written[first], str)
    return f"{said} the most probable one." if is_word else f"{said} a word. Return French words."


def check_posteriors(posteriors: Callable[..., Any]) -> None:
    """Check the E-step of one sentence pair, all words at once.

    Args:
        posteriors: From a translation table (a row for each source word, a column for each target
            word) and the token ids of the two sentences, the posterior probability that each target
            word (row) translates each source word (column).

    Raises:
        Hint: It computes something else.
    """
    table = torch.tensor([
        [0.5, 0.1, 0.2, 0.1, 0.1],
        [0.1, 0.4, 0.2, 0.2, 0.1],
        [0.3, 0.1, 0.1, 0.4, 0.1],
        [0.2, 0.1, 0.6, 0.0, 0.1],
    ])  # fmt: skip
    source, target = torch.tensor([3, 0]), torch.tensor([0, 2, 2])
    joint, swapped = table[source][:, target].T, table[target][:, source]
    expected = joint / joint.sum(dim=1, keepdim=True)
    what = "posteriors(table, source, target)"
    found = answer(what, posteriors, table, source, target, hint=(
        "If it is the indexing that fails: take rows, then columns, table[source][:, target], "
        "because table[source, target] pairs the words of the two sentences one to one. If it is "
        "the division: keepdim=True keeps the sums in a column, so that each row meets its own."
    ))  # fmt: skip
    shape = "it needs a row for each target word and a column for each source word."
    compare(what, found, expected, [
        (joint, "These are the probabilities of the table. Divide each row by its sum."),
        (joint.T, f"These are the probabilities of the table, transposed: {shape} Then divide."),
        (expected.T, f"The posteriors are right, but transposed: {shape}"),
        (torch.full_like(joint, 0.5), "Uniform posteriors were for the start. Use the table."),
        (joint / joint.sum(dim=0), "Your columns add up to 1, but it is rows that must: each "
         "target word translates exactly one source word."),
        (joint / joint.sum(), "You divide by the sum of everything. Divide each row by its own."),
        (joint.softmax(dim=1), "No softmax here: the table holds probabilities, not scores."),
        (swapped, "You take table[target], but the rows of the table are source words."),
        (swapped / swapped.sum(dim=1, keepdim=True),
         "You take table[target], but the rows of the table are source words."),
        (found, _other_posteriors(found, expected, shape)),
    ])  # fmt: skip
    right("each target word's posteriors add up to one over the words of its source.")


def _other_posteriors(found: object, expected: Tensor, shape: str) -> str:
    """In words, what is wrong with posteriors that no likely mistake explains."""
    if not isinstance(found, Tensor):
        return f"Return a tensor, not a {type(found).__name__}: {shape}"
    if found.shape != expected.shape:
        return f"Yours has the shape {tuple(found.shape)}, but {shape}"
    sums = found.sum(dim=1)
    if not torch.allclose(sums, torch.ones_like(sums)):
        row = int((sums - 1).abs().le(1e-5).logical_not().nonzero()[0])
        return f"The posteriors of target word {row} add up to {sums[row]:.2f}, not to 1."
    return "Every row adds up to 1, but in other proportions than those of the table."


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
    what, sets = "error_rate(found, gold)", "Both arguments are sets: `found & gold` is in both."
    rate = answer(what, error_rate, found, gold, hint=sets)
    compare(what, rate, expected, [
        (1 - expected, "This is how far they agree. The error is the rest, up to 1."),
        (100 * expected, "This is right in per cent. Give it as a fraction, from 0 to 1."),
        (1 - agreed / len(found),
         "You divide by the links found alone, which is 1 − precision. A translator that finds one "
         "correct link and no other would be perfect: the gold links must count, too."),
        (1 - agreed / len(gold),
         "You divide by the gold links alone, which is 1 − recall. A translator that links every "
         "word with every other would be perfect: the links found must count, too."),
        (1 - agreed / both, "A link in both sets is counted twice below the line, so count it "
         "twice above the line, too."),
        (1 - agreed / len(found | gold), "Divide by the sum of both sizes, not by their union."),
        (rate, f"{what}: {_unlike_rate(rate, expected)} Compare it with the formula."),
    ])  # fmt: skip
    perfect = answer("error_rate(gold, gold)", error_rate, gold, gold, hint=sets)
    compare("error_rate(gold, gold)", perfect, 0.0, [
        (perfect, f"For two alignments that agree in all links: {_unlike_rate(perfect, 0.0)}"),
    ])  # fmt: skip
    right("0 when all links agree, 1 when none does.")


def _unlike_rate(rate: object, expected: float) -> str:
    """In words, how something differs from an error rate."""
    if not isinstance(rate, float | int):
        return f"yours is a {type(rate).__name__}, not a number."
    return f"yours is {rate:.2f}, which is too {'high' if rate > expected else 'low'}."
