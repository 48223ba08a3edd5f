"""IBM Model 1 translates word by word from its table, and aligns by posterior probabilities."""

import pytest
import torch

from attention.generation.beam_search import beam_search, greedy_search
from attention.models.ibm_model_1 import IBMModel1, IBMModel1Config, TranslationTable
from attention.tokenizers.special_tokens import UNK

# the -> la, house -> maison, book -> livre, a -> une; NULL is 0.
THE, HOUSE, BOOK, A = 4, 5, 6, 7
LA, MAISON, LIVRE, UNE = 4, 5, 6, 7
TABLE = {
    (0, LA): 0.4,
    (0, UNE): 0.6,
    (THE, LA): 0.8,
    (THE, LIVRE): 0.2,
    (HOUSE, MAISON): 1.0,
    (BOOK, LIVRE): 0.6,
    (BOOK, UNE): 0.4,
    (A, UNE): 0.9995,
    (A, LA): 0.0005,
}


def model_with(table: dict[tuple[int, int], float]) -> IBMModel1:
    model = IBMModel1(IBMModel1Config(9, 9))
    entries = sorted(table)
    probability = torch.tensor([table[entry] for entry in entries], dtype=torch.double)
    model.set_table(TranslationTable(torch.tensor(entries), probability))
    return model


@pytest.fixture
def model() -> IBMModel1:
    return model_with(TABLE)


def test_each_word_is_translated_in_its_position(model):
    source = torch.tensor([[THE, BOOK, 0], [A, HOUSE, BOOK]])
    expected = [[LA, LIVRE], [UNE, MAISON, LIVRE]]
    assert greedy_search(model, source, 20) == expected
    assert beam_search(model, source, 20, beam_size=2) == expected


def test_a_word_without_an_entry_is_translated_as_unknown(model):
    assert greedy_search(model, torch.tensor([[8, BOOK, UNK]]), 9) == [[UNK, LIVRE, UNK]]


def test_of_equally_probable_translations_the_more_frequent_word_is_taken():
    model = model_with({(THE, LA): 0.5, (THE, MAISON): 0.5})
    assert greedy_search(model, torch.tensor([[THE]]), 5) == [[LA]]


def test_a_row_of_the_alignment_is_a_posterior_distribution_over_the_source(model):
    """livre: t(livre | book) = 0.6 against t(livre | the) = 0.2; NULL has no column."""
    source = torch.tensor([[BOOK, THE, 0]])
    rows = model.align(source, torch.tensor([[LA, LIVRE, UNE]]))[0]
    torch.testing.assert_close(rows, torch.tensor([[0, 1, 0], [0.75, 0.25, 0], [1.0, 0, 0]]))


def test_a_target_word_without_an_entry_is_aligned_by_its_position(model):
    source = torch.tensor([[BOOK, THE, 0]])
    rows = model.align(source, torch.tensor([[UNK, LA, 8]]))[0]
    assert rows[0].tolist() == [1, 0, 0]
    assert rows[2].tolist() == [0, 1, 0], "padding has no position: the last word is taken"


def test_rare_translations_are_left_out_of_the_table(model):
    assert [A, LA] not in model.entries.tolist()
    assert model.config.entries == len(model.entries) == len(TABLE) - 1


def test_an_untrained_model_knows_no_word_and_aligns_by_position():
    model = IBMModel1(IBMModel1Config(9, 9))
    source = torch.tensor([[THE, HOUSE, 0], [A, BOOK, HOUSE]])
    assert greedy_search(model, source, 9) == [[UNK, UNK], [UNK, UNK, UNK]]
    alignment = model.align(source, torch.tensor([[LA, MAISON, 8], [UNE, LIVRE, MAISON]]))
    assert alignment.argmax(-1).tolist() == [[0, 1, 1], [0, 1, 2]]
    assert torch.equal(alignment.sum(-1), torch.ones(2, 3))
