"""Random noun phrases of the toy grammar, with complements and relative clauses."""

import random
from collections.abc import Sequence
from typing import TypeVar

from attention.data.toy import grammar as g
from attention.data.toy import lexicon as lex
from attention.data.toy.grammar import Agreement, Nominal
from attention.data.toy.phrase import Phrase, word
from attention.data.toy.words import Verb

T = TypeVar("T")

NOUNS = {"person": lex.PEOPLE, "text": lex.TEXTS, "event": lex.EVENTS}
ADJECTIVES = {
    "person": lex.ORIGINS + lex.QUALITIES,
    "text": lex.ORIGINS + lex.FIELDS + lex.QUALITIES,
    "event": lex.ORIGINS + lex.FIELDS + lex.QUALITIES,
}
SINGULAR = [determiner for determiner in lex.DETERMINERS if determiner.english]
PLURAL = [determiner for determiner in lex.DETERMINERS if determiner.english_plural]
VERBS = {
    kind: [verb for verb in lex.TRANSITIVE if kind in verb.objects]
    for kind in ("person", "text", "event", "body")
}


class NounPhraseSampler:
    """Samples noun phrases. Nouns are of four kinds: `person`, `text`, `event` and `body`.

    Args:
        rng: Source of all randomness.
    """

    def __init__(self, rng: random.Random) -> None:
        self.draw = rng.random  # uniform in [0, 1)

    def maybe(self, probability: float) -> bool:
        """True with this probability."""
        return self.draw() < probability

    def choose(self, choices: Sequence[T]) -> T:
        """One of the choices, all equally likely."""
        return choices[int(self.draw() * len(choices))]

    # Noun phrases

    def subject(self) -> Nominal:
        """The subject of an active verb, often a pronoun."""
        return g.pronoun(self.choose(lex.PRONOUNS)) if self.maybe(0.35) else self.agent()

    def agent(self) -> Nominal:
        """A noun phrase that can act: an institution, a country, one person or two."""
        draw = self.draw()
        if draw < 0.3:
            return self.nominal("body")
        if draw < 0.4:
            return g.country(self.choose(lex.COUNTRIES))
        if draw < 0.5:
            first, second = (self.nominal("person", modifiers=False) for _ in range(2))
            return g.coordinated(first, second)
        return self.nominal("person")

    def nominal(self, kind: str, modifiers: bool = True) -> Nominal:
        """A noun phrase of a kind. With `modifiers`, some have a complement or relative clause."""
        if kind == "body":
            return self.institution()
        adjectives = [self.choose(lex.PRENOMINAL)] if self.maybe(0.25) else []
        if self.maybe(0.3):
            adjectives.append(self.choose(ADJECTIVES[kind]))
        plural = self.maybe(0.4)
        determiner = self.choose(PLURAL if plural else SINGULAR) if self.maybe(0.4) else lex.THE
        nominal = g.noun_phrase(determiner, adjectives, self.choose(NOUNS[kind]), plural)
        return self.postmodified(nominal, kind) if modifiers and self.maybe(0.3) else nominal

    def institution(self) -> Nominal:
        """An institution with one or two adjectives in its name."""
        first, second = self.choose(lex.TITLES), self.choose(lex.TITLES)
        titles = [first] if first == second or self.maybe(0.5) else [first, second]
        return g.institution(titles, self.choose(lex.INSTITUTIONS))

    def postmodified(self, nominal: Nominal, kind: str) -> Nominal:
        """With a modifier: *of Italy*, *on the new law*, *who arrived late*, *that they signed*."""
        draw = self.draw()
        if draw < 0.2:
            country = g.country(self.choose(lex.COUNTRIES))
            return nominal.modified_by(g.preposition("of", "de", country))
        if draw < 0.4:
            owner = self.nominal(self.choose(["body", "person"]), modifiers=False)
            return nominal.modified_by(g.preposition("of", "de", owner))
        if kind == "person":
            return nominal.modified_by(word("who", "qui") + self.short_predicate(nominal.agreement))
        if kind == "text" and draw < 0.7:
            topic = self.nominal(self.choose(["body", "body", "event"]), modifiers=False)
            return nominal.modified_by(g.preposition("on", "sur", topic))
        verb = self.choose(VERBS[kind])
        if self.maybe(0.5):
            return nominal.modified_by(word("that", "qui") + g.passive(verb, nominal.agreement))
        subject = g.pronoun(self.choose(lex.PRONOUNS)) if self.maybe(0.5) else self.institution()
        past = g.past(verb, subject.agreement, preceding_object=nominal.agreement)
        return nominal.modified_by(word("that", "que") + subject.phrase + past)

    # Verb phrases, which relative clauses need too

    def active(self, verb: Verb, subject: Agreement) -> Phrase:
        """The past of a verb, now and then negated."""
        return g.negated_past(verb, subject) if self.maybe(0.1) else g.past(verb, subject)

    def passive(self, kind: str, subject: Agreement) -> Phrase:
        """The past passive of a verb whose object is of this kind, now and then negated."""
        passive = g.passive(self.choose(VERBS[kind]), subject)
        return g.negated(passive) if self.maybe(0.1) else passive

    def short_predicate(self, subject: Agreement) -> Phrase:
        """A verb with at most an object, and that without modifiers."""
        if self.maybe(0.5):
            return self.active(self.choose(lex.MOVING + lex.INTRANSITIVE), subject)
        kind = self.choose(["text", "body", "event", "person"])
        verb = self.active(self.choose(VERBS[kind]), subject)
        return verb + self.nominal(kind, modifiers=False).phrase
