"""`attention train language`: train a language model on a text."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from attention.checkpoints import load_json
from attention.cli import suggestions, tables
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.options import (
    FLAG,
    MANY,
    TrainingOptions,
    check_belongs_to,
    check_keeps_model,
    check_ranges,
    check_unchanged,
    check_validation,
    drop_unset,
    training_group,
)
from attention.cli.progress import train_with_progress
from attention.cli.run_options import DEFAULT_RUN, OutFolder, RunOptions
from attention.cli.stages import announced
from attention.data.prose import read_texts
from attention.errors import BadInput
from attention.evaluation.metrics import evaluate_language_model
from attention.hub.download import find
from attention.tasks.architectures import LANGUAGE_MODELS
from attention.tasks.runs import LanguageModelRun, MaskedLMRun, Run
from attention.tasks.start_summary import language_summary
from attention.training.config import TrainingConfig
from attention.training.metrics_log import TensorBoardLog, summary_writer

__all__ = ["train_language"]

TRAINING = training_group(LANGUAGE_MODELS, "gpt")
Architecture = Literal["gpt", "llama", "bert"]


def train_language(
    *,
    out: OutFolder,
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
    run_options: RunOptions = DEFAULT_RUN,
    compute: ComputeOptions = DEFAULT_COMPUTE,
    tensorboard: Annotated[bool, FLAG] = False,
) -> None:
    """Train a language model on a text.

    A GPT and a Llama are autoregressive: they learn to predict each token from those before it. A
    BERT is a bidirectional encoder: it learns to predict masked tokens, and embeddings by which a
    query finds its paragraph.

    Ctrl-C and SIGTERM stop between two steps and save the run; the same command with --resume
    continues it, and reaches the very weights of an uninterrupted run on as many threads.

    Args:
        out: Folder to save the model in, in Hugging Face's layout.
        arch: gpt (the default): GPT-2's architecture. llama: that of Llama 3.1. bert: an encoder,
            for `attention fill` and `attention search`.
        data: book (the default), the chapters of this book, where it is checked out; or toy, the
            English sentences of the built-in grammar; or FILE ..., text in UTF-8.
        valid: gpt, llama: held-out texts to measure the trained model on, given like --data: loss
            per token, perplexity, and bits per byte, which can be compared between vocabularies.
        d_model: Model dimension; 128 unless given.
        n_heads: Attention heads of each layer; 4 unless given.
        n_kv_heads: llama: KV heads of each layer, each shared by a group of attention heads; 2
            unless given.
        n_layers: Blocks; 4 unless given, for bert 1.
        d_ff: Hidden dimension of the position-wise feed-forward networks; four times d_model
            unless given, for llama 8/3 of it.
        max_len: Context length: the most tokens that the model attends to; 256 unless given, for
            bert 64.
        subwords: Size of the subword vocabulary; 1000 unless given, for bert 3000.
        dropout: gpt, bert: dropout probability; for gpt 0, for bert 0.1 unless given.
        tensorboard: Write the metrics of log.jsonl for TensorBoard as well, into --out.
    """
    chosen = drop_unset(**vars(training or TrainingOptions()))
    sizes = drop_unset(
        d_model=d_model,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        n_layers=n_layers,
        d_ff=d_ff,
        max_len=max_len,
        subwords=subwords,
        dropout=dropout,
    )
    check_ranges(chosen | sizes)
    saving, start = run_options.saving(), run_options.start
    if tensorboard:
        summary_writer()  # is it installed?
    device = compute.start()
    with announced():
        kind = _kind(arch, out if run_options.resume else start)
        if valid and kind is MaskedLMRun:
            raise BadInput("--valid does not go with --arch bert, but with gpt or llama")
        held_out = (
            read_texts(["toy-valid" if name == "toy" else name for name in valid])
            if valid
            else None
        )
        if run_options.resume:
            run = kind.resume(out, device, data, steps=chosen.get("steps"))
            check_unchanged(run, chosen | sizes | drop_unset(arch=arch, **{"from": start}))
        elif start:
            check_validation(TrainingConfig(**chosen), start, valid)
            check_keeps_model(start, sizes | drop_unset(arch=arch))
            run = kind.fine_tune(out, start, data or ["book"], device, **chosen)
        else:
            arch = arch or "gpt"
            check_belongs_to(arch, sizes, LANGUAGE_MODELS)
            config = replace(LANGUAGE_MODELS[arch].training, **chosen)
            check_validation(config, arch, valid)
            run = kind.begin(out, arch, data or ["book"], config, device, **sizes)
        config = run.trainer.config
        check_validation(config, run.task.arch, valid)
        compute.prepare(run.task.model)
        if held_out and config.valid_every:
            run.trainer.validate = lambda: evaluate_language_model(run.task, held_out).loss
        if tensorboard:
            run.trainer.reporters.append(TensorBoardLog(out, run.trainer.step))
        summary = language_summary(run.task, run.corpus, run.trainer.encoded, config)
    characters = sum(map(len, run.corpus))
    next_commands = (
        suggestions.after_masked_lm(out, run.data)
        if isinstance(run, MaskedLMRun)
        else suggestions.after_language_model(out, run.data, run.corpus)
    )
    size = f"{characters:,} characters of text"
    train_with_progress(run, size, next_commands, summary.lines(), **saving)
    if held_out:
        tables.print_language_scores(evaluate_language_model(run.task, held_out))


def _kind(arch: str | None, saved: Path | str | None) -> type[Run]:
    """The kind of run for an architecture, or for a model that is saved already."""
    if saved is None:
        return MaskedLMRun if arch == "bert" else LanguageModelRun
    folder = find(saved) if isinstance(saved, str) else saved
    config = folder / "config.json"
    is_bert = config.is_file() and load_json(config).get("model_type") == "bert"
    return MaskedLMRun if is_bert else LanguageModelRun
