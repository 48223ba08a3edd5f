"""What a `BERT`'s settings and tensors are called in Hugging Face's files."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from attention.hub.adapter import HubAdapter
from attention.hub.loader import PretrainedFiles, Source
from attention.hub.tensors import stored_tensors

__all__ = ["ADAPTER", "settings", "sizes", "sources"]


def sizes(files: PretrainedFiles) -> dict[str, Any]:
    """The arguments of a `BERTConfig`, read from their settings, and from whether there is a head.

    Raises:
        BadInput: A setting is missing, or one that a `BERT` cannot represent.
    """
    with stored_tensors(files.folder) as tensors:
        head = any(one.name.startswith("cls.predictions.") for one in tensors)
    files.expect("hidden_act", "gelu")
    files.expect("position_embedding_type", "absolute", None)
    files.expect("is_decoder", False)
    files.expect("add_cross_attention", False)
    files.expect("tie_word_embeddings", True)
    files.expect("pad_token_id", 0)
    return {
        "vocab_size": files.whole("vocab_size"),
        "d_model": files.whole("hidden_size"),
        "n_heads": files.whole("num_attention_heads"),
        "n_layers": files.whole("num_hidden_layers", most=1000),
        "d_ff": files.whole("intermediate_size"),
        "max_len": files.whole("max_position_embeddings"),
        "n_segments": files.whole("type_vocab_size", default=2),
        "dropout": files.number("hidden_dropout_prob", default=0.1),
        "norm_eps": files.number("layer_norm_eps", default=1e-12),
        "head": head,
    }


def settings(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Their settings, by the arguments of a `BERTConfig`."""
    return {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM" if sizes["head"] else "BertModel"],
        "vocab_size": sizes["vocab_size"],
        "hidden_size": sizes["d_model"],
        "num_attention_heads": sizes["n_heads"],
        "num_hidden_layers": sizes["n_layers"],
        "intermediate_size": sizes["d_ff"] or 4 * sizes["d_model"],
        "max_position_embeddings": sizes["max_len"],
        "type_vocab_size": sizes["n_segments"],
        "hidden_act": "gelu",
        "hidden_dropout_prob": sizes["dropout"],
        "attention_probs_dropout_prob": 0.0,
        "layer_norm_eps": sizes["norm_eps"],
        "pad_token_id": 0,
    }


# Our name and theirs.
_EMBEDDING = {"tokens": "word", "positions": "position", "segments": "token_type"}
_LAYER = {
    "attention.W_q": "attention.self.query",
    "attention.W_k": "attention.self.key",
    "attention.W_v": "attention.self.value",
    "attention.W_o": "attention.output.dense",
    "attention_norm.norm": "attention.output.LayerNorm",
    "feed_forward.W_1": "intermediate.dense",
    "feed_forward.W_2": "output.dense",
    "feed_forward_norm.norm": "output.LayerNorm",
}
_HEAD = {"linear": "dense", "norm": "LayerNorm"}


def sources(sizes: Mapping[str, Any]) -> dict[str, Source]:
    """Where each tensor of a `BERT` comes from, by the arguments of its `BERTConfig`."""
    pairs = {"embedding.norm": "embeddings.LayerNorm"}
    for i, (ours, theirs) in product(range(sizes["n_layers"]), _LAYER.items()):
        pairs[f"layers.{i}.{ours}"] = f"encoder.layer.{i}.{theirs}"
    if sizes["head"]:
        for ours, theirs in _HEAD.items():
            pairs[f"head.{ours}"] = f"cls.predictions.transform.{theirs}"
    sources: dict[str, Source] = {
        f"{ours}.{kind}": f"{theirs}.{kind}"
        for ours, theirs in pairs.items()
        for kind in ("weight", "bias")
    }
    for ours, theirs in _EMBEDDING.items():
        sources[f"embedding.{ours}.weight"] = f"embeddings.{theirs}_embeddings.weight"
    return sources | ({"head.bias": "cls.predictions.bias"} if sizes["head"] else {})


ADAPTER = HubAdapter(
    "bert",
    sizes,
    settings,
    sources,
    prefix="bert.",
    outside="cls.",
    renamed={"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"},
    not_needed=(
        r"embeddings\.(position|token_type)_ids",  # buffers
        r"pooler\..*",  # the head for the other task
        r"cls\.seq_relationship\..*",
        r"cls\.predictions\.decoder\.(weight|bias)",  # the words' vectors, used once more
    ),
)
