"""What all decoders that stand alone have in common: they read a text and say what comes next.

A model adds its layers, and how a word gets into them and a score out of them.
"""

from typing import Any

from attention.hub.adapter import PretrainedModel
from attention.shapes import Float, Int, Tensor

__all__ = ["Decoder", "Offer", "Past"]

Offer = tuple[Float[Tensor, "B G _ K"], Float[Tensor, "B G _ K"]]  # the keys and values of words
Past = tuple[Offer, ...]  # what need not be computed again of the words so far, layer by layer


class Decoder(PretrainedModel):
    """A stack of layers in which each word looks at itself and at the words before it.

    Attributes:
        layers: Called with `x`; their `attention` is a `MultiHeadAttention`, and their
            `step(x, past)` also takes and returns the keys and values of earlier words.
    """

    layers: Any

    def embed(self, ids: Int[Tensor, "B T"], begin: int = 0) -> Float[Tensor, "B T D"]:
        """The vectors of words of which the first stands at position `begin`."""
        raise NotImplementedError

    def logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """The scores of the words that could follow each."""
        raise NotImplementedError

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Score, at each place, every word that could follow.

        Padding at the end needs no mask: no word before it can see it.
        """
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x)
        return self.logits(x)

    def start(self, ids: Int[Tensor, "B T"]) -> Past:
        """Read the beginning of a text, which may be empty, and be ready for the next word."""
        attention = self.layers[0].attention
        nothing = attention.W_k.weight.new_empty(
            ids.size(0), attention.n_kv_heads, 0, attention.d_head
        )
        return self._read(ids, ((nothing, nothing),) * len(self.layers))[1]

    def step(self, word: Int[Tensor, " B"], state: Past) -> tuple[Float[Tensor, "B V"], Past]:
        """Score the words that could follow `word`, and the state after it."""
        x, state = self._read(word.unsqueeze(1), state)
        return self.logits(x).squeeze(1), state

    def _read(self, ids: Int[Tensor, "B T"], state: Past) -> tuple[Float[Tensor, "B T D"], Past]:
        x, kept = self.embed(ids, begin=state[0][0].size(-2)), []
        for layer, past in zip(self.layers, state, strict=True):
            x, past = layer.step(x, past)
            kept.append(past)
        return x, tuple(kept)
