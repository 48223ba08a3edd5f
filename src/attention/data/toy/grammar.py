"""The grammar of the toy corpus: how words agree, and how they change places on the way to French.

Nothing here is left to chance. Each function takes words and gives back an aligned phrase.
"""

from collections.abc import Sequence
from typing import NamedTuple

from attention.data.toy.lexicon import AVOIR, ETRE, THE, WAS
from attention.data.toy.phrase import VOWELS, Phrase, crossed, word
from attention.data.toy.words import (
    Adjective,
    Determiner,
    Forms,
    Noun,
    Pronoun,
    Verb,
    english_plural,
    french_plural,
)


class Agreement(NamedTuple):
    """What other words must know of a noun phrase to agree with it."""

    feminine: bool = False
    plural: bool = False
    first_person: bool = False

    def of(self, forms: Forms) -> str:
        """The form of a French verb that goes with this subject."""
        return forms[2 * self.plural + (not self.first_person)]

    def ending(self, participle: str) -> str:
        """The form of a French participle: *signé, signée, signés, signées*."""
        inflected = participle + "e" * self.feminine
        return french_plural(inflected) if self.plural else inflected


class Nominal(NamedTuple):
    """A noun phrase or a pronoun, and how to agree with it."""

    phrase: Phrase
    agreement: Agreement

    def with_(self, complement: Phrase) -> "Nominal":
        """The same people or things, said with more words."""
        return Nominal(self.phrase + complement, self.agreement)


# Noun phrases


def noun_phrase(
    determiner: Determiner, adjectives: Sequence[Adjective], noun: Noun, plural: bool = False
) -> Nominal:
    """A determiner, adjectives and a noun: *the new economic policy*."""
    agreement = Agreement(noun.feminine, plural)
    group = word(
        english_plural(noun.english) if plural else noun.english,
        french_plural(noun.french) if plural else noun.french,
    )
    for adjective in reversed(adjectives):
        qualifier = qualified(adjective, agreement)
        group = qualifier + group if adjective.first else crossed(qualifier, group)
    return Nominal(_article(determiner, agreement) + group, agreement)


def _article(determiner: Determiner, agreement: Agreement) -> Phrase:
    if agreement.plural:
        return word(determiner.english_plural, determiner.plural)
    french = determiner.feminine if agreement.feminine else determiner.masculine
    return word(determiner.english, french)


def qualified(adjective: Adjective, agreement: Agreement) -> Phrase:
    """An adjective as it agrees with its noun."""
    french = adjective.feminine if agreement.feminine else adjective.masculine
    return word(adjective.english, french_plural(french) if agreement.plural else french)


def named(adjectives: Sequence[Adjective], head: Noun) -> Nominal:
    """An institution: *the European Economic Area*."""
    return noun_phrase(THE, adjectives, head)


def country(noun: Noun) -> Nominal:
    """A country, to which French gives an article: *la France*."""
    article = "la" if noun.feminine else "le"
    return Nominal(word(noun.english, f"{article} {noun.french}"), Agreement(noun.feminine))


def pronoun(entry: Pronoun) -> Nominal:
    """A subject pronoun."""
    return Nominal(word(entry.english, entry.french), Agreement(*entry[2:]))


def both(first: Nominal, second: Nominal) -> Nominal:
    """Two together, feminine only when both are: *the queen and the minister*."""
    feminine = first.agreement.feminine and second.agreement.feminine
    phrase = first.phrase + word("and", "et") + second.phrase
    return Nominal(phrase, Agreement(feminine, plural=True))


# Verbs


def past(verb: Verb, subject: Agreement, before: Agreement | None = None) -> Phrase:
    """The past of a verb: *signed* → *ont signé*, *arrived* → *sont arrivés*.

    With *être* the participle agrees with the subject; with *avoir*, with an object, and only
    when it comes `before`: *la lettre que le ministre a signée*.
    """
    return word(verb.past, " ".join(_past_in_french(verb, subject, before)))


def did_not(verb: Verb, subject: Agreement) -> Phrase:
    """The past denied: *did not sign* → *n'ont pas signé*."""
    auxiliary, participle = _past_in_french(verb, subject)
    return negated(word("did", auxiliary) + word(verb.english, participle))


def _past_in_french(
    verb: Verb, subject: Agreement, before: Agreement | None = None
) -> tuple[str, str]:
    if verb.etre:
        return subject.of(ETRE), subject.ending(verb.french)
    return subject.of(AVOIR), before.ending(verb.french) if before else verb.french


def modal(english: str, forms: Forms, verb: Verb, subject: Agreement) -> Phrase:
    """What must or may be done: *must sign* → *doit signer*."""
    return word(english, subject.of(forms)) + word(verb.english, verb.infinitive)


def modal_passive(english: str, forms: Forms, verb: Verb, subject: Agreement) -> Phrase:
    """What must or may be done to it: *must be signed* → *doit être signé*."""
    done = word("be", "être") + word(verb.participle, subject.ending(verb.french))
    return word(english, subject.of(forms)) + done


def passive(verb: Verb, subject: Agreement) -> Phrase:
    """What was done to it: *was signed* → *a été signé*, two French words for *was*."""
    was = word("were" if subject.plural else "was", f"{subject.of(AVOIR)} été")
    return was + word(verb.participle, subject.ending(verb.french))


def being(subject: Agreement, past: bool = False) -> Phrase:
    """To be, now or in the past, before an adjective: *is* → *est*, *was* → *était*."""
    if past:
        return word("were" if subject.plural else "was", subject.of(WAS))
    singular = "am" if subject.first_person else "is"
    return word("are" if subject.plural else singular, subject.of(ETRE))


def negated(verb: Phrase) -> Phrase:
    """Put *not* after the first word, and *ne ... pas* around its French: *n'a pas été signé*.

    It is *pas* that says *not*; the weak *ne*, which speakers drop, goes with the verb.
    """
    english = (verb.english[0], "not", *verb.english[1:])
    french = ("ne", verb.french[0], "pas", *verb.french[1:])
    first, *rest = [place + (place > 0) for place in verb.origin]
    return Phrase(english, french, (first, first, 1, *rest))


# What else a sentence says


def preposition(english: str, french: str, nominal: Nominal) -> Phrase:
    """A preposition and what it governs: *on the area* → *sur la zone*."""
    return word(english, french) + nominal.phrase


def date(year: str, month: tuple[str, str] | None = None) -> Phrase:
    """*In August 1992*, or *in 1992*."""
    start = word("in", "en") + (word(*month) if month else Phrase())
    return start + word(year, year)


def within(noun: Noun) -> Phrase:
    """In a country: *en France*, *en Italie*, but *au Portugal*."""
    if noun.feminine or noun.french.lower().startswith(VOWELS):
        return word("in", "en") + word(noun.english, noun.french)
    return preposition("in", "à", country(noun))
