"""The KV cache: keys and values of earlier tokens, so that decoding computes each of them once."""

from collections.abc import Iterable, Iterator
from typing import Any

from attention.shapes import Float, Int, Tensor

__all__ = ["KVCache", "KeyValue"]


class KeyValue:
    """The cached keys and values of one attention layer, in tensors that are allocated once.

    Args:
        keys: Room for keys; what it holds at first doesn't matter.
        values: Room for as many values.

    Attributes:
        length: Positions whose keys and values are stored.
    """

    def __init__(self, keys: Float[Tensor, "B G S K"], values: Float[Tensor, "B G S K"]) -> None:
        self.keys, self.values, self.length = keys, values, 0

    def append(
        self, keys: Float[Tensor, "B G T K"], values: Float[Tensor, "B G T K"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Store keys and values of the next positions, and return those of all positions so far.

        Raises:
            ValueError: There is no room for them.
        """
        end, room = self.length + keys.size(-2), self.keys.size(-2)
        if end > room:
            raise ValueError(f"a KV cache for {room} positions cannot hold {end}")
        self.keys[..., self.length : end, :] = keys
        self.values[..., self.length : end, :] = values
        self.length = end
        return self.stored()

    def stored(self) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """The keys and values of all positions so far."""
        return self.keys[..., : self.length, :], self.values[..., : self.length, :]

    def reorder(self, rows: Int[Tensor, " N"]) -> None:
        """Keep these rows of the batch, in this order; a row may be kept several times."""
        for name, stored in zip(("keys", "values"), self.stored(), strict=True):
            room: Tensor = getattr(self, name)
            reordered = room.new_empty(len(rows), *room.shape[1:])
            reordered[..., : self.length, :] = stored[rows]
            setattr(self, name, reordered)


class KVCache:
    """The cached keys and values of all layers of a decoder.

    Iterating over it gives the `KeyValue` of each layer.

    Args:
        attentions: The `MultiHeadAttention` of each layer, which knows the shape, the dtype and
            the device of its keys and values.
        batch_size: Sequences decoded side by side.
        max_len: Positions that there is room for.
    """

    def __init__(self, attentions: Iterable[Any], batch_size: int, max_len: int) -> None:
        self.layers = []
        for attention in attentions:
            shape = batch_size, attention.n_kv_heads, max_len, attention.d_head
            keys, values = (attention.W_k.weight.new_empty(shape) for _ in range(2))
            self.layers.append(KeyValue(keys, values))

    def __iter__(self) -> Iterator[KeyValue]:
        return iter(self.layers)

    @property
    def length(self) -> int:
        """Positions whose keys and values are stored, the same for every layer."""
        return self.layers[0].length

    def reorder(self, rows: Int[Tensor, " N"]) -> "KVCache":
        """Keep these rows of the batch, as beam search keeps its best hypotheses."""
        for layer in self.layers:
            layer.reorder(rows)
        return self

    def crop(self, length: int) -> None:
        """Forget all positions from `length` on, as if their tokens had never been decoded.

        Raises:
            ValueError: `length` isn't between 0 and the positions stored.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot crop {self.length} positions to {length}")
        for layer in self.layers:
            layer.length = length
