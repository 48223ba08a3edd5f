"""How tasks are trained: a `Trainer` with the batches and the loss of a task."""

from collections.abc import Sequence

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

__all__ = ["language_model_trainer", "translation_trainer"]


def translation_trainer(
    translator: Translator, pairs: Sequence[Pair], config: TrainingConfig
) -> Trainer[list[int]] | IBMModel1Trainer:
    """A trainer of `translator` on these pairs, with teacher forcing; `steps()` trains.

    An `IBMModel1` has no gradient: it is trained by expectation-maximisation.

    Source of the loss: Bahdanau et al. 2014, equation 2, as a log-likelihood of each token.
    """
    sources = [translator.source_tokenizer.encode(pair.source) for pair in pairs]
    targets = [translator.target_tokenizer.encode(pair.target) for pair in pairs]
    if isinstance(translator.model, IBMModel1):
        return IBMModel1Trainer(translator.model, sources, targets, config)
    targets = [[BOS, *target, EOS] for target in targets]
    lengths = [len(target) for target in targets]

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        return batches_by_length(lengths, config.tokens_per_batch, generator)

    def loss(rows: list[int]) -> Tensor:
        source = pad([sources[i] for i in rows]).to(translator.device)
        target = pad([targets[i] for i in rows]).to(translator.device)
        logits = translator.model(source, target[:, :-1])
        return next_token_loss(logits, target[:, 1:], config.label_smoothing, padding_id=PAD)

    return Trainer(translator.model, batches, loss, config)


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
        first = int(torch.randint(offsets, (), generator=generator))
        windows = ids[first:].unfold(0, length + 1, length)
        windows = windows[torch.randperm(len(windows), generator=generator)]
        return list(windows.split(max(1, config.tokens_per_batch // length)))

    def loss(windows: Tensor) -> Tensor:
        windows = windows.to(language_model.device)
        logits = language_model.model(windows[:, :-1])
        return next_token_loss(logits, windows[:, 1:], config.label_smoothing)

    return Trainer(language_model.model, batches, loss, config)
