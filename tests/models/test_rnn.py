"""Alignment in the recurrent translators; test_promises has what every model promises."""

import pytest
import torch

from attention import record_attention
from attention.models.rnn import (
    Bahdanau,
    BahdanauConfig,
    Luong,
    LuongConfig,
    RNNEncoderDecoder,
    RNNEncoderDecoderConfig,
    Seq2Seq,
)
from attention.models.rnn.fixed_vector import reverse_tokens

SIZES = {"source_vocab_size": 11, "target_vocab_size": 13, "d_embedding": 6, "d_model": 8}
FIXED = {
    "fixed vector": lambda **sizes: RNNEncoderDecoder(RNNEncoderDecoderConfig(**sizes)),
    "reversed": lambda **sizes: RNNEncoderDecoder(RNNEncoderDecoderConfig(**sizes, reverse=True)),
}
ATTENDING = {
    "bahdanau": lambda **sizes: Bahdanau(BahdanauConfig(**sizes)),
    "dot": lambda **sizes: Luong(LuongConfig(**sizes)),
    "general": lambda **sizes: Luong(LuongConfig(**sizes, score="general")),
    "concat": lambda **sizes: Luong(LuongConfig(**sizes, score="concat")),
    "monotonic": lambda **sizes: Luong(LuongConfig(**sizes, local="monotonic")),
    "predictive": lambda **sizes: Luong(LuongConfig(**sizes, score="general", local="predictive")),
}
SOURCE = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0], [10, 0, 0, 0]])
TARGET = torch.tensor([[2, 5, 6, 7, 8], [2, 9, 10, 0, 0], [2, 11, 0, 0, 0]])


@pytest.fixture(params=[*FIXED, *ATTENDING])
def model(request) -> Seq2Seq:
    torch.manual_seed(0)
    return (FIXED | ATTENDING)[request.param](**SIZES).double().eval()


@pytest.fixture(params=ATTENDING)
def attending(request) -> Seq2Seq:
    torch.manual_seed(0)
    return ATTENDING[request.param](**SIZES).double().eval()


def test_logits_for_every_token_at_every_position(model):
    assert model(SOURCE, TARGET).shape == (3, 5, 13)


def record(model, source, target=TARGET):
    with record_attention(model) as weights:
        logits = model(source, target)
    return weights[model.alignment_layer], logits


def test_recorded_rows_are_weights_over_all_but_padding(attending):
    rows, _ = record(attending, SOURCE)
    assert rows.shape == (3, 5, 4)
    assert not rows[1, :, 2:].any()
    assert (rows >= 0).all()
    totals = rows.sum(-1)
    if getattr(attending.config, "local", None) == "predictive":
        assert (totals <= 1).all()  # the Gaussian comes after the softmax, as in the paper
    else:
        torch.testing.assert_close(totals, torch.ones_like(totals))


def test_weights_and_logits_depend_on_every_source_token(attending):
    weights, logits = record(attending, SOURCE[:1], TARGET[:1])
    for s in range(4):
        changed = SOURCE[:1].clone()
        changed[0, s] = 3
        other_weights, other_logits = record(attending, changed, TARGET[:1])
        assert not torch.allclose(other_weights, weights)
        assert not torch.allclose(other_logits, logits)


@pytest.mark.parametrize("name", FIXED)
def test_the_decoder_is_given_the_fixed_vector_alone(name):
    model = FIXED[name](**SIZES).eval()
    assert model.alignment_layer is None
    state = model.encode(SOURCE)
    assert [tensor.shape for tensor in state] == [(3, 8), (3, 8)]


def test_reversing_leaves_padding_at_the_end():
    assert reverse_tokens(SOURCE).tolist() == [[7, 6, 5, 4], [9, 8, 0, 0], [10, 0, 0, 0]]


def test_encoding_in_reverse_is_encoding_the_reversed_sentence():
    torch.manual_seed(0)
    forward = FIXED["fixed vector"](**SIZES)
    backward = FIXED["reversed"](**SIZES)
    backward.load_state_dict(forward.state_dict())
    torch.testing.assert_close(backward(SOURCE, TARGET), forward(reverse_tokens(SOURCE), TARGET))


def test_dropout_is_off_when_evaluating():
    torch.manual_seed(0)
    model = Bahdanau(BahdanauConfig(11, 13, 6, 8, dropout=0.5))
    assert not torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))
    model.eval()
    assert torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))


def test_a_monotonic_window_moves_on_with_the_target():
    torch.manual_seed(0)
    model = ATTENDING["monotonic"](**SIZES).eval()
    source, target = torch.randint(3, 11, (1, 16)), torch.randint(3, 13, (1, 9))
    rows, _ = record(model, source, target)
    distance = torch.arange(16) - torch.arange(9).unsqueeze(1)
    assert torch.equal(rows[0] > 0, distance.abs() <= 5)
    with record_attention(model) as decoded:
        _, state = model.prefill(source, 9)
        for token in target[0, 1:]:
            _, state = model.decode_step(token.unsqueeze(0), state)
    assert torch.equal(decoded[model.alignment_layer][0] > 0, distance.abs() <= 5)
