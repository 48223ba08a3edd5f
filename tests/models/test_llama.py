"""Llama is the world's to the fifth digit; test_model_promises has what all models promise."""

import json
import os
from dataclasses import replace

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig as TheirConfig
from transformers import LlamaForCausalLM

from attention import record_attention
from attention.errors import BadInput
from attention.generation.sampling import Sampler, generate
from attention.layers.feed_forward import SwiGLU
from attention.layers.norms import RMSNorm
from attention.layers.positions import Llama3RoPEScaling
from attention.models.llama import Llama, LlamaConfig

SMALL = LlamaConfig(
    vocab_size=31, d_model=16, n_heads=4, n_kv_heads=2, n_layers=2, d_ff=24, max_len=64
)
IDS = torch.tensor([[3, 7, 12, 30, 5], [9, 1, 1, 4, 22]])
LLAMA_3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


@pytest.fixture
def model() -> Llama:
    torch.manual_seed(0)
    model = Llama(replace(SMALL, rope_scaling=Llama3RoPEScaling(original_len=4))).double().eval()
    _perturb(model, 0.3)
    return model


def _perturb(model: torch.nn.Module, size: float = 0.1) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(size * torch.randn_like(parameter))


def _theirs(folder, **changes) -> LlamaForCausalLM:
    torch.manual_seed(1)
    settings = {
        "vocab_size": 97,
        "hidden_size": 32,
        "intermediate_size": 56,
        "num_hidden_layers": 3,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "rope_parameters": LLAMA_3,
        "rms_norm_eps": 1e-3,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
        "eos_token_id": None,
        "bos_token_id": None,
    }
    theirs = LlamaForCausalLM(TheirConfig(**settings | changes)).eval()
    _perturb(theirs)
    theirs.save_pretrained(folder)
    return theirs


def _edit(folder, **changes) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in config.items() if v != "gone"}))


@pytest.mark.parametrize("tie_word_embeddings", [False, True])
@pytest.mark.parametrize("n_kv_heads", [1, 2, 8])
def test_logits_are_those_of_transformers(tmp_path, n_kv_heads, tie_word_embeddings):
    theirs = _theirs(
        tmp_path, num_key_value_heads=n_kv_heads, tie_word_embeddings=tie_word_embeddings
    )
    ours = Llama.from_pretrained(tmp_path)
    assert ours.config.tie_word_embeddings == tie_word_embeddings
    ids = torch.randint(1, 97, (3, 70))  # four times the length first trained on, and more
    seen = torch.ones_like(ids)
    for row, length in enumerate((70, 41, 1)):
        ids[row, length:], seen[row, length:] = 0, 0
    with torch.no_grad():
        expected, logits = theirs(ids, attention_mask=seen).logits, ours(ids)
    real = seen.bool()
    torch.testing.assert_close(logits[real], expected[real], rtol=0, atol=1e-5)
    assert logits[real].std() > 0.3, "a model that says little proves little"


def test_the_world_would_notice_plain_positions_and_another_theta(tmp_path):
    """The proof above is sharp enough to see what it is there to see."""
    theirs = _theirs(tmp_path)
    ids = torch.randint(1, 97, (1, 70))
    for wrong in (
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
        {"rope_parameters": LLAMA_3 | {"rope_theta": 501.0}},
        {"rope_parameters": LLAMA_3 | {"original_max_position_embeddings": 17}},
        {"rms_norm_eps": 1.1e-3},
    ):
        _edit(tmp_path, **wrong)
        with torch.no_grad():
            far = (Llama.from_pretrained(tmp_path)(ids) - theirs(ids).logits).abs().max()
        assert far > 3e-5, wrong


def test_greedy_generation_is_that_of_transformers(tmp_path):
    theirs = _theirs(tmp_path)
    ours = Llama.from_pretrained(tmp_path)
    ids = torch.randint(1, 97, (2, 5))
    expected = theirs.generate(ids, max_new_tokens=40, do_sample=False)
    assert torch.equal(generate(ours, ids, 40, Sampler(temperature=0.0)), expected)


def test_older_files_say_it_in_two_places(tmp_path):
    theirs = _theirs(tmp_path)
    scaling = {key: value for key, value in LLAMA_3.items() if key != "rope_theta"}
    _edit(tmp_path, rope_parameters="gone", rope_scaling=scaling, rope_theta=500.0)
    ids = torch.randint(1, 97, (2, 40))
    with torch.no_grad():
        far = (Llama.from_pretrained(tmp_path)(ids) - theirs(ids).logits).abs().max()
    assert far < 1e-5
    _edit(tmp_path, rope_scaling=None)
    assert Llama.from_pretrained(tmp_path).config.rope_scaling is None
    assert Llama.from_pretrained(tmp_path).config.rope_theta == 500.0


