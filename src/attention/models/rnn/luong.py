"""The recurrent translator with multiplicative attention, global or local (Luong et al. 2015)."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import nn

from attention.layers.recurrent_attention import (
    AdditiveAttention,
    Attention,
    LocalAttention,
    MultiplicativeAttention,
)
from attention.models.rnn.encoder_decoder import RNNEncoder, Seq2Seq, Seq2SeqConfig
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["Luong", "LuongConfig", "LuongDecoder"]


@dataclass(frozen=True)
class LuongConfig(Seq2SeqConfig):
    """The hyperparameters of a `Luong`: each direction's GRU has half of `d_model`.

    Attributes:
        score: The score function (Luong et al. 2015, section 3.1).
        local: None for global attention; else local attention, with a window around the same
            position in the source (`monotonic`) or around one that the decoder predicts
            (`predictive`).
    """

    score: Literal["dot", "general", "concat"] = "dot"
    local: Literal["monotonic", "predictive"] | None = None


class State(NamedTuple):
    """The decoder's state between two target tokens."""

    hidden: Float[Tensor, "B D"]
    attentional: Float[Tensor, "B D"]  # the attentional hidden state of the step before
    position: Int[Tensor, " B"]  # of the next target token
    memory: Float[Tensor, "B S D"]  # the encoder's outputs
    keys: Float[Tensor, "B S D"]  # as they are scored, the same for every query
    mask: Bool[Tensor, "B 1 S"]


class LuongDecoder(nn.Module):
    """A GRU decoder that attends with its new hidden state, and feeds the result to the next step.

    Source: Luong et al. 2015, section 3; input feeding: section 3.3.
    """

    def __init__(self, config: LuongConfig) -> None:
        super().__init__()
        d_embedding, d_model = config.d_embedding, config.d_model
        self.embedding = nn.Embedding(config.target_vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRUCell(d_embedding + d_model, d_model)
        attention: Attention
        if config.score == "concat":  # one matrix for the concatenation, or one for each half
            attention = AdditiveAttention(d_model, d_model, d_align=d_model)
        else:
            attention = MultiplicativeAttention(d_model, d_model, config.score)
        local = config.local and LocalAttention(attention, d_model, config.local)
        self.attention = local or attention
        self.W_c = nn.Linear(2 * d_model, d_model, bias=False)
        self.output = nn.Linear(d_model, config.target_vocab_size)

    def initial_state(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> State:
        """Zeros for both hidden states, and the first position."""
        zeros = memory.new_zeros(memory.size(0), self.gru.hidden_size)
        position = torch.zeros(memory.size(0), dtype=torch.long, device=memory.device)
        return State(zeros, zeros, position, memory, self.attention.keys(memory), mask)

    def step(self, token: Float[Tensor, "B E"], state: State) -> tuple[Float[Tensor, "B D"], State]:
        """Update the hidden state, attend with it, and return the attentional hidden state."""
        hidden = self.gru(torch.cat([token, state.attentional], dim=-1), state.hidden)
        arguments = hidden.unsqueeze(1), state.memory, state.mask
        if isinstance(self.attention, LocalAttention):
            position = state.position.unsqueeze(1)
            context = self.attention(*arguments, position, keys=state.keys)
        else:
            context = self.attention(*arguments, keys=state.keys)
        attentional = torch.tanh(self.W_c(torch.cat([context.squeeze(1), hidden], dim=-1)))
        changes = {"hidden": hidden, "attentional": attentional, "position": state.position + 1}
        return attentional, state._replace(**changes)

    def logits(self, readout: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """Next-token logits from the attentional hidden state (Luong et al. 2015, equation 6)."""
        return self.output(self.dropout(readout))


class Luong(Seq2Seq):
    """Global or local attention with multiplicative or additive scores.

    Its encoder is that of `Bahdanau`, so that the two differ in their decoders alone; the paper
    stacks four unidirectional LSTM layers.

    Source: Luong, Pham and Manning 2015, arXiv 1508.04025.
    """

    alignment_layer = "decoder.attention"

    def __init__(self, config: LuongConfig) -> None:
        sizes = config.d_embedding, config.d_model, config.dropout
        encoder = RNNEncoder(config.source_vocab_size, *sizes)
        super().__init__(config, encoder, LuongDecoder(config))
