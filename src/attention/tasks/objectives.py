"""How tasks are trained: a `Trainer` with the batches and the loss of a task."""

from collections.abc import Callable, Sequence

import torch

from attention.data import Pair
from attention.data.batching import batches_by_length, pad
from attention.errors import BadInput
from attention.models.ibm_model_1 import IBMModel1
from attention.shapes import Int, Tensor
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.translation import Translator
from attention.tokenizers.special_tokens import BOS, EOS, PAD
from attention.training.expectation_maximisation import IBMModel1Trainer
from attention.training.losses import next_token_loss
from attention.training.trainer import Trainer, TrainingConfig

__all__ = [
    "EncodedPairs",
    "language_model_trainer",
    "translation_trainer",
    "translation_validation",
]


def translation_trainer(
    translator: Translator, pairs: Sequence[Pair], config: TrainingConfig
) -> Trainer[list[int]] | IBMModel1Trainer:
    """A trainer of `translator` on these pairs, with teacher forcing; `steps()` trains.

    An `IBMModel1` has no gradient: it is trained by expectation-maximisation. A pair with more than
    `config.max_length` tokens on either side is left out.

    Raises:
        BadInput: All pairs are left out.

    Source of the loss: Bahdanau et al. 2014, equation 2, as a log-likelihood of each token.
    """
    encoded = EncodedPairs(translator, pairs, config.max_length)
    if pairs and not encoded.sources:
        raise BadInput(f"no pair has at most {config.max_length:,} tokens on either side")
    if isinstance(translator.model, IBMModel1):
        sources, targets = encoded.sources, encoded.targets
        dictionary = IBMModel1Trainer(translator.model, sources, targets, config)
        dictionary.encoded = encoded
        return dictionary

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        return encoded.batches(config.tokens_per_batch, generator)

    def loss(rows: list[int]) -> Tensor:
        return encoded.loss(rows, config.label_smoothing)

    trainer = Trainer(translator.model, batches, loss, config, encoded.n_tokens)
    trainer.encoded = encoded
    return trainer


def translation_validation(
    translator: Translator, pairs: Sequence[Pair], tokens_per_batch: int = 2000
) -> Callable[[], float]:
    """Measures the mean cross-entropy per target token on these pairs, with teacher forcing.

    Raises:
        BadInput: The translator is an `IBMModel1`, which has no such loss.
    """
    if isinstance(translator.model, IBMModel1):
        raise BadInput("--valid-every does not go with --arch word-by-word: it has no such loss")
    encoded = EncodedPairs(translator, pairs)
    batches = encoded.batches(tokens_per_batch, torch.Generator().manual_seed(0))

    @torch.no_grad()
    def validate() -> float:
        losses = [float(encoded.loss(rows)) * encoded.n_tokens(rows) for rows in batches]
        return sum(losses) / sum(map(encoded.n_tokens, batches))

    return validate


class EncodedPairs:
    """The token ids of sentence pairs, those that are too long left out, and their loss.

    Attributes:
        kept: The indices of the pairs that are not left out.
        sources: The token ids of the source of each of these.
        targets: The token ids of its target, without BOS and EOS.
    """

    def __init__(
        self, translator: Translator, pairs: Sequence[Pair], max_length: int | None = None
    ) -> None:
        self.translator = translator
        sources = (translator.source_tokenizer.encode(pair.source) for pair in pairs)
        targets = (translator.target_tokenizer.encode(pair.target) for pair in pairs)
        kept = [
            (i, source, target)
            for i, (source, target) in enumerate(zip(sources, targets, strict=True))
            if max_length is None or max(len(source), len(target)) <= max_length
        ]
        self.kept = [i for i, _, _ in kept]
        self.sources = [source for _, source, _ in kept]
        self.targets = [target for _, _, target in kept]

    def batches(self, tokens_per_batch: int, generator: torch.Generator) -> list[list[int]]:
        """Batches of pairs of similar length; see `batches_by_length`."""
        lengths = [len(target) + 2 for target in self.targets]  # with BOS and EOS
        source_lengths = [len(source) for source in self.sources]
        return batches_by_length(lengths, tokens_per_batch, generator, source_lengths)

    def loss(self, rows: Sequence[int], label_smoothing: float = 0.0) -> Tensor:
        """The mean cross-entropy of the target tokens, and of the EOS of each target."""
        device = self.translator.device
        source = pad([self.sources[i] for i in rows]).to(device)
        target = pad([[BOS, *self.targets[i], EOS] for i in rows]).to(device)
        logits = self.translator.model(source, target[:, :-1])
        return next_token_loss(logits, target[:, 1:], label_smoothing, padding_id=PAD)

    def n_tokens(self, rows: Sequence[int]) -> int:
        """The number of tokens that `loss` is the mean of."""
        return sum(len(self.targets[i]) + 1 for i in rows)


def language_model_trainer(
    language_model: LanguageModel, texts: Sequence[str], config: TrainingConfig
) -> Trainer[Int[Tensor, "B T"]]:
    """A trainer of `language_model` on these texts; `steps()` trains.

    The texts are concatenated and cut into windows of the model's `max_len`, at other positions in
    each epoch. The loss is the cross-entropy of the next token.

    Source: Radford et al. 2018, *Improving Language Understanding by Generative Pre-Training*,
    section 3.1.

    Raises:
        BadInput: There is no token to predict.
    """
    ids = language_model.encode_corpus(texts)
    length = min(language_model.model.config.max_len, len(ids) - 1)
    if length < 1:
        raise BadInput("the text is too short to train on: there is no token to predict")

    def batches(epoch: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        offsets = (len(ids) - 1) % length + 1  # with any of these the last window is a full one
        first = int(torch.randint(offsets, (), generator=generator, device=generator.device))
        windows = ids[first:].unfold(0, length + 1, length)
        order = torch.randperm(len(windows), generator=generator, device=generator.device)
        windows = windows[order]
        return list(windows.split(max(1, config.tokens_per_batch // length)))

    def loss(windows: Tensor) -> Tensor:
        windows = windows.to(language_model.device)
        logits = language_model.model(windows[:, :-1])
        return next_token_loss(logits, windows[:, 1:], config.label_smoothing)

    def n_tokens(windows: Tensor) -> int:
        return windows[:, 1:].numel()

    trainer = Trainer(language_model.model, batches, loss, config, n_tokens)
    trainer.encoded = ids
    return trainer
