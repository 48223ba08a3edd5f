"""The names of a `Llama`'s settings and parameters in Hugging Face's files."""

from collections.abc import Mapping
from typing import Any

from attention.hub.adapter import HubAdapter
from attention.hub.loader import KeySource, PretrainedFiles
from attention.layers.positions import Llama3RoPEScaling

__all__ = ["ADAPTER", "config_from_hf", "config_to_hf", "key_map"]


def config_from_hf(files: PretrainedFiles) -> dict[str, Any]:
    """The arguments of a `LlamaConfig`, from `config.json`.

    Raises:
        BadInput: A setting is missing, or has a value that a `Llama` can't represent.
    """
    # Newer files have all RoPE settings in one entry; older ones keep `rope_theta` outside it.
    rope = files.config.get("rope_parameters") or files.config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise files.error(f"rope_parameters is {rope!r}, not an object")
    files.config = {"rope_type": rope.get("type", "default"), **files.config, **rope}
    files.require("rope_type", "default", "llama3")
    files.require("partial_rotary_factor", 1.0, 1, None)
    files.require("hidden_act", "silu")
    files.require("attention_bias", False)
    files.require("mlp_bias", False)
    files.require("tie_word_embeddings", False, True)
    d_model, n_heads = files.get_int("hidden_size"), files.get_int("num_attention_heads")
    files.require("head_dim", None, d_model // n_heads)
    return {
        "vocab_size": files.get_int("vocab_size"),
        "d_model": d_model,
        "n_heads": n_heads,
        "n_kv_heads": files.get_int("num_key_value_heads", default=n_heads),
        "n_layers": files.get_int("num_hidden_layers", maximum=1000),
        "d_ff": files.get_int("intermediate_size"),
        "max_len": files.get_int("max_position_embeddings", default=2048),
        "rope_theta": files.get_float("rope_theta", default=10_000.0),
        "rope_scaling": _scaling(files) if files.config["rope_type"] == "llama3" else None,
        "norm_eps": files.get_float("rms_norm_eps", default=1e-6),
        "tie_word_embeddings": files.config.get("tie_word_embeddings", False),
        "attention_dropout": files.get_float("attention_dropout", default=0.0, maximum=1.0),
    }


def _scaling(files: PretrainedFiles) -> Llama3RoPEScaling:
    keys = ("factor", "low_freq_factor", "high_freq_factor")
    factor, low, high = (files.get_float(key) for key in keys)
    original_len = files.get_int("original_max_position_embeddings")
    try:
        return Llama3RoPEScaling(factor, low, high, original_len)
    except ValueError as error:
        raise files.error(str(error)) from error


def config_to_hf(config: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of `config.json`, from the arguments of a `LlamaConfig`."""
    scaling = _scaling_to_hf(config["rope_scaling"]) if config["rope_scaling"] else None
    rope = {"rope_theta": config["rope_theta"], **(scaling or {"rope_type": "default"})}
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": config["vocab_size"],
        "hidden_size": config["d_model"],
        "num_attention_heads": config["n_heads"],
        "num_key_value_heads": config["n_kv_heads"],
        "num_hidden_layers": config["n_layers"],
        "intermediate_size": config["d_ff"] or 8 * config["d_model"] // 3,
        "max_position_embeddings": config["max_len"],
        "hidden_act": "silu",
        "rope_parameters": rope,
        "rope_theta": config["rope_theta"],  # what transformers reads before version 5
        "rope_scaling": scaling,
        "rms_norm_eps": config["norm_eps"],
        "tie_word_embeddings": config["tie_word_embeddings"],
        "attention_dropout": config["attention_dropout"],
        "bos_token_id": None,  # without these, Hugging Face assumes those of Llama's vocabulary
        "eos_token_id": None,
    }


def _scaling_to_hf(scaling: Llama3RoPEScaling) -> dict[str, Any]:
    return {
        "rope_type": "llama3",
        "factor": scaling.factor,
        "low_freq_factor": scaling.low,
        "high_freq_factor": scaling.high,
        "original_max_position_embeddings": scaling.original_len,
    }


# Our name, and Hugging Face's.
_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.W_q": "self_attn.q_proj",
    "attention.W_k": "self_attn.k_proj",
    "attention.W_v": "self_attn.v_proj",
    "attention.W_o": "self_attn.o_proj",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.W_gate": "mlp.gate_proj",
    "feed_forward.W_up": "mlp.up_proj",
    "feed_forward.W_down": "mlp.down_proj",
}


def key_map(config: Mapping[str, Any]) -> dict[str, KeySource]:
    """The source of each parameter of a `Llama`, from the arguments of its `LlamaConfig`."""
    modules = {"embedding": "embed_tokens", "norm": "norm"}
    if not config["tie_word_embeddings"]:
        modules["head"] = "lm_head"
    for i in range(config["n_layers"]):
        modules |= {f"layers.{i}.{ours}": f"layers.{i}.{hf}" for ours, hf in _BLOCK.items()}
    return {f"{ours}.weight": f"{hf}.weight" for ours, hf in modules.items()}


ADAPTER = HubAdapter(
    "llama",
    config_from_hf,
    config_to_hf,
    key_map,
    prefix="model.",
    unprefixed="lm_head.",
    ignored_keys=(
        r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq",  # computed from rope_theta
        r"lm_head\.weight",  # needed only if it isn't tied to the embedding
    ),
)
