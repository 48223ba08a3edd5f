"""Words in and out."""

import json

import pytest

from attention.tokenizers.special_tokens import BOS, EOS, PAD, UNK
from attention.tokenizers.subwords import SubwordTokenizer, tokenizer_from_dict
from attention.tokenizers.words import WordTokenizer, split_words

TOY = ["L'accord a été signé .", "L'accord a été créé ."]
REAL = ["« Deux hommes », dit-il.", "Deux hommes d'ici."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L'accord .", ["L'", "accord", "."]),
        ("aujourd’hui", ["aujourd’", "hui"]),
        ("Peut-être!", ["Peut-être", "!"]),
        ("a  b\tc\u00a0d", ["a", "b", "c", "d"]),
        ("créé 🙂", ["créé", "🙂"]),
        ("cre\u0301e\u0301", ["créé"]),
        ("", []),
        ("  ", []),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words


def test_encode_and_back():
    tokenizer = WordTokenizer.train(TOY)
    ids = tokenizer.encode("L'accord a été signé .")
    assert tokenizer.words(ids) == ["L'", "accord", "a", "été", "<unk>", "."]
    assert ids.count(UNK) == 1
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    assert len(tokenizer) == 4 + 5


def test_rare_words_are_unknown_unless_asked_for():
    assert WordTokenizer.train(TOY).unknown("L'accord a été signé 🙂") == ["signé", "🙂"]
    assert WordTokenizer.train(TOY, min_count=1).unknown("L'accord a été signé .") == []


def test_special_tokens_in_a_text_are_only_words():
    tokenizer = WordTokenizer.train([*TOY, "< / s > s", "< / s > s"])
    assert EOS not in tokenizer.encode("a </s> été")
    assert PAD not in tokenizer.encode("<pad>")


@pytest.mark.parametrize("corpus", [TOY, REAL])
def test_join_spaces_as_the_corpus_did(corpus):
    tokenizer = WordTokenizer.train(corpus, min_count=1)
    for sentence in corpus:
        assert tokenizer.join(split_words(sentence)) == sentence


def test_a_tokenizer_survives_being_written_down():
    tokenizer = WordTokenizer.train(REAL, min_count=1)
    again = WordTokenizer.from_dict(tokenizer.to_dict())
    assert again.to_dict() == tokenizer.to_dict()
    assert again.encode(REAL[0]) == tokenizer.encode(REAL[0])


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
