"""A search index: the embeddings of a text collection, kept in a file between searches."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import torch

from attention.checkpoints import load_tensors, save_tensors
from attention.errors import BadInput
from attention.shapes import Float, Tensor
from attention.tasks.retrieval import TextEncoder

__all__ = ["indexed_embeddings"]

NAMES = {"search_index_key", "embeddings"}


def indexed_embeddings(
    encoder: TextEncoder, texts: Sequence[str], path: Path
) -> tuple[Float[Tensor, "B D"], str | None]:
    """The embeddings of the texts: from the file, or computed and written into it.

    The file counts only if it was made of these very texts by this very model, whose content it
    has a hash of. It is written whole or not at all.

    Args:
        path: The index; made where it doesn't exist.

    Returns:
        The embeddings, and why they could not be written, or None.

    Raises:
        BadInput: The file is no search index, and so is never overwritten.
    """
    key = _key(encoder, texts)
    if path.exists():
        stored = _read(path)
        if torch.equal(stored["search_index_key"], key):
            return stored["embeddings"].to(encoder.model.embedding.tokens.weight.device), None
    embeddings = encoder.embed(texts, encoder.config.document_prompt)
    try:
        save_tensors(path, {"search_index_key": key, "embeddings": embeddings})
    except BadInput as error:
        return embeddings, str(error)
    return embeddings, None


def _read(path: Path) -> dict[str, Tensor]:
    try:
        stored = load_tensors(path)
    except BadInput as error:
        raise BadInput(f"{path}: no search index; delete it, or name another file") from error
    if stored.keys() != NAMES:
        raise BadInput(f"{path}: holds tensors, but no search index; name another file")
    return stored


def _key(encoder: TextEncoder, texts: Sequence[str]) -> Tensor:
    """A hash of all that the embeddings depend on."""
    content = sha256()
    for name, tensor in encoder.model.state_dict().items():
        raw = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        content.update(raw.numpy().data)
    settings = (encoder.config, encoder.model.config, encoder.tokenizer.tokenizer.to_str())
    for text in (*map(str, settings), *texts):
        encoded = text.encode()
        content.update(f"{len(encoded)}\n".encode() + encoded)
    return torch.frombuffer(bytearray(content.digest()), dtype=torch.uint8)
