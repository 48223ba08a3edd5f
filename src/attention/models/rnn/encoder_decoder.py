"""What all recurrent translators share: the GRU encoder, and the loop over target tokens."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attention.functional import padding_mask
from attention.shapes import Bool, Float, Int, Tensor
from attention.tokenizers.special_tokens import BOS

__all__ = ["RNNDecoder", "RNNEncoder", "Seq2Seq", "Seq2SeqConfig"]


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The hyperparameters of a recurrent translator, small enough to train in a minute.

    Attributes:
        source_vocab_size: Tokens in the source vocabulary.
        target_vocab_size: Tokens in the target vocabulary.
        d_embedding: Dimension of the token embeddings.
        d_model: Dimension of the encoder's outputs and of the decoder's hidden state.
        dropout: Probability with which, in training, a component of an embedding, or of the
            vector before the output projection, is dropped.
    """

    source_vocab_size: int
    target_vocab_size: int
    d_embedding: int = 64
    d_model: int = 128
    dropout: float = 0.0


class RNNEncoder(nn.Module):
    """A GRU encoder that returns its hidden state at every source token.

    Args:
        vocab_size: Tokens in the source vocabulary.
        d_embedding: Dimension of the token embeddings.
        d_model: Dimension of the outputs.
        dropout: Probability with which, in training, a component of an embedding is dropped.
        bidirectional: Whether there are two GRUs, forward and backward, each with half of the
            dimension, so that an output depends on the tokens that follow, too.

    Source: Cho et al. 2014, section 2.1; bidirectional: Bahdanau et al. 2014, section 3.2.
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
        self.embedding = nn.Embedding(vocab_size, d_embedding, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        d_hidden = d_model // 2 if bidirectional else d_model
        self.gru = nn.GRU(d_embedding, d_hidden, batch_first=True, bidirectional=bidirectional)

    def forward(self, ids: Int[Tensor, "B S"]) -> Float[Tensor, "B S D"]:
        """The hidden state at each token; zeros at padding, which the GRU never processes."""
        lengths = (ids != 0).sum(dim=1).cpu()
        packed = pack_padded_sequence(
            self.dropout(self.embedding(ids)), lengths, batch_first=True, enforce_sorted=False
        )
        hidden, _ = self.gru(packed)
        return pad_packed_sequence(hidden, batch_first=True, total_length=ids.size(1))[0]


@runtime_checkable
class RNNDecoder(Protocol):
    """What `Seq2Seq` needs of a decoder.

    Its state is a `NamedTuple` of tensors whose first axis is the batch.
    """

    embedding: nn.Embedding
    dropout: nn.Dropout

    def initial_state(self, memory: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]) -> Any:
        """The state before the first target token, from the encoder's outputs."""

    def step(self, token: Float[Tensor, "B E"], state: Any) -> tuple[Float[Tensor, "B R"], Any]:
        """The readout after a token, given its embedding; and the next state."""

    def logits(self, readout: Float[Tensor, "*B R"]) -> Float[Tensor, "*B V"]:
        """Next-token logits from the readout."""


class Seq2Seq(nn.Module):
    """An encoder and a decoder, trained together.

    Attributes:
        alignment_layer: Name of the layer whose attention weights align target and source; None
            where the model has no attention.
    """

    alignment_layer: str | None = None

    def __init__(self, config: Seq2SeqConfig, encoder: RNNEncoder, decoder: Any) -> None:
        super().__init__()
        self.config, self.encoder, self.decoder = config, encoder, decoder

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Next-token logits for every target position, teacher-forced.

        Args:
            source: Token ids of the source sentences, padded with 0.
            target: Token ids of their translations, each begun with `<s>`, padded with 0.
        """
        state = self.encode(source)
        readouts = []
        for token in self.decoder.dropout(self.decoder.embedding(target)).unbind(dim=1):
            readout, state = self.decoder.step(token, state)
            readouts.append(readout)
        return self.decoder.logits(torch.stack(readouts, dim=1))

    def encode(self, source: Int[Tensor, "B S"]) -> Any:
        """Encode the source sentences into the decoder's initial state."""
        return self.decoder.initial_state(self.encoder(source), padding_mask(source))

    def prefill(
        self, source: Int[Tensor, "B S"], max_new_tokens: int
    ) -> tuple[Float[Tensor, "B V"], Any]:
        """Encode the source and decode `<s>`: the first token's logits, and the decoder's state."""
        return self.decode_step(source.new_full((len(source),), BOS), self.encode(source))

    def decode_step(self, token: Int[Tensor, " B"], state: Any) -> tuple[Float[Tensor, "B V"], Any]:
        """The logits of the token after `token`, and the state after it."""
        readout, state = self.decoder.step(self.decoder.embedding(token), state)
        return self.decoder.logits(readout), state
