"""A translator: sentences in, sentences out, and back from its folder."""

import pytest
import torch

from attention import Translator
from attention.data import toy
from attention.errors import BadInput
from attention.evaluation.metrics import evaluate_translator
from attention.tasks.objectives import translation_trainer
from attention.training.trainer import TrainingConfig

PAIRS = toy.pairs("train", 20) * 2  # twice, so that every word is common enough to be learned
SENTENCES = [pair.source for pair in PAIRS[:6]]


@pytest.fixture(scope="module")
def translator() -> Translator:
    """One that has learned 20 sentences by heart, in two seconds or so."""
    made = Translator.new("bahdanau", PAIRS, seed=0, d_embedding=32, d_model=48)
    for _ in translation_trainer(made, PAIRS, TrainingConfig(steps=150, lr=1e-2)).steps():
        pass
    return made


def test_it_has_learned(translator):
    texts = [t.text for t in translator.translate([p.source for p in PAIRS])]
    assert texts == [p.target for p in PAIRS]


def test_a_translation_has_a_row_a_word_written_and_a_column_a_word_read(translator):
    for translation in translator.translate(SENTENCES):
        shape = (len(translation.target), len(translation.source))
        assert translation.attention.shape == shape
        torch.testing.assert_close(translation.attention.sum(-1), torch.ones(shape[0]))


@pytest.mark.parametrize("beam", [1, 3])
def test_batches_change_nothing_and_order_is_kept(translator, beam):
    together = translator.translate(SENTENCES, beam)
    singles = [translator.translate([s], beam)[0] for s in SENTENCES]
    for one, other in zip(together, singles, strict=True):
        assert one.text == other.text
        torch.testing.assert_close(one.attention, other.attention)
    small = translator.translate(SENTENCES, beam, batch_size=2)
    assert [t.text for t in small] == [t.text for t in together]


def test_blank_sentences_stay_blank_and_in_their_place(translator):
    texts = [t.text for t in translator.translate(["", SENTENCES[0], "  "])]
    assert texts[0] == texts[2] == ""
    assert texts[1] == translator.translate(SENTENCES[:1])[0].text
    assert translator.translate([]) == []


def test_it_comes_back_from_its_folder(translator, tmp_path):
    translator.save(tmp_path)
    again = Translator.load(tmp_path)
    assert [t.text for t in again.translate(SENTENCES)] == [
        t.text for t in translator.translate(SENTENCES)
    ]
    assert again.arch == "bahdanau"


def test_scores_agree_with_what_it_writes(translator):
    scores = evaluate_translator(translator, PAIRS)
    texts = [t.text for t in translator.translate([p.source for p in PAIRS])]
    right = sum(text == pair.target for text, pair in zip(texts, PAIRS, strict=True))
    assert scores.exact_match == right / len(PAIRS)
    assert scores.sentences == len(PAIRS)
    assert 0 < scores.aer < 1
    assert scores.bleu == pytest.approx(100)
    assert scores.chrf == pytest.approx(100)
    assert "tok:13a" in scores.signature
    without_gold = [pair._replace(alignment=None) for pair in PAIRS[:3]]
    assert evaluate_translator(translator, without_gold).aer is None


def test_the_same_seed_makes_the_same_translator():
    weights = [Translator.new("bahdanau", PAIRS, seed=s).model.state_dict() for s in (1, 1, 2)]
    assert all(
        torch.equal(a, b) for a, b in zip(weights[0].values(), weights[1].values(), strict=True)
    )
    assert not torch.equal(weights[0]["encoder.embed.weight"], weights[2]["encoder.embed.weight"])


@pytest.mark.parametrize("missing", ["translator.json", "model.safetensors"])
def test_a_missing_part_is_named(translator, tmp_path, missing):
    translator.save(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(BadInput, match=f"{missing}: no such file"):
        Translator.load(tmp_path)


def test_no_folder_no_translator(tmp_path):
    with pytest.raises(BadInput, match="no such folder"):
        Translator.load(tmp_path / "gone")


@pytest.mark.parametrize(
    ("find", "replace"),
    [('"bahdanau"', '"unheard-of"'), ('"d_model"', '"width"'), ('"d_model": 48', '"d_model": 50')],
)
def test_a_description_that_does_not_fit_gets_one_line(translator, tmp_path, find, replace):
    translator.save(tmp_path)
    path = tmp_path / "translator.json"
    path.write_text(path.read_text().replace(find, replace))
    with pytest.raises(BadInput, match="damaged translator") as caught:
        Translator.load(tmp_path)
    assert "\n" not in str(caught.value)
