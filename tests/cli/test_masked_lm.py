"""`attention fill` and `attention search` as a person types them, from training on."""

import json

import pytest
import torch

from attention.cli.app import main
from attention.data import prose
from attention.models.bert import BERT, BERTConfig
from attention.models.gpt import GPT, GPTConfig
from attention.tokenizers.wordpiece import WordPieceTokenizer
from tests.cli.test_translation import refused

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
    assert f'attention search {out} "query" {text}' in output


def test_resume_needs_no_arch(run, capsys):
    main(["train", "language", "--out", run, "--resume"])
    assert "all 80 steps are done already" in capsys.readouterr().out


def test_fill_prints_the_text_and_its_guesses(run, capsys):
    capsys.readouterr()
    main(["fill", run, "The old [MASK] was signed .", "--top", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "The old treaty was signed ."
    assert lines[2].split()[1] == "treaty"
    assert len(lines) == 2 + 3


def test_fill_json_has_each_gap(run, capsys):
    capsys.readouterr()
    main(["fill", run, "[MASK] old [MASK] was signed .", "--top", "2", "--json"])
    line = json.loads(capsys.readouterr().out)
    assert line["text"] == "the old treaty was signed ."
    assert [len(gap) for gap in line["guesses"]] == [2, 2]
    best, second = line["guesses"][1]
    assert best["word"] == "treaty"
    assert 0 < second["probability"] < best["probability"] <= 1
    main(["fill", run, "[MASK] old [MASK] was signed .", "--top", "2"])
    assert "gap 2" in capsys.readouterr().out


def test_search_prints_the_best_first(run, text, capsys):
    capsys.readouterr()
    main(["search", run, "It was long .", text, "--top", "2", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == [text, text]
    assert rows[0]["text"] == "the long treaty was signed . It was long ."
    assert 1 >= rows[0]["score"] > rows[1]["score"] >= -1
    main(["search", run, "It was long .", text, "--top", "1"])
    assert rows[0]["text"] in capsys.readouterr().out


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


def test_a_folder_of_others_is_read_by_its_own_tokenizer(tmp_path, text, capsys):
    """No head, truncation and padding in the tokenizer: as sentence encoders on the hub come."""
    pieces = WordPieceTokenizer.train(PARAGRAPHS, 60)
    torch.manual_seed(0)
    model = BERT(BERTConfig(len(pieces), d_model=16, n_layers=1, max_len=12, head=False))
    model.tokenizer = pieces.tokenizer
    pieces.tokenizer.enable_truncation(4)
    pieces.tokenizer.enable_padding(length=20)
    model.save_pretrained(tmp_path)
    capsys.readouterr()
    main(["search", str(tmp_path), "treaty " * 40, text, "--json"])
    assert capsys.readouterr().out.count("\n") == 3
    assert "without its head" in refused(capsys, "fill", str(tmp_path), "[MASK]")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["fill", "{run}", "no gap"], "no [MASK] in the text"),
        (["fill", "{run}", ""], "no [MASK] in the text"),
        (["fill", "{run}", "[MASK] " * 30], "32 words, but this model has positions for 24"),
        (["fill", "{run}", "[MASK]", "--top", "0"], "--top 0"),
        (["fill", "{run}"], "TEXT"),
        (["fill", "{tmp}/gpt", "[MASK]"], "model_type is 'gpt2', but 'bert' is wanted"),
        (["search", "{tmp}/gpt", "treaty", "{text}"], "model_type is 'gpt2'"),
        (["search", "{run}", " ", "{text}"], "an empty query"),
        (["search", "{run}", "treaty", "gone.txt"], "gone.txt"),
        (["search", "{run}", "treaty", "{tmp}/empty.txt"], "empty"),
        (["search", "{run}", "treaty", "{tmp}/code.md"], "no paragraph to search"),
        (["search", "{run}", "treaty", "{tmp}/latin.txt"], "not UTF-8"),
        (["search", "{run}", "treaty", "{text}", "book"], "book stands alone"),
        (["search", "{tmp}", "treaty", "{text}"], "config.json"),
        (["generate", "{run}", "treaty"], "write text"),
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
