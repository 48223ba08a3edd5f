"""`attention translate` as a person types it."""

import io
import json
import shutil
import sys

import pytest

from attention.cli.app import main
from attention.tasks.translation import Translator
from tests.cli.commands import SENTENCES, TRANSLATIONS, refused, shown


def test_it_prints_a_sentence_a_line(translator_run, capsys):
    output = shown(capsys, "translate", translator_run, *SENTENCES)
    assert output.splitlines() == TRANSLATIONS


def test_json_has_the_tokens_and_the_attention_weights(translator_run, capsys):
    output = shown(capsys, "translate", translator_run, SENTENCES[1], "--json", "--beam", "2")
    line = json.loads(output)
    assert list(line) == ["source", "target", "text", "attention"]
    assert line["source"] == ["They", "left", "early", "."]
    assert line["target"] == ["Ils", "sont", "partis", "tôt", "."]
    assert line["text"] == TRANSLATIONS[1]
    assert [len(row) for row in line["attention"]] == [4] * 5
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in line["attention"])


def test_it_searches_with_the_beam_that_is_asked_for(random_run, capsys):
    translator = Translator.load(random_run)
    greedy, searched = (translator.translate(SENTENCES, beam) for beam in (1, 5))
    assert greedy[0].text != searched[0].text, "this model can't tell the two apart"
    for options, expected in ([], greedy), (["--beam", "5"], searched):
        output = shown(capsys, "translate", random_run, *SENTENCES, *options)
        assert output.splitlines() == [translation.text for translation in expected]


def feed(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input_gives_a_line_for_a_line(translator_run, capsys, monkeypatch):
    feed(monkeypatch, b"They arrived .\n\nThey left early .\r\n")
    output = shown(capsys, "translate", translator_run)
    assert output.splitlines() == [TRANSLATIONS[0], "", TRANSLATIONS[1]]


def test_standard_input_that_is_not_utf8(translator_run, capsys, monkeypatch):
    feed(monkeypatch, b"They arrived .\nd\xe9j\xe0\n")
    assert "line 2 is not UTF-8" in refused(capsys, "translate", translator_run)


def test_unknown_words_and_emoji_are_named_and_the_rest_is_translated(translator_run, capsys):
    capsys.readouterr()
    main(["translate", translator_run, "They teleported 🙂 ."])
    output = capsys.readouterr()
    assert output.err == "attention: not in the vocabulary: teleported, 🙂\n"
    assert output.out.count("\n") == 1


def test_two_thousand_words_are_translated_with_a_warning(translator_run, capsys):
    capsys.readouterr()
    main(["translate", translator_run, "They arrived . " * 700])
    output = capsys.readouterr()
    assert "2,100 words; a sentence this long is rarely translated well" in output.err
    assert output.out.count("\n") == 1


def test_attention_weights_are_drawn(translator_run, capsys, tmp_path):
    command = ["translate", translator_run, SENTENCES[0], "--attention"]
    main([*command, str(tmp_path / "map.svg")])
    assert "<svg" in (tmp_path / "map.svg").read_text()
    bad = str(tmp_path / "map.doc")
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main([*command, bad])
    assert stopped.value.code == 2
    assert "map.doc: cannot be drawn" in capsys.readouterr().err
    two = ["translate", translator_run, *SENTENCES, "--attention", bad]
    assert "2 were given" in refused(capsys, *two)


def test_a_model_without_attention_has_no_weights_to_draw(tmp_path, pairs_file, capsys):
    out, picture = str(tmp_path / "run"), str(tmp_path / "map.svg")
    train = ["train", "translation", "--arch", "fixed-vector", "--data", pairs_file, "--out", out]
    main([*train, "--steps", "2"])
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["translate", out, SENTENCES[0], "--attention", picture])
    assert stopped.value.code == 2
    assert "has no attention" in capsys.readouterr().err


def test_a_language_model_is_no_translator(language_run, capsys, tmp_path):
    for command in (["evaluate", language_run], ["translate", language_run, SENTENCES[0]]):
        line = refused(capsys, *command)
        assert f"{language_run}: holds a language model, not a translator" in line
        measure = f"attention train language --out {language_run} --resume --valid FILE"
        assert f"`{measure}` evaluates it" in line
    shutil.copy(f"{language_run}/config.json", tmp_path)
    assert "--resume" not in refused(capsys, "evaluate", str(tmp_path)), "no run of ours"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["gone", "They"], "gone: no such folder"),
        (["{run}", " "], "empty sentence"),
        (["{run}", "They", "--beam", "0"], "--beam 0: must be above 0"),
        (["{run}", "They", "--beam", "-1"], "--beam -1: must be above 0"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, translator_run, capsys):
    filled = [argument.format(run=translator_run) for argument in arguments]
    assert hint in refused(capsys, "translate", *filled)
