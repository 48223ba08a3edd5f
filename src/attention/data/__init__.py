"""Sentences to learn from: a toy grammar with gold alignments, and readers for real text."""

from typing import NamedTuple

__all__ = ["Pair"]


class Pair(NamedTuple):
    """A sentence, its translation and, where it is known, which word comes from which.

    Attributes:
        source: The sentence to translate.
        target: Its translation.
        alignment: Links `(target word, source word)`, counted from 0 in the words that
            `attention.tokenizers.words.split_words` finds. None where nobody has aligned the words.
    """

    source: str
    target: str
    alignment: frozenset[tuple[int, int]] | None = None
