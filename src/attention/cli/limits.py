"""Limits of the command's options: what is beyond any use, or beyond this machine's memory."""

import os
from collections.abc import Mapping
from typing import Any

from attention.errors import BadInput

__all__ = ["AT_MOST", "check_memory"]

AT_MOST = {  # no machine that runs this package finishes with more within a day
    "beam": 1000,
    "n_best": 1000,
    "length_penalty": 100,
    "batch_size": 10_000,
    "samples": 100_000,
    "d_model": 2**15,
    "d_embedding": 2**15,
    "d_ff": 2**18,
    "n_heads": 1024,
    "n_kv_heads": 1024,
    "n_layers": 256,
    "max_len": 2**15,
    "subwords": 2**21,
}
BYTES_PER_PARAMETER = 16  # in training: the weight, its gradient and Adam's two moments


def check_memory(sizes: Mapping[str, Any]) -> None:
    """Refuse a model that can't be trained in this machine's memory.

    A size that isn't given counts as little as it can, so that no model is refused that would fit.

    Args:
        sizes: Options by name; those that don't size a model are ignored.

    Raises:
        BadInput: The parameters, with what training keeps for each, are larger than the memory.
    """
    given = {name: sizes[name] for name in AT_MOST if sizes.get(name) is not None}
    d_model, n_layers = given.get("d_model", 1), given.get("n_layers", 1)
    parameters = n_layers * d_model * (3 * d_model + 2 * given.get("d_ff", 0))
    parameters += d_model * given.get("max_len", 0)
    needed = parameters * BYTES_PER_PARAMETER
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        names = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        raise BadInput(
            f"{names}: {parameters / 1e9:,.0f} billion parameters or more, which need "
            f"{needed / 1e9:,.0f} GB to be trained; this machine has {memory / 1e9:,.0f} GB"
        )
