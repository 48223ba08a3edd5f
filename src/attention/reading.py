"""A reader: a BERT with its vocabulary. It learns to fill gaps, and to know a text by a part of it.

The first makes it understand words, the second makes its embeddings worth searching.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from attention.batches import batches_by_length, pad
from attention.corpora.prose import plain, read_texts
from attention.embedding import contrastive_loss, pool
from attention.errors import BadInput
from attention.masking import hide, masking_loss
from attention.models.bert import BERT, BERTConfig
from attention.shapes import Tensor
from attention.text import PAD
from attention.training import Trainer, TrainingConfig
from attention.wordpieces import WordPieces

__all__ = ["Reader", "crop", "read_paragraphs", "reading_trainer"]

FEW = 4  # words; what has fewer, in a page, is a heading or the like, which says nothing


class Reader:
    """A BERT, and the vocabulary that it reads by.

    Attributes:
        arch: What it is in the words of the command's `--arch`.
        model: The network.
        pieces: Its vocabulary.

    Raises:
        BadInput: They do not belong together.
    """

    arch = "bert"

    def __init__(self, model: BERT, pieces: WordPieces) -> None:
        if len(pieces) > model.config.vocab_size:
            raise BadInput("the tokenizer has words that the model has not: they do not belong")
        self.model, self.pieces = model.eval(), pieces
        self.model.tokenizer = pieces.tokenizer

    @classmethod
    def new(
        cls,
        arch: str,
        texts: Sequence[str],
        seed: int = 0,
        subwords: int | None = None,
        **sizes: Any,
    ) -> "Reader":
        """An untrained reader for the words of `texts`.

        Args:
            arch: There is only one, bert.
            texts: What it will read.
            seed: Draws the first weights.
            subwords: How many pieces of words it knows; 2000 unless given.
            sizes: What to change in `BERTConfig`; unless given, there are two layers here, and
                dropout is 0.1.
        """
        pieces = WordPieces.train(texts, subwords or 2000)
        torch.manual_seed(seed)
        sizes = {"n_layers": 2, "dropout": 0.1} | sizes
        return cls(BERT(BERTConfig(len(pieces), **sizes)), pieces)

    def save(self, folder: Path | str) -> None:
        """Keep it in a folder, in Hugging Face's layout."""
        self.model.save_pretrained(Path(folder))

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str]) -> "Reader":
        """One that `save` has kept, or any BERT in Hugging Face's layout.

        Args:
            path_or_name: The folder; or a model's name on the hub, like `bert-base-uncased`.

        Raises:
            BadInput: It cannot be had, is damaged, or is something else.
        """
        model = BERT.from_pretrained(path_or_name)
        if model.tokenizer is None:
            raise BadInput(f"{path_or_name}: has no tokenizer.json, so no text can be read")
        return cls(model, WordPieces(model.tokenizer))


def reading_trainer(
    reader: Reader, texts: Sequence[str], config: TrainingConfig
) -> Trainer[list[int]]:
    """Make ready to teach a reader these texts; nothing is learned until `steps()` is walked.

    The loss is a sum: how wrong it is about the words that were hidden, and how hard it finds it
    to tell, among the texts of a batch, which two parts belong to one text.

    Raises:
        BadInput: There are fewer than two texts.
    """
    model, pieces = reader.model, reader.pieces
    windows = [w for text in texts for w in pieces.windows(text, model.config.max_len)]
    if len(windows) < 2:
        raise BadInput("the text is too short to learn from: two paragraphs are needed at least")
    lengths = [len(window) for window in windows]

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        return batches_by_length(lengths, config.tokens, generator)

    def loss(rows: list[int]) -> Tensor:
        device = model.embedding.words.weight.device
        ids = pad([windows[i] for i in rows])
        seen, chosen = hide(ids, pieces.ordinary, pieces.mask)
        masked = seen.to(device), ids.to(device), chosen.to(device)
        gaps = masking_loss(model, *masked, config.smoothing)
        parts = [pad([crop(windows[i]) for i in rows]).to(device) for _ in range(2)]
        q, k = (pool(model.encode(part), part != PAD) for part in parts)
        return gaps + contrastive_loss(q, k)

    return Trainer(model, batches, loss, config)


def crop(window: Sequence[int], generator: torch.Generator | None = None) -> list[int]:
    """Keep some neighbouring words of a text, from 30% to 70% of them, wherever they stand.

    Args:
        window: The text; its first and its last number are marks, and stay.
        generator: Source of all chance; torch's own unless given.

    Source: independent cropping, Izacard et al. 2022, section 3.1.
    """
    first, *words, last = window
    share, place = torch.rand(2, generator=generator).tolist()
    size = round((0.3 + 0.4 * share) * len(words)) or min(1, len(words))
    begin = int(place * (len(words) - size + 1))
    return [first, *words[begin : begin + size], last]


def read_paragraphs(data: Sequence[str]) -> list[str]:
    """The paragraphs of a text, each in one line.

    Args:
        data: `book`, the chapters of this book; or files of text, or of Markdown if they end in
            `.md`, of which only the prose is taken.

    Raises:
        BadInput: A file cannot be used, or the book is not here; the message says why.
    """
    if list(data) == ["book"]:
        return [line for page in read_texts(data) for line in _split(page, FEW)]
    return [line for name in data for line in _paragraphs(name)]


def _paragraphs(name: str) -> list[str]:
    [text] = read_texts([name])
    if not name.lower().endswith(".md"):
        return _split(text)
    return _split(plain(re.sub(r"^ *#+ .*$", "", text, flags=re.MULTILINE)), FEW)  # no headings


def _split(text: str, least: int = 1) -> list[str]:
    lines = (" ".join(block.split()) for block in re.split(r"\n\s*\n", text))
    return [line for line in lines if len(line.split()) >= least]
