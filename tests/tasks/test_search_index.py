"""The search index: used where it is right, made anew where it is not."""

import pytest
import torch

from attention.checkpoints import save_tensors
from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig
from attention.tasks.retrieval import TextEncoder
from attention.tasks.search_index import indexed_embeddings
from attention.tokenizers.wordpiece import WordPieceTokenizer

TEXTS = ["the old treaty", "the long treaty", "it was new"]


def encoder(seed: int = 0) -> TextEncoder:
    tokenizer = WordPieceTokenizer.train(TEXTS, 60)
    torch.manual_seed(seed)
    return TextEncoder(BERT(BERTConfig(len(tokenizer), d_model=16, n_layers=1)), tokenizer)


def index(path, texts=TEXTS, seed: int = 0):
    """The embeddings, and whether they were read from the file."""
    before = path.read_bytes() if path.exists() else None
    embeddings, problem = indexed_embeddings(encoder(seed), texts, path)
    assert problem is None
    return embeddings, path.read_bytes() == before


def test_it_is_used_as_long_as_texts_and_model_are_the_same(tmp_path):
    path = tmp_path / "index"
    first, used = index(path)
    assert not used
    assert torch.equal(first, encoder().embed(TEXTS))
    again, used = index(path)
    assert used
    assert torch.equal(again, first)


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"texts": TEXTS[::-1]},
        {"texts": TEXTS[:2]},
        {"texts": ["the old treatythe long", " treaty", "it was new"]},
    ],
)
def test_it_is_made_anew_when_anything_changes(tmp_path, changed):
    path = tmp_path / "index"
    index(path)
    embeddings, used = index(path, **changed)
    assert not used
    expected = encoder(changed.get("seed", 0)).embed(changed.get("texts", TEXTS))
    assert torch.equal(embeddings, expected)


def test_another_file_is_never_overwritten(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(BadInput, match="no search index"):
        index(path)
    assert path.read_text() == "mine"
    save_tensors(path, {"weights": torch.ones(2)})
    with pytest.raises(BadInput, match="holds tensors, but no search index"):
        index(path)


def test_an_index_that_cannot_be_written_gives_the_embeddings_and_the_reason(tmp_path):
    (tmp_path / "file").touch()
    embeddings, problem = indexed_embeddings(encoder(), TEXTS, tmp_path / "file" / "index")
    assert "cannot be written" in str(problem)
    assert torch.equal(embeddings, encoder().embed(TEXTS))
