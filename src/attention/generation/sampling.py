"""Sampling: tokens drawn from a model's next-token distribution, one at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from attention.errors import BadInput
from attention.generation.beam_search import Autoregressive
from attention.shapes import Float, Int, Tensor

__all__ = ["Sampler", "Uncached", "generate", "stream"]


@dataclass(frozen=True)
class Sampler:
    """Samples from the next-token distribution, reshaped by temperature, top-k and top-p.

    Attributes:
        temperature: Divides the logits: below 1 the distribution gets sharper, above 1 flatter;
            0 always takes the most probable token.
        top_k: Only the `top_k` most probable tokens can be sampled; all unless given.
        top_p: Of those, only the nucleus can: the fewest tokens whose probabilities sum to at
            least `top_p`; all unless given.
        generator: Source of randomness, on any device: one on the CPU samples the same tokens
            wherever the logits are. Unless given, torch's own, on the device of the logits.

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
            raise BadInput(f"temperature {self.temperature}: must be 0 or a positive number")
        if self.top_k is not None and self.top_k < 1:
            raise BadInput(f"top-k {self.top_k}: at least one token must be left")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise BadInput(f"top-p {self.top_p}: must be a probability above 0")

    def __call__(self, logits: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
        """Sample a token for each row of logits."""
        if self.temperature == 0:
            return logits.argmax(dim=-1)
        try:
            where = logits.device if self.generator is None else self.generator.device
            probabilities = self.probabilities(logits).to(where)
            sampled = torch.multinomial(probabilities, 1, generator=self.generator)
        except RuntimeError as error:  # not a number
            raise BadInput(f"the model's logits are no distribution ({error})") from error
        return sampled.squeeze(-1).to(logits.device)

    def probabilities(self, logits: Float[Tensor, "*B V"]) -> Float[Tensor, "*B V"]:
        """The probability of each token to be sampled."""
        logits = logits.float() - logits.amax(dim=-1, keepdim=True)
        logits = logits / max(self.temperature, 1e-30)  # below that float32 would overflow
        if self.top_k is not None:
            logits = _top_k(logits, self.top_k)
        if self.top_p is not None and self.top_p < 1:
            logits = _nucleus(logits, self.top_p)
        return logits.softmax(dim=-1)


def generate(
    model: Autoregressive,
    ids: Int[Tensor, "B T"],
    max_new_tokens: int,
    sampler: Sampler | None = None,
    eos_ids: Sequence[int] = (),
) -> Int[Tensor, "B _"]:
    """Continue each prompt by up to `max_new_tokens` tokens.

    Args:
        model: A causal language model in evaluation mode, such as a `GPT`.
        ids: The prompts, all of one length, of at least one token.
        max_new_tokens: The most tokens to generate for each.
        sampler: How each token is sampled; `Sampler()` unless given.
        eos_ids: The tokens that end a text; after one of them a text is filled up with it.

    Returns:
        The prompts and their continuations.

    Raises:
        BadInput: A prompt is empty, or the text gets too long for the model.
    """
    new = [token.unsqueeze(1) for token in stream(model, ids, max_new_tokens, sampler, eos_ids)]
    return torch.cat([ids, *new], dim=1)


@torch.inference_mode()
def stream(
    model: Autoregressive,
    ids: Int[Tensor, "B T"],
    max_new_tokens: int,
    sampler: Sampler | None = None,
    eos_ids: Sequence[int] = (),
) -> Iterator[Int[Tensor, " B"]]:
    """The same as `generate`, but yields each token as soon as it is sampled."""
    if not ids.size(1):
        raise BadInput("an empty prompt: give at least one token")
    sampler = sampler or Sampler()
    eos = torch.tensor(eos_ids, dtype=torch.long, device=ids.device)
    if max_new_tokens < 1:
        return
    logits, state = model.prefill(ids, max_new_tokens)
    token = sampler(logits)
    yield token
    done = torch.isin(token, eos)
    for _ in range(max_new_tokens - 1):
        if done.all():
            break
        logits, state = model.decode_step(token, state)
        token = torch.where(done, token, sampler(logits))
        yield token
        done = done | torch.isin(token, eos)


class Uncached:
    """A model without a KV cache: it processes the whole text again for every token.

    Args:
        model: From token ids, next-token logits for every position.
    """

    def __init__(self, model: Callable[[Int[Tensor, "B T"]], Float[Tensor, "B T V"]]) -> None:
        self.model = model

    def prefill(
        self, ids: Int[Tensor, "B T"], max_new_tokens: int
    ) -> tuple[Float[Tensor, "B V"], Int[Tensor, "B T"]]:
        """The first new token's logits; the state is the text itself."""
        return self.model(ids)[:, -1], ids

    def decode_step(
        self, token: Int[Tensor, " B"], state: Int[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B V"], Int[Tensor, "B _"]]:
        """The logits of the token after `token`, and the text with `token` at its end."""
        ids = torch.cat([state, token.unsqueeze(1)], dim=1)
        return self.model(ids)[:, -1], ids


def _top_k(logits: Float[Tensor, "*B V"], k: int) -> Float[Tensor, "*B V"]:
    """The `k` highest logits; minus infinity elsewhere."""
    best = logits.topk(min(k, logits.size(-1)), dim=-1)
    return torch.full_like(logits, -math.inf).scatter(-1, best.indices, best.values)


def _nucleus(logits: Float[Tensor, "*B V"], p: float) -> Float[Tensor, "*B V"]:
    """The highest logits until their probabilities sum to `p`; minus infinity elsewhere."""
    logits, order = logits.sort(dim=-1, descending=True)
    probabilities = logits.softmax(dim=-1)
    above = probabilities.cumsum(dim=-1) - probabilities  # of the more probable tokens together
    logits = logits.masked_fill(above >= p, -math.inf)
    return torch.full_like(logits, -math.inf).scatter(-1, order, logits)
