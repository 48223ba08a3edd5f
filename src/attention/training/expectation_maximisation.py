"""Expectation-maximisation for IBM Model 1: translation probabilities from unaligned pairs.

No alignment is given, so each target token counts for all source tokens of its sentence at once:
first to equal parts, then, iteration after iteration, in proportion to the translation
probabilities that the previous iteration estimated.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import torch

from attention.models.ibm_model_1 import NULL, IBMModel1, TranslationTable
from attention.shapes import Float, Int, Tensor
from attention.training.config import TrainingConfig
from attention.training.metrics_log import Report

__all__ = ["IBMModel1Trainer", "expectation_maximisation"]


def expectation_maximisation(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    probability: Float[Tensor, " N"] | None = None,
    device: torch.device | None = None,
) -> Iterator[tuple[float, TranslationTable]]:
    """Estimate the translation probabilities of IBM Model 1, one iteration per `next`.

    Args:
        sources: Token ids of each source sentence, from 1 up: 0 is NULL.
        targets: Token ids of each target sentence.
        probability: The initial translation probabilities, as an earlier call has yielded them for
            the same sentences; uniform unless given.
        device: Of all tensors; torch's default device unless given.

    Yields:
        The log-likelihood of the targets under the probabilities before the iteration, which never
        decreases, and the translation table after it.

    Source: Brown et al. 1993, section 4.1.
    """
    source, target, position = (t.to(device) for t in _cooccurrences(sources, targets))
    n_targets = int(target.max()) + 1
    keys, entry = (source * n_targets + target).unique(return_inverse=True)
    entries = torch.stack([keys // n_targets, keys % n_targets], dim=1)  # sorted, as the keys are
    if probability is None:
        probability = torch.full((len(entries),), 1 / len(set(target.tolist())), dtype=torch.double)
    probability = probability.to(source.device)
    candidates = torch.bincount(position).double()  # source tokens that each target can come from
    while True:
        # Expectation: the posterior probability that a target token comes from a source token,
        # summed over the corpus, is the expected count of the two as translations.
        joint = probability[entry]
        total = torch.bincount(position, joint)
        counts = torch.bincount(entry, joint / total[position], minlength=len(entries))
        # Maximisation: for each source token, normalise its expected counts.
        probability = counts / torch.bincount(entries[:, 0], counts)[entries[:, 0]]
        yield (total / candidates).log().sum().item(), TranslationTable(entries, probability)


def _cooccurrences(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"], Int[Tensor, " N"]]:
    """Each source token, NULL included, with each target token of its pair.

    Returns:
        The source tokens, the target tokens, and the positions of the latter in the corpus.
    """
    source, target, position, positions = [], [], [], 0
    for s, t in zip(sources, targets, strict=True):
        candidates = torch.tensor([NULL, *s])
        source.append(candidates.repeat(len(t)))
        target.append(torch.tensor(t, dtype=torch.long).repeat_interleave(len(candidates)))
        here = torch.arange(positions, positions + len(t))
        position.append(here.repeat_interleave(len(candidates)))
        positions += len(t)
    return torch.cat(source), torch.cat(target), torch.cat(position)


class IBMModel1Trainer:
    """Trains an `IBMModel1` by expectation-maximisation, with the interface of a `Trainer`.

    Args:
        model: Its translation table is replaced after each iteration.
        sources: Token ids of each source sentence.
        targets: Token ids of each target sentence.
        config: `steps` is the number of iterations; the other settings have no effect.

    Attributes:
        step: Iterations so far.
        reporters: Each is called with a `Report` after each iteration.
        encoded: As in a `Trainer`.
    """

    def __init__(
        self,
        model: IBMModel1,
        sources: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        config: TrainingConfig,
    ) -> None:
        self.model, self.sources, self.targets, self.config = model, sources, targets, config
        self.step = 0
        self.reporters: list[Callable[[Report], None]] = []
        self.encoded: Any = None
        self._probability: Tensor | None = None

    @property
    def finished(self) -> bool:
        """Whether all iterations are done."""
        return self.step >= self.config.steps

    def steps(self) -> Generator[float, None, None]:
        """Iterate until `config.steps`, yielding the loss: minus the log-likelihood per token."""
        n_tokens = sum(map(len, self.targets))
        for log_likelihood, table in expectation_maximisation(
            self.sources, self.targets, self._probability, self.model.entries.device
        ):
            if self.finished:
                return
            self.model.set_table(table)
            self._probability, self.step = table.probability, self.step + 1
            for reporter in self.reporters:
                reporter(Report(self.step, -log_likelihood / n_tokens))
            yield -log_likelihood / n_tokens

    def state_dict(self) -> dict[str, Tensor]:
        """What `load_state_dict` needs: the step, and all probabilities, rare ones included."""
        state = {"step": torch.tensor(self.step)}
        return state if self._probability is None else state | {"probability": self._probability}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Return to the iteration after which `state_dict` was called."""
        self.step, self._probability = int(tensors["step"]), tensors.get("probability")
