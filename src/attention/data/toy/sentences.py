"""Someone with something to say: sentences of the toy grammar, chosen by chance."""

from attention.data.toy import grammar as g
from attention.data.toy import lexicon as lex
from attention.data.toy.grammar import Agreement
from attention.data.toy.noun_phrases import VERBS, NounPhraseSampler
from attention.data.toy.phrase import Phrase, word

NOTHING = Phrase()
AND, COMMA = word("and", "et"), word(",", ",")


class SentenceSampler(NounPhraseSampler):
    """Says one sentence after another, made of parts that go together freely."""

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
        if roll < 0.30:
            joined = self.clause() + word(*self.one(lex.CONJUNCTIONS)) + self.clause()
            return joined + COMMA + AND + self.clause() if roll < 0.23 else joined
        return self.clause()

    def command(self) -> Phrase:
        """*Listen*, *wait in Paris and sign the agreement*."""
        if self.maybe(0.5):
            verb, kind = self.one(lex.COMMANDS_TO)
            return word(*verb) + self.nominal(kind, full=False).phrase
        order = word(*self.one(lex.COMMANDS))
        if self.maybe(0.7):
            order = order + (self.adverb() if self.maybe(0.5) else self.place())
        if self.maybe(0.3):
            order = order + word(*self.one(lex.AFTER_NOW))
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
        if roll < 0.46:
            said = self.did(self.one(lex.SAYING), subject.agreement)
            return subject.phrase + said + word("that", "que") + self.clause()
        return subject.phrase + self.doing(subject.agreement)

    # What is said

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
