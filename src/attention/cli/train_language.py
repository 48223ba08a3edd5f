"""Commands for language models: train one on a text, and let one write."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import torch
from cyclopts import Parameter

from attention.checkpoints import load_json
from attention.cli import console, tables
from attention.cli.options import (
    FLAG,
    JSON,
    MANY,
    TrainingOptions,
    choose_device,
    given,
    must_agree,
    must_be_in_range,
    must_belong,
    with_defaults_of,
)
from attention.data.prose import read_texts
from attention.errors import BadInput
from attention.evaluation.metrics import evaluate_language_model
from attention.generation.sampling import Sampler
from attention.tasks.architectures import LANGUAGE_MODELS
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.runs import LanguageModelRun, MaskedLMRun, Run

__all__ = ["generate", "train_language"]

TRAINING = with_defaults_of(LANGUAGE_MODELS, "gpt")
Architecture = Literal["gpt", "llama", "bert"]
Name = Annotated[
    str,
    Parameter(help="The folder that `attention train language` made; or any GPT-2 or Llama: "
    "its folder, or its name on the Hugging Face hub, like gpt2."),
]  # fmt: skip


def train_language(
    *,
    out: Path,
    arch: Architecture | None = None,
    data: Annotated[list[str] | None, MANY] = None,
    valid: Annotated[list[str] | None, MANY] = None,
    training: Annotated[TrainingOptions | None, TRAINING] = None,
    d_model: int | None = None,
    n_heads: int | None = None,
    n_kv_heads: int | None = None,
    n_layers: int | None = None,
    d_ff: int | None = None,
    max_len: int | None = None,
    subwords: int | None = None,
    dropout: float | None = None,
    device: str | None = None,
    resume: Annotated[bool, FLAG] = False,
) -> None:
    """Train a language model: it reads a text, and learns to say at each word what comes next.

    A BERT reads both ways, and learns to say what stands where a word is hidden from it, and which
    two parts belong to one paragraph.

    Ctrl-C stops between two steps and keeps what was learned; the same command with --resume
    goes on to the very weights that an unbroken run would have reached.

    Args:
        out: Folder for the model, in Hugging Face's layout.
        arch: gpt (the default): GPT-2's architecture. llama: that of Llama 3.1. bert: an encoder,
            for `attention fill` and `attention search`.
        data: book (the default), the chapters of this book, where it is checked out; or toy, the
            English sentences of the built-in grammar; or FILE ..., text in UTF-8.
        valid: gpt, llama: texts to measure the trained model on, given like --data: loss for each
            piece of a word, perplexity, and bits per byte, which compares between vocabularies.
        d_model: Width of a word's vector; 128 unless given.
        n_heads: Heads in each attention; 4 unless given.
        n_kv_heads: llama: keys and values in each attention, shared by its heads; 2 unless given.
        n_layers: Layers; 4 unless given, for bert 1.
        d_ff: Width in the middle of a feed-forward layer; four times d_model unless given, for
            llama 8/3 of it.
        max_len: The longest text that it reads, in words; 256 unless given, for bert 64.
        subwords: Size of the vocabulary of words and pieces of words; 1000 unless given, for bert
            3000.
        dropout: gpt, bert: share of numbers dropped in training; for gpt 0, for bert 0.1 unless
            given.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
        resume: Go on with the run in --out where it stopped.
    """
    chosen = given(**vars(training or TrainingOptions()))
    sizes = given(
        d_model=d_model,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        n_layers=n_layers,
        d_ff=d_ff,
        max_len=max_len,
        subwords=subwords,
        dropout=dropout,
    )
    must_be_in_range(chosen | sizes)
    device = choose_device(device)
    kind = _kind(out) if resume else MaskedLMRun if arch == "bert" else LanguageModelRun
    if valid and kind is MaskedLMRun:
        raise BadInput("--valid does not go with --arch bert, but with gpt or llama")
    held_out = read_texts(valid) if valid else None
    if resume:
        run: Run = kind.resume(out, device)
        must_agree(run, chosen | sizes | given(arch=arch, data=data))
    else:
        arch = arch or "gpt"
        must_belong(arch, sizes, LANGUAGE_MODELS)
        config = replace(LANGUAGE_MODELS[arch].training, **chosen)
        run = kind.begin(out, arch, data or ["book"], config, device, **sizes)
    letters = sum(map(len, run.corpus))
    then = [f'attention generate {out} "The query"']
    if isinstance(run, MaskedLMRun):
        files = " ".join(run.data)
        then = [f'attention fill {out} "the [MASK]"', f'attention search {out} "query" {files}']
    console.train_to_the_end(run, f"{letters:,} letters of text", then)
    if held_out:
        tables.print_language_scores(evaluate_language_model(run.task, held_out))


def _kind(folder: Path) -> type[LanguageModelRun] | type[MaskedLMRun]:
    """Whether what was begun in `folder` learns to write or to read."""
    config = folder / "config.json"
    reads = config.is_file() and load_json(config).get("model_type") == "bert"
    return MaskedLMRun if reads else LanguageModelRun


def generate(
    run: Name,
    prompt: str = "",
    /,
    *,
    tokens: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    as_json: Annotated[bool, JSON] = False,
    device: str | None = None,
) -> None:
    """Let a language model go on with a text.

    Args:
        prompt: The beginning, in quotes; without one, the model begins by itself, if it can.
        tokens: The most words, or pieces of words, to write; 100 unless given, or as many as the
            model has room for.
        temperature: Below 1 likely words become likelier still, above 1 all become more alike; at
            0 the likeliest is always taken.
        top_k: Draw only from this many words, the likeliest.
        top_p: Draw only from the fewest words, the likeliest, that together have this probability.
        seed: Start of all chance, so that the same is drawn again; another each time unless given.
        as_json: One JSON object: prompt, text and tokens, the number of words written.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    numbers = {"tokens": tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    must_be_in_range(given(**numbers, seed=seed))
    device = choose_device(device)
    chance = torch.Generator(device)
    chance.seed() if seed is None else chance.manual_seed(seed)
    sampler = Sampler(temperature, top_k, top_p, chance)
    language = LanguageModel.load(run)
    language.model.to(device)
    console.print_words(prompt, language.write(prompt, tokens, sampler), as_json)
