"""Subword tokenizer: byte-pair encoding."""

import json

import pytest

from attention.tokenizers.special_tokens import BOS, EOS, PAD, UNK
from attention.tokenizers.subwords import SubwordTokenizer, tokenizer_from_dict
from attention.tokenizers.words import WordTokenizer

pytestmark = pytest.mark.on_cpu(reason="text only")

CORPUS = ["They arrived late.", "She arrives later than they arrive.", "L'été arrive tard."] * 3


def test_an_unseen_word_is_split_into_subwords():
    tokenizer = SubwordTokenizer.train(CORPUS, 60)
    ids = tokenizer.encode("They are later.")
    assert UNK not in ids
    assert len(ids) == len(tokenizer.tokenize("They are later."))
    assert tokenizer.tokens(ids) == tokenizer.tokenize("They are later.")
    assert tokenizer.detokenize(tokenizer.tokens(ids)) == "They are later."
    assert len(tokenizer) <= 60


def test_frequent_words_are_one_token_and_punctuation_is_its_own():
    tokenizer = SubwordTokenizer.train(CORPUS, 200)
    assert tokenizer.tokenize("They arrived late.") == ["▁They", "▁arrived", "▁late", "."]


def test_a_letter_not_seen_in_training_is_unknown():
    tokenizer = SubwordTokenizer.train(CORPUS, 60)
    assert tokenizer.unknown("They arrive ☃") == ["☃"]
    assert tokenizer.unknown("They arrive") == []


def test_special_tokens_spelled_in_a_text_are_not_special():
    tokenizer = SubwordTokenizer.train(CORPUS, 60)
    assert not {PAD, BOS, EOS} & set(tokenizer.encode("<s> they </s> <pad>"))


@pytest.mark.parametrize(
    "tokenizer", [WordTokenizer.train(CORPUS), SubwordTokenizer.train(CORPUS, 60)]
)
def test_a_tokenizer_is_rebuilt_from_its_json_values(tokenizer):
    again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())), len(tokenizer))
    assert type(again) is type(tokenizer)
    assert again.encode("They arrived tard.") == tokenizer.encode("They arrived tard.")


def test_a_pair_is_merged_only_where_it_occurs_twice():
    """Otherwise a small corpus would become its own vocabulary, word for word."""
    once, twice = ["she left"], ["she left", "she stayed"]
    assert SubwordTokenizer.train(once, 200).tokenize("she") == ["▁", "s", "h", "e"]
    assert SubwordTokenizer.train(twice, 200).tokenize("she") == ["▁she"]
    assert "▁left" not in SubwordTokenizer.train(twice, 200).tokenize("left")
