"""Recurrent translators: an encoder reads the sentence, a decoder writes its translation."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attention.alignment import AdditiveAttention
from attention.functional import padding_mask
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["Bahdanau", "BahdanauConfig", "BahdanauDecoder", "Encoder", "State"]


@dataclass(frozen=True)
class BahdanauConfig:
    """The sizes of a `Bahdanau` translator, small enough to train in a minute on a laptop.

    Attributes:
        source_vocab_size: Words that can be read.
        target_vocab_size: Words that can be written.
        d_embedding: Width of a word's vector before it is read in context.
        d_model: Width of the decoder's state, and of an encoded word: half of it reads forward,
            half backward.
        dropout: Share of numbers dropped from word vectors and before the output, in training.
    """

    source_vocab_size: int
    target_vocab_size: int
    d_embedding: int = 64
    d_model: int = 128
    dropout: float = 0.0


class Encoder(nn.Module):
    """Read the sentence in both directions, and keep one vector for each word in its context.

    Source: Bahdanau et al. 2014, section 3.2.
    """

    def __init__(self, vocab_size: int, d_embedding: int, d_model: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(d_embedding, d_model // 2, batch_first=True, bidirectional=True)

    def forward(self, ids: Int[Tensor, "B S"]) -> Float[Tensor, "B S M"]:
        """The states at each word of the forward and the backward reader, side by side.

        Padding is never read: its vectors are zeros.
        """
        lengths = (ids != 0).sum(dim=1).cpu()
        packed = pack_padded_sequence(
            self.dropout(self.embed(ids)), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = self.gru(packed)
        return pad_packed_sequence(states, batch_first=True, total_length=ids.size(1))[0]


class State(NamedTuple):
    """What a decoder remembers between two words. Every tensor's first axis is the batch."""

    hidden: Float[Tensor, "B D"]
    context: Float[Tensor, "B M"]
    memory: Float[Tensor, "B S M"]
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
        self.gru = nn.GRUCell(d_embedding + d_model, d_model)
        self.maxout = nn.Linear(d_model + d_embedding + d_model, 2 * d_embedding)
        self.output = nn.Linear(d_embedding, vocab_size)

    def start(self, memory: Float[Tensor, "B S M"], mask: Bool[Tensor, "B 1 S"]) -> State:
        """Begin knowing nothing, so that everything must be looked for.

        The paper begins from the backward reader's last state. That state has just read the first
        word, so the first query has no need to look at it, and the first row of the alignment
        comes out meaningless.
        """
        hidden = memory.new_zeros(memory.size(0), self.gru.hidden_size)
        return State(
            hidden, memory.new_zeros(memory[:, 0].shape), memory, self.attention.keys(memory), mask
        )

    def step(self, word: Float[Tensor, "B E"], state: State) -> State:
        """Look, then move on: `word` is the vector of the word just written."""
        context = self.attention(
            state.hidden.unsqueeze(1), state.memory, state.mask, keys=state.keys
        ).squeeze(1)
        hidden = self.gru(torch.cat([word, context], dim=-1), state.hidden)
        return state._replace(hidden=hidden, context=context)

    def logits(
        self,
        word: Float[Tensor, "*B E"],
        hidden: Float[Tensor, "*B D"],
        context: Float[Tensor, "*B M"],
    ) -> Float[Tensor, "*B V"]:
        """Score every word of the vocabulary to be written next (maxout, then a projection)."""
        pairs = self.maxout(torch.cat([hidden, word, context], dim=-1)).unflatten(-1, (-1, 2))
        return self.output(self.dropout(pairs.amax(dim=-1)))


class Bahdanau(nn.Module):
    """The first translator with attention: it learns to align and to translate at once.

    Source: Bahdanau, Cho and Bengio 2014, arXiv 1409.0473.
    """

    alignment_layer = "decoder.attention"

    def __init__(self, config: BahdanauConfig) -> None:
        super().__init__()
        self.config = config
        sizes = config.d_embedding, config.d_model, config.dropout
        self.encoder = Encoder(config.source_vocab_size, *sizes)
        self.decoder = BahdanauDecoder(config.target_vocab_size, *sizes)

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Score, at each place, every word that could follow, given the right words before it.

        Args:
            source: The sentences to translate, padded with 0.
            target: Their translations, each begun with `<s>`, padded with 0.
        """
        state = self.start(source)
        words = self.decoder.dropout(self.decoder.embed(target))  # (B, T, E)
        hidden, context = [], []
        for word in words.unbind(dim=1):
            state = self.decoder.step(word, state)
            hidden.append(state.hidden)
            context.append(state.context)
        return self.decoder.logits(words, torch.stack(hidden, dim=1), torch.stack(context, dim=1))

    def start(self, source: Int[Tensor, "B S"]) -> State:
        """Read the sentences, and be ready to write the first word of each translation."""
        return self.decoder.start(self.encoder(source), padding_mask(source))

    def step(self, word: Int[Tensor, "B"], state: State) -> tuple[Float[Tensor, "B V"], State]:
        """Score the words that could follow `word`, and the state after it."""
        vector = self.decoder.embed(word)
        state = self.decoder.step(vector, state)
        return self.decoder.logits(vector, state.hidden, state.context), state
