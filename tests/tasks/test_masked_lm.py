"""Words are hidden as they should be, and a BERT learns to say what stood there."""

import pytest
import torch

from attention.data import toy
from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.losses import fill, hide, masked_lm_trainer, masking_loss
from attention.training.trainer import TrainingConfig

TEXTS = [f"the {a} {b} was signed ." for a in ("long", "old") for b in ("treaty", "letter")]
ORDINARY = torch.tensor([False] * 5 + [True] * 95)
MASK = 4


@pytest.fixture(scope="module")
def pieces() -> WordPieceTokenizer:
    return WordPieceTokenizer.train(TEXTS, 80)


def random_texts(rows: int = 400, width: int = 40) -> torch.Tensor:
    ids = torch.randint(5, 100, (rows, width), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, -1] = 2, 3
    ids[: rows // 2, width // 2 :] = 0  # padding
    return ids


def hidden(seed: int, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return hide(ids, ORDINARY, MASK, generator=torch.Generator().manual_seed(seed))


def test_fifteen_in_a_hundred_words_of_each_text_are_to_be_guessed():
    ids = random_texts()
    _, chosen = hidden(0, ids)
    words = ORDINARY[ids].sum(dim=1)
    assert torch.equal(chosen.sum(dim=1), (0.15 * words).round().long())
    by_place = chosen[200:, 1:-1].float().mean(dim=0)
    assert by_place.min() > 0.05
    assert by_place.max() < 0.26


def test_marks_and_padding_are_left_alone():
    ids = random_texts()
    seen, chosen = hidden(0, ids)
    assert ORDINARY[ids[chosen]].all()
    assert torch.equal(seen[~chosen], ids[~chosen])


def test_most_become_a_mask_some_another_word_and_some_stay():
    ids = random_texts(rows=4000)
    seen, chosen = hidden(0, ids)
    seen, was = seen[chosen], ids[chosen]
    masked, same = (seen == MASK).float().mean(), (seen == was).float().mean()
    assert masked == pytest.approx(0.8, abs=0.02)
    assert same == pytest.approx(0.1 + 0.1 / 95, abs=0.02)
    others = seen[(seen != MASK) & (seen != was)]
    assert ORDINARY[others].all()
    assert len(others.unique()) == 95


def test_the_same_seed_hides_the_same():
    ids = random_texts()
    assert all(map(torch.equal, hidden(3, ids), hidden(3, ids)))
    assert not torch.equal(hidden(3, ids)[1], hidden(4, ids)[1])


def test_the_shortest_text_has_a_word_to_guess_and_an_empty_one_has_none():
    seen, chosen = hidden(0, torch.tensor([[2, 9, 3], [2, 3, 0]]))
    assert chosen.tolist() == [[False, True, False], [False] * 3]
    assert seen[1].tolist() == [2, 3, 0]


def test_only_what_was_hidden_counts(pieces):
    torch.manual_seed(0)
    model = BERT(BERTConfig(100, d_model=16, n_layers=1, max_len=40))
    ids = random_texts(rows=4)
    seen, chosen = hidden(0, ids)
    loss = masking_loss(model, seen, ids, chosen)
    by_hand = -model(seen).log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)[chosen].mean()
    torch.testing.assert_close(loss, by_hand)
    nothing = masking_loss(model, seen, ids, torch.zeros_like(chosen))
    assert nothing.item() == 0


@pytest.fixture(scope="module")
def trained(pieces) -> BERT:
    torch.manual_seed(0)
    model = BERT(BERTConfig(len(pieces), d_model=32, n_layers=1, max_len=10))
    config = TrainingConfig(steps=120, tokens_per_batch=64, lr=1e-2, warmup=10)
    losses = list(masked_lm_trainer(model, pieces, TEXTS * 4, config).steps())
    assert sum(losses[-20:]) < sum(losses[:20]) / 3
    return model


def test_it_learns_to_fill_gaps(trained, pieces):
    [guesses] = fill(trained, pieces, "the old [MASK] was signed .", top=3)
    assert {guess.word for guess in guesses[:2]} == {"treaty", "letter"}
    first, second = fill(trained, pieces, "[MASK] long letter was [MASK] .", top=1)
    assert (first[0].word, second[0].word) == ("the", "signed")
    assert sum(guess.probability for guess in fill(trained, pieces, "[MASK]", 999)[0]) == (
        pytest.approx(1, abs=1e-4)
    )


def test_training_is_the_same_for_the_same_seed(pieces):
    def losses(seed):
        torch.manual_seed(0)
        model = BERT(BERTConfig(len(pieces), d_model=16, n_layers=1, max_len=10))
        config = TrainingConfig(steps=5, tokens_per_batch=64, seed=seed)
        return list(masked_lm_trainer(model, pieces, TEXTS, config).steps())

    assert losses(1) == losses(1) != losses(2)


def test_texts_longer_than_the_model_are_learned_in_parts(pieces):
    model = BERT(BERTConfig(len(pieces), d_model=16, n_layers=1, max_len=6))
    trainer = masked_lm_trainer(
        model, pieces, [" ".join(TEXTS)], TrainingConfig(steps=3, tokens_per_batch=40)
    )
    assert len(list(trainer.steps())) == 3


def test_what_cannot_be_filled_is_refused(trained, pieces):
    with pytest.raises(BadInput, match=r"no \[MASK\]"):
        fill(trained, pieces, "the old treaty")
    with pytest.raises(BadInput, match="positions for 10"):
        fill(trained, pieces, "[MASK] old treaty" * 5)
    headless = BERT(BERTConfig(len(pieces), d_model=16, n_layers=1, head=False))
    with pytest.raises(BadInput, match="without its head"):
        fill(headless, pieces, "[MASK]")
    with pytest.raises(BadInput, match="without its head"):
        masking_loss(
            headless, torch.ones(1, 2).long(), torch.ones(1, 2).long(), torch.ones(1, 2) > 0
        )


def test_a_text_keeps_its_marks(pieces):
    tokens = [pieces.word(i) for i in pieces.encode("The old treaty")]
    assert tokens == ["[CLS]", "the", "old", "treaty", "[SEP]"]
    assert pieces.mask in pieces.encode("the [MASK]", marks=True)
    assert pieces.mask not in pieces.encode("the [MASK]")
    assert not pieces.ordinary[:5].any()
    assert pieces.ordinary[5:].all()


def test_windows_hold_every_word_once(pieces):
    text = " ".join(TEXTS)
    windows = pieces.windows(text, 7)
    assert max(map(len, windows)) == 7
    assert all(w[0] == 2 and w[-1] == 3 for w in windows)
    assert [i for w in windows for i in w[1:-1]] == pieces.encode(text)[1:-1]
    assert pieces.windows("the", 7) == [pieces.encode("the")]
    with pytest.raises(BadInput, match="fits"):
        pieces.windows(text, 2)


def test_padding_and_cutting_that_a_tokenizer_came_with_are_undone(pieces):
    theirs = WordPieceTokenizer(pieces.tokenizer).tokenizer
    theirs.enable_truncation(3)
    theirs.enable_padding(length=9)
    assert WordPieceTokenizer(theirs).encode("the old treaty") == pieces.encode("the old treaty")
    assert len(theirs.encode("the old treaty").ids) == 9  # theirs is as it was


def test_words_and_pieces_are_put_into_their_gaps(pieces):
    text = "the [MASK] econ [MASK] area"
    assert pieces.filled(text, ["european", "##omic"]) == "the european economic area"
    assert pieces.filled("[MASK] x", ["##omic"]) == "##omic x"


def test_the_same_texts_give_the_same_vocabulary():
    texts = [pair.target for pair in toy.pairs("train", 300)]
    vocabularies = [WordPieceTokenizer.train(texts, 300).tokenizer.get_vocab() for _ in range(3)]
    assert all(one == vocabularies[0] for one in vocabularies)
    assert len(vocabularies[0]) == 300
