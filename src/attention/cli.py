"""The `attention` command: train a translator, use it, measure it."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import torch
from cyclopts import App, CycloptsError, Parameter

from attention import console, plots
from attention.architectures import ARCHITECTURES
from attention.bench import bench_translation
from attention.errors import BadInput
from attention.evaluation import evaluate
from attention.options import given, must_agree, must_be_in_range, must_belong
from attention.runs import TranslationRun, choose_device, read_data
from attention.text import split_words
from attention.translation import Translator

__all__ = ["app", "main"]

app = App(
    name="attention",
    help="Train, use and measure the models of *Attention in Transformers with PyTorch*.",
    help_epilogue="Begin with: attention train translation --data toy --out runs/first",
    version_flags=[],
    result_action="return_value",
)
train = App(name="train", help="Train a model and keep it in a folder.")
app.command(train)
bench = App(name="bench", help="Measure models side by side, in one run.")
app.command(bench)

Architecture = Literal["word-by-word", "fixed-vector", "bahdanau", "luong", "transformer"]
Window = Literal["monotonic", "predictive"]
AtMostOne = Parameter(consume_multiple=(0, 1), negative=())
Many = Parameter(consume_multiple=True, negative=())
Run = Annotated[Path, Parameter(help="The folder that `attention train` made.")]


@train.command(name="translation")
def train_translation(
    *,
    out: Path,
    arch: Architecture | None = None,
    data: Annotated[list[str] | None, Many] = None,
    valid: Annotated[list[str] | None, Many] = None,
    steps: int | None = None,
    tokens: int | None = None,
    lr: float | None = None,
    warmup: int | None = None,
    smoothing: float | None = None,
    average: float | None = None,
    seed: int | None = None,
    d_model: int | None = None,
    d_embedding: int | None = None,
    n_heads: int | None = None,
    n_layers: int | None = None,
    d_ff: int | None = None,
    norm_first: Annotated[bool | None, Parameter(negative=())] = None,
    subwords: int | None = None,
    dropout: float | None = None,
    reverse: Annotated[bool | None, Parameter(negative=())] = None,
    score: Literal["dot", "general", "concat"] | None = None,
    local: Annotated[list[Window] | None, AtMostOne] = None,
    device: str | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train a translator from pairs of sentences.

    Ctrl-C stops between two steps and keeps what was learned; the same command with --resume
    goes on to the very weights that an unbroken run would have reached.

    Args:
        out: Folder for the translator.
        arch: word-by-word: a dictionary, learned by IBM Model 1. fixed-vector: a GRU
            encoder-decoder with one vector between them. bahdanau (the default): additive
            attention. luong: dot-product attention. transformer: nothing but attention.
        data: toy (the default), the built-in English-French grammar; or FILE FILE, two files
            whose lines translate each other; or FILE, tab-separated, further columns ignored.
        valid: Pairs to measure the trained translator on, given like --data.
        steps: Updates of the weights; 2000 unless given, for luong 3000, for transformer 2200.
            For word-by-word: rounds over all pairs; 10.
        tokens: Target tokens in each update; 500 unless given.
        lr: Highest learning rate; 0.004 unless given, for luong 0.003, for transformer 0.002.
        warmup: Steps over which the rate climbs; 100 unless given, for transformer 200.
        smoothing: Share of the probability spread over all words, not the right one alone; 0
            unless given. Real text wants 0.1.
        average: Share of the steps, at the end, whose weights are averaged; 0 unless
            given, for transformer 0.25.
        seed: Start of all randomness; 0 unless given.
        d_model: Width of an encoded word and of the decoder's state; 128 unless given, for
            fixed-vector 192.
        d_embedding: Width of a word's vector, where it is not d_model; 64 unless given.
        n_heads: transformer: heads in each attention; 4 unless given.
        n_layers: transformer: layers of the encoder, and of the decoder; 2 unless given.
        d_ff: transformer: width in the middle of a feed-forward layer; 256 unless given.
        norm_first: transformer: normalise before each layer, not after it; deep ones want that.
        subwords: Size of one vocabulary of pieces of words, for both languages; each language
            has its whole words unless given.
        dropout: Share of numbers dropped in training; 0 unless given. Small corpora want 0.3.
        reverse: fixed-vector: read the source backwards.
        score: luong: how a query is compared with a key; dot unless given.
        local: luong: look only at a window, around one place that the decoder chooses
            (predictive, or no more than --local) or around the same place in the source
            (monotonic). All words unless given.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
        resume: Go on with the run in --out where it stopped.
    """
    training = given(
        steps=steps,
        tokens=tokens,
        lr=lr,
        warmup=warmup,
        smoothing=smoothing,
        average=average,
        seed=seed,
    )
    sizes = given(
        d_model=d_model,
        d_embedding=d_embedding,
        n_heads=n_heads,
        n_layers=n_layers,
        d_ff=d_ff,
        norm_first=norm_first,
        subwords=subwords,
        dropout=dropout,
        reverse=reverse,
        score=score,
        local=None if local is None else (local or ["predictive"])[0],
    )
    must_be_in_range(training | sizes)
    device = choose_device(device)
    valid_pairs = read_data(valid, "valid") if valid else None
    if resume:
        run = TranslationRun.resume(out, device)
        must_agree(run, training | sizes | given(arch=arch, data=data))
    else:
        arch = arch or "bahdanau"
        must_belong(arch, sizes)
        config = replace(ARCHITECTURES[arch].training, **training)
        run = TranslationRun.begin(out, arch, data or ["toy"], config, device, **sizes)
    console.train_to_the_end(run)
    if valid_pairs:
        console.print_scores(evaluate(run.translator, valid_pairs), as_json=False)


