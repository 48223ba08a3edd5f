"""The grammar of the toy corpus: agreement in French, and word order that differs from English.

Nothing here is random. Each function takes lexicon entries and returns a phrase in both languages
with its word alignment.
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
    """The features of a noun phrase that verbs, participles and adjectives agree with."""

    feminine: bool = False
    plural: bool = False
    first_person: bool = False

    def conjugate(self, forms: Forms) -> str:
        """The form of a French verb that agrees with this subject."""
        return forms[2 * self.plural + (not self.first_person)]

    def inflect(self, participle: str) -> str:
        """A French participle in agreement: *signé, signée, signés, signées*."""
        inflected = participle + "e" * self.feminine
        return french_plural(inflected) if self.plural else inflected


class Nominal(NamedTuple):
    """A noun phrase or pronoun, and the features that other words agree with."""

    phrase: Phrase
    agreement: Agreement

    def modified_by(self, complement: Phrase) -> "Nominal":
        """The same noun phrase with a complement or relative clause after it."""
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
        modifier = agreeing(adjective, agreement)
        group = modifier + group if adjective.prenominal else crossed(modifier, group)
    return Nominal(_article(determiner, agreement) + group, agreement)


def _article(determiner: Determiner, agreement: Agreement) -> Phrase:
    if agreement.plural:
        return word(determiner.english_plural, determiner.plural)
    french = determiner.feminine if agreement.feminine else determiner.masculine
    return word(determiner.english, french)


def agreeing(adjective: Adjective, agreement: Agreement) -> Phrase:
    """An adjective in agreement with its noun."""
    french = adjective.feminine if agreement.feminine else adjective.masculine
    return word(adjective.english, french_plural(french) if agreement.plural else french)


def institution(adjectives: Sequence[Adjective], head: Noun) -> Nominal:
    """An institution: *the European Economic Area*."""
    return noun_phrase(THE, adjectives, head)


def country(noun: Noun) -> Nominal:
    """A country, which takes an article in French: *la France*."""
    article = "la" if noun.feminine else "le"
    return Nominal(word(noun.english, f"{article} {noun.french}"), Agreement(noun.feminine))


def pronoun(entry: Pronoun) -> Nominal:
    """A subject pronoun."""
    return Nominal(word(entry.english, entry.french), Agreement(*entry[2:]))


def coordinated(first: Nominal, second: Nominal) -> Nominal:
    """Two coordinated noun phrases, feminine only when both are: *the queen and the minister*."""
    feminine = first.agreement.feminine and second.agreement.feminine
    phrase = first.phrase + word("and", "et") + second.phrase
    return Nominal(phrase, Agreement(feminine, plural=True))


# Verbs


def past(verb: Verb, subject: Agreement, preceding_object: Agreement | None = None) -> Phrase:
    """The past of a verb: *signed* → *ont signé*, *arrived* → *sont arrivés*.

    With *être* the participle agrees with the subject. With *avoir* it agrees with the object, and
    only with one that precedes the verb: *la lettre que le ministre a signée*.
    """
    return word(verb.past, " ".join(_past_in_french(verb, subject, preceding_object)))


def negated_past(verb: Verb, subject: Agreement) -> Phrase:
    """The negated past of a verb: *did not sign* → *n'ont pas signé*."""
    auxiliary, participle = _past_in_french(verb, subject)
    return negated(word("did", auxiliary) + word(verb.english, participle))


def _past_in_french(
    verb: Verb, subject: Agreement, preceding_object: Agreement | None = None
) -> tuple[str, str]:
    if verb.etre:
        return subject.conjugate(ETRE), subject.inflect(verb.french)
    return subject.conjugate(AVOIR), preceding_object.inflect(
        verb.french
    ) if preceding_object else verb.french


def modal(english: str, forms: Forms, verb: Verb, subject: Agreement) -> Phrase:
    """A modal verb and an infinitive: *must sign* → *doit signer*."""
    return word(english, subject.conjugate(forms)) + word(verb.english, verb.infinitive)


def modal_passive(english: str, forms: Forms, verb: Verb, subject: Agreement) -> Phrase:
    """A modal verb and a passive infinitive: *must be signed* → *doit être signé*."""
    done = word("be", "être") + word(verb.participle, subject.inflect(verb.french))
    return word(english, subject.conjugate(forms)) + done


def passive(verb: Verb, subject: Agreement) -> Phrase:
    """The past passive: *was signed* → *a été signé*, with two French words for *was*."""
    was = word("were" if subject.plural else "was", f"{subject.conjugate(AVOIR)} été")
    return was + word(verb.participle, subject.inflect(verb.french))


def copula(subject: Agreement, past: bool = False) -> Phrase:
    """*To be* before an adjective, present or past: *is* → *est*, *was* → *était*."""
    if past:
        return word("were" if subject.plural else "was", subject.conjugate(WAS))
    singular = "am" if subject.first_person else "is"
    return word("are" if subject.plural else singular, subject.conjugate(ETRE))


def negated(verb: Phrase) -> Phrase:
    """Negation: *not* after the first word, *ne ... pas* around its French: *n'a pas été signé*.

    *Not* is aligned to *pas*. The weak *ne*, which speakers often drop, is aligned to the verb.
    """
    english = (verb.english[0], "not", *verb.english[1:])
    french = ("ne", verb.french[0], "pas", *verb.french[1:])
    first, *rest = [position + (position > 0) for position in verb.alignment]
    return Phrase(english, french, (first, first, 1, *rest))


# Prepositional phrases and dates


def preposition(english: str, french: str, nominal: Nominal) -> Phrase:
    """A prepositional phrase: *on the area* → *sur la zone*."""
    return word(english, french) + nominal.phrase


def date(year: str, month: tuple[str, str] | None = None) -> Phrase:
    """*In August 1992*, or *in 1992*."""
    start = word("in", "en") + (word(*month) if month else Phrase())
    return start + word(year, year)


def in_country(noun: Noun) -> Phrase:
    """*In* a country: *en France*, *en Italie*, but *au Portugal*."""
    if noun.feminine or noun.french.lower().startswith(VOWELS):
        return word("in", "en") + word(noun.english, noun.french)
    return preposition("in", "à", country(noun))
