"""`attention fill` and `attention search` as a person types them, from training on."""

import json
from pathlib import Path

import pytest
import torch

from attention.cli.app import main
from attention.data import prose
from attention.models.bert import BERT, BERTConfig
from attention.models.gpt import GPT, GPTConfig
from attention.tasks.retrieval import TextEncoder
from attention.tokenizers.wordpiece import WordPieceTokenizer
from tests.cli.commands import refused, shown

PARAGRAPHS = [f"the {name} treaty was signed .\nIt was {name} ." for name in ("old", "long", "new")]
TINY = ["--d-model", "32", "--n-layers", "1", "--max-len", "24", "--subwords", "60"]


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("data") / "treaties.txt"
    path.write_text("\n\n".join(PARAGRAPHS))
    return str(path)


def train(out: str, text: str, *more: str) -> None:
    command = ["train", "language", "--arch", "bert", "--data", text, "--out", out]
    main([*command, "--steps", "80", "--lr", "0.01", "--warmup", "5", *more])


@pytest.fixture(scope="module")
def run(tmp_path_factory, text) -> str:
    out = str(tmp_path_factory.mktemp("runs") / "bert")
    train(out, text, *TINY)
    return out


def test_training_says_what_to_try(tmp_path, text, capsys):
    out = str(tmp_path / "run")
    train(out, text, *TINY, "--tokens-per-batch", "30")
    output = capsys.readouterr().out
    assert f"attention fill {out}" in output
    assert f"attention search {out} query {text}" in output


def test_resume_needs_no_arch(run, capsys):
    main(["train", "language", "--out", run, "--resume"])
    assert "all 80 steps are done already" in capsys.readouterr().out


