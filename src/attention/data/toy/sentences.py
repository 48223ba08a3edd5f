"""Random sentences of the toy grammar: clauses, and the sentences made of them."""

from attention.data.toy import grammar as g
from attention.data.toy import lexicon as lex
from attention.data.toy.grammar import Agreement
from attention.data.toy.noun_phrases import VERBS, NounPhraseSampler
from attention.data.toy.phrase import Phrase, word

EMPTY = Phrase()
AND, COMMA = word("and", "et"), word(",", ",")


class SentenceSampler(NounPhraseSampler):
    """Samples sentences; each kind of clause is a method, which draws its parts at random."""

    # Sentences

    def sentence(self) -> Phrase:
        """A sentence with its punctuation: an imperative, a question or a declarative sentence."""
        draw = self.draw()
        if draw < 0.06:
            return self.imperative() + word("!", "!")
        if draw < 0.10:
            return word("who", "qui") + self.predicate(Agreement()) + word("?", "?")
        return self.declarative() + word(".", ".")

    def declarative(self) -> Phrase:
        """One clause, or two or three that are coordinated."""
        draw = self.draw()
        if draw < 0.14:
            return self.modal_clause()
        if draw < 0.22:
            return self.time_adverbial() + COMMA + self.short_clause()
        if draw < 0.30:
            joined = self.clause() + word(*self.choose(lex.CONJUNCTIONS)) + self.clause()
            return joined + COMMA + AND + self.clause() if draw < 0.23 else joined
        return self.clause()

    def imperative(self) -> Phrase:
        """*Listen*, or *wait in Paris and sign the agreement*."""
        if self.maybe(0.5):
            verb, kind = self.choose(lex.COMMANDS_TO)
            return word(*verb) + self.nominal(kind, modifiers=False).phrase
        command = word(*self.choose(lex.COMMANDS))
        if self.maybe(0.7):
            command = command + (self.adverb() if self.maybe(0.5) else self.place_adverbial())
        if self.maybe(0.3):
            command = command + word(*self.choose(lex.AFTER_NOW))
        return command + AND + self.imperative() if self.maybe(0.3) else command

    def short_clause(self) -> Phrase:
        """An active or passive clause without adverbials."""
        if self.maybe(0.5):
            subject = self.subject()
            return subject.phrase + self.short_predicate(subject.agreement)
        kind = self.choose(["text", "text", "body", "body", "event", "person"])
        subject = self.nominal(kind)
        return subject.phrase + self.passive(kind, subject.agreement)

    def clause(self) -> Phrase:
        """A main clause: passive, copular, with a *that* clause, or active."""
        draw = self.draw()
        if draw < 0.32:
            return self.passive_clause()
        if draw < 0.42:
            return self.copular_clause()
        subject = self.subject()
        if draw < 0.46:
            verb = self.active(self.choose(lex.SAYING), subject.agreement)
            return subject.phrase + verb + word("that", "que") + self.clause()
        return subject.phrase + self.predicate(subject.agreement)

    # Predicates and clauses

    def predicate(self, subject: Agreement) -> Phrase:
        """An active verb with its object and adverbials."""
        draw = self.draw()
        if draw < 0.3:
            how = word(*self.choose(lex.MOVING_ADVERBS)) if self.maybe(0.5) else EMPTY
            return self.active(self.choose(lex.MOVING), subject) + how + self.maybe_time()
        if draw < 0.5:
            how = self.adverb() if self.maybe(0.5) else EMPTY
            return self.active(self.choose(lex.INTRANSITIVE), subject) + how + self.adverbials()
        kind = self.choose(["text", "text", "body", "event", "person"])
        verb = self.active(self.choose(VERBS[kind]), subject)
        return verb + self.nominal(kind).phrase + self.adverbials()

    def passive_clause(self) -> Phrase:
        """A passive clause, some with an agent: *by the Council*."""
        kind = self.choose(["text", "text", "body", "body", "event", "person"])
        subject = self.nominal(kind)
        passive = self.passive(kind, subject.agreement)
        agent = g.preposition("by", "par", self.agent()) if self.maybe(0.2) else EMPTY
        return subject.phrase + passive + agent + self.adverbials()

    def modal_clause(self) -> Phrase:
        """A clause with *must* or *may*, active or passive."""
        when = word(*self.choose(lex.AFTER_NOW)) if self.maybe(0.3) else EMPTY
        english, forms = self.choose(lex.MODALS)
        kind = self.choose(["text", "event", "body", "person"])
        verb, patient = self.choose(VERBS[kind]), self.nominal(kind, modifiers=False)
        if self.maybe(0.3):
            passive = g.modal_passive(english, forms, verb, patient.agreement)
            return patient.phrase + passive + when
        subject, object_ = self.subject(), patient.phrase
        if self.maybe(0.3):
            verb, object_ = self.choose(lex.INTRANSITIVE + lex.MOVING), EMPTY
        return subject.phrase + g.modal(english, forms, verb, subject.agreement) + object_ + when

    def copular_clause(self) -> Phrase:
        """A subject, *to be* and an adjective."""
        if self.maybe(0.4):
            subject = g.pronoun(self.choose(lex.PRONOUNS))
        else:
            subject = self.nominal(self.choose(["text", "event", "body", "person"]))
        copula = g.copula(subject.agreement, past=self.maybe(0.5))
        if self.maybe(0.1):
            copula = g.negated(copula)
        very = word("very", "très") if self.maybe(0.3) else EMPTY
        adjective = g.agreeing(self.choose(lex.QUALITIES), subject.agreement)
        return subject.phrase + copula + very + adjective

    # Adverbials

    def adverb(self) -> Phrase:
        return word(*self.choose(lex.ADVERBS))

    def adverbials(self) -> Phrase:
        return (self.place_adverbial() if self.maybe(0.2) else EMPTY) + self.maybe_time()

    def maybe_time(self) -> Phrase:
        return self.time_adverbial() if self.maybe(0.35) else EMPTY

    def place_adverbial(self) -> Phrase:
        if self.maybe(0.6):
            return word("in", "à") + word(*self.choose(lex.CITIES))
        return g.in_country(self.choose(lex.COUNTRIES))

    def time_adverbial(self) -> Phrase:
        draw = self.draw()
        if draw < 0.6:
            return g.date(self.choose(lex.YEARS), self.choose(lex.MONTHS) if draw < 0.4 else None)
        if draw < 0.8:
            return word(*self.choose(lex.BEFORE_NOW))
        return g.preposition(*self.choose(lex.AROUND), self.nominal("event", modifiers=False))
