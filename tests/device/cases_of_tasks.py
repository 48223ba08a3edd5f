"""The walk through training, tasks, runs, evaluation, inspection, the hub and files."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from attention.checkpoints import load_tensors, save_tensors
from attention.data import Pair
from attention.data.batching import batches_by_length, pad
from attention.data.prose import Paragraph
from attention.evaluation.metrics import (
    bleu_by_length,
    evaluate_language_model,
    evaluate_translator,
    hard_alignment,
)
from attention.inspection import plots
from attention.inspection.alignment_view import alignment_view
from attention.inspection.head_maps import head_maps
from attention.inspection.head_view import head_view
from attention.models.bert import BERT, BERTConfig
from attention.models.gpt import GPT, GPTConfig
from attention.models.llama import Llama, LlamaConfig
from attention.tasks.decoding import Search
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM, fill_mask, mask_tokens, masked_lm_trainer
from attention.tasks.objectives import (
    language_model_trainer,
    translation_trainer,
    translation_validation,
)
from attention.tasks.retrieval import TextEncoder
from attention.tasks.retrieval_training import contrastive_trainer, keywords, retrieval_trainer
from attention.tasks.runs import LanguageModelRun, MaskedLMRun, TranslationRun
from attention.tasks.search_index import indexed_embeddings
from attention.tasks.start_summary import language_summary, translation_summary
from attention.tasks.translation import Translator
from attention.training.config import TrainingConfig
from attention.training.losses import next_token_loss
from attention.training.trainer import Trainer

from .place import Place, case

CONFIG = TrainingConfig(steps=2, tokens_per_batch=20, lr=1e-3, warmup=1, log_every=1)
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
LINKS = frozenset({(0, 0), (1, 1), (2, 2)})
PAIRS = [Pair("they arrived .", "ils sont arrivés .", LINKS), Pair("she left", "elle part", LINKS)]
TEXTS = ["they arrived late .", "she left a house and they arrived .", "she arrived"]
STACK: Any = {"d_model": 8, "n_heads": 2, "n_layers": 1}
SIZES = {"transformer": STACK | {"d_ff": 16}, "word-by-word": {}}
RECURRENT = {"d_model": 8, "d_embedding": 6}


def translator(at: Place, arch: str) -> Any:
    return at.model(Translator.new, arch, PAIRS, min_count=1, **SIZES.get(arch, RECURRENT))


def language_model(at: Place, arch: str = "gpt") -> Any:
    return at.model(LanguageModel.new, arch, TEXTS, subwords=260, max_len=12, **STACK)


def masked_lm(at: Place) -> Any:
    sizes = STACK | {"dropout": 0.0, "max_len": 16}
    return at.model(MaskedLM.new, "bert", TEXTS, subwords=60, **sizes)


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
    second.reporters.append(lambda report: reports.append(report.loss))
    losses += second.steps()
    finite = all(bool(loss.isfinite()) for loss in losses)
    return losses, reports, finite, second.model, moved(second.state_dict())


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
    summary = language_summary(language_model(at), TEXTS, CONFIG).parameters
    return summary, trained(language_model_trainer(language_model(at, "llama"), TEXTS, CONFIG))


@case()
def training_of_text_encoders(at: Place) -> Any:
    task = masked_lm(at)
    pairs = [(text, text[:9]) for text in TEXTS]
    return (
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


@case(elsewhere="cpu")
def translation(at: Place) -> Any:
    results = []
    for arch in "transformer", "bahdanau", "word-by-word", "fixed-vector":
        task = translator(at, arch)
        translated = [*task.translate([pair.source for pair in PAIRS] + [" "])]
        translated += task.stream(["she left"], Search(beam_size=2, n_best=2))
        task.save(at.folder / arch)
        weights = task.align([*PAIRS, Pair("", "elle")])
        results += [translated, weights, evaluate_translator(task, PAIRS)]
    links = hard_alignment(at.floats(3, 4))
    return results, sorted(links), translation_summary(task, PAIRS, CONFIG).tokens


@case()
def text_generation(at: Place) -> Any:
    task = language_model(at)
    text = "".join(task.stream("she", 5))
    return len(text) >= 0, evaluate_language_model(task, TEXTS)


@case()
def search(at: Place) -> Any:
    """The second search reads the index that the first has written."""
    task = masked_lm(at)
    predictions = fill_mask(task.model, task.tokenizer, "they [MASK] late", top=2)
    encoder, path = TextEncoder(task.model, task.tokenizer), at.folder / "index.safetensors"
    indices = [indexed_embeddings(encoder, TEXTS, path)[0] for _ in range(2)]
    hits = encoder.search("she left", TEXTS), encoder.rank("she", indices[1], 2)
    return predictions, indices, hits


@case(elsewhere="cpu")
def inspection(at: Place) -> Any:
    task = translator(at, "transformer")
    view = head_view(task, "she left", padding=1)
    translations = task.translate(["she left"])
    tables = alignment_view({"Transformer": translations[0]})
    plots.alignment(at.floats(2, 2).softmax(dim=-1), ["she", "left"], ["elle", "part"])
    maps = head_maps(task, "they arrived .", "ils", padding=2)
    norms = [(each.norms, each.output_norms, each.proportions) for each in maps]
    return view.html[:20], tables.html[:20], maps, norms, bleu_by_length(task, PAIRS)


@case(follows_dtype=True)
def hub(at: Place) -> Any:
    """A model is saved from the device, and loaded onto it."""
    sizes = STACK | {"max_len": 8}
    configs: Any = (GPT, GPTConfig), (Llama, LlamaConfig), (BERT, BERTConfig)
    models = []
    for kind, config in configs:
        model = at.model(kind, config(11, **sizes))
        model.save_pretrained(at.folder / kind.__name__)
        models.append(kind.from_pretrained(at.folder / kind.__name__, at.dtype, at.device))
    # The tables of RoPE are in single precision, whatever the parameters are.
    return [(dict(model.named_parameters()), model(at.ids(2, 4))) for model in models]


@case()
def runs(at: Place) -> Any:
    """Each kind of run is begun, stopped after a step, and resumed for one more."""
    pairs, text = at.folder / "pairs.tsv", at.folder / "text.txt"
    pairs.write_text("\n".join(f"{pair.source}\t{pair.target}" for pair in PAIRS * 3))
    text.write_text("\n\n".join(TEXTS * 3))
    results = []
    kinds: Any = [(TranslationRun, "transformer", pairs), (LanguageModelRun, "gpt", text)]
    kinds += [(TranslationRun, "word-by-word", pairs), (MaskedLMRun, "bert", text)]
    for kind, arch, data in kinds:
        folder, sizes = at.folder / arch, STACK if arch != "word-by-word" else {}
        begun = kind.begin(folder, arch, [str(data)], replace(CONFIG, steps=1), at.device, **sizes)
        losses = list(begun.steps())
        resumed = kind.resume(folder, at.device, steps=2)
        losses += resumed.steps()
        results.append([*map(float, losses), resumed.task.model])
    return results


@case(elsewhere="default")
def defaults(at: Place) -> Any:
    """What is made of lists and of files alone is on torch's default device."""
    task = translator(at, "transformer")
    task.save(at.folder)
    batches = batches_by_length([3, 4, 4, 9], 8, torch.Generator("cpu").manual_seed(0))
    corpus = language_model(at).encode_corpus(TEXTS)
    loaded = Translator.load(at.folder)
    positions: nn.Module = loaded.model.positions
    return pad([[4, 5], [6]]), corpus, batches, loaded.model, positions, str(Paragraph("", "", "a"))
