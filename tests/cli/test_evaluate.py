"""`attention evaluate` as a person types it."""

import json
import math
import sys

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import GPT2Config, GPT2LMHeadModel

from attention.cli.app import main
from attention.data import toy
from attention.evaluation.metrics import (
    LanguageModelScores,
    TranslationScores,
    evaluate_language_model,
)
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.translation import Translator
from tests.cli.commands import SENTENCES, TEXT, refused, shown

KEYS = ["bleu", "chrf", "exact_match", "aer", "signature", "sentences", "data"]


def test_it_prints_a_table_or_one_json_object(translator_run, pairs_file, capsys):
    command = ["evaluate", translator_run, "--data", pairs_file]
    scores = json.loads(shown(capsys, *command, "--json"))
    assert list(scores) == KEYS
    assert scores["exact_match"] == 1
    assert scores["aer"] is None
    assert scores["sentences"] == 18
    assert scores["data"] == pairs_file
    assert f"data                  {pairs_file}\n" in shown(capsys, *command)
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


def test_a_language_model_is_measured(language_run, text_file, capsys):
    command = ["evaluate", language_run, "--data", text_file]
    scores = json.loads(shown(capsys, *command, "--json"))
    assert list(scores) == ["loss", "perplexity", "bits_per_byte", "n_tokens", "data"]
    measured = evaluate_language_model(LanguageModel.load(language_run), [TEXT])
    assert scores["loss"] == pytest.approx(measured.loss, rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(measured.loss), rel=1e-5)
    assert scores["data"] == text_file
    output = shown(capsys, *command)
    assert output.startswith(f"data            {text_file}\n")
    assert f"bits per byte   {measured.bits_per_byte:.3f}\n" in output
    assert "--beam goes with a translator" in refused(capsys, *command, "--beam", "2")


def test_a_folder_saved_by_transformers_is_measured(tmp_path, text_file, capsys):
    words = Tokenizer(WordLevel({"the": 0, "end": 1}, unk_token="the"))
    words.pre_tokenizer = Whitespace()
    config = GPT2Config(
        vocab_size=2, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=1
    )
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    words.save(str(tmp_path / "tokenizer.json"))
    command = ["evaluate", str(tmp_path), "--json"]
    assert json.loads(shown(capsys, *command, "--data", text_file))["loss"] > 0
    assert "not a run on the toy corpus; name held-out data" in refused(capsys, *command)


def test_a_perplexity_without_bound_is_still_json(language_run, text_file, monkeypatch, capsys):
    infinite = LanguageModelScores(1e9, math.inf, 1.0, 1)
    monkeypatch.setattr("attention.cli.evaluate.evaluate_language_model", lambda *_: infinite)
    output = shown(capsys, "evaluate", language_run, "--data", text_file, "--json")
    assert '"perplexity": null' in output


def test_only_a_run_on_toy_has_test_data_of_its_own(tmp_path, pairs_file, language_run, capsys):
    out = str(tmp_path / "run")
    train = ["train", "translation", "--arch", "word-by-word", "--steps", "1", "--out", out]
    main([*train, "--data", pairs_file])
    hint = f"{out}: trained on {pairs_file}; name held-out data"
    assert hint in refused(capsys, "evaluate", out)
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    settings["sources"] = [{"name": "toy", "path": None, "sha256": None}]
    (tmp_path / "run" / "run.json").write_text(json.dumps(settings))
    output = shown(capsys, "evaluate", out, "--json")
    assert json.loads(output)["data"] == "toy-test"
    assert "trained on" in refused(capsys, "evaluate", language_run)
    assert "gone: no such folder" in refused(capsys, "evaluate", "gone")


def test_plain_toy_is_not_what_a_run_was_trained_on(translator_run, monkeypatch, capsys):
    measured = []

    def evaluate(translator, pairs, *_):
        measured.extend(pairs)
        return TranslationScores(0.0, 0.0, 0.0, None, "", len(pairs))

    monkeypatch.setattr("attention.cli.evaluate.evaluate_translator", evaluate)
    shown(capsys, "evaluate", translator_run, "--data", "toy")
    assert measured == toy.pairs("test", toy.SPLIT_SIZES["test"])


def test_progress_is_shown_on_a_terminal(
    translator_run, language_run, pairs_file, text_file, monkeypatch, capsys
):
    for run, data, total in (translator_run, pairs_file, "18/18"), (language_run, text_file, "win"):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        capsys.readouterr()
        main(["evaluate", run, "--data", data])
        assert total in capsys.readouterr().err


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


def test_what_no_command_can_use_is_named(translator_run, masked_lm_folder, language_run, capsys):
    """For every command, each model that isn't of its kind."""
    commands = {
        "translate": (["They arrived ."], {"translator"}),
        "generate": (["They"], {"causal"}),
        "fill": (["the [MASK]"], {"masked"}),
        "search": (["area", translator_run], {"masked"}),
        "evaluate": ([], {"translator", "causal"}),
    }
    runs = {"translator": translator_run, "masked": masked_lm_folder, "causal": language_run}
    names = {"translator": "a translator", "masked": "a BERT", "causal": "a "}
    for command, (others, usable) in commands.items():
        for kind in runs.keys() - usable:
            line = refused(capsys, command, runs[kind], *others)
            assert f"{runs[kind]} holds {names[kind]}" in line
            assert f"which {command} cannot use: {command} needs a" in line
