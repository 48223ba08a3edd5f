"""Words in and out: from a sentence to numbers, and back to a sentence."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFC
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import WordLevelTrainer

from attention.tokenizers.special_tokens import SPECIAL_TOKENS, UNK

__all__ = [
    "WordTokenizer",
    "split_words",
]

# A word with its hyphens, and with the apostrophe that ends it (l', aujourd'); or one mark.
_WORD = Split(Regex(r"\w+(?:-\w+)*['’]?|[^\w\s]"), behavior="removed", invert=True)
_NFC = NFC()  # é typed as e and an accent is the same letter as é


def split_words(text: str) -> list[str]:
    """The words of a sentence: marks stand alone, and an apostrophe ends its word.

    `split_words("L'accord .")` is `["L'", "accord", "."]`.
    """
    return [word for word, _ in _WORD.pre_tokenize_str(_NFC.normalize_str(text))]


class WordTokenizer:
    """A vocabulary of whole words, and the habits of spacing that its corpus had.

    Attributes:
        joins_left: Marks that usually follow the word before them without a space.
        joins_right: Marks and elided words (l') that usually leave no space behind them.
    """

    def __init__(
        self, tokenizer: Tokenizer, joins_left: Iterable[str], joins_right: Iterable[str]
    ) -> None:
        tokenizer.encode_special_tokens = True  # a </s> that somebody types is only a text
        self._tokenizer = tokenizer
        self.joins_left = frozenset(joins_left)
        self.joins_right = frozenset(joins_right)

    @classmethod
    def train(cls, sentences: Sequence[str], min_count: int = 2) -> "WordTokenizer":
        """Number every word that occurs at least `min_count` times, the most frequent first."""
        tokenizer = Tokenizer(WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
        tokenizer.normalizer, tokenizer.pre_tokenizer = _NFC, _WORD
        trainer = WordLevelTrainer(
            vocab_size=1_000_000, min_frequency=min_count, special_tokens=SPECIAL_TOKENS
        )
        tokenizer.train_from_iterator(sentences, trainer)
        return cls(tokenizer, *_spacing(sentences))

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def split(self, text: str) -> list[str]:
        """The words of `text`, as they stand in it, one for each number of `encode`."""
        return split_words(text)

    def encode(self, text: str) -> list[int]:
        """The number of each word; `UNK` for words outside the vocabulary."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def unknown(self, text: str) -> list[str]:
        """The words of `text` that this vocabulary does not have."""
        return [w for w in split_words(text) if self._tokenizer.token_to_id(w) is None]

    def words(self, ids: Iterable[int]) -> list[str]:
        """The word behind each number."""
        return [str(self._tokenizer.id_to_token(i)) for i in ids]

    def join(self, words: Sequence[str]) -> str:
        """A sentence of these words, spaced as the corpus was."""
        text = ""
        for previous, word in zip(["", *words], words, strict=False):
            glued = not text or word in self.joins_left or previous in self.joins_right
            text += word if glued else " " + word
        return text

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "tokenizer": json.loads(self._tokenizer.to_str()),
            "joins_left": sorted(self.joins_left),
            "joins_right": sorted(self.joins_right),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "WordTokenizer":
        """The tokenizer that `to_dict` was called on."""
        tokenizer = Tokenizer.from_str(json.dumps(values["tokenizer"]))
        return cls(tokenizer, values["joins_left"], values["joins_right"])


def _spacing(sentences: Iterable[str]) -> tuple[set[str], set[str]]:
    """Which marks join the word on their left, and which the one on their right, mostly."""
    left: Counter[str] = Counter()  # positive: more often glued than spaced
    right: Counter[str] = Counter()
    for sentence in sentences:
        pieces = _WORD.pre_tokenize_str(_NFC.normalize_str(sentence))
        for (word, (_, end)), (following, (start, _)) in pairwise(pieces):
            glued = 1 if start == end else -1
            if not following[0].isalnum():
                left[following] += glued
            if not word[-1].isalnum():
                right[word] += glued
    return {w for w, n in left.items() if n > 0}, {w for w, n in right.items() if n > 0}
