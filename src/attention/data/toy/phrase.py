"""Aligned phrases: a phrase in English and in French, with a link for every French word.

The grammar builds phrases from smaller ones, and the operations keep the links. So the gold
alignment of a sentence is correct by construction, however its words are reordered.
"""

from functools import cache
from typing import NamedTuple

from attention.data import Pair

BEFORE_A_VOWEL = {
    "le": "l'",
    "la": "l'",
    "de": "d'",
    "que": "qu'",
    "je": "j'",
    "ne": "n'",
    "ce": "cet",
    "nouveau": "nouvel",
}
CONTRACTIONS = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au"}
VOWELS = tuple("aàâeéèêiîoôuh")  # every French h of the lexicon is silent


class Phrase(NamedTuple):
    """A phrase in English, its French translation, and their word alignment.

    Args:
        english: The English words.
        french: The French words, in French order.
        alignment: For each French word, the position of the English word that it translates.
    """

    english: tuple[str, ...] = ()
    french: tuple[str, ...] = ()
    alignment: tuple[int, ...] = ()

    def __add__(self, other: "Phrase") -> "Phrase":  # type: ignore[override]
        """Concatenate two phrases, in the same order in both languages."""
        shift = len(self.english)
        alignment = self.alignment + tuple([i + shift for i in other.alignment])
        return Phrase(self.english + other.english, self.french + other.french, alignment)


@cache  # the lexicon is small, and each of its words is in many sentences
def word(english: str, french: str) -> Phrase:
    """One English word and the French word or words that translate it: *late*, *en retard*."""
    words = tuple(french.split())
    return Phrase((english,), words, (0,) * len(words))


def crossed(first: Phrase, second: Phrase) -> Phrase:
    """Concatenate two phrases, in French in reverse order: *European law*, *loi européenne*."""
    shift = len(first.english)
    alignment = tuple([i + shift for i in second.alignment]) + first.alignment
    return Phrase(first.english + second.english, second.french + first.french, alignment)


def pair(phrase: Phrase) -> Pair:
    """Spell a sentence out: *an* for *a*, elision, contraction and an initial capital.

    Elision (*l'accord*) and contraction (*du conseil*) depend on the next word, so they are applied
    last, when the word order is final.
    """
    english = _with_an(list(phrase.english))
    french, alignment = _contracted(_elided(list(phrase.french)), list(phrase.alignment))
    source, target = " ".join(english), " ".join(french).replace("' ", "'")
    links = frozenset(enumerate(alignment))
    return Pair(source[0].upper() + source[1:], target[0].upper() + target[1:], links)


def _with_an(words: list[str]) -> list[str]:
    for i, here in enumerate(words[:-1]):
        # "European" begins with a consonant sound; it is capitalised, so that it gets "a".
        if here == "a" and words[i + 1][0] in "aeiou":
            words[i] = "an"
    return words


def _elided(words: list[str]) -> list[str]:
    for i, here in enumerate(words[:-1]):
        if here in BEFORE_A_VOWEL and words[i + 1].lower().startswith(VOWELS):
            words[i] = BEFORE_A_VOWEL[here]
    return words


def _contracted(words: list[str], alignment: list[int]) -> tuple[list[str], list[int]]:
    """Contract *de le* to *du*, and the like; the contraction keeps the link of its first word."""
    for i in range(len(words) - 2, -1, -1):
        both = CONTRACTIONS.get((words[i], words[i + 1]))
        if both:
            words[i : i + 2] = [both]
            del alignment[i + 1]
    return words, alignment
