"""Subword tokenizer: byte-pair encoding (BPE), with one vocabulary for both languages."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.normalizers import NFC
from tokenizers.pre_tokenizers import Metaspace, Punctuation
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer

from attention.tokenizers.long_words import refuse_long_words
from attention.tokenizers.special_tokens import SPECIAL_TOKENS, UNK
from attention.tokenizers.words import WordTokenizer

__all__ = ["SubwordTokenizer", "tokenizer_from_dict"]


class SubwordTokenizer:
    """A BPE vocabulary: frequent words are one token, rare ones are split into several subwords.

    A token that begins with `▁` begins a word. The methods are those of a `WordTokenizer`.

    Source: byte-pair encoding, Sennrich, Haddow and Birch 2016, section 3.2.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer

    @classmethod
    def train(cls, sentences: Sequence[str], vocab_size: int) -> "SubwordTokenizer":
        """Learn merges: begin with the letters, and merge the most frequent pair again and again.

        Args:
            sentences: The training data, of both languages.
            vocab_size: Tokens in the vocabulary, the special ones included. There are fewer where
                no pair is left that occurs twice.

        Raises:
            BadInput: A word is too long to learn from.
        """
        refuse_long_words(sentences)
        tokenizer = Tokenizer(BPE(unk_token=SPECIAL_TOKENS[UNK]))
        tokenizer.normalizer, tokenizer.decoder = NFC(), decoders.Metaspace()
        tokenizer.pre_tokenizer = InTurn([Metaspace(), Punctuation()])
        trainer = BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            special_tokens=SPECIAL_TOKENS,
            show_progress=False,
        )
        tokenizer.train_from_iterator(sentences, trainer)
        return cls(tokenizer)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, one for each id that `encode` gives."""
        return self._tokenizer.encode(text, add_special_tokens=False).tokens

    def encode(self, text: str) -> list[int]:
        """The token ids of a text, without special tokens; `UNK` where a letter is unknown."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def unknown(self, text: str) -> list[str]:
        """The letters of a text that are not in the vocabulary."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [text[start:end] for i, (start, end) in pairs if i == UNK]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The token of each id, special tokens included."""
        return [str(self._tokenizer.id_to_token(i)) for i in ids]

    def detokenize(self, tokens: Sequence[str]) -> str:
        """The text of these tokens."""
        return self._tokenizer.decoder.decode(list(tokens))

    def to_dict(self) -> dict[str, Any]:
        """The tokenizer as JSON values."""
        return {"tokenizer": json.loads(self._tokenizer.to_str())}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SubwordTokenizer":
        """Rebuild a tokenizer from what `to_dict` returned."""
        tokenizer = Tokenizer.from_str(json.dumps(values["tokenizer"]))
        if tokenizer.decoder is None:
            raise ValueError("a tokenizer of subwords has no decoder")
        return cls(tokenizer)


def tokenizer_from_dict(
    values: dict[str, Any], vocab_size: int
) -> WordTokenizer | SubwordTokenizer:
    """Rebuild a word or subword tokenizer from what its `to_dict` returned.

    Args:
        vocab_size: Of the model that the token ids are for.

    Raises:
        KeyError, TypeError, ValueError: It is damaged, or of another vocabulary.
    """
    described = values["tokenizer"]
    if sorted(described["model"]["vocab"].values()) != list(range(vocab_size)):
        raise ValueError(f"a vocabulary doesn't consist of the model's {vocab_size} tokens")
    is_words = described["model"]["type"] == "WordLevel"
    return (WordTokenizer if is_words else SubwordTokenizer).from_dict(values)
