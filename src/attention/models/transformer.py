"""The Transformer, in the order of its paper: encoder block, decoder block, the whole model."""

import math
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

from torch import nn

from attention.functional import padding_mask
from attention.layers.attention import MultiHeadAttention
from attention.layers.feed_forward import FeedForward
from attention.layers.kv_cache import KeyValue, KVCache
from attention.layers.norms import AddNorm
from attention.layers.positions import SinusoidalEncoding
from attention.shapes import Bool, Float, Int, Tensor
from attention.tokenizers.special_tokens import BOS

__all__ = ["DecoderBlock", "DecoderState", "EncoderBlock", "Transformer", "TransformerConfig"]


@dataclass(frozen=True)
class TransformerConfig:
    """The hyperparameters of a `Transformer`, small enough to train in two minutes on a laptop.

    Attributes:
        source_vocab_size: Tokens in the source vocabulary.
        target_vocab_size: Tokens in the target vocabulary.
        d_model: Model dimension: of the embeddings and of the hidden states.
        n_heads: Attention heads in each attention layer.
        n_layers: Blocks of the encoder, and of the decoder.
        d_ff: Inner dimension of the feed-forward networks.
        dropout: Probability of dropping a component of an embedding or of a sublayer's output.
        norm_first: Pre-norm: normalise before each sublayer, and once at the end of each stack.
            The paper normalises after each sublayer (post-norm), which trains deep stacks badly.
        shared_embeddings: Source and target share one embedding matrix, so their vocabularies
            must be of one size, or a `ValueError` says so.
        attention_dropout: Probability of dropping an attention weight.
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
            sizes = f"{self.source_vocab_size} and {self.target_vocab_size} tokens"
            raise ValueError(f"a shared vocabulary has one size, not {sizes}")


class EncoderBlock(nn.Module):
    """Bidirectional self-attention, then a position-wise feed-forward network.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        heads, dropout = (config.d_model, config.n_heads), config.attention_dropout
        settings = config.d_model, config.dropout, config.norm_first
        self.self_attention = MultiHeadAttention(*heads, dropout=dropout)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.self_attention_norm = AddNorm(*settings)
        self.feed_forward_norm = AddNorm(*settings)

    def forward(
        self, x: Float[Tensor, "B S D"], mask: Bool[Tensor, "B #S S"]
    ) -> Float[Tensor, "B S D"]:
        """Each position attends to every position that `mask` allows: all but padding."""
        x = self.self_attention_norm(x, partial(self.self_attention, mask=mask))
        return self.feed_forward_norm(x, self.feed_forward)


class DecoderBlock(nn.Module):
    """Causal self-attention, then cross-attention, then a position-wise feed-forward network.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        heads, dropout = (config.d_model, config.n_heads), config.attention_dropout
        settings = config.d_model, config.dropout, config.norm_first
        self.self_attention = MultiHeadAttention(*heads, dropout=dropout)
        self.cross_attention = MultiHeadAttention(*heads, dropout=dropout)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.self_attention_norm = AddNorm(*settings)
        self.cross_attention_norm = AddNorm(*settings)
        self.feed_forward_norm = AddNorm(*settings)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        memory: Float[Tensor, "B S D"],
        mask: Bool[Tensor, "B 1 S"],
        caches: tuple[KeyValue | None, KeyValue | None] = (None, None),
    ) -> Float[Tensor, "B T D"]:
        """All target positions of `x` at once; `memory` is the encoder's output.

        Args:
            caches: Keys and values of earlier target positions, and those of `memory`.
        """
        cross = partial(self.cross_attention, memory=memory, mask=mask, cache=caches[1])
        x = self.self_attention_norm(x, partial(self.self_attention, causal=True, cache=caches[0]))
        x = self.cross_attention_norm(x, cross)
        return self.feed_forward_norm(x, self.feed_forward)


class DecoderState(NamedTuple):
    """What decoding reuses from step to step."""

    memory: Float[Tensor, "B S D"]  # the encoder's output
    mask: Bool[Tensor, "B 1 S"]  # True where it isn't padding
    cache: KVCache  # keys and values of the target tokens so far
    memory_cache: KVCache  # keys and values of the memory, computed in the first step


class Transformer(nn.Module):
    """An encoder and a decoder; the output embedding is tied to the target embedding.

    The attention weights of `alignment_layer` align target and source.

    Source: Vaswani et al. 2017, arXiv 1706.03762, figure 1.
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
        self.positions = SinusoidalEncoding(config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder: Any = nn.ModuleList(EncoderBlock(config) for _ in range(config.n_layers))
        self.decoder: Any = nn.ModuleList(DecoderBlock(config) for _ in range(config.n_layers))
        norm = nn.LayerNorm if config.norm_first else nn.Identity
        self.encoder_norm, self.decoder_norm = norm(config.d_model), norm(config.d_model)

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Next-token logits, teacher-forced: `target` is `<s>` and a translation, padded with 0."""
        return self.decode(target, self.encode(source), padding_mask(source))

    def encode(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S D"]:
        """The encoder's output: a contextual embedding for each source token."""
        x, mask = self._embed(self.source_embedding, source), padding_mask(source)
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x)

    def decode(
        self,
        target: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S D"],
        mask: Bool[Tensor, "B 1 S"],
        caches: tuple[KVCache, KVCache] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Next-token logits from the encoder's output; see `DecoderBlock` for the arguments."""
        x = self._embed(self.target_embedding, target, caches[0].length if caches else 0)
        layer_caches = zip(*caches, strict=True) if caches else repeat((None, None))
        for block, block_caches in zip(self.decoder, layer_caches, strict=False):
            x = block(x, memory, mask, block_caches)
        return self.decoder_norm(x) @ self.target_embedding.weight.T

    def prefill(
        self, source: Int[Tensor, "B S"], max_new_tokens: int
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """Encode the source and decode `<s>`: the first token's logits, and the decoder's state."""
        (batch_size, length), blocks = source.shape, self.decoder
        cache = KVCache([block.self_attention for block in blocks], batch_size, max_new_tokens)
        memory_cache = KVCache([block.cross_attention for block in blocks], batch_size, length)
        state = DecoderState(self.encode(source), padding_mask(source), cache, memory_cache)
        return self.decode_step(source.new_full((batch_size,), BOS), state)

    def decode_step(
        self, token: Int[Tensor, " B"], state: DecoderState
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """The logits of the token after `token`, and the state with `token` in it."""
        logits = self.decode(token.unsqueeze(1), state.memory, state.mask, state[2:])
        return logits.squeeze(1), state

    def _embed(
        self, embedding: nn.Embedding, ids: Int[Tensor, "B T"], position_offset: int = 0
    ) -> Float[Tensor, "B T D"]:
        """Scaled embeddings plus positional encodings. Source: sections 3.4 and 3.5."""
        x = embedding(ids) * math.sqrt(self.config.d_model)
        return self.dropout(self.positions(x, position_offset))
