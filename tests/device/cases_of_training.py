"""The walk through training: trainers, their checkpoints and runs."""

from dataclasses import replace
from typing import Any

import torch

from attention.checkpoints import load_tensors, save_tensors
from attention.models.llama import Llama, LlamaConfig
from attention.tasks.masked_lm import mask_tokens, masked_lm_trainer
from attention.tasks.masked_lm_validation import masked_lm_validation
from attention.tasks.objectives import (
    language_model_trainer,
    translation_trainer,
    translation_validation,
)
from attention.tasks.retrieval_training import contrastive_trainer, keywords, retrieval_trainer
from attention.tasks.runs import LanguageModelRun, MaskedLMRun, TranslationRun
from attention.tasks.start_summary import language_summary
from attention.training.config import TrainingConfig
from attention.training.losses import next_token_loss
from attention.training.trainer import Trainer

from .place import Case, Place, table
from .tiny import CONFIG, PAIRS, STACK, TEXTS, language_model, masked_lm, translator

CASES: dict[str, Case] = {}
case = table(CASES)

EVERYTHING = replace(
    CONFIG,
    steps=4,
    label_smoothing=0.1,
    average_fraction=0.5,
    schedule="cosine",
    weight_decay=0.1,
    accumulate=2,
    valid_every=2,
    patience=9,
)


def moved(state: dict[str, Any]) -> dict[str, Any]:
    """The tensors of a checkpoint that are as large as the model's; its counts may be anywhere."""
    return {name: tensor for name, tensor in state.items() if tensor.dim() and "." in name}


def trained(trainer: Any) -> Any:
    losses = list(trainer.steps())
    return list(map(float, losses)), trainer.model, moved(trainer.state_dict())


def stopped_and_resumed(at: Place, config: TrainingConfig) -> Any:
    """A trainer with every option stops, and another one goes on from its checkpoint."""
    ids = at.ids(8, 6)

    def new() -> Trainer[Any]:
        model = at.model(Llama, LlamaConfig(11, d_ff=16, n_kv_heads=1, **STACK))

        def loss(rows: Any) -> Any:
            return next_token_loss(model(rows[:, :-1]), rows[:, 1:], config.label_smoothing)

        trainer = Trainer(model, lambda epoch: ids.split(2), loss, config, lambda rows: len(rows))
        trainer.validate = lambda: float(loss(ids))
        return trainer

    first, second, reports = new(), new(), []
    steps = first.steps()
    losses = [next(steps) for _ in range(3)]
    save_tensors(at.folder / "training.safetensors", first.state_dict())
    second.load_state_dict(load_tensors(at.folder / "training.safetensors"))
    loaded = moved(second.state_dict())
    second.reporters.append(lambda report: reports.append(report.loss))
    losses += second.steps()
    finite = all(bool(loss.isfinite()) for loss in losses)
    return losses, reports, finite, loaded, second.model, moved(second.state_dict())


@case()
def trainer(at: Place) -> Any:
    return stopped_and_resumed(at, EVERYTHING)


@case(tolerance=0.05)
def trainer_in_mixed_precision(at: Place) -> Any:
    return stopped_and_resumed(at, replace(EVERYTHING, precision="bf16"))


@case()
def training_of_translators(at: Place) -> Any:
    """IBM Model 1 is resumed from a checkpoint, too, which is read onto the CPU."""
    results: Any = []
    for arch in "transformer", "bahdanau":
        task = translator(at, arch)
        trainer = translation_trainer(task, PAIRS, CONFIG)
        results += [trained(trainer), translation_validation(task, PAIRS)()]
    dictionary = translator(at, "word-by-word")
    first: Any = translation_trainer(dictionary, PAIRS, CONFIG)
    losses = list(first.steps())
    save_tensors(at.folder / "training.safetensors", first.state_dict())
    second: Any = translation_trainer(dictionary, PAIRS, replace(CONFIG, steps=3))
    second.load_state_dict(load_tensors(at.folder / "training.safetensors"))
    losses += second.steps()
    return results, losses, dictionary.model, second.state_dict()["probability"]


@case()
def training_of_language_models(at: Place) -> Any:
    task = language_model(at)
    encoded = language_model_trainer(task, TEXTS, CONFIG).encoded
    summary = language_summary(task, TEXTS, encoded, CONFIG).parameters
    return summary, trained(language_model_trainer(language_model(at, "llama"), TEXTS, CONFIG))


@case()
def training_of_text_encoders(at: Place) -> Any:
    task = masked_lm(at)
    pairs = [(text, text[:9]) for text in TEXTS]
    return (
        masked_lm_validation(task, TEXTS)(),
        trained(masked_lm_trainer(task.model, task.tokenizer, TEXTS, CONFIG)),
        trained(retrieval_trainer(task, TEXTS, CONFIG)),
        trained(contrastive_trainer(task.model, task.tokenizer, pairs, CONFIG, batch_size=2)),
    )


@case()
def masking(at: Place) -> Any:
    """The draws are those of the generator, wherever the texts are."""
    maskable = at.tensor([False] * 4 + [True] * 7)
    generator = torch.Generator("cpu").manual_seed(0)
    masked = mask_tokens(at.ids(3, 6), maskable, 3, 0.5, generator)
    alone = mask_tokens(at.ids(3, 6), maskable, 3)[1].sum(dim=1)
    return masked, alone, keywords([2, 5, 6, 7, 8, 3], generator)


@case()
def runs(at: Place) -> Any:
    """Each kind of run is begun, stopped after a step, and resumed for one more."""
    pairs, text = at.folder / "pairs.tsv", at.folder / "text.txt"
    pairs.write_text("\n".join(f"{pair.source}\t{pair.target}" for pair in PAIRS * 3))
    text.write_text("\n\n".join(TEXTS * 3))
    results = []
    kinds: Any = [
        (TranslationRun, "transformer", pairs, STACK),
        (TranslationRun, "word-by-word", pairs, {}),
        (LanguageModelRun, "gpt", text, STACK),
        (MaskedLMRun, "bert", text, STACK | {"dropout": 0.0}),
    ]
    for kind, arch, data, sizes in kinds:
        folder = at.folder / arch
        begun = kind.begin(folder, arch, [str(data)], replace(CONFIG, steps=1), at.device, **sizes)
        losses = list(begun.steps())
        resumed = kind.resume(folder, at.device, steps=2)
        losses += resumed.steps()
        results.append([*map(float, losses), resumed.task.model])
    tuned = LanguageModelRun.fine_tune(
        at.folder / "tuned", str(at.folder / "gpt"), [str(text)], at.device
    )
    return results, tuned.task.model
