"""BERT's WordPiece tokenizer: special tokens, windows, and training that is reproducible."""

import pytest

from attention.data import toy
from attention.errors import BadInput
from attention.tokenizers import wordpiece
from attention.tokenizers.wordpiece import WordPieceTokenizer

TEXTS = [f"the {a} {b} was signed ." for a in ("long", "old") for b in ("treaty", "letter")]


@pytest.fixture(scope="module")
def tokenizer() -> WordPieceTokenizer:
    return WordPieceTokenizer.train(TEXTS, 80)


@pytest.mark.on_cpu(reason="text only")
def test_a_text_is_encoded_between_cls_and_sep(tokenizer):
    tokens = [tokenizer.token(i) for i in tokenizer.encode("The old treaty")]
    assert tokens == ["[CLS]", "the", "old", "treaty", "[SEP]"]


@pytest.mark.on_cpu(reason="text only")
def test_mask_in_a_text_is_the_special_token_only_if_allowed(tokenizer):
    assert tokenizer.mask_id in tokenizer.encode("the [MASK]", allow_special=True)
    assert tokenizer.mask_id not in tokenizer.encode("the [MASK]")


def test_all_tokens_but_the_special_ones_are_maskable(tokenizer):
    assert not tokenizer.maskable[:5].any()
    assert tokenizer.maskable[5:].all()
    assert len(tokenizer) == len(tokenizer.maskable)


@pytest.mark.on_cpu(reason="text only")
def test_windows_hold_every_token_once(tokenizer):
    text = " ".join(TEXTS)
    windows = tokenizer.windows(text, 7)
    assert max(map(len, windows)) == 7
    assert all(w[0] == 2 and w[-1] == 3 for w in windows)
    assert [i for w in windows for i in w[1:-1]] == tokenizer.encode(text)[1:-1]
    assert tokenizer.windows("the", 7) == [tokenizer.encode("the")]
    with pytest.raises(BadInput, match="fits"):
        tokenizer.windows(text, 2)


def test_truncation_and_padding_of_the_given_tokenizer_are_disabled_in_the_copy(tokenizer):
    given = WordPieceTokenizer(tokenizer.tokenizer).tokenizer
    given.enable_truncation(3)
    given.enable_padding(length=9)
    assert WordPieceTokenizer(given).encode("the old treaty") == tokenizer.encode("the old treaty")
    assert len(given.encode("the old treaty").ids) == 9  # the original is unchanged


def test_a_vocabulary_without_mask_is_refused(tokenizer):
    renamed = tokenizer.tokenizer.to_str().replace("[MASK]", "[BLANK]")
    with pytest.raises(BadInput, match=r"no \[MASK\]"):
        _ = WordPieceTokenizer(type(tokenizer.tokenizer).from_str(renamed)).mask_id


def test_token_ids_without_embeddings_are_refused(tokenizer):
    given = tokenizer.tokenizer
    assert len(WordPieceTokenizer(given, len(tokenizer))) == len(tokenizer)
    with pytest.raises(BadInput, match="they don't belong together"):
        WordPieceTokenizer(given, len(tokenizer) - 1)
    huge = given.to_str().replace('"[MASK]":4', '"[MASK]":2147483647')
    with pytest.raises(BadInput, match="token id 2,147,483,647"):
        WordPieceTokenizer(type(given).from_str(huge), len(tokenizer))


def test_they_are_refused_before_the_tokenizer_is_copied(tokenizer, monkeypatch):
    """Copying one takes minutes for a token id of two billion, in code that can't be stopped."""
    given = tokenizer.tokenizer
    monkeypatch.setattr(wordpiece, "Tokenizer", None)
    with pytest.raises(BadInput, match="they don't belong together"):
        WordPieceTokenizer(given, len(tokenizer) - 1)


def test_lowercased_reads_capitals_and_leaves_the_original_as_it_is():
    cased = WordPieceTokenizer.train([text.lower() for text in TEXTS], 80, lowercase=False)
    lowercased = cased.lowercased()
    assert lowercased.encode("The OLD treaty") == cased.encode("the old treaty")
    assert cased.encode("The OLD treaty") != cased.encode("the old treaty")
    assert lowercased.lowercased().encode("OLD") == cased.encode("old")


@pytest.mark.on_cpu(reason="text only")
def test_tokens_replace_masks(tokenizer):
    text = "the [MASK] econ [MASK] area"
    assert tokenizer.replace_masks(text, ["european", "##omic"]) == "the european economic area"
    assert tokenizer.replace_masks("[MASK] x", ["##omic"]) == "##omic x"


def test_the_same_texts_give_the_same_vocabulary():
    texts = [pair.target for pair in toy.pairs("train", 300)]
    vocabularies = [WordPieceTokenizer.train(texts, 300).tokenizer.get_vocab() for _ in range(3)]
    assert all(one == vocabularies[0] for one in vocabularies)
    assert len(vocabularies[0]) == 300
