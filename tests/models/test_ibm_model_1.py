"""The dictionary that IBM Model 1 learns, and the translator that looks words up in it."""

from itertools import islice, pairwise

import pytest
import torch

from attention.generation.beam_search import beam_search, greedy
from attention.models.ibm_model_1 import IBMModel1, IBMModel1Config, expectation_maximisation
from attention.tokenizers.special_tokens import UNK

# the house / la maison; the book / le livre (simplified: la livre); a book / une livre
THE, HOUSE, BOOK, A = 4, 5, 6, 7
LA, MAISON, LIVRE, UNE = 4, 5, 6, 7
SOURCES = [[THE, HOUSE], [THE, BOOK], [A, BOOK]]
TARGETS = [[LA, MAISON], [LA, LIVRE], [UNE, LIVRE]]


def learned(rounds: int):
    return list(islice(expectation_maximisation(SOURCES, TARGETS), rounds))


def probability(dictionary, source: int, target: int) -> float:
    [row] = (dictionary.entries == torch.tensor([source, target])).all(dim=1).nonzero()
    return dictionary.probability[row].item()


def test_the_first_round_by_hand():
    # Each target word shares itself out evenly among two words and the empty one: a third each.
    # "the" is given la (1/3 + 1/3), maison (1/3) and livre (1/3): la is half of 4/3.
    [(likelihood, dictionary)] = learned(1)
    assert probability(dictionary, THE, LA) == pytest.approx(1 / 2)
    assert probability(dictionary, THE, MAISON) == pytest.approx(1 / 4)
    assert probability(dictionary, HOUSE, LA) == pytest.approx(1 / 2)
    assert probability(dictionary, BOOK, LIVRE) == pytest.approx(1 / 2)
    # Six target words, each with probability 1/4 whatever it comes from.
    assert likelihood == pytest.approx(6 * torch.tensor(1 / 4).log().item())


def test_the_second_round_by_hand():
    # la in the first pair: "the" and "house" offer 1/2 each, the empty word 1/3: 3/8, 3/8, 1/4.
    # maison: "the" offers 1/4, "house" 1/2, the empty word 1/6: 3/11, 6/11, 2/11.
    (_, _), (_, dictionary) = learned(2)
    la, maison = 3 / 8, 6 / 11
    assert probability(dictionary, HOUSE, MAISON) == pytest.approx(maison / (maison + la))


def test_the_likelihood_never_falls_and_the_right_words_win():
    rounds = learned(60)
    likelihoods = [likelihood for likelihood, _ in rounds]
    assert all(b >= a - 1e-12 for a, b in pairwise(likelihoods))
    dictionary = rounds[-1][1]
    for source, target in [(THE, LA), (HOUSE, MAISON), (BOOK, LIVRE), (A, UNE)]:
        assert probability(dictionary, source, target) > 0.9


def test_probabilities_of_each_word_sum_to_one():
    _, dictionary = learned(5)[-1]
    totals = torch.bincount(dictionary.entries[:, 0], dictionary.probability)
    assert totals[[0, THE, HOUSE, BOOK, A]].tolist() == pytest.approx([1] * 5)


def test_learning_can_be_taken_up_again():
    halfway = learned(3)[-1][1].probability
    again = list(islice(expectation_maximisation(SOURCES, TARGETS, halfway), 2))
    assert torch.equal(again[-1][1].probability, learned(5)[-1][1].probability)


@pytest.fixture
def model() -> IBMModel1:
    made = IBMModel1(IBMModel1Config(9, 9))
    made.learn(learned(20)[-1][1])
    return made


def test_every_word_is_looked_up_in_its_place(model):
    source = torch.tensor([[THE, BOOK, 0], [A, HOUSE, BOOK]])
    expected = [[LA, LIVRE], [UNE, MAISON, LIVRE]]
    assert greedy(model, source, 20) == expected
    assert beam_search(model, source, 20, beam=2) == expected


def test_a_word_that_is_not_in_the_dictionary_is_written_as_unknown(model):
    assert greedy(model, torch.tensor([[8, BOOK, UNK]]), 9) == [[UNK, LIVRE, UNK]]


def test_of_equally_likely_translations_the_more_frequent_word_is_written():
    made = IBMModel1(IBMModel1Config(9, 9))
    made.learn(next(expectation_maximisation([[THE]], [[MAISON, LA]]))[1])
    assert greedy(made, torch.tensor([[THE]]), 5) == [[min(LA, MAISON)]]


def test_alignment_is_the_chance_of_each_source_word(model):
    source = torch.tensor([[BOOK, THE, 0]])
    rows = model.align(source, torch.tensor([[LA, LIVRE, 8]]))[0]
    assert rows.argmax(-1)[:2].tolist() == [1, 0]
    assert not rows[:, 2].any()
    torch.testing.assert_close(rows.sum(-1), torch.ones(3))
    assert rows[2].tolist() == [0, 1, 0]  # a word that it does not know: the last place there is
    unknown = model.align(torch.tensor([[8, BOOK]]), torch.tensor([[UNK, LIVRE]]))[0]
    assert unknown[0].tolist() == [1, 0]
