"""Someone with something to say: sentences of the toy grammar, chosen by chance."""

import random
from collections.abc import Sequence
from typing import TypeVar

from attention.corpora import grammar as g
from attention.corpora import lexicon as lex
from attention.corpora.grammar import Agreement, Nominal
from attention.corpora.phrase import Phrase, word
from attention.corpora.words import Verb

T = TypeVar("T")

NOTHING = Phrase()
AND, COMMA = word("and", "et"), word(",", ",")
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


class Speaker:
    """Says one sentence after another, made of parts that go together freely.

    Args:
        chance: Where every choice comes from.
    """

    def __init__(self, chance: random.Random) -> None:
        self.roll = chance.random

    def maybe(self, probability: float) -> bool:
        return self.roll() < probability

    def one(self, choices: Sequence[T]) -> T:
        return choices[int(self.roll() * len(choices))]

    # Sentences

    def sentence(self) -> Phrase:
        """A whole sentence, from two words to as many as it takes."""
        roll = self.roll()
        if roll < 0.06:
            return self.command() + word("!", "!")
        if roll < 0.10:
            return word("who", "qui") + self.doing(Agreement()) + word("?", "?")
        return self.statement() + word(".", ".")

    def statement(self) -> Phrase:
        roll = self.roll()
        if roll < 0.14:
            return self.duty()
        if roll < 0.22:
            return self.time() + COMMA + self.event()
        if roll < 0.37:
            joined = self.clause() + word(*self.one(lex.CONJUNCTIONS)) + self.clause()
            return joined + COMMA + AND + self.clause() if roll < 0.24 else joined
        return self.clause()

    def command(self) -> Phrase:
        """*Listen*, *wait here and sign the agreement*."""
        if self.maybe(0.5):
            verb, kind = self.one(lex.COMMANDS_TO)
            return word(*verb) + self.nominal(kind, full=False).phrase
        order = word(*self.one(lex.COMMANDS))
        if self.maybe(0.7):
            order = order + (self.adverb() if self.maybe(0.5) else self.circumstances())
        return order + AND + self.command() if self.maybe(0.3) else order

    def event(self) -> Phrase:
        """What happened, in a few words."""
        if self.maybe(0.5):
            subject = self.actor()
            return subject.phrase + self.deed(subject.agreement)
        kind = self.one(["text", "text", "body", "body", "event", "person"])
        subject = self.nominal(kind)
        return subject.phrase + self.was(kind, subject.agreement)

    def clause(self) -> Phrase:
        """Somebody and what they did, or something and what was done to it or what it is like."""
        roll = self.roll()
        if roll < 0.32:
            return self.done()
        if roll < 0.42:
            return self.description()
        subject = self.actor()
        if roll < 0.49:
            said = self.did(self.one(lex.SAYING), subject.agreement)
            return subject.phrase + said + word("that", "que") + self.clause()
        return subject.phrase + self.doing(subject.agreement)

    # What is said

    def did(self, verb: Verb, subject: Agreement) -> Phrase:
        return g.did_not(verb, subject) if self.maybe(0.1) else g.past(verb, subject)

    def doing(self, subject: Agreement) -> Phrase:
        """What somebody did."""
        roll = self.roll()
        if roll < 0.3:
            how = word(*self.one(lex.MOVING_ADVERBS)) if self.maybe(0.5) else NOTHING
            return self.did(self.one(lex.MOVING), subject) + how + self.sometime()
        if roll < 0.5:
            how = self.adverb() if self.maybe(0.5) else NOTHING
            return self.did(self.one(lex.INTRANSITIVE), subject) + how + self.circumstances()
        kind = self.one(["text", "text", "body", "event", "person"])
        return (
            self.did(self.one(VERBS[kind]), subject)
            + self.nominal(kind).phrase
            + self.circumstances()
        )

    def done(self) -> Phrase:
        """What was done to something, and perhaps by whom."""
        kind = self.one(["text", "text", "body", "body", "event", "person"])
        subject, by = self.nominal(kind), NOTHING
        was = self.was(kind, subject.agreement)
        if self.maybe(0.2):
            by = g.preposition("by", "par", self.someone())
        return subject.phrase + was + by + self.circumstances()

    def was(self, kind: str, subject: Agreement) -> Phrase:
        was = g.passive(self.one(VERBS[kind]), subject)
        return g.negated(was) if self.maybe(0.1) else was

    def duty(self) -> Phrase:
        """What somebody must or may do, or what must or may be done."""
        when = word(*self.one(lex.AFTER_NOW)) if self.maybe(0.3) else NOTHING
        english, forms = self.one(lex.MODALS)
        kind = self.one(["text", "event", "body", "person"])
        verb, thing = self.one(VERBS[kind]), self.nominal(kind, full=False)
        if self.maybe(0.3):
            return thing.phrase + g.modal_passive(english, forms, verb, thing.agreement) + when
        subject, rest = self.actor(), thing.phrase
        if self.maybe(0.3):
            verb, rest = self.one(lex.INTRANSITIVE + lex.MOVING), NOTHING
        return subject.phrase + g.modal(english, forms, verb, subject.agreement) + rest + when

    def description(self) -> Phrase:
        """What somebody or something is or was like."""
        if self.maybe(0.4):
            subject = g.pronoun(self.one(lex.PRONOUNS))
        else:
            subject = self.nominal(self.one(["text", "event", "body", "person"]))
        being = g.being(subject.agreement, past=self.maybe(0.5))
        if self.maybe(0.1):
            being = g.negated(being)
        very = word("very", "très") if self.maybe(0.3) else NOTHING
        return (
            subject.phrase + being + very + g.qualified(self.one(lex.QUALITIES), subject.agreement)
        )

    # Who and what

    def actor(self) -> Nominal:
        """Whoever acts; a pronoun, more often than not."""
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

    def deed(self, subject: Agreement) -> Phrase:
        """What somebody did, in a few words."""
        if self.maybe(0.5):
            return self.did(self.one(lex.MOVING + lex.INTRANSITIVE), subject)
        kind = self.one(["text", "body", "event", "person"])
        return self.did(self.one(VERBS[kind]), subject) + self.nominal(kind, full=False).phrase

    # When, where and how

    def adverb(self) -> Phrase:
        return word(*self.one(lex.ADVERBS))

    def circumstances(self) -> Phrase:
        return (self.place() if self.maybe(0.2) else NOTHING) + self.sometime()

    def sometime(self) -> Phrase:
        return self.time() if self.maybe(0.35) else NOTHING

    def place(self) -> Phrase:
        if self.maybe(0.6):
            return word("in", "à") + word(*self.one(lex.CITIES))
        return g.within(self.one(lex.COUNTRIES))

    def time(self) -> Phrase:
        roll = self.roll()
        if roll < 0.6:
            return g.date(self.one(lex.YEARS), self.one(lex.MONTHS) if roll < 0.4 else None)
        if roll < 0.8:
            return word(*self.one(lex.BEFORE_NOW))
        return g.preposition(*self.one(lex.AROUND), self.nominal("event", full=False))
