"""Arguments: whatever is typed is refused by name, or is what the run is made with."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.command import Outcome, changes, contents, run, wrong
from tests.fuzz.runs import Bench

TINY = ["--steps", "1", "--d-model", "4", "--threads", "1"]
GPT = [*TINY, "--n-heads", "1", "--n-layers", "1", "--subwords", "260", "--max-len", "8"]
TRANSFORMER = [*TINY, "--arch", "transformer", "--n-heads", "1", "--n-layers", "1"]
BASES = {
    "translation": ["train", "translation", "--out", "new", "--data", "pairs.tsv", *TINY],
    "transformer": ["train", "translation", "--out", "new", "--data", "pairs.tsv", *TRANSFORMER],
    "language": ["train", "language", "--out", "new", "--data", "text.txt", *GPT],
    "bert": ["train", "language", "--arch", "bert", "--out", "new", "--data", "text.txt", *GPT],
    "resume": ["train", "translation", "--out", "half-words", "--resume"],
    "translate": ["translate", "words", "They left ."],
    "evaluate": ["evaluate", "words", "--data", "pairs.tsv"],
    "generate": ["generate", "gpt", "The", "--tokens", "2"],
    "fill": ["fill", "bert", "the [MASK]"],
    "search": ["search", "bert", "the", "text.txt"],
}
TRAINING = {
    "--steps": ["1", "2"],
    "--tokens-per-batch": ["1", "40", "1000000"],
    "--lr": ["0.1", "1e-30", "5"],
    "--warmup": ["0", "3", "1000000"],
    "--label-smoothing": ["0", "0.5", "0.999"],
    "--schedule": ["linear", "cosine", "constant", "Linear"],
    "--max-grad-norm": ["0.1", "1e-300", "1000"],
    "--weight-decay": ["0", "0.1", "100"],
    "--betas": ["0.9 0.99", "0 0", "0.9", "0.9 1", "1 2 3"],
    "--accumulate": ["1", "3"],
    "--precision": ["fp32", "bf16", "fp16"],
    "--valid-every": ["1", "100"],
    "--patience": ["1", "100"],
    "--log-every": ["1", "1000"],
    "--average-fraction": ["0", "0.5", "0.99"],
    "--seed": ["0", "7", "2147483647"],
    "--save-every": ["1", "100"],
    "--keep": ["0", "1", "100"],
}
MODEL = {
    "--d-model": ["2", "6", "7"],
    "--n-heads": ["1", "2", "3"],
    "--n-layers": ["1", "2"],
    "--d-ff": ["1", "8"],
    "--dropout": ["0", "0.5", "0.99"],
    "--subwords": ["1", "4", "5", "260", "300"],
}
PLACES = {"--out": ["pairs.tsv", "words", "pairs.tsv/x", "new/deep"], "--from": ["words", "gpt"]}
OPTIONS = {
    "translation": TRAINING
    | MODEL
    | PLACES
    | {"--max-length": ["1", "4", "100"], "--min-count": ["1", "9"], "--d-embedding": ["1", "8"]}
    | {"--score": ["dot", "concat"], "--local": ["monotonic", "x"], "--data": ["nothing", "words"]}
    | {"--arch": ["word-by-word", "luong", "fixed-vector", "transformer", "gpt"]}
    | {"--valid": ["pairs.tsv", "text.txt"]},
    "transformer": TRAINING | MODEL,
    "language": TRAINING | MODEL | PLACES | {"--max-len": ["1", "2", "40"], "--n-kv-heads": ["1"]},
    "bert": TRAINING | MODEL | {"--max-len": ["1", "2", "3", "40"]},
    "resume": TRAINING | MODEL | PLACES,
    "translate": {
        "--beam": ["1", "2", "9"],
        "--n-best": ["1", "2", "9"],
        "--length-penalty": ["0", "0.5", "100"],
        "--max-length": ["1", "100"],
        "--batch-size": ["1", "10000"],
        "--output": ["new", "words", "nowhere/new"],
        "--input": ["pairs.tsv", "nothing", "words"],
        "--attention": ["new.txt", "new", "nowhere/new.svg"],
    },
    "evaluate": {"--beam": ["1", "2", "9"], "--data": ["pairs.tsv", "text.txt"]},
    "generate": {
        "--tokens": ["1", "5", "100"],
        "--temperature": ["0", "1e-300", "1e-30", "0.5", "2", "1e9"],
        "--top-k": ["1", "5", "100000"],
        "--top-p": ["1e-300", "0.5", "1", "2"],
        "--seed": ["0", "7"],
        "--samples": ["1", "2"],
        "--stop": ["e", "\n", " "],
    },
    "fill": {"--top": ["1", "5", "100000"]},
    "search": {"--top": ["1", "5", "100000"], "--index": ["new", "words", "pairs.tsv"]},
}
NAMES = {"--output", "--index", "--attention", "--stop", "--out"}  # values may be any text
for name in OPTIONS:
    OPTIONS[name] = OPTIONS[name] | {"--threads": ["1", "2"], "--device": ["cpu", "meta", "x"]}

HOSTILE = [
    *("0", "-1", "-0", "nan", "inf", "-inf", "1e400", "1e-400", "1000000000000", "2147483648"),
    *("99999999999999999999999999", "1.5", "0x1", "1_0", "１", "", " ", "x", "--", "-", "None"),
    *("true", "[1]", "{}", '"', "caf\udce9", "\u2028", "a\nb", "é" * 300, "--beam", "--json"),
]


@dataclass(frozen=True)
class Arguments:
    """A command, and options that are added to it: each with its value, which may be None."""

    command: str
    options: tuple[tuple[str, str | None], ...]

    @property
    def typed(self) -> list[str]:
        """What a shell would pass; an option is given once."""
        base = list(BASES[self.command])
        for option, _ in self.options:
            if option in base:
                at = base.index(option)
                del base[at : at + 2]
        return [*base, *(word for option in self.options for word in _words(*option))]


def _words(option: str, value: str | None) -> list[str]:
    if value is None:
        return [option]
    return [option, *(value.split() if option == "--betas" else [value])]


def _options(command: str) -> st.SearchStrategy[Arguments]:
    table = OPTIONS[command]
    usual = st.sampled_from(sorted(table)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(table[name]))
    )
    hostile = st.tuples(st.sampled_from(sorted(table)), st.sampled_from([*HOSTILE, None]))
    names = sorted({name for options in OPTIONS.values() for name in options} | {"--x", "-x"})
    foreign = st.tuples(st.sampled_from(names), st.sampled_from(["1", "x"]))
    one = st.one_of(usual, usual, hostile, foreign)
    return st.builds(
        Arguments,
        st.just(command),
        st.lists(one, min_size=1, max_size=3, unique_by=lambda option: option[0]).map(tuple),
    )


def _reaching(command: str) -> st.SearchStrategy[Arguments]:
    """Half of the options that must reach the trainer, each with a value that is accepted."""
    alone = {"--valid-every", "--patience", "--betas", "--save-every", "--keep"}
    names = sorted(TRAINING.keys() - alone)
    pairs = [(name, value) for name in names for value in TRAINING[name][:2]]
    some = st.lists(
        st.sampled_from(pairs), min_size=6, max_size=9, unique_by=lambda option: option[0]
    )
    return st.builds(Arguments, st.just(command), some.map(tuple))


inputs = st.one_of(
    *[st.sampled_from(sorted(BASES)).flatmap(_options)] * 3,
    st.sampled_from(["translation", "transformer", "language", "bert"]).flatmap(_reaching),
)


def check(bench: Bench, given: Arguments) -> Outcome:
    """Run the command; nothing changes where it is refused, and run.json has what was typed."""
    bench.clean()
    for name in ("words", "half-words"):
        bench.restore(name)
    before = contents(bench.folder)
    outcome = run(given.typed)
    if outcome.code == 2:
        changed = changes(before, contents(bench.folder))
        wrong(changed, f"a refusal has changed {changed}")
    elif not outcome.refused and (bench.folder / "new" / "run.json").exists():
        settings = json.loads(Path("new/run.json").read_bytes())["training"]
        for option, typed in given.options:
            key = option.removeprefix("--").replace("-", "_")
            unset = typed is None or typed == "None"  # which leaves the default
            if key in settings and not unset and key != "betas":
                wrong(not _same(settings[key], typed), f"{option} {typed} became {settings[key]}")
    if not outcome.refused:
        for option, typed in given.options:
            no_number = option not in NAMES and typed in ("nan", "inf", "-inf", "-1")
            wrong(no_number, f"{option} {typed} was accepted")
    return outcome


def _same(value: object, typed: str) -> bool:
    try:
        return math.isclose(float(value), float(int(typed, 0)))
    except (ValueError, TypeError):
        pass
    try:
        return math.isclose(float(value), float(typed))
    except (ValueError, TypeError):
        return value == typed
