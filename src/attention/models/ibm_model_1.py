"""Look each word up, and write its translation down: what people did before they had context.

The dictionary is learned from pairs of sentences by IBM Model 1. Nobody says which word belongs to
which, so every word of a translation is first shared out evenly among all words of its source, and
then, round after round, by what the last round has learned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn

from attention.shapes import Float, Int, Tensor
from attention.tokenizers.special_tokens import EOS, UNK

__all__ = ["IBMModel1", "IBMModel1Config", "TranslationTable", "expectation_maximisation"]

NULL = 0  # stands beside every source sentence, for target words that come from none of its words
RARE = 1e-3  # a dictionary leaves out what is less probable than this


@dataclass(frozen=True)
class IBMModel1Config:
    """The size of a `IBMModel1` translator.

    Attributes:
        source_vocab_size: Words that can be looked up.
        target_vocab_size: Words that can be written.
        entries: Translations in the dictionary.
    """

    source_vocab_size: int
    target_vocab_size: int
    entries: int = 0


class TranslationTable(NamedTuple):
    """How probable each translation of each word is.

    Attributes:
        entries: Pairs (source word, target word), sorted.
        probability: Of the target word, given the source word; they sum to one for each of these.
    """

    entries: Int[Tensor, "N 2"]
    probability: Float[Tensor, " N"]


def expectation_maximisation(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    probability: Float[Tensor, " N"] | None = None,
) -> Iterator[tuple[float, TranslationTable]]:
    """Learn which word translates which by expectation maximisation, a round each time you ask.

    Args:
        sources: The words of each source sentence, by number from 1.
        targets: The words of each translation.
        probability: That of the dictionary to begin with; evenly spread unless given.

    Yields:
        The log-likelihood of the translations by the dictionary that the round began with, which
        never falls; and the dictionary that it ended with.

    Source: Brown et al. 1993, section 4.2.
    """
    source, target, place = _meetings(sources, targets)
    width = int(target.max()) + 1
    numbered, entry = (source * width + target).unique(return_inverse=True)
    entries = torch.stack([numbered // width, numbered % width], dim=1)  # sorted, as pairs are
    if probability is None:
        probability = torch.full((len(entries),), 1 / len(set(target.tolist())), dtype=torch.double)
    choices = torch.bincount(place).double()  # source words that each target word can choose from
    while True:
        # Expectation: each target word shares itself out among the words of its source.
        claim = probability[entry]
        total = torch.bincount(place, claim)
        seen = torch.bincount(entry, claim / total[place], minlength=len(entries))
        # Maximisation: of all that a source word was given, how much was each target word?
        probability = seen / torch.bincount(entries[:, 0], seen)[entries[:, 0]]
        yield (total / choices).log().sum().item(), TranslationTable(entries, probability)


def _meetings(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> tuple[Int[Tensor, " M"], Int[Tensor, " M"], Int[Tensor, " M"]]:
    """Every source word met by every target word of its sentence, and that target word's place."""
    source, target, place, places = [], [], [], 0
    for s, t in zip(sources, targets, strict=True):
        words = torch.tensor([NULL, *s])
        source.append(words.repeat(len(t)))
        target.append(torch.tensor(t, dtype=torch.long).repeat_interleave(len(words)))
        place.append(torch.arange(places, places + len(t)).repeat_interleave(len(words)))
        places += len(t)
    return torch.cat(source), torch.cat(target), torch.cat(place)


class State(NamedTuple):
    """What is to be written, and how much of it has been."""

    plan: Int[Tensor, "B S+1"]
    place: Int[Tensor, " B"]


class IBMModel1(nn.Module):
    """Write the likeliest translation of each source word, in the order of the source.

    A word that the dictionary does not have is written as `<unk>`. Of two translations that are
    equally likely, the word with the smaller number is written, which is the more frequent one.
    """

    alignment_layer = None  # its alignment comes from the dictionary: see `align`

    def __init__(self, config: IBMModel1Config) -> None:
        super().__init__()
        self.config = config
        empty = torch.zeros(config.entries, 2, dtype=torch.long)
        self.register_buffer("entries", empty)
        self.register_buffer("probability", torch.zeros(config.entries, dtype=torch.double))
        self.entries: Tensor
        self.probability: Tensor

    def learn(self, dictionary: TranslationTable) -> None:
        """Take this dictionary instead of the one before, less what is too rare to matter."""
        kept = dictionary.probability >= RARE
        self.entries = dictionary.entries[kept].to(self.entries.device)
        self.probability = dictionary.probability[kept].to(self.probability.device)
        self.config = replace(self.config, entries=int(kept.sum()))

    def look_up(self, source: Int[Tensor, "B S"]) -> Int[Tensor, "B S"]:
        """The likeliest translation of each word."""
        best = torch.full((self.config.source_vocab_size,), UNK, device=source.device)
        order = self.probability.argsort(stable=True, descending=True)
        words = self.entries[order, 0]
        first = torch.unique_consecutive(words[words.argsort(stable=True)])
        # The first time a source word comes up in this order is with its likeliest translation.
        rank = torch.full_like(best, len(order)).scatter_reduce(
            0, words, torch.arange(len(order), device=source.device), "amin"
        )
        best[first] = self.entries[order[rank[first]], 1]
        best[UNK] = UNK
        return best[source]

    def align(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T S"]:
        """The chance that each target word (row) comes from each source word (column).

        Where the dictionary knows nothing, the word comes from the source word in its own place.
        """
        width = self.config.target_vocab_size
        known = self.entries[:, 0] * width + self.entries[:, 1]
        asked = source.unsqueeze(1) * width + target.unsqueeze(2)
        found = torch.searchsorted(known, asked).clamp(max=max(0, len(known) - 1))
        chance = self.probability[found].masked_fill(known[found] != asked, 0.0)
        chance = chance.masked_fill((source == 0).unsqueeze(1), 0.0)
        total = chance.sum(dim=-1, keepdim=True)
        same_place = torch.arange(target.size(1), device=source.device).expand_as(target)
        last = (source != 0).sum(dim=1, keepdim=True) - 1
        guess = nn.functional.one_hot(torch.minimum(same_place, last), source.size(1))
        return torch.where(total > 0, chance / total.clamp(min=1e-30), guess).float()

    def start(self, source: Int[Tensor, "B S"]) -> State:
        """Look all words up."""
        plan = self.look_up(source).masked_fill(source == 0, EOS)
        end = torch.full_like(plan[:, :1], EOS)
        return State(torch.cat([plan, end], dim=1), torch.zeros_like(plan[:, 0]))

    def step(self, word: Int[Tensor, " B"], state: State) -> tuple[Float[Tensor, "B V"], State]:
        """All the score for the next word of the plan, whatever was written before."""
        place = state.place.clamp(max=state.plan.size(1) - 1)
        following = state.plan.gather(1, place.unsqueeze(1))
        shape = len(word), self.config.target_vocab_size
        nothing = torch.full(shape, float("-inf"), device=word.device)
        return nothing.scatter(1, following, 0.0), state._replace(place=state.place + 1)
