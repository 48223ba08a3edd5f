"""The figures of a run before it begins."""

import pytest

from attention.data import Pair
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.objectives import language_model_trainer, translation_trainer
from attention.tasks.retrieval_training import retrieval_trainer
from attention.tasks.start_summary import language_summary, translation_summary
from attention.tasks.translation import Translator
from attention.training.config import TrainingConfig
from tests.device.plugin import DEVICE

PAIRS = [Pair("a b c", "x y")] * 3 + [Pair("a d c", "x z z z"), Pair("a " * 8, "x y")]
TEXTS = ["The agreement was signed .", "It was signed late ."] * 4


def test_pairs_are_counted_with_the_reason_why_some_are_left_out():
    translator = Translator.new("bahdanau", PAIRS, d_embedding=8, d_model=8)
    config = TrainingConfig(max_length=4)
    encoded = translation_trainer(translator, PAIRS, config).encoded
    summary = translation_summary(translator, PAIRS, encoded, config)
    assert summary.examples == "4 sentence pairs"
    assert summary.left_out == {"longer than 4 tokens": 1}
    assert summary.longest == 4
    assert summary.tokens == 3 * (3 + 2) + 3 + 4
    assert summary.vocabularies == {"source": 4 + 3, "target": 4 + 3}
    assert (summary.unknown, summary.rare_words) == (1, 1), "d occurs once, z three times"
    assert summary.parameters == translator.n_parameters
    assert (summary.device, summary.precision) == (DEVICE, "fp32")


def test_a_shared_vocabulary_is_one():
    translator = Translator.new("transformer", PAIRS, subwords=20, d_model=8, n_heads=2)
    encoded = translation_trainer(translator, PAIRS, TrainingConfig()).encoded
    lines = translation_summary(translator, PAIRS, encoded, TrainingConfig()).lines()
    assert lines[0] == "  corpus      5 sentence pairs, the longest 9; left out: none"
    assert lines[1] == f"  vocabulary  shared {len(translator.source_tokenizer)}"


@pytest.mark.parametrize("kind", [LanguageModel, MaskedLM])
def test_texts_are_counted_in_characters_and_tokens(kind):
    arch = "gpt" if kind is LanguageModel else "bert"
    task = kind.new(arch, TEXTS, subwords=300, d_model=8, n_heads=2, max_len=16)
    config = TrainingConfig(precision="bf16")
    make_trainer = language_model_trainer if kind is LanguageModel else retrieval_trainer
    summary = language_summary(task, TEXTS, make_trainer(task, TEXTS, config).encoded, config)
    assert summary.examples == f"{sum(map(len, TEXTS))} characters of text"
    assert summary.vocabularies["subwords"] > 20
    assert summary.tokens >= len(" ".join(TEXTS).split())
    assert summary.unknown == 0
    assert summary.lines()[-1].endswith(", bf16")
