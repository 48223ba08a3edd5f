"""Semantic search: texts as embeddings, and the texts whose embeddings are closest to a query's."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from attention.data.batching import pad
from attention.errors import BadInput
from attention.hub.download import find
from attention.hub.sentence_transformers import EmbeddingConfig, read_embedding_config
from attention.models.bert import BERT
from attention.shapes import Bool, Float, Tensor
from attention.tasks.masked_lm import MaskedLM
from attention.tokenizers.special_tokens import PAD
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.losses import cosine_similarity

__all__ = ["SearchHit", "TextEncoder", "mean_pool"]

TOKENS_PER_BATCH = 4096


def mean_pool(
    states: Float[Tensor, "B T D"], is_token: Bool[Tensor, "B T"]
) -> Float[Tensor, "B D"]:
    """Mean pooling: the mean of the hidden states of each text's tokens, without padding.

    Args:
        states: From `BERT.encode`.
        is_token: True at tokens, False at padding. A text without tokens gets zeros.

    Source: Reimers and Gurevych 2019, section 3, the MEAN strategy.
    """
    total = states.masked_fill(~is_token.unsqueeze(-1), 0.0).sum(dim=1)
    return total / is_token.sum(dim=1, keepdim=True).clamp(min=1)


def _cls_pool(
    states: Float[Tensor, "B T D"], is_token: Bool[Tensor, "B T"]
) -> Float[Tensor, "B D"]:
    return states[:, 0]


def _max_pool(
    states: Float[Tensor, "B T D"], is_token: Bool[Tensor, "B T"]
) -> Float[Tensor, "B D"]:
    return states.masked_fill(~is_token.unsqueeze(-1), -torch.inf).amax(dim=1)


_POOLING = {"mean": mean_pool, "cls": _cls_pool, "max": _max_pool}


@dataclass(frozen=True)
class SearchHit:
    """A search result: the index of a text in the list that was searched, and its similarity."""

    index: int
    score: float


class TextEncoder:
    """A BERT that turns each text into one vector, its embedding.

    Args:
        model: A BERT, best one that was trained to be searched with.
        tokenizer: Its tokenizer.
        config: How texts are embedded and compared; by mean pooling and cosine similarity, without
            prompts, if not given.

    Attributes:
        model: The BERT, in evaluation mode.
        tokenizer: Its tokenizer, which lowercases if `config` says so.
        config: As given.
    """

    def __init__(
        self, model: BERT, tokenizer: WordPieceTokenizer, config: EmbeddingConfig | None = None
    ) -> None:
        self.model, self.config = model.eval(), config or EmbeddingConfig()
        self.tokenizer = tokenizer.lowercased() if self.config.lowercase else tokenizer

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str]) -> "TextEncoder":
        """Load a model that `MaskedLM.save` has written, or any BERT in Hugging Face's layout.

        A folder of the Sentence Transformers library gives the embeddings that the library gives.

        Args:
            path_or_name: The folder, or a model's name on the hub, such as
                `BAAI/bge-small-en-v1.5`.

        Raises:
            BadInput: It can't be found, is damaged, or is not supported.
        """
        folder = find(path_or_name)
        config = read_embedding_config(folder)
        loaded = MaskedLM.load(folder)
        return cls(loaded.model, loaded.tokenizer, config)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], prompt: str | None = None) -> Float[Tensor, "B D"]:
        """The embedding of each text.

        A text that is too long is truncated, or embedded in windows, whose embeddings are averaged
        over all their tokens: see `EmbeddingConfig.max_seq_length`.

        Args:
            texts: Any texts.
            prompt: Prepended to each; `config.default_prompt` if not given.
        """
        prompt = self.config.default_prompt if prompt is None else prompt
        windows = [(i, ids) for i, text in enumerate(texts) for ids in self._windows(prompt + text)]
        windows.sort(key=lambda window: len(window[1]))  # similar lengths: little padding
        longest = len(windows[-1][1]) if windows else 1
        weight = self.model.embedding.tokens.weight
        dtype = torch.promote_types(weight.dtype, torch.float32)  # half precision can't hold sums
        total = weight.new_zeros(len(texts), weight.size(1), dtype=dtype)
        count = weight.new_zeros(len(texts), 1, dtype=dtype)
        size = max(1, TOKENS_PER_BATCH // longest)
        for start in range(0, len(windows), size):
            batch = windows[start : start + size]
            rows = torch.tensor([i for i, _ in batch], device=weight.device)
            vectors, lengths = self._pool([ids for _, ids in batch])
            total.index_add_(0, rows, vectors.to(dtype) * lengths)
            count.index_add_(0, rows, lengths.to(dtype))
        mean = (total / count.clamp(min=1)).to(weight.dtype)
        return F.normalize(mean, dim=-1) if self.config.normalize else mean

    def search(self, query: str, texts: Sequence[str], top: int | None = None) -> list[SearchHit]:
        """The `top` texts most similar to `query`, the most similar first; all texts if not given.

        Raises:
            BadInput: The query is empty.
        """
        if not query.strip():
            raise BadInput("an empty query: there is nothing to search for")
        return self.rank(query, self.embed(texts, self.config.document_prompt), top)

    def rank(
        self, query: str, documents: Float[Tensor, "B D"], top: int | None = None
    ) -> list[SearchHit]:
        """The same for texts that are embedded already, as documents: see `indexed_embeddings`."""
        queries = self.embed([query], self.config.query_prompt)
        scores = self._similarity(queries, documents).squeeze(0).float()
        best = scores.sort(descending=True, stable=True)
        hits = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [SearchHit(index, score) for index, score in hits][:top]

    def _windows(self, text: str) -> list[list[int]]:
        """The token ids that the model reads of a text."""
        max_len, limit = self.model.config.max_len, self.config.max_seq_length
        if limit is None:
            return self.tokenizer.windows(text, max_len)
        return self.tokenizer.windows(text, min(limit, max_len))[:1]

    def _pool(self, windows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """The pooled vector of each window, and the number of its tokens."""
        ids = pad(windows).to(self.model.embedding.tokens.weight.device)
        is_token = ids != PAD
        vectors = _POOLING[self.config.pooling](self.model.encode(ids), is_token)
        return vectors, is_token.sum(dim=1, keepdim=True)

    def _similarity(self, queries: Tensor, documents: Tensor) -> Tensor:
        if self.config.similarity == "dot":
            return queries @ documents.T
        return cosine_similarity(queries, documents)
