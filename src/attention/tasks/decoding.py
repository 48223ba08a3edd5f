"""Decoding source sentences in batches: how to search, and the hypotheses with their alignments."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import torch

from attention.generation.beam_search import Hypothesis, greedy_search, search_hypotheses
from attention.shapes import Float, Int, Tensor
from attention.tasks.alignments import batches_of_sources, has_alignment, soft_alignments
from attention.tokenizers.special_tokens import UNK

__all__ = ["Aligned", "Candidate", "Search", "decode", "in_order"]

T = TypeVar("T")


@dataclass(frozen=True)
class Search:
    """How translations are searched for.

    Attributes:
        beam_size: Hypotheses that beam search keeps; 1 is greedy search.
        n_best: Hypotheses that are returned for each sentence, with their scores; None for the best
            alone.
        length_penalty: Exponent of the length that divides a hypothesis's log-probability.
        max_length: The most tokens of a source; those after them are ignored. None for all.
    """

    beam_size: int = 1
    n_best: int | None = None
    length_penalty: float = 1.0
    max_length: int | None = None

    def __call__(
        self, model: Any, source: Int[Tensor, "B S"], max_lengths: Int[Tensor, " B"]
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each source, the best first; greedy search gives them no score."""
        if self.beam_size == 1 and self.n_best is None:
            greedy = greedy_search(model, source, max_lengths)
            return [[Hypothesis(ids, float("nan"))] for ids in greedy]
        found = search_hypotheses(model, source, max_lengths, self.beam_size, self.length_penalty)
        return [hypotheses[: self.n_best or 1] for hypotheses in found]


@dataclass(frozen=True)
class Candidate:
    """One of the best hypotheses of beam search, as a sentence.

    Attributes:
        text: The sentence.
        target: Its tokens.
        score: Its log-probability, normalised by its length.
    """

    text: str
    target: list[str]
    score: float


class Aligned(NamedTuple):
    """A hypothesis, and its soft alignment with the source; None if the model has no attention."""

    hypothesis: Hypothesis
    weights: Float[Tensor, "T S"] | None

    def tokens(self, source: Sequence[str], tokenizer: Any) -> list[str]:
        """The target tokens; in place of `<unk>`, the source token that it attends to most.

        Args:
            tokenizer: Of the target language.

        Source: Luong, Sutskever et al. 2015, where an unknown word is copied.
        """
        ids, tokens = self.hypothesis.ids, tokenizer.tokens(self.hypothesis.ids)
        if self.weights is not None:
            for t, (token, row) in enumerate(zip(ids, self.weights, strict=True)):
                tokens[t] = source[int(row.argmax())] if token == UNK else tokens[t]
        return tokens


def decode(
    model: Any, sources: Sequence[list[int]], search: Search, device: torch.device
) -> Iterator[tuple[int, list[Aligned]]]:
    """Translate sources of similar length together, the shortest first.

    A translation ends after twice as many tokens as its source has, and ten more, if it has not
    ended before.

    Yields:
        The index of a source, and its hypotheses, as soon as its batch is done; an empty source
        has none.
    """
    yield from ((i, []) for i, source in enumerate(sources) if not source)
    for rows, source in batches_of_sources(sources, len(sources), device, search.beam_size):
        max_lengths = torch.tensor([2 * len(sources[i]) + 10 for i in rows])
        found = search(model, source, max_lengths)
        flat = [(i, each) for i, row in zip(rows, found, strict=True) for each in row]
        weights: Sequence[Tensor | None] = [None] * len(flat)
        if has_alignment(model):
            targets = [each.ids for _, each in flat]
            weights = soft_alignments(
                model, [sources[i] for i, _ in flat], targets, len(rows), device
            )
        aligned = map(Aligned, (each for _, each in flat), weights)
        for i, row in zip(rows, found, strict=True):
            yield i, [next(aligned) for _ in row]


def in_order(indexed: Iterable[tuple[int, T]]) -> Iterator[T]:
    """The items in the order of their indices, each as soon as it and all before it are there."""
    waiting: dict[int, T] = {}
    following = 0
    for index, item in indexed:
        waiting[index] = item
        while following in waiting:
            yield waiting.pop(following)
            following += 1
