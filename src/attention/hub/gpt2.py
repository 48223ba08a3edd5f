"""GPT-2: the names of a `GPT`'s settings and parameters in Hugging Face's files."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any

import torch

from attention.hub.adapter import HubAdapter
from attention.hub.loader import KeySource, PretrainedFiles
from attention.shapes import Tensor

__all__ = ["ADAPTER", "config_from_hf", "config_to_hf", "key_map"]


def config_from_hf(files: PretrainedFiles) -> dict[str, Any]:
    """The arguments of a `GPTConfig`, from GPT-2's `config.json`.

    Raises:
        BadInput: A setting is missing, or has a value that a `GPT` can't represent, for example an
            `embd_pdrop` (dropout of the embeddings) other than `resid_pdrop` (of the blocks).
    """
    files.require("activation_function", "gelu_new", "gelu_pytorch_tanh")
    files.require("layer_norm_epsilon", 1e-5)
    files.require("tie_word_embeddings", True)
    files.require("scale_attn_weights", True)
    files.require("scale_attn_by_inverse_layer_idx", False)
    files.require("add_cross_attention", False)
    d_model = files.get_int("n_embd")
    return {
        "vocab_size": files.get_int("vocab_size"),
        "d_model": d_model,
        "n_heads": files.get_int("n_head"),
        "n_layers": files.get_int("n_layer", maximum=1000),
        "d_ff": files.get_int("n_inner", default=4 * d_model),
        "max_len": files.get_int("n_positions"),
        "dropout": _dropout(files),
        "attention_dropout": files.get_float("attn_pdrop", default=0.1, maximum=1.0),
        "init_std": files.get_float("initializer_range", default=0.02),
    }


def _dropout(files: PretrainedFiles) -> float:
    keys = ("resid_pdrop", "embd_pdrop")
    blocks, embedding = (files.get_float(key, default=0.1, maximum=1.0) for key in keys)
    if blocks != embedding:
        problem = (
            f"resid_pdrop is {blocks} and embd_pdrop is {embedding}, but a GPT has one dropout"
        )
        raise files.error(f"{problem} for both; give them one value (only training uses it)")
    return blocks


def config_to_hf(config: Mapping[str, Any]) -> dict[str, Any]:
    """GPT-2's `config.json`, from the arguments of a `GPTConfig`."""
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config["vocab_size"],
        "n_embd": config["d_model"],
        "n_head": config["n_heads"],
        "n_layer": config["n_layers"],
        "n_inner": config["d_ff"] or 4 * config["d_model"],
        "n_positions": config["max_len"],
        "activation_function": "gelu_new",
        "resid_pdrop": config["dropout"],
        "embd_pdrop": config["dropout"],
        "attn_pdrop": config["attention_dropout"],
        "initializer_range": config["init_std"],
        "bos_token_id": None,  # without these, Hugging Face assumes those of GPT-2's vocabulary
        "eos_token_id": None,
    }


def _third(i: int, concatenated: Tensor) -> Tensor:
    return torch.t(concatenated).chunk(3)[i]


# Our name, Hugging Face's, and the transformation: GPT-2's linear layers are stored transposed
# (`torch.t` leaves a vector as it is), and its queries, keys and values have one weight matrix.
_BLOCK: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "attention_norm": ("ln_1", torch.t),
    "attention.W_q": ("attn.c_attn", partial(_third, 0)),
    "attention.W_k": ("attn.c_attn", partial(_third, 1)),
    "attention.W_v": ("attn.c_attn", partial(_third, 2)),
    "attention.W_o": ("attn.c_proj", torch.t),
    "feed_forward_norm": ("ln_2", torch.t),
    "feed_forward.W_1": ("mlp.c_fc", torch.t),
    "feed_forward.W_2": ("mlp.c_proj", torch.t),
}


def key_map(config: Mapping[str, Any]) -> dict[str, KeySource]:
    """The source of each parameter of a `GPT`, from the arguments of its `GPTConfig`."""
    keys: dict[str, KeySource] = {
        "embedding.weight": "wte.weight",
        "positions.weight": "wpe.weight",
    }
    for kind in ("weight", "bias"):
        keys[f"norm.{kind}"] = f"ln_f.{kind}"
        for i, (ours, (hf, transform)) in product(range(config["n_layers"]), _BLOCK.items()):
            keys[f"layers.{i}.{ours}.{kind}"] = f"h.{i}.{hf}.{kind}", transform
    return keys


ADAPTER = HubAdapter(
    "gpt2",
    config_from_hf,
    config_to_hf,
    key_map,
    prefix="transformer.",
    unprefixed="lm_head.",
    ignored_keys=(
        r"lm_head\.weight",  # tied to the embedding
        r"h\.\d+\.attn\.(masked_)?bias",  # causal masks
    ),
)
