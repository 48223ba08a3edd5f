"""Contrastive training makes texts findable, by pairs and by keywords drawn from them."""

import pytest
import torch

from attention.data.batching import pad
from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig
from attention.tasks.masked_lm import MaskedLM, mask_tokens
from attention.tasks.retrieval import TextEncoder
from attention.tasks.retrieval_training import contrastive_trainer, keywords, retrieval_trainer
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.losses import contrastive_loss, cosine_similarity
from attention.training.trainer import TrainingConfig

# Each animal and its home: no word of a question occurs in its answer.
ANIMALS = {"fox": "den", "bee": "hive", "owl": "nest", "cow": "barn", "pig": "sty", "ant": "hill"}
PAIRS = [
    (f"{start} {animal}", f"{home} {end}")
    for animal, home in ANIMALS.items()
    for start in ("seek the", "find a", "see one")
    for end in ("is here", "was found", "looks good")
]
TEXTS = [text for pair in PAIRS for text in pair]


@pytest.fixture(scope="module")
def tokenizer() -> WordPieceTokenizer:
    return WordPieceTokenizer.train(TEXTS, 120)


@pytest.fixture
def model(tokenizer) -> BERT:
    torch.manual_seed(0)
    config = BERTConfig(len(tokenizer), d_model=32, n_layers=2, max_len=8, dropout=0.1)
    model = BERT(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def accuracy(model: BERT, tokenizer: WordPieceTokenizer) -> float:
    """Proportion of the questions whose first result is the home of their animal."""
    answers = [f"{home} stands there" for home in ANIMALS.values()]
    questions = [f"find the {animal}" for animal in ANIMALS]
    encoder = TextEncoder(model, tokenizer)
    best = [encoder.search(question, answers)[0].index for question in questions]
    return sum(index == i for i, index in enumerate(best)) / len(best)


def test_contrastive_training_makes_texts_findable(model, tokenizer):
    before = accuracy(model, tokenizer)
    config = TrainingConfig(steps=50, lr=3e-3, warmup=5)
    losses = list(contrastive_trainer(model, tokenizer, PAIRS, config, batch_size=12).steps())
    assert accuracy(model, tokenizer) == 1 > 0.6 > before
    assert sum(losses[-10:]) < sum(losses[:10])


def test_two_views_of_one_text_are_brought_together_by_dropout_alone(model, tokenizer):
    twice = [(text, text) for text in TEXTS]
    config = TrainingConfig(steps=30, lr=1e-3, warmup=5)

    def spread() -> float:
        vectors = TextEncoder(model, tokenizer).embed(sorted(set(TEXTS)))
        return 1 - cosine_similarity(vectors, vectors).mean().item()

    before = spread()
    for _ in contrastive_trainer(model, tokenizer, twice, config, batch_size=8).steps():
        pass
    assert spread() > before  # different texts have moved apart


def test_contrastive_training_needs_negatives(model, tokenizer):
    with pytest.raises(BadInput, match="at least two"):
        contrastive_trainer(model, tokenizer, PAIRS[:1], TrainingConfig())
    trainer = contrastive_trainer(model, tokenizer, PAIRS[:33], TrainingConfig(), batch_size=32)
    assert [len(rows) for rows in trainer.batches(0)] == [32]
    assert trainer.batches(0) == trainer.batches(0) != trainer.batches(1)


def test_keywords_are_a_few_tokens_of_a_span_in_their_order():
    generator = torch.Generator().manual_seed(0)
    window = [2, *range(10, 40), 3]
    drawn = [keywords(window, generator) for _ in range(400)]
    for one in drawn:
        assert (one[0], one[-1]) == (2, 3)
        assert one[1:-1] == sorted(set(one[1:-1]))
    assert {len(one) - 2 for one in drawn} == set(range(3, 13))
    assert {i for one in drawn for i in one[1:-1]} == set(range(10, 40))
    left_out = [one[-2] - one[1] - (len(one) - 3) for one in drawn]  # tokens of the span
    assert min(left_out) == 0
    assert max(left_out) > 15
    assert keywords([2, 9, 3], generator) == [2, 9, 3]
    assert keywords([2, 3], generator) == [2, 3]


def test_a_batch_has_long_texts_and_short_ones():
    texts = ["a", "a b c d e f g h"] * 20
    masked_lm = MaskedLM.new("bert", texts, 0, 40, d_model=8, max_len=16)
    trainer = retrieval_trainer(masked_lm, texts, TrainingConfig(tokens_per_batch=100))
    batches = trainer.batches(0)
    assert sorted(i for rows in batches for i in rows) == list(range(40))
    assert {len(rows) for rows in batches} == {15, 10}  # of 6.5 tokens on average
    assert all({i % 2 for i in rows} == {0, 1} for rows in batches)
    assert batches == trainer.batches(0) != trainer.batches(1)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_adds_that_of_keywords_and_that_of_masked_tokens(smoothing):
    texts = ["the fox is here", "a cow was found in the barn"]
    masked_lm = MaskedLM.new("bert", texts, 0, 60, d_model=8, max_len=16, dropout=0.0)
    model, tokenizer = masked_lm.model.double(), masked_lm.tokenizer
    ids = pad([tokenizer.encode(text) for text in texts])
    torch.manual_seed(1)
    corrupted, chosen = mask_tokens(ids, tokenizer.maskable, tokenizer.mask_id)
    queries = [model.encode(torch.tensor([keywords(tokenizer.encode(text))])) for text in texts]
    log_p = model(corrupted)[chosen].log_softmax(-1)
    correct = log_p.gather(-1, ids[chosen].unsqueeze(-1)).squeeze(-1)
    masked = -((1 - smoothing) * correct + smoothing * log_p.mean(-1)).mean()
    keys = [model.encode(row[row != 0].unsqueeze(0)) for row in corrupted]
    q, k = (torch.cat([one.mean(1) for one in side]) for side in (queries, keys))
    torch.manual_seed(1)
    config = TrainingConfig(label_smoothing=smoothing)
    loss = retrieval_trainer(masked_lm, texts, config).loss([0, 1])
    torch.testing.assert_close(loss, contrastive_loss(q, k) + 0.3 * masked)


def test_a_trained_model_is_the_same_after_saving_and_loading(tmp_path):
    masked_lm = MaskedLM.new("bert", TEXTS, 0, 120, d_model=32, n_layers=1, max_len=16)
    assert masked_lm.model.config.dropout == 0.1
    config = TrainingConfig(steps=60, tokens_per_batch=150, lr=3e-3, warmup=5)
    losses = list(retrieval_trainer(masked_lm, TEXTS, config).steps())
    assert sum(losses[-10:]) < sum(losses[:10])
    masked_lm.save(tmp_path)
    loaded = MaskedLM.load(tmp_path)
    assert loaded.model.config.head
    expected = TextEncoder(masked_lm.model, masked_lm.tokenizer).embed(TEXTS)
    assert torch.equal(TextEncoder(loaded.model, loaded.tokenizer).embed(TEXTS), expected)
    assert torch.equal(TextEncoder.load(tmp_path).embed(TEXTS), expected)
