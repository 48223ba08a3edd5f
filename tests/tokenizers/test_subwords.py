"""Subword tokenizer: byte-pair encoding."""

import json

import pytest

from attention.tokenizers.special_tokens import BOS, EOS, PAD, UNK
from attention.tokenizers.subwords import SubwordTokenizer, tokenizer_from_dict
from attention.tokenizers.words import WordTokenizer

CORPUS = ["They arrived late.", "She arrives later than they arrive.", "L'été arrive tard."] * 3


def test_subwords_spell_what_they_have_not_seen():
    tokenizer = SubwordTokenizer.train(CORPUS, 60)
    ids = tokenizer.encode("They are later.")
    assert UNK not in ids
    assert len(ids) == len(tokenizer.split("They are later."))
    assert tokenizer.words(ids) == tokenizer.split("They are later.")
    assert tokenizer.join(tokenizer.words(ids)) == "They are later."
    assert len(tokenizer) <= 60


def test_frequent_words_are_one_piece_and_marks_stand_alone():
    tokenizer = SubwordTokenizer.train(CORPUS, 200)
    assert tokenizer.split("They arrived late.") == ["▁They", "▁arrived", "▁late", "."]


def test_a_letter_that_no_text_had_is_named():
    tokenizer = SubwordTokenizer.train(CORPUS, 60)
    assert tokenizer.unknown("They arrive ☃") == ["☃"]
    assert tokenizer.unknown("They arrive") == []


def test_special_pieces_that_somebody_types_are_only_a_text():
    tokenizer = SubwordTokenizer.train(CORPUS, 60)
    assert not {PAD, BOS, EOS} & set(tokenizer.encode("<s> they </s> <pad>"))


@pytest.mark.parametrize(
    "tokenizer", [WordTokenizer.train(CORPUS), SubwordTokenizer.train(CORPUS, 60)]
)
def test_a_tokenizer_comes_back_from_its_values(tokenizer):
    again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert type(again) is type(tokenizer)
    assert again.encode("They arrived tard.") == tokenizer.encode("They arrived tard.")


def test_a_pair_is_merged_only_where_it_occurs_twice():
    """Merges of what occurs once would learn the corpus by heart, and `vocab_size` would fill up."""
    once, twice = ["she left"], ["she left", "she stayed"]
    assert SubwordTokenizer.train(once, 200).split("she") == ["▁", "s", "h", "e"]
    assert SubwordTokenizer.train(twice, 200).split("she") == ["▁she"]
    assert "▁left" not in SubwordTokenizer.train(twice, 200).split("left")
