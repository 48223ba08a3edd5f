"""The Transformer is the paper's, and torch's; test_promises has what every model promises."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from attention import record_attention
from attention.benchmarks.peers import TorchTransformer
from attention.models.transformer import Transformer, TransformerConfig

SIZES = {"d_model": 8, "n_heads": 2, "n_layers": 2, "d_ff": 12}
SOURCE = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0], [10, 0, 0, 0]])
TARGET = torch.tensor([[2, 5, 6, 7, 8], [2, 9, 10, 0, 0], [2, 11, 0, 0, 0]])


@pytest.fixture(params=["post-norm", "pre-norm"])
def model(request) -> Transformer:
    torch.manual_seed(0)
    config = TransformerConfig(11, 13, **SIZES, norm_first=request.param == "pre-norm")
    return Transformer(config).double().eval()


def test_logits_for_every_token_at_every_position(model):
    assert model(SOURCE, TARGET).shape == (3, 5, 13)


def test_the_weights_of_every_layer_are_recorded(model):
    with record_attention(model) as weights:
        model(SOURCE, TARGET)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for i in range(2):
        assert shapes[f"encoder.{i}.self_attention"] == (3, 2, 4, 4)
        assert shapes[f"decoder.{i}.self_attention"] == (3, 2, 5, 5)
        assert shapes[f"decoder.{i}.cross_attention"] == (3, 2, 5, 4)
    assert model.alignment_layer in weights
    for name, rows in weights.items():
        assert not name.startswith("decoder") or torch.allclose(
            rows.sum(-1), torch.ones(()).to(rows)
        )
        if name.endswith("cross_attention") or name.startswith("encoder"):
            assert not rows[1, ..., 2:].any(), "no query attends to padding"


def test_logits_depend_on_every_source_token(model):
    logits = model(SOURCE[:1], TARGET[:1])
    for s in range(4):
        changed = SOURCE[:1].clone()
        changed[0, s] = 3
        assert ((model(changed, TARGET[:1]) - logits).abs().amax(-1) > 1e-9).all()


def test_the_order_of_the_source_matters(model):
    turned = model(SOURCE[:1].flip(1), TARGET[:1])
    assert not torch.allclose(turned, model(SOURCE[:1], TARGET[:1]))


def test_a_block_is_the_papers():
    """One encoder block and one decoder block, written out once more from section 3.1."""
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(11, 13, **SIZES)).double().eval()
    memory, x = torch.randn(1, 4, 8).double(), torch.randn(1, 5, 8).double()
    no_padding = torch.ones(1, 1, 4, dtype=torch.bool)
    one, other = model.encoder[0], model.decoder[1]

    def norm(layer, x):
        return F.layer_norm(x, (8,), layer.norm.weight, layer.norm.bias)

    h = norm(one.self_attention_norm, memory + one.self_attention(memory))
    expected = norm(one.feed_forward_norm, h + one.feed_forward(h))
    torch.testing.assert_close(one(memory, no_padding), expected, rtol=0, atol=1e-12)

    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    h = norm(other.self_attention_norm, x + other.self_attention(x, mask=causal))
    h = norm(other.cross_attention_norm, h + other.cross_attention(h, memory))
    expected = norm(other.feed_forward_norm, h + other.feed_forward(h))
    torch.testing.assert_close(other(x, memory, no_padding), expected, rtol=0, atol=1e-12)


def test_feed_forward_is_equation_2(model):
    layer, x = model.encoder[0].feed_forward, torch.randn(2, 3, 8).double()
    wide = (x @ layer.W_1.weight.T + layer.W_1.bias).clamp(min=0)
    expected = wide @ layer.W_2.weight.T + layer.W_2.bias
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
    assert layer.W_1.out_features == 12


def test_dropout_is_off_when_evaluating():
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(11, 13, **SIZES, dropout=0.5))
    assert not torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))
    model.eval()
    assert torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_it_equals_torchs_transformer_with_gradients(norm_first):
    torch.manual_seed(0)
    ours = Transformer(TransformerConfig(11, 13, **SIZES, norm_first=norm_first)).double().eval()
    for parameter in ours.parameters():  # norms and biases, too
        nn.init.normal_(parameter, std=0.5)
    theirs = TorchTransformer(ours)
    logits, expected = ours(SOURCE, TARGET), theirs(SOURCE, TARGET)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-11)
    (gradient,) = torch.autograd.grad(logits.sin().sum(), ours.source_embedding.weight)
    (peers,) = torch.autograd.grad(expected.sin().sum(), theirs.embeddings[0].weight)
    torch.testing.assert_close(gradient, peers, rtol=0, atol=1e-9)


def test_a_shared_vocabulary_has_one_embedding_matrix():
    model = Transformer(TransformerConfig(13, 13, **SIZES, shared_embeddings=True))
    assert model.source_embedding.weight is model.target_embedding.weight
    with pytest.raises(ValueError, match="one size, not 11 and 13 tokens"):
        TransformerConfig(11, 13, shared_embeddings=True)


@pytest.mark.on_cpu(reason="counts parameters without allocating them")
def test_the_papers_base_model_has_its_number_of_parameters():
    """Section 5.1 and table 3: 37,000 shared subwords, 65 million parameters."""
    config = TransformerConfig(
        37_000, 37_000, d_model=512, n_heads=8, n_layers=6, d_ff=2048, shared_embeddings=True
    )
    with torch.device("meta"):
        model = Transformer(config)
    attentions, feed_forward = 18 * 4 * 512**2, 12 * (2 * 512 * 2048 + 2048 + 512)
    norms, table = (6 * 2 + 6 * 3) * 2 * 512, 37_000 * 512
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == attentions + feed_forward + norms + table == 63_045_632
