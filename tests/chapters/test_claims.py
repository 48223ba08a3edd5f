"""The Introduction's claims, held by the translator that its lab trains."""

import pytest

from attention import Translator
from attention.data import toy
from attention.data.parallel import load_pairs
from attention.data.toy import SPLIT_SIZES
from attention.evaluation.metrics import evaluate_translator, hard_alignment
from attention.tokenizers.words import split_words
from attention.training.trainer import TrainingConfig
from images import introduction
from tests.prose import DOCS

pytestmark = pytest.mark.xdist_group("introduction-lab.py")


def test_it_translates_the_held_out_sentences_to_the_letter(trained_translator: Translator):
    held_out = toy.held_out()
    translations = trained_translator.translate(list(held_out))
    assert [t.text for t in translations] == [pair.target for pair in held_out.values()]


def test_it_attends_to_what_the_grammar_says(trained_translator: Translator):
    for source, pair in toy.held_out().items():
        [translation] = trained_translator.translate([source])
        links = dict(hard_alignment(translation.attention))
        for t, word in enumerate(translation.target):
            if word in ("zone", "économique", "européenne"):
                assert links[t] == dict(pair.alignment)[t], word


def test_the_first_french_token_attends_to_the_first_english_one(trained_translator: Translator):
    [translation] = trained_translator.translate(
        ["The European Economic Area was created in January 1994 ."]
    )
    assert translation.target[:2] == ["La", "zone"]
    assert translation.attention.argmax(dim=-1)[:2].tolist() == [0, 3]


@pytest.mark.on_cpu(reason="text only")
def test_its_lab_trains_as_the_command_does():
    lab = introduction.LAB.read_text("utf-8")
    assert f'toy.pairs("train", {SPLIT_SIZES["train"]:_})' in lab
    assert "TrainingConfig(seed=0)" in lab
    assert TrainingConfig() == TrainingConfig(seed=0)


@pytest.mark.on_cpu(reason="text only")
def test_nothing_that_it_is_measured_on_was_in_its_training():
    training = {pair.source for pair in load_pairs(["toy"])}
    assert len(training) == SPLIT_SIZES["train"]
    assert not training & {pair.source for pair in load_pairs(["toy-test"])}
    assert not training & set(toy.held_out())


@pytest.mark.on_cpu(reason="text only")
def test_the_parts_of_what_it_is_asked_were_in_its_training():
    sources = [pair.source for pair in load_pairs(["toy"])]
    late = sum("They arrived late" in source for source in sources)
    area = sum("European Economic Area" in source for source in sources)
    tokens = {token for source in sources for token in split_words(source)}
    assert (late, area) == (12, 9)
    claim = (
        "*They arrived late* stands in twelve of the training sentences, *European Economic Area* "
        f"in nine, and there are only {len(tokens)} different English tokens"
    )
    assert claim in " ".join((DOCS / "introduction.md").read_text("utf-8").split())


@pytest.mark.parametrize("beam", [1, 4])
def test_it_is_right_to_the_letter_nearly_always(trained_translator: Translator, beam):
    scores = evaluate_translator(trained_translator, load_pairs(["toy-test"]), beam)
    assert scores.exact_match >= 0.98
    assert scores.aer <= 0.08
