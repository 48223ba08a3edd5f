"""`attention evaluate` as a person types it."""

import json

import pytest

from attention.tasks.translation import Translator
from tests.cli.commands import SENTENCES, refused, shown

KEYS = ["bleu", "chrf", "exact_match", "aer", "signature", "sentences"]


def test_it_prints_a_table_or_one_json_object(translator_run, pairs_file, capsys):
    command = ["evaluate", translator_run, "--data", pairs_file]
    scores = json.loads(shown(capsys, *command, "--json"))
    assert list(scores) == KEYS
    assert scores["exact_match"] == 1
    assert scores["aer"] is None
    assert scores["sentences"] == 18
    assert "exact match           1.000" in shown(capsys, *command)


def test_it_searches_with_the_beam_that_is_asked_for(random_run, tmp_path, capsys):
    """The references are what beam search finds, and greedy decoding does not."""
    translator = Translator.load(random_run)
    greedy, searched = (translator.translate(SENTENCES, beam) for beam in (1, 5))
    assert not {t.text for t in greedy} & {t.text for t in searched}
    data = tmp_path / "pairs.tsv"
    rows = zip(SENTENCES, searched, strict=True)
    data.write_text("".join(f"{source}\t{target.text}\n" for source, target in rows), "utf-8")
    command = ["evaluate", random_run, "--data", str(data), "--json"]
    assert json.loads(shown(capsys, *command, "--beam", "5"))["exact_match"] == 1
    assert json.loads(shown(capsys, *command))["exact_match"] == 0


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--data", "gone.tsv"], "gone.tsv"),
        (["--data", "a", "b", "c"], "3"),
        (["--beam", "0"], "--beam 0"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, translator_run, capsys):
    assert hint in refused(capsys, "evaluate", translator_run, *arguments)
