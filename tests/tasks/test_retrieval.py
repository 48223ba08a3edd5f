"""A text has one vector, whatever stands beside it, and training brings like texts together."""

import pytest
import torch

from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig
from attention.tasks.masked_lm import MaskedLM, keywords, retrieval_trainer
from attention.tasks.retrieval import (
    contrastive_loss,
    contrastive_trainer,
    embed,
    pool,
    search,
    similarity,
)
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.trainer import TrainingConfig

# Each animal and its home: no word of a question stands in its answer.
ANIMALS = {"fox": "den", "bee": "hive", "owl": "nest", "cow": "barn", "pig": "sty", "ant": "hill"}
PAIRS = [
    (f"{begin} {animal}", f"{home} {end}")
    for animal, home in ANIMALS.items()
    for begin in ("seek the", "find a", "see one")
    for end in ("is here", "was found", "looks good")
]
TEXTS = [text for pair in PAIRS for text in pair]


@pytest.fixture(scope="module")
def pieces() -> WordPieceTokenizer:
    return WordPieceTokenizer.train(TEXTS, 120)


@pytest.fixture
def model(pieces) -> BERT:
    torch.manual_seed(0)
    config = BERTConfig(len(pieces), d_model=32, n_layers=2, max_len=8, dropout=0.1)
    model = BERT(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_pooling_is_the_mean_over_real_words():
    states = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]], [[5.0, 5.0]] * 3])
    real = torch.tensor([[True, True, False], [False] * 3])
    assert pool(states, real).tolist() == [[2.0, 4.0], [0.0, 0.0]]
    states[0, 2] = float("nan")
    assert pool(states, real).isfinite().all()


def test_similarity_is_the_cosine():
    q, k = torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0], [4, 4]])
    torch.testing.assert_close(similarity(q, k), torch.tensor([[1.0, 0.0, -1.0, 0.5**0.5]]))
    assert similarity(q, torch.zeros(1, 2)).item() == 0


def test_the_loss_is_low_where_each_finds_its_own():
    q = torch.eye(4)
    assert contrastive_loss(q, q).item() < 1e-6
    assert contrastive_loss(q, q.roll(1, 0)).item() == pytest.approx(20, abs=1e-3)
    same = torch.ones(4, 4)
    assert contrastive_loss(same, same).item() == pytest.approx(torch.tensor(4.0).log().item())
    k = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    by_hand = -(similarity(q, k) / 0.2).log_softmax(1).diagonal().mean()
    torch.testing.assert_close(contrastive_loss(q, k, temperature=0.2), by_hand)


def test_neighbours_padding_and_order_change_no_embedding(model, pieces):
    texts = [TEXTS[0], " ".join(TEXTS[:9]), "a", TEXTS[1], "", TEXTS[2] + " " + TEXTS[3]]
    together = embed(model, pieces, texts)
    alone = torch.cat([embed(model, pieces, [text]) for text in texts])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
    turned = embed(model, pieces, texts[::-1]).flip(0)
    torch.testing.assert_close(together, turned, rtol=0, atol=1e-12)
    assert (together[0] - together[3]).abs().max() > 1e-3
    assert embed(model, pieces, []).shape == (0, 32)


def test_it_is_the_mean_of_the_model_s_states(model, pieces):
    ids = torch.tensor([pieces.encode(TEXTS[0])])
    torch.testing.assert_close(embed(model, pieces, TEXTS[:1])[0], model.encode(ids)[0].mean(0))


def test_the_end_of_a_long_text_is_read_too(model, pieces):
    long = " ".join(TEXTS[:6])
    one, other = embed(model, pieces, [f"{long} fox", f"{long} hive"])
    assert (one - other).abs().max() > 1e-4


def found_first(model: BERT, pieces: WordPieceTokenizer) -> float:
    """Share of the questions whose best answer is the home of their animal."""
    answers = [f"{home} stands there" for home in ANIMALS.values()]
    questions = [f"find the {animal}" for animal in ANIMALS]
    best = [search(model, pieces, question, answers)[0].place for question in questions]
    return sum(place == i for i, place in enumerate(best)) / len(best)


def test_the_contrastive_step_makes_texts_findable(model, pieces):
    model = model.float()
    before = found_first(model, pieces)
    config = TrainingConfig(steps=50, lr=3e-3, warmup=5)
    losses = list(contrastive_trainer(model, pieces, PAIRS, config, batch=12).steps())
    assert found_first(model, pieces) == 1 > 0.6 > before
    assert sum(losses[-10:]) < sum(losses[:10])


def test_two_views_of_one_text_are_brought_together_by_dropout_alone(model, pieces):
    twice = [(text, text) for text in TEXTS]
    config = TrainingConfig(steps=30, lr=1e-3, warmup=5)

    def spread() -> float:
        vectors = embed(model, pieces, sorted(set(TEXTS)))
        return 1 - similarity(vectors, vectors).mean().item()

    before = spread()
    for _ in contrastive_trainer(model, pieces, twice, config, batch=8).steps():
        pass
    assert spread() > before  # different texts have moved apart


