"""Recurrent translators: an encoder reads the sentence, a decoder writes its translation.

They differ in one thing only: what the decoder may look at while it writes.
"""

from attention.models.rnn.bahdanau import Bahdanau, BahdanauConfig
from attention.models.rnn.encoder_decoder import Encoder, Seq2Seq, Seq2SeqConfig
from attention.models.rnn.fixed_vector import RNNEncoderDecoder, RNNEncoderDecoderConfig
from attention.models.rnn.luong import Luong, LuongConfig

__all__ = [
    "Bahdanau",
    "BahdanauConfig",
    "Encoder",
    "Luong",
    "LuongConfig",
    "RNNEncoderDecoder",
    "RNNEncoderDecoderConfig",
    "Seq2Seq",
    "Seq2SeqConfig",
]
