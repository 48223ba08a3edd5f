"""Words too long to learn from are refused, wherever subwords are learned."""

import pytest

from attention.errors import BadInput
from attention.tokenizers.byte_bpe import train_byte_bpe
from attention.tokenizers.long_words import LONGEST_WORD
from attention.tokenizers.subwords import SubwordTokenizer
from attention.tokenizers.wordpiece import WordPieceTokenizer

pytestmark = pytest.mark.on_cpu(reason="text only")
TRAIN = [train_byte_bpe, SubwordTokenizer.train, WordPieceTokenizer.train]


@pytest.mark.parametrize("train", TRAIN)
def test_a_word_that_is_too_long_is_named(train):
    word = "xy" * (LONGEST_WORD // 2) + "z"
    with pytest.raises(BadInput, match=r"begins 'xyxyxyxyxyxyxyxyxyxy' has 30,001 characters"):
        train(["a text", f"and {word} in it"], 300)


@pytest.mark.parametrize("train", TRAIN)
def test_a_long_text_of_ordinary_words_is_not(train):
    train(["a b\n" * LONGEST_WORD], 300)
