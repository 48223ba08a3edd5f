"""`attention translate` as a person types it."""

import io
import json
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


def test_lines_come_from_one_file_and_go_into_another(translator_run, tmp_path, capsys):
    source, target = tmp_path / "source.txt", tmp_path / "target.txt"
    source.write_text("".join(f"{line}\r\n" for line in [*SENTENCES, "", SENTENCES[0]]))
    command = ["translate", translator_run, "--input", str(source), "--output", str(target)]
    assert shown(capsys, *command, "--batch-size", "2") == ""
    expected = [*TRANSLATIONS, "", TRANSLATIONS[0]]
    assert target.read_text("utf-8") == "".join(f"{line}\n" for line in expected)
    main([*command, "--json"])
    assert [json.loads(line)["text"] for line in target.open(encoding="utf-8")] == expected


def test_the_output_is_written_whole_or_not_at_all(translator_run, tmp_path, capsys):
    source, target = tmp_path / "source.txt", tmp_path / "target.txt"
    source.write_bytes(b"They arrived .\nd\xe9j\xe0\n")
    target.write_text("as it was")
    command = ["translate", translator_run, "--input", str(source), "--batch-size", "1"]
    assert "line 2 is not UTF-8" in refused(capsys, *command, "--output", str(target))
    assert target.read_text() == "as it was"
    assert sorted(tmp_path.iterdir()) == [source, target]
    for place, hint in ("/dev/null", "not a file"), (str(tmp_path / "gone/x"), "cannot be written"):
        assert hint in refused(capsys, *command, "--output", place)
    assert "cannot read gone" in refused(capsys, "translate", translator_run, "--input", "gone")


class Asking(io.RawIOBase):
    """Standard input that says how much was printed by the time each line was read."""

    def __init__(self, lines: list[bytes], printed) -> None:
        self.lines, self.printed, self.seen = lines, printed, []

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self.seen.append(self.printed())
        line = self.lines.pop(0) if self.lines else b""
        buffer[: len(line)] = line
        return len(line)


@pytest.mark.parametrize(("size", "expected"), [("1", [0, 1, 2, 3]), ("2", [0, 0, 2, 2])])
def test_each_line_is_printed_as_soon_as_its_batch_is_done(
    size, expected, translator_run, monkeypatch
):
    page = io.StringIO()
    asking = Asking([b"They arrived .\n"] * 3, lambda: page.getvalue().count("\n"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(asking)))
    monkeypatch.setattr(sys, "stdout", page)
    main(["translate", translator_run, "--batch-size", size])
    assert asking.seen[:4] == expected
    assert page.getvalue().splitlines() == [TRANSLATIONS[0]] * 3


def test_progress_is_shown_on_a_terminal_alone(translator_run, tmp_path, monkeypatch, capsys):
    command = ["translate", translator_run, *SENTENCES, "--output", str(tmp_path / "x")]
    main(command)
    assert "sentence" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(command)
    assert "2/2" in capsys.readouterr().err


def test_the_best_hypotheses_come_with_their_scores(random_run, capsys):
    command = ["translate", random_run, *SENTENCES, "--beam", "5", "--n-best", "3"]
    rows = [line.split("\t") for line in shown(capsys, *command).splitlines()]
    assert [row[0] for row in rows] == ["1"] * 3 + ["2"] * 3
    scores = [float(row[1]) for row in rows]
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert scores[0] < 0
    assert len({row[2] for row in rows[:3]}) == 3
    line = json.loads(shown(capsys, *command, "--json").splitlines()[0])
    assert list(line) == ["source", "target", "text", "attention", "hypotheses"]
    assert [h["text"] for h in line["hypotheses"]] == [row[2] for row in rows[:3]]
    assert line["hypotheses"][0]["text"] == line["text"]
    assert line["hypotheses"][0]["target"] == line["target"]
    assert line["hypotheses"][1]["score"] == pytest.approx(scores[1], abs=1e-4)


def test_the_length_penalty_reaches_the_search(random_run, capsys):
    command = ["translate", random_run, SENTENCES[1], "--beam", "5"]
    lengths = []
    for penalty in ("0", "10"):
        output = shown(capsys, *command, "--length-penalty", penalty, "--json")
        lengths.append(len(json.loads(output)["target"]))
    assert lengths[0] < lengths[1]


def test_tokens_beyond_the_maximum_length_are_left_out_aloud(translator_run, capsys):
    capsys.readouterr()
    main(["translate", translator_run, "They left early . They arrived .", "--max-length", "4"])
    output = capsys.readouterr()
    assert output.out == f"{TRANSLATIONS[1]}\n"
    assert "only the first 4 of 7 tokens are translated (--max-length)" in output.err


def test_a_picture_is_drawn_before_anything_is_printed(translator_run, tmp_path, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    picture = tmp_path / "map.svg"
    main(["translate", translator_run, SENTENCES[0], "--json", "--attention", str(picture)])
    assert picture.exists()


def test_a_picture_needs_a_format(translator_run, tmp_path, capsys):
    picture = str(tmp_path / "map")
    line = refused(capsys, "translate", translator_run, SENTENCES[0], "--attention", picture)
    assert "give a name that ends in .svg, .png or .pdf" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("error")
def test_a_blank_line_has_no_weights_to_draw(translator_run, tmp_path, monkeypatch, capsys):
    feed(monkeypatch, b"\n")
    command = ["translate", translator_run, "--attention", str(tmp_path / "map.svg")]
    assert "no attention weights to draw" in refused(capsys, *command)


@pytest.mark.filterwarnings("error")
def test_characters_that_no_font_has_are_named_in_one_line(translator_run, tmp_path, capsys):
    capsys.readouterr()
    sentence, picture = "They \U000f0000 arrived .", str(tmp_path / "map.png")
    main(["translate", translator_run, sentence, "--attention", picture])
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:] == ["attention: no installed font has \U000f0000: boxes are drawn instead"]


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


def test_a_language_model_is_no_translator(language_run, capsys):
    line = refused(capsys, "translate", language_run, SENTENCES[0])
    assert f"{language_run} holds a " in line
    assert "which translate cannot use: translate needs a translator (attention train" in line


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["gone", "They"], "gone: no such folder"),
        (["{run}", " "], "empty sentence"),
        (["{run}", "They", "--beam", "0"], "--beam 0: must be above 0"),
        (["{run}", "They", "--beam", "-1"], "--beam -1: must be above 0"),
        (["{run}", "They", "--beam", "1000000"], "--beam 1000000: must be at most 1,000"),
        (["{run}", "They", "--n-best", "2"], "--n-best 2: needs a beam of as many"),
        (["{run}", "They", "--length-penalty", "2"], "give a --beam of 2 or more"),
        (["{run}", "They", "--beam", "2", "--length-penalty", "-1"], "must be 0 or more"),
        (["{run}", "They", "--max-length", "0"], "--max-length 0: must be above 0"),
        (["{run}", "They", "--input", "x"], "sentences are given too"),
        (["{run}", "caf\udce9"], "the sentence is not UTF-8 text"),
        (["{run}", "- They arrived ."], "behind a --"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, translator_run, capsys):
    filled = [argument.format(run=translator_run) for argument in arguments]
    assert hint in refused(capsys, "translate", *filled)
