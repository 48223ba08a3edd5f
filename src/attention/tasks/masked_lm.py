"""A reader: a BERT with its vocabulary. It learns to fill gaps, and to know a text by a few words.

The first makes it understand words, the second makes its embeddings worth searching.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from attention.data.batching import pad
from attention.data.prose import Paragraph
from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig
from attention.shapes import Tensor
from attention.tasks.retrieval import contrastive_loss, pool
from attention.tokenizers.special_tokens import PAD
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.losses import hide, masked_lm_loss
from attention.training.trainer import Trainer, TrainingConfig

__all__ = ["MaskedLM", "keywords", "retrieval_trainer"]

Text = str | Paragraph
SIZES = {"n_layers": 1, "max_len": 64, "dropout": 0.1}  # a paragraph at a time; see `BERTConfig`
GAPS = 0.3  # how much the hidden words count beside the search


class MaskedLM:
    """A BERT, and the vocabulary that it reads by.

    Attributes:
        arch: What it is in the words of the command's `--arch`.
        model: The network.
        pieces: Its vocabulary.

    Raises:
        BadInput: They do not belong together.
    """

    arch = "bert"

    def __init__(self, model: BERT, pieces: WordPieceTokenizer) -> None:
        if len(pieces) > model.config.vocab_size:
            raise BadInput("the tokenizer has words that the model has not: they do not belong")
        self.model, self.pieces = model.eval(), pieces
        self.model.tokenizer = pieces.tokenizer

    @classmethod
    def new(
        cls,
        arch: str,
        texts: Sequence[Text],
        seed: int = 0,
        subwords: int | None = None,
        **sizes: Any,
    ) -> "MaskedLM":
        """An untrained reader for the words of `texts`.

        Args:
            arch: There is only one, bert.
            texts: What it will read.
            seed: Draws the first weights.
            subwords: How many pieces of words it knows; 3000 unless given.
            sizes: What to change in `BERTConfig`; unless given, there is one layer here, it reads
                64 pieces of words at a time, and dropout is 0.1.
        """
        pieces = WordPieceTokenizer.train(map(str, texts), subwords or 3000)
        torch.manual_seed(seed)
        return cls(BERT(BERTConfig(len(pieces), **(SIZES | sizes))), pieces)

    def save(self, folder: Path | str) -> None:
        """Keep it in a folder, in Hugging Face's layout."""
        self.model.save_pretrained(Path(folder))

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str]) -> "MaskedLM":
        """One that `save` has kept, or any BERT in Hugging Face's layout.

        Args:
            path_or_name: The folder; or a model's name on the hub, like `bert-base-uncased`.

        Raises:
            BadInput: It cannot be had, is damaged, or is something else.
        """
        model = BERT.from_pretrained(path_or_name)
        if model.tokenizer is None:
            raise BadInput(f"{path_or_name}: has no tokenizer.json, so no text can be read")
        return cls(model, WordPieceTokenizer(model.tokenizer))


def retrieval_trainer(
    reader: MaskedLM, texts: Sequence[Text], config: TrainingConfig
) -> Trainer[list[int]]:
    """Make ready to teach a reader these texts; nothing is learned until `steps()` is walked.

    Of each text, some words are hidden. The loss is a sum: how wrong the reader is about these
    words, and how hard it finds it to tell, from a few words of a text, which of the texts in the
    batch they are from.

    Args:
        reader: Any, best a new one for the words of these texts.
        texts: Those that it will be searched for are the best to learn from.
        config: How to train.

    Raises:
        BadInput: There are fewer than two texts.
    """
    model, pieces = reader.model, reader.pieces
    windows = [w for text in texts for w in pieces.windows(str(text), model.config.max_len)]
    if len(windows) < 2:
        raise BadInput("the text is too short to learn from: two paragraphs are needed at least")
    mean = sum(map(len, windows)) / len(windows)
    size = max(2, round(config.tokens_per_batch / mean))

    def batches(epoch: int) -> list[list[int]]:
        # Long texts and short ones together: who searches must tell them apart, too.
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        order = torch.randperm(len(windows), generator=generator)
        return [rows.tolist() for rows in order.split(size) if len(rows) > 1]

    def loss(rows: list[int]) -> Tensor:
        device = model.embedding.tokens.weight.device
        ids = pad([windows[i] for i in rows])
        seen, chosen = hide(ids, pieces.ordinary, pieces.mask)
        few = pad([keywords(windows[i]) for i in rows]).to(device)
        ids, seen, chosen = ids.to(device), seen.to(device), chosen.to(device)
        states = model.encode(seen)
        gaps = masked_lm_loss(model, states, ids, chosen, config.label_smoothing)
        found = contrastive_loss(pool(model.encode(few), few != PAD), pool(states, ids != PAD))
        return found + GAPS * gaps

    return Trainer(model, batches, loss, config)


def keywords(window: Sequence[int], generator: torch.Generator | None = None) -> list[int]:
    """A few words of a text, as somebody might type them who is looking for it.

    They are drawn from a stretch of the text, and keep their order. If the stretch is short, they
    are a quotation; if it is long, they stand for the whole.

    Args:
        window: The text; its first and its last number are marks, and stay.
        generator: Source of all chance; torch's own unless given.

    Source: after the inverse cloze task of Lee et al. 2019, section 4, which takes a sentence.
    """

    def between(least: int, most: int) -> int:
        return int(torch.randint(least, most + 1, (), generator=generator))

    first, *words, last = window
    count = between(min(3, len(words)), min(12, len(words)))
    width = between(count, len(words))
    begin = between(0, len(words) - width)
    places = torch.randperm(width, generator=generator)[:count].sort().values
    return [first, *(words[begin + i] for i in places.tolist()), last]
