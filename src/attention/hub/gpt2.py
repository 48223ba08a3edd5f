"""What a `GPT`'s settings and tensors are called in Hugging Face's files: GPT-2."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any

import torch

from attention.hub.adapter import HubAdapter
from attention.hub.loader import PretrainedFiles, Source
from attention.shapes import Tensor

__all__ = ["ADAPTER", "settings", "sizes", "sources"]


def sizes(files: PretrainedFiles) -> dict[str, Any]:
    """The arguments of a `GPTConfig`, read from their settings.

    Raises:
        BadInput: A setting is missing, or one that a `GPT` cannot represent.
    """
    files.expect("activation_function", "gelu_new", "gelu_pytorch_tanh")
    files.expect("layer_norm_epsilon", 1e-5)
    files.expect("tie_word_embeddings", True)
    files.expect("scale_attn_weights", True)
    files.expect("scale_attn_by_inverse_layer_idx", False)
    files.expect("add_cross_attention", False)
    d_model = files.whole("n_embd")
    return {
        "vocab_size": files.whole("vocab_size"),
        "d_model": d_model,
        "n_heads": files.whole("n_head"),
        "n_layers": files.whole("n_layer", most=1000),
        "d_ff": files.whole("n_inner", default=4 * d_model),
        "max_len": files.whole("n_positions"),
        "dropout": files.number("resid_pdrop", default=0.0),
    }


def settings(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Their settings, by the arguments of a `GPTConfig`."""
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": sizes["vocab_size"],
        "n_embd": sizes["d_model"],
        "n_head": sizes["n_heads"],
        "n_layer": sizes["n_layers"],
        "n_inner": sizes["d_ff"] or 4 * sizes["d_model"],
        "n_positions": sizes["max_len"],
        "activation_function": "gelu_new",
        "resid_pdrop": sizes["dropout"],
        "embd_pdrop": sizes["dropout"],
        "attn_pdrop": 0.0,
    }


def _third(i: int, joined: Tensor) -> Tensor:
    return torch.t(joined).chunk(3)[i]


# Our name and theirs, and what is done to theirs: their linear layers are stored transposed
# (`torch.t` leaves a vector as it is), and queries, keys and values side by side.
_LAYER: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "attention_norm": ("ln_1", torch.t),
    "attention.W_q": ("attn.c_attn", partial(_third, 0)),
    "attention.W_k": ("attn.c_attn", partial(_third, 1)),
    "attention.W_v": ("attn.c_attn", partial(_third, 2)),
    "attention.W_o": ("attn.c_proj", torch.t),
    "feed_forward_norm": ("ln_2", torch.t),
    "feed_forward.W_1": ("mlp.c_fc", torch.t),
    "feed_forward.W_2": ("mlp.c_proj", torch.t),
}


def sources(sizes: Mapping[str, Any]) -> dict[str, Source]:
    """Where each tensor of a `GPT` comes from, by the arguments of its `GPTConfig`."""
    sources: dict[str, Source] = {
        "embedding.weight": "wte.weight",
        "positions.weight": "wpe.weight",
    }
    for kind in ("weight", "bias"):
        sources[f"norm.{kind}"] = f"ln_f.{kind}"
        for i, (ours, (theirs, change)) in product(range(sizes["n_layers"]), _LAYER.items()):
            sources[f"layers.{i}.{ours}.{kind}"] = f"h.{i}.{theirs}.{kind}", change
    return sources


ADAPTER = HubAdapter(
    "gpt2",
    sizes,
    settings,
    sources,
    prefix="transformer.",
    outside="lm_head.",
    not_needed=(r"lm_head\.weight", r"h\.\d+\.attn\.(masked_)?bias"),  # the embedding; masks
)
