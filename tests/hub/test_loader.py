"""Folders in Hugging Face's layout: loaded correctly, or refused in a line that says why."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import GPT2Config, GPT2LMHeadModel

from attention.errors import BadInput
from attention.hub.loader import PretrainedFiles
from attention.models.gpt import GPT, GPTConfig

IDS = torch.tensor([[1, 2, 3, 4]])
QUERY = "transformer.h.0.attn.c_attn.weight"


@pytest.fixture(scope="module")
def theirs() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=11, n_positions=16, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


@pytest.fixture
def folder(theirs, tmp_path) -> Path:
    theirs.save_pretrained(tmp_path)
    return tmp_path


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_tensors(folder: Path, **values: torch.Tensor | None) -> None:
    """Replace tensors by name, add them, or remove those that are None."""
    path = folder / "model.safetensors"
    tensors = load_file(path) | {name.replace("__", "."): one for name, one in values.items()}
    path.unlink()  # the old one may still be mapped into memory
    save_file({name: one for name, one in tensors.items() if one is not None}, path)


def refused(folder: object) -> str:
    """The one-line message with which loading the folder fails."""
    with pytest.raises(BadInput) as caught:
        GPT.from_pretrained(folder)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_folder_becomes_the_model_that_was_saved(theirs, folder):
    model = GPT.from_pretrained(folder)
    assert model.config == GPTConfig(
        11, 8, 2, 2, d_ff=32, max_len=16, dropout=0.1, attention_dropout=0.1
    )
    assert not model.training
    torch.testing.assert_close(model(IDS), theirs(IDS).logits, rtol=0, atol=1e-5)
    assert all(p.requires_grad and p.is_contiguous() for p in model.parameters())
    assert torch.equal(GPT.from_pretrained(str(folder))(IDS), model(IDS))


def test_shards_are_read_as_one_model(theirs, tmp_path):
    theirs.save_pretrained(tmp_path, max_shard_size="3KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    assert not (tmp_path / "model.safetensors").exists()
    torch.testing.assert_close(
        GPT.from_pretrained(tmp_path)(IDS), theirs(IDS).logits, rtol=0, atol=1e-5
    )


def test_the_model_does_not_depend_on_the_folder(theirs, folder):
    model = GPT.from_pretrained(folder)
    path = folder / "model.safetensors"
    path.write_bytes(bytes(path.stat().st_size))
    torch.testing.assert_close(model(IDS), theirs(IDS).logits, rtol=0, atol=1e-5)


def test_keys_of_the_first_release_are_read(theirs, folder):
    """In the hub's `gpt2`, keys have no prefix, and masks and the tied head are tensors too."""
    tensors = {k.removeprefix("transformer."): v for k, v in load_file(folder / "model.safetensors").items()}  # fmt: skip  # noqa: E501
    for i in range(2):
        tensors[f"h.{i}.attn.bias"] = torch.ones(1, 1, 16, 16)
        tensors[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    tensors["lm_head.weight"] = tensors["wte.weight"].clone()
    (folder / "model.safetensors").unlink()
    save_file(tensors, folder / "model.safetensors")
    torch.testing.assert_close(
        GPT.from_pretrained(folder)(IDS), theirs(IDS).logits, rtol=0, atol=1e-5
    )


def test_dtypes_are_kept_and_several_become_the_widest(folder):
    tensors = load_file(folder / "model.safetensors")
    change_tensors(folder, **{name: one.bfloat16() for name, one in tensors.items()})
    model = GPT.from_pretrained(folder)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert model(IDS).isfinite().all()
    change_tensors(folder, **{QUERY: tensors[QUERY].half()})
    assert {p.dtype for p in GPT.from_pretrained(folder).parameters()} == {torch.float32}


def test_the_tokenizer_is_loaded(folder):
    assert GPT.from_pretrained(folder).tokenizer is None
    tokenizer = Tokenizer(WordLevel({"the": 0, "end": 1}, unk_token="the"))
    tokenizer.save(str(folder / "tokenizer.json"))
    model = GPT.from_pretrained(folder)
    assert model.tokenizer.token_to_id("end") == 1
    (folder / "tokenizer.json").write_text('{"model": 3}')
    assert "tokenizer.json: damaged, not a tokenizer (" in refused(folder)


CONFIGS = [
    ({"model_type": "bert"}, "config.json: model_type is 'bert', but this class loads 'gpt2'"),
    ({"model_type": None}, "config.json: model_type is None, but this class loads 'gpt2'"),
    (
        {"activation_function": "relu"},
        "activation_function is 'relu', but only 'gelu_new' or 'gelu_pytorch_tanh' is",
    ),
    ({"activation_function": ["gelu_new"]}, "activation_function is ['gelu_new'], but only"),
    ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon is 1e-06, but only 1e-05 is"),
    ({"tie_word_embeddings": False}, "tie_word_embeddings is False, but only True is"),
    ({"scale_attn_weights": 0}, "scale_attn_weights is 0, but only True is"),
    ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True, but"),
    ({"n_embd": None}, "n_embd is None, not an integer from 1 to"),
    ({"n_embd": 8.0}, "n_embd is 8.0, not an integer from 1 to"),
    ({"n_head": True}, "n_head is True, not an integer from 1 to"),
    ({"n_head": 0}, "n_head is 0, not an integer from 1 to"),
    ({"n_layer": 10**9}, "n_layer is 1000000000, not an integer from 1 to 1000"),
    ({"n_head": 3}, "no model has these settings (3 heads"),
    ({"n_embd": 2**31, "n_head": 1, "n_inner": 2**31}, "no model has these settings ("),
    ({"resid_pdrop": "much"}, "resid_pdrop is 'much', not a number from 0 to 1"),
    ({"resid_pdrop": 2.0}, "resid_pdrop is 2.0, not a number from 0 to 1"),
    ({"attn_pdrop": 1.5}, "attn_pdrop is 1.5, not a number from 0 to 1"),
    ({"embd_pdrop": 0.2}, "resid_pdrop is 0.1 and embd_pdrop is 0.2, but a GPT has one dropout"),
    ({"embd_pdrop": None, "resid_pdrop": 0.2}, "resid_pdrop is 0.2 and embd_pdrop is 0.1, but"),
    ({"n_layer": 3}, "the tensor 'h.2.ln_1.weight' is missing"),
    ({"n_layer": 1}, "the tensor 'transformer.h.1.attn.c_attn.bias' is unexpected: a GPT has no"),
    (
        {"n_positions": 2**31},
        "the tensor 'transformer.wpe.weight' has the shape [16, 8], which can't fill "
        "our 'positions.weight' of shape [2147483648, 8]",
    ),
]


@pytest.mark.parametrize(("values", "line"), CONFIGS)
def test_a_config_that_cannot_be_represented_is_refused(folder, values, line):
    change_config(folder, **values)
    assert line in refused(folder)


TENSORS = [
    ({"transformer.h.1.ln_2.bias": None}, "the tensor 'h.1.ln_2.bias' is missing"),
    ({"score.weight": torch.ones(2, 8)}, "the tensor 'score.weight' is unexpected: a GPT has no"),
    (
        {"transformer.wte.weight": torch.ones(12, 8)},
        "model.safetensors: the tensor 'transformer.wte.weight' has the shape [12, 8], which "
        "can't fill our 'embedding.weight' of shape [11, 8]",
    ),
    (
        {QUERY: torch.ones(24, 8)},
        f"the tensor '{QUERY}' has the shape [24, 8], which can't fill our",
    ),
    (
        {QUERY: torch.ones(8, 25)},
        f"the tensor '{QUERY}' has the shape [8, 25], which can't fill our",
    ),
    (
        {QUERY: torch.ones(8, 3, 8)},
        f"the tensor '{QUERY}' has the shape [8, 3, 8], which can't fill our",
    ),
    ({QUERY: torch.tensor(1.0)}, f"the tensor '{QUERY}' has the shape [], which can't fill our"),
    (
        {QUERY: torch.ones(8, 24, dtype=torch.int8)},
        f"the tensor '{QUERY}' has the dtype I8, not one of F64, F32, F16, BF16",
    ),
]


@pytest.mark.parametrize(("values", "line"), TENSORS)
def test_a_tensor_that_does_not_fit_is_refused(folder, values, line):
    change_tensors(folder, **values)
    assert line in refused(folder)


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_damaged_weights_are_refused(folder, kept):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[:kept])
    assert refused(folder).startswith(f"{path}: damaged or not a safetensors file (")


