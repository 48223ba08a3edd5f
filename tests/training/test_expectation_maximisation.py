"""Expectation-maximisation for IBM Model 1, against iterations worked by hand."""

from itertools import islice, pairwise

import pytest
import torch

from attention.models.ibm_model_1 import IBMModel1, IBMModel1Config, TranslationTable
from attention.training.expectation_maximisation import IBMModel1Trainer, expectation_maximisation
from attention.training.trainer import TrainingConfig

# the house / la maison; the book / le livre (simplified: la livre); a book / une livre
THE, HOUSE, BOOK, A = 4, 5, 6, 7
LA, MAISON, LIVRE, UNE = 4, 5, 6, 7
SOURCES = [[THE, HOUSE], [THE, BOOK], [A, BOOK]]
TARGETS = [[LA, MAISON], [LA, LIVRE], [UNE, LIVRE]]


def iterations(n: int) -> list[tuple[float, TranslationTable]]:
    return list(islice(expectation_maximisation(SOURCES, TARGETS), n))


def probability(table: TranslationTable, source: int, target: int) -> float:
    [row] = (table.entries == torch.tensor([source, target])).all(dim=1).nonzero()
    return table.probability[row].item()


def test_the_first_iteration_by_hand():
    # The posterior probabilities are uniform: a third for each of two words and NULL. The expected
    # counts of "the" are la 1/3 + 1/3, maison 1/3 and livre 1/3: la has half of 4/3.
    [(log_likelihood, table)] = iterations(1)
    assert probability(table, THE, LA) == pytest.approx(1 / 2)
    assert probability(table, THE, MAISON) == pytest.approx(1 / 4)
    assert probability(table, HOUSE, LA) == pytest.approx(1 / 2)
    assert probability(table, BOOK, LIVRE) == pytest.approx(1 / 2)
    # Six target words, each with probability 1/4 whatever it comes from.
    assert log_likelihood == pytest.approx(6 * torch.tensor(1 / 4).log().item())


def test_the_second_iteration_by_hand():
    # la in the first pair: 1/2 from "the" and from "house", 1/3 from NULL: 3/8, 3/8, 1/4.
    # maison: 1/4 from "the", 1/2 from "house", 1/6 from NULL: 3/11, 6/11, 2/11.
    (_, _), (_, table) = iterations(2)
    la, maison = 3 / 8, 6 / 11
    assert probability(table, HOUSE, MAISON) == pytest.approx(maison / (maison + la))


def test_the_likelihood_never_decreases_and_the_right_translations_win():
    results = iterations(60)
    assert all(b >= a - 1e-12 for a, b in pairwise(likelihood for likelihood, _ in results))
    table = results[-1][1]
    for source, target in [(THE, LA), (HOUSE, MAISON), (BOOK, LIVRE), (A, UNE)]:
        assert probability(table, source, target) > 0.9


def test_the_probabilities_of_each_source_word_sum_to_one():
    _, table = iterations(5)[-1]
    totals = torch.bincount(table.entries[:, 0], table.probability)
    assert totals[[0, THE, HOUSE, BOOK, A]].tolist() == pytest.approx([1] * 5)


def test_it_continues_from_given_probabilities():
    third = iterations(3)[-1][1].probability
    continued = list(islice(expectation_maximisation(SOURCES, TARGETS, third), 2))
    assert torch.equal(continued[-1][1].probability, iterations(5)[-1][1].probability)


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_a_resumed_trainer_reaches_the_same_table(stop):
    def trainer() -> IBMModel1Trainer:
        config = TrainingConfig(steps=5)
        return IBMModel1Trainer(IBMModel1(IBMModel1Config(9, 9)), SOURCES, TARGETS, config)

    unbroken = trainer()
    losses = list(unbroken.steps())
    assert losses[0] == pytest.approx(-torch.tensor(1 / 4).log().item()), "per target token"
    stopped = trainer()
    assert list(islice(stopped.steps(), stop)) == losses[:stop]
    resumed = trainer()
    resumed.load_state_dict(stopped.state_dict())
    assert list(resumed.steps()) == losses[stop:]
    assert resumed.step == 5
    assert torch.equal(resumed.model.entries, unbroken.model.entries)
    assert torch.equal(resumed.model.probability, unbroken.model.probability)
