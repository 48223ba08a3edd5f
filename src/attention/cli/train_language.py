"""`attention train language`: train a language model on a text."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from attention.checkpoints import load_json
from attention.cli import suggestions, tables
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.console import progress
from attention.cli.options import FLAG, MANY, TrainingOptions, drop_unset, training_group
from attention.cli.progress import train_with_progress
from attention.cli.run_options import DEFAULT_RUN, OutFolder, RunOptions
from attention.cli.stages import announced
from attention.cli.training import TypedRun
from attention.evaluation.metrics import evaluate_language_model
from attention.hub.download import find
from attention.tasks.architectures import LANGUAGE_MODELS
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm_validation import masked_lm_validation
from attention.tasks.runs import LanguageModelRun, MaskedLMRun, Run
from attention.tasks.start_summary import language_summary

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
        valid: Held-out texts, given like --data: the loss on them, measured every --valid-every
            steps, decides which weights are kept, and the trained model is measured on them. For a
            gpt or llama: loss per token, perplexity, and bits per byte, which can be compared
            between vocabularies. For a bert: loss per masked token.
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
    chosen = drop_unset(**vars(training or TrainingOptions()))
    typed = TypedRun(
        "train language",
        *(out, arch, data, valid, chosen, sizes, run_options, tensorboard),
        default_arch="gpt",
        default_data="book",
    )
    saving, device = typed.check(), compute.start()
    with announced():
        kind = _kind(arch, out if run_options.resume else run_options.start)
        masked = kind is MaskedLMRun
        validation = masked_lm_validation if masked else _language_model_validation
        run = typed.open(kind, compute, device, validation)
        config, encoded = run.trainer.config, run.trainer.encoded
        summary = language_summary(run.task, run.corpus, encoded, config, run.held_out)
    next_commands = (
        suggestions.after_masked_lm(out, run.data)
        if masked
        else suggestions.after_language_model(out, run.data, run.corpus)
    )
    size = f"{sum(map(len, run.corpus)):,} characters of text"
    train_with_progress(run, size, next_commands, summary.lines(), **saving)
    if run.held_out and masked:
        loss = masked_lm_validation(run.task, run.held_out)()
        tables.print_masked_lm_loss(loss, run.valid)
    elif run.held_out:
        track = partial(progress, unit="window")
        scores = evaluate_language_model(run.task, run.held_out, track)
        tables.print_language_scores(scores, data=run.valid)


def _language_model_validation(
    language_model: LanguageModel, texts: Sequence[str]
) -> Callable[[], float]:
    return lambda: evaluate_language_model(language_model, texts).loss


def _kind(arch: str | None, saved: Path | str | None) -> type[Run]:
    """The kind of run for an architecture, or for a model that is saved already."""
    if saved is None:
        return MaskedLMRun if arch == "bert" else LanguageModelRun
    folder = find(saved) if isinstance(saved, str) else saved
    config = folder / "config.json"
    is_bert = config.is_file() and load_json(config).get("model_type") == "bert"
    return MaskedLMRun if is_bert else LanguageModelRun
