"""What a run is about to train, and on what: the figures that a person checks before it begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from attention.data import Pair
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
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

    def lines(self) -> list[str]:
        """The summary as lines to print."""
        left_out = [f"{count:,} {reason}" for reason, count in self.left_out.items() if count]
        longest = "" if self.longest is None else f", the longest {self.longest:,}"
        sizes = ", ".join(f"{name} {size:,}" for name, size in self.vocabularies.items())
        rare = ""
        if self.min_count is not None:
            rare = f"; words that occur less than {self.min_count} times: {self.rare_words:,}"
        unknown = self.unknown / max(1, self.tokens)
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        where = threads if self.device == "cpu" else self.device
        return [
            f"  corpus      {self.examples}{longest}; left out: {', '.join(left_out) or 'none'}",
            f"  vocabulary  {sizes}{rare}",
            f"  tokens      {self.tokens:,}, {unknown:.2%} unknown",
            f"  model       {self.parameters:,} parameters, {where}, {self.precision}",
        ]


def translation_summary(
    translator: Translator, pairs: Sequence[Pair], config: TrainingConfig
) -> StartSummary:
    """The figures of sentence pairs that a translator is about to be trained on."""
    source, target = translator.source_tokenizer, translator.target_tokenizer
    rare: set[tuple[int, str]] = set()
    kept = tokens = unknown = longest = 0
    for pair in pairs:
        sides = (source, pair.source), (target, pair.target)
        ids = [tokenizer.encode(text) for tokenizer, text in sides]
        if max(map(len, ids)) > config.max_length:
            continue
        kept, tokens = kept + 1, tokens + sum(map(len, ids))
        longest = max(longest, *map(len, ids))
        for side, (tokenizer, text) in enumerate(sides):
            if count := ids[side].count(UNK):
                unknown += count
                rare |= {(side, word) for word in tokenizer.unknown(text)}
    sizes = {"source": len(source), "target": len(target)}
    too_long = f"longer than {config.max_length:,} tokens"
    return StartSummary(
        examples=f"{kept:,} sentence pairs",
        tokens=tokens,
        vocabularies={"shared": len(source)} if source is target else sizes,
        left_out={too_long: len(pairs) - kept},
        longest=longest,
        unknown=unknown,
        min_count=source.min_count if isinstance(source, WordTokenizer) else None,
        rare_words=len(rare),
        **_of_model(translator, config),
    )


def language_summary(
    task: LanguageModel | MaskedLM, texts: Sequence[Any], config: TrainingConfig
) -> StartSummary:
    """The figures of texts that a language model is about to be trained on."""
    if isinstance(task, MaskedLM):
        max_len = task.model.config.max_len
        rows = [row for text in texts for row in task.tokenizer.windows(str(text), max_len)]
        tokens, unknown = sum(map(len, rows)), sum(row.count(UNK) for row in rows)
        vocabulary = len(task.tokenizer)
    else:  # byte-level BPE knows every text
        tokens, unknown = len(task.encode_corpus(texts)), 0
        vocabulary = task.tokenizer.get_vocab_size()
    return StartSummary(
        examples=f"{sum(map(len, texts)):,} characters of text",
        tokens=tokens,
        vocabularies={"subwords": vocabulary},
        unknown=unknown,
        **_of_model(task, config),
    )


def _of_model(task: Any, config: TrainingConfig) -> dict[str, Any]:
    tensors = [*task.model.parameters(), *task.model.buffers()]
    return {
        "parameters": sum(parameter.numel() for parameter in task.model.parameters()),
        "device": tensors[0].device.type,
        "threads": torch.get_num_threads(),
        "precision": config.precision,
    }
