"""The toy corpus: English-French sentence pairs from a grammar, with gold word alignments."""

import random
import zlib
from functools import cache

from attention.data import Pair
from attention.data.toy import grammar as g
from attention.data.toy import lexicon as lex
from attention.data.toy.phrase import pair, word
from attention.data.toy.sentences import SentenceSampler
from attention.errors import BadInput

__all__ = ["SPLITS", "SPLIT_SIZES", "held_out", "pairs", "small_world", "split_of"]

SPLITS = ("train", "valid", "test")
SPLIT_SIZES = {"train": 50_000, "valid": 500, "test": 1_000}  # sentence pairs in `toy`
SMALL_WORDS = """
the he she we they i on of was in and late early .
agreement treaty report law letter decision budget contract reform resolution
council fund parliament area union bank market commission
european economic social international national central monetary african
signed adopted rejected examined created financed supported defended
arrived left returned entered
january february march april may june july august september october november december
"""
SMALL_WORLD = frozenset(SMALL_WORDS.split()) | {str(year) for year in range(1980, 2000)}


def pairs(split: str, n: int, seed: int = 0) -> list[Pair]:
    """Sample `n` different sentence pairs of a split.

    A seed always gives the same pairs, and a smaller `n` gives the first of them. Whatever the
    seed, no two splits share a sentence, and the `held_out` ones belong to the test split.

    Args:
        split: `"train"`, `"valid"` or `"test"`.
        n: The number of pairs.
        seed: Another seed gives other sentences.

    Raises:
        BadInput: There is no such split, or `n` is negative.
    """
    if split not in SPLITS:
        raise BadInput(f"there is no toy split {split!r}: choose {', '.join(SPLITS)}")
    if n < 0:
        raise BadInput(f"cannot make {n} toy sentences")
    sampler = SentenceSampler(random.Random(seed))
    made: dict[str, Pair] = {}
    while len(made) < n:
        sentence = pair(sampler.sentence())
        if split_of(sentence.source) == split:
            made.setdefault(sentence.source, sentence)
    return list(made.values())


def small_world(split: str, n: int) -> list[Pair]:
    """Those of the first `n` pairs of a split that a small language model learns in seconds.

    Their English has a vocabulary of 84 words, and no long sentences.

    Raises:
        BadInput: There is no such split, or `n` is negative.
    """
    return [p for p in pairs(split, n) if SMALL_WORLD.issuperset(p.source.lower().split())]


def split_of(source: str) -> str:
    """The split of an English sentence: a tenth are for validation and a tenth for testing.

    It is a hash of the sentence, so that it is the same for every seed and size.
    """
    if source in held_out():
        return "test"
    bucket = zlib.crc32(source.encode()) % 10
    return "test" if bucket == 0 else "valid" if bucket == 1 else "train"


@cache
def held_out() -> dict[str, Pair]:
    """The Introduction's sentences, by their English: test data that no training split contains."""
    nouns = {noun.english: noun for noun in [*lex.TEXTS, *lex.INSTITUTIONS]}
    titles = {title.english: title for title in lex.TITLES}
    verbs = {verb.english: verb for verb in [*lex.TRANSITIVE, *lex.MOVING]}
    months, late, stop = dict(lex.MONTHS), word(*lex.MOVING_ADVERBS[0]), word(".", ".")

    they = g.pronoun(lex.PRONOUNS[0])
    area = g.institution([titles["European"], titles["Economic"]], nouns["Area"])
    agreement = g.noun_phrase(lex.THE, [], nouns["agreement"])
    on_area = agreement.phrase + g.preposition("on", "sur", area)
    arrived = g.past(verbs["arrive"], they.agreement)
    signed = g.passive(verbs["sign"], agreement.agreement)
    created = g.passive(verbs["create"], area.agreement)
    sentences = [
        pair(on_area + signed + g.date("1992", ("August", months["August"])) + stop),
        pair(they.phrase + arrived + late + stop),
        pair(area.phrase + created + g.date("1994", ("January", months["January"])) + stop),
    ]
    return {sentence.source: sentence for sentence in sentences}