@app.command
def translate(
    run: Run,
    sentences: Annotated[list[str] | None, Parameter(negative=())] = None,
    /,
    *,
    beam: int = 1,
    attention: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    device: str | None = None,
) -> None:
    """Translate sentences, or the lines of standard input.

    Args:
        sentences: What to translate, each in quotes; without any, lines are read from standard
            input, and a blank line gives a blank line.
        beam: Beginnings of a translation that are kept alive; 1 takes the best word each time.
        attention: Draw where the model looked into this file (.svg, .png, .pdf); one sentence.
        as_json: One JSON object a sentence: source, target, text and attention.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    must_be_in_range({"beam": beam})
    translator = Translator.load(run)
    translator.model.to(choose_device(device))
    lines = sentences or console.lines_of_standard_input()
    if sentences and not any(map(split_words, sentences)):
        raise BadInput("an empty sentence: there is nothing to translate")
    if attention and len(lines) != 1:
        raise BadInput(f"--attention draws one sentence, and {len(lines)} were given")
    console.warn_of_surprises(translator, lines)
    translations = translator.translate(lines, beam)
    for translation in translations:
        console.print_translation(translation, as_json)
    if attention:
        console.draw_attention(translations[0], attention)


@app.command(name="evaluate")
def evaluate_command(
    run: Run,
    /,
    *,
    data: Annotated[list[str] | None, Many] = None,
    beam: int = 1,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    device: str | None = None,
) -> None:
    """Measure a translator: BLEU, chrF, exact match, and alignment error where gold is known.

    Args:
        data: toy-test (the default) or toy-valid; or FILE FILE; or FILE, tab-separated.
        beam: Beginnings of a translation that are kept alive; 1 takes the best word each time.
        as_json: One JSON object with all of it.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    must_be_in_range({"beam": beam})
    translator = Translator.load(run)
    translator.model.to(choose_device(device))
    pairs = read_data(data or ["toy-test"], "test")
    console.print_scores(evaluate(translator, pairs, beam), as_json)


@bench.command(name="translation")
def bench_translation_command(
    *,
    seconds: float = 60.0,
    data: Annotated[list[str] | None, Many] = None,
    test: Annotated[list[str] | None, Many] = None,
    seed: int = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    plot: Path | None = None,
) -> None:
    """Train every translator for the same time, and print one table.

    Args:
        seconds: Processor time for each of them.
        data: What to learn from, given as for `attention train translation`; toy unless given.
        test: What to be measured on; toy-test unless given.
        seed: Start of all randomness.
        as_json: One JSON object a translator, instead of the table.
        plot: Draw BLEU against sentence length into this file (.svg, .png, .pdf).
    """
    must_be_in_range({"seconds": seconds, "seed": seed})
    if data and data != ["toy"] and not test:
        raise BadInput("--data needs a --test of its own")
    pairs, held_out = read_data(data or ["toy"]), read_data(test or ["toy-test"])
    contest = bench_translation(pairs, held_out, seconds, seed=seed)
    results = console.bench((result for _, result in contest), as_json)
    if plot:
        curves = {result.name: result.by_length for result in results}
        console.save_figure(plots.by_length(curves), plot)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; bad input gets one line on standard error and exit code 2."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # models this small run faster on one core than on a shared few
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (BadInput, CycloptsError, OSError) as error:
        line = " ".join(str(error).split())
        print(f"attention: {line}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
