"""The translator before attention: the whole sentence must pass through one vector."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from attention.models.rnn.encoder_decoder import Encoder, Seq2Seq, Seq2SeqConfig
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["FixedVectorDecoder", "RNNEncoderDecoder", "RNNEncoderDecoderConfig", "reverse_words"]


@dataclass(frozen=True)
class RNNEncoderDecoderConfig(Seq2SeqConfig):
    """The sizes of a `RNNEncoderDecoder` translator; `d_model` is also the width of its one vector.

    Attributes:
        reverse: Read the sentence backwards, which brings its first words close to the first
            words of the translation (Sutskever et al. 2014, section 3.3).
    """

    d_model: int = 192
    reverse: bool = False


class State(NamedTuple):
    """What the decoder remembers between two words."""

    hidden: Float[Tensor, "B D"]
    sentence: Float[Tensor, "B D"]


class FixedVectorDecoder(nn.Module):
    """Write from one vector that stands for the whole sentence, the same before each word.

    Source: Cho et al. 2014, section 2.2.
    """

    def __init__(self, vocab_size: int, d_embedding: int, d_model: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRUCell(d_embedding + d_model, d_model)
        self.maxout = nn.Linear(d_model + d_embedding + d_model, 2 * d_embedding)
        self.output = nn.Linear(d_embedding, vocab_size)

    def start(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> State:
        """Keep the encoder's state after the last word, and forget all the others."""
        last = mask.squeeze(1).sum(dim=-1) - 1
        sentence = memory[torch.arange(memory.size(0), device=memory.device), last]
        return State(sentence, sentence)

    def step(self, word: Float[Tensor, "B E"], state: State) -> tuple[Float[Tensor, "B R"], State]:
        """Move on: `word` is the vector of the word just written."""
        hidden = self.gru(torch.cat([word, state.sentence], dim=-1), state.hidden)
        said = torch.cat([hidden, word, state.sentence], dim=-1)
        return said, state._replace(hidden=hidden)

    def logits(self, said: Float[Tensor, "*B R"]) -> Float[Tensor, "*B V"]:
        """Score every word to be written next: the larger of each pair, then a projection."""
        pairs = self.maxout(said).unflatten(-1, (-1, 2))
        return self.output(self.dropout(pairs.amax(dim=-1)))


class RNNEncoderDecoder(Seq2Seq):
    """Encoder and decoder with one vector between them.

    Source: Sutskever, Vinyals and Le 2014, arXiv 1409.3215; Cho et al. 2014, arXiv 1406.1078.
    """

    def __init__(self, config: RNNEncoderDecoderConfig) -> None:
        sizes = config.d_embedding, config.d_model, config.dropout
        encoder = Encoder(config.source_vocab_size, *sizes, bidirectional=False)
        super().__init__(config, encoder, FixedVectorDecoder(config.target_vocab_size, *sizes))
        self.reverse = config.reverse

    def start(self, source: Int[Tensor, "B S"]) -> State:
        """Read the sentences, backwards if so configured, each into one vector."""
        return super().start(reverse_words(source) if self.reverse else source)


def reverse_words(ids: Int[Tensor, "B S"]) -> Int[Tensor, "B S"]:
    """The last word first; the padding stays at the end."""
    places = torch.arange(ids.size(1), device=ids.device)
    lengths = (ids != 0).sum(dim=1, keepdim=True)
    return ids.gather(1, torch.where(places < lengths, lengths - 1 - places, places))
