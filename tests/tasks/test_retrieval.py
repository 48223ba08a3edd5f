"""A text has one embedding, whatever it is batched with, and a search is sorted by similarity."""

from copy import deepcopy

import pytest
import torch

from attention.errors import BadInput
from attention.hub.sentence_transformers import EmbeddingConfig
from attention.models.bert import BERT, BERTConfig
from attention.tasks.retrieval import TextEncoder, mean_pool
from attention.tokenizers.wordpiece import WordPieceTokenizer

TEXTS = [
    f"{start} {animal} {end}"
    for animal in ("fox", "bee", "owl", "cow", "pig", "ant")
    for start in ("seek the", "find a", "see one")
    for end in ("here", "in the barn", "")
]


@pytest.fixture(scope="module")
def tokenizer() -> WordPieceTokenizer:
    return WordPieceTokenizer.train(TEXTS, 120)


@pytest.fixture(scope="module")
def model(tokenizer) -> BERT:
    torch.manual_seed(0)
    config = BERTConfig(len(tokenizer), d_model=32, n_layers=2, max_len=8, dropout=0.1)
    model = BERT(config).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture
def encoder(model, tokenizer) -> TextEncoder:
    return TextEncoder(model, tokenizer)


def test_mean_pooling_leaves_padding_out():
    states = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]], [[5.0, 5.0]] * 3])
    is_token = torch.tensor([[True, True, False], [False] * 3])
    assert mean_pool(states, is_token).tolist() == [[2.0, 4.0], [0.0, 0.0]]
    states[0, 2] = float("nan")
    assert mean_pool(states, is_token).isfinite().all()


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("max_seq_length", [None, 6])
def test_an_embedding_depends_on_its_text_alone(pooling, max_seq_length, model, tokenizer):
    config = EmbeddingConfig(pooling, max_seq_length=max_seq_length)
    encoder = TextEncoder(model, tokenizer, config)
    texts = [TEXTS[0], " ".join(TEXTS[:9]), "a", TEXTS[12], "", TEXTS[2] + " " + TEXTS[3]]
    together = encoder.embed(texts)
    alone = torch.cat([encoder.embed([text]) for text in texts])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
    reversed_ = encoder.embed(texts[::-1]).flip(0)
    torch.testing.assert_close(together, reversed_, rtol=0, atol=1e-12)
    assert (together[0] - together[3]).abs().max() > 1e-3
    assert encoder.embed([]).shape == (0, 32)


def test_by_default_it_is_the_mean_of_the_hidden_states(encoder, model, tokenizer):
    ids = torch.tensor([tokenizer.encode(TEXTS[0])])
    torch.testing.assert_close(encoder.embed(TEXTS[:1])[0], model.encode(ids)[0].mean(0))


def test_a_long_text_is_read_to_its_end_unless_a_length_is_given(model, tokenizer):
    long = " ".join(TEXTS[:6])
    texts = [f"{long} fox", f"{long} barn"]
    one, other = TextEncoder(model, tokenizer).embed(texts)
    assert (one - other).abs().max() > 1e-4
    one, other = TextEncoder(model, tokenizer, EmbeddingConfig(max_seq_length=6)).embed(texts)
    assert torch.equal(one, other)
    limits = [8, 900]  # the model's own maximum is 8
    one, other = (
        TextEncoder(model, tokenizer, EmbeddingConfig(max_seq_length=limit)).embed(texts)
        for limit in limits
    )
    assert torch.equal(one, other)


def test_half_precision_stays_half(model, tokenizer):
    half = TextEncoder(deepcopy(model).bfloat16(), tokenizer).embed(TEXTS)
    assert half.dtype == torch.bfloat16
    exact = TextEncoder(model, tokenizer).embed(TEXTS)
    torch.testing.assert_close(half.double(), exact, rtol=0.1, atol=0.1)


def test_search_is_sorted_and_the_text_itself_comes_first(encoder):
    hits = encoder.search(TEXTS[5], TEXTS)
    assert hits[0].score == pytest.approx(1, abs=1e-6)
    assert TEXTS[hits[0].index] == TEXTS[5]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert sorted(hit.index for hit in hits) == list(range(len(TEXTS)))
    assert encoder.search(TEXTS[5], TEXTS, top=2) == hits[:2]
    assert encoder.search("fox", []) == []
    with pytest.raises(BadInput, match="empty query"):
        encoder.search(" \n", TEXTS)


def test_dropout_is_off(encoder):
    encoder.model.train()
    fresh = TextEncoder(encoder.model, encoder.tokenizer)
    assert torch.equal(fresh.embed(TEXTS), fresh.embed(TEXTS))
