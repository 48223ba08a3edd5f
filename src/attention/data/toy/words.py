"""What agreement needs to know of a word, and how words of either language form their plurals."""

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
    """An adjective: English, French masculine and feminine, and whether French says it first."""

    english: str
    masculine: str
    feminine: str
    first: bool = False


class Determiner(NamedTuple):
    """A determiner: English singular and plural, then French as in *le, la, les*.

    A form that does not exist is empty: *every* has no plural, *several* no singular.
    """

    english: str
    english_plural: str
    masculine: str
    feminine: str
    plural: str


class Pronoun(NamedTuple):
    """A subject pronoun, and how other words agree with it."""

    english: str
    french: str
    feminine: bool = False
    plural: bool = False
    first_person: bool = False


class Verb(NamedTuple):
    """A verb: English base, past and participle, then French infinitive and participle.

    `objects` are the kinds of things it can be done to. `etre` is true of verbs of coming and
    going, which make their past with *être*.
    """

    english: str
    past: str
    participle: str
    infinitive: str
    french: str
    objects: frozenset[str] = frozenset()
    etre: bool = False


Forms = tuple[str, str, str, str]  # of a French verb, with je, il, nous, ils

_PLURALS = {"man": "men", "woman": "women", "crisis": "crises"}


@cache
def english_plural(word: str) -> str:
    """More than one: *treaty* → *treaties*, *speech* → *speeches*, *woman* → *women*."""
    if word in _PLURALS:
        return _PLURALS[word]
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "ch")) else "s")


@cache
def french_plural(word: str) -> str:
    """More than one: *accord* → *accords*, *national* → *nationaux*, *nouveau* → *nouveaux*."""
    if word.endswith(("s", "x")):
        return word
    if word.endswith("al"):
        return word[:-1] + "ux"
    return word + ("x" if word.endswith("au") else "s")
