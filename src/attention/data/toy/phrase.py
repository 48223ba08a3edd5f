"""Phrases in two languages at once, with every French word tied to the English word it translates.

Grammar is written in terms of these: a phrase is built from smaller ones, so the alignment of a
whole sentence comes out by construction, however often its words change places on the way.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Phrase:
    """The same thing said in English and in French.

    Args:
        english: The English words.
        french: The French words, in French order.
        origin: For each French word, the place of the English word that it translates.
    """

    english: tuple[str, ...] = ()
    french: tuple[str, ...] = ()
    origin: tuple[int, ...] = ()

    def __add__(self, other: "Phrase") -> "Phrase":
        """One phrase after the other, in both languages."""
        shift = len(self.english)
        origin = self.origin + tuple([place + shift for place in other.origin])
        return Phrase(self.english + other.english, self.french + other.french, origin)


def word(english: str, french: str) -> Phrase:
    """One English word and the French word or words that it becomes: `late`, `en retard`."""
    words = tuple(french.split())
    return Phrase((english,), words, (0,) * len(words))


def crossed(first: Phrase, second: Phrase) -> Phrase:
    """Two phrases that change places in French, as `European` `agreement` → `accord` `européen`."""
    shift = len(first.english)
    origin = tuple([place + shift for place in second.origin]) + first.origin
    return Phrase(first.english + second.english, second.french + first.french, origin)


def pair(phrase: Phrase) -> Pair:
    """Write a sentence down as one says it: *l'accord*, *du conseil*, *an agreement*, capitals.

    These touch only neighbouring words, so they wait until every word has found its place.
    """
    english = _with_an(list(phrase.english))
    french, origin = _contracted(_elided(list(phrase.french)), list(phrase.origin))
    source, target = " ".join(english), " ".join(french).replace("' ", "'")
    links = frozenset(enumerate(origin))
    return Pair(source[0].upper() + source[1:], target[0].upper() + target[1:], links)


def _with_an(words: list[str]) -> list[str]:
    for i, here in enumerate(words[:-1]):
        # "European" begins with the sound of "you"; no other word of the lexicon misleads.
        if here == "a" and words[i + 1][0] in "aeiou":
            words[i] = "an"
    return words


def _elided(words: list[str]) -> list[str]:
    for i, here in enumerate(words[:-1]):
        if here in BEFORE_A_VOWEL and words[i + 1].lower().startswith(VOWELS):
            words[i] = BEFORE_A_VOWEL[here]
    return words


def _contracted(words: list[str], origin: list[int]) -> tuple[list[str], list[int]]:
    """Melt `de` and `le` into `du`, which keeps the link of its first half."""
    for i in range(len(words) - 2, -1, -1):
        both = CONTRACTIONS.get((words[i], words[i + 1]))
        if both:
            words[i : i + 2] = [both]
            del origin[i + 1]
    return words, origin
