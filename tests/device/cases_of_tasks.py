"""The walk through tasks, evaluation, inspection, the hub and files."""

from typing import Any

import torch

from attention.data import Pair
from attention.data.batching import batches_by_length, pad
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
from attention.tasks.masked_lm import fill_mask
from attention.tasks.objectives import EncodedPairs
from attention.tasks.retrieval import TextEncoder
from attention.tasks.search_index import indexed_embeddings
from attention.tasks.start_summary import translation_summary
from attention.tasks.translation import Translator

from .place import Case, Place, table
from .tiny import CONFIG, PAIRS, STACK, TEXTS, language_model, masked_lm, translator

CASES: dict[str, Case] = {}
case = table(CASES)


@case(elsewhere="cpu")
def translation(at: Place) -> Any:
    results = []
    for arch in "transformer", "bahdanau", "word-by-word", "fixed-vector":
        task = translator(at, arch)
        translated = [*task.translate(["she", " "])]
        translated += task.stream(["she"], Search(beam_size=2, n_best=2))
        task.save(at.folder / arch)
        weights = task.align([*PAIRS, Pair("", "elle")])
        results += [translated, weights, evaluate_translator(task, PAIRS[1:])]
    links = hard_alignment(at.floats(3, 4))
    encoded = EncodedPairs(task, PAIRS)
    return results, sorted(links), translation_summary(task, PAIRS, encoded, CONFIG).tokens


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
    translations = task.translate(["she"])
    tables = alignment_view({"Transformer": translations[0]})
    plots.alignment(at.floats(2, 2).softmax(dim=-1), ["she", "left"], ["elle", "part"])
    maps = head_maps(task, "they arrived .", "ils", padding=2)
    norms = [(each.norms, each.output_norms, each.proportions) for each in maps]
    return view.html[:20], tables.html[:20], maps, norms, bleu_by_length(task, PAIRS[1:])


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


@case(elsewhere="default")
def defaults(at: Place) -> Any:
    """What is made of lists and of files alone is on torch's default device."""
    task = translator(at, "transformer")
    task.save(at.folder)
    batches = batches_by_length([3, 4, 4, 9], 8, torch.Generator("cpu").manual_seed(0))
    corpus = language_model(at).encode_corpus(TEXTS)
    masked_lm(at).save(at.folder / "bert")
    loaded = Translator.load(at.folder).model, TextEncoder.load(at.folder / "bert").model
    return pad([[4, 5], [6]]), corpus, batches, loaded
