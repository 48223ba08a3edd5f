"""BERT's WordPiece tokenizer: `[CLS]`, the subwords of a text, `[SEP]`."""

from collections import Counter
from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders, normalizers
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer, Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer, WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer

from attention.errors import BadInput
from attention.shapes import Bool, Tensor
from attention.tokenizers.long_words import refuse_long_words

__all__ = ["MASK", "WordPieceTokenizer"]

MASK = "[MASK]"
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", MASK]


class WordPieceTokenizer:
    """A WordPiece vocabulary; a subword that continues a word begins with `##`.

    Args:
        tokenizer: A tokenizer with BERT's special tokens. It is copied, and in the copy truncation
            and padding are disabled.
        vocab_size: Of the model that the token ids are for, if there is one already.

    Raises:
        BadInput: The tokenizer has ids for which that model has no embeddings.

    Attributes:
        tokenizer: The copy.
        maskable: True for each token id that masked language modelling may mask or insert, which is
            every token but the special ones.

    Source: Wu et al. 2016, section 4.1; Devlin et al. 2018, section 3, "Input/Output".
    """

    def __init__(self, tokenizer: Tokenizer, vocab_size: int | None = None) -> None:
        token_ids = tokenizer.get_vocab(with_added_tokens=True).values()
        _check_fits(max(token_ids, default=0), vocab_size)  # copying takes time for every id below
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        added = self.tokenizer.get_added_tokens_decoder()
        _check_fits(max(self.tokenizer.encode("").ids, default=0), vocab_size)
        self.maskable: Bool[Tensor, " V"] = torch.zeros(max(token_ids) + 1, dtype=torch.bool)
        self.maskable[list(token_ids)] = True
        self.maskable[[i for i, token in added.items() if token.special]] = False

    @classmethod
    def train(
        cls, texts: Iterable[str], vocab_size: int, lowercase: bool = True
    ) -> "WordPieceTokenizer":
        """Learn a vocabulary: begin with the letters, and merge the most frequent pairs.

        Args:
            texts: The training data.
            vocab_size: Tokens in the vocabulary, the special ones included.
            lowercase: Whether the tokenizer ignores upper case and accents.

        Raises:
            BadInput: A word is too long to learn from.
        """
        normalizer, pre_tokenizer = BertNormalizer(lowercase=lowercase), BertPreTokenizer()
        words: Counter[str] = Counter()
        for text in texts:
            found = pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text))
            words.update(word for word, _ in found)
        refuse_long_words(words)
        # The trainer gives letters their ids in an order that differs from run to run, and breaks
        # ties between pairs by these ids. A fixed order of the letters makes training reproducible.
        letters = {word[0] for word in words} | {f"##{c}" for word in words for c in word[1:]}
        trainer = WordPieceTrainer(
            vocab_size=vocab_size,
            special_tokens=SPECIAL_TOKENS + sorted(letters),
            show_progress=False,
        )
        learned = Tokenizer(WordPiece(unk_token="[UNK]"))
        learned.pre_tokenizer = WhitespaceSplit()
        learned.train_from_iterator(words.elements(), trainer)
        tokenizer = Tokenizer(WordPiece(learned.get_vocab(), unk_token="[UNK]"))
        tokenizer.add_special_tokens(SPECIAL_TOKENS)
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
        tokenizer.decoder = decoders.WordPiece()
        template = [(token, SPECIAL_TOKENS.index(token)) for token in ("[CLS]", "[SEP]")]
        tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=template
        )
        return cls(tokenizer)

    def __len__(self) -> int:
        return len(self.maskable)

    @property
    def mask_id(self) -> int:
        """The id of `[MASK]`.

        Raises:
            BadInput: The vocabulary has no `[MASK]`.
        """
        token_id = self.tokenizer.token_to_id(MASK)
        if token_id is None:
            raise BadInput(f"this model's tokenizer has no {MASK} token")
        return int(token_id)

    @property
    def unk_id(self) -> int | None:
        """The id of `[UNK]`; None if the vocabulary has none."""
        return self.tokenizer.token_to_id("[UNK]")

    def lowercased(self) -> "WordPieceTokenizer":
        """The same vocabulary, for texts that are lowercased first."""
        copy = WordPieceTokenizer(self.tokenizer)
        own = copy.tokenizer.normalizer
        copy.tokenizer.normalizer = normalizers.Sequence([Lowercase(), *([own] if own else [])])
        return copy

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """The token ids of a text, between those of `[CLS]` and `[SEP]`.

        Args:
            text: Any text.
            allow_special: Whether `[MASK]` in the text is the special token. If not, it is the word
                "mask" in brackets.
        """
        self.tokenizer.encode_special_tokens = not allow_special
        return list(self.tokenizer.encode(text).ids)

    def windows(self, text: str, max_len: int) -> list[list[int]]:
        """Split the token ids of a text into windows of at most `max_len`, special tokens included.

        Each window begins with `[CLS]` and ends with `[SEP]`.

        Raises:
            BadInput: `max_len` leaves no room for a token between them.
        """
        self.tokenizer.encode_special_tokens = True
        content = list(self.tokenizer.encode(text, add_special_tokens=False).ids)
        ids = self.encode(text)
        if len(ids) <= max_len:
            return [ids]
        prefix, suffix = _around(ids, content)
        room = max_len - len(prefix) - len(suffix)
        if room < 1:
            raise BadInput(f"no text fits into {max_len} tokens, special tokens included")
        return [prefix + content[i : i + room] + suffix for i in range(0, len(content), room)]

    def token(self, token_id: int) -> str:
        """The token with this id; a subword that continues a word keeps its `##`."""
        return str(self.tokenizer.id_to_token(token_id))

    def replace_masks(self, text: str, tokens: Iterable[str]) -> str:
        """The text with its `[MASK]`s replaced by these tokens, one each, from left to right.

        A subword that begins with `##` is joined to the word before it.
        """
        for token in tokens:
            before, _, after = text.partition(MASK)
            continues = token.startswith("##") and before.strip()
            text = before.rstrip() + token[2:] + after if continues else before + token + after
        return text


def _around(ids: list[int], content: list[int]) -> tuple[list[int], list[int]]:
    """The special tokens before `content` and after it."""
    start = next(i for i in range(len(ids)) if ids[i : i + len(content)] == content)
    return ids[:start], ids[start + len(content) :]


def _check_fits(largest: int, vocab_size: int | None) -> None:
    """Refuse a token id for which a model of this vocabulary size has no embedding."""
    if vocab_size is not None and largest >= vocab_size:
        raise BadInput(
            f"the tokenizer has the token id {largest:,}, but the model has embeddings for "
            f"{vocab_size:,} tokens: they don't belong together"
        )
