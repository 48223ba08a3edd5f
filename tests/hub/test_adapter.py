"""A saved model is the same model for transformers: its config, its logits, its dtype."""

import json
import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

os.environ["HF_HUB_OFFLINE"] = "1"
from transformers import AutoModelForCausalLM, BertForMaskedLM, BertModel

from attention.errors import BadInput
from attention.hub.adapter import HubAdapter, PretrainedModel
from attention.layers.positions import Llama3RoPEScaling
from attention.models.bert import BERT, BERTConfig
from attention.models.gpt import GPT, GPTConfig
from attention.models.llama import Llama, LlamaConfig
from tests.device.plugin import DEVICE

IDS = torch.tensor([[3, 7, 12, 30, 5, 9, 9, 1], [1, 2, 4, 8, 16, 30, 29, 27]])
SIZES = {"vocab_size": 31, "d_model": 16, "n_heads": 2, "n_layers": 3, "d_ff": 24, "max_len": 12}
DROPOUTS = {"dropout": 0.25, "attention_dropout": 0.125}
SCALING = Llama3RoPEScaling(6.0, 1.5, 3.5, 4)
# None of these fields has its default, so that a field that isn't saved is noticed.
GPT_ODD = GPTConfig(**SIZES, **DROPOUTS, init_std=0.03125)
BERT_ODD = BERTConfig(**SIZES, **DROPOUTS, n_segments=5, norm_eps=1e-3, head=False)
LLAMA_ODD = LlamaConfig(
    **SIZES,
    n_kv_heads=1,
    rope_theta=500.0,
    rope_scaling=SCALING,
    norm_eps=1e-3,
    tie_word_embeddings=True,
    attention_dropout=0.125,
)
UNTIED = replace(LLAMA_ODD, tie_word_embeddings=False, rope_scaling=None)
WITH_HEAD = replace(BERT_ODD, head=True)
ROPE = {"rope_type": "default", "rope_theta": 500.0}
SCALED = {
    "rope_type": "llama3",
    "factor": 6.0,
    "low_freq_factor": 1.5,
    "high_freq_factor": 3.5,
    "original_max_position_embeddings": 4,
}

GPT_FIELDS = {
    "vocab_size": 31,
    "n_embd": 16,
    "n_head": 2,
    "n_layer": 3,
    "n_inner": 24,
    "n_positions": 12,
    "activation_function": "gelu_new",
    "resid_pdrop": 0.25,
    "embd_pdrop": 0.25,
    "attn_pdrop": 0.125,
    "initializer_range": 0.03125,
    "layer_norm_epsilon": 1e-5,
    "bos_token_id": None,
    "eos_token_id": None,
}
BERT_FIELDS = {
    "vocab_size": 31,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.25,
    "attention_probs_dropout_prob": 0.125,
    "type_vocab_size": 5,
    "layer_norm_eps": 1e-3,
    "pad_token_id": 0,
}
LLAMA_FIELDS = {
    "vocab_size": 31,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "num_hidden_layers": 3,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
    "hidden_act": "silu",
    "attention_dropout": 0.125,
    "rms_norm_eps": 1e-3,
    "bos_token_id": None,
    "eos_token_id": None,
}
SAVED = [
    pytest.param(GPT, GPT_ODD, AutoModelForCausalLM, GPT_FIELDS, id="gpt"),
    pytest.param(BERT, WITH_HEAD, BertForMaskedLM, BERT_FIELDS, id="bert"),
    pytest.param(BERT, BERT_ODD, BertModel, BERT_FIELDS, id="bert-without-head"),
    pytest.param(
        Llama,
        LLAMA_ODD,
        AutoModelForCausalLM,
        LLAMA_FIELDS | {"rope_parameters": ROPE | SCALED, "tie_word_embeddings": True},
        id="llama-tied-scaled",
    ),
    pytest.param(
        Llama,
        UNTIED,
        AutoModelForCausalLM,
        LLAMA_FIELDS | {"rope_parameters": ROPE, "tie_word_embeddings": False},
        id="llama-untied",
    ),
]


def random_model(kind: type[PretrainedModel], config: object) -> PretrainedModel:
    """A model whose norms and biases are random too, so that none of them can be lost."""
    torch.manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def load_in_transformers(kind: type, folder: Path) -> nn.Module:
    """Their model, from our folder, with no tensor missing or left over."""
    options = {"add_pooling_layer": False} if kind is BertModel else {}
    with torch.device("cpu"):  # onto another device they load by means of accelerate
        theirs, info = kind.from_pretrained(folder, output_loading_info=True, **options)
    assert not any(info.values()), info
    return theirs.to(DEVICE).eval()


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize("config", [GPT_ODD, BERT_ODD, LLAMA_ODD])
def test_the_configs_below_leave_no_field_at_its_default(config):
    for field in fields(config):
        assert getattr(config, field.name) != field.default, field.name


@pytest.mark.parametrize(("kind", "config", "loader", "expected"), SAVED)
def test_transformers_loads_what_is_saved(tmp_path, kind, config, loader, expected):
    model = random_model(kind, config)
    model.save_pretrained(tmp_path)
    theirs = load_in_transformers(loader, tmp_path)
    found = {name: getattr(theirs.config, name) for name in expected}
    assert found == expected
    with torch.no_grad():
        states = theirs(IDS)
        logits = states[0]
        ours = model.encode(IDS) if loader is BertModel else model(IDS)
    assert logits.std() > 0.3, "values this small would agree by accident"
    torch.testing.assert_close(ours, logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "config", "loader", "expected"), SAVED)
