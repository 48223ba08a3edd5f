"""Where a model's files are: in a folder, or on the hub, from where they are downloaded once."""

import os
from pathlib import Path

from attention.errors import BadInput, first_line

__all__ = ["find"]

_FILES = [
    *("config.json", "model*.safetensors", "model.safetensors.index.json", "tokenizer.json"),
    *("modules.json", "*_Pooling/config.json", "config_sentence_transformers.json"),
    *("sentence_bert_config.json", "tokenizer_config.json"),
]


def find(path_or_name: str | os.PathLike[str], revision: str | None = None) -> Path:
    """The folder of a model's files, downloaded from the hub unless `path_or_name` is a folder.

    Args:
        path_or_name: A folder, or a model's name on the hub.
        revision: A branch, tag or commit on the hub; its main branch unless given.

    Raises:
        BadInput: There is no such folder, name or revision, or a folder comes with a revision.
    """
    folder = Path(path_or_name)
    if folder.is_dir():
        if revision is not None:
            raise BadInput(
                f"{folder}: a folder has no revisions, such as {revision!r}; leave revision out"
            )
        return folder
    from huggingface_hub import snapshot_download  # a slow import, and only the hub needs it

    try:
        return Path(
            snapshot_download(os.fspath(path_or_name), allow_patterns=_FILES, revision=revision)
        )
    except Exception as error:  # of many kinds: no network, no such name, no permission
        target = "it" if revision is None else f"its revision {revision!r}"
        problem = f"no such folder, and the hub doesn't provide {target} ({first_line(error)})"
        raise BadInput(f"{path_or_name}: {problem}") from error
