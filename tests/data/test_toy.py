"""The toy corpus: its French is right, its alignment is whole, and its splits never meet."""

import os
import random
import re
import subprocess
import sys
from collections import Counter

import pytest

from attention.data import Pair, toy
from attention.data.toy import grammar as g
from attention.data.toy import lexicon as lex
from attention.data.toy.grammar import Agreement
from attention.data.toy.phrase import Phrase, crossed, pair, word
from attention.data.toy.sentences import SentenceSampler
from attention.data.toy.words import Adjective, Determiner, Noun, Verb
from attention.errors import BadInput
from attention.tokenizers.words import split_words

SIGNED = "The agreement on the European Economic Area was signed in August 1992 ."
LATE = "They arrived late ."
CREATED = "The European Economic Area was created in January 1994 ."


@pytest.fixture(scope="module")
def train() -> list[Pair]:
    return toy.pairs("train", 20_000)


@pytest.fixture(scope="module")
def test() -> list[Pair]:
    return toy.pairs("test", 2_000, seed=1)


def noun(english: str) -> Noun:
    tables = [lex.PEOPLE, lex.TEXTS, lex.EVENTS, lex.INSTITUTIONS, lex.COUNTRIES]
    return next(entry for table in tables for entry in table if entry.english == english)


def adjective(english: str) -> Adjective:
    tables = lex.FIRST, lex.ORIGINS, lex.FIELDS, lex.QUALITIES
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


# The sentences of the Introduction


@pytest.mark.parametrize(
    ("source", "target", "origins"),
    [
        (
            SIGNED,
            "L'accord sur la zone économique européenne a été signé en août 1992 .",
            [0, 1, 2, 3, 6, 5, 4, 7, 7, 8, 9, 10, 11, 12],
        ),
        (LATE, "Ils sont arrivés en retard .", [0, 1, 1, 2, 2, 3]),
        (
            CREATED,
            "La zone économique européenne a été créée en janvier 1994 .",
            [0, 3, 2, 1, 4, 4, 5, 6, 7, 8, 9],
        ),
    ],
)
def test_the_introductions_sentences(source: str, target: str, origins: list[int]) -> None:
    assert toy.held_out()[source] == Pair(source, target, frozenset(enumerate(origins)))
    assert toy.split_of(source) == "test"


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("split", ["train", "valid"])
def test_no_model_is_shown_them(split: str, seed: int) -> None:
    sources = {sentence.source for sentence in toy.pairs(split, 1_000, seed)}
    assert not sources & {SIGNED, LATE, CREATED}


def test_the_grammar_makes_them(train: list[Pair]) -> None:
    speaker = SentenceSampler(random.Random(0))
    said = {" ".join(speaker.sentence().english) for _ in range(30_000)}
    assert "they arrived late ." in said
    # Too long to come up by chance soon, so look for their shape, and for every word of theirs.
    for shape in (
        r"the \w+ on the \w+ \w+ [A-Z]\w+ was \w+ in \w+ \d+ \.",
        r"the [A-Z]\w+ \w+ [A-Z]\w+ was \w+ in \w+ \d+ \.",
    ):
        assert any(re.fullmatch(shape, sentence) for sentence in said)
    words = {w for sentence in train for w in split_words(sentence.source)}
    assert words >= set(split_words(f"{SIGNED} {LATE} {CREATED}"))


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
        (g.past(verb("sign"), WE, before=WOMEN), "avons signées"),
        (g.past(verb("arrive"), THEY), "sont arrivés"),
        (g.past(verb("leave"), WOMEN), "sont parties"),
        (g.past(verb("enter"), I), "suis entré"),
        (g.passive(verb("write"), SHE), "a été écrite"),
        (g.passive(verb("reject"), THEY), "ont été rejetés"),
        (g.did_not(verb("sign"), THEY), "n'ont pas signé"),
        (g.did_not(verb("return"), SHE), "n'est pas revenue"),
        (g.did_not(verb("leave"), THEY), "ne sont pas partis"),
        (g.negated(g.passive(verb("sign"), HE)), "n'a pas été signé"),
        (g.negated(g.being(WE)), "ne sommes pas"),
        (g.being(I, past=True), "étais"),
        (g.modal("must", lex.MUST, verb("speak"), WE), "devons parler"),
        (g.modal_passive("may", lex.MAY, verb("create"), WOMEN), "peuvent être créées"),
    ],
)
def test_verbs_agree(phrase: Phrase, target: str) -> None:
    assert pair(phrase).target.lower() == target


def test_two_together_are_masculine_unless_both_are_feminine() -> None:
    queen, man = things("the queen"), things("a man")
    assert g.both(queen, man).agreement == THEY
    assert g.both(queen, queen).agreement == WOMEN


