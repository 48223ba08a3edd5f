"""The names of a `BERT`'s settings and parameters in Hugging Face's files."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from attention.hub.adapter import HubAdapter
from attention.hub.loader import KeySource, PretrainedFiles
from attention.hub.tensors import stored_tensors

__all__ = ["ADAPTER", "config_from_hf", "config_to_hf", "key_map"]


def config_from_hf(files: PretrainedFiles) -> dict[str, Any]:
    """The arguments of a `BERTConfig`: `head` from the stored tensors, the rest from `config.json`.

    Raises:
        BadInput: A setting is missing, or has a value that a `BERT` can't represent.
    """
    with stored_tensors(files.folder) as tensors:
        head = any(tensor.name.startswith("cls.predictions.") for tensor in tensors)
    files.require("hidden_act", "gelu")
    files.require("position_embedding_type", "absolute", None)
    files.require("is_decoder", False)
    files.require("add_cross_attention", False)
    files.require("tie_word_embeddings", True)
    files.require("pad_token_id", 0)
    return {
        "vocab_size": files.get_int("vocab_size"),
        "d_model": files.get_int("hidden_size"),
        "n_heads": files.get_int("num_attention_heads"),
        "n_layers": files.get_int("num_hidden_layers", maximum=1000),
        "d_ff": files.get_int("intermediate_size"),
        "max_len": files.get_int("max_position_embeddings"),
        "n_segments": files.get_int("type_vocab_size", default=2),
        "dropout": files.get_float("hidden_dropout_prob", default=0.1, maximum=1.0),
        "attention_dropout": files.get_float(
            "attention_probs_dropout_prob", default=0.1, maximum=1.0
        ),
        "norm_eps": files.get_float("layer_norm_eps", default=1e-12),
        "head": head,
    }


def config_to_hf(config: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of `config.json`, from the arguments of a `BERTConfig`."""
    return {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM" if config["head"] else "BertModel"],
        "vocab_size": config["vocab_size"],
        "hidden_size": config["d_model"],
        "num_attention_heads": config["n_heads"],
        "num_hidden_layers": config["n_layers"],
        "intermediate_size": config["d_ff"] or 4 * config["d_model"],
        "max_position_embeddings": config["max_len"],
        "type_vocab_size": config["n_segments"],
        "hidden_act": "gelu",
        "hidden_dropout_prob": config["dropout"],
        "attention_probs_dropout_prob": config["attention_dropout"],
        "layer_norm_eps": config["norm_eps"],
        "pad_token_id": 0,
    }


# Our name, and Hugging Face's.
_EMBEDDING = {
    "tokens": "word_embeddings",
    "positions": "position_embeddings",
    "segments": "token_type_embeddings",
}
_BLOCK = {
    "self_attention.W_q": "attention.self.query",
    "self_attention.W_k": "attention.self.key",
    "self_attention.W_v": "attention.self.value",
    "self_attention.W_o": "attention.output.dense",
    "self_attention_norm.norm": "attention.output.LayerNorm",
    "feed_forward.W_1": "intermediate.dense",
    "feed_forward.W_2": "output.dense",
    "feed_forward_norm.norm": "output.LayerNorm",
}
_HEAD = {"linear": "dense", "norm": "LayerNorm"}


def key_map(config: Mapping[str, Any]) -> dict[str, KeySource]:
    """The source of each parameter of a `BERT`, from the arguments of its `BERTConfig`."""
    modules = {"embedding.norm": "embeddings.LayerNorm"}
    for i, (ours, hf) in product(range(config["n_layers"]), _BLOCK.items()):
        modules[f"layers.{i}.{ours}"] = f"encoder.layer.{i}.{hf}"
    if config["head"]:
        for ours, hf in _HEAD.items():
            modules[f"head.{ours}"] = f"cls.predictions.transform.{hf}"
    keys: dict[str, KeySource] = {
        f"{ours}.{kind}": f"{hf}.{kind}"
        for ours, hf in modules.items()
        for kind in ("weight", "bias")
    }
    for ours, hf in _EMBEDDING.items():
        keys[f"embedding.{ours}.weight"] = f"embeddings.{hf}.weight"
    return keys | ({"head.bias": "cls.predictions.bias"} if config["head"] else {})


ADAPTER = HubAdapter(
    "bert",
    config_from_hf,
    config_to_hf,
    key_map,
    prefix="bert.",
    unprefixed="cls.",
    legacy_names={"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"},
    ignored_keys=(
        r"embeddings\.(position|token_type)_ids",  # buffers
        r"pooler\..*",  # feeds the next-sentence prediction head
        r"cls\.seq_relationship\..*",  # the next-sentence prediction head
        r"cls\.predictions\.decoder\.(weight|bias)",  # tied to the token embedding and the bias
    ),
)
