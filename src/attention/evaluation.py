"""How good is a translator? Four measures, each with what it needs to be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from attention.corpora import Pair
from attention.shapes import Float, Tensor
from attention.text import split_words
from attention.translation import Translator

__all__ = [
    "Scores",
    "alignment_error_rate",
    "bleu_by_length",
    "evaluate",
    "hard_alignment",
]

LENGTHS = (5, 10, 15, 20, 25, 100)


@dataclass(frozen=True)
class Scores:
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


def evaluate(translator: Translator, pairs: Sequence[Pair], beam: int = 1) -> Scores:
    """Translate the sources and compare with the references.

    The alignment error is measured while the model writes the *reference* translations, so that
    every word has a gold link to be compared with.
    """
    texts = [translation.text for translation in translator.translate(_sources(pairs), beam)]
    references = [" ".join(pair.target.split()) for pair in pairs]
    bleu = BLEU(force=True)  # the toy corpus ends in " ." on purpose
    return Scores(
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
    return {length: evaluate(translator, groups[length]).bleu for length in sorted(groups)}


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


def _sources(pairs: Sequence[Pair]) -> list[str]:
    return [pair.source for pair in pairs]


def _measured_aer(translator: Translator, pairs: Sequence[Pair]) -> float | None:
    known = [pair for pair in pairs if pair.alignment is not None]
    looks = translator.align(known)
    if not looks:
        return None
    found = [hard_alignment(weights) for weights in looks]
    return alignment_error_rate(found, [pair.alignment or frozenset() for pair in known])
