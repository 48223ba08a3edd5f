"""Limits of the command's options: what is beyond any use, or beyond this machine's memory."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import torch

from attention.errors import BadInput
from attention.tasks.architectures import Architecture

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
WIDE, SMALL = 1024, {"n_layers": 48}  # up to these sizes nobody has to count
BYTES_PER_PARAMETER = 16  # in training: the weight, its gradient and Adam's two moments


def check_memory(arch: str, architecture: Architecture, sizes: Mapping[str, Any]) -> None:
    """Refuse a model that can't be trained in this machine's memory, before it is built.

    It is built without values to count its parameters, which are more with its vocabulary.

    Args:
        arch: The name of the architecture, for the message.
        architecture: The model's.
        sizes: Options by name; those that the model's Config does not have are ignored.

    Raises:
        BadInput: The parameters, with what training keeps for each, are larger than the memory.
    """
    known = [field.name for field in fields(architecture.config)]
    given = {name: sizes[name] for name in known if sizes.get(name) is not None}
    if all(given.get(name, 0) <= SMALL.get(name, WIDE) for name in AT_MOST):
        return
    vocabularies = {name: 1 for name in known if name.endswith("vocab_size")}
    try:
        with torch.device("meta"):
            model = architecture.model(architecture.config(**vocabularies, **given))
    except ValueError:  # impossible for another reason, about which its maker complains
        return
    parameters = sum(parameter.numel() for parameter in model.parameters())
    needed = parameters * BYTES_PER_PARAMETER
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        names = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        raise BadInput(
            f"{names}: with --arch {arch} {parameters / 1e9:,.1f} billion parameters or more, "
            f"which need {needed / 1e9:,.0f} GB to be trained; this machine has "
            f"{memory / 1e9:,.0f} GB"
        )
