"""Data: the toy corpus, readers of parallel corpora and plain text, and batches of token ids.

A new data set, file format or way to form batches belongs here.
"""

from typing import NamedTuple

__all__ = ["Pair"]


class Pair(NamedTuple):
    """A sentence pair: a source sentence, its translation and, where known, their word alignment.

    Attributes:
        source: The sentence to translate.
        target: Its reference translation.
        alignment: Gold links `(target position, source position)`, counted from 0 in the words that
            `attention.tokenizers.words.split_words` finds. None where there is no gold alignment.
    """

    source: str
    target: str
    alignment: frozenset[tuple[int, int]] | None = None
