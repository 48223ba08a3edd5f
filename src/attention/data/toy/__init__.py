"""The toy corpus: English and French sentences from a grammar, with gold word alignments."""

from attention.data.toy.corpus import SPLITS, held_out, pairs, split_of

__all__ = ["SPLITS", "held_out", "pairs", "split_of"]
