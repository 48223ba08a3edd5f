"""Byte-level byte-pair encoding, the tokenizer of GPT-2 and Llama 3."""

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

__all__ = ["END_OF_TEXT", "train_byte_bpe"]

END_OF_TEXT = "<|endoftext|>"


def train_byte_bpe(texts: Sequence[str], size: int) -> Tokenizer:
    """Learn a vocabulary: begin with all bytes, and join the two pieces that meet most often.

    Every text can be spelled in bytes, line breaks and emoji too, so no word is ever unknown.

    Args:
        size: How many pieces there are in the end; never fewer than the bytes.

    Source: Radford et al. 2019, section 2.2.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
