"""What the command's tests share: small data, and small models trained on them."""

import io
import sys
from types import SimpleNamespace

import pytest
import torch

from attention.cli import stages
from attention.cli.app import main
from attention.tasks.masked_lm import MaskedLM
from tests.cli.commands import SENTENCES, TEXT, TINY, TRANSLATIONS


@pytest.fixture(autouse=True)
def same_threads():
    """A command sets the threads of its process, and here that is the process of all tests."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def no_stage_takes_long(monkeypatch):
    """Else a slow machine would announce stages where a test expects other lines."""
    monkeypatch.setattr(stages, "MOMENT", 600)


@pytest.fixture(autouse=True)
def empty_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))


@pytest.fixture(scope="session")
def held_out_file(tmp_path_factory) -> str:
    """Two pairs that are in no other file."""
    path = tmp_path_factory.mktemp("held-out") / "held-out.tsv"
    path.write_text("I sing\tJe chante\nWe sing\tNous chantons\n")
    return str(path)


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory) -> str:
    lines = [f"{pair[0]}\t{pair[1]}" for pair in zip(SENTENCES, TRANSLATIONS, strict=True)] * 9
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def valid_file(tmp_path_factory) -> str:
    """Pairs that are not in `pairs_file`, of the same words."""
    path = tmp_path_factory.mktemp("pairs") / "valid.tsv"
    path.write_text("They left .\tIls sont partis .\n" * 3, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def translator_run(tmp_path_factory, pairs_file) -> str:
    """The folder of a translator that knows the pairs by now."""
    out = str(tmp_path_factory.mktemp("runs") / "translator")
    main(["train", "translation", "--data", pairs_file, "--out", out, "--steps", "60"])
    return out


@pytest.fixture(scope="session")
def random_run(tmp_path_factory, pairs_file) -> str:
    """The folder of a translator that is as good as untrained."""
    out = str(tmp_path_factory.mktemp("runs") / "random")
    options = ["--steps", "1", "--lr", "1e-9"]
    main(["train", "translation", "--data", pairs_file, "--out", out, *options])
    return out


@pytest.fixture(scope="session")
def text_file(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("text") / "agreement.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session", params=["gpt", "llama"])
def language_run(request, tmp_path_factory, text_file) -> str:
    """The folder of a language model that can continue the text."""
    out = str(tmp_path_factory.mktemp("runs") / request.param)
    options = ["--steps", "60", "--tokens-per-batch", "256", "--lr", "0.01", "--warmup", "5"]
    start = ["train", "language", "--arch", request.param, "--data", text_file, "--out", out]
    main([*start, *options, *TINY])
    return out


@pytest.fixture(scope="session")
def masked_lm_folder(tmp_path_factory) -> str:
    """The folder of an untrained BERT."""
    folder = tmp_path_factory.mktemp("bert")
    MaskedLM.new("bert", [TEXT], subwords=60, d_model=32, n_heads=2, max_len=64).save(folder)
    return str(folder)


@pytest.fixture
def no_hub(monkeypatch):
    """A Hugging Face hub that cannot be reached."""

    def download(name: str, **options: object) -> str:
        raise OSError("no network")

    library = SimpleNamespace(snapshot_download=download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
