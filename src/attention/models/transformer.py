"""A translator without recurrence: every word looks at every other, layer upon layer.

In the order of the paper: an encoder's layer and a decoder's, the stacks, the whole.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from attention.functional import padding_mask
from attention.layers.attention import MultiHeadAttention
from attention.layers.feed_forward import FeedForward
from attention.layers.norms import AddNorm
from attention.layers.positions import sinusoidal_positions
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["DecoderBlock", "EncoderBlock", "Transformer", "TransformerConfig"]

Offer = tuple[Float[Tensor, "B H _ K"], Float[Tensor, "B H _ K"]]  # the keys and values of words


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes of a `Transformer`, small enough to train in two minutes on a laptop.

    Attributes:
        source_vocab_size: Words that can be read.
        target_vocab_size: Words that can be written.
        d_model: Width of a word's vector, from its embedding to the last layer.
        n_heads: Heads in each attention.
        n_layers: Layers of the encoder, and of the decoder.
        d_ff: Width in the middle of a feed-forward layer.
        dropout: Share of numbers dropped from what is added, in training.
        norm_first: Bring numbers to size before each layer (and once at the end of a stack)
            instead of after it, as the paper has it. It makes deep stacks easier to train.
        shared_embeddings: Source and target share one vocabulary and one embedding matrix.
        attention_dropout: Probability with which an attention weight is dropped, in training.

    Raises:
        ValueError: One vocabulary for both, and two sizes for it.
    """

    source_vocab_size: int
    target_vocab_size: int
    d_model: int = 64
    n_heads: int = 4
    n_layers: int = 2
    d_ff: int = 256
    dropout: float = 0.0
    norm_first: bool = False
    shared_embeddings: bool = False
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.shared_embeddings and self.source_vocab_size != self.target_vocab_size:
            sizes = f"{self.source_vocab_size} and {self.target_vocab_size} words"
            raise ValueError(f"a shared vocabulary has one size, not {sizes}")


class EncoderBlock(nn.Module):
    """The words of the source look at each other, then each thinks for itself.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        settings = config.d_model, config.dropout, config.norm_first
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.self_attention_norm = AddNorm(*settings)
        self.feed_forward_norm = AddNorm(*settings)

    def forward(
        self, x: Float[Tensor, "B S D"], mask: Bool[Tensor, "B 1 S"]
    ) -> Float[Tensor, "B S D"]:
        """Every word sees every word, padding aside."""
        x = self.self_attention_norm(x, partial(self.self_attention, mask=mask))
        return self.feed_forward_norm(x, self.feed_forward)


class DecoderBlock(nn.Module):
    """The words written look at their own past, then at the source, then each thinks for itself.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        settings = config.d_model, config.dropout, config.norm_first
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.cross_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.self_attention_norm = AddNorm(*settings)
        self.cross_attention_norm = AddNorm(*settings)
        self.feed_forward_norm = AddNorm(*settings)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        memory: Float[Tensor, "B S D"],
        mask: Bool[Tensor, "B 1 S"],
    ) -> Float[Tensor, "B T D"]:
        """All target words at once; `memory` is what the encoder made of the source."""
        x = self.self_attention_norm(x, partial(self.self_attention, causal=True))
        x = self.cross_attention_norm(x, partial(self.cross_attention, memory=memory, mask=mask))
        return self.feed_forward_norm(x, self.feed_forward)

    def step(
        self, x: Float[Tensor, "B 1 D"], past: Offer, memory: Offer, mask: Bool[Tensor, "B 1 S"]
    ) -> tuple[Float[Tensor, "B 1 D"], Offer]:
        """One target word; those before it are looked at by what they offered then."""

        def look_back(x: Float[Tensor, "B 1 D"]) -> Float[Tensor, "B 1 D"]:
            nonlocal past
            now = self.self_attention.keys_values(x)
            past = torch.cat([past[0], now[0]], dim=-2), torch.cat([past[1], now[1]], dim=-2)
            return self.self_attention.look(x, *past)

        x = self.self_attention_norm(x, look_back)
        x = self.cross_attention_norm(x, lambda x: self.cross_attention.look(x, *memory, mask))
        return self.feed_forward_norm(x, self.feed_forward), past


