"""What a run is about to train, and on what: the figures that a person checks before it begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from attention.data import Pair
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.objectives import EncodedPairs
from attention.tasks.run_data import count_in_both
from attention.tasks.translation import Translator
from attention.tokenizers.special_tokens import UNK
from attention.tokenizers.words import WordTokenizer
from attention.training.config import TrainingConfig

__all__ = ["StartSummary", "language_summary", "translation_summary"]


@dataclass(frozen=True)
class StartSummary:
    """The figures of a corpus as a model's tokenizers encode it, and of the model.

    Attributes:
        examples: What the corpus consists of, and how many are trained on.
        tokens: In these, on both sides of pairs.
        vocabularies: The size of each vocabulary, by what it is of.
        parameters: Of the model.
        device: Of the model.
        threads: On a CPU.
        precision: As in `TrainingConfig`.
        left_out: Pairs that are not trained on, by reason.
        longest: Tokens in the longest side of a pair that is trained on; None for texts.
        unknown: Tokens that are encoded as `<unk>`.
        min_count: How often a word occurs to be in a vocabulary; None where words are not its unit.
        rare_words: Words of the corpus that occur less often.
        held_out: How much there is to validate on; None for nothing.
        also_trained_on: How much of this is in the training data, too.
    """

    examples: str
    tokens: int
    vocabularies: dict[str, int]
    parameters: int
    device: str
    threads: int
    precision: str
    left_out: dict[str, int] = field(default_factory=dict)
    longest: int | None = None
    unknown: int = 0
    min_count: int | None = None
    rare_words: int = 0
    held_out: str | None = None
    also_trained_on: int = 0

    def lines(self) -> list[str]:
        """The summary as lines to print."""
        left_out = [f"{count:,} {reason}" for reason, count in self.left_out.items() if count]
        longest = "" if self.longest is None else f", the longest {self.longest:,}"
        sizes = ", ".join(f"{name} {size:,}" for name, size in self.vocabularies.items())
        rare = ""
        if self.min_count is not None:
            rare = f"; words that occur fewer than {self.min_count} times: {self.rare_words:,}"
        unknown = self.unknown / max(1, self.tokens)
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        where = threads if self.device == "cpu" else self.device
        warning = f"; NOT held out: {self.also_trained_on:,} are in --data, too"
        held_out = f"  validation  {self.held_out}{warning * bool(self.also_trained_on)}"
        return [
            f"  corpus      {self.examples}{longest}; left out: {', '.join(left_out) or 'none'}",
            f"  vocabulary  {sizes}{rare}",
            f"  tokens      {self.tokens:,}, {unknown:.2%} unknown",
            f"  model       {self.parameters:,} parameters, {where}, {self.precision}",
            *([held_out] if self.held_out else []),
        ]


def translation_summary(
    translator: Translator,
    pairs: Sequence[Pair],
    encoded: EncodedPairs,
    config: TrainingConfig,
    held_out: Sequence[Pair] = (),
) -> StartSummary:
    """The figures of sentence pairs that a translator is about to be trained on.

    Args:
        encoded: The pairs as `translation_trainer` has encoded them.
        held_out: Pairs to validate on.
    """
    source, target = translator.source_tokenizer, translator.target_tokenizer
    lengths = [*map(len, encoded.sources), *map(len, encoded.targets)]
    rare: set[tuple[int, str]] = set()
    unknown = 0
    for i, *sides in zip(encoded.kept, encoded.sources, encoded.targets, strict=True):
        for side, (tokenizer, ids) in enumerate(zip((source, target), sides, strict=True)):
            if count := ids.count(UNK):
                unknown += count
                rare |= {(side, word) for word in tokenizer.unknown(pairs[i][:2][side])}
    sizes = {"source": len(source), "target": len(target)}
    too_long = f"longer than {config.max_length:,} tokens"
    return StartSummary(
        examples=f"{len(encoded.kept):,} sentence pairs",
        tokens=sum(lengths),
        vocabularies={"shared": len(source)} if source is target else sizes,
        left_out={too_long: len(pairs) - len(encoded.kept)},
        longest=max(lengths, default=0),
        unknown=unknown,
        min_count=source.min_count if isinstance(source, WordTokenizer) else None,
        rare_words=len(rare),
        **_of_validation(pairs, held_out, "sentence pairs"),
        **_of_model(translator, config),
    )


def language_summary(
    task: LanguageModel | MaskedLM,
    texts: Sequence[Any],
    encoded: Any,
    config: TrainingConfig,
    held_out: Sequence[Any] = (),
) -> StartSummary:
    """The figures of texts that a language model is about to be trained on.

    Args:
        encoded: The texts as the trainer has encoded them: the windows of a `MaskedLM`, or the
            token ids of a `LanguageModel`.
        held_out: Texts to validate on.
    """
    unit = "lines of text"
    if isinstance(task, MaskedLM):
        unit = "paragraphs"
        tokens, unknown = (
            sum(map(len, encoded)),
            sum(row.count(task.tokenizer.unk_id) for row in encoded),
        )
        vocabulary = len(task.tokenizer)
    else:  # byte-level BPE knows every text
        tokens, unknown = len(encoded), 0
        vocabulary = task.tokenizer.get_vocab_size()
    return StartSummary(
        examples=f"{sum(map(len, texts)):,} characters of text",
        tokens=tokens,
        vocabularies={"subwords": vocabulary},
        unknown=unknown,
        **_of_validation(texts, held_out, unit),
        **_of_model(task, config),
    )


def _of_validation(corpus: Sequence[Any], held_out: Sequence[Any], unit: str) -> dict[str, Any]:
    if not held_out:
        return {}
    in_both, of_all = count_in_both(corpus, held_out)
    return {"held_out": f"{of_all:,} {unit}", "also_trained_on": in_both}


def _of_model(task: Any, config: TrainingConfig) -> dict[str, Any]:
    tensors = [*task.model.parameters(), *task.model.buffers()]
    return {
        "parameters": sum(parameter.numel() for parameter in task.model.parameters()),
        "device": tensors[0].device.type,
        "threads": torch.get_num_threads(),
        "precision": config.precision,
    }
