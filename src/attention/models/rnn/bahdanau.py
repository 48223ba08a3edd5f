"""The recurrent translator with additive attention (Bahdanau et al. 2014)."""

from typing import NamedTuple

import torch
from torch import nn

from attention.layers.recurrent_attention import AdditiveAttention
from attention.models.rnn.encoder_decoder import RNNEncoder, Seq2Seq, Seq2SeqConfig
from attention.shapes import Bool, Float, Tensor

__all__ = ["Bahdanau", "BahdanauConfig", "BahdanauDecoder"]


class BahdanauConfig(Seq2SeqConfig):
    """The hyperparameters of a `Bahdanau`: each direction's GRU has half of `d_model`."""


class State(NamedTuple):
    """The decoder's state between two target tokens."""

    hidden: Float[Tensor, "B D"]
    memory: Float[Tensor, "B S D"]  # the encoder's outputs
    keys: Float[Tensor, "B S A"]  # their projection, the same for every query
    mask: Bool[Tensor, "B 1 S"]


class BahdanauDecoder(nn.Module):
    """A GRU decoder that attends to the encoder's outputs before each target token.

    Source: Bahdanau et al. 2014, section 3.1 and appendix A.2.2.
    """

    def __init__(self, vocab_size: int, d_embedding: int, d_model: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.attention = AdditiveAttention(d_model, d_model, d_align=d_model)
        self.s_0 = nn.Parameter(torch.randn(d_model) / 2)
        self.gru = nn.GRUCell(d_embedding + d_model, d_model)
        self.maxout = nn.Linear(d_model + d_embedding + d_model, 2 * d_embedding)
        self.output = nn.Linear(d_embedding, vocab_size)

    def initial_state(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> State:
        """A learned initial hidden state, the same for every sentence.

        The paper computes it from the last hidden state of the backward GRU, which has just
        processed the first source token. In small models, the first query then has no need to
        attend to that token, and the first row of weights says little about the alignment.
        """
        hidden = self.s_0.expand(memory.size(0), -1)
        return State(hidden, memory, self.attention.keys(memory), mask)

    def step(self, token: Float[Tensor, "B E"], state: State) -> tuple[Float[Tensor, "B R"], State]:
        """Attend with the previous hidden state, then update it from the token and the context."""
        query = state.hidden.unsqueeze(1)
        context = self.attention(query, state.memory, state.mask, keys=state.keys).squeeze(1)
        hidden = self.gru(torch.cat([token, context], dim=-1), state.hidden)
        return torch.cat([hidden, token, context], dim=-1), state._replace(hidden=hidden)

    def logits(self, readout: Float[Tensor, "*B R"]) -> Float[Tensor, "*B V"]:
        """Next-token logits: a maxout layer, then the output projection."""
        pairs = self.maxout(readout).unflatten(-1, (-1, 2))
        return self.output(self.dropout(pairs.amax(dim=-1)))


class Bahdanau(Seq2Seq):
    """A bidirectional GRU encoder and a GRU decoder with additive attention.

    Source: Bahdanau, Cho and Bengio 2014, arXiv 1409.0473.
    """

    alignment_layer = "decoder.attention"

    def __init__(self, config: BahdanauConfig) -> None:
        sizes = config.d_embedding, config.d_model, config.dropout
        encoder = RNNEncoder(config.source_vocab_size, *sizes)
        super().__init__(config, encoder, BahdanauDecoder(config.target_vocab_size, *sizes))
