"""BERT is the world's to the fifth digit; test_model_promises has what all models promise."""

import json
import os

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"
from safetensors.torch import load_file, save_file
from transformers import BertConfig as TheirConfig
from transformers import BertForMaskedLM, BertForPreTraining, BertModel

from attention import record_attention
from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig

SMALL = BERTConfig(vocab_size=31, d_model=16, n_heads=4, n_layers=2, d_ff=24, max_len=12)
IDS = torch.tensor([[3, 7, 12, 30, 5], [9, 1, 0, 0, 0], [4, 0, 0, 0, 0]])


@pytest.fixture
def model() -> BERT:
    torch.manual_seed(0)
    model = BERT(SMALL).double().eval()
    _perturb(model, 0.3)
    return model


def _perturb(model: torch.nn.Module, size: float = 0.2) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(size * torch.randn_like(parameter))


def _theirs(folder, kind=BertForMaskedLM, **changes):
    torch.manual_seed(1)
    settings = {
        "vocab_size": 97,
        "hidden_size": 32,
        "intermediate_size": 56,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 40,
        "layer_norm_eps": 1e-3,
    }
    theirs = kind(TheirConfig(**settings | changes)).eval()
    _perturb(theirs)
    theirs.save_pretrained(folder)
    return theirs


def _padded(*lengths: int) -> torch.Tensor:
    ids = torch.randint(1, 97, (len(lengths), max(lengths)))
    for row, length in enumerate(lengths):
        ids[row, length:] = 0
    return ids


def _edit(folder, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _rename(folder, change) -> None:
    path = folder / "model.safetensors"
    save_file({change(name): tensor for name, tensor in load_file(path).items()}, path)


def test_logits_and_hidden_states_are_those_of_transformers(tmp_path):
    theirs = _theirs(tmp_path)
    ours = BERT.from_pretrained(tmp_path)
    ids = _padded(40, 17, 1)
    types = torch.randint(2, ids.shape)
    real = ids != 0
    with torch.no_grad():
        asked = {"attention_mask": real.long(), "token_type_ids": types}
        expected = theirs(ids, **asked).logits
        hidden = theirs.bert(ids, **asked).last_hidden_state
        logits, states = ours(ids, types), ours.encode(ids, types)
        untyped = theirs(ids, attention_mask=real.long()).logits
        torch.testing.assert_close(ours(ids)[real], untyped[real], rtol=0, atol=1e-5)
    torch.testing.assert_close(logits[real], expected[real], rtol=0, atol=1e-5)
    torch.testing.assert_close(states[real], hidden[real], rtol=0, atol=1e-5)
    assert logits[real].std() > 0.3, "a model that says little proves little"


def test_the_world_would_notice_another_eps(tmp_path):
    theirs = _theirs(tmp_path)
    _edit(tmp_path, layer_norm_eps=1.2e-3)
    ids = _padded(20)
    with torch.no_grad():
        far = (BERT.from_pretrained(tmp_path)(ids) - theirs(ids).logits).abs().max()
    assert far > 3e-5


def test_the_curve_is_the_exact_one(tmp_path):
    theirs = _theirs(tmp_path, hidden_act="gelu_new")
    _edit(tmp_path, hidden_act="gelu")
    ids = _padded(20)
    with torch.no_grad():
        far = (BERT.from_pretrained(tmp_path)(ids) - theirs(ids).logits).abs().max()
    assert far > 3e-5


def test_names_without_the_prefix_and_a_checkpoint_without_the_head(tmp_path):
    theirs = _theirs(tmp_path, BertModel)
    ours = BERT.from_pretrained(tmp_path)
    ids = _padded(9, 4)
    with torch.no_grad():
        expected = theirs(ids, attention_mask=(ids != 0).long()).last_hidden_state
    with torch.no_grad():
        states = ours.encode(ids)
    torch.testing.assert_close(states[ids != 0], expected[ids != 0], rtol=0, atol=1e-5)
    with pytest.raises(BadInput, match="no masked-language-modelling head"):
        ours(ids)


def test_the_oldest_files_have_other_names_and_tensors_that_nobody_needs(tmp_path):
    theirs = _theirs(tmp_path, BertForPreTraining)
    _rename(
        tmp_path,
        lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ),
    )
    tensors = load_file(tmp_path / "model.safetensors")
    assert {"bert.pooler.dense.bias", "cls.seq_relationship.weight"} <= tensors.keys()
    tensors["bert.embeddings.position_ids"] = torch.arange(40).unsqueeze(0)
    tensors["cls.predictions.decoder.weight"] = (
        theirs.bert.embeddings.word_embeddings.weight.clone()
    )
    save_file(tensors, tmp_path / "model.safetensors")
    ids = _padded(9)
    with torch.no_grad():
        expected, logits = theirs(ids).prediction_logits, BERT.from_pretrained(tmp_path)(ids)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"model_type": "roberta"}, "model_type is 'roberta'"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"hidden_act": "gelu_new"}, "hidden_act is 'gelu_new'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"is_decoder": True}, "is_decoder is True"),
        ({"pad_token_id": 1}, "pad_token_id is 1"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False"),
        ({"num_attention_heads": 5}, "5 heads cannot divide a dimension of 32"),
        ({"vocab_size": 98}, "word_embeddings.weight"),
        ({"num_hidden_layers": 4}, "encoder.layer.3.attention.self.query.weight' is missing"),
        ({"num_hidden_layers": 2}, "unexpected"),
    ],
)
def test_what_it_cannot_represent_it_refuses_in_one_line(tmp_path, changes, line):
    _theirs(tmp_path)
    _edit(tmp_path, **changes)
    with pytest.raises(BadInput) as refusal:
        BERT.from_pretrained(tmp_path)
    message = str(refusal.value)
    assert line in message
    assert "\n" not in message
    assert str(tmp_path) in message


