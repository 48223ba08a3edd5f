"""Parallel corpora: sentence pairs from text files or from the toy corpus."""

from collections.abc import Sequence
from pathlib import Path

from attention.data import Pair, toy
from attention.errors import BadInput

__all__ = ["load_pairs", "read_pairs", "read_text"]


def load_pairs(data: Sequence[str], split: str = "train") -> list[Pair]:
    """Load the sentence pairs that the command's `--data` names.

    Args:
        data: `toy`, `toy-train`, `toy-valid` or `toy-test`; one tab-separated file; or two
            line-aligned files, the source first.
        split: The split of the toy corpus that plain `toy` stands for.

    Raises:
        BadInput: A file cannot be used; the message says which, where and why.
    """
    if len(data) == 1 and data[0] in {"toy", *(f"toy-{name}" for name in toy.SPLIT_SIZES)}:
        split = data[0].removeprefix("toy").lstrip("-") or split
        return toy.pairs(split, toy.SPLIT_SIZES[split])
    return read_pairs([Path(name) for name in data])


def read_pairs(paths: Sequence[Path]) -> list[Pair]:
    """Read a parallel corpus from two line-aligned files, or from one tab-separated file.

    Files are UTF-8, with or without a byte order mark, and lines end as on Unix or on Windows;
    other separators, such as U+2028, are part of a line. Columns after the second are ignored. A
    pair that is blank on either side is left out, because nothing can be learned from it.

    Args:
        paths: The source file and the target file, or one file with both columns.

    Raises:
        BadInput: A file cannot be read or has no pairs, the files differ in their number of lines,
            or a line has no tab or is not UTF-8. The message names the file and, where there is
            one, the line.
    """
    if len(paths) == 1:
        rows = _columns(paths[0])
    elif len(paths) == 2:
        rows = _aligned(paths[0], paths[1])
    else:
        raise BadInput(
            f"expected two line-aligned files or one tab-separated file, not {len(paths)} files"
        )
    stripped = [(source.strip(), target.strip()) for source, target in rows]
    pairs = [Pair(source, target) for source, target in stripped if source and target]
    if not pairs:
        raise BadInput(f"{' and '.join(map(str, paths))}: no line has text on both sides")
    return pairs


def _aligned(source: Path, target: Path) -> list[tuple[str, str]]:
    sources, targets = _lines(source), _lines(target)
    if len(sources) != len(targets):
        raise BadInput(
            f"line-aligned files need the same number of lines: "
            f"{source} has {len(sources)}, {target} has {len(targets)}"
        )
    return list(zip(sources, targets, strict=True))


def _columns(path: Path) -> list[tuple[str, str]]:
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        source, tab, rest = line.partition("\t")
        if tab:
            rows.append((source, rest.partition("\t")[0]))
        elif line.strip():
            raise BadInput(f"{path}:{number}: no tab between source and target")
    return rows


def _lines(path: Path) -> list[str]:
    # Not splitlines(): it would also cut a line at U+2028, U+0085 and others, and shift the rest.
    return read_text(path).removesuffix("\n").split("\n")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without its byte order mark and with Unix line ends.

    Raises:
        BadInput: It cannot be read, is not UTF-8, or is empty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{number}: not UTF-8 text") from error
    if not text.strip():
        raise BadInput(f"{path} is empty")
    return text.replace("\r\n", "\n")
