"""A translator: sentences in, sentences out, saved in a folder and loaded from it."""

import json

import pytest
import torch

from attention import Translator
from attention.checkpoints import load_tensors, save_tensors
from attention.data import toy
from attention.errors import BadInput
from attention.tasks.objectives import translation_trainer
from attention.tokenizers.special_tokens import BOS, EOS
from attention.tokenizers.words import WordTokenizer
from attention.training.trainer import TrainingConfig

PAIRS = toy.pairs("train", 20) * 2  # twice, because words that occur once are left out
SENTENCES = [pair.source for pair in PAIRS[:6]]
LETTERS = WordTokenizer.train(["a b c d e f"] * 2)
A, B, *OTHERS = LETTERS.encode("a b c d e f")


@pytest.fixture(scope="module")
def translator() -> Translator:
    """One that has overfitted 20 sentences, in two seconds or so."""
    made = Translator.new("bahdanau", PAIRS, seed=0, d_embedding=32, d_model=48)
    for _ in translation_trainer(made, PAIRS, TrainingConfig(steps=150, lr=1e-2)).steps():
        pass
    return made


class Table(torch.nn.Module):
    """Generates by next-token probabilities that depend on the previous token alone."""

    alignment_layer = None

    def __init__(self, following: dict[int, dict[int, float]]) -> None:
        super().__init__()
        table = torch.zeros(len(LETTERS), len(LETTERS))
        for token, probabilities in following.items():
            table[token, list(probabilities)] = torch.tensor([*probabilities.values()])
        table[table.sum(dim=1) == 0] = 1.0
        self.register_buffer("logits", table.log())

    def prefill(self, ids, max_new_tokens):
        return self.decode_step(torch.full_like(ids[:, 0], BOS), ids)

    def decode_step(self, token, state):
        return self.logits[token], state


def table_translator(following: dict[int, dict[int, float]]) -> Translator:
    return Translator("bahdanau", Table(following), LETTERS, LETTERS)


def test_it_has_overfitted(translator):
    texts = [t.text for t in translator.translate([p.source for p in PAIRS])]
    assert texts == [p.target for p in PAIRS]


def test_attention_has_a_row_for_each_target_token_and_a_column_for_each_source_token(translator):
    for translation in translator.translate(SENTENCES):
        shape = (len(translation.target), len(translation.source))
        assert translation.attention.shape == shape
        sums = translation.attention.sum(-1)
        torch.testing.assert_close(sums, torch.ones_like(sums))


@pytest.mark.parametrize("beam_size", [1, 3])
def test_batches_change_nothing_and_the_order_is_kept(translator, beam_size):
    together = translator.translate(SENTENCES, beam_size)
    singles = [translator.translate([s], beam_size)[0] for s in SENTENCES]
    for one, other in zip(together, singles, strict=True):
        assert one.text == other.text
        torch.testing.assert_close(one.attention, other.attention)
    small = translator.translate(SENTENCES, beam_size, batch_size=2)
    assert [t.text for t in small] == [t.text for t in together]


@pytest.mark.parametrize("beam_size", [1, 3])
def test_the_maximum_length_follows_each_source_and_not_its_batch(beam_size):
    endless = table_translator({BOS: {A: 1.0}, A: {A: 1.0}})
    sentences = ["a b c", " ".join(["a"] * 20)]
    together = endless.translate(sentences, beam_size)
    assert [len(t.target) for t in together] == [2 * 3 + 10, 2 * 20 + 10]
    for sentence, translation in zip(sentences, together, strict=True):
        assert endless.translate([sentence], beam_size)[0].target == translation.target


def test_a_beam_finds_what_greedy_search_misses():
    """a (0.6) leads to improbable translations, b (0.4) to a certain one."""
    misled = table_translator(
        {BOS: {A: 0.6, B: 0.4}, A: dict.fromkeys(OTHERS, 0.25), B: {EOS: 1.0}}
        | {token: {EOS: 1.0} for token in OTHERS}
    )
    assert misled.translate(["a"])[0].target[0] == "a"
    assert misled.translate(["a"], beam_size=3)[0].target == ["b"]


def test_a_beam_compares_mean_log_probabilities():
    """The empty translation has the probability 0.4, and "a b" only 0.36, but in three steps."""
    following = {BOS: {EOS: 0.4, A: 0.6}, A: {B: 0.6, EOS: 0.4}, B: {EOS: 1.0}}
    short = table_translator(following)
    assert short.translate(["a"], beam_size=3)[0].target == ["a", "b"]


