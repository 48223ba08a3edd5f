"""Decoder-only language models: what GPT, Llama and their successors have in common.

A model adds its blocks, its token embedding (with positions, where it has them there), and the
projection to logits.
"""

from itertools import repeat
from typing import Any

from attention.hub.adapter import PretrainedModel
from attention.layers.kv_cache import KVCache
from attention.shapes import Float, Int, Tensor

__all__ = ["CausalLM"]


class CausalLM(PretrainedModel):
    """A causal language model: a stack of decoder blocks between an embedding and an LM head.

    Attributes:
        layers: The blocks. They are called with `(x, cache)`; their `attention` is a
            `MultiHeadAttention`.
    """

    layers: Any

    def embed(self, ids: Int[Tensor, "B T"], position_offset: int = 0) -> Float[Tensor, "B T D"]:
        """The input vectors of tokens, the first of which is at position `position_offset`."""
        raise NotImplementedError

    def logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """Next-token logits from the hidden states of the last block."""
        raise NotImplementedError

    def forward(
        self, ids: Int[Tensor, "B T"], cache: KVCache | None = None
    ) -> Float[Tensor, "B T V"]:
        """Next-token logits for every position.

        Padding at the end needs no mask, because no earlier position can attend to it.

        Args:
            ids: Token ids; with a cache, those that follow the tokens in it.
            cache: Keys and values of earlier tokens, to which those of `ids` are appended.
        """
        return self.logits(self.hidden_states(ids, cache))

    def hidden_states(
        self, ids: Int[Tensor, "B T"], cache: KVCache | None = None
    ) -> Float[Tensor, "B T D"]:
        """The output of the last block for the token ids that `forward` takes."""
        x = self.embed(ids, position_offset=0 if cache is None else cache.length)
        caches = repeat(None) if cache is None else cache
        for layer, layer_cache in zip(self.layers, caches, strict=False):
            x = layer(x, layer_cache)
        return x

    def new_cache(self, batch_size: int, max_len: int) -> KVCache:
        """An empty KV cache with room for `max_len` tokens of each sequence."""
        return KVCache([layer.attention for layer in self.layers], batch_size, max_len)

    def prefill(
        self, ids: Int[Tensor, "B T"], max_new_tokens: int
    ) -> tuple[Float[Tensor, "B V"], KVCache]:
        """Process a prompt in one pass, and make room for the tokens to be generated.

        Returns:
            The logits of the first new token, and the KV cache that `decode_step` takes.
        """
        cache = self.new_cache(ids.size(0), ids.size(1) + max_new_tokens)
        x = self.hidden_states(ids, cache)
        return self.logits(x[:, -1:]).squeeze(1), cache

    def decode_step(
        self, token: Int[Tensor, " B"], cache: KVCache
    ) -> tuple[Float[Tensor, "B V"], KVCache]:
        """The logits of the token after `token`, and the cache with `token` in it."""
        return self(token.unsqueeze(1), cache).squeeze(1), cache
