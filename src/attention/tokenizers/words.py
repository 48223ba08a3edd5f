"""Word-level tokenizer: one token for each word or punctuation mark."""

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

# A word with its hyphens and the apostrophe that ends it (l', aujourd'), or a punctuation mark.
_WORD = Split(Regex(r"\w+(?:-\w+)*['’]?|[^\w\s]"), behavior="removed", invert=True)
_NFC = NFC()  # so that é and e with a combining accent are the same token


def split_words(text: str) -> list[str]:
    """Split a sentence into words and punctuation marks; an apostrophe ends its word.

    `split_words("L'accord .")` is `["L'", "accord", "."]`.
    """
    return [word for word, _ in _WORD.pre_tokenize_str(_NFC.normalize_str(text))]


class WordTokenizer:
    """A vocabulary of whole words, with the spacing conventions of its training data.

    Attributes:
        joins_left: Tokens that mostly follow the previous token without a space, as a comma does.
        joins_right: Tokens that mostly precede the next without a space, as an elided *l'* does.
        min_count: How often a word of the vocabulary occurs in its training data at least.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        joins_left: Iterable[str],
        joins_right: Iterable[str],
        min_count: int = 2,
    ) -> None:
        tokenizer.encode_special_tokens = True  # "</s>" in a text is not EOS
        self._tokenizer = tokenizer
        self.joins_left = frozenset(joins_left)
        self.joins_right = frozenset(joins_right)
        self.min_count = min_count

    @classmethod
    def train(cls, sentences: Sequence[str], min_count: int = 2) -> "WordTokenizer":
        """Learn the vocabulary of a corpus; the more frequent a word, the smaller its id.

        Args:
            sentences: The training data.
            min_count: A word that occurs less often is left out, and is encoded as `UNK`.
        """
        tokenizer = Tokenizer(WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
        tokenizer.normalizer, tokenizer.pre_tokenizer = _NFC, _WORD
        trainer = WordLevelTrainer(
            vocab_size=1_000_000,
            min_frequency=min_count,
            special_tokens=SPECIAL_TOKENS,
            show_progress=False,
        )
        tokenizer.train_from_iterator(sentences, trainer)
        return cls(tokenizer, *_spacing(sentences), min_count)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text as they are spelled in it, one for each id that `encode` gives."""
        return split_words(text)

    def encode(self, text: str) -> list[int]:
        """The token ids of a text, without special tokens; `UNK` where a word is unknown."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def unknown(self, text: str) -> list[str]:
        """The words of a text that are not in the vocabulary."""
        return [w for w in split_words(text) if self._tokenizer.token_to_id(w) is None]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The token of each id, special tokens included."""
        return [str(self._tokenizer.id_to_token(i)) for i in ids]

    def detokenize(self, tokens: Sequence[str]) -> str:
        """The text of these tokens, spaced as the training data was."""
        text = ""
        for previous, token in zip(["", *tokens], tokens, strict=False):
            joined = not text or token in self.joins_left or previous in self.joins_right
            text += token if joined else " " + token
        return text

    def to_dict(self) -> dict[str, Any]:
        """The tokenizer as JSON values."""
        return {
            "tokenizer": json.loads(self._tokenizer.to_str()),
            "joins_left": sorted(self.joins_left),
            "joins_right": sorted(self.joins_right),
            "min_count": self.min_count,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "WordTokenizer":
        """Rebuild a tokenizer from what `to_dict` returned."""
        tokenizer = Tokenizer.from_str(json.dumps(values["tokenizer"]))
        left, right = values["joins_left"], values["joins_right"]
        min_count = values.get("min_count", 2)  # earlier versions knew no other
        if not (isinstance(left, list) and isinstance(right, list) and type(min_count) is int):
            raise TypeError("joins_left and joins_right are not lists, or min_count is no integer")
        return cls(tokenizer, left, right, min_count)


def _spacing(sentences: Iterable[str]) -> tuple[set[str], set[str]]:
    """Tokens that mostly join the one on their left, and tokens that mostly join the next.

    Only tokens that begin, or end, with something other than a letter or digit are counted.
    """
    left: Counter[str] = Counter()  # positive: more often without a space than with one
    right: Counter[str] = Counter()
    for sentence in sentences:
        tokens = _WORD.pre_tokenize_str(_NFC.normalize_str(sentence))
        for (token, (_, end)), (following, (start, _)) in pairwise(tokens):
            vote = 1 if start == end else -1
            if not following[0].isalnum():
                left[following] += vote
            if not token[-1].isalnum():
                right[token] += vote
    return {t for t, n in left.items() if n > 0}, {t for t, n in right.items() if n > 0}
