"""Commands for translators: train one, use it, and measure it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

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
from attention.data.parallel import load_pairs
from attention.errors import BadInput
from attention.evaluation.metrics import evaluate_translator
from attention.tasks.architectures import ARCHITECTURES
from attention.tasks.runs import TranslationRun
from attention.tasks.translation import Translator
from attention.tokenizers.words import split_words

__all__ = ["evaluate", "train_translation", "translate"]

TRAINING = with_defaults_of(ARCHITECTURES, "bahdanau")
Architecture = Literal["word-by-word", "fixed-vector", "bahdanau", "luong", "transformer"]
Window = Literal["monotonic", "predictive"]
AtMostOne = Parameter(consume_multiple=(0, 1), negative=())
Run = Annotated[Path, Parameter(help="The folder that `attention train translation` made.")]


def train_translation(
    *,
    out: Path,
    arch: Architecture | None = None,
    data: Annotated[list[str] | None, MANY] = None,
    valid: Annotated[list[str] | None, MANY] = None,
    training: Annotated[TrainingOptions | None, TRAINING] = None,
    d_model: int | None = None,
    d_embedding: int | None = None,
    n_heads: int | None = None,
    n_layers: int | None = None,
    d_ff: int | None = None,
    norm_first: Annotated[bool | None, FLAG] = None,
    subwords: int | None = None,
    dropout: float | None = None,
    reverse: Annotated[bool | None, FLAG] = None,
    score: Literal["dot", "general", "concat"] | None = None,
    local: Annotated[list[Window] | None, AtMostOne] = None,
    device: str | None = None,
    resume: Annotated[bool, FLAG] = False,
) -> None:
    """Train a translator from pairs of sentences.

    Ctrl-C stops between two steps and keeps what was learned; the same command with --resume
    goes on to the very weights that an unbroken run would have reached.

    Args:
        out: Folder for the translator.
        arch: word-by-word: a dictionary, learned by IBM Model 1 in --steps rounds over all pairs.
            fixed-vector: a GRU encoder-decoder with one vector between them. bahdanau (the
            default): additive attention. luong: dot-product attention. transformer: nothing but
            attention.
        data: toy (the default), the built-in English-French grammar; or FILE FILE, two files
            whose lines translate each other; or FILE, tab-separated, further columns ignored.
        valid: Pairs to measure the trained translator on, given like --data.
        d_model: Width of an encoded word and of the decoder's state; 128 unless given, for
            fixed-vector 192, for transformer 64.
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
    chosen = given(**vars(training or TrainingOptions()))
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
    must_be_in_range(chosen | sizes)
    device = choose_device(device)
    valid_pairs = load_pairs(valid, "valid") if valid else None
    if resume:
        run = TranslationRun.resume(out, device)
        must_agree(run, chosen | sizes | given(arch=arch, data=data))
    else:
        arch = arch or "bahdanau"
        must_belong(arch, sizes, ARCHITECTURES)
        config = replace(ARCHITECTURES[arch].training, **chosen)
        run = TranslationRun.begin(out, arch, data or ["toy"], config, device, **sizes)
    test = " ".join(run.data).replace("toy", "toy-test")
    console.train_to_the_end(
        run,
        f"{len(run.corpus):,} sentence pairs",
        [
            f'attention translate {out} "They arrived late ."',
            f"attention evaluate {out} --data {test}",
        ],
    )
    if valid_pairs:
        tables.print_scores(evaluate_translator(run.task, valid_pairs), as_json=False)


def translate(
    run: Run,
    sentences: Annotated[list[str] | None, FLAG] = None,
    /,
    *,
    beam: int = 1,
    attention: Path | None = None,
    as_json: Annotated[bool, JSON] = False,
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
    translator = _translator(run, device)
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


def evaluate(
    run: Run,
    /,
    *,
    data: Annotated[list[str] | None, MANY] = None,
    beam: int = 1,
    as_json: Annotated[bool, JSON] = False,
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
    translator = _translator(run, device)
    pairs = load_pairs(data or ["toy-test"], "test")
    tables.print_scores(evaluate_translator(translator, pairs, beam), as_json)


def _translator(run: Path, device: str | None) -> Translator:
    """The one in a folder, on its device; another model's folder is told what it is good for."""
    config = run / "config.json"
    if config.is_file() and not (run / "translator.json").exists():
        hint = "attention generate lets it write"
        if load_json(config).get("model_type") == "bert":
            hint = "attention fill and attention search use it"
        elif (run / "run.json").exists():
            command = f"attention train language --out {run} --resume --valid FILE"
            hint += f", and `{command}` measures it"
        raise BadInput(f"{run}: holds a language model, not a translator; {hint}")
    translator = Translator.load(run)
    translator.model.to(choose_device(device))
    return translator
