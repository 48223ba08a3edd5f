"""The language commands as a person types them, and what stands behind them."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from attention.cli.app import main
from attention.data import prose
from attention.errors import BadInput
from attention.layers.positions import Llama3RoPEScaling
from attention.models.llama import Llama, LlamaConfig
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.objectives import language_trainer
from attention.tasks.runs import LanguageModelRun
from attention.tokenizers.byte_bpe import train_byte_bpe
from attention.training.trainer import TrainingConfig

TEXT = "The agreement on the European Economic Area was signed in August 1992 .\n\nÇa va? 🙂\n" * 8
SIZES = ["--d-model", "32", "--n-heads", "2", "--n-layers", "2", "--max-len", "32"]
SIZES += ["--subwords", "300"]


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("text") / "agreement.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module", params=["gpt", "llama"])
def run(request, tmp_path_factory, text) -> str:
    out = str(tmp_path_factory.mktemp("runs") / request.param)
    learning = ["--steps", "60", "--tokens-per-batch", "256", "--lr", "0.01", "--warmup", "5"]
    start = ["train", "language", "--arch", request.param, "--data", text, "--out", out]
    main([*start, *learning, *SIZES])
    return out


def shown(capsys, *arguments: str) -> str:
    """What a command prints."""
    capsys.readouterr()
    main(list(arguments))
    return capsys.readouterr().out


def refused(capsys, *arguments: str) -> str:
    """Run what must be refused: exit code 2, one line, nothing printed; give the line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    output = capsys.readouterr()
    assert stopped.value.code == 2
    assert output.out == ""
    assert output.err.count("\n") == 1, output.err
    return output.err


@pytest.fixture
def no_hub(monkeypatch):
    def download(name: str, allow_patterns: list[str]) -> str:
        raise OSError("no network")

    library = SimpleNamespace(snapshot_download=download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)


def test_it_writes_what_it_has_learned(run, capsys):
    written = shown(capsys, "generate", run, "The agreement", "--temperature", "0", "--tokens", "9")
    assert written.startswith("The agreement on the European Economic")
    begun = shown(capsys, "generate", run, "--temperature", "0", "--json")
    values = json.loads(begun)
    assert list(values) == ["prompt", "text", "tokens"]
    assert values["prompt"] == ""
    assert " was signed in August 1992 ." in values["text"]
    assert 0 < values["tokens"] <= 32  # what it has room for


def test_chance_has_a_seed(run, capsys):
    command = ["generate", run, "The", "--temperature", "5", "--tokens", "30"]
    seven = shown(capsys, *command, "--seed", "7")
    assert seven == shown(capsys, *command, "--seed", "7")
    assert seven != shown(capsys, *command, "--seed", "8")
    assert shown(capsys, *command) != shown(capsys, *command)
    best = shown(capsys, "generate", run, "The", "--temperature", "0", "--tokens", "30")
    assert best == shown(capsys, *command, "--top-k", "1")
    assert best == shown(capsys, *command, "--top-p", "0.000001")


def test_it_is_measured_on_texts_that_it_has_not_seen(run, tmp_path, text, capsys):
    """The run is done, so --resume only measures: small numbers for its own text, large for new."""
    (tmp_path / "new").write_text("Nobody has seen these words; how hard is each of them to guess?")
    measured = []
    for valid in (text, str(tmp_path / "new")):
        command = ["train", "language", "--out", run, "--resume", "--valid", valid]
        table = dict(re.split(r"  +", line) for line in shown(capsys, *command).splitlines()[1:])
        assert list(table) == ["pieces of words", "loss per piece", "perplexity", "bits per byte"]
        measured.append((float(table["loss per piece"]), float(table["bits per byte"])))
    (own_loss, own_bits), (loss, bits) = measured
    assert own_loss < 0.5 < 4 < loss
    assert own_bits < 0.5 < 4 < bits


