"""Checkpoint files are complete or absent, exact, and never pickled."""

import os

import pytest
import safetensors.torch
import torch

from attention.checkpoints import (
    check_tensors,
    load_json,
    load_tensors,
    save_json,
    save_tensors,
)
from attention.errors import BadInput

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "step": torch.tensor(7)}
DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]


def test_tensors_come_back_bit_for_bit(tmp_path):
    save_tensors(tmp_path / "t.safetensors", TENSORS)
    loaded = load_tensors(tmp_path / "t.safetensors")
    assert loaded.keys() == TENSORS.keys()
    assert all(torch.equal(loaded[name], tensor.cpu()) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_kept(tmp_path, dtype):
    """Neither widened, which `torch.equal` wouldn't notice, nor rounded."""
    path, tensor = tmp_path / "t.safetensors", torch.tensor([0.0, 1.0, 2.0, 3.0]).to(dtype)
    save_tensors(path, {"a": tensor})
    loaded = load_tensors(path)["a"]
    assert loaded.dtype == dtype
    assert torch.equal(loaded.view(torch.uint8), tensor.view(torch.uint8).cpu())
    assert path.stat().st_size < 150 + tensor.nbytes


def test_tied_transposed_and_sliced_tensors_are_written_in_full(tmp_path):
    base = torch.arange(6.0).reshape(2, 3)
    tensors = {
        "base": base,
        "tied": base,
        "transposed": base.T,
        "column": base[:, 1],
        "expanded": base[:1].expand(4, 3),
        "parameter": torch.nn.Parameter(base),
    }
    save_tensors(tmp_path / "t.safetensors", tensors)
    loaded = load_tensors(tmp_path / "t.safetensors")
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensor.cpu()) for name, tensor in tensors.items())
    loaded["base"].zero_()
    assert torch.equal(loaded["tied"], base.cpu())


@pytest.mark.on_cpu(reason="reads and writes files")
def test_json_comes_back(tmp_path):
    save_json(tmp_path / "j.json", {"é": [1, None, 0.5]})
    assert load_json(tmp_path / "j.json") == {"é": [1, None, 0.5]}


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("load", [load_json, load_tensors])
def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(BadInput, match=r"gone: no such file"):
        load(tmp_path / "gone")


@pytest.mark.parametrize("kept", [0, 4, 20, -3])
def test_a_truncated_file_gets_one_line(tmp_path, kept):
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadInput, match=r"t\.safetensors: damaged") as caught:
        load_tensors(path)
    assert "\n" not in str(caught.value)


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_damaged_json_gets_one_line(tmp_path, content):
    (tmp_path / "j.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"j\.json: damaged") as caught:
        load_json(tmp_path / "j.json")
    assert "\n" not in str(caught.value)


@pytest.mark.on_cpu(reason="reads and writes files")
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


@pytest.mark.on_cpu(reason="reads and writes files")
def test_a_folder_is_made_for_what_is_saved(tmp_path):
    save_json(tmp_path / "runs" / "first" / "settings.json", {"a": 1})
    assert load_json(tmp_path / "runs" / "first" / "settings.json") == {"a": 1}


@pytest.mark.on_cpu(reason="reads and writes files")
def test_a_file_is_no_folder_to_save_in(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(BadInput, match=r"settings\.json: cannot be written \(.+\)"):
        save_json(tmp_path / "runs" / "settings.json", {})


def test_a_byte_that_has_changed_is_noticed_wherever_it_is(tmp_path):
    """Safetensors itself notices none among the values."""
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS)
    whole = path.read_bytes()
    assert whole == save_again(tmp_path), "equal tensors give equal files"
    values = len(whole) - sum(tensor.nbytes for tensor in TENSORS.values())
    for at in range(values, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(BadInput, match=r"t\.safetensors: damaged, .* \(checksum\)"):
            load_tensors(path)


def save_again(folder) -> bytes:
    save_tensors(folder / "again.safetensors", dict(reversed(TENSORS.items())))
    return (folder / "again.safetensors").read_bytes()


def test_a_file_without_our_checksum_is_read(tmp_path):
    safetensors.torch.save_file(TENSORS, tmp_path / "t.safetensors")
    assert torch.equal(load_tensors(tmp_path / "t.safetensors")["a"], TENSORS["a"].cpu())


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ({"a": None}, "'a' is missing"),
        ({"b": torch.zeros(1)}, "'b' is unexpected"),
        ({"a": torch.zeros(3, 2)}, r"'a' is float32 \[3, 2\], not float32 \[2, 3\]"),
        ({"a": torch.zeros(2, 3).half()}, r"'a' is float16 \[2, 3\], not float32 \[2, 3\]"),
        ({"a": torch.full((2, 3), float("nan"))}, "'a' has values that are not finite"),
    ],
)
def test_a_tensor_that_is_not_the_expected_one_is_named(damaged, message):
    tensors = {name: t for name, t in (TENSORS | damaged).items() if t is not None}
    check_tensors(TENSORS, TENSORS)
    with pytest.raises(BadInput, match=message):
        check_tensors(tensors, TENSORS)


def test_half_a_character_in_json_is_refused(tmp_path):
    """It could be neither printed nor saved again."""
    (tmp_path / "j.json").write_text(r'{"a": "\ud83d\ude42"}')
    assert load_json(tmp_path / "j.json") == {"a": "🙂"}
    (tmp_path / "j.json").write_text(r'{"a": "\ud83d"}')
    with pytest.raises(BadInput, match=r"j\.json: damaged"):
        load_json(tmp_path / "j.json")
