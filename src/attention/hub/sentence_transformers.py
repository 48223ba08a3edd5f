"""Sentence Transformers' files: how a pretrained encoder turns a text into an embedding.

Such a folder says more than a plain Hugging Face folder: which modules follow the encoder, how
hidden states are pooled, where texts are truncated, which prompts the model was trained with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attention.checkpoints import load_json
from attention.errors import BadInput

__all__ = ["EmbeddingConfig", "read_embedding_config"]

_MAIN = "config_sentence_transformers.json"
_LEGACY_POOLING = {  # one flag for each mode, as releases before 6 wrote them
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True)
class EmbeddingConfig:
    """How hidden states become the embedding of a text, and how embeddings are compared.

    Attributes:
        pooling: `mean`, the mean over all tokens; `cls`, the hidden state of `[CLS]`; or `max`, the
            maximum of each component over all tokens.
        normalize: Whether embeddings are scaled to length 1.
        max_seq_length: Texts are truncated to this many tokens, special tokens included. If None,
            nothing is cut off: a long text is embedded in windows.
        lowercase: Whether texts are lowercased before they are tokenized.
        default_prompt: Prepended to a text that is embedded on its own.
        query_prompt: Prepended to a query.
        document_prompt: Prepended to each text that is searched.
        similarity: `cosine` or `dot`: how a query is compared with a document.
    """

    pooling: str = "mean"
    normalize: bool = False
    max_seq_length: int | None = None
    lowercase: bool = False
    default_prompt: str = ""
    query_prompt: str = ""
    document_prompt: str = ""
    similarity: str = "cosine"


def read_embedding_config(folder: Path) -> EmbeddingConfig:
    """Read Sentence Transformers' files; a folder without `modules.json` gets the defaults.

    Raises:
        BadInput: A file is damaged, or asks for something that is not supported here.
    """
    if not (folder / "modules.json").is_file():
        return EmbeddingConfig()
    path, (pooling_path, normalize) = folder / _MAIN, _modules(folder / "modules.json")
    config, pooling = _optional_json(path), load_json(pooling_path)
    encoder = _optional_json(folder / "sentence_bert_config.json")
    prompts = _prompts(config, path)
    if pooling.get("include_prompt") is False and any(prompts.values()):
        raise BadInput(f"{pooling_path}: include_prompt is False, but only True is supported")
    similarity = config.get("similarity_fn_name") or "cosine"
    return EmbeddingConfig(
        pooling=_pooling_mode(pooling, pooling_path),
        normalize=normalize,
        max_seq_length=_max_seq_length(folder, encoder),
        lowercase=encoder.get("do_lower_case") is True,
        similarity=_supported(path, "similarity_fn_name", similarity, ("cosine", "dot")),
        **prompts,
    )


def _modules(path: Path) -> tuple[Path, bool]:
    """The config file of the pooling module, and whether embeddings are normalised after it."""
    try:
        modules = json.loads(path.read_bytes())
        names = [module["type"].rpartition(".")[2] for module in modules]
        folders = [path.parent / module["path"] for module in modules]
    except (ValueError, OSError, LookupError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: damaged, not a list of modules ({error})") from error
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise BadInput(
            f"{path}: the modules are {', '.join(names)}, but only Transformer, Pooling and an "
            "optional Normalize are supported"
        )
    return folders[1] / "config.json", "Normalize" in names


def _pooling_mode(config: Mapping[str, Any], path: Path) -> str:
    flags = [mode for flag, mode in _LEGACY_POOLING.items() if config.get(flag)]
    found = config.get("pooling_mode", flags or "mean")
    modes = found if isinstance(found, list) else [found]
    return _supported(path, "pooling_mode", " and ".join(map(str, modes)), ("mean", "cls", "max"))


def _max_seq_length(folder: Path, encoder: Mapping[str, Any]) -> int:
    """The first limit that a file states; the library gives them the same precedence."""
    limits = [
        encoder.get("max_seq_length"),
        _optional_json(folder / "tokenizer_config.json").get("model_max_length"),
        load_json(folder / "config.json").get("max_position_embeddings"),
    ]
    limit = next((limit for limit in limits if limit is not None), None)
    if type(limit) is not int or limit < 1:
        raise BadInput(f"{folder}: the maximum sequence length is {limit!r}, not a whole number")
    return limit


def _prompts(config: Mapping[str, Any], path: Path) -> dict[str, str]:
    stated, default = config.get("prompts") or {}, config.get("default_prompt_name")
    if not isinstance(stated, dict) or not all(isinstance(p, str | None) for p in stated.values()):
        raise BadInput(f"{path}: prompts is {stated!r}, not an object of texts")
    # The library gives every model these two, so queries and documents never fall back on others.
    prompts = {"query": "", "document": ""} | {name: text or "" for name, text in stated.items()}
    if default is not None and default not in prompts:
        raise BadInput(f"{path}: default_prompt_name is {default!r}, but prompts has no such name")
    return {
        "default_prompt": prompts[default] if default is not None else "",
        "query_prompt": prompts["query"],
        "document_prompt": prompts["document"],
    }


def _supported(path: Path, key: str, value: object, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise BadInput(f"{path}: {key} is {value!r}, but only {' or '.join(choices)} is supported")
    return str(value)


def _optional_json(path: Path) -> dict[str, Any]:
    return load_json(path) if path.is_file() else {}