def test_a_language_model_is_no_translator(run, capsys, tmp_path):
    for command in (["evaluate", run], ["translate", run, "They arrived ."]):
        line = refused(capsys, *command)
        assert f"{run}: holds a language model, not a translator" in line
        assert f"`attention train language --out {run} --resume --valid FILE` measures it" in line
    (tmp_path / "config.json").write_text((Path(run) / "config.json").read_text())
    assert "--resume" not in refused(capsys, "evaluate", str(tmp_path)), "no run of ours"


def test_words_come_one_by_one(run, monkeypatch):
    seen = []
    page = io.StringIO()
    monkeypatch.setattr(page, "flush", lambda: seen.append(page.getvalue()))
    monkeypatch.setattr(sys, "stdout", page)
    main(["generate", run, "The agreement", "--temperature", "0", "--tokens", "5"])
    assert seen[0] == "The agreement"
    assert len(seen) == 6
    assert page.getvalue() == seen[-1] + "\n"


def test_other_programs_read_what_we_keep(run):
    """Ours and Hugging Face's say the same of the same folder."""
    theirs = AutoModelForCausalLM.from_pretrained(run).eval()
    ours = LanguageModel.load(run)
    prompt = "Ça va? 🙂\n"
    ids = AutoTokenizer.from_pretrained(run)(prompt).input_ids
    assert ids == ours.read(prompt)
    row = torch.tensor([ids])
    torch.testing.assert_close(ours.model(row), theirs(row).logits, rtol=0, atol=1e-5)
    assert theirs.config.eos_token_id == ours.ends[0] == ours.begin


@pytest.mark.parametrize("tie_word_embeddings", [True, False])
def test_every_setting_of_a_llama_is_kept(tmp_path, tied):
    config = LlamaConfig(
        20, 16, 4, 2, 1, 24, 64, 5000.0, Llama3RoPEScaling(4.0, 1.0, 3.0, 16), 1e-6, tied
    )
    model = Llama(config).eval()
    model.save_pretrained(tmp_path)
    again = Llama.from_pretrained(tmp_path)
    assert again.config == config
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(t, model.state_dict()[n]) for n, t in again.state_dict().items())


