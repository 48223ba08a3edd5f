"""The toy corpus: English and French sentences from a grammar, with gold word alignments."""

from attention.data.toy.corpus import SPLIT_SIZES, SPLITS, held_out, pairs, small_world, split_of

__all__ = ["SPLITS", "SPLIT_SIZES", "held_out", "pairs", "small_world", "split_of"]
