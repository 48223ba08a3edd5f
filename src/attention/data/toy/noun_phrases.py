"""Who and what a sentence may speak of, chosen by chance."""

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
    """Names people and things, and tells them apart by what they did or what was done to them.

    Args:
        chance: Where every choice comes from.
    """

    def __init__(self, chance: random.Random) -> None:
        self.roll = chance.random

    def maybe(self, probability: float) -> bool:
        return self.roll() < probability

    def one(self, choices: Sequence[T]) -> T:
        return choices[int(self.roll() * len(choices))]

    # Who and what

    def actor(self) -> Nominal:
        """Whoever acts, often a pronoun."""
        return g.pronoun(self.one(lex.PRONOUNS)) if self.maybe(0.35) else self.someone()

    def someone(self) -> Nominal:
        """Whoever acts, by name or description."""
        roll = self.roll()
        if roll < 0.3:
            return self.nominal("body")
        if roll < 0.4:
            return g.country(self.one(lex.COUNTRIES))
        if roll < 0.5:
            return g.both(self.nominal("person", full=False), self.nominal("person", full=False))
        return self.nominal("person")

    def nominal(self, kind: str, full: bool = True) -> Nominal:
        """People or things of a kind; when it is `full`, perhaps with what tells them apart."""
        if kind == "body":
            return self.institution()
        adjectives = [self.one(lex.FIRST)] if self.maybe(0.25) else []
        if self.maybe(0.3):
            adjectives.append(self.one(ADJECTIVES[kind]))
        plural = self.maybe(0.4)
        determiner = self.one(PLURAL if plural else SINGULAR) if self.maybe(0.4) else lex.THE
        nominal = g.noun_phrase(determiner, adjectives, self.one(NOUNS[kind]), plural)
        return self.told_apart(nominal, kind) if full and self.maybe(0.3) else nominal

    def institution(self) -> Nominal:
        first, second = self.one(lex.TITLES), self.one(lex.TITLES)
        titles = [first] if first == second or self.maybe(0.5) else [first, second]
        return g.named(titles, self.one(lex.INSTITUTIONS))

    def told_apart(self, nominal: Nominal, kind: str) -> Nominal:
        """Which of them: *of Italy*, *on the new law*, *who arrived late*, *that they signed*."""
        roll = self.roll()
        if roll < 0.2:
            return nominal.with_(g.preposition("of", "de", g.country(self.one(lex.COUNTRIES))))
        if roll < 0.4:
            owner = self.nominal(self.one(["body", "person"]), full=False)
            return nominal.with_(g.preposition("of", "de", owner))
        if kind == "person":
            return nominal.with_(word("who", "qui") + self.deed(nominal.agreement))
        if kind == "text" and roll < 0.7:
            topic = self.nominal(self.one(["body", "body", "event"]), full=False)
            return nominal.with_(g.preposition("on", "sur", topic))
        verb = self.one(VERBS[kind])
        if self.maybe(0.5):
            return nominal.with_(word("that", "qui") + g.passive(verb, nominal.agreement))
        maker = g.pronoun(self.one(lex.PRONOUNS)) if self.maybe(0.5) else self.institution()
        made = g.past(verb, maker.agreement, before=nominal.agreement)
        return nominal.with_(word("that", "que") + maker.phrase + made)

    # What they did, in a few words

    def did(self, verb: Verb, subject: Agreement) -> Phrase:
        return g.did_not(verb, subject) if self.maybe(0.1) else g.past(verb, subject)

    def was(self, kind: str, subject: Agreement) -> Phrase:
        was = g.passive(self.one(VERBS[kind]), subject)
        return g.negated(was) if self.maybe(0.1) else was

    def deed(self, subject: Agreement) -> Phrase:
        """What somebody did, in a few words."""
        if self.maybe(0.5):
            return self.did(self.one(lex.MOVING + lex.INTRANSITIVE), subject)
        kind = self.one(["text", "body", "event", "person"])
        return self.did(self.one(VERBS[kind]), subject) + self.nominal(kind, full=False).phrase
