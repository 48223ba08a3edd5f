"""Metrics of translators (BLEU, chrF, exact match, AER) and of language models (perplexity)."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from torch.nn import functional as F

from attention.data import Pair
from attention.errors import BadInput
from attention.shapes import Float, Tensor
from attention.tasks.decoding import Search
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.translation import Translator
from attention.tokenizers.words import split_words

__all__ = [
    "LanguageModelScores",
    "TranslationScores",
    "alignment_error_rate",
    "bleu_by_length",
    "evaluate_language_model",
    "evaluate_translator",
    "hard_alignment",
]

LENGTHS = (5, 10, 15, 20, 25, 100)
NOT_PREDICTED = -100  # the target that `cross_entropy` leaves out
LONGEST_WINDOW = 4096  # tokens; the logits of more need gigabytes where the vocabulary is large

Track = Callable[[Iterable[Any], int], Iterable[Any]]
Alignment = frozenset[tuple[int, int]]  # links (target position, source position)


def _untracked(items: Iterable[Any], total: int) -> Iterable[Any]:
    return items


@dataclass(frozen=True)
class TranslationScores:
    """The scores of a translator on a test set.

    Attributes:
        bleu: Corpus BLEU, 0 to 100: the precision of n-grams of one to four words.
        chrf: chrF, 0 to 100: the F-score of character n-grams.
        exact_match: The proportion of translations that equal their reference, case included.
        aer: Alignment error rate, 0 (best) to 1; None if the test set has no gold alignments or the
            model no attention.
        signature: How sacrebleu computed BLEU; report it with the score.
        sentences: The number of sentences.
    """

    bleu: float
    chrf: float
    exact_match: float
    aer: float | None
    signature: str
    sentences: int


def evaluate_translator(
    translator: Translator, pairs: Sequence[Pair], beam_size: int = 1, track: Track = _untracked
) -> TranslationScores:
    """Translate the sources, and compare the hypotheses with the references.

    The alignment error rate is measured with teacher forcing on the references, because gold links
    are known for their tokens only.

    Raises:
        BadInput: There are no pairs.
    """
    if not pairs:
        raise BadInput("there are no sentence pairs to evaluate on")
    translations = translator.stream([pair.source for pair in pairs], Search(beam_size))
    hypotheses = [translation.text for translation in track(translations, len(pairs))]
    references = [" ".join(pair.target.split()) for pair in pairs]
    bleu = BLEU(force=True)  # no warning that the toy corpus looks tokenized: it ends in " ."
    return TranslationScores(
        bleu=bleu.corpus_score(hypotheses, [references]).score,
        chrf=CHRF().corpus_score(hypotheses, [references]).score,
        exact_match=sum(map(str.__eq__, hypotheses, references)) / len(pairs),
        aer=_alignment_error_rate_of(translator, pairs),
        signature=str(bleu.get_signature()),
        sentences=len(pairs),
    )


def bleu_by_length(
    translator: Translator, pairs: Sequence[Pair], lengths: Sequence[int] = LENGTHS
) -> dict[int, float]:
    """BLEU by the length of the source: up to each of `lengths`, and above the one before.

    A length without sentences is left out.

    Source: as in Bahdanau et al. 2014, figure 2.
    """
    groups: dict[int, list[Pair]] = {}
    for pair in pairs:
        n_words = len(split_words(pair.source))
        if longest := next((length for length in lengths if n_words <= length), None):
            groups.setdefault(longest, []).append(pair)
    return {
        length: evaluate_translator(translator, groups[length]).bleu for length in sorted(groups)
    }


def alignment_error_rate(predicted: Sequence[Alignment], gold: Sequence[Alignment]) -> float:
    """The alignment error rate (AER) of a corpus, from 0 (best) to 1; all gold links are sure.

    Args:
        predicted: The links (target position, source position) of each sentence pair.
        gold: The correct ones.

    Raises:
        BadInput: Neither has any link, so that the rate is undefined.

    Source: Och and Ney 2003.
    """
    correct = sum(len(p & g) for p, g in zip(predicted, gold, strict=True))
    links = sum(map(len, predicted)) + sum(map(len, gold))
    if not links:
        raise BadInput("no links in either alignment: the alignment error rate is undefined")
    return 1 - 2 * correct / links


def hard_alignment(weights: Float[Tensor, "T S"]) -> Alignment:
    """Link each target token to the source token with its largest attention weight."""
    return frozenset(enumerate(weights.argmax(dim=-1).tolist()))


@dataclass(frozen=True)
class LanguageModelScores:
    """The scores of a language model on a corpus.

    Attributes:
        loss: The mean negative log-likelihood of a token, in nats.
        perplexity: e to the power of the loss: a uniform choice among so many tokens would be as
            uncertain.
        bits_per_byte: The negative log-likelihood of the corpus in bits, divided by its length in
            bytes. Unlike the others, it is comparable between tokenizers.
        n_tokens: The number of tokens predicted; the one that ends each text is included.
    """

    loss: float
    perplexity: float
    bits_per_byte: float
    n_tokens: int


@torch.inference_mode()
def evaluate_language_model(
    language_model: LanguageModel, texts: Sequence[str], track: Track = _untracked
) -> LanguageModelScores:
    """Predict each token of a corpus from the tokens before it.

    The corpus is cut into windows of the model's `max_len`, or of 4,096 tokens if that is longer;
    they have no context from the window before, so a longer `max_len` makes prediction easier. A
    token that only begins texts is context, and is never predicted.

    Args:
        track: Passes on the windows, whose number it gets too: for a progress bar.

    Raises:
        BadInput: There is no token to predict.

    Source of bits per byte: Gao et al. 2020, arXiv 2101.00027.
    """
    ids = language_model.encode_corpus(texts)
    length = min(language_model.model.config.max_len, LONGEST_WINDOW)
    targets = ids[1:]
    if language_model.bos_id is not None and language_model.bos_id not in language_model.eos_ids:
        targets = targets.masked_fill(targets == language_model.bos_id, NOT_PREDICTED)
    n_tokens = int((targets != NOT_PREDICTED).sum())
    n_bytes = sum(len(text.encode()) for text in texts)
    if not n_tokens or not n_bytes:
        raise BadInput("the text is too short to evaluate on: there is no token to predict")
    total = 0.0
    windows = list(zip(ids[:-1].split(length), targets.split(length), strict=True))
    for window, target in track(windows, len(windows)):
        logits = language_model.model(window.unsqueeze(0).to(language_model.device)).squeeze(0)
        target = target.to(logits.device)
        total += F.cross_entropy(
            logits.float(), target, ignore_index=NOT_PREDICTED, reduction="sum"
        ).item()
    perplexity = torch.tensor(total / n_tokens).exp().item()  # infinite where math.exp would fail
    bits = total / math.log(2)
    return LanguageModelScores(total / n_tokens, perplexity, bits / n_bytes, n_tokens)


def _alignment_error_rate_of(translator: Translator, pairs: Sequence[Pair]) -> float | None:
    aligned = [pair for pair in pairs if pair.alignment is not None]
    weights = translator.align(aligned)
    if not weights:
        return None
    predicted = [hard_alignment(each) for each in weights]
    return alignment_error_rate(predicted, [pair.alignment or frozenset() for pair in aligned])
