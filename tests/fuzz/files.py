"""Data files: whatever bytes they have, they are read as a plain reader would, or refused."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from attention.data.parallel import load_pairs
from attention.data.prose import read_texts
from tests.fuzz.command import Outcome, run, wrong
from tests.fuzz.runs import Bench

BOM = b"\xef\xbb\xbf"
WORDS = ["They", "arrived", "left", "early", ".", "été", "e\u0301te\u0301", "L'accord", "-", "'"]
STRANGE = [
    *("\u2028", "\u2029", "\x85", "\x00", "\r", "\x0b", "\x0c", "\x1c", "\x1f", "\x7f", "\t", "\\"),
    *(
        "\ufeff",
        "\u200d",
        "\u00a0",
        "\u3000",
        "🙂",
        "👩\u200d👩\u200d👧",
        "שלום",
        "مرحبا",
        "नमस्ते",
        "中文",
    ),
    *("</s>", "<unk>", "[MASK]", "<|endoftext|>", "▁", "##a", "\u0301", "[", "`", "<", "#", "---"),
    *("a" * 3000, "a " * 150, "\U0010ffff", "ﬁ", "İ", "ß"),
]
word = st.sampled_from(WORDS) | st.sampled_from(STRANGE)
text = st.lists(word, max_size=6).flatmap(
    lambda words: st.sampled_from([" ", " ", ""]).map(lambda glue: glue.join(words))
)
row = st.tuples(text, text, text).flatmap(
    lambda cells: st.sampled_from([2, 2, 2, 2, 1, 3]).map(lambda n: "\t".join(cells[:n]))
)
line_end = st.sampled_from(["\n", "\n", "\r\n", "\r"])
encoding = st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
ORDINARY = "They left .\tIls sont partis .\n" * 2


@st.composite
def file(draw: st.DrawFn, line: st.SearchStrategy[str]) -> bytes:
    """The bytes of a file: mostly lines of text, rarely anything."""
    if draw(st.integers(0, 11)) == 0:
        return draw(st.binary(max_size=40))
    end = draw(line_end)
    lines = draw(st.lists(line, max_size=5))
    body = end.join(lines) + draw(st.sampled_from([end, "", end * 2]))
    content = (draw(st.sampled_from(["", ORDINARY])) + body).encode(draw(encoding), "replace")
    return content + draw(st.sampled_from([b"", b"", b"", b"", b"\xff", b"\xc3"]))


@dataclass(frozen=True)
class Files:
    """One data file or two, and the command that reads them."""

    command: str
    contents: tuple[bytes, ...]


one = st.tuples(file(row))
two = st.tuples(file(text), file(text)) | file(text).map(lambda content: (content, content))
inputs = st.one_of(
    st.builds(Files, st.sampled_from(["train", "train", "evaluate"]), one | two),
    st.builds(Files, st.sampled_from(["translate", "language", "score", "search"]), one),
)


def check(bench: Bench, given: Files) -> Outcome:
    """Run the command on the files, and compare with a reading of their bytes."""
    names = [f"data-{number}" for number in range(len(given.contents))]
    if given.command == "search" and len(given.contents[0]) % 2:
        names = ["data.md"]
    for name, content in zip(names, given.contents, strict=True):
        Path(name).write_bytes(content)
    shutil.rmtree("new", ignore_errors=True)
    outcome = run(_arguments(given.command, names))
    if given.command in ("train", "evaluate"):
        _check_pairs(given, names, outcome)
    elif given.command == "translate":
        lines = plain_lines(given.contents[0])
        wrong((lines is None) != outcome.refused, f"refused: {outcome.refused}, {outcome.err}")
        wrong(not outcome.refused and len(outcome.lines) != len(lines), "a line more or less")
    elif given.command in ("language", "score"):
        expected = plain_text(given.contents[0])
        wrong(expected is None and not outcome.refused, "unreadable text was accepted")
        wrong(expected and outcome.refused and "too short" not in outcome.err, outcome.err)
        wrong(not outcome.refused and read_texts(names) != [expected], "another text was read")
    if given.command in ("train", "language"):
        wrong(outcome.refused and Path("new").exists(), "a refusal has left a folder")
    return outcome


def _arguments(command: str, names: list[str]) -> list[str]:
    tiny = ["--steps", "1", "--d-model", "4"]
    gpt = [*tiny, "--n-heads", "1", "--n-layers", "1", "--subwords", "260", "--max-len", "8"]
    return {
        "train": ["train", "translation", "--out", "new", *tiny, "--d-embedding", "4", "--data"],
        "evaluate": ["evaluate", "words", "--json", "--data"],
        "translate": ["translate", "words", "--input"],
        "language": ["train", "language", "--out", "new", *gpt, "--data"],
        "score": ["evaluate", "gpt", "--data"],
        "search": ["search", "bert", "the agreement"],
    }[command] + names


def _check_pairs(given: Files, names: list[str], outcome: Outcome) -> None:
    expected = plain_pairs(given.contents)
    if outcome.refused:
        wrong(expected and "no pair has at most" not in outcome.err, f"refused: {outcome.err}")
        return
    wrong(not expected, "unusable pairs were accepted")
    wrong([pair[:2] for pair in load_pairs(names)] != expected, "other pairs were read")
    if given.command == "train":
        settings = json.loads(Path("new/run.json").read_bytes())
        wrong([each["name"] for each in settings["sources"]] != names, "run.json names other data")
        wrong(f"{len(expected):,} sentence pairs" not in outcome.err, "another number of pairs")
        return
    scores = json.loads(outcome.out)
    Path("sources").write_text("\n".join(" ".join(s.split()) for s, _ in expected), "utf-8")
    hypotheses = run(["translate", "words", "--input", "sources"]).lines
    references = [" ".join(target.split()) for _, target in expected]
    exact = sum(map(str.__eq__, hypotheses, references)) / len(references)
    bleu = BLEU(force=True).corpus_score(hypotheses, [references]).score
    found = [scores["sentences"], scores["exact_match"], round(scores["bleu"], 6)]
    wrong(found != [len(references), exact, round(bleu, 6)], f"other figures: {scores}")


def plain_lines(content: bytes) -> list[str] | None:
    """The lines of a UTF-8 file, cut at line feeds alone; None where it isn't UTF-8."""
    try:
        text = content.removeprefix(BOM).decode()
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    return (lines if lines[-1] else lines[:-1]) if content else []


def plain_text(content: bytes) -> str | None:
    """The text of a file with Unix line ends; None where there is none to be read."""
    lines = plain_lines(content)
    if lines is None or not "".join(lines).strip():
        return None
    text = "\n".join(line.removesuffix("\r") for line in lines[:-1])
    last, ended = lines[-1], content.endswith(b"\n")
    return (
        text
        + "\n" * (len(lines) > 1)
        + (last.removesuffix("\r") if ended else last)
        + ("\n" if ended else "")
    )


def plain_pairs(contents: tuple[bytes, ...]) -> list[tuple[str, str]] | None:
    """The pairs of one file or two that have text on both sides; None where they're unusable."""
    files = [plain_lines(content) for content in contents]
    if any(plain_text(content) is None for content in contents):
        return None
    if len(files) == 2:
        if len(files[0]) != len(files[1]):
            return None
        rows = list(zip(*files, strict=True))
    else:
        rows = [line.split("\t")[:2] for line in files[0] if line.strip() or "\t" in line]
        if any(len(row) < 2 for row in rows):
            return None
    pairs = [(source.strip(), target.strip()) for source, target in rows]
    return [pair for pair in pairs if all(pair)] or None
