"""The legend of axes: every signature in the package spells its shapes with these letters.

| letter | axis                                            |
| ------ | ----------------------------------------------- |
| `B`    | batch: sentences side by side                   |
| `T`    | queries: positions of the target, who asks      |
| `S`    | keys: positions of the source, who is asked     |
| `D`    | model width: numbers in a word's vector         |
| `H`    | heads                                           |
| `G`    | keys and values offered: `H`, or fewer, shared  |
| `K`    | head width: numbers in a query, a key or a value |
| `F`    | width of the feed-forward layer                 |
| `V`    | vocabulary                                      |

`Float[Tensor, "*B T K"]` reads: a tensor of floats, any number of leading batch axes (none, too),
then one axis of queries and one of head width. The tests check these shapes on every call.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Bool", "Float", "Int", "Tensor"]
