"""The batches and the losses that translators and language models are trained with."""

import pytest
import torch

from attention import Translator
from attention.data import Pair, toy
from attention.errors import BadInput
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.objectives import language_model_trainer, translation_trainer
from attention.tokenizers.special_tokens import BOS, EOS, PAD
from attention.training.trainer import TrainingConfig

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
