"""Greedy search and beam search: the most probable translations under a model."""

from itertools import takewhile
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch

from attention.shapes import Bool, Float, Int, Tensor
from attention.tokenizers.special_tokens import BOS, EOS, PAD

__all__ = ["Autoregressive", "Hypothesis", "beam_search", "greedy_search", "search_hypotheses"]


@runtime_checkable
class Autoregressive(Protocol):
    """A model that generates one token at a time.

    Its state is a `KVCache`, a tensor whose first axis is the batch, or a tuple, named or not, of
    such parts.
    """

    def prefill(
        self, ids: Int[Tensor, "B S"], max_new_tokens: int, /
    ) -> tuple[Float[Tensor, "B V"], Any]:
        """Process the source or the prompt: the first token's logits, and the decoding state."""

    def decode_step(
        self, token: Int[Tensor, " B"], state: Any, /
    ) -> tuple[Float[Tensor, "B V"], Any]:
        """The logits of the token after `token`, and the state with `token` in it."""


@torch.inference_mode()
def greedy_search(
    model: Autoregressive, source: Int[Tensor, "B S"], max_lengths: int | Int[Tensor, " B"]
) -> list[list[int]]:
    """Take the most probable token at each step, until `</s>` or the maximum length.

    Args:
        max_lengths: The most tokens of a translation: one limit, or one for each sentence.

    Returns:
        The tokens of each translation, without `<s>` and `</s>`.
    """
    limits = _limits(source, max_lengths)
    steps = max(1, int(limits.max()))
    logits, state = model.prefill(source, steps)
    tokens: list[Tensor] = []
    done = limits <= 0
    for step in range(1, steps + 1):
        token = _mask_special(logits).argmax(dim=-1).masked_fill(done, PAD)
        tokens.append(token)
        done = done | (token == EOS) | (limits <= step)
        if done.all():
            break
        logits, state = model.decode_step(token, state)
    return [_until_eos(row) for row in torch.stack(tokens, dim=1).tolist()]


class Hypothesis(NamedTuple):
    """A hypothesis of beam search.

    Attributes:
        ids: Its tokens, without `<s>` and `</s>`.
        score: Its log-probability, divided by a power of its length, in which `</s>` counts.
    """

    ids: list[int]
    score: float


def beam_search(
    model: Autoregressive,
    source: Int[Tensor, "B S"],
    max_lengths: int | Int[Tensor, " B"],
    beam_size: int = 5,
    length_penalty: float = 1.0,
) -> list[list[int]]:
    """The tokens of the best hypothesis that `search_hypotheses` finds for each sentence."""
    found = search_hypotheses(model, source, max_lengths, beam_size, length_penalty)
    return [hypotheses[0].ids for hypotheses in found]


@torch.inference_mode()
def search_hypotheses(
    model: Autoregressive,
    source: Int[Tensor, "B S"],
    max_lengths: int | Int[Tensor, " B"],
    beam_size: int = 5,
    length_penalty: float = 1.0,
) -> list[list[Hypothesis]]:
    """Extend the `beam_size` best hypotheses at each step, and return the complete ones.

    Args:
        max_lengths: The most tokens of a translation: one limit, or one for each sentence.
        beam_size: Hypotheses kept for each sentence.
        length_penalty: The exponent of the length by which a hypothesis's log-probability is
            divided, so that long ones are not at a disadvantage: 0 compares sums, 1 means.

    Returns:
        The hypotheses of each sentence, the best first; those without `</s>` only where none has
        it.

    Source: Graves 2012, section 2.6; length normalisation: Wu et al. 2016, section 7.
    """
    n, limits = source.size(0), _limits(source, max_lengths).unsqueeze(1)
    steps = max(1, int(limits.max()))
    logits, state = model.prefill(source, steps)
    copies = torch.arange(n, device=source.device).repeat_interleave(beam_size)
    logits, state = logits[copies], _reorder(state, copies)
    tokens = source.new_zeros(n, beam_size, 0)
    log_probability = logits.new_full((n, beam_size), float("-inf"), dtype=torch.float)
    log_probability[:, 0] = 0.0  # the hypotheses start out equal: only one may be extended
    done = (limits <= 0).expand(n, beam_size)
    for step in range(1, steps + 1):
        extended = log_probability.unsqueeze(-1) + _extensions(logits, done)  # (n, beam_size, V)
        lengths = (tokens != PAD).sum(dim=-1) + (~done).long()
        ranks = extended / lengths.clamp(min=1).unsqueeze(-1) ** length_penalty
        best = ranks.flatten(1).topk(beam_size).indices  # (n, beam_size)
        parent, token = best // extended.size(-1), best % extended.size(-1)
        log_probability = extended.flatten(1).gather(1, best)
        tokens = tokens.gather(1, parent.unsqueeze(-1).expand(-1, -1, tokens.size(-1)))
        tokens = torch.cat([tokens, token.unsqueeze(-1)], dim=-1)
        complete = done.gather(1, parent) | (token == EOS)
        done = complete | (limits <= step)
        if done.all() or step == steps:
            break
        rows = torch.arange(n, device=source.device).unsqueeze(1) * beam_size + parent
        logits, state = model.decode_step(token.flatten(), _reorder(state, rows.flatten()))
    return _ranked(tokens, log_probability, length_penalty)


def _limits(source: Int[Tensor, "B S"], max_lengths: int | Int[Tensor, " B"]) -> Int[Tensor, " B"]:
    return torch.as_tensor(max_lengths, device=source.device).expand(source.size(0))


def _mask_special(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    """Never generate padding or `<s>`."""
    special = torch.tensor([PAD, BOS], device=logits.device)
    return logits.index_fill(-1, special, float("-inf"))


def _extensions(logits: Float[Tensor, "N V"], done: Bool[Tensor, "B _"]) -> Float[Tensor, "B _ V"]:
    """The log-probability of each next token; a finished hypothesis can only be padded."""
    scores = _mask_special(logits).float().log_softmax(dim=-1).unflatten(0, done.shape)
    scores = scores.masked_fill(done.unsqueeze(-1), float("-inf"))
    scores[..., PAD].masked_fill_(done, 0.0)
    return scores


def _reorder(state: Any, rows: Int[Tensor, " N"]) -> Any:
    """Keep these rows of every tensor in a decoding state, however deeply it is nested."""
    if isinstance(state, Tensor):
        return state[rows]
    if not isinstance(state, tuple):
        return state.reorder(rows)
    parts = [_reorder(part, rows) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _ranked(
    tokens: Int[Tensor, "B N T"], log_probability: Float[Tensor, "B N"], length_penalty: float
) -> list[list[Hypothesis]]:
    """The complete hypotheses of each sentence by score; all of them where none is complete."""
    scores = log_probability / (tokens != PAD).sum(dim=-1).clamp(min=1) ** length_penalty
    complete = (tokens == EOS).any(dim=-1) & (log_probability > float("-inf"))
    eligible = complete | ~complete.any(dim=1, keepdim=True)
    best = scores.masked_fill(~eligible, float("-inf")).sort(dim=1, descending=True, stable=True)
    rows = torch.arange(len(tokens), device=tokens.device).unsqueeze(1)
    ranked = zip(tokens[rows, best.indices].tolist(), best.values.tolist(), strict=True)
    return [
        [
            Hypothesis(_until_eos(ids), score)
            for ids, score in zip(hypotheses, values, strict=True)
            if score != float("-inf")  # the beam can be wider than there are hypotheses
        ]
        for hypotheses, values in ranked
    ]


def _until_eos(ids: list[int]) -> list[int]:
    return list(takewhile(lambda i: i not in (EOS, PAD), ids))