def test_every_key_of_the_config_is_one_of_transformers(tmp_path, kind, config, loader, expected):
    kind(config).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    known = load_in_transformers(loader, tmp_path).config.to_dict().keys()
    assert saved.keys() - known <= {"rope_theta", "rope_scaling"}  # which older versions read


@pytest.mark.parametrize(("kind", "config", "loader", "expected"), SAVED)
def test_a_saved_model_comes_back(tmp_path, kind, config, loader, expected):
    model = random_model(kind, config)
    folder = tmp_path / "new" / "folder"
    model.save_pretrained(str(folder), eos_token_id=7)
    again = kind.from_pretrained(folder)
    assert again.config == config
    assert not again.training
    state = again.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], one) for name, one in model.state_dict().items())
    assert json.loads((folder / "config.json").read_text())["eos_token_id"] == 7


@pytest.mark.parametrize("form", ["rope_parameters", "rope_scaling"])
@pytest.mark.parametrize("config", [LLAMA_ODD, UNTIED])
def test_rope_is_saved_in_the_form_of_older_and_of_newer_readers(tmp_path, config, form):
    model = random_model(Llama, config)
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    saved = json.loads(path.read_text())
    assert saved["rope_theta"] == 500.0
    assert saved["rope_scaling"] == (SCALED if config.rope_scaling else None)
    older = {"rope_theta", "rope_scaling"}
    kept = saved.keys() - (older if form == "rope_parameters" else {"rope_parameters"})
    path.write_text(json.dumps({key: saved[key] for key in kept}))
    with torch.no_grad():
        expected = model(IDS)
        theirs = load_in_transformers(AutoModelForCausalLM, tmp_path)(IDS).logits
        torch.testing.assert_close(theirs, expected, rtol=0, atol=1e-5)
        assert torch.equal(Llama.from_pretrained(tmp_path)(IDS), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize(("kind", "config", "loader", "expected"), SAVED)
def test_a_model_is_saved_in_its_dtype(tmp_path, kind, config, loader, expected, dtype):
    model = random_model(kind, config).to(dtype)
    model.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {dtype}
    state = kind.from_pretrained(tmp_path).state_dict()
    for name, tensor in model.state_dict().items():
        assert state[name].dtype == dtype
        assert torch.equal(state[name], tensor)
    assert {one.dtype for one in load_in_transformers(loader, tmp_path).parameters()} == {dtype}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_model_is_loaded_in_the_dtype_that_is_asked_for(tmp_path, dtype):
    model = random_model(GPT, GPT_ODD)
    model.save_pretrained(tmp_path)
    loaded = GPT.from_pretrained(tmp_path, dtype=dtype)
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name].to(dtype)), name
        assert tensor.dtype == dtype


def test_parameters_of_integers_are_refused(tmp_path):
    GPT(GPT_ODD).save_pretrained(tmp_path)
    with pytest.raises(BadInput, match=r"dtype is torch\.int8, but parameters need a floating-"):
        GPT.from_pretrained(tmp_path, dtype=torch.int8)


class Clock(nn.Module):
    """A table that follows from the config and is therefore not stored."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", None, persistent=False)
        self.reset_buffers()

    def reset_buffers(self, device: torch.device | str | None = None) -> None:
        self.table = torch.arange(4, dtype=torch.float32, device=device) / 3


class Tiny(PretrainedModel):
    """A model with one parameter and, two levels down, a buffer outside the state dict."""

    adapter = HubAdapter(
        "tiny",
        config_from_hf=lambda files: {"d_model": files.get_int("size")},
        config_to_hf=lambda config: {"model_type": "tiny", "size": config["d_model"]},
        key_map=lambda config: {"scale.weight": "gain.weight"},
        prefix="tiny.",
        unprefixed="head.",
    )

    def __init__(self, config: "TinyConfig") -> None:
        super().__init__()
        self.config = config
        self.scale = nn.Linear(config.d_model, 4, bias=False)
        self.inner = nn.Sequential(Clock())


class TinyConfig:
    """Settings of any class, as long as `vars` gives them."""

    def __init__(self, d_model: int) -> None:
        self.d_model = d_model


Tiny.config_class = TinyConfig


@pytest.mark.parametrize("device", [None, "cpu", torch.device("cpu"), DEVICE, "meta"])
@pytest.mark.parametrize("dtype", [None, torch.float64])
def test_buffers_outside_the_state_dict_are_rebuilt_on_the_device(tmp_path, device, dtype):
    model = Tiny(TinyConfig(3))
    model.save_pretrained(tmp_path)
    loaded = Tiny.from_pretrained(tmp_path, device=device, dtype=dtype)
    expected = torch.empty(0, device=device).device
    assert loaded.scale.weight.device == loaded.inner[0].table.device == expected
    if expected.type != "meta":
        assert torch.equal(loaded.inner[0].table, model.inner[0].table.to(expected))
        assert torch.equal(loaded.scale.weight, model.scale.weight.to(expected, dtype))