@pytest.mark.parametrize(
    "content",
    [b"\x80\x04pickle", b"\xff" * 64, b"\x10" + bytes(7) + b'{"a": {"x": 1}} ' + bytes(9)],
)
def test_weights_of_another_format_are_refused(folder, content):
    path = folder / "model.safetensors"
    path.unlink()
    path.write_bytes(content)
    assert refused(folder).startswith(f"{path}: damaged or not a safetensors file (")


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe{}", b"[" * 200_000])
def test_a_config_that_is_no_json_object_is_refused(folder, content):
    (folder / "config.json").write_bytes(content)
    assert refused(folder).startswith(f"{folder / 'config.json'}: damaged, not ")


def test_pickled_weights_are_never_read(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    line = f"{folder / 'model.safetensors'}: no such file, nor model.safetensors.index.json"
    assert refused(folder) == f"{line} (pickled weights are never read)"
    (folder / "pytorch_model.bin").unlink()
    assert refused(folder) == line
    (folder / "config.json").unlink()
    assert refused(folder) == f"{folder / 'config.json'}: no such file"


@pytest.mark.parametrize(
    ("index", "line"),
    [
        ({}, "damaged, it has no weight_map"),
        ({"weight_map": ["a"]}, "damaged, it has no weight_map"),
        ({"weight_map": {"a": 3}}, "3 isn't the name of a safetensors file in this folder"),
        ({"weight_map": {"a": "../a.safetensors"}}, "'../a.safetensors' isn't the name of a"),
        ({"weight_map": {"a": "/a.safetensors"}}, "'/a.safetensors' isn't the name of a"),
        (
            {"weight_map": {"a": "a.bin"}},
            "'a.bin' isn't the name of a safetensors file in this folder",
        ),
    ],
)
def test_an_index_that_names_other_files_is_refused(folder, index, line):
    (folder / "model.safetensors").unlink()
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    assert refused(folder).startswith(f"{path}: {line}")


def test_a_missing_shard_is_named(theirs, tmp_path):
    theirs.save_pretrained(tmp_path, max_shard_size="3KB")
    shard = sorted(tmp_path.glob("model-*.safetensors"))[1]
    shard.unlink()
    assert refused(tmp_path) == f"{shard}: no such file"


def test_nothing_is_read_before_everything_is_checked(folder, monkeypatch):
    change_tensors(folder, **{"transformer.wte.weight": torch.ones(12, 8)})
    monkeypatch.setattr(
        "attention.hub.tensors.StoredTensor.read", lambda tensor: pytest.fail("read")
    )
    refused(folder)


@pytest.mark.on_cpu(reason="reads and writes files")
def test_absent_and_null_settings_have_defaults(folder):
    change_config(folder, n_inner=None)
    files = PretrainedFiles(folder, "gpt2")
    assert files.get_int("n_inner", default=7) == 7
    assert files.get_float("absent", default=1.0) == 1.0
    files.require("absent", True)
    with pytest.raises(BadInput, match="absent is None, not a number"):
        files.get_float("absent")


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("value", [float("inf"), float("nan"), -0.1, True, "0.1"])
def test_a_float_is_finite_and_not_negative(folder, value):
    change_config(folder, resid_pdrop=value, free=value)
    files = PretrainedFiles(folder, "gpt2")
    with pytest.raises(BadInput, match=f"free is {value!r}, not a number from 0 up"):
        files.get_float("free")
    with pytest.raises(BadInput, match=f"resid_pdrop is {value!r}, not a number from 0 to 1"):
        files.get_float("resid_pdrop", maximum=1.0)


def test_values_that_are_not_finite_are_refused(folder):
    change_tensors(folder, **{QUERY.replace(".", "__"): torch.full((8, 24), float("nan"))})
    assert f"{QUERY!r} has values that are not finite" in refused(folder)


def test_a_damaged_byte_of_a_model_that_we_saved_is_noticed(folder, tmp_path):
    GPT.from_pretrained(folder).save_pretrained(tmp_path / "ours")
    path = tmp_path / "ours" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    assert "model.safetensors: damaged" in refused(tmp_path / "ours")


def test_a_template_with_an_undefined_token_is_refused(folder):
    """There the tokenizers library panics, which is no `Exception`."""
    tokenizer = Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a"))
    tokenizer.post_processor = TemplateProcessing("[X] $A", special_tokens=[("[X]", 1)])
    text = tokenizer.to_str().replace('"SpecialToken":{"id":"[X]"', '"SpecialToken":{"id":"[Y]"')
    (folder / "tokenizer.json").write_text(text)
    assert "tokenizer.json: damaged, not a tokenizer" in refused(folder)
