"""The RNN encoder-decoder: the source must pass through one fixed-length vector."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from attention.models.rnn.encoder_decoder import RNNEncoder, Seq2Seq, Seq2SeqConfig
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["FixedVectorDecoder", "RNNEncoderDecoder", "RNNEncoderDecoderConfig", "reverse_tokens"]


@dataclass(frozen=True)
class RNNEncoderDecoderConfig(Seq2SeqConfig):
    """The hyperparameters of an `RNNEncoderDecoder`, whose fixed-length vector is a hidden state.

    Attributes:
        reverse: Encode the source in reverse order, which brings its first tokens close to the
            first tokens of the translation (Sutskever et al. 2014, section 3.3).
    """

    d_model: int = 192
    reverse: bool = False


class State(NamedTuple):
    """The decoder's state between two target tokens."""

    hidden: Float[Tensor, "B D"]
    context: Float[Tensor, "B D"]  # the fixed-length vector


class FixedVectorDecoder(nn.Module):
    """A GRU decoder that is given the same context vector, that of the source, at every step.

    Source: Cho et al. 2014, section 2.2.
    """

    def __init__(self, vocab_size: int, d_embedding: int, d_model: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRUCell(d_embedding + d_model, d_model)
        self.maxout = nn.Linear(d_model + d_embedding + d_model, 2 * d_embedding)
        self.output = nn.Linear(d_embedding, vocab_size)

    def initial_state(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> State:
        """The encoder's last hidden state, as hidden state and as context; the others are lost."""
        last = mask.squeeze(1).sum(dim=-1) - 1
        context = memory[torch.arange(memory.size(0), device=memory.device), last]
        return State(context, context)

    def step(self, token: Float[Tensor, "B E"], state: State) -> tuple[Float[Tensor, "B R"], State]:
        """Update the hidden state from the token's embedding and the context."""
        hidden = self.gru(torch.cat([token, state.context], dim=-1), state.hidden)
        readout = torch.cat([hidden, token, state.context], dim=-1)
        return readout, state._replace(hidden=hidden)

    def logits(self, readout: Float[Tensor, "*B R"]) -> Float[Tensor, "*B V"]:
        """Next-token logits: a maxout layer, then the output projection."""
        pairs = self.maxout(readout).unflatten(-1, (-1, 2))
        return self.output(self.dropout(pairs.amax(dim=-1)))


class RNNEncoderDecoder(Seq2Seq):
    """A GRU encoder and a GRU decoder with one fixed-length vector between them.

    Source: Sutskever, Vinyals and Le 2014, arXiv 1409.3215; Cho et al. 2014, arXiv 1406.1078.
    """

    def __init__(self, config: RNNEncoderDecoderConfig) -> None:
        sizes = config.d_embedding, config.d_model, config.dropout
        encoder = RNNEncoder(config.source_vocab_size, *sizes, bidirectional=False)
        super().__init__(config, encoder, FixedVectorDecoder(config.target_vocab_size, *sizes))
        self.reverse = config.reverse

    def encode(self, source: Int[Tensor, "B S"]) -> State:
        """Encode each source sentence, in reverse order if so configured, into one vector."""
        return super().encode(reverse_tokens(source) if self.reverse else source)


def reverse_tokens(ids: Int[Tensor, "B S"]) -> Int[Tensor, "B S"]:
    """The last token first; padding stays at the end."""
    positions = torch.arange(ids.size(1), device=ids.device)
    lengths = (ids != 0).sum(dim=1, keepdim=True)
    return ids.gather(1, torch.where(positions < lengths, lengths - 1 - positions, positions))
