"""A folder of the Sentence Transformers library gives the embeddings that the library gives."""

import json
import os
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling

from attention.errors import BadInput
from attention.hub import download
from attention.hub.sentence_transformers import EmbeddingConfig, read_embedding_config
from attention.models.bert import BERT, BERTConfig
from attention.tasks.retrieval import TextEncoder
from attention.tokenizers.wordpiece import WordPieceTokenizer
from tests.device.plugin import DEVICE

QUERY = "who signed the old treaty"
DOCUMENTS = [
    "the old treaty was signed .",
    "a new letter came",
    "The Old Treaty",
    "a letter " * 20,
    "the long letter was signed , and a new treaty was signed , too",
    "",
]


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> Path:
    """A tiny BERT without Sentence Transformers' files, for texts of up to 32 tokens."""
    folder = tmp_path_factory.mktemp("bert")
    tokenizer = WordPieceTokenizer.train([QUERY, *DOCUMENTS], 80, lowercase=False)
    torch.manual_seed(0)
    model = BERT(BERTConfig(len(tokenizer), d_model=16, n_layers=2, max_len=32, head=False))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.tokenizer = tokenizer.tokenizer
    model.save_pretrained(folder)
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    names |= {"unk_token": "[UNK]", "mask_token": "[MASK]"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"} | names
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def write(path: Path, values: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values))


def make_folder(bert: Path, folder: Path, **more: object) -> Path:
    """Copy the BERT, and write the files beside it as the library's releases before 6 did."""
    for file in bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    modules = ["Transformer", "Pooling", *(["Normalize"] if more.get("normalize") else [])]
    paths = ["", "1_Pooling", "2_Normalize"]
    write(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
            for i, (name, path) in enumerate(zip(modules, paths, strict=False))
        ],
    )
    modes = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}
    flags = {f"pooling_mode_{theirs}": more.get("pooling", "mean") == ours
             for ours, theirs in modes.items()}  # fmt: skip
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16} | flags)
    write(folder / "sentence_bert_config.json", more.get("encoder", {"max_seq_length": 32}))
    write(folder / "config_sentence_transformers.json", more.get("main", {}))
    return folder


def load_in_library(folder: Path, **options: object) -> SentenceTransformer:
    """Their encoder, which loads onto another device by means of accelerate."""
    with torch.device("cpu"):
        theirs = SentenceTransformer(str(folder), device="cpu", **options)
    return theirs.to(DEVICE)


def compare(folder: Path) -> TextEncoder:
    """Assert that all embeddings and scores equal the library's."""
    ours, theirs = TextEncoder.load(folder), load_in_library(folder)
    config = ours.config
    assert ours.embed([]).shape == (0, 16)
    for prompt, encode in (
        (config.query_prompt, theirs.encode_query),
        (config.document_prompt, theirs.encode_document),
        (None, theirs.encode),
    ):
        expected = torch.tensor(encode(DOCUMENTS))
        torch.testing.assert_close(ours.embed(DOCUMENTS, prompt), expected, rtol=0, atol=1e-5)
    scores = theirs.similarity(theirs.encode_query(QUERY), theirs.encode_document(DOCUMENTS))[0]
    found = {hit.index: hit.score for hit in ours.search(QUERY, DOCUMENTS)}
    assert [found[i] for i in range(len(DOCUMENTS))] == pytest.approx(scores.tolist(), abs=1e-5)
    assert list(found) == scores.argsort(descending=True).tolist()
    return ours


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("normalize", [False, True])
def test_pooling_and_normalisation(pooling, normalize, bert, tmp_path):
    ours = compare(make_folder(bert, tmp_path, pooling=pooling, normalize=normalize))
    lengths = ours.embed(DOCUMENTS).norm(dim=1)
    assert torch.allclose(lengths, torch.ones(len(DOCUMENTS))) == normalize


PROMPTS = {"query": "who : ", "document": "a letter : ", "passage": "new ", "other": "too "}


@pytest.mark.parametrize(
    "main",
    [
        {"prompts": PROMPTS},
        {"prompts": PROMPTS, "default_prompt_name": "other"},
        {"prompts": {"query": "who : "}, "default_prompt_name": "query"},
        {"prompts": {"passage": "new ", "other": "too "}, "default_prompt_name": "other"},
        {"prompts": {"query": None}, "default_prompt_name": None},
        {"default_prompt_name": "document"},
        {"similarity_fn_name": "dot"},
        {"similarity_fn_name": "cosine"},
        {"similarity_fn_name": None, "prompts": {}},
    ],
    ids=str,
)
def test_prompts_and_similarity(main, bert, tmp_path):
    compare(make_folder(bert, tmp_path, main=main))


