"""What a `Llama`'s settings and tensors are called in Hugging Face's files."""

from collections.abc import Mapping
from typing import Any

from attention.errors import BadInput
from attention.hub.adapter import HubAdapter
from attention.hub.loader import PretrainedFiles, Source
from attention.layers.positions import Llama3RoPEScaling

__all__ = ["ADAPTER", "settings", "sizes", "sources"]


def sizes(files: PretrainedFiles) -> dict[str, Any]:
    """The arguments of a `LlamaConfig`, read from their settings.

    Raises:
        BadInput: A setting is missing, or one that a `Llama` cannot represent.
    """
    # Where rotary positions are told about in one place, as newer files do, or in two, as older.
    rope = files.config.get("rope_parameters") or files.config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise BadInput(f"{files.folder / 'config.json'}: {rope!r} says nothing about positions")
    files.config = {"rope_type": rope.get("type", "default"), **files.config, **rope}
    files.expect("rope_type", "default", "llama3")
    files.expect("partial_rotary_factor", 1.0, 1, None)
    files.expect("hidden_act", "silu")
    files.expect("attention_bias", False)
    files.expect("mlp_bias", False)
    files.expect("tie_word_embeddings", False, True)
    d_model, n_heads = files.whole("hidden_size"), files.whole("num_attention_heads")
    files.expect("head_dim", None, d_model // n_heads)
    return {
        "vocab_size": files.whole("vocab_size"),
        "d_model": d_model,
        "n_heads": n_heads,
        "n_kv_heads": files.whole("num_key_value_heads", default=n_heads),
        "n_layers": files.whole("num_hidden_layers", most=1000),
        "d_ff": files.whole("intermediate_size"),
        "max_len": files.whole("max_position_embeddings", default=2048),
        "rope_theta": files.number("rope_theta", default=10_000.0),
        "rope_scaling": _scaling(files) if files.config["rope_type"] == "llama3" else None,
        "norm_eps": files.number("rms_norm_eps", default=1e-6),
        "tie_word_embeddings": files.config.get("tie_word_embeddings", False),
    }


def _scaling(files: PretrainedFiles) -> Llama3RoPEScaling:
    keys = ("factor", "low_freq_factor", "high_freq_factor")
    factor, low, high = (files.number(key) for key in keys)
    original_len = files.whole("original_max_position_embeddings")
    try:
        return Llama3RoPEScaling(factor, low, high, original_len)
    except ValueError as error:
        raise BadInput(f"{files.folder / 'config.json'}: {error}") from error


def settings(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Their settings, by the arguments of a `LlamaConfig`."""
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": sizes["rope_theta"]}
    if scaling := sizes["rope_scaling"]:
        rope |= {"rope_type": "llama3", "factor": scaling.factor}
        rope |= {"low_freq_factor": scaling.low, "high_freq_factor": scaling.high}
        rope |= {"original_max_position_embeddings": scaling.original_len}
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": sizes["vocab_size"],
        "hidden_size": sizes["d_model"],
        "num_attention_heads": sizes["n_heads"],
        "num_key_value_heads": sizes["n_kv_heads"],
        "num_hidden_layers": sizes["n_layers"],
        "intermediate_size": sizes["d_ff"] or 8 * sizes["d_model"] // 3,
        "max_position_embeddings": sizes["max_len"],
        "rope_parameters": rope,
        "rms_norm_eps": sizes["norm_eps"],
        "tie_word_embeddings": sizes["tie_word_embeddings"],
    }


# Our name and theirs.
_LAYER = {
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


def sources(sizes: Mapping[str, Any]) -> dict[str, Source]:
    """Where each tensor of a `Llama` comes from, by the arguments of its `LlamaConfig`."""
    ends = {"embedding": "embed_tokens", "norm": "norm"}
    ends |= {} if sizes["tie_word_embeddings"] else {"head": "lm_head"}
    layers = {
        f"layers.{i}.{ours}": f"layers.{i}.{theirs}"
        for i in range(sizes["n_layers"])
        for ours, theirs in _LAYER.items()
    }
    return {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in (ends | layers).items()}


ADAPTER = HubAdapter(
    "llama",
    sizes,
    settings,
    sources,
    prefix="model.",
    outside="lm_head.",
    not_needed=(
        r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq",  # follows from the settings
        r"lm_head\.weight",  # where it is needed, it is a source; elsewhere, the embedding
    ),
)
