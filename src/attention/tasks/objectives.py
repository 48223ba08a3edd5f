"""Teaching: sentence pairs or texts become batches, and what the model says of them a loss."""

from collections.abc import Generator, Sequence

import torch
from torch.nn import functional as F

from attention.data import Pair
from attention.data.batching import batches_by_length, pad
from attention.models.ibm_model_1 import IBMModel1, expectation_maximisation
from attention.shapes import Int, Tensor
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.translation import Translator
from attention.tokenizers.special_tokens import BOS, EOS, PAD
from attention.training.trainer import Trainer, TrainingConfig

__all__ = ["IBMModel1Trainer", "language_trainer", "translation_trainer"]


def translation_trainer(
    translator: Translator, pairs: Sequence[Pair], config: TrainingConfig
) -> "Trainer[list[int]] | IBMModel1Trainer":
    """Make ready to teach `translator` these pairs; nothing is learned until `steps()` is walked.

    Source of the loss: the log-likelihood of each right next word, Bahdanau et al. 2014, eq. 2.
    """
    sources = [translator.source_tokenizer.encode(pair.source) for pair in pairs]
    targets = [translator.target_tokenizer.encode(pair.target) for pair in pairs]
    if isinstance(translator.model, IBMModel1):
        return IBMModel1Trainer(translator.model, sources, targets, config)
    written = [[BOS, *target, EOS] for target in targets]
    lengths = [len(target) for target in written]

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        return batches_by_length(lengths, config.tokens_per_batch, generator)

    def loss(rows: list[int]) -> Tensor:
        source = pad([sources[i] for i in rows]).to(translator.device)
        target = pad([written[i] for i in rows]).to(translator.device)
        logits = translator.model(source, target[:, :-1])
        return F.cross_entropy(
            logits.flatten(0, 1),
            target[:, 1:].flatten(),
            ignore_index=PAD,
            label_smoothing=config.label_smoothing,
        )

    return Trainer(translator.model, batches, loss, config)


def language_trainer(
    language: LanguageModel, texts: Sequence[str], config: TrainingConfig
) -> Trainer[Int[Tensor, "B T"]]:
    """Make ready to teach a language model these texts: at each word, to say what comes next.

    Source: Radford et al. 2018, *Improving Language Understanding by Generative Pre-Training*,
    section 3.1.
    """
    ids = language.stream(texts)
    width = min(language.model.config.max_len, len(ids) - 1)

    def batches(epoch: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        room = (len(ids) - 1) % width + 1  # each epoch cuts the text at other places
        first = int(torch.randint(room, (), generator=generator))
        windows = ids[first:].unfold(0, width + 1, width)
        windows = windows[torch.randperm(len(windows), generator=generator)]
        return list(windows.split(max(1, config.tokens_per_batch // width)))

    def loss(windows: Tensor) -> Tensor:
        windows = windows.to(language.device)
        logits = language.model(windows[:, :-1])
        return F.cross_entropy(
            logits.flatten(0, 1), windows[:, 1:].flatten(), label_smoothing=config.label_smoothing
        )

    return Trainer(language.model, batches, loss, config)


class IBMModel1Trainer:
    """It is walked, kept and taken up again like a `Trainer`, but follows no gradient.

    Args:
        model: Its dictionary is replaced by a better one after each round.
        sources: The words of each source sentence, by number.
        targets: The words of each translation.
        config: `steps` is the number of rounds; the rest does not matter here.

    Attributes:
        step: Rounds made so far.
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
        self._probability: Tensor | None = None

    def steps(self) -> Generator[float, None, None]:
        """Learn until `config.steps`, giving out the loss: minus the log-likelihood of a word."""
        words = sum(map(len, self.targets))
        for likelihood, dictionary in expectation_maximisation(
            self.sources, self.targets, self._probability
        ):
            if self.step >= self.config.steps:
                return
            self.model.learn(dictionary)
            self._probability, self.step = dictionary.probability, self.step + 1
            yield -likelihood / words

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on."""
        state = {"step": torch.tensor(self.step)}
        return state if self._probability is None else state | {"probability": self._probability}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Go back to where `state` was taken."""
        self.step, self._probability = int(tensors["step"]), tensors.get("probability")
