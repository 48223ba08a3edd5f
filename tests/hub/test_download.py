"""Models on the hub: what is downloaded, at which revision, and what happens if it can't be."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from attention.errors import BadInput
from attention.hub.download import find
from attention.models.gpt import GPT, GPTConfig

NAME = "somebody/a-gpt-that-is-no-folder"


@pytest.fixture
def folder(tmp_path) -> Path:
    GPT(GPTConfig(vocab_size=11, d_model=8, n_heads=2, n_layers=1)).save_pretrained(tmp_path)
    return tmp_path


def replace_hub(monkeypatch, snapshot_download) -> None:
    module = SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)


@pytest.fixture
def requests(folder, monkeypatch) -> list[dict[str, object]]:
    """The arguments of every download; each gives the saved folder."""
    made = []

    def snapshot_download(repo_id: str, **options: object) -> str:
        made.append({"repo_id": repo_id, **options})
        return str(folder)

    replace_hub(monkeypatch, snapshot_download)
    return made


def refused(name: object, revision: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        GPT.from_pretrained(name, revision=revision)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_only_the_files_that_are_read_are_downloaded(requests):
    from huggingface_hub.utils import filter_repo_objects

    GPT.from_pretrained(NAME)
    assert [request["repo_id"] for request in requests] == [NAME]
    files = [
        "config.json",
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "tokenizer.json",
        "model.safetensors.index.json",
    ]
    others = ["pytorch_model.bin", "flax_model.msgpack", "onnx/model.safetensors", "README.md"]
    patterns = requests[0]["allow_patterns"]
    assert list(filter_repo_objects([*files, *others], allow_patterns=patterns)) == files


@pytest.mark.parametrize("revision", [None, "v1.0", "0123abc"])
def test_the_revision_is_the_one_that_is_downloaded(requests, revision):
    GPT.from_pretrained(NAME, revision=revision)
    assert [request["revision"] for request in requests] == [revision]


@pytest.mark.on_cpu(reason="reads and writes files")
def test_a_folder_is_never_downloaded_and_has_no_revisions(requests, folder):
    assert find(folder) == find(str(folder)) == folder
    line = f"{folder}: a folder has no revisions, such as 'v1.0'; leave revision out"
    assert refused(folder, "v1.0") == line
    assert not requests


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("error", [OSError("no\nnetwork"), ValueError("no\nname"), Exception()])
def test_a_hub_that_cannot_be_reached_gets_one_line(monkeypatch, error):
    def snapshot_download(repo_id: str, **_: object) -> str:
        raise error

    replace_hub(monkeypatch, snapshot_download)
    reason = "no" if error.args else "Exception"
    start = "no/such-model: no such folder, and the hub doesn't provide"
    for name in ("no/such-model", Path("no/such-model")):
        assert refused(name) == f"{start} it ({reason})"
        assert refused(name, "v2") == f"{start} its revision 'v2' ({reason})"


@pytest.mark.on_cpu(reason="reads and writes files")
def test_the_real_hub_library_without_a_network_gets_one_line(monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name in ("nobody/no-such-model-0", "three/parts/are-no-name"):
        line = refused(name)
        assert re.match(f"{name}: no such folder, and the hub doesn't provide it \\(.+\\)$", line)
