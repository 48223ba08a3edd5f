"""From scores to sentences: take the best word each time, or keep several beginnings alive."""

from itertools import takewhile
from typing import Any, Protocol, runtime_checkable

import torch

from attention.shapes import Float, Int, Tensor
from attention.tokenizers.special_tokens import BOS, EOS, PAD

__all__ = ["Autoregressive", "beam_search", "greedy"]


@runtime_checkable
class Autoregressive(Protocol):
    """A model that writes one word at a time.

    Its state is a tuple, named or not, of tensors whose first axis is the batch, or of such tuples.
    """

    def start(self, source: Int[Tensor, "B S"], /) -> Any:
        """Read the source, or the text to continue; the state before the first word to come."""

    def step(self, word: Int[Tensor, "B"], state: Any) -> tuple[Float[Tensor, "B V"], Any]:
        """Scores of the next word after `word`, and the state with `word` in it."""


@torch.inference_mode()
def greedy(model: Autoregressive, source: Int[Tensor, "B S"], max_len: int) -> list[list[int]]:
    """Write the likeliest word each time, until `</s>` or `max_len` words.

    Returns:
        The words of each translation, without `<s>` and `</s>`.
    """
    state = model.start(source)
    word = source.new_full((source.size(0),), BOS)
    done = torch.zeros_like(word, dtype=torch.bool)
    written = []
    for _ in range(max_len):
        logits, state = model.step(word, state)
        word = _writable(logits).argmax(dim=-1).masked_fill(done, PAD)
        done = done | (word == EOS)
        written.append(word)
        if done.all():
            break
    return [_until_end(row) for row in torch.stack(written, dim=1).tolist()]


@torch.inference_mode()
def beam_search(
    model: Autoregressive,
    source: Int[Tensor, "B S"],
    max_len: int,
    beam: int = 5,
    length_penalty: float = 1.0,
) -> list[list[int]]:
    """Keep the `beam` best beginnings of each translation alive, and return the best whole one.

    Args:
        length_penalty: A translation's log-probability is divided by its length to this power,
            so that long ones are not at a loss: 0 compares sums, 1 averages over the words.

    Returns:
        The words of each translation, without `<s>` and `</s>`.

    Source: Graves 2012, section 3; length normalisation: Wu et al. 2016, section 7.
    """
    n = source.size(0)
    state = _select(model.start(source), torch.arange(n).repeat_interleave(beam))
    word = source.new_full((n * beam,), BOS)
    written = word.new_zeros(n, beam, 0)
    total = torch.full((n, beam), float("-inf"), device=source.device)
    total[:, 0] = 0.0  # all beams begin alike: only one of them may speak first
    done = torch.zeros(n, beam, dtype=torch.bool, device=source.device)
    for _ in range(max_len):
        logits, state = model.step(word, state)
        chances = _writable(logits).float().log_softmax(dim=-1).unflatten(0, (n, beam))
        chances[done] = float("-inf")
        chances[..., PAD][done] = 0.0  # a finished translation can only stay as it is
        grown = total.unsqueeze(-1) + chances  # (n, beam, V)
        length = (written != PAD).sum(dim=-1) + (~done).long()
        ranks = grown / length.clamp(min=1).unsqueeze(-1) ** length_penalty
        best = ranks.flatten(1).topk(beam).indices  # (n, beam)
        parent, word = best // grown.size(-1), best % grown.size(-1)
        total = grown.flatten(1).gather(1, best)
        written = written.gather(1, parent.unsqueeze(-1).expand(-1, -1, written.size(-1)))
        written = torch.cat([written, word.unsqueeze(-1)], dim=-1)
        done = done.gather(1, parent) | (word == EOS)
        if done.all():
            break
        rows = torch.arange(n, device=source.device).unsqueeze(1) * beam + parent
        state, word = _select(state, rows.flatten()), word.flatten()
    rank = total / (written != PAD).sum(dim=-1).clamp(min=1) ** length_penalty
    finished = rank.masked_fill(~done, float("-inf"))
    winner = torch.where(done.any(dim=1, keepdim=True), finished, rank).argmax(dim=1)
    return [_until_end(written[i, best].tolist()) for i, best in enumerate(winner.tolist())]


def _writable(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    """Padding and the sign to begin are not words."""
    return logits.index_fill(-1, torch.tensor([PAD, BOS], device=logits.device), float("-inf"))


def _select(state: Any, rows: Int[Tensor, "N"]) -> Any:
    """These rows of every tensor in a state, however deep it lies."""
    if isinstance(state, Tensor):
        return state[rows]
    chosen = [_select(part, rows) for part in state]
    return type(state)(*chosen) if hasattr(state, "_fields") else tuple(chosen)


def _until_end(ids: list[int]) -> list[int]:
    return list(takewhile(lambda i: i not in (EOS, PAD), ids))
