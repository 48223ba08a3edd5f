"""How good is a translator, or a language model? Measures, with what they need to be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from torch.nn import functional as F

from attention.data import Pair
from attention.errors import BadInput
from attention.shapes import Float, Tensor
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


@dataclass(frozen=True)
class TranslationScores:
    """What `evaluate` measured.

    Attributes:
        bleu: Corpus BLEU, 0 to 100: how many runs of one to four words are right.
        chrf: chrF, 0 to 100: the same for runs of characters.
        exact_match: Share of translations that are the reference, letter by letter, 0 to 1.
        aer: Alignment error rate, 0 (best) to 1; None where no gold alignment is known, or where
            the model looks nowhere.
        signature: sacrebleu's note of how BLEU was computed; quote it with the number.
        sentences: How many were translated.
    """

    bleu: float
    chrf: float
    exact_match: float
    aer: float | None
    signature: str
    sentences: int


def evaluate_translator(
    translator: Translator, pairs: Sequence[Pair], beam: int = 1
) -> TranslationScores:
    """Translate the sources and compare with the references.

    The alignment error is measured while the model writes the *reference* translations, so that
    every word has a gold link to be compared with.
    """
    texts = [translation.text for translation in translator.translate(_sources(pairs), beam)]
    references = [" ".join(pair.target.split()) for pair in pairs]
    bleu = BLEU(force=True)  # the toy corpus ends in " ." on purpose
    return TranslationScores(
        bleu=bleu.corpus_score(texts, [references]).score,
        chrf=CHRF().corpus_score(texts, [references]).score,
        exact_match=sum(map(str.__eq__, texts, references)) / len(pairs),
        aer=_measured_aer(translator, pairs),
        signature=str(bleu.get_signature()),
        sentences=len(pairs),
    )


def bleu_by_length(
    translator: Translator, pairs: Sequence[Pair], lengths: Sequence[int] = LENGTHS
) -> dict[int, float]:
    """BLEU of the sentences with up to so many words, and more than the length before.

    A length that no sentence has is left out.

    Source: the counterpart of Bahdanau et al. 2014, figure 2.
    """
    groups: dict[int, list[Pair]] = {}
    for pair in pairs:
        words = len(split_words(pair.source))
        if longest := next((length for length in lengths if words <= length), None):
            groups.setdefault(longest, []).append(pair)
    return {
        length: evaluate_translator(translator, groups[length]).bleu for length in sorted(groups)
    }


def alignment_error_rate(
    found: Sequence[frozenset[tuple[int, int]]], gold: Sequence[frozenset[tuple[int, int]]]
) -> float:
    """One minus the share of links on which two alignments agree, over a whole corpus.

    All gold links count as sure. Source: Och and Ney 2003, section 4.2.
    """
    agreed = sum(len(f & g) for f, g in zip(found, gold, strict=True))
    return 1 - 2 * agreed / (sum(map(len, found)) + sum(map(len, gold)))


def hard_alignment(weights: Float[Tensor, "T S"]) -> frozenset[tuple[int, int]]:
    """Link each target word to the source word that it looks at most."""
    return frozenset(enumerate(weights.argmax(dim=-1).tolist()))


@dataclass(frozen=True)
class LanguageModelScores:
    """What `evaluate_language_model` measured.

    Attributes:
        loss: Minus the log-likelihood of a piece of a word, on average.
        perplexity: e to the loss: as hard as guessing among so many pieces, all as likely.
        bits_per_byte: What all pieces together cost, in bits, for each byte of the texts. Unlike
            the others, it can be compared between models of different vocabularies.
        pieces: How many were guessed; the mark that ends a text is one.
    """

    loss: float
    perplexity: float
    bits_per_byte: float
    pieces: int


@torch.inference_mode()
def evaluate_language_model(language: LanguageModel, texts: Sequence[str]) -> LanguageModelScores:
    """Let a language model guess each piece of these texts from those before it.

    They are read in windows of the model's `max_len`, and at the beginning of a window the model
    knows nothing of the one before: a longer `max_len` makes the guesses easier.

    Raises:
        BadInput: There is nothing to guess.

    Source of the bits per byte: Gao et al. 2020, arXiv 2101.00027.
    """
    ids, width = language.stream(texts), language.model.config.max_len
    if len(ids) < 2:
        raise BadInput("the text is too short to measure a model on: nothing is left to guess")
    total = 0.0
    for seen, following in zip(ids[:-1].split(width), ids[1:].split(width), strict=True):
        logits = language.model(seen.unsqueeze(0).to(language.device)).squeeze(0).float()
        total += F.cross_entropy(logits, following.to(logits.device), reduction="sum").item()
    pieces, size = len(ids) - 1, sum(len(text.encode()) for text in texts)
    loss = total / pieces
    perplexity = torch.tensor(loss).exp().item()  # endless, where a float of Python's would end
    return LanguageModelScores(loss, perplexity, total / math.log(2) / size, pieces)


def _sources(pairs: Sequence[Pair]) -> list[str]:
    return [pair.source for pair in pairs]


def _measured_aer(translator: Translator, pairs: Sequence[Pair]) -> float | None:
    known = [pair for pair in pairs if pair.alignment is not None]
    looks = translator.align(known)
    if not looks:
        return None
    found = [hard_alignment(weights) for weights in looks]
    return alignment_error_rate(found, [pair.alignment or frozenset() for pair in known])
