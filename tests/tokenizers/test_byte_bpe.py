"""Byte-level byte-pair encoding."""

import pytest

from attention.tokenizers.byte_bpe import END_OF_TEXT, train_byte_bpe

pytestmark = pytest.mark.on_cpu(reason="text only")

CORPUS = ["the agreement on the area", "the area was created"]


@pytest.mark.parametrize("text", ["the area", "\n\ttabs  and spaces ", "été 🙂", "\x00", ""])
def test_every_text_is_encoded_and_decoded_without_loss(text):
    tokenizer = train_byte_bpe(CORPUS, 270)
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_the_bytes_come_first_and_frequent_pairs_are_merged():
    bytes_alone = train_byte_bpe(CORPUS, 257)
    assert bytes_alone.get_vocab_size() == 256 + 1
    assert len(bytes_alone.encode("the area").ids) == len("the area")
    merged = train_byte_bpe(CORPUS, 270)
    assert merged.get_vocab_size() == 270
    assert merged.encode("the area").tokens == ["the", "Ġarea"]


def test_the_end_of_a_text_is_a_token_of_its_own():
    tokenizer = train_byte_bpe(CORPUS, 257)
    assert tokenizer.encode(f"a{END_OF_TEXT}").tokens == ["a", END_OF_TEXT]
