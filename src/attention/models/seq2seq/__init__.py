"""Recurrent translators: an encoder reads the sentence, a decoder writes its translation.

They differ in one thing only: what the decoder may look at while it writes.
"""

from attention.models.seq2seq.bahdanau import Bahdanau, BahdanauConfig
from attention.models.seq2seq.fixed_vector import FixedVector, FixedVectorConfig
from attention.models.seq2seq.frame import Encoder, Seq2Seq, Seq2SeqConfig
from attention.models.seq2seq.luong import Luong, LuongConfig

__all__ = [
    "Bahdanau",
    "BahdanauConfig",
    "Encoder",
    "FixedVector",
    "FixedVectorConfig",
    "Luong",
    "LuongConfig",
    "Seq2Seq",
    "Seq2SeqConfig",
]
