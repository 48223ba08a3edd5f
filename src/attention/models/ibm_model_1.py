"""IBM Model 1: word-by-word translation with a table of translation probabilities.

The statistical translators of the 1990s began here. The table is estimated from sentence pairs by
`attention.training.expectation_maximisation`.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from attention.shapes import Float, Int, Tensor
from attention.tokenizers.special_tokens import EOS, UNK

__all__ = ["IBMModel1", "IBMModel1Config", "TranslationTable"]

NULL = (
    0  # the NULL word of every source sentence, for target words that translate none of its words
)
MIN_PROBABILITY = 1e-3  # entries below it are left out of a model's table


@dataclass(frozen=True)
class IBMModel1Config:
    """The dimensions of an `IBMModel1`.

    Attributes:
        source_vocab_size: Words in the source vocabulary.
        target_vocab_size: Words in the target vocabulary.
        entries: Entries of the translation table; an untrained model has none.
    """

    source_vocab_size: int
    target_vocab_size: int
    entries: int = 0


class TranslationTable(NamedTuple):
    """The translation probabilities t(target word | source word).

    Attributes:
        entries: Pairs (source word, target word), sorted.
        probability: Of each pair's target word given its source word; those of one source word sum
            to one.
    """

    entries: Int[Tensor, "N 2"]
    probability: Float[Tensor, " N"]


class State(NamedTuple):
    """The translation of each source word, and the position of the next."""

    translation: Int[Tensor, "B S+1"]
    position: Int[Tensor, " B"]


class IBMModel1(nn.Module):
    """Translates each source word by its most probable translation, in the order of the source.

    A word that the table doesn't have is translated as `<unk>`. Of several equally probable
    translations the one with the smallest id, that of the more frequent word as a rule, is taken.

    Source: Brown et al. 1993, section 4.1.
    """

    alignment_layer = None  # no layer has attention weights: see `align`

    def __init__(self, config: IBMModel1Config) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("entries", torch.zeros(config.entries, 2, dtype=torch.long))
        self.register_buffer("probability", torch.zeros(config.entries, dtype=torch.double))
        self.entries: Tensor
        self.probability: Tensor

    def set_table(self, table: TranslationTable) -> None:
        """Replace the translation table, leaving out entries below a probability of 0.001."""
        kept = table.probability >= MIN_PROBABILITY
        self.entries = table.entries[kept].to(self.entries.device)
        self.probability = table.probability[kept].to(self.probability.device)
        self.config = replace(self.config, entries=int(kept.sum()))

    def most_probable(self, source: Int[Tensor, "B S"]) -> Int[Tensor, "B S"]:
        """The most probable translation of each source word."""
        best = torch.full((self.config.source_vocab_size,), UNK, device=source.device)
        order = self.probability.argsort(stable=True, descending=True)
        words = self.entries[order, 0]
        first = words.unique()
        # In this order a source word first occurs with its most probable translation.
        rank = torch.full_like(best, len(order)).scatter_reduce(
            0, words, torch.arange(len(order), device=source.device), "amin"
        )
        best[first] = self.entries[order[rank[first]], 1]
        best[UNK] = UNK
        return best[source]

    def align(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T S"]:
        """The posterior probability that each target word (row) translates each source word.

        NULL is left out: the probabilities of a row sum to one over the words of the source. Where
        the table has no entry for a target word and any of them, it is aligned with the source word
        in the same position, or with the last one.
        """
        n_targets = self.config.target_vocab_size
        no_key = self.entries.new_full((1,), torch.iinfo(torch.long).max)  # ends an empty table too
        keys = torch.cat([self.entries[:, 0] * n_targets + self.entries[:, 1], no_key])
        sought = source.unsqueeze(1) * n_targets + target.unsqueeze(2)
        found = torch.searchsorted(keys, sought)
        joint = F.pad(self.probability, (0, 1))[found].masked_fill(keys[found] != sought, 0.0)
        joint = joint.masked_fill((source == 0).unsqueeze(1), 0.0)
        total = joint.sum(dim=-1, keepdim=True)
        same = torch.arange(target.size(1), device=source.device).expand_as(target)
        last = (source != 0).sum(dim=1, keepdim=True) - 1
        fallback = F.one_hot(torch.minimum(same, last), source.size(1))
        return torch.where(total > 0, joint / total.clamp(min=1e-30), fallback).float()

    def prefill(
        self, source: Int[Tensor, "B S"], max_new_tokens: int
    ) -> tuple[Float[Tensor, "B V"], State]:
        """Translate all words: the logits of the first position, and the state after it."""
        translation = self.most_probable(source).masked_fill(source == 0, EOS)
        end = torch.full_like(translation[:, :1], EOS)
        translation = torch.cat([translation, end], dim=1)
        return self.decode_step(end[:, 0], State(translation, torch.zeros_like(end[:, 0])))

    def decode_step(
        self, token: Int[Tensor, " B"], state: State
    ) -> tuple[Float[Tensor, "B V"], State]:
        """The logits of the next position, which are certain, and don't depend on `token`."""
        position = state.position.clamp(max=state.translation.size(1) - 1)
        following = state.translation.gather(1, position.unsqueeze(1))
        shape = len(token), self.config.target_vocab_size
        impossible = torch.full(shape, float("-inf"), device=token.device)
        return impossible.scatter(1, following, 0.0), state._replace(position=state.position + 1)
