"""Byte-level byte-pair encoding, the tokenizer of GPT-2 and Llama 3."""

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from attention.tokenizers.long_words import refuse_long_words

__all__ = ["END_OF_TEXT", "train_byte_bpe"]

END_OF_TEXT = "<|endoftext|>"


def train_byte_bpe(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """Learn merges: begin with the 256 bytes, and merge the most frequent pair again and again.

    Every text is a sequence of bytes, line breaks and emoji included, so nothing is ever unknown.

    Args:
        texts: The training data.
        vocab_size: Tokens in the vocabulary, the bytes and `END_OF_TEXT` included; at least 257.
            Fewer come out where no pair is left to merge.

    Raises:
        BadInput: A word is too long to learn from.

    Source: Radford et al. 2019, section 2.2.
    """
    refuse_long_words(texts)
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
