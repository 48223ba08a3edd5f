"""The special tokens of our word and subword tokenizers, and their ids."""

__all__ = ["BOS", "EOS", "PAD", "SPECIAL_TOKENS", "UNK"]

PAD, UNK, BOS, EOS = range(4)
SPECIAL_TOKENS = ["<pad>", "<unk>", "<s>", "</s>"]
