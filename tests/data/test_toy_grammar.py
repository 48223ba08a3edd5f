"""The grammar of the toy corpus: agreement, elision, word order and gold links."""

import random
import re

import pytest

from attention.data.toy import grammar as g
from attention.data.toy import lexicon as lex
from attention.data.toy.grammar import Agreement
from attention.data.toy.noun_phrases import NounPhraseSampler
from attention.data.toy.phrase import Phrase, crossed, pair, word
from attention.data.toy.words import Adjective, Determiner, Noun, Verb
from attention.tokenizers.words import split_words

pytestmark = pytest.mark.on_cpu(reason="text only")


def noun(english: str) -> Noun:
    tables = [lex.PEOPLE, lex.TEXTS, lex.EVENTS, lex.INSTITUTIONS, lex.COUNTRIES]
    return next(entry for table in tables for entry in table if entry.english == english)


def adjective(english: str) -> Adjective:
    tables = lex.PRENOMINAL, lex.ORIGINS, lex.FIELDS, lex.QUALITIES
    return next(entry for table in tables for entry in table if entry.english == english)


def determiner(english: str) -> Determiner:
    return next(d for d in [lex.THE, *lex.DETERMINERS] if english in (d.english, d.english_plural))


def verb(english: str) -> Verb:
    verbs = lex.TRANSITIVE + lex.MOVING + lex.INTRANSITIVE + lex.SAYING
    return next(entry for entry in verbs if entry.english == english)


def things(text: str) -> g.Nominal:
    """`these new important law +s` as a noun phrase; `+s` asks for the plural."""
    first, *middle, last = text.removesuffix(" +s").split()
    found = [adjective(name) for name in middle]
    return g.noun_phrase(determiner(first), found, noun(last), plural=text.endswith("+s"))


# Grammar


@pytest.mark.parametrize(
    ("phrase", "target"),
    [
        ("the law", "La loi"),
        ("the agreement", "L'accord"),
        ("the agreement +s", "Les accords"),
        ("this expert", "Cet expert"),
        ("a new article", "Un nouvel article"),
        ("the new article +s", "Les nouveaux articles"),
        ("our old official letter +s", "Nos anciennes lettres officielles"),
        ("the old agreement", "L'ancien accord"),
        ("several national budget +s", "Plusieurs budgets nationaux"),
        ("many idea +s", "Beaucoup d'idées"),
        ("the serious European speech +s", "Les discours européens sérieux"),
        ("these ambitious man +s", "Ces hommes ambitieux"),
    ],
)
def test_adjectives_and_articles_agree(phrase: str, target: str) -> None:
    assert pair(things(phrase).phrase).target == target


@pytest.mark.parametrize(
    ("phrase", "source"),
    [
        ("a agreement", "An agreement"),
        ("a European law", "A European law"),
        ("these woman +s", "These women"),
        ("the treaty +s", "The treaties"),
        ("the crisis +s", "The crises"),
        ("two speech +s", "Two speeches"),
    ],
)
def test_english_articles_and_plurals(phrase: str, source: str) -> None:
    assert pair(things(phrase).phrase).source == source


HE, THEY = Agreement(), Agreement(plural=True)
SHE, WOMEN = Agreement(feminine=True), Agreement(feminine=True, plural=True)
I, WE = Agreement(first_person=True), Agreement(plural=True, first_person=True)


@pytest.mark.parametrize(
    ("phrase", "target"),
    [
        (g.past(verb("sign"), THEY), "ont signé"),
        (g.past(verb("sign"), WOMEN), "ont signé"),
        (g.past(verb("sign"), WE, preceding_object=WOMEN), "avons signées"),
        (g.past(verb("arrive"), THEY), "sont arrivés"),
        (g.past(verb("leave"), WOMEN), "sont parties"),
        (g.past(verb("enter"), I), "suis entré"),
        (g.passive(verb("write"), SHE), "a été écrite"),
        (g.passive(verb("reject"), THEY), "ont été rejetés"),
        (g.negated_past(verb("sign"), THEY), "n'ont pas signé"),
        (g.negated_past(verb("return"), SHE), "n'est pas revenue"),
        (g.negated_past(verb("leave"), THEY), "ne sont pas partis"),
        (g.negated(g.passive(verb("sign"), HE)), "n'a pas été signé"),
        (g.negated(g.copula(WE)), "ne sommes pas"),
        (g.copula(I, past=True), "étais"),
        (g.modal("must", lex.MUST, verb("speak"), WE), "devons parler"),
        (g.modal_passive("may", lex.MAY, verb("create"), WOMEN), "peuvent être créées"),
    ],
)
def test_verbs_agree(phrase: Phrase, target: str) -> None:
    assert pair(phrase).target.lower() == target


def test_coordinated_nouns_are_masculine_unless_both_are_feminine() -> None:
    queen, man = things("the queen"), things("a man")
    assert g.coordinated(queen, man).agreement == THEY
    assert g.coordinated(queen, queen).agreement == WOMEN


