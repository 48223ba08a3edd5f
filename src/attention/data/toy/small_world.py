"""The small world: the toy sentences of a hundred English words, for models trained in seconds."""

from attention.data import Pair
from attention.data.toy.corpus import pairs

__all__ = ["small_world"]

_WORDS = """the he she we they i on of was were in and late early .
agreement treaty report law letter decision budget contract reform resolution
council fund parliament area union bank market commission
european economic social international national central monetary african
signed adopted rejected examined created financed supported defended
arrived left returned entered
january february march april may june july august september october november december
"""
_WORLD = {*_WORDS.split(), *map(str, range(1980, 2000))}
_MAX_WORDS = 13  # of an English sentence, as long as the longest of the held-out ones


def small_world(split: str, n: int) -> list[Pair]:
    """Those of the first `n` sentence pairs of a toy split that have a small vocabulary.

    Args:
        split: `"train"`, `"valid"` or `"test"`.
        n: The number of pairs to choose from.

    Raises:
        BadInput: There is no such split, or `n` is negative.
    """
    return [pair for pair in pairs(split, n) if _is_small(pair.source.lower().split())]


def _is_small(words: list[str]) -> bool:
    return len(words) <= _MAX_WORDS and set(words) <= _WORLD