def test_folders_of_others_write_too(tmp_path, capsys):
    words = Tokenizer(WordLevel({"the": 0, "end": 1, "of": 2}, unk_token="the"))
    words.pre_tokenizer = Whitespace()
    config = GPT2Config(
        vocab_size=5, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=1
    )
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    assert "tokenizer.json: no such file" in refused(capsys, "generate", str(tmp_path), "the")
    words.save(str(tmp_path / "tokenizer.json"))
    assert shown(capsys, "generate", str(tmp_path), "the of").startswith("the of")
    for seed in range(9):  # words 3 and 4 are not in the tokenizer
        begun = shown(capsys, "generate", str(tmp_path), "--seed", str(seed), "--json")
        assert set(json.loads(begun)["text"].split()) <= {"the", "of"}

    change_config(tmp_path, bos_token_id=None, eos_token_id=[1, 2])
    assert "an empty prompt: this model" in refused(capsys, "generate", str(tmp_path))
    assert LanguageModel.load(tmp_path).ends == [1, 2]
    change_config(tmp_path, bos_token_id=17)
    assert "do not belong" in refused(capsys, "generate", str(tmp_path))
    change_config(tmp_path, model_type="bert")
    line = refused(capsys, "generate", str(tmp_path), "the")
    assert "model_type is 'bert', and only 'gpt2' and 'llama' write text" in line


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_model_whose_scores_are_no_numbers_gets_one_line(tmp_path, capsys):
    model = LanguageModel.new("gpt", [TEXT], subwords=260, d_model=8, n_heads=1, n_layers=1)
    model.save(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {name: one * float("nan") for name, one in load_file(path).items()}
    path.unlink()
    save_file(tensors, path)
    with pytest.raises(SystemExit) as stopped:
        main(["generate", str(tmp_path), "The"])
    assert stopped.value.code == 2
    assert "leave nothing to choose" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["generate", "gone/gone"], "gone/gone: no such folder, and the hub doesn't provide it"),
        (["generate", "{tmp}"], "config.json: no such file"),
        (["generate", "{run}", "The " * 40], "and this model reads 32"),
        (["generate", "{run}", "The", "--tokens", "33"], "--tokens 33: 32 fit behind this prompt"),
        (["generate", "{run}", "The", "--tokens", "0"], "--tokens 0: must be above 0"),
        (["generate", "{run}", "The", "--temperature", "-1"], "--temperature -1.0: must be 0 or"),
        (["generate", "{run}", "The", "--temperature", "nan"], "--temperature nan: must be"),
        (["generate", "{run}", "The", "--top-k", "0"], "--top-k 0: must be above 0"),
        (["generate", "{run}", "The", "--top-p", "1.5"], "top-p 1.5: not a probability"),
        (["generate", "{run}", "The", "--seed", "99999999999999999999"], "must be below"),
        (["generate", "{run}", "The", "--device", "abacus"], "abacus"),
        (["generate", "{run}", "\udcff"], "the prompt is not UTF-8"),
        (["generate", "{run}", "The", "agreement"], "agreement"),
        (["train", "language"], "--out"),
        (["train", "language", "--out", "{run}"], "holds a run already"),
        (["train", "language", "--out", "{tmp}/x", "--arch", "magic"], "llama"),
        (["train", "language", "--out", "{tmp}/x", "--data", "gone.txt"], "cannot read gone.txt"),
        (["train", "language", "--out", "{tmp}/x", "--data", "{tmp}/empty"], "empty is empty"),
        (["train", "language", "--out", "{tmp}/x", "--data", "{tmp}/latin"], "latin:2: not UTF-8"),
        (["train", "language", "--out", "{tmp}/x", "--resume"], "no run to resume"),
        (["train", "language", "--out", "{tmp}/x", "--valid", "gone.txt"], "cannot read gone.txt"),
        (["train", "language", "--out", "{tmp}/x", "--n-kv-heads", "2"], "but with llama"),
        (["train", "language", "--out", "{tmp}/x", "--max-len", "0"], "--max-len 0"),
        (
            ["train", "language", "--out", "{tmp}/x", "--data", "{text}", "--n-heads", "3"],
            "--arch gpt: 3 heads cannot share a width of 128",
        ),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, run, text, tmp_path, capsys, no_hub):
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "latin").write_bytes(b"The\nd\xe9j\xe0\n")
    filled = [a.format(run=run, tmp=tmp_path, text=text) for a in arguments]
    assert hint in refused(capsys, *filled)
    assert not (tmp_path / "x").exists()


def test_help_teaches(capsys):
    page = shown(capsys, "train", "language", "--help")
    assert all(word in page for word in ("--arch", "llama", "book", "UTF-8", "--resume"))
    page = " ".join(page.replace("│", " ").split())
    assert "--steps 800 (for bert 150), --tokens-per-batch 512 (for bert 6000), --lr 0.003," in page
    page = shown(capsys, "generate", "--help")
    assert all(word in page for word in ("--temperature", "--top-p", "--json", "gpt2"))


def test_resume_takes_the_same_command_and_refuses_another(run, text, capsys):
    same = ["train", "language", "--out", run, "--resume"]
    assert "all 60 steps are done already" in shown(capsys, *same, "--data", text, *SIZES)
    assert "--seed 7: the run" in refused(capsys, *same, "--seed", "7")
    assert "--subwords 301: the run" in refused(capsys, *same, "--subwords", "301")
    assert "--data" in refused(capsys, *same, "--data", "book")