class State(NamedTuple):
    """What the decoder need not compute again: keys and values, layer by layer."""

    past: tuple[Offer, ...]
    memory: tuple[Offer, ...]
    mask: Bool[Tensor, "B 1 S"]


class Transformer(nn.Module):
    """An encoder that reads and a decoder that writes, both made of attention.

    Source: Vaswani et al. 2017, arXiv 1706.03762, figure 1.

    Attributes:
        alignment_layer: The layer whose weights say which word comes from which.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.alignment_layer = f"decoder.{config.n_layers - 1}.cross_attention"
        self.source_embedding = nn.Embedding(config.source_vocab_size, config.d_model)
        self.target_embedding = nn.Embedding(config.target_vocab_size, config.d_model)
        for embedding in (self.source_embedding, self.target_embedding):
            nn.init.normal_(embedding.weight, std=config.d_model**-0.5)
        if config.shared_embeddings:
            self.source_embedding = self.target_embedding
        self.dropout = nn.Dropout(config.dropout)
        self.encoder: Any = nn.ModuleList(EncoderBlock(config) for _ in range(config.n_layers))
        self.decoder: Any = nn.ModuleList(DecoderBlock(config) for _ in range(config.n_layers))
        size = nn.LayerNorm if config.norm_first else nn.Identity
        self.encoder_norm, self.decoder_norm = size(config.d_model), size(config.d_model)

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Score, at each place, every word that could follow, given the right words before it.

        Args:
            source: The sentences to translate, padded with 0.
            target: Their translations, each begun with `<s>`, padded with 0.
        """
        memory, mask = self.encode(source), padding_mask(source)
        x = self._embed(self.target_embedding, target)
        for layer in self.decoder:
            x = layer(x, memory, mask)
        return self._logits(x)

    def encode(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S D"]:
        """A contextual embedding for each source word."""
        x, mask = self._embed(self.source_embedding, source), padding_mask(source)
        for layer in self.encoder:
            x = layer(x, mask)
        return self.encoder_norm(x)

    def start(self, source: Int[Tensor, "B S"]) -> State:
        """Read the sentences, and be ready to write the first word of each translation."""
        memory = self.encode(source)
        offered = tuple(layer.cross_attention.keys_values(memory) for layer in self.decoder)
        nothing = tuple((keys[..., :0, :], values[..., :0, :]) for keys, values in offered)
        return State(nothing, offered, padding_mask(source))

    def step(self, word: Int[Tensor, " B"], state: State) -> tuple[Float[Tensor, "B V"], State]:
        """Score the words that could follow `word`, and the state after it."""
        x = self._embed(self.target_embedding, word.unsqueeze(1), begin=state.past[0][0].size(-2))
        kept = []
        for layer, past, memory in zip(self.decoder, state.past, state.memory, strict=True):
            x, past = layer.step(x, past, memory, state.mask)
            kept.append(past)
        return self._logits(x).squeeze(1), state._replace(past=tuple(kept))

    def _embed(
        self, embedding: nn.Embedding, ids: Int[Tensor, "B T"], begin: int = 0
    ) -> Float[Tensor, "B T D"]:
        """What each word is, and where it stands. Source: sections 3.4 and 3.5."""
        d_model, end = self.config.d_model, begin + ids.size(1)
        positions = sinusoidal_positions(end, d_model)[begin:].to(embedding.weight)
        return self.dropout(embedding(ids) * math.sqrt(d_model) + positions)

    def _logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """Compare with the vector of every word: the embedding, used once more."""
        return self.decoder_norm(x) @ self.target_embedding.weight.T