@pytest.mark.parametrize(
    ("phrase", "target"),
    [
        (word("of", "de") + things("the law").phrase, "De la loi"),
        (word("of", "de") + things("the budget").phrase, "Du budget"),
        (word("of", "de") + things("the agreement +s").phrase, "Des accords"),
        (word("of", "de") + things("the agreement").phrase, "De l'accord"),
        (word("of", "de") + things("a law").phrase, "D'une loi"),
        (word("of", "de") + g.country(noun("Portugal")).phrase, "Du Portugal"),
        (g.in_country(noun("Portugal")), "Au Portugal"),
        (g.in_country(noun("France")), "En France"),
        (g.in_country(noun("Italy")), "En Italie"),
        (g.country(noun("Italy")).phrase, "L'Italie"),
        (word("because", "parce que") + word("he", "il"), "Parce qu'il"),
        (word("I", "je") + word("acted", "ai agi"), "J'ai agi"),
    ],
)
def test_elision_and_contraction(phrase: Phrase, target: str) -> None:
    assert pair(phrase).target == target


# Relative clauses, which the sampler builds


def french_clauses(antecedent: g.Nominal, kind: str) -> set[str]:
    """The French of 300 relative clauses and complements of a noun phrase, without the phrase."""
    sampler = NounPhraseSampler(random.Random(0))
    phrases = [sampler.postmodified(antecedent, kind).phrase for _ in range(300)]
    return {" ".join(phrase.french[len(antecedent.phrase.french) :]) for phrase in phrases}


ANTECEDENTS = [
    ("the agreement", "text", "a", ""),
    ("the law", "text", "a", "e"),
    ("the agreement +s", "text", "ont", "s"),
    ("the law +s", "text", "ont", "es"),
    ("the debate +s", "event", "ont", "s"),
    ("the meeting +s", "event", "ont", "es"),
]


@pytest.mark.parametrize(("antecedent", "kind", "auxiliary", "ending"), ANTECEDENTS)
def test_a_passive_after_qui_agrees_with_the_antecedent(
    antecedent: str, kind: str, auxiliary: str, ending: str
) -> None:
    """*Les lois qui ont été signées.*"""
    participle = "|".join(entry.french for entry in lex.TRANSITIVE if kind in entry.objects)
    found = [c for c in french_clauses(things(antecedent), kind) if c.startswith("qui ")]
    assert len(found) > 3
    for clause in found:
        assert re.fullmatch(rf"qui {auxiliary} été (?:{participle}){ending}", clause)


@pytest.mark.parametrize(("antecedent", "kind", "auxiliary", "ending"), ANTECEDENTS)
def test_a_participle_with_avoir_agrees_with_the_object_before_it(
    antecedent: str, kind: str, auxiliary: str, ending: str
) -> None:
    """*Les lois que le conseil a signées*: whoever signed them."""
    participle = "|".join(entry.french for entry in lex.TRANSITIVE if kind in entry.objects)
    found = [c for c in french_clauses(things(antecedent), kind) if c.startswith("que ")]
    assert len(found) > 30
    for clause in found:
        assert re.fullmatch(rf"que .+ (?:ai|a|avons|ont) (?:{participle}){ending}", clause)


@pytest.mark.parametrize(
    ("antecedent", "avoir", "etre", "ending"),
    [
        ("the man", "a", "est", ""),
        ("the woman", "a", "est", "e"),
        ("the man +s", "ont", "sont", "s"),
        ("the woman +s", "ont", "sont", "es"),
    ],
)
def test_an_active_verb_after_qui_agrees_with_the_antecedent(
    antecedent: str, avoir: str, etre: str, ending: str
) -> None:
    """*Les femmes qui sont parties*, but *les femmes qui ont parlé*: with *avoir*, no agreement."""
    went = "|".join(entry.french for entry in lex.MOVING)
    did = "|".join(entry.french for entry in lex.INTRANSITIVE + lex.TRANSITIVE)
    found = [c for c in french_clauses(things(antecedent), "person") if c.startswith("qui ")]
    with_etre = [c for c in found if re.match(r"qui (ne )?(suis|est|sommes|sont) ", c)]
    assert 4 <= len(with_etre) < len(found)
    for clause in found:
        forms = (etre, went, ending) if clause in with_etre else (avoir, did, "")
        auxiliary, participle, agreed = forms
        assert re.match(rf"qui (ne )?{auxiliary} (pas )?(?:{participle}){agreed}( |$)", clause)


# Alignment


def links(phrase: Phrase) -> list[tuple[str, str]]:
    sentences = pair(phrase)
    source, target = split_words(sentences.source), split_words(sentences.target)
    return [(target[t], source[s]) for t, s in sorted(sentences.alignment or ())]


def test_reordered_words_keep_their_links() -> None:
    assert links(crossed(word("European", "européen"), word("agreement", "accord"))) == [
        ("Accord", "agreement"),
        ("européen", "European"),
    ]


def test_a_contraction_keeps_the_link_of_its_first_word() -> None:
    assert links(word("of", "de") + things("the budget").phrase) == [
        ("Du", "Of"),
        ("budget", "budget"),
    ]


def test_negation_surrounds_the_verb() -> None:
    assert links(g.negated(g.passive(verb("sign"), HE))) == [
        ("N'", "Was"),
        ("a", "Was"),
        ("pas", "not"),
        ("été", "Was"),
        ("signé", "signed"),
    ]
