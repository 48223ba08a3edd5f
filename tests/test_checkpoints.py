"""Files that are whole or not there at all, and never pickled."""

import os

import pytest
import torch

from attention.checkpoints import load_json, load_tensors, save_json, save_tensors
from attention.errors import BadInput

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "step": torch.tensor(7)}


def test_tensors_come_back_bit_for_bit(tmp_path):
    save_tensors(tmp_path / "t.safetensors", TENSORS)
    loaded = load_tensors(tmp_path / "t.safetensors")
    assert loaded.keys() == TENSORS.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in TENSORS.items())


def test_tensors_that_share_memory_or_are_slices_are_kept_as_they_look(tmp_path):
    base = torch.arange(6.0).reshape(2, 3)
    save_tensors(tmp_path / "t.safetensors", {"whole": base, "again": base, "turned": base.T})
    assert torch.equal(load_tensors(tmp_path / "t.safetensors")["turned"], base.T)


def test_json_comes_back(tmp_path):
    save_json(tmp_path / "j.json", {"é": [1, None, 0.5]})
    assert load_json(tmp_path / "j.json") == {"é": [1, None, 0.5]}


@pytest.mark.parametrize("load", [load_json, load_tensors])
def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(BadInput, match=r"gone: no such file"):
        load(tmp_path / "gone")


@pytest.mark.parametrize("keep", [0, 4, 20, -3])
def test_a_truncated_file_gets_one_line(tmp_path, keep):
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadInput, match=r"t\.safetensors: damaged"):
        load_tensors(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_damaged_json_gets_one_line(tmp_path, content):
    (tmp_path / "j.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"j\.json: damaged"):
        load_json(tmp_path / "j.json")


def test_a_pickle_is_never_opened(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    torch.save({"a": Hostile()}, tmp_path / "t.safetensors")
    with pytest.raises(BadInput):
        load_tensors(tmp_path / "t.safetensors")
    assert not (tmp_path / "owned").exists()


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left on device"):
        save_tensors(path, {"a": torch.zeros(99)})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["t.safetensors"]
