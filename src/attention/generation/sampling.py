"""Writing on: one word after another, drawn by chance from those that a model finds likely."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch

from attention.errors import BadInput
from attention.generation.beam_search import Autoregressive
from attention.shapes import Float, Int, Tensor

__all__ = ["Sampler", "Uncached", "generate", "write"]


@dataclass(frozen=True)
class Sampler:
    """How the next word is chosen: by chance, but not from everything that has a chance.

    Attributes:
        temperature: Below 1 the likely words become likelier still, above 1 all become more
            alike; at 0 the likeliest word is always taken.
        top_k: Only this many words, the likeliest, can be drawn; all unless given.
        top_p: Of those, only the fewest that together have this probability; all unless given.
        generator: Source of all chance, on the device of the scores; torch's own unless given.

    Raises:
        BadInput: One of them is out of its range.

    Source: top-k: Fan et al. 2018; top-p: Holtzman et al. 2019, section 3.1.
    """

    temperature: int | float = 1.0
    top_k: int | None = None
    top_p: int | float | None = None
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise BadInput(f"temperature {self.temperature}: not a number from 0 up")
        if self.top_k is not None and self.top_k < 1:
            raise BadInput(f"top-k {self.top_k}: at least one word must be left")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise BadInput(f"top-p {self.top_p}: not a probability above 0")

    def __call__(self, logits: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
        """Choose a word for each row of scores."""
        if self.temperature == 0:
            return logits.argmax(dim=-1)
        try:
            drawn = torch.multinomial(self.chances(logits), 1, generator=self.generator)
        except RuntimeError as error:  # not a number
            raise BadInput(f"the model's scores leave nothing to choose ({error})") from error
        return drawn.squeeze(-1)

    def chances(self, logits: Float[Tensor, "*B V"]) -> Float[Tensor, "*B V"]:
        """The probability of each word to be drawn."""
        logits = logits.float() - logits.amax(dim=-1, keepdim=True)
        logits = logits / max(self.temperature, 1e-30)  # as good as 0, and float32 can divide by it
        if self.top_k is not None:
            logits = _best(logits, self.top_k)
        if self.top_p is not None and self.top_p < 1:
            logits = _nucleus(logits, self.top_p)
        return logits.softmax(dim=-1)


def generate(
    model: Autoregressive,
    ids: Int[Tensor, "B T"],
    tokens: int,
    sampler: Sampler | None = None,
    end: int | None = None,
) -> Int[Tensor, "B _"]:
    """Continue each text by up to `tokens` words.

    Args:
        model: What scores the words that could follow; a `GPT`, say, that is set to `eval()`.
        ids: The beginnings, all of one length, of one word at least.
        tokens: The most words to write.
        sampler: How each is chosen; `Sampler()` unless given.
        end: The word that ends a text; whatever would follow it is this word again.

    Returns:
        The beginnings and what follows them.

    Raises:
        BadInput: There is no beginning, or the text outgrows the model.
    """
    written = [word.unsqueeze(1) for word in write(model, ids, tokens, sampler, end)]
    return torch.cat([ids, *written], dim=1)


@torch.inference_mode()
def write(
    model: Autoregressive,
    ids: Int[Tensor, "B T"],
    tokens: int,
    sampler: Sampler | None = None,
    end: int | None = None,
) -> Iterator[Int[Tensor, " B"]]:
    """The same as `generate`, but each word is given out as soon as it is chosen."""
    if not ids.size(1):
        raise BadInput("no beginning: give one word at least")
    sampler = sampler or Sampler()
    state, word = model.start(ids[:, :-1]), ids[:, -1]
    done = torch.zeros_like(word, dtype=torch.bool)
    for _ in range(tokens):
        logits, state = model.step(word, state)
        word = sampler(logits)
        if end is not None:
            word = word.masked_fill(done, end)
            done = done | (word == end)
        yield word
        if done.all():
            break


class Uncached:
    """A model that keeps nothing: it reads the whole text again for each word, and writes the same.

    Args:
        model: Given the text so far, it scores at each place the words that could follow.
    """

    def __init__(self, model: Callable[[Int[Tensor, "B T"]], Float[Tensor, "B T V"]]) -> None:
        self.model = model

    def start(self, ids: Int[Tensor, "B T"]) -> "Text":
        """Remember the beginning, and nothing about it."""
        return Text(ids)

    def step(self, word: Int[Tensor, " B"], state: "Text") -> tuple[Float[Tensor, "B V"], "Text"]:
        """Score the words that could follow `word`, and the text with it."""
        ids = torch.cat([state.ids, word.unsqueeze(1)], dim=1)
        return self.model(ids)[:, -1], Text(ids)


class Text(NamedTuple):
    """The words so far."""

    ids: Int[Tensor, "B T"]


def _best(logits: Float[Tensor, "*B V"], k: int) -> Float[Tensor, "*B V"]:
    """The `k` highest; minus infinity elsewhere."""
    best = logits.topk(min(k, logits.size(-1)), dim=-1)
    return torch.full_like(logits, -math.inf).scatter(-1, best.indices, best.values)


def _nucleus(logits: Float[Tensor, "*B V"], p: float) -> Float[Tensor, "*B V"]:
    """The highest until their probabilities sum to `p`; minus infinity elsewhere."""
    logits, order = logits.sort(dim=-1, descending=True)
    chances = logits.softmax(dim=-1)
    before = chances.cumsum(dim=-1) - chances  # what the likelier words have together
    logits = logits.masked_fill(before >= p, -math.inf)
    return torch.full_like(logits, -math.inf).scatter(-1, order, logits)