def test_a_missing_tensor_is_named(tmp_path):
    _theirs(tmp_path)
    _rename(tmp_path, lambda name: name.replace("cls.predictions.bias", "cls.predictions.basis"))
    with pytest.raises(BadInput, match=r"cls\.predictions\.bias' is missing"):
        BERT.from_pretrained(tmp_path)


def test_every_word_moves_every_score(model):
    logits = model(IDS[:1])
    for s in range(5):
        changed = IDS[:1].clone()
        changed[0, s] = 8
        assert ((model(changed) - logits).abs().amax(-1) > 1e-9).all()


def test_order_and_types_matter(model):
    turned = model(IDS[:1].flip(1)).flip(1)
    assert not torch.allclose(turned, model(IDS[:1]))
    types = torch.ones_like(IDS[:1])
    assert not torch.allclose(model(IDS[:1], types), model(IDS[:1]))


def test_a_mask_of_ones_own_decides_who_sees_whom(model):
    alone = torch.eye(5, dtype=torch.bool).expand(3, 5, 5)
    states = model.encode(IDS, mask=alone)
    changed = IDS.clone()
    changed[:, 1:] = 8
    torch.testing.assert_close(model.encode(changed, mask=alone)[:, 0], states[:, 0])


def test_a_text_of_padding_alone_is_no_disaster(model):
    nothing = torch.zeros(1, 4, dtype=torch.long)
    assert model(nothing).isfinite().all()


def test_too_long_a_text_is_refused(model):
    with pytest.raises(BadInput, match="13 tokens, but this model has 12 positions"):
        model(torch.ones(1, 13, dtype=torch.long))


def test_its_weights_can_be_recorded(model):
    with record_attention(model) as weights:
        model(IDS)
    assert list(weights) == ["layers.0.self_attention", "layers.1.self_attention"]
    for rows in weights.values():
        assert rows.shape == (3, 4, 5, 5)
        assert not rows[1, ..., 2:].any(), "padding is never looked at"


def test_dropout_is_off_when_evaluating():
    torch.manual_seed(0)
    model = BERT(BERTConfig(vocab_size=31, max_len=8, dropout=0.5))
    assert not torch.equal(model(IDS), model(IDS))
    model.eval()
    assert torch.equal(model(IDS), model(IDS))


@pytest.mark.on_cpu(reason="counts parameters without allocating them")
@pytest.mark.parametrize(
    ("sizes", "parameters"),
    [((768, 12, 12, 3072), 109_514_298), ((1024, 16, 24, 4096), 335_174_458)],
)
def test_it_has_its_published_size(sizes, parameters):
    d_model, n_heads, n_layers, d_ff = sizes
    with torch.device("meta"):
        model = BERT(BERTConfig(30_522, d_model, n_heads, n_layers, d_ff, max_len=512))
    assert sum(p.numel() for p in model.parameters()) == parameters
    embedding = (30_522 + 512 + 2 + 2) * d_model
    a_layer = 4 * (d_model + 1) * d_model + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model
    head = (d_model + 1) * d_model + 2 * d_model + 30_522
    assert embedding + n_layers * a_layer + head == parameters