def test_training_needs_something_to_tell_apart(model, pieces):
    with pytest.raises(BadInput, match="at least two"):
        contrastive_trainer(model, pieces, PAIRS[:1], TrainingConfig())
    trainer = contrastive_trainer(model, pieces, PAIRS[:33], TrainingConfig(), batch=32)
    assert [len(rows) for rows in trainer.batches(0)] == [32]
    assert trainer.batches(0) == trainer.batches(0) != trainer.batches(1)


def test_search_is_sorted_and_the_text_itself_comes_first(model, pieces):
    found = search(model, pieces, TEXTS[5], TEXTS)
    assert found[0].score == pytest.approx(1, abs=1e-6)
    assert TEXTS[found[0].place] == TEXTS[5]
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert sorted(one.place for one in found) == list(range(len(TEXTS)))
    assert search(model, pieces, TEXTS[5], TEXTS, top=2) == found[:2]
    assert search(model, pieces, "fox", []) == []
    with pytest.raises(BadInput, match="empty query"):
        search(model, pieces, " \n", TEXTS)


def test_keywords_are_a_few_words_of_a_stretch_in_their_order():
    generator = torch.Generator().manual_seed(0)
    window = [2, *range(10, 40), 3]
    drawn = [keywords(window, generator) for _ in range(400)]
    for one in drawn:
        assert (one[0], one[-1]) == (2, 3)
        assert one[1:-1] == sorted(set(one[1:-1]))
    assert {len(one) - 2 for one in drawn} == set(range(3, 13))
    assert {i for one in drawn for i in one[1:-1]} == set(range(10, 40))
    stretches = [one[-2] - one[1] - (len(one) - 3) for one in drawn]  # words that were left out
    assert min(stretches) == 0
    assert max(stretches) > 15
    assert keywords([2, 9, 3], generator) == [2, 9, 3]
    assert keywords([2, 3], generator) == [2, 3]


def test_a_batch_has_long_texts_and_short_ones():
    texts = ["a", "a b c d e f g h"] * 20
    reader = MaskedLM.new("bert", texts, 0, 40, d_model=8, max_len=16)
    trainer = retrieval_trainer(reader, texts, TrainingConfig(tokens_per_batch=100))
    batches = trainer.batches(0)
    assert sorted(i for rows in batches for i in rows) == list(range(40))
    assert {len(rows) for rows in batches} == {15, 10}  # 6.5 pieces of words each, on average
    assert all({i % 2 for i in rows} == {0, 1} for rows in batches)
    assert batches == trainer.batches(0) != trainer.batches(1)


def test_a_reader_learns_is_kept_and_is_the_same_again(tmp_path):
    reader = MaskedLM.new("bert", TEXTS, 0, 120, d_model=32, n_layers=1, max_len=16)
    assert reader.model.config.dropout == 0.1
    config = TrainingConfig(steps=60, tokens_per_batch=150, lr=3e-3, warmup=5)
    losses = list(retrieval_trainer(reader, TEXTS, config).steps())
    assert sum(losses[-10:]) < sum(losses[:10])
    reader.save(tmp_path)
    again = MaskedLM.load(tmp_path)
    assert again.model.config.head
    expected = embed(reader.model, reader.pieces, TEXTS)
    assert torch.equal(embed(again.model, again.pieces, TEXTS), expected)
    with pytest.raises(BadInput, match="too short"):
        retrieval_trainer(reader, ["fox"], config)


def test_a_reader_needs_its_own_tokenizer(tmp_path, model, pieces):
    with pytest.raises(BadInput, match="do not belong"):
        MaskedLM(BERT(BERTConfig(7)), pieces)
    model.save_pretrained(tmp_path)
    with pytest.raises(BadInput, match=r"tokenizer\.json"):
        MaskedLM.load(tmp_path)


def test_others_can_read_what_we_save(tmp_path, model):
    from transformers import BertForMaskedLM, BertModel

    model = model.float()
    model.save_pretrained(tmp_path)
    ids = torch.tensor([[2, 9, 8, 3]])
    theirs, missing = BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not missing["missing_keys"]
    assert not missing["unexpected_keys"]
    torch.testing.assert_close(model(ids), theirs(ids).logits, rtol=0, atol=1e-5)
    headless = BERT(BERTConfig(30, d_model=16, n_layers=1, head=False)).eval()
    headless.save_pretrained(tmp_path)
    states = BertModel.from_pretrained(tmp_path, add_pooling_layer=False)(ids).last_hidden_state
    torch.testing.assert_close(headless.encode(ids), states, rtol=0, atol=1e-5)
    assert BERT.from_pretrained(tmp_path).config == BERTConfig(30, 16, 4, 1, 64, head=False)