@pytest.mark.parametrize(
    ("encoder", "length"),
    [
        ({"max_seq_length": 6, "do_lower_case": False}, 6),
        ({"max_seq_length": 6, "do_lower_case": True}, 6),
        ({"max_seq_length": None}, 32),
        ({}, 32),
    ],
)
def test_truncation_and_lower_case(encoder, length, bert, tmp_path):
    ours = compare(make_folder(bert, tmp_path, encoder=encoder))
    assert ours.config.max_seq_length == length
    long, longer = ours.embed(["a letter " * 20, "a letter " * 30])
    assert torch.equal(long, longer)


def test_the_tokenizer_s_length_holds_where_no_other_is_stated(bert, tmp_path):
    folder = make_folder(bert, tmp_path, encoder={})
    path = folder / "tokenizer_config.json"
    write(path, json.loads(path.read_text()) | {"model_max_length": 7})
    assert compare(folder).config.max_seq_length == 7
    write(path, json.loads(path.read_text()) | {"model_max_length": 10**30})
    compare(folder)


def test_a_folder_that_the_library_saved(bert, tmp_path):
    folder = make_folder(bert, tmp_path, normalize=True)
    made = load_in_library(folder, prompts={"query": "who : "})
    made[1] = Pooling(16, "cls")
    made.max_seq_length = 8
    made.save(str(tmp_path / "saved"))
    assert "pooling_mode" in json.loads((tmp_path / "saved/1_Pooling/config.json").read_text())
    config = compare(tmp_path / "saved").config
    assert config == EmbeddingConfig("cls", True, 8, query_prompt="who : ")


def test_a_folder_without_these_files_keeps_the_mean_and_reads_long_texts_to_their_end(bert):
    assert read_embedding_config(bert) == EmbeddingConfig()
    encoder = TextEncoder.load(bert)
    one, other = encoder.embed(["a letter " * 40, "a letter " * 40 + "treaty"])
    assert (one - other).abs().max() > 1e-4


TYPES = ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"]


def modules(*types: str) -> list[dict[str, str]]:
    paths = ["", "1_Pooling", "2_Dense"]
    return [{"path": path, "type": kind} for path, kind in zip(paths, types, strict=False)]


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize(
    ("file", "values", "hint"),
    [
        ("modules.json", modules(*TYPES, "sentence_transformers.models.Dense"),
         "modules are Transformer, Pooling, Dense"),
        ("modules.json", modules(*TYPES[:1]), "modules are Transformer, but"),
        ("modules.json", [], "but only Transformer, Pooling"),
        ("modules.json", [3], "not a list of modules"),
        ("modules.json", {"path": ""}, "not a list of modules"),
        ("1_Pooling/config.json", {"pooling_mode_weightedmean_tokens": True},
         "pooling_mode is 'weightedmean', but only mean or cls or max is supported"),
        ("1_Pooling/config.json",
         {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
         "pooling_mode is 'cls and mean'"),
        ("1_Pooling/config.json", {"pooling_mode": ["max", "mean"]}, "'max and mean'"),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "'lasttoken'"),
        ("1_Pooling/config.json", {"include_prompt": False}, "include_prompt is False"),
        ("1_Pooling/config.json", None, "1_Pooling/config.json: no such file"),
        ("sentence_bert_config.json", {"max_seq_length": "32"}, "maximum sequence length is '32'"),
        ("sentence_bert_config.json", {"max_seq_length": 0}, "maximum sequence length is 0"),
        ("config_sentence_transformers.json", {"prompts": {"query": 3}}, "prompts is"),
        ("config_sentence_transformers.json", {"default_prompt_name": "s2p"}, "no such name"),
        ("config_sentence_transformers.json", {"similarity_fn_name": "euclidean"},
         "similarity_fn_name is 'euclidean', but only cosine or dot is supported"),
        ("config_sentence_transformers.json", [], "not a JSON object"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named_in_one_line(file, values, hint, bert, tmp_path):
    folder = make_folder(bert, tmp_path, main={"prompts": {"query": "who : "}})
    if values is None:
        (folder / file).unlink()
    else:
        write(folder / file, values)
    with pytest.raises(BadInput) as caught:
        TextEncoder.load(folder)
    assert hint in str(caught.value)
    assert file in str(caught.value) or str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.on_cpu(reason="reads and writes files")
def test_the_hub_is_asked_for_these_files():
    files = ["modules.json", "1_Pooling/config.json", "config_sentence_transformers.json"]
    for file in [*files, "sentence_bert_config.json", "tokenizer_config.json", "tokenizer.json"]:
        assert any(fnmatch(file, pattern) for pattern in download._FILES), file
    for file in ["pytorch_model.bin", "onnx/model.onnx", "README.md", "openvino/config.json"]:
        assert not any(fnmatch(file, pattern) for pattern in download._FILES), file
