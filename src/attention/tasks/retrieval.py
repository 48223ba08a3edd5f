"""A text as one vector, so that texts about the same thing lie side by side, and can be found."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import torch
from torch.nn import functional as F

from attention.data.batching import pad
from attention.errors import BadInput
from attention.models.bert import BERT
from attention.shapes import Bool, Float, Tensor
from attention.tokenizers.special_tokens import PAD
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.trainer import Trainer, TrainingConfig

__all__ = [
    "SearchHit",
    "contrastive_loss",
    "contrastive_trainer",
    "embed",
    "pool",
    "search",
    "similarity",
]

TOKENS = 4096  # in a batch that is only read, about

Item = TypeVar("Item")


def pool(states: Float[Tensor, "B T D"], real: Bool[Tensor, "B T"]) -> Float[Tensor, "B D"]:
    """The mean of what a model made of each real word; padding has no say.

    Args:
        states: From `BERT.encode`.
        real: True where there is a word, False where there is padding.

    Source: Reimers and Gurevych 2019, section 3, the MEAN strategy.
    """
    total = states.masked_fill(~real.unsqueeze(-1), 0.0).sum(dim=1)
    return total / real.sum(dim=1, keepdim=True).clamp(min=1)


def similarity(q: Float[Tensor, "T D"], k: Float[Tensor, "S D"]) -> Float[Tensor, "T S"]:
    """The cosine of the angle between each query and each key: 1 where they point the same way."""
    return F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T


def contrastive_loss(
    q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], temperature: float = 0.05
) -> Float[Tensor, ""]:
    """How hard it is to tell each query's own key from the keys of the others in the batch.

    Args:
        q: One text of each pair.
        k: The other; the right answer to query `i` is key `i`, and all others are wrong.
        temperature: The lower, the more it matters to beat the best of the wrong answers.

    Source: van den Oord et al. 2018, equation 4; with cosines, Gao et al. 2021, equation 1.
    """
    right = torch.arange(len(q), device=q.device)
    return F.cross_entropy(similarity(q, k) / temperature, right)


@torch.inference_mode()
def embed(model: BERT, pieces: WordPieceTokenizer, texts: Sequence[str]) -> Float[Tensor, "B D"]:
    """A vector for each text: the mean over its words.

    A text that is longer than the model can read is read in parts; the mean is over all of them.
    """
    windows = [
        (row, ids)
        for row, text in enumerate(texts)
        for ids in pieces.windows(text, model.config.max_len)
    ]
    windows.sort(key=lambda window: len(window[1]))  # little padding
    device = model.embedding.tokens.weight.device
    vectors = torch.zeros(len(texts), model.config.d_model, device=device)
    vectors, words = vectors.to(model.embedding.tokens.weight), vectors.new_zeros(len(texts), 1)
    width = max((len(ids) for _, ids in windows), default=1)
    for some in _chunks(windows, max(1, TOKENS // width)):
        rows = torch.tensor([row for row, _ in some], device=device)
        ids = pad([ids for _, ids in some]).to(device)
        count = (ids != PAD).sum(dim=1, keepdim=True)
        vectors.index_add_(0, rows, pool(model.encode(ids), ids != PAD) * count)
        words.index_add_(0, rows, count.to(words))
    return vectors / words.clamp(min=1).to(vectors)


class SearchHit(NamedTuple):
    """A text that was found: its place in the list that was searched, and its cosine."""

    place: int
    score: float


def search(
    model: BERT,
    pieces: WordPieceTokenizer,
    query: str,
    texts: Sequence[str],
    top: int | None = None,
) -> list[SearchHit]:
    """The `top` texts that are most like `query`, the best first; all unless given.

    Raises:
        BadInput: The query is empty.
    """
    if not query.strip():
        raise BadInput("an empty query: there is nothing to search for")
    vectors = embed(model, pieces, [query, *texts])
    scores = similarity(vectors[:1], vectors[1:]).squeeze(0).float()
    best = scores.sort(descending=True, stable=True)
    found = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [SearchHit(place, score) for place, score in found][:top]


def contrastive_trainer(
    model: BERT,
    pieces: WordPieceTokenizer,
    pairs: Sequence[tuple[str, str]],
    config: TrainingConfig,
    batch: int = 32,
    temperature: float = 0.05,
) -> Trainer[list[int]]:
    """Make ready to bring the two texts of each pair together, and all others apart.

    Args:
        model: Any BERT, best one that has been trained on gaps.
        pieces: Its vocabulary.
        pairs: Texts that belong together: a question and its answer, neighbouring paragraphs, the
            two languages of a sentence. Or each text twice: then the two differ by the model's
            dropout alone (SimCSE, Gao et al. 2021, section 3).
        config: How to train; `tokens` does not matter here.
        batch: Pairs in each update; each has the others' texts as wrong answers.
        temperature: See `contrastive_loss`.

    Raises:
        BadInput: There are fewer than two pairs.

    Source: Henderson et al. 2017, section 4.4, multiple negatives.
    """
    if len(pairs) < 2:
        raise BadInput(f"{len(pairs)} pairs of texts: at least two are needed, to tell them apart")
    most = model.config.max_len
    sides = [[pieces.windows(text, most)[0] for text in side] for side in zip(*pairs, strict=True)]

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        order = torch.randperm(len(pairs), generator=generator).tolist()
        # A pair that is left alone would have nothing to be told from.
        return [rows for rows in _chunks(order, max(2, batch)) if len(rows) > 1]

    def loss(rows: list[int]) -> Tensor:
        q, k = (_read(model, [side[i] for i in rows]) for side in sides)
        return contrastive_loss(q, k, temperature)

    return Trainer(model, batches, loss, config)


def _read(model: BERT, windows: Sequence[Sequence[int]]) -> Float[Tensor, "B D"]:
    ids = pad(windows).to(model.embedding.tokens.weight.device)
    return pool(model.encode(ids), ids != PAD)


def _chunks(items: list[Item], size: int) -> list[list[Item]]:
    return [items[i : i + size] for i in range(0, len(items), size)]
