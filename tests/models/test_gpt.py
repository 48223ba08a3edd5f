"""GPT is GPT-2, equal to transformers' to 1e-5; test_promises has what every model promises."""

import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from attention import record_attention
from attention.errors import BadInput
from attention.generation.sampling import Sampler, generate
from attention.models.gpt import GPT, GPTConfig

IDS = torch.tensor([[4, 5, 6, 7, 8], [8, 9, 10, 3, 1]])
TINY = GPTConfig(vocab_size=13, d_model=8, n_heads=2, n_layers=3, max_len=12)


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return perturbed(GPT(TINY)).double().eval()


def perturbed(model: torch.nn.Module) -> torch.nn.Module:
    """No weight at its initial value: a forgotten norm or a bias left out would show."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def gpt_2() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=61, n_positions=32, n_embd=24, n_layer=3, n_head=4, n_inner=40,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return perturbed(GPT2LMHeadModel(config)).eval()


@pytest.fixture(scope="module")
def theirs() -> GPT2LMHeadModel:
    return gpt_2()


@pytest.fixture(scope="module")
def ours(theirs, tmp_path_factory) -> GPT:
    return loaded(theirs, tmp_path_factory.mktemp("gpt2"))


def loaded(theirs: GPT2LMHeadModel, folder: Path) -> GPT:
    theirs.save_pretrained(folder)
    return GPT.from_pretrained(folder)


@torch.inference_mode()
def test_logits_equal_transformers(ours, theirs):
    ids = torch.randint(61, (3, 32), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=0, atol=1e-5)
    assert ours(ids).std() > 1, "1e-5 must be small beside the logits"


@torch.inference_mode()
def test_the_norms_epsilon_equals_transformers(tmp_path):
    """The epsilon of 0.00001 is lost in a variance near 1, but not in a small one."""
    theirs = gpt_2()
    for name, parameter in theirs.named_parameters():
        if "ln_" not in name:
            parameter.mul_(0.03)
    model, ids = loaded(theirs, tmp_path), torch.arange(32)[None]
    torch.testing.assert_close(model(ids), theirs(ids).logits, rtol=0, atol=1e-6)
    for norm in [
        model.norm,
        *(norm for one in model.layers for norm in (one.attention_norm, one.feed_forward_norm)),
    ]:
        norm.eps = 1e-6
        assert (model(ids) - theirs(ids).logits).abs().max() > 2e-5
        norm.eps = 1e-5


@torch.inference_mode()
def test_right_padding_is_irrelevant_here_and_there(ours, theirs):
    ids = torch.randint(61, (3, 9), generator=torch.Generator().manual_seed(2))
    lengths = torch.tensor([[9], [5], [2]])
    real = torch.arange(9) < lengths
    padded = ids.where(real, 7)
    expected = theirs(padded, attention_mask=real.long()).logits
    for other in (0, 7):
        logits = ours(ids.where(real, other))
        torch.testing.assert_close(logits[real], expected[real], rtol=0, atol=1e-5)


def test_greedy_generation_equals_transformers(ours, theirs):
    ids = torch.randint(1, 61, (3, 4), generator=torch.Generator().manual_seed(3))
    expected = theirs.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=28, do_sample=False,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    generated = generate(ours, ids, 28, Sampler(temperature=0))
    assert torch.equal(generated, expected)
    assert generated[:, 4:].unique().numel() > 5, "one repeated token would prove little"


@pytest.mark.on_cpu(reason="counts parameters without allocating them")
@pytest.mark.parametrize(
    ("d_model", "n_heads", "n_layers", "parameters"),
    [
        (768, 12, 12, 124_439_808),
        (1024, 16, 24, 354_823_168),
        (1280, 20, 36, 774_030_080),
        (1600, 25, 48, 1_557_611_200),
    ],
)
def test_the_four_gpt_2s_have_their_published_sizes(d_model, n_heads, n_layers, parameters):
    with torch.device("meta"):
        model = GPT(GPTConfig(50_257, d_model, n_heads, n_layers, max_len=1024))
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_logits_depend_on_every_earlier_token(model):
    logits = model(IDS)
    for t in range(5):
        changed = IDS.clone()
        changed[:, t] = 2
        assert ((model(changed) - logits)[:, t:].abs().amax(-1) > 1e-9).all()


def test_initial_weights_into_the_residual_stream_are_scaled_by_the_number_of_sublayers():
    """2N sublayers add to the residual stream of N blocks: 0.02 / sqrt(2N), not 0.02 / sqrt(N)."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(13, d_model=128, n_layers=8))
    for block in model.layers:
        for projection in (block.attention.W_o, block.feed_forward.W_2):
            assert projection.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
        assert block.attention.W_q.weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_the_initial_standard_deviation_can_be_chosen():
    torch.manual_seed(0)
    model = GPT(GPTConfig(500, d_model=128, n_layers=8, init_std=0.08))
    [block, *_] = model.layers
    for weight, std in [
        (model.embedding.weight, 0.08),
        (model.positions.weight, 0.08),
        (block.attention.W_q.weight, 0.08),
        (block.attention.W_o.weight, 0.08 / 4),
    ]:
        assert weight.std().item() == pytest.approx(std, rel=0.05)


def test_the_weights_of_every_layer_are_recorded(model):
    with record_attention(model) as weights:
        model(IDS)
    assert [*weights] == [f"layers.{i}.attention" for i in range(3)]
    for rows in weights.values():
        assert rows.shape == (2, 2, 5, 5)
        assert not rows.triu(1).any()


def test_before_training_the_next_token_distribution_is_nearly_uniform():
    torch.manual_seed(0)
    model = GPT(GPTConfig(1000, d_model=64, n_layers=8, max_len=16))
    ids = torch.randint(1000, (4, 16))
    loss = F.cross_entropy(model(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    assert abs(loss.item() - math.log(1000)) < 0.1


def test_dropout_is_off_when_evaluating():
    model = GPT(GPTConfig(13, d_model=8, n_heads=2, n_layers=2, max_len=8, dropout=0.5))
    assert not torch.equal(model(IDS), model(IDS))
    model.eval()
    assert torch.equal(model(IDS), model(IDS))


def test_a_sequence_longer_than_the_context_length_is_refused(model):
    with pytest.raises(BadInput, match="13 tokens, but this model has 12 positions"):
        model(torch.ones(1, 13, dtype=torch.long))
    _, full = model.prefill(torch.ones(1, 12, dtype=torch.long), 1)
    with pytest.raises(BadInput, match="13 tokens, but"):
        model.decode_step(torch.ones(1, dtype=torch.long), full)
