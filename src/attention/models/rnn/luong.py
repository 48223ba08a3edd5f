"""Attention made simpler: look with the new state, score by a product, feed the answer back."""

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
from attention.models.rnn.encoder_decoder import Encoder, Seq2Seq, Seq2SeqConfig
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["Luong", "LuongConfig", "LuongDecoder"]


@dataclass(frozen=True)
class LuongConfig(Seq2SeqConfig):
    """The sizes of a `Luong` translator, how it scores, and where it looks.

    Half of `d_model` reads forward, half backward.

    Attributes:
        score: How a query and a key are compared (Luong et al. 2015, section 3.1).
        local: None to look at all words; else at a window around the same place in the source
            (`monotonic`) or around a place that the decoder chooses (`predictive`).
    """

    score: Literal["dot", "general", "concat"] = "dot"
    local: Literal["monotonic", "predictive"] | None = None


class State(NamedTuple):
    """What the decoder remembers between two words."""

    hidden: Float[Tensor, "B D"]
    said: Float[Tensor, "B D"]
    place: Int[Tensor, " B"]
    memory: Float[Tensor, "B S D"]
    keys: Float[Tensor, "B S D"]
    mask: Bool[Tensor, "B 1 S"]


class LuongDecoder(nn.Module):
    """Move on, look with the new state, and let the next step know what was found.

    Source: Luong et al. 2015, section 3; input feeding: section 3.3.
    """

    def __init__(self, config: LuongConfig) -> None:
        super().__init__()
        d_embedding, d_model = config.d_embedding, config.d_model
        self.embed = nn.Embedding(config.target_vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRUCell(d_embedding + d_model, d_model)
        attention: Attention
        if config.score == "concat":  # one matrix for both halves side by side, or one for each
            attention = AdditiveAttention(d_model, d_model, d_align=d_model)
        else:
            attention = MultiplicativeAttention(d_model, d_model, config.score)
        local = config.local and LocalAttention(attention, d_model, config.local)
        self.attention = local or attention
        self.W_c = nn.Linear(2 * d_model, d_model, bias=False)
        self.output = nn.Linear(d_model, config.target_vocab_size)

    def start(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> State:
        """Begin knowing nothing, having said nothing, at the first place."""
        nothing = memory.new_zeros(memory.size(0), self.gru.hidden_size)
        place = torch.zeros(memory.size(0), dtype=torch.long, device=memory.device)
        return State(nothing, nothing, place, memory, self.attention.keys(memory), mask)

    def step(self, word: Float[Tensor, "B E"], state: State) -> tuple[Float[Tensor, "B D"], State]:
        """Move on, then look: `word` is the vector of the word just written."""
        hidden = self.gru(torch.cat([word, state.said], dim=-1), state.hidden)
        query, where = hidden.unsqueeze(1), (state.memory, state.mask)
        if isinstance(self.attention, LocalAttention):
            place = state.place.unsqueeze(1)
            context = self.attention(query, *where, place, keys=state.keys)
        else:
            context = self.attention(query, *where, keys=state.keys)
        said = torch.tanh(self.W_c(torch.cat([context.squeeze(1), hidden], dim=-1)))
        return said, state._replace(hidden=hidden, said=said, place=state.place + 1)

    def logits(self, said: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """Score every word to be written next (Luong et al. 2015, equation 6)."""
        return self.output(self.dropout(said))


class Luong(Seq2Seq):
    """Global and local attention with scores that are products.

    Its encoder is that of `Bahdanau`, so that the two differ in their attention alone; the paper
    stacks four LSTM layers that read forward.

    Source: Luong, Pham and Manning 2015, arXiv 1508.04025.
    """

    alignment_layer = "decoder.attention"

    def __init__(self, config: LuongConfig) -> None:
        sizes = config.d_embedding, config.d_model, config.dropout
        super().__init__(config, Encoder(config.source_vocab_size, *sizes), LuongDecoder(config))