def test_sharded_and_half_precision_files(tmp_path):
    theirs = _theirs(tmp_path).bfloat16()
    (tmp_path / "model.safetensors").unlink()
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    ours = Llama.from_pretrained(tmp_path)
    assert {p.dtype for p in ours.parameters()} == {torch.bfloat16}
    assert torch.equal(ours.head.weight, theirs.lm_head.weight)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"model_type": "mistral"}, "model_type is 'mistral'"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"attention_bias": True}, "attention_bias is True"),
        ({"mlp_bias": True}, "mlp_bias is True"),
        ({"head_dim": 16}, "head_dim is 16"),
        ({"rope_parameters": LLAMA_3 | {"rope_type": "yarn"}}, "rope_type is 'yarn'"),
        ({"rope_parameters": "gone", "rope_scaling": {"type": "linear"}}, "rope_type is 'linear'"),
        ({"rope_parameters": "llama3"}, "rope_parameters is 'llama3', not an object"),
        ({"rope_parameters": {"rope_type": "llama3"}}, "factor is None"),
        ({"rope_parameters": LLAMA_3 | {"factor": 0}}, "needs a positive factor"),
        ({"rope_parameters": LLAMA_3 | {"rope_theta": 0}}, "theta is 0"),
        ({"num_key_value_heads": 3}, "8 heads cannot share 3 KV heads"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"intermediate_size": 57}, "mlp.gate_proj.weight' has the shape [56, 32]"),
        ({"num_hidden_layers": 4}, "'layers.3.input_layernorm.weight' is missing"),
        ({"num_hidden_layers": 2}, "unexpected"),
    ],
)
def test_what_it_cannot_represent_it_refuses_in_one_line(tmp_path, changes, line):
    _theirs(tmp_path)
    _edit(tmp_path, **changes)
    with pytest.raises(BadInput) as refusal:
        Llama.from_pretrained(tmp_path)
    message = str(refusal.value)
    assert line in message
    assert "\n" not in message
    assert str(tmp_path) in message


def test_a_missing_tensor_is_named(tmp_path):
    _theirs(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(BadInput, match=r"layers\.1\.mlp\.up_proj\.weight' is missing"):
        Llama.from_pretrained(tmp_path)


def test_the_order_of_the_words_matters(model):
    """Without positions, the last word would make the same of the others in any order."""
    turned = IDS[:, [1, 0, 2, 3, 4]]
    assert not torch.allclose(model(turned)[:, -1], model(IDS)[:, -1])


def test_its_weights_can_be_recorded(model):
    with record_attention(model) as weights:
        model(IDS)
    assert list(weights) == ["layers.0.attention", "layers.1.attention"]
    for rows in weights.values():
        assert rows.shape == (2, 4, 5, 5)
        assert not rows.triu(1).any()
        torch.testing.assert_close(rows.sum(-1), torch.ones(2, 4, 5).double())
    attention, x = model.layers[0].attention, torch.randn(2, 5, 16).double()
    values = attention.keys_values(x, None, None)[1].repeat_interleave(2, dim=1)
    mixed = (attention.attention_weights(x) @ values).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attention(x), attention.W_o(mixed), rtol=0, atol=1e-12)


@pytest.mark.on_cpu(reason="counts parameters without allocating them")
@pytest.mark.parametrize(
    ("sizes", "parameters", "kib_a_token"),
    [
        ((4096, 32, 32, 14336), 8_030_261_248, 128),
        ((8192, 64, 80, 28672), 70_553_706_496, 320),
        ((16384, 128, 126, 53248), 405_853_388_800, 504),
    ],
)
def test_llama_3_1_has_its_published_size(sizes, parameters, kib_a_token):
    d_model, n_heads, n_layers, d_ff = sizes
    config = LlamaConfig(128_256, d_model, n_heads, n_layers, d_ff, max_len=131_072, n_kv_heads=8)
    with torch.device("meta"):
        model = Llama(config).bfloat16()
        cache = model.new_cache(batch_size=1, max_len=3)
    assert sum(p.numel() for p in model.parameters()) == parameters
    a_layer = d_model * (2 * d_model + 2 * 8 * d_model // n_heads) + 3 * d_model * d_ff
    by_hand = 2 * 128_256 * d_model + n_layers * (a_layer + 2 * d_model) + d_model
    assert by_hand == parameters
    assert sum(kv.keys.nbytes + kv.values.nbytes for kv in cache) / 3 == kib_a_token * 1024


def test_rms_norm_is_torchs():
    x = torch.randn(2, 3, 8)
    ours, theirs = RMSNorm(8, eps=1e-2), torch.nn.RMSNorm(8, eps=1e-2)
    _perturb(ours)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-6)
    assert torch.equal(ours(torch.zeros(8)), torch.zeros(8))
    huge = torch.full((8,), 6e4, dtype=torch.float16)
    torch.testing.assert_close(RMSNorm(8).half()(huge), torch.ones(8, dtype=torch.float16))


def test_swiglu_is_equation_6():
    layer, x = SwiGLU(8, 12).double(), torch.randn(3, 8).double()
    gate, up = x @ layer.W_gate.weight.T, x @ layer.W_up.weight.T
    expected = (gate / (1 + (-gate).exp()) * up) @ layer.W_down.weight.T
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
