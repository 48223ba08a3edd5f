"""`attention generate` as a person types it."""

import io
import json
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import GPT2Config, GPT2LMHeadModel

from attention.cli.app import main
from attention.models.bert import BERT, BERTConfig
from attention.tasks.language_modelling import LanguageModel
from tests.cli.commands import TEXT, refused, shown
from tests.device.plugin import DEVICE

pytestmark = pytest.mark.skipif(DEVICE == "standin", reason="the stand-in has no torch.Generator")


def test_it_continues_a_text_that_it_was_trained_on(language_run, capsys):
    command = ["generate", language_run, "--temperature", "0"]
    continued = shown(capsys, *command, "The agreement", "--tokens", "9")
    assert continued.startswith("The agreement on the European Economic")
    unprompted = json.loads(shown(capsys, *command, "--json"))
    assert unprompted["prompt"] == ""
    assert " was signed in August 1992 ." in unprompted["text"]
    assert 0 < unprompted["tokens"] <= 32  # its context length


def test_json_is_one_object_and_nothing_else(language_run, capsys):
    command = ["generate", language_run, "The agreement", "--temperature", "0", "--tokens", "9"]
    output = shown(capsys, *command, "--json")
    assert output.count("\n") == 1
    values = json.loads(output)
    assert list(values) == ["prompt", "text", "tokens"]
    assert values["prompt"] == "The agreement"
    assert values["text"].startswith(" on the European Economic")
    assert values["tokens"] == 9
    assert shown(capsys, *command) == f"{values['prompt']}{values['text']}\n"


def test_as_many_tokens_are_generated_as_are_asked_for(language_run, capsys):
    for tokens in (1, 2, 7):
        command = ["generate", language_run, "The", "--temperature", "0", "--tokens", str(tokens)]
        assert json.loads(shown(capsys, *command, "--json"))["tokens"] == tokens


def test_samples_depend_on_the_seed(language_run, capsys):
    command = ["generate", language_run, "The", "--temperature", "5", "--tokens", "30"]
    seven = shown(capsys, *command, "--seed", "7")
    assert seven == shown(capsys, *command, "--seed", "7")
    assert seven != shown(capsys, *command, "--seed", "8")
    assert shown(capsys, *command) != shown(capsys, *command)
    greedy = shown(capsys, "generate", language_run, "The", "--temperature", "0", "--tokens", "30")
    assert greedy == shown(capsys, *command, "--top-k", "1")
    assert greedy == shown(capsys, *command, "--top-p", "0.000001")


def test_tokens_are_printed_as_they_are_generated(language_run, monkeypatch):
    flushed = []
    page = io.StringIO()
    monkeypatch.setattr(page, "flush", lambda: flushed.append(page.getvalue()))
    monkeypatch.setattr(sys, "stdout", page)
    main(["generate", language_run, "The agreement", "--temperature", "0", "--tokens", "5"])
    assert flushed[0] == "The agreement"
    assert len(set(flushed)) == 7, "the prompt, five tokens, and the end of the line"
    assert page.getvalue() == flushed[-1]