def test_blank_sentences_stay_blank_and_in_order(translator):
    texts = [t.text for t in translator.translate(["", SENTENCES[0], "  "])]
    assert texts[0] == texts[2] == ""
    assert texts[1] == translator.translate(SENTENCES[:1])[0].text
    assert translator.translate([]) == []


def test_an_unknown_word_is_copied_from_the_source():
    """An untrained table of translation probabilities has no translation, and aligns in order."""
    untrained = Translator.new("word-by-word", PAIRS)
    [translation] = untrained.translate(["They arrived in Samarkand ."])
    assert translation.target == translation.source == ["They", "arrived", "in", "Samarkand", "."]
    assert untrained.n_parameters == 0


def test_it_is_loaded_as_it_was_saved(translator, tmp_path):
    translator.save(tmp_path)
    again = Translator.load(tmp_path)
    assert [t.text for t in again.translate(SENTENCES)] == [
        t.text for t in translator.translate(SENTENCES)
    ]
    assert again.arch == "bahdanau"
    assert again.n_parameters == translator.n_parameters > 10_000


def test_a_loaded_translator_has_no_dropout(tmp_path):
    made = Translator.new("bahdanau", PAIRS, d_embedding=8, d_model=8, dropout=0.5)
    made.model.train()
    made.save(tmp_path)
    again = Translator.load(tmp_path)
    assert not any(module.training for module in again.model.modules())
    ids = torch.tensor([[4, 5, 6]])
    assert torch.equal(again.model(ids, ids), again.model(ids, ids))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_loaded_translator_has_the_dtype_that_was_saved(tmp_path, dtype):
    translator = Translator.new("transformer", PAIRS, subwords=90, d_model=8, n_heads=2)
    translator.model.to(dtype)
    translator.save(tmp_path)
    loaded = Translator.load(tmp_path).model
    assert {parameter.dtype for parameter in loaded.parameters()} == {dtype}
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    assert loaded.source_embedding.weight is loaded.target_embedding.weight


def test_the_same_seed_makes_the_same_translator():
    weights = [Translator.new("bahdanau", PAIRS, seed=s).model.state_dict() for s in (1, 1, 2)]
    assert all(
        torch.equal(a, b) for a, b in zip(weights[0].values(), weights[1].values(), strict=True)
    )
    name = "encoder.embedding.weight"
    assert not torch.equal(weights[0][name], weights[2][name])


@pytest.mark.parametrize("missing", ["translator.json", "model.safetensors"])
def test_a_missing_file_is_named(translator, tmp_path, missing):
    translator.save(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(BadInput, match=f"{missing}: no such file"):
        Translator.load(tmp_path)


@pytest.mark.on_cpu(reason="reads and writes files")
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v["source"]["tokenizer"]["model"]["vocab"].update(They=10**6), "vocabulary"),
        (lambda v: v["target"]["tokenizer"]["model"]["vocab"].popitem(), "vocabulary"),
        (lambda v: v["source"].pop("joins_left"), "joins_left"),
        (lambda v: v["source"].update(joins_left="x"), "joins_left"),
        (lambda v: v["config"].update(d_model=10**6), r"is float32 \[\d+, \d+\], not"),
        (lambda v: v["config"].update(d_embedding=True), "d_embedding is True"),
    ],
)
def test_a_description_of_another_model_is_refused(translator, tmp_path, change, message):
    translator.save(tmp_path)
    path = tmp_path / "translator.json"
    values = json.loads(path.read_bytes())
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(BadInput, match=f"damaged translator .*{message}"):
        Translator.load(tmp_path)


def test_more_layers_than_tensors_are_refused_before_they_are_built(tmp_path):
    made = Translator.new("transformer", PAIRS, subwords=90, d_model=8, n_heads=2)
    made.save(tmp_path)
    path = tmp_path / "translator.json"
    path.write_text(path.read_text("utf-8").replace('"n_layers": 2', '"n_layers": 2000000000'))
    with pytest.raises(BadInput, match="n_layers is 2000000000"):
        Translator.load(tmp_path)


def test_weights_in_several_precisions_are_refused(translator, tmp_path):
    translator.save(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_tensors(path)
    name = sorted(weights)[-1]
    save_tensors(path, weights | {name: weights[name].half()})
    with pytest.raises(BadInput, match=f"{name}' is float16"):
        Translator.load(tmp_path)