def test_fill_prints_the_text_and_its_predictions(run, capsys):
    capsys.readouterr()
    main(["fill", run, "The old [MASK] was signed .", "--top", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "The old treaty was signed ."
    assert lines[2].split()[1] == "treaty"
    assert len(lines) == 2 + 3


def test_fill_json_has_the_predictions_of_each_mask(run, capsys):
    capsys.readouterr()
    main(["fill", run, "[MASK] old [MASK] was signed .", "--top", "2", "--json"])
    line = json.loads(capsys.readouterr().out)
    assert line["text"] == "the old treaty was signed ."
    assert [len(candidates) for candidates in line["predictions"]] == [2, 2]
    best, second = line["predictions"][1]
    assert best["token"] == "treaty"
    assert 0 < second["probability"] < best["probability"] <= 1
    main(["fill", run, "[MASK] old [MASK] was signed .", "--top", "2"])
    assert "[MASK] 2" in capsys.readouterr().out


def test_search_prints_the_best_first(run, text, capsys):
    capsys.readouterr()
    main(["search", run, "It was long .", text, "--top", "2", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == [text, text]
    assert rows[0]["text"] == "the long treaty was signed . It was long ."
    assert 1 >= rows[0]["score"] > rows[1]["score"] >= -1
    main(["search", run, "It was long .", text, "--top", "1"])
    assert rows[0]["text"] in capsys.readouterr().out


def test_an_index_saves_the_embedding_of_the_files(run, text, tmp_path, monkeypatch, capsys):
    embedded = []
    embed = TextEncoder.embed

    def counted(encoder, texts, prompt=None):
        embedded.append(len(texts))
        return embed(encoder, texts, prompt)

    monkeypatch.setattr(TextEncoder, "embed", counted)
    command = ["search", run, "It was long .", text, "--index", str(tmp_path / "index")]
    outputs = [shown(capsys, *command) for _ in range(2)]
    assert outputs[0] == outputs[1] == shown(capsys, *command[:-2])
    assert embedded == [3, 1, 1, 3, 1], "the second search embeds the query alone"


def test_an_index_that_cannot_be_written_is_no_obstacle(run, text, capsys):
    capsys.readouterr()
    main(["search", run, "It was long .", text, "--top", "1", "--index", "/proc/none/index"])
    output = capsys.readouterr()
    assert "no index is kept: /proc/none/index: cannot be written" in output.err
    assert "the long treaty was signed" in output.out


def test_a_text_without_blank_lines_is_cut(run, tmp_path, capsys):
    path = tmp_path / "long.txt"
    lines = [f"the old treaty was signed in {year} ." for year in range(1000, 1200)]
    path.write_text("\n".join(lines))
    rows = shown(capsys, "search", run, "old treaty", str(path), "--top", "99", "--json")
    texts = [json.loads(row)["text"] for row in rows.splitlines()]
    assert len(texts) > 5
    assert all(text.endswith(".") and len(text) <= 1000 for text in texts)


def test_a_page_s_prose_is_searched_and_several_files_can_be(run, text, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Long ago\n\n```\nIt was long .\n```\n\nNobody *signed* the new treaty.\n")
    capsys.readouterr()
    main(["search", run, "It was long .", text, str(page), "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 4
    [found] = [row for row in rows if row["file"] == str(page)]
    assert found.keys() == {"score", "file", "heading", "text"}
    assert (found["heading"], found["text"]) == ("Long ago", "Nobody signed the new treaty.")
    main(["search", run, "It was long .", text, str(page)])
    assert f"{page}, Long ago\n        Nobody signed" in capsys.readouterr().out


def test_without_files_the_book_is_searched(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "introduction.md").write_text("# Old\n\nthe old treaty was signed .\n")
    (tmp_path / "lab.py").write_text("# %% [markdown]\n# ## Long\n# the long treaty was signed .\n")
    monkeypatch.setattr(prose, "_CHAPTERS", tmp_path)
    capsys.readouterr()
    main(["search", run, "the long treaty", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["file"], row["heading"]) for row in rows] == [
        ("lab.py", "Long"),
        ("introduction.md", "Old"),
    ]


@pytest.fixture
def encoder(tmp_path) -> Path:
    """A folder as sentence encoders come: no head, a tokenizer that truncates and pads."""
    tokenizer = WordPieceTokenizer.train(PARAGRAPHS, 60)
    torch.manual_seed(0)
    model = BERT(BERTConfig(len(tokenizer), d_model=16, n_layers=1, max_len=12, head=False))
    model.tokenizer = tokenizer.tokenizer
    model.tokenizer.enable_truncation(4)
    model.tokenizer.enable_padding(length=20)
    model.save_pretrained(tmp_path)
    return tmp_path


def test_a_model_without_a_head_can_be_searched_with(encoder, text, capsys):
    capsys.readouterr()
    main(["search", str(encoder), "treaty " * 40, text, "--json"])
    assert capsys.readouterr().out.count("\n") == 3
    assert "no masked-language-modelling head" in refused(capsys, "fill", str(encoder), "[MASK]")


def test_search_pools_as_the_folder_says(encoder, text, capsys):
    def scores(**pooling: object) -> list[float]:
        (encoder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
        capsys.readouterr()
        main(["search", str(encoder), "the old treaty", text, "--json"])
        return [json.loads(line)["score"] for line in capsys.readouterr().out.splitlines()]

    types = [f"sentence_transformers.models.{name}" for name in ("Transformer", "Pooling")]
    paths = ["", "1_Pooling"]
    modules = [{"type": t, "path": path} for t, path in zip(types, paths, strict=True)]
    (encoder / "1_Pooling").mkdir()
    (encoder / "modules.json").write_text(json.dumps(modules))
    mean, cls = scores(pooling_mode_mean_tokens=True), scores(pooling_mode_cls_token=True)
    assert max(abs(a - b) for a, b in zip(mean, cls, strict=True)) > 1e-3
    (encoder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "lasttoken"}')
    assert "pooling_mode is 'lasttoken'" in refused(capsys, "search", str(encoder), "treaty", text)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["fill", "{run}", "no mask"], "no [MASK] in the text"),
        (["fill", "{run}", ""], "no [MASK] in the text"),
        (["fill", "{run}", "caf\udce9 [MASK]"], "the text is not UTF-8 text"),
        (["search", "{run}", "caf\udce9", "{text}"], "the query is not UTF-8 text"),
        (["search", "{run}", "treaty", "{text}", "--index", "{text}"], "no search index"),
        (["search", "{run}", "treaty", "{text}", "--index", "{run}/model.safetensors"],
         "holds tensors, but no search index"),
        (["fill", "{run}", "[MASK] " * 30], "32 tokens, but this model has 24 positions"),
        (["fill", "{run}", "[MASK]", "--top", "0"], "--top 0"),
        (["fill", "{run}"], "TEXT"),
        (["fill", "{tmp}/gpt", "[MASK]"], "model_type is 'gpt2', but this class loads 'bert'"),
        (["search", "{tmp}/gpt", "treaty", "{text}"], "model_type is 'gpt2'"),
        (["search", "{run}", " ", "{text}"], "an empty query"),
        (["search", "{run}", "treaty", "gone.txt"], "gone.txt"),
        (["search", "{run}", "treaty", "{tmp}/empty.txt"], "empty"),
        (["search", "{run}", "treaty", "{tmp}/code.md"], "no paragraph to search"),
        (["search", "{run}", "treaty", "{tmp}/latin.txt"], "not UTF-8"),
        (["search", "{run}", "treaty", "{text}", "book"], "the corpus book can't be combined"),
        (["search", "{tmp}", "treaty", "{text}"], "config.json"),
        (["generate", "{run}", "treaty", "--device", "cpu"], "generate text"),
        (["evaluate", "{run}"], "attention fill and attention search use it"),
        (["train", "language", "--out", "{run}", "--resume", "--valid", "{text}"], "gpt or llama"),
        (["train", "language", "--out", "{tmp}/x", "--arch", "bert", "--valid", "{text}"],
         "--valid does not go with --arch bert"),
        (["train", "language", "--out", "{tmp}/x", "--arch", "bert", "--data", "{tmp}/one.txt"],
         "two paragraphs"),
        (["train", "language", "--out", "{tmp}/x", "--arch", "bert", "--n-kv-heads", "2"], "llama"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(arguments, hint, run, text, tmp_path, capsys):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "latin.txt").write_bytes(b"d\xe9j\xe0")
    (tmp_path / "code.md").write_text("# A\n\n```\nx = 1\n```\n")
    if any("gpt" in argument for argument in arguments):
        (tmp_path / "gpt").mkdir()
        GPT(GPTConfig(9, 8, 2, 1)).save_pretrained(tmp_path / "gpt")
    filled = [a.format(run=run, tmp=tmp_path, text=text) for a in arguments]
    assert hint in refused(capsys, *filled)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("command", "words"), [("fill", "[MASK]"), ("search", "Markdown")])
def test_help_teaches(command, words, capsys):
    main([command, "--help"])
    assert words in capsys.readouterr().out
