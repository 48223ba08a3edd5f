"""Word-level tokenizer: splitting, the vocabulary, unknown words and spacing."""

import pytest

from attention.tokenizers.special_tokens import BOS, EOS, PAD, UNK
from attention.tokenizers.words import WordTokenizer, split_words

pytestmark = pytest.mark.on_cpu(reason="text only")

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


def test_ids_become_the_tokens_again():
    tokenizer = WordTokenizer.train(TOY)
    ids = tokenizer.encode("L'accord a été signé .")
    assert tokenizer.tokens(ids) == ["L'", "accord", "a", "été", "<unk>", "."]
    assert ids.count(UNK) == 1
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    assert len(tokenizer) == 4 + 5


def test_words_below_the_minimum_count_are_unknown():
    assert WordTokenizer.train(TOY).unknown("L'accord a été signé 🙂") == ["signé", "🙂"]
    assert WordTokenizer.train(TOY, min_count=1).unknown("L'accord a été signé .") == []


def test_special_tokens_spelled_in_a_text_are_not_special():
    tokenizer = WordTokenizer.train([*TOY, "< / s > s", "< / s > s"])
    assert EOS not in tokenizer.encode("a </s> été")
    assert PAD not in tokenizer.encode("<pad>")


@pytest.mark.parametrize("corpus", [TOY, REAL])
def test_detokenize_spaces_as_the_training_data_did(corpus):
    tokenizer = WordTokenizer.train(corpus, min_count=1)
    for sentence in corpus:
        assert tokenizer.detokenize(tokenizer.tokenize(sentence)) == sentence


def test_a_tokenizer_is_rebuilt_from_its_json_values():
    tokenizer = WordTokenizer.train(REAL, min_count=1)
    again = WordTokenizer.from_dict(tokenizer.to_dict())
    assert again.to_dict() == tokenizer.to_dict()
    assert again.encode(REAL[0]) == tokenizer.encode(REAL[0])