def feed(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("typed", [["-"], []])
def test_the_prompt_can_come_from_standard_input(typed, language_run, monkeypatch, capsys):
    feed(monkeypatch, b"The agreement\n")
    command = ["generate", language_run, *typed, "--temperature", "0", "--tokens", "9", "--json"]
    values = json.loads(shown(capsys, *command))
    assert values["prompt"] == "The agreement"
    assert values["text"].startswith(" on the European Economic")
    feed(monkeypatch, b"The \xe9")
    assert "standard input: line 1 is not UTF-8" in refused(capsys, *command)


def test_a_typed_prompt_leaves_standard_input_alone(language_run, monkeypatch, capsys):
    for prompt in ("The", ""):
        feed(monkeypatch, b"agreement")
        values = json.loads(shown(capsys, "generate", language_run, prompt, "--json"))
        assert values["prompt"] == prompt


def test_several_samples_differ(language_run, capsys):
    command = ["generate", language_run, "The", "--temperature", "5", "--tokens", "20"]
    command += ["--samples", "3", "--seed", "1"]
    values = json.loads(shown(capsys, *command, "--json"))
    assert list(values) == ["prompt", "text", "tokens", "samples"]
    assert [list(sample) for sample in values["samples"]] == [["text", "tokens"]] * 3
    assert len({sample["text"] for sample in values["samples"]}) == 3
    assert values["samples"][0] == {"text": values["text"], "tokens": values["tokens"]}
    parts = shown(capsys, *command).split("--- sample ")
    texts = [f"{n}\nThe{sample['text']}" for n, sample in enumerate(values["samples"], start=1)]
    assert [part.rstrip("\n") for part in parts[1:]] == [text.rstrip("\n") for text in texts]


def test_text_ends_before_the_first_stop_string(language_run, capsys):
    command = ["generate", language_run, "The agreement", "--temperature", "0", "--tokens", "15"]
    whole = json.loads(shown(capsys, *command, "--json"))
    assert "pean Econ" in whole["text"]
    stops = ["--stop", "no such text", "--stop", "pean Econ", "--stop", "Area"]
    values = json.loads(shown(capsys, *command, *stops, "--json"))
    assert values["text"] == " on the Euro"
    assert values["tokens"] < whole["tokens"]
    assert shown(capsys, *command, *stops) == "The agreement on the Euro\n"


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_folder_saved_by_transformers_generates_too(tmp_path, capsys):
    words = Tokenizer(WordLevel({"the": 0, "end": 1, "of": 2}, unk_token="the"))
    words.pre_tokenizer = Whitespace()
    config = GPT2Config(
        vocab_size=5, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=1
    )
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    assert "tokenizer.json: no such file" in refused(capsys, "generate", str(tmp_path), "the")
    words.save(str(tmp_path / "tokenizer.json"))
    assert shown(capsys, "generate", str(tmp_path), "the of").startswith("the of")
    for seed in range(9):  # ids 3 and 4 are not in the tokenizer
        output = shown(capsys, "generate", str(tmp_path), "--seed", str(seed), "--json")
        assert set(json.loads(output)["text"].split()) <= {"the", "of"}

    change_config(tmp_path, bos_token_id=None, eos_token_id=[1, 2])
    assert "the prompt is empty" in refused(capsys, "generate", str(tmp_path))
    assert LanguageModel.load(tmp_path).eos_ids == [1, 2]


def test_a_bert_is_no_language_model(tmp_path, capsys):
    BERT(BERTConfig(9, d_model=8, n_heads=1, n_layers=1)).save_pretrained(tmp_path)
    line = refused(capsys, "generate", str(tmp_path), "the")
    assert "holds a BERT, which generate cannot use: generate needs a causal language" in line


def test_a_model_whose_logits_are_nan_gets_one_line(tmp_path, capsys):
    model = LanguageModel.new("gpt", [TEXT], subwords=260, d_model=8, n_heads=1, n_layers=1)
    model.save(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {name: tensor * float("nan") for name, tensor in load_file(path).items()}
    path.unlink()
    save_file(tensors, path)
    with pytest.raises(SystemExit) as stopped:
        main(["generate", str(tmp_path), "The"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["gone/gone"], "gone/gone: no such folder, and the hub"),
        (["{tmp}"], "config.json: no such file"),
        (["{run}", "The " * 40], "32"),
        (["{run}", "The", "--tokens", "33"], "33 new tokens: "),
        (["{run}", "The", "--tokens", "0"], "--tokens 0: must be above 0"),
        (["{run}", "The", "--tokens", "-1"], "--tokens -1: must be above 0"),
        (["{run}", "The", "--temperature", "-1"], "--temperature -1.0: must be 0 or"),
        (["{run}", "The", "--temperature", "nan"], "--temperature nan: must be"),
        (["{run}", "The", "--top-k", "0"], "--top-k 0: must be above 0"),
        (["{run}", "The", "--top-p", "1.5"], "top-p 1.5: "),
        (["{run}", "The", "--seed", "99999999999999999999"], "must be below"),
        (["{run}", "\udcff"], "the prompt is not UTF-8"),
        (["{run}", "The", "agreement"], "agreement"),
        (["{run}", "The", "-"], "- reads the prompt from standard input"),
        (["{run}", "The", "--stop", ""], "--stop: an empty string"),
        (["{run}", "The", "--stop", "\udcff"], "the stop string is not UTF-8"),
        (["{run}", "The", "--samples", "0"], "--samples 0: must be above 0"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, language_run, tmp_path, capsys, no_hub):
    filled = [argument.format(run=language_run, tmp=tmp_path) for argument in arguments]
    assert hint in refused(capsys, "generate", *filled)


def test_help_teaches(capsys):
    page = shown(capsys, "generate", "--help")
    words = ["--temperature", "logits", "--top-p", "Nucleus", "--json", "gpt2", "--threads"]
    assert all(word in page for word in words)
