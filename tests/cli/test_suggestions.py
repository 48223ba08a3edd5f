"""What `train` suggests to try next: right, and typed as a shell reads it."""

import subprocess
from pathlib import Path

import pytest

from attention.cli.suggestions import after_language_model, after_masked_lm, after_translator
from attention.data import Pair

pytestmark = pytest.mark.on_cpu(reason="text only")

PAIRS = [Pair("- They left .", "- Ils sont partis ."), Pair("They arrived .", "Ils arrivent .")]
STRANGE = ["mes toys é.tsv", r"C:\data\new file", "it's", '"$HOME" `ls`', "wow!", "two\nlines", "*"]


def as_the_shell_reads(command: str) -> list[str]:
    """The arguments that a program named `attention` would get."""
    script = "attention() { printf '%s\\0' \"$@\"; }; " + command
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return run.stdout.split("\0")[:-1]


@pytest.mark.parametrize("name", STRANGE)
def test_names_reach_the_program_as_they_are(name):
    translate, evaluate = after_translator(Path(name), [name], ["x", name], PAIRS)
    assert as_the_shell_reads(translate) == ["translate", name, "They arrived ."]
    assert as_the_shell_reads(evaluate) == ["evaluate", name, "--data", "x", name]
    generate = after_language_model(Path(name), [name], [f"{name} is a name"])[0]
    assert as_the_shell_reads(generate)[1] == name
    search = after_masked_lm(Path(name), [name])[1]
    assert as_the_shell_reads(search) == ["search", name, "query", name]


@pytest.mark.parametrize(
    ("data", "valid", "held_out"),
    [
        ("toy", None, "toy-test"),
        ("toy-train", None, "toy-test"),
        ("toy", "toy", "toy-test"),
        ("toy", "toy-valid", "toy-valid"),
        ("toy", "mine.tsv", "mine.tsv"),
        ("mes toys é.tsv", None, "FILE"),
        ("toy.tsv", None, "FILE"),
        ("pairs.tsv", "pairs.tsv", "FILE"),
        ("pairs.tsv", "./pairs.tsv", "FILE"),
        ("pairs.tsv", "valid.tsv", "valid.tsv"),
        ("toy-test", None, "FILE"),
    ],
)
def test_nothing_is_measured_on_its_training_data(data, valid, held_out):
    command = after_translator(Path("run"), [data], valid and [valid], PAIRS)[1]
    assert as_the_shell_reads(command) == ["evaluate", "run", "--data", held_out]


def test_sentences_and_folders_are_not_taken_for_options():
    translate = as_the_shell_reads(after_translator(Path("-run"), ["x"], None, PAIRS)[0])
    assert translate == ["translate", "./-run", "They arrived ."]
    only = [Pair("-", "-"), Pair("word " * 99, "mot " * 99)]
    assert after_translator(Path("run"), ["x"], None, only)[0] == "attention translate run SENTENCE"
    assert "'" not in after_language_model(Path("run"), ["x"], ["--help me"])[0]


def test_the_sentence_is_one_of_the_corpus():
    assert "They arrived late ." in after_translator(Path("run"), ["toy"], None, PAIRS)[0]
    assert "They arrived ." in after_translator(Path("run"), ["toy.tsv"], None, PAIRS)[0]
    book = ["An agreement was signed in August ."]
    assert 'run "The query"' in after_language_model(Path("run"), ["book"], book)[0]
    assert 'run "An agreement was"' in after_language_model(Path("run"), ["x"], book)[0]
