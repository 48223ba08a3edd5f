"""Recurrent encoder-decoders, which differ in what the decoder may attend to."""

from attention.models.rnn.bahdanau import Bahdanau, BahdanauConfig
from attention.models.rnn.encoder_decoder import RNNEncoder, Seq2Seq, Seq2SeqConfig
from attention.models.rnn.fixed_vector import RNNEncoderDecoder, RNNEncoderDecoderConfig
from attention.models.rnn.luong import Luong, LuongConfig

__all__ = [
    "Bahdanau",
    "BahdanauConfig",
    "Luong",
    "LuongConfig",
    "RNNEncoder",
    "RNNEncoderDecoder",
    "RNNEncoderDecoderConfig",
    "Seq2Seq",
    "Seq2SeqConfig",
]
