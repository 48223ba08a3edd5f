"""The first translator with attention: additive scores, by a small network."""

from typing import NamedTuple

import torch
from torch import nn

from attention.layers.recurrent_attention import AdditiveAttention
from attention.models.rnn.encoder_decoder import Encoder, Seq2Seq, Seq2SeqConfig
from attention.shapes import Bool, Float, Tensor

__all__ = ["Bahdanau", "BahdanauConfig", "BahdanauDecoder"]


class BahdanauConfig(Seq2SeqConfig):
    """The sizes of a `Bahdanau` translator. Half of `d_model` reads forward, half backward."""


class State(NamedTuple):
    """What the decoder remembers between two words."""

    hidden: Float[Tensor, "B D"]
    memory: Float[Tensor, "B S D"]
    keys: Float[Tensor, "B S A"]
    mask: Bool[Tensor, "B 1 S"]


class BahdanauDecoder(nn.Module):
    """Before each word, look at every source word, and write from what was found there.

    Source: Bahdanau et al. 2014, section 3.1 and appendix A.2.2.
    """

    def __init__(self, vocab_size: int, d_embedding: int, d_model: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.attention = AdditiveAttention(d_model, d_model, d_align=d_model)
        self.s_0 = nn.Parameter(torch.randn(d_model) / 2)
        self.gru = nn.GRUCell(d_embedding + d_model, d_model)
        self.maxout = nn.Linear(d_model + d_embedding + d_model, 2 * d_embedding)
        self.output = nn.Linear(d_embedding, vocab_size)

    def start(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> State:
        """Begin from a learned state that knows nothing of the sentence.

        The paper begins from the backward reader's last state. That state has just read the first
        word, so the first query has no need to look at it, and the first row of the alignment
        comes out meaningless.
        """
        hidden = self.s_0.expand(memory.size(0), -1)
        return State(hidden, memory, self.attention.keys(memory), mask)

    def step(self, word: Float[Tensor, "B E"], state: State) -> tuple[Float[Tensor, "B R"], State]:
        """Look, then move on: `word` is the vector of the word just written."""
        context = self.attention(
            state.hidden.unsqueeze(1), state.memory, state.mask, keys=state.keys
        ).squeeze(1)
        hidden = self.gru(torch.cat([word, context], dim=-1), state.hidden)
        return torch.cat([hidden, word, context], dim=-1), state._replace(hidden=hidden)

    def logits(self, said: Float[Tensor, "*B R"]) -> Float[Tensor, "*B V"]:
        """Score every word to be written next: the larger of each pair, then a projection."""
        pairs = self.maxout(said).unflatten(-1, (-1, 2))
        return self.output(self.dropout(pairs.amax(dim=-1)))


class Bahdanau(Seq2Seq):
    """The first translator with attention: it learns to align and to translate at once.

    Source: Bahdanau, Cho and Bengio 2014, arXiv 1409.0473.
    """

    alignment_layer = "decoder.attention"

    def __init__(self, config: BahdanauConfig) -> None:
        sizes = config.d_embedding, config.d_model, config.dropout
        encoder = Encoder(config.source_vocab_size, *sizes)
        super().__init__(config, encoder, BahdanauDecoder(config.target_vocab_size, *sizes))
