"""The legend of axes: every signature in the package spells its shapes with these letters.

| letter | axis                                                                                   |
| ------ | -------------------------------------------------------------------------------------- |
| `B`    | batch: sequences that are processed together                                           |
| `T`    | query positions: those of the target sequence                                          |
| `S`    | key positions: those of the source sequence                                            |
| `D`    | model dimension: components of a token's vector, at every layer                        |
| `H`    | attention heads: attentions that are computed in parallel                              |
| `G`    | KV heads: `H`, or fewer, each shared by a group of query heads                         |
| `K`    | head dimension: components of one head's query, key or value                           |
| `F`    | feed-forward dimension: hidden units of the feed-forward network                       |
| `V`    | vocabulary: tokens that a model knows                                                  |
| `Q`    | query dimension, in recurrent attention: components of the decoder's hidden state      |
| `M`    | memory dimension, in recurrent attention: components of each of the encoder's outputs  |
| `A`    | alignment dimension, in recurrent attention: components of a projected key             |
| `E`    | embedding dimension, in recurrent models: components of a token's embedding            |
| `R`    | readout dimension, in recurrent models: components of the vector that gives the logits |
| `N`    | any other count: entries of a table, rows of a selection                               |

`Float[Tensor, "*B T K"]` reads: a tensor of floats with any number of leading batch axes (none,
too), then an axis of query positions and one of head dimension. An axis marked `#` may have size
1 instead, and is broadcast; a number is a size; `_` is one axis of any size, and `...` any number
of them. The tests check these shapes on every call.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Bool", "Float", "Int", "Tensor"]
