"""Text in and out of a BERT: `[CLS]`, the pieces of its words, `[SEP]`."""

from collections import Counter
from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer

from attention.errors import BadInput
from attention.shapes import Bool, Tensor

__all__ = ["MASK", "WordPieceTokenizer"]

MASK = "[MASK]"
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", MASK]


class WordPieceTokenizer:
    """A vocabulary of words and pieces of words; a piece that goes on with a word begins with `##`.

    Args:
        tokenizer: One that a BERT was trained with, or that `train` made. It is copied, and
            the copy neither cuts texts off nor pads them.

    Attributes:
        tokenizer: The copy.
        ordinary: True for each number that stands for a word, not for a mark like `[CLS]`.

    Source: Wu et al. 2016, section 4.1; Devlin et al. 2018, section 3, "Input/Output".
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        marks = [i for i, one in self.tokenizer.get_added_tokens_decoder().items() if one.special]
        numbers = self.tokenizer.get_vocab(with_added_tokens=True).values()
        self.ordinary: Bool[Tensor, " V"] = torch.zeros(max(numbers) + 1, dtype=torch.bool)
        self.ordinary[list(numbers)] = True
        self.ordinary[marks] = False

    @classmethod
    def train(cls, texts: Iterable[str], size: int, lowercase: bool = True) -> "WordPieceTokenizer":
        """Begin with letters, and join pieces that meet often, up to `size` pieces."""
        normalizer, pre_tokenizer = BertNormalizer(lowercase=lowercase), BertPreTokenizer()
        words: Counter[str] = Counter()
        for text in texts:
            found = pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text))
            words.update(word for word, _ in found)
        # The trainer numbers letters as it happens to meet them, and by that decides between pieces
        # that meet equally often. Letters that have numbers already make it the same each time.
        letters = {word[0] for word in words} | {f"##{c}" for word in words for c in word[1:]}
        trainer = WordPieceTrainer(
            vocab_size=size, special_tokens=SPECIAL_TOKENS + sorted(letters), show_progress=False
        )
        learner = Tokenizer(WordPiece(unk_token="[UNK]"))
        learner.pre_tokenizer = WhitespaceSplit()
        learner.train_from_iterator(words.elements(), trainer)
        tokenizer = Tokenizer(WordPiece(learner.get_vocab(), unk_token="[UNK]"))
        tokenizer.add_special_tokens(SPECIAL_TOKENS)
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
        tokenizer.decoder = decoders.WordPiece()
        around = [(mark, SPECIAL_TOKENS.index(mark)) for mark in ("[CLS]", "[SEP]")]
        tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=around
        )
        return cls(tokenizer)

    def __len__(self) -> int:
        return len(self.ordinary)

    @property
    def mask(self) -> int:
        """The number of `[MASK]`.

        Raises:
            BadInput: There is none.
        """
        number = self.tokenizer.token_to_id(MASK)
        if number is None:
            raise BadInput(f"the tokenizer of this model has no {MASK}")
        return int(number)

    def encode(self, text: str, marks: bool = False) -> list[int]:
        """The number of each piece, with what stands before and after a text.

        Args:
            text: Any text.
            marks: Whether a `[MASK]` in the text is one; if not, it is the word mask in brackets.
        """
        self.tokenizer.encode_special_tokens = not marks
        return list(self.tokenizer.encode(text).ids)

    def windows(self, text: str, length: int) -> list[list[int]]:
        """The same for a text of any length, in parts of at most `length` numbers.

        Each part has what stands before and after a text.
        """
        self.tokenizer.encode_special_tokens = True
        ids = list(self.tokenizer.encode(text, add_special_tokens=False).ids)
        whole = self.encode(text)
        if len(whole) <= length:
            return [whole]
        before, after = _around(whole, ids)
        room = length - len(before) - len(after)
        if room < 1:
            raise BadInput(f"no text fits into {length} words, marks included")
        return [before + ids[i : i + room] + after for i in range(0, len(ids), room)]

    def word(self, number: int) -> str:
        """The piece behind a number."""
        return str(self.tokenizer.id_to_token(number))

    def filled(self, text: str, words: Iterable[str]) -> str:
        """The text with a word, or a piece that goes on with the word before, in each `[MASK]`."""
        for word in words:
            before, _, after = text.partition(MASK)
            glued = word.startswith("##") and before.strip()
            text = before.rstrip() + word[2:] + after if glued else before + word + after
        return text


def _around(whole: list[int], ids: list[int]) -> tuple[list[int], list[int]]:
    """What stands before `ids` and after it: where it lies in `whole`."""
    start = next(i for i in range(len(whole)) if whole[i : i + len(ids)] == ids)
    return whole[:start], whole[start + len(ids) :]
