"""Subword tokenizer: byte-pair encoding of one vocabulary for both languages."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.normalizers import NFC
from tokenizers.pre_tokenizers import Metaspace, Punctuation
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer

from attention.tokenizers.special_tokens import SPECIAL_TOKENS, UNK
from attention.tokenizers.words import WordTokenizer

__all__ = ["SubwordTokenizer", "tokenizer_from_dict"]


class SubwordTokenizer:
    """A vocabulary of words and pieces of words: rare words are spelled, and none is unknown.

    A piece that begins with `▁` begins a word. It is called like a `WordTokenizer`.

    Source: byte-pair encoding, Sennrich, Haddow and Birch 2016, section 3.2.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer

    @classmethod
    def train(cls, sentences: Sequence[str], size: int) -> "SubwordTokenizer":
        """Begin with letters, and join the two pieces that meet most often, up to `size` pieces."""
        tokenizer = Tokenizer(BPE(unk_token=SPECIAL_TOKENS[UNK]))
        tokenizer.normalizer, tokenizer.decoder = NFC(), decoders.Metaspace()
        tokenizer.pre_tokenizer = InTurn([Metaspace(), Punctuation()])
        trainer = BpeTrainer(
            vocab_size=size, min_frequency=2, special_tokens=SPECIAL_TOKENS, show_progress=False
        )
        tokenizer.train_from_iterator(sentences, trainer)
        return cls(tokenizer)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def split(self, text: str) -> list[str]:
        """The pieces of `text`, one for each number of `encode`."""
        return self._tokenizer.encode(text, add_special_tokens=False).tokens

    def encode(self, text: str) -> list[int]:
        """The number of each piece; `UNK` for letters that its corpus did not have."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def unknown(self, text: str) -> list[str]:
        """The letters of `text` that this vocabulary does not have."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [text[begin:end] for i, (begin, end) in pairs if i == UNK]

    def words(self, ids: Iterable[int]) -> list[str]:
        """The piece behind each number."""
        return [str(self._tokenizer.id_to_token(i)) for i in ids]

    def join(self, words: Sequence[str]) -> str:
        """The sentence that these pieces spell."""
        return self._tokenizer.decoder.decode(list(words))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"tokenizer": json.loads(self._tokenizer.to_str())}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SubwordTokenizer":
        """The tokenizer that `to_dict` was called on."""
        return cls(Tokenizer.from_str(json.dumps(values["tokenizer"])))


def tokenizer_from_dict(values: dict[str, Any]) -> WordTokenizer | SubwordTokenizer:
    """The tokenizer, of words or of pieces, whose `to_dict` gave these values."""
    kind = WordTokenizer if "joins_left" in values else SubwordTokenizer
    return kind.from_dict(values)
