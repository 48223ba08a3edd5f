"""What all recurrent translators share: the encoder, and the walk along the target words."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attention.functional import padding_mask
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["Decoder", "Encoder", "Seq2Seq", "Seq2SeqConfig"]


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The sizes of a recurrent translator, small enough to train in a minute on a laptop.

    Attributes:
        source_vocab_size: Words that can be read.
        target_vocab_size: Words that can be written.
        d_embedding: Width of a word's vector before it is read in context.
        d_model: Width of an encoded word and of the decoder's state.
        dropout: Share of numbers dropped from word vectors and before the output, in training.
    """

    source_vocab_size: int
    target_vocab_size: int
    d_embedding: int = 64
    d_model: int = 128
    dropout: float = 0.0


class Encoder(nn.Module):
    """Read the sentence with a GRU, and keep its state at each word.

    Args:
        vocab_size: Words that can be read.
        d_embedding: Width of a word's vector before it is read in context.
        d_model: Width of an encoded word.
        dropout: Share of numbers dropped from the word vectors in training.
        bidirectional: Read it twice, half of the width forward and half backward, so that an
            encoded word knows what follows it, too.

    Source: Cho et al. 2014, section 2.1; both directions: Bahdanau et al. 2014, section 3.2.
    """

    def __init__(
        self,
        vocab_size: int,
        d_embedding: int,
        d_model: int,
        dropout: float,
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        d_state = d_model // 2 if bidirectional else d_model
        self.gru = nn.GRU(d_embedding, d_state, batch_first=True, bidirectional=bidirectional)

    def forward(self, ids: Int[Tensor, "B S"]) -> Float[Tensor, "B S D"]:
        """One vector a word. Padding is never read: its vectors are zeros."""
        lengths = (ids != 0).sum(dim=1).cpu()
        packed = pack_padded_sequence(
            self.dropout(self.embed(ids)), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = self.gru(packed)
        return pad_packed_sequence(states, batch_first=True, total_length=ids.size(1))[0]


@runtime_checkable
class Decoder(Protocol):
    """What `Seq2Seq` asks of a decoder.

    Its state is a `NamedTuple` of tensors whose first axis is the batch.
    """

    embed: nn.Embedding
    dropout: nn.Dropout

    def start(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> Any:
        """The state before the first word."""

    def step(self, word: Float[Tensor, "B E"], state: Any) -> tuple[Float[Tensor, "B R"], Any]:
        """What is to be said after `word`, as a vector, and the state that knows it."""

    def logits(self, said: Float[Tensor, "*B R"]) -> Float[Tensor, "*B V"]:
        """Score every word of the vocabulary by how well it says that."""


class Seq2Seq(nn.Module):
    """An encoder and a decoder, trained together.

    Attributes:
        alignment_layer: Name of the layer whose weights say which word comes from which;
            None where the model has none.
    """

    alignment_layer: str | None = None

    def __init__(self, config: Seq2SeqConfig, encoder: Encoder, decoder: Any) -> None:
        super().__init__()
        self.config, self.encoder, self.decoder = config, encoder, decoder

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Score, at each place, every word that could follow, given the right words before it.

        Args:
            source: The sentences to translate, padded with 0.
            target: Their translations, each begun with `<s>`, padded with 0.
        """
        state = self.start(source)
        said = []
        for word in self.decoder.dropout(self.decoder.embed(target)).unbind(dim=1):
            vector, state = self.decoder.step(word, state)
            said.append(vector)
        return self.decoder.logits(torch.stack(said, dim=1))

    def start(self, source: Int[Tensor, "B S"]) -> Any:
        """Read the sentences, and be ready to write the first word of each translation."""
        return self.decoder.start(self.encoder(source), padding_mask(source))

    def step(self, word: Int[Tensor, " B"], state: Any) -> tuple[Float[Tensor, "B V"], Any]:
        """Score the words that could follow `word`, and the state after it."""
        said, state = self.decoder.step(self.decoder.embed(word), state)
        return self.decoder.logits(said), state
