"""The entries of the lexicon, by part of speech, and the plurals of either language."""

from functools import cache
from typing import NamedTuple


class Noun(NamedTuple):
    """A noun: its singular in each language, and its French gender, `m` or `f`."""

    english: str
    french: str
    gender: str

    @property
    def feminine(self) -> bool:
        return self.gender == "f"


class Adjective(NamedTuple):
    """An adjective: English, French masculine and feminine, and whether it precedes its noun."""

    english: str
    masculine: str
    feminine: str
    prenominal: bool = False


class Determiner(NamedTuple):
    """A determiner: English singular and plural, then French as in *le, la, les*.

    A form that does not exist is empty, such as the plural of *every*.
    """

    english: str
    english_plural: str
    masculine: str
    feminine: str
    plural: str


class Pronoun(NamedTuple):
    """A subject pronoun in each language, and the features that other words agree with."""

    english: str
    french: str
    feminine: bool = False
    plural: bool = False
    first_person: bool = False


class Verb(NamedTuple):
    """A verb: English base, past and participle, then French infinitive and participle.

    `objects` are the kinds of noun that can be its object. `etre` is true of verbs of motion, whose
    past has the auxiliary *être*.
    """

    english: str
    past: str
    participle: str
    infinitive: str
    french: str
    objects: frozenset[str] = frozenset()
    etre: bool = False


Forms = tuple[str, str, str, str]  # of a French verb after je, il, nous and ils

_PLURALS = {"man": "men", "woman": "women", "crisis": "crises"}


@cache
def english_plural(word: str) -> str:
    """The plural of an English noun: *treaty* → *treaties*, *speech* → *speeches*."""
    if word in _PLURALS:
        return _PLURALS[word]
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "ch")) else "s")


@cache
def french_plural(word: str) -> str:
    """The plural of a French word: *accord* → *accords*, *national* → *nationaux*."""
    if word.endswith(("s", "x")):
        return word
    if word.endswith("al"):
        return word[:-1] + "ux"
    return word + ("x" if word.endswith("au") else "s")