@pytest.mark.parametrize(
    ("phrase", "target"),
    [
        (word("of", "de") + things("the law").phrase, "De la loi"),
        (word("of", "de") + things("the budget").phrase, "Du budget"),
        (word("of", "de") + things("the agreement +s").phrase, "Des accords"),
        (word("of", "de") + things("the agreement").phrase, "De l'accord"),
        (word("of", "de") + things("a law").phrase, "D'une loi"),
        (word("of", "de") + g.country(noun("Portugal")).phrase, "Du Portugal"),
        (g.within(noun("Portugal")), "Au Portugal"),
        (g.within(noun("France")), "En France"),
        (g.within(noun("Italy")), "En Italie"),
        (g.country(noun("Italy")).phrase, "L'Italie"),
        (word("because", "parce que") + word("he", "il"), "Parce qu'il"),
        (word("I", "je") + word("acted", "ai agi"), "J'ai agi"),
    ],
)
def test_small_words_melt_together(phrase: Phrase, target: str) -> None:
    assert pair(phrase).target == target


# Alignment


def links(phrase: Phrase) -> list[tuple[str, str]]:
    made = pair(phrase)
    source, target = split_words(made.source), split_words(made.target)
    return [(target[t], source[s]) for t, s in sorted(made.alignment or ())]


def test_words_that_change_places_keep_their_links() -> None:
    assert links(crossed(word("European", "européen"), word("agreement", "accord"))) == [
        ("Accord", "agreement"),
        ("européen", "European"),
    ]


def test_melted_words_keep_the_first_link() -> None:
    assert links(word("of", "de") + things("the budget").phrase) == [
        ("Du", "Of"),
        ("budget", "budget"),
    ]


def test_negation_wraps_the_verb() -> None:
    assert links(g.negated(g.passive(verb("sign"), HE))) == [
        ("N'", "Was"),
        ("a", "Was"),
        ("pas", "not"),
        ("été", "Was"),
        ("signé", "signed"),
    ]


def test_every_french_word_has_one_english_word(train: list[Pair]) -> None:
    for sentence in train:
        source, target = split_words(sentence.source), split_words(sentence.target)
        gold = sorted(sentence.alignment or ())
        assert [t for t, _ in gold] == list(range(len(target))), sentence
        assert all(0 <= s < len(source) for _, s in gold), sentence


def test_a_french_word_says_what_its_english_word_means(train: list[Pair]) -> None:
    """Seen from the English side: a word of the lexicon only ever has its own French forms."""
    seen: dict[str, set[str]] = {}
    for sentence in train:
        source, target = split_words(sentence.source), split_words(sentence.target)
        for t, s in sentence.alignment or ():
            seen.setdefault(source[s], set()).add(target[t].lower())
    assert seen["Area"] == {"zone"}
    assert seen["late"] == {"en", "retard"}
    assert seen["European"] == {"européen", "européenne", "européens", "européennes"}
    assert seen["The"] == {"le", "la", "l'", "les"}
    assert seen["of"] == {"de", "d'", "du", "des"}
    assert seen["was"] >= {"a", "été", "était"}


# Splits and size


def test_splits_never_meet() -> None:
    parts = {
        split: {sentence.source for seed in (0, 1) for sentence in toy.pairs(split, 500, seed)}
        for split in toy.SPLITS
    }
    assert not parts["train"] & parts["valid"]
    assert not parts["train"] & parts["test"]
    assert not parts["valid"] & parts["test"]


def test_no_sentence_comes_twice(train: list[Pair], test: list[Pair]) -> None:
    for split in (train, test):
        assert len({sentence.source for sentence in split}) == len(split)
    assert (len(train), len(test)) == (20_000, 2_000)


def test_a_sentence_has_one_translation(train: list[Pair]) -> None:
    translations = dict[str, str]()
    for sentence in [*train, *toy.pairs("train", 15_000, seed=7)]:
        assert translations.setdefault(sentence.source, sentence.target) == sentence.target


def test_the_seed_decides(train: list[Pair]) -> None:
    assert toy.pairs("train", 200) == train[:200]
    assert toy.pairs("train", 200, seed=1) != train[:200]
    assert toy.pairs("valid", 0) == []


def test_another_process_makes_the_same() -> None:
    code = "from attention.data import toy; print(toy.pairs('valid', 3, 5)[-1].target)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.strip() == toy.pairs("valid", 3, 5)[-1].target


def test_words_and_lengths(train: list[Pair]) -> None:
    english = Counter(w for sentence in train for w in split_words(sentence.source))
    french = Counter(w for sentence in train for w in split_words(sentence.target))
    assert 400 <= len(english) + len(french) <= 1000
    assert min((english + french).values()) >= 10  # every word comes often enough to be learned
    lengths = [len(split_words(sentence.source)) for sentence in train]
    assert min(lengths) == 2
    assert max(lengths) >= 30
    assert 9 <= sum(lengths) / len(lengths) <= 11


def test_the_test_split_has_no_word_of_its_own(train: list[Pair], test: list[Pair]) -> None:
    for side in ("source", "target"):
        known = {w for sentence in train for w in split_words(getattr(sentence, side))}
        assert known >= {w for sentence in test for w in split_words(getattr(sentence, side))}


def test_bad_requests_are_refused() -> None:
    with pytest.raises(BadInput, match="no toy split 'dev': choose train, valid, test"):
        toy.pairs("dev", 3)
    with pytest.raises(BadInput, match="-1"):
        toy.pairs("train", -1)
