"""The batches and the losses that translators and language models are trained with."""

import pytest
import torch

from attention import Translator
from attention.data import Pair, toy
from attention.errors import BadInput
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.objectives import (
    language_model_trainer,
    translation_trainer,
    translation_validation,
)
from attention.tokenizers.special_tokens import BOS, EOS, PAD
from attention.training.trainer import TrainingConfig
from tests.device.plugin import DEVICE

TEXT = "The agreement on the European Economic Area was signed in August 1992 .\n" * 8
PAIRS = toy.pairs("train", 20)


def smoothed_loss(logits: torch.Tensor, target: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Cross-entropy with the distribution that label smoothing makes of the targets: (N, V)."""
    log_probabilities = logits.log_softmax(-1)
    smoothed = torch.full_like(logits, smoothing / logits.size(-1))
    smoothed[torch.arange(len(target)), target] += 1 - smoothing
    return -(smoothed * log_probabilities).sum(-1).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_of_a_translator_is_the_smoothed_cross_entropy_of_all_but_padding(smoothing):
    translator = Translator.new("bahdanau", PAIRS * 2, d_embedding=8, d_model=8)
    with torch.no_grad():
        for parameter in translator.model.parameters():
            parameter.mul_(4)  # logits far from uniform
    trainer = translation_trainer(translator, PAIRS, TrainingConfig(label_smoothing=smoothing))
    rows, logits, targets = [0, 1, 2, 3, 4], [], []
    for i in rows:
        source = torch.tensor([translator.source_tokenizer.encode(PAIRS[i].source)])
        target = translator.target_tokenizer.encode(PAIRS[i].target)
        logits.append(translator.model(source, torch.tensor([[BOS, *target]]))[0])
        targets.append(torch.tensor([*target, EOS]))
    assert len({len(target) for target in targets}) > 1, "a batch of these has padding"
    expected = smoothed_loss(torch.cat(logits), torch.cat(targets), smoothing)
    torch.testing.assert_close(trainer.loss(rows), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_of_a_language_model_is_the_smoothed_cross_entropy_of_all_tokens(smoothing):
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 1, "max_len": 16}
    language_model = LanguageModel.new("gpt", [TEXT], subwords=260, **sizes)
    with torch.no_grad():
        language_model.model.embedding.weight.mul_(50)
    config = TrainingConfig(tokens_per_batch=64, label_smoothing=smoothing)
    trainer = language_model_trainer(language_model, [TEXT], config)
    windows = trainer.batches(0)[0]
    windows[0, 3] = PAD  # an ordinary token here: it is left out of no loss
    logits = language_model.model(windows[:, :-1]).flatten(0, 1)
    expected = smoothed_loss(logits, windows[:, 1:].flatten(), smoothing)
    torch.testing.assert_close(trainer.loss(windows), expected)


def test_batches_hold_every_pair_and_about_so_many_target_tokens():
    translator = Translator.new("bahdanau", PAIRS, d_embedding=8, d_model=8)
    trainer = translation_trainer(translator, PAIRS, TrainingConfig(tokens_per_batch=40))
    lengths = [len(translator.target_tokenizer.encode(pair.target)) + 2 for pair in PAIRS]
    epochs = [trainer.batches(epoch) for epoch in (0, 1, 1)]
    assert epochs[1] == epochs[2] != epochs[0]
    for batches in epochs:
        assert sorted(i for batch in batches for i in batch) == list(range(len(PAIRS)))
        for batch in batches:
            assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 40


def test_windows_cover_the_text_and_each_epoch_cuts_it_at_other_positions():
    texts = [TEXT, TEXT[:80]]
    language_model = LanguageModel.new("gpt", texts, subwords=260, max_len=16)
    ids = language_model.encode_corpus(texts)
    trainer = language_model_trainer(language_model, texts, TrainingConfig(tokens_per_batch=64))
    epochs = [torch.cat(list(trainer.batches(epoch))) for epoch in (0, 1, 1)]
    assert torch.equal(epochs[1], epochs[2])
    assert sorted(map(tuple, epochs[0].tolist())) != sorted(map(tuple, epochs[1].tolist()))
    for epoch in epochs:
        assert epoch.size(1) == 17
        assert epoch.size(0) >= (len(ids) - 1) // 16 - 1
    assert max(len(batch) for batch in trainer.batches(0)) == 4


def test_a_text_shorter_than_a_window_is_one():
    language_model = LanguageModel.new("gpt", ["abc"], subwords=260, max_len=100)
    (batch,) = language_model_trainer(language_model, ["abc"], TrainingConfig()).batches(0)
    assert batch.tolist() == [language_model.encode_corpus(["abc"]).tolist()]


def test_without_data_there_is_no_training():
    language_model = LanguageModel.new("gpt", ["abc"], subwords=260, max_len=100)
    language_model.bos_id, language_model.eos_ids = None, []
    with pytest.raises(BadInput, match="too short to train on"):
        language_model_trainer(language_model, ["a"], TrainingConfig())
    translator = Translator.new("bahdanau", PAIRS, d_embedding=8, d_model=8)
    with pytest.raises(BadInput, match="nothing to train on"):
        next(translation_trainer(translator, [], TrainingConfig()).steps())


def test_ibm_model_1_is_trained_by_expectation_maximisation():
    pairs = [Pair("the house", "la maison"), Pair("the book", "la page")] * 2
    translator = Translator.new("word-by-word", pairs)
    losses = list(translation_trainer(translator, pairs, TrainingConfig(steps=9)).steps())
    assert len(losses) == 9
    assert losses == sorted(losses, reverse=True)
    assert translator.translate(["the book"])[0].text == "la page"


def test_pairs_too_long_on_either_side_are_left_out():
    short, long = "a b c", " ".join("abcd" * 2)
    pairs = [Pair(short, short), Pair(long, short), Pair(short, long), Pair(short, short)]
    translator = Translator.new("bahdanau", pairs, d_embedding=8, d_model=8)
    trainer = translation_trainer(translator, pairs, TrainingConfig(max_length=3))
    assert sorted(trainer.batches(0)[0]) == [0, 1]
    dictionary = translation_trainer(
        Translator.new("word-by-word", pairs), pairs, TrainingConfig(max_length=3)
    )
    assert len(dictionary.sources) == len(dictionary.targets) == 2
    with pytest.raises(BadInput, match="no pair has at most 2 tokens"):
        translation_trainer(translator, pairs, TrainingConfig(max_length=2))


def test_a_batch_counts_the_tokens_that_its_loss_is_the_mean_of():
    translator = Translator.new("bahdanau", PAIRS, d_embedding=8, d_model=8)
    trainer = translation_trainer(translator, PAIRS, TrainingConfig())
    one, other = [0, 1, 2], [3, 4]
    n_one, n_other = map(trainer.n_tokens, (one, other))
    targets = [translator.target_tokenizer.encode(pair.target) for pair in PAIRS[:3]]
    assert n_one == sum(map(len, targets)) + 3, "each target has an end"
    mean = (trainer.loss(one) * n_one + trainer.loss(other) * n_other) / (n_one + n_other)
    torch.testing.assert_close(mean, trainer.loss(one + other))
    windows = torch.zeros(3, 17, dtype=torch.long)
    language_model = LanguageModel.new("gpt", [TEXT], subwords=260, max_len=16)
    assert language_model_trainer(language_model, [TEXT], TrainingConfig()).n_tokens(windows) == 48


def test_validation_is_the_mean_over_all_target_tokens_without_smoothing():
    translator = Translator.new("bahdanau", PAIRS, d_embedding=8, d_model=8)
    whole = translation_trainer(translator, PAIRS, TrainingConfig()).loss(list(range(20)))
    for tokens_per_batch in 40, 2000:
        validate = translation_validation(translator, PAIRS, tokens_per_batch)
        assert validate() == pytest.approx(whole.item(), rel=1e-5)
    with pytest.raises(BadInput, match="word-by-word"):
        translation_validation(Translator.new("word-by-word", PAIRS), PAIRS)


@pytest.mark.skipif(DEVICE == "standin", reason="the stand-in has no autocast")
@pytest.mark.parametrize("arch", ["fixed-vector", "bahdanau", "luong", "transformer"])
def test_every_translator_trains_in_bfloat16(arch):
    pairs = [Pair("They left .", "Ils sont partis ."), Pair("She left .", "Elle est partie .")] * 4
    sizes = {"d_model": 32} if arch == "transformer" else {"d_model": 32, "d_embedding": 16}
    translator = Translator.new(arch, pairs, **sizes)
    config = TrainingConfig(steps=80, lr=1e-2, warmup=5, precision="bf16")
    losses = list(translation_trainer(translator, pairs, config).steps())
    assert losses[-1] < 0.1 < losses[0]
    assert losses[0].dtype == torch.float32
    assert translator.translate(["She left ."])[0].text == "Elle est partie ."
