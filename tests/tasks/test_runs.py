"""Training runs in folders: begun, stopped, resumed."""

import json
from dataclasses import fields
from itertools import islice

import pytest
import torch

from attention.errors import BadInput
from attention.tasks.runs import LanguageModelRun, MaskedLMRun, Run, TranslationRun
from attention.training.trainer import TrainingConfig
from tests.device.plugin import DEVICE

CONFIG = TrainingConfig(
    steps=6,
    tokens_per_batch=60,
    lr=3e-3,
    warmup=2,
    max_grad_norm=0.5,
    seed=3,
    label_smoothing=0.1,
    average_fraction=0.4,
    schedule="cosine",
    weight_decay=0.1,
    betas=(0.8, 0.99),
    accumulate=2,
    precision="fp32" if DEVICE == "standin" else "bf16",  # for want of autocast
    valid_every=3,
    patience=9,
    log_every=2,
    max_length=50,
)
GPT = {"d_model": 8, "n_heads": 2, "n_layers": 1, "max_len": 16}
ARCHITECTURES: dict[str, tuple[type[Run], dict[str, object]]] = {
    "word-by-word": (TranslationRun, {}),
    "fixed-vector": (TranslationRun, {"d_model": 8, "d_embedding": 8, "dropout": 0.2}),
    "bahdanau": (TranslationRun, {"d_model": 8, "d_embedding": 8, "dropout": 0.2}),
    "luong": (TranslationRun, {"d_model": 8, "d_embedding": 8, "dropout": 0.2}),
    "transformer": (TranslationRun, {"d_model": 8, "n_heads": 2, "dropout": 0.2, "subwords": 60}),
    "gpt": (LanguageModelRun, GPT | {"dropout": 0.2, "subwords": 260}),
    "llama": (LanguageModelRun, GPT | {"n_kv_heads": 1, "subwords": 260}),
    "bert": (MaskedLMRun, GPT | {"subwords": 60}),
}
LINES = [
    "They arrived .\tIls sont arrivés .",
    "She left .\tElle est partie .",
    "They left a house .\tIls ont quitté une maison .",
    "She arrived late .\tElle est arrivée en retard .",
]


@pytest.fixture
def pairs_file(tmp_path) -> str:
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(LINES * 5), encoding="utf-8")
    return str(path)


def begin(folder, arch: str, data: str) -> Run:
    kind, sizes = ARCHITECTURES[arch]
    return kind.begin(folder, arch, [data], CONFIG, DEVICE, **sizes)


def metrics(folder) -> list[dict[str, float]]:
    """What the run has logged, but for its speed."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    return [{k: v for k, v in line.items() if k != "tokens_per_second"} for line in lines]


@pytest.mark.parametrize("stop", [0, 2, 5])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_stopped_run_reaches_the_same_weights(tmp_path, pairs_file, arch, stop):
    unbroken = begin(tmp_path / "one", arch, pairs_file)
    losses = list(unbroken.steps())
    assert len(losses) == 6

    steps = begin(tmp_path / "two", arch, pairs_file).steps()
    assert list(islice(steps, stop)) == losses[:stop]
    steps.close()
    resumed = type(unbroken).resume(tmp_path / "two", DEVICE)
    found = list(resumed.steps())
    if arch == "word-by-word" and DEVICE == "cuda":  # a GPU adds up the counts in any order
        assert found == pytest.approx(losses[stop:], rel=1e-12)
        return
    assert found == losses[stop:]
    one, two = (
        type(unbroken).resume(tmp_path / name, DEVICE).trainer.state_dict()
        for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert metrics(tmp_path / "one") == metrics(tmp_path / "two")
    assert [line["step"] for line in metrics(tmp_path / "one")][-1] == 6
    for name in files - {"log.jsonl"}:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("arch", ["word-by-word", "gpt"])
def test_a_resumed_run_has_the_settings_of_its_beginning(tmp_path, pairs_file, arch):
    begin(tmp_path / "run", arch, pairs_file)
    run = ARCHITECTURES[arch][0].resume(tmp_path / "run", DEVICE)
    assert run.trainer.config == CONFIG
    defaults = TrainingConfig()
    unusual = {f.name for f in fields(CONFIG)} - ({"precision"} if DEVICE == "standin" else set())
    assert all(getattr(CONFIG, name) != getattr(defaults, name) for name in unusual)
    assert run.data == [pairs_file]
    assert run.subwords == ARCHITECTURES[arch][1].get("subwords")


def test_an_exception_saves_the_run(tmp_path, pairs_file):
    steps = begin(tmp_path / "run", "bahdanau", pairs_file).steps()
    next(steps), next(steps)
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt)
    assert TranslationRun.resume(tmp_path / "run", DEVICE).trainer.step == 2


def test_a_folder_with_a_run_is_never_overwritten(tmp_path, pairs_file):
    begin(tmp_path / "run", "bahdanau", pairs_file)
    with pytest.raises(BadInput, match="holds a run already"):
        begin(tmp_path / "run", "bahdanau", pairs_file)


@pytest.mark.on_cpu(reason="reads and writes files")
def test_nothing_to_resume(tmp_path):
    with pytest.raises(BadInput, match="holds no run to resume"):
        TranslationRun.resume(tmp_path, DEVICE)


def test_a_damaged_run_gets_one_line(tmp_path, pairs_file):
    begin(tmp_path / "run", "bahdanau", pairs_file)
    for name in ("run.json", "training.safetensors", "translator.json"):
        path = tmp_path / "run" / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BadInput, match="damaged"):
            TranslationRun.resume(tmp_path / "run", DEVICE)
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ('"steps": 6', '"steps": "6"', "damaged run.json"),
        ('"steps": 6,', "", "'steps'"),
        ('"lr": 0.003', '"lr": NaN', "lr is nan"),
        ('"log_every": 2', '"log_every": 0', "log_every 0: must be above 0"),
        ('"accumulate": 2', '"accumulate": 0', "accumulate 0: must be above 0"),
        ('"label_smoothing": 0.1', '"label_smoothing": 5', "damaged run.json|must be from 0"),
        ('"subwords": null', '"subwords": "60"', "damaged run.json"),
        ('"path": "', '"path": 3, "ignored": "', "damaged run.json"),
        ('"sha256": "', '"sha256": ["', "JSON"),
    ],
)
def test_damaged_settings_get_one_line(tmp_path, pairs_file, find, replace, message):
    begin(tmp_path / "run", "bahdanau", pairs_file)
    path = tmp_path / "run" / "run.json"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace(find, replace), encoding="utf-8")
    assert path.read_text("utf-8") != whole
    with pytest.raises(BadInput, match=message):
        TranslationRun.resume(tmp_path / "run", "cpu")


def test_an_impossible_config_names_the_architecture(tmp_path, pairs_file):
    with pytest.raises(BadInput, match=r"--arch transformer: .*heads"):
        TranslationRun.begin(
            tmp_path / "run", "transformer", [pairs_file], CONFIG, DEVICE, d_model=10, n_heads=4
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.on_cpu(reason="reads and writes files")
def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, pairs_file):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        begin(tmp_path / "file" / "run", "bahdanau", pairs_file)


def test_a_folder_that_cannot_be_made_gets_one_line(tmp_path, pairs_file, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(BadInput, match=r"run: cannot be made \(Permission denied\)"):
        begin(tmp_path / "run", "bahdanau", pairs_file)
