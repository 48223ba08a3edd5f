"""The toy corpus: its sentences are pinned, every word is aligned, and its splits are disjoint."""

import hashlib
import os
import random
import re
import subprocess
import sys
from collections import Counter

import pytest

from attention.data import Pair, toy
from attention.data.toy import lexicon as lex
from attention.data.toy.sentences import SentenceSampler
from attention.errors import BadInput
from attention.tokenizers.words import split_words

pytestmark = pytest.mark.on_cpu(reason="text only")

SIGNED = "The agreement on the European Economic Area was signed in August 1992 ."
LATE = "They arrived late ."
CREATED = "The European Economic Area was created in January 1994 ."


@pytest.fixture(scope="module")
def train() -> list[Pair]:
    return toy.pairs("train", 20_000)


@pytest.fixture(scope="module")
def test() -> list[Pair]:
    return toy.pairs("test", 2_000, seed=1)


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
def test_the_sentences_of_the_introduction_are_held_out(
    source: str, target: str, origins: list[int]
) -> None:
    assert toy.held_out()[source] == Pair(source, target, frozenset(enumerate(origins)))
    assert toy.split_of(source) == "test"


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("split", ["train", "valid"])
def test_no_other_split_contains_them(split: str, seed: int) -> None:
    sources = {sentence.source for sentence in toy.pairs(split, 1_000, seed)}
    assert not sources & {SIGNED, LATE, CREATED}


def test_the_grammar_generates_sentences_like_them(train: list[Pair]) -> None:
    sampler = SentenceSampler(random.Random(0))
    generated = {" ".join(sampler.sentence().english) for _ in range(30_000)}
    assert "they arrived late ." in generated
    # The long ones are too improbable to be sampled soon, so search for their pattern and words.
    for shape in (
        r"the \w+ on the \w+ \w+ [A-Z]\w+ was \w+ in \w+ \d+ \.",
        r"the [A-Z]\w+ \w+ [A-Z]\w+ was \w+ in \w+ \d+ \.",
    ):
        assert any(re.fullmatch(shape, sentence) for sentence in generated)
    words = {w for sentence in train for w in split_words(sentence.source)}
    assert words >= set(split_words(f"{SIGNED} {LATE} {CREATED}"))


# Alignment


def test_every_french_word_has_one_english_word(train: list[Pair]) -> None:
    for sentence in train:
        source, target = split_words(sentence.source), split_words(sentence.target)
        gold = sorted(sentence.alignment or ())
        assert [t for t, _ in gold] == list(range(len(target))), sentence
        assert all(0 <= s < len(source) for _, s in gold), sentence


def test_an_english_word_is_aligned_to_its_own_translations_only(train: list[Pair]) -> None:
    """A misplaced link would align a word of the lexicon to a translation of another."""
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


# Agreement, in whole sentences


@pytest.mark.parametrize(
    ("subject", "predicate"),
    [
        ("(?:La|Une) {f}", "(?:n')?a (?:pas )?été {p}e"),
        ("(?:Le|Un) {m}", "(?:n')?a (?:pas )?été {p}"),
        ("Les {f}s", "(?:n')?ont (?:pas )?été {p}es"),
        ("Les {m}s", "(?:n')?ont (?:pas )?été {p}s"),
    ],
)
def test_the_passive_of_a_main_clause_agrees_with_its_subject(
    train: list[Pair], subject: str, predicate: str
) -> None:
    nouns = {
        gender: "(?:" + "|".join(n.french for n in lex.TEXTS if n.gender == gender) + ")"
        for gender in "fm"
    }
    participle = "(?:" + "|".join(verb.french for verb in lex.TRANSITIVE) + ")"
    start = re.compile(subject.format(**nouns) + r" (?=(?:n')?(?:a|ont) (?:pas )?été )")
    right = re.compile(predicate.format(p=participle) + r"\b")
    targets = [sentence.target for sentence in train]
    found = [(target, match) for target in targets if (match := start.match(target))]
    assert len(found) > 20
    for target, match in found:
        assert right.match(target, match.end()), target


# Splits and size


def test_splits_are_disjoint() -> None:
    parts = {
        split: {sentence.source for seed in (0, 1) for sentence in toy.pairs(split, 500, seed)}
        for split in toy.SPLITS
    }
    assert not parts["train"] & parts["valid"]
    assert not parts["train"] & parts["test"]
    assert not parts["valid"] & parts["test"]


def test_no_sentence_is_repeated(train: list[Pair], test: list[Pair]) -> None:
    for split in (train, test):
        assert len({sentence.source for sentence in split}) == len(split)
    assert (len(train), len(test)) == (20_000, 2_000)


def test_a_sentence_has_one_translation(train: list[Pair]) -> None:
    translations = dict[str, str]()
    for sentence in [*train, *toy.pairs("train", 15_000, seed=7)]:
        assert translations.setdefault(sentence.source, sentence.target) == sentence.target


def test_the_pairs_depend_on_the_seed_alone(train: list[Pair]) -> None:
    assert toy.pairs("train", 200) == train[:200]
    assert toy.pairs("train", 200, seed=1) != train[:200]
    assert toy.pairs("valid", 0) == []


@pytest.mark.parametrize(
    ("split", "seed", "digest"),
    [
        ("train", 0, "94d1f39f00b4b84a"),
        ("valid", 0, "ef78f6d2a993521f"),
        ("test", 0, "88bba5bc42f9a1e2"),
        ("train", 7, "73486269933c1a97"),
    ],
)
def test_the_corpus_is_pinned(split: str, seed: int, digest: str) -> None:
    """Every BLEU that the book reports was measured on these sentences and gold links."""
    made = hashlib.sha256()
    for source, target, alignment in toy.pairs(split, 1_000, seed):
        made.update(f"{source}\t{target}\t{sorted(alignment or ())}\n".encode())
    assert made.hexdigest()[:16] == digest


def test_another_process_samples_the_same_pairs() -> None:
    code = "from attention.data import toy; print(toy.pairs('valid', 3, 5)[-1].target)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.strip() == toy.pairs("valid", 3, 5)[-1].target


def test_frequencies_and_lengths(train: list[Pair]) -> None:
    english = Counter(w for sentence in train for w in split_words(sentence.source))
    french = Counter(w for sentence in train for w in split_words(sentence.target))
    assert 400 <= len(english) + len(french) <= 1000
    assert min((english + french).values()) >= 10  # every word comes often enough to be learned
    lengths = [len(split_words(sentence.source)) for sentence in train]
    assert min(lengths) == 2
    assert max(lengths) >= 30
    assert 9 <= sum(lengths) / len(lengths) <= 11


def test_every_word_of_the_test_split_is_in_the_training_split(
    train: list[Pair], test: list[Pair]
) -> None:
    for side in ("source", "target"):
        known = {w for sentence in train for w in split_words(getattr(sentence, side))}
        assert known >= {w for sentence in test for w in split_words(getattr(sentence, side))}


def test_the_small_world_is_a_part_of_the_corpus(train: list[Pair]) -> None:
    small = toy.small_world("train", 20_000)
    english = {word for pair in small for word in split_words(pair.source.lower())}
    assert set(small) < set(train)
    assert len(small) > 500
    assert max(len(split_words(pair.source)) for pair in small) <= 13
    assert english == toy.corpus.SMALL_WORLD


def test_bad_requests_are_refused() -> None:
    with pytest.raises(BadInput, match="no toy split 'dev': choose train, valid, test"):
        toy.pairs("dev", 3)
    with pytest.raises(BadInput, match="-1"):
        toy.pairs("train", -1)
