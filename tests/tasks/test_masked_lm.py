"""Tokens are masked by the 80/10/10 rule, and a BERT learns to predict them."""

from dataclasses import replace

import pytest
import torch
from transformers import BertForMaskedLM, BertModel

from attention.data.batching import pad
from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig
from attention.tasks.masked_lm import MaskedLM, fill_mask, mask_tokens, masked_lm_trainer
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.trainer import TrainingConfig
from tests.device.plugin import DEVICE

TEXTS = [f"the {a} {b} was signed ." for a in ("long", "old") for b in ("treaty", "letter")]
MASKABLE = torch.tensor([False] * 5 + [True] * 95)
MASK_ID = 4


@pytest.fixture(scope="module")
def tokenizer() -> WordPieceTokenizer:
    return WordPieceTokenizer.train(TEXTS, 80)


def random_texts(rows: int = 400, width: int = 40) -> torch.Tensor:
    ids = torch.randint(5, 100, (rows, width), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, -1] = 2, 3
    ids[: rows // 2, width // 2 :] = 0  # padding
    return ids


def corrupt(seed: int, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return mask_tokens(ids, MASKABLE, MASK_ID, generator=torch.Generator().manual_seed(seed))


def test_fifteen_percent_of_each_text_s_tokens_are_chosen():
    ids = random_texts()
    _, chosen = corrupt(0, ids)
    tokens = MASKABLE[ids].sum(dim=1)
    assert torch.equal(chosen.sum(dim=1), (0.15 * tokens).round().long())
    by_position = chosen[200:, 1:-1].float().mean(dim=0)
    assert by_position.min() > 0.05
    assert by_position.max() < 0.26


def test_special_tokens_and_padding_are_never_chosen():
    ids = random_texts()
    corrupted, chosen = corrupt(0, ids)
    assert MASKABLE[ids[chosen]].all()
    assert torch.equal(corrupted[~chosen], ids[~chosen])


def test_the_chosen_are_masked_replaced_and_kept_at_80_10_10():
    ids = random_texts(rows=4000)
    corrupted, chosen = corrupt(0, ids)
    after, before = corrupted[chosen], ids[chosen]
    masked, kept = (after == MASK_ID).float().mean().item(), (after == before).float().mean().item()
    assert masked == pytest.approx(0.8, abs=0.02)
    assert kept == pytest.approx(0.1 + 0.1 / 95, abs=0.02)  # one of 95 is replaced by itself
    others = after[(after != MASK_ID) & (after != before)]
    assert MASKABLE[others].all()
    assert len(others.unique()) == 95


def test_the_same_seed_masks_the_same_tokens():
    ids = random_texts()
    assert all(map(torch.equal, corrupt(3, ids), corrupt(3, ids)))
    assert not torch.equal(corrupt(3, ids)[1], corrupt(4, ids)[1])


def test_the_shortest_text_has_a_chosen_token_and_an_empty_one_has_none():
    corrupted, chosen = corrupt(0, torch.tensor([[2, 9, 3], [2, 3, 0]]))
    assert chosen.tolist() == [[False, True, False], [False] * 3]
    assert corrupted[1].tolist() == [2, 3, 0]


@pytest.fixture
def untrained(tokenizer) -> BERT:
    torch.manual_seed(0)
    return BERT(BERTConfig(len(tokenizer), d_model=16, n_layers=1, max_len=40)).eval()


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_trainer_s_loss_is_that_of_the_chosen_tokens_alone(untrained, tokenizer, smoothing):
    """Each text is scored alone here, so padding beside it would make a difference."""
    model = untrained.double()
    texts = [TEXTS[0], " ".join(TEXTS)]
    config = TrainingConfig(tokens_per_batch=100, label_smoothing=smoothing)
    ids = pad([tokenizer.encode(text) for text in texts])
    torch.manual_seed(5)
    corrupted, chosen = mask_tokens(ids, tokenizer.maskable, tokenizer.mask_id)
    assert chosen.sum(dim=1).tolist() == [1, 4]
    terms = []
    for row in range(2):
        length = int((ids[row] != 0).sum())
        assert not chosen[row, length:].any()
        log_p = model(corrupted[row : row + 1, :length])[0].log_softmax(-1)
        for position in chosen[row].nonzero().flatten().tolist():
            correct = log_p[position, ids[row, position]]
            terms.append(-(1 - smoothing) * correct - smoothing * log_p[position].mean())
    torch.manual_seed(5)
    loss = masked_lm_trainer(model, tokenizer, texts, config).loss([0, 1])
    torch.testing.assert_close(loss, torch.stack(terms).mean())


def test_a_masked_lm_that_is_made_loaded_or_trained_has_no_dropout(tmp_path):
    made = MaskedLM.new("bert", TEXTS, subwords=80, d_model=16, max_len=16, dropout=0.5)
    made.save(tmp_path)
    loaded = MaskedLM.load(tmp_path)
    trained = MaskedLM.load(tmp_path)
    config = TrainingConfig(steps=1, tokens_per_batch=64)
    assert (
        len(list(masked_lm_trainer(trained.model, trained.tokenizer, TEXTS, config).steps())) == 1
    )
    for masked_lm in (made, loaded, trained):
        ids = torch.tensor([masked_lm.tokenizer.encode(TEXTS[0])])
        assert torch.equal(masked_lm.model(ids), masked_lm.model(ids))
        assert not any(module.training for module in masked_lm.model.modules())


def test_a_tokenizer_larger_than_the_model_is_refused(tokenizer):
    small = BERT(BERTConfig(len(tokenizer) - 1, d_model=16, n_layers=1))
    with pytest.raises(BadInput, match="don't belong together"):
        MaskedLM(small, tokenizer)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    BERT(BERTConfig(9, d_model=16, n_layers=1)).save_pretrained(tmp_path)
    with pytest.raises(BadInput, match=r"tokenizer\.json"):
        MaskedLM.load(tmp_path)


def test_transformers_reads_what_is_saved(tmp_path, untrained):
    ids = torch.tensor([[2, 9, 8, 3]])
    untrained.save_pretrained(tmp_path)
    with torch.device("cpu"):  # onto another device they load by means of accelerate
        theirs, missing = BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not missing["missing_keys"]
    assert not missing["unexpected_keys"]
    torch.testing.assert_close(untrained(ids), theirs.to(DEVICE)(ids).logits, rtol=0, atol=1e-5)
    headless = BERT(BERTConfig(30, d_model=16, n_layers=1, head=False)).eval()
    headless.save_pretrained(tmp_path)
    with torch.device("cpu"):
        theirs = BertModel.from_pretrained(tmp_path, add_pooling_layer=False)
    states = theirs.to(DEVICE)(ids).last_hidden_state
    torch.testing.assert_close(headless.encode(ids), states, rtol=0, atol=1e-5)
    assert BERT.from_pretrained(tmp_path).config == replace(headless.config, d_ff=64)


@pytest.fixture(scope="module")
def trained(tokenizer) -> BERT:
    torch.manual_seed(0)
    model = BERT(BERTConfig(len(tokenizer), d_model=32, n_layers=1, max_len=10))
    config = TrainingConfig(steps=120, tokens_per_batch=64, lr=1e-2, warmup=10)
    losses = list(masked_lm_trainer(model, tokenizer, TEXTS * 4, config).steps())
    assert sum(losses[-20:]) < sum(losses[:20]) / 3
    return model


def test_a_trained_model_fills_masks(trained, tokenizer):
    [predictions] = fill_mask(trained, tokenizer, "the old [MASK] was signed .", top=3)
    assert {prediction.token for prediction in predictions[:2]} == {"treaty", "letter"}
    first, second = fill_mask(trained, tokenizer, "[MASK] long letter was [MASK] .", top=1)
    assert (first[0].token, second[0].token) == ("the", "signed")
    [everything] = fill_mask(trained, tokenizer, "[MASK]", top=999)
    assert sum(one.probability for one in everything) == pytest.approx(1, abs=1e-4)


def test_training_is_the_same_for_the_same_seed(tokenizer):
    def losses(seed):
        torch.manual_seed(0)
        model = BERT(BERTConfig(len(tokenizer), d_model=16, n_layers=1, max_len=10))
        config = TrainingConfig(steps=5, tokens_per_batch=64, seed=seed)
        return list(masked_lm_trainer(model, tokenizer, TEXTS, config).steps())

    assert losses(1) == losses(1) != losses(2)


def test_texts_longer_than_the_model_are_split_into_windows(tokenizer):
    model = BERT(BERTConfig(len(tokenizer), d_model=16, n_layers=1, max_len=6))
    trainer = masked_lm_trainer(
        model, tokenizer, [" ".join(TEXTS)], TrainingConfig(steps=3, tokens_per_batch=40)
    )
    assert len(list(trainer.steps())) == 3


def test_what_cannot_be_filled_is_refused(trained, tokenizer):
    with pytest.raises(BadInput, match=r"no \[MASK\]"):
        fill_mask(trained, tokenizer, "the old treaty")
    with pytest.raises(BadInput, match="this model has 10 positions"):
        fill_mask(trained, tokenizer, "[MASK] old treaty" * 5)
    headless = BERT(BERTConfig(len(tokenizer), d_model=16, n_layers=1, head=False))
    with pytest.raises(BadInput, match="no masked-language-modelling head"):
        fill_mask(headless, tokenizer, "[MASK]")
    with pytest.raises(BadInput, match="no masked-language-modelling head"):
        masked_lm_trainer(headless, tokenizer, TEXTS, TrainingConfig()).loss([0])