@pytest.mark.parametrize("arch", ["gpt", "llama"])
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, text, arch):
    config = TrainingConfig(steps=5, tokens_per_batch=64, seed=3)
    sizes = {"d_model": 16, "n_heads": 2, "n_layers": 1, "max_len": 16}
    one = LanguageModelRun.begin(tmp_path / "one", arch, [text], config, "cpu", 260, **sizes)
    assert len(list(one.steps())) == 5
    walk = LanguageModelRun.begin(
        tmp_path / "two", arch, [text], config, "cpu", 260, **sizes
    ).steps()
    next(walk), next(walk)
    walk.close()
    two = LanguageModelRun.resume(tmp_path / "two", "cpu")
    assert len(list(two.steps())) == 3
    for name in ("training.safetensors", "model.safetensors", "config.json", "tokenizer.json"):
        files = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert len(set(files)) == 1


def test_ctrl_c_keeps_what_was_learned(tmp_path, text):
    command = [sys.executable, "-m", "attention.cli", "train", "language", "--data", text, *SIZES]
    process = subprocess.Popen(
        [*command, "--steps", "5000", "--out", str(tmp_path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while "step/s" not in process.stderr.read(40):  # until the bar moves
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "stopped after step" in output
    assert "Traceback" not in errors
    kept = ["config.json", "model.safetensors", "run.json", "tokenizer.json"]
    assert sorted(os.listdir(tmp_path)) == [*kept, "training.safetensors"]


def test_windows_cover_the_text_and_each_epoch_cuts_it_elsewhere():
    texts = [TEXT, TEXT[:80]]
    language = LanguageModel.new("gpt", texts, subwords=260, max_len=16)
    ids = language.stream(texts)
    ends = (ids == language.ends[0]).nonzero().flatten().tolist()
    assert ends[0] == 0
    assert ends[-1] == len(ids) - 1
    assert len(ends) == 3
    trainer = language_trainer(language, texts, TrainingConfig(tokens_per_batch=64))
    epochs = [torch.cat(list(trainer.batches(epoch))) for epoch in (0, 1, 1)]
    assert torch.equal(epochs[1], epochs[2])
    assert sorted(map(tuple, epochs[0].tolist())) != sorted(map(tuple, epochs[1].tolist()))
    for epoch in epochs:
        assert epoch.size(1) == 17
        assert epoch.size(0) >= (len(ids) - 1) // 16 - 1
    assert max(len(batch) for batch in trainer.batches(0)) == 4
    long = LanguageModel.new("gpt", ["abc"], subwords=260, max_len=100)
    (batch,) = language_trainer(long, ["abc"], TrainingConfig()).batches(0)
    assert batch.tolist() == [long.stream(["abc"]).tolist()]


def test_bytes_spell_everything_and_a_typed_end_is_only_text():
    tokenizer = train_byte_bpe([TEXT], 300)
    assert tokenizer.get_vocab_size() == 300
    for strange in ("日本\n\n\tÇa", "", " ", "🙂"):
        assert tokenizer.decode(tokenizer.encode(strange).ids) == strange
    language = LanguageModel.new("gpt", [TEXT], subwords=260)
    row = language.stream(["a<|endoftext|>b"])
    assert (row == language.ends[0]).sum() == 2


PAGE = """---
title: A page
---

# A *page*

You [read](other.md#here) **it** with `x` and $\\query{q} = 2$.{: .note }
<!-- not this -->

```python
no = "code"
```

| a | table |
| --- | --- |

![A picture](images/a.svg)

<p>And $d_k$ _rules_ of
d_k_v.</p>
$$
\\sqrt{2}
$$
"""


def test_only_the_prose_of_a_page_is_left():
    left = "A page\n\nYou read it with x and q = 2.\n\nAnd d_k rules of\nd_k_v.\n"
    assert prose.plain(PAGE) == left


def test_the_book_is_its_chapters():
    chapters = prose.read_texts(["book"])
    assert len(chapters) == len(prose.book()) > 10
    assert all("attention" in text.lower() for text in chapters)
    assert not [line for text in chapters for line in text.splitlines() if "```" in line]


def test_without_a_checkout_there_is_no_book(monkeypatch, tmp_path):
    monkeypatch.setattr(prose, "_CHAPTERS", tmp_path)
    with pytest.raises(BadInput, match="give text files instead"):
        prose.read_texts(["book"])
