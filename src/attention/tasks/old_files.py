"""Files of earlier versions: the old names of settings and tensors, replaced when a file is read.

Whoever renames a parameter of a Config, of `TrainingConfig` or a module that holds weights adds a
line to a table below, so that runs and translators saved before the change still load.
"""

import re
from collections.abc import Mapping
from typing import Any

from attention.shapes import Tensor

__all__ = ["current_config", "current_tensors", "current_training"]

# What `training` in run.json called the fields of a `TrainingConfig`.
TRAINING = {
    "tokens": "tokens_per_batch",
    "clip": "max_grad_norm",
    "smoothing": "label_smoothing",
    "average": "average_fraction",
}

# Those that every version has written. Where one is missing, the file is damaged; a field that came
# later has its default, with which earlier versions trained.
ALWAYS = {"steps", "lr", "warmup", "seed", *TRAINING.values()}

# What `config` in translator.json called the fields of a model's Config. (Language models are saved
# with Hugging Face's names, which don't change.)
CONFIG = {"shared": "shared_embeddings"}

# Patterns of old tensor names, tried in this order, and what replaces them. training.safetensors
# has each name several times, as model.NAME, optimizer.NAME.exp_avg and so on: hence no ^ and $.
TENSORS = [
    (r"\b(encoder|decoder)\.(\d+)\.residual_1\.", r"\1.\2.self_attention_norm."),
    (r"\bencoder\.(\d+)\.residual_2\.", r"encoder.\1.feed_forward_norm."),
    (r"\bdecoder\.(\d+)\.residual_2\.", r"decoder.\1.cross_attention_norm."),
    (r"\bdecoder\.(\d+)\.residual_3\.", r"decoder.\1.feed_forward_norm."),
    (r"\blayers\.(\d+)\.(?:norm|residual)_1\.", r"layers.\1.attention_norm."),
    (r"\blayers\.(\d+)\.(?:norm|residual)_2\.", r"layers.\1.feed_forward_norm."),
    (r"\b(encoder|decoder)\.embed\.", r"\1.embedding."),
    (r"\bdecoder\.attention\.scores\.", "decoder.attention.scorer."),
    (r"\bembedding\.words\.", "embedding.tokens."),
    (r"\bembedding\.types\.", "embedding.segments."),
]
# Those of a BERT besides, which an embedding of types tells from a GPT.
BERT_TENSORS = [(r"\blayers\.(\d+)\.attention(_norm)?\.", r"layers.\1.self_attention\2.")]


def current_training(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a `TrainingConfig`, from `training` in a run.json of any version.

    Raises:
        KeyError: One that every version has written is missing.
    """
    current = {TRAINING.get(name, name): value for name, value in values.items()}
    for missing in sorted(ALWAYS - current.keys()):
        raise KeyError(missing)
    return current


def current_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a translator's Config, from a translator.json of any version."""
    return {CONFIG.get(name, name): value for name, value in values.items()}


def current_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a translator or of a training run, saved by any version, by today's names."""
    is_bert = any("embedding.types." in name for name in tensors)
    patterns = TENSORS + (BERT_TENSORS if is_bert else [])
    return {_current_name(name, patterns): tensor for name, tensor in tensors.items()}


def _current_name(name: str, patterns: list[tuple[str, str]]) -> str:
    for old, new in patterns:
        name = re.sub(old, new, name)
    return name
