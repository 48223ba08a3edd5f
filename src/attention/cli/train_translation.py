"""`attention train translation`: train a translator from pairs of sentences."""

from typing import Annotated, Literal

from cyclopts import Parameter

from attention.cli import suggestions, tables
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.console import progress
from attention.cli.options import FLAG, MANY, TrainingOptions, drop_unset, training_group
from attention.cli.progress import train_with_progress
from attention.cli.run_options import DEFAULT_RUN, OutFolder, RunOptions
from attention.cli.stages import announced
from attention.cli.training import TypedRun
from attention.errors import BadInput
from attention.evaluation.metrics import evaluate_translator
from attention.tasks.architectures import ARCHITECTURES
from attention.tasks.objectives import translation_validation
from attention.tasks.runs import TranslationRun
from attention.tasks.start_summary import translation_summary

__all__ = ["train_translation"]

TRAINING = training_group(ARCHITECTURES, "bahdanau")
Architecture = Literal["word-by-word", "fixed-vector", "bahdanau", "luong", "transformer"]
Window = Literal["monotonic", "predictive"]
AtMostOne = Parameter(consume_multiple=(0, 1), negative=())


def train_translation(
    *,
    out: OutFolder,
    arch: Architecture | None = None,
    data: Annotated[list[str] | None, MANY] = None,
    valid: Annotated[list[str] | None, MANY] = None,
    training: Annotated[TrainingOptions | None, TRAINING] = None,
    max_length: int | None = None,
    min_count: int | None = None,
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
    run_options: RunOptions = DEFAULT_RUN,
    compute: ComputeOptions = DEFAULT_COMPUTE,
    tensorboard: Annotated[bool, FLAG] = False,
) -> None:
    """Train a translator from pairs of sentences.

    Ctrl-C and SIGTERM stop between two steps and save the run; the same command with --resume
    continues it, and reaches the very weights of an uninterrupted run on as many threads.

    Args:
        out: Folder to save the translator in.
        arch: word-by-word: IBM Model 1, a probabilistic dictionary, trained by EM; --steps counts
            its iterations over all pairs. fixed-vector: a GRU encoder-decoder with a
            fixed-length vector between them. bahdanau (the default): additive attention. luong:
            dot-product attention. transformer: self-attention and cross-attention, without
            recurrence.
        data: toy (the default), the built-in English-French grammar; or FILE FILE, two
            line-aligned files, the source first; or FILE, tab-separated, of which the first two
            columns count.
        valid: Held-out pairs, given like --data: the loss on them, measured every --valid-every
            steps, decides which weights are kept, and the trained translator is measured on them.
        max_length: Pairs with more tokens than this on either side are not trained on; 100 unless
            given.
        min_count: How often a word occurs in --data to be in its vocabulary; 2 unless given.
        d_model: Model dimension, also that of the recurrent hidden states; 128 unless given, for
            fixed-vector 192, for transformer 64.
        d_embedding: Embedding dimension, where it is not d_model; 64 unless given.
        n_heads: transformer: attention heads of each layer; 4 unless given.
        n_layers: transformer: blocks of the encoder, and of the decoder; 2 unless given.
        d_ff: transformer: hidden dimension of the position-wise feed-forward networks; 256 unless
            given.
        norm_first: transformer: pre-norm, which deep models need, instead of post-norm.
        subwords: Size of one subword vocabulary for both languages; unless given, each language
            has a vocabulary of whole words.
        dropout: Dropout probability; 0 unless given. Small corpora need about 0.3.
        reverse: fixed-vector: reverse the order of the source tokens.
        score: luong: the function that scores a query against a key; dot unless given.
        local: luong: local attention, in a window around a position that the decoder predicts
            (predictive, which --local alone means) or around the position of the target token
            (monotonic). Global attention unless given.
        tensorboard: Write the metrics of log.jsonl for TensorBoard as well, into --out.
    """
    sizes = drop_unset(
        min_count=min_count,
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
    chosen = drop_unset(**vars(training or TrainingOptions()), max_length=max_length)
    typed = TypedRun(
        "train translation",
        *(out, arch, data, valid, chosen, sizes, run_options, tensorboard),
        default_arch="bahdanau",
        default_data="toy",
    )
    saving, device = typed.check(), compute.start()
    if min_count and subwords:
        raise BadInput("--min-count does not go with --subwords, but with words")
    with announced():
        run = typed.open(TranslationRun, compute, device, translation_validation)
        config, encoded = run.trainer.config, run.trainer.encoded
        summary = translation_summary(run.task, run.corpus, encoded, config, run.held_out)
    train_with_progress(
        run,
        f"{len(run.corpus):,} sentence pairs",
        suggestions.after_translator(out, run.data, run.valid, run.corpus),
        summary.lines(),
        **saving,
    )
    if run.held_out:
        scores = evaluate_translator(run.task, run.held_out, track=progress)
        tables.print_translation_scores(scores, as_json=False, data=run.valid)
