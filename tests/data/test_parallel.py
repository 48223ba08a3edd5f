"""Readers of parallel corpora: good files are read exactly, bad ones refused in one clear line."""

from pathlib import Path

import pytest

from attention.data import Pair
from attention.data.parallel import load_pairs, read_pairs, read_text
from attention.errors import BadInput

pytestmark = pytest.mark.on_cpu(reason="text only")


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def refusal(*paths: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_pairs(paths)
    assert "\n" not in str(caught.value)
    return str(caught.value)


PAIRS = [Pair("They left .", "Ils sont partis ."), Pair("Wait !", "Attendez !")]


def test_two_files_are_read_line_by_line(tmp_path: Path) -> None:
    source = write(tmp_path, "en", "They left .\nWait !\n")
    target = write(tmp_path, "fr", "Ils sont partis .\nAttendez !\n")
    assert read_pairs([source, target]) == PAIRS


def test_two_files_may_end_their_lines_differently(tmp_path: Path) -> None:
    source = write(tmp_path, "en", "They left .\r\nWait !\r\n")
    target = write(tmp_path, "fr", "Ils sont partis .\nAttendez !\n")
    assert read_pairs([source, target]) == PAIRS


@pytest.mark.parametrize("text", ["One.\r\nTwo.\r\n", "\ufeffOne.\nTwo.\n", "One.\nTwo.\n"])
def test_a_text_comes_without_carriage_returns_and_byte_order_mark(
    tmp_path: Path, text: str
) -> None:
    assert read_text(write(tmp_path, "a.txt", text)) == "One.\nTwo.\n"


def test_further_columns_are_ignored(tmp_path: Path) -> None:
    text = "They left .\tIls sont partis .\tCC-BY\t1\nWait !\tAttendez !\n"
    assert read_pairs([write(tmp_path, "a.tsv", text)]) == PAIRS


@pytest.mark.parametrize(
    "text",
    [
        "They left .\tIls sont partis .\nWait !\tAttendez !",  # no end to the last line
        "They left .\tIls sont partis .\r\nWait !\tAttendez !\r\n",
        "\ufeffThey left .\tIls sont partis .\nWait !\tAttendez !\n",
        "They left .\tIls sont partis .\n\nWait !\tAttendez !\n\n",
        "They left .\tIls sont partis .\nHello\t\n\tBonjour\nWait !\tAttendez !\n",
        " They left . \t Ils sont partis .\t\nWait !\tAttendez !\n",
    ],
)
def test_line_ends_byte_order_marks_and_blanks_do_not_matter(tmp_path: Path, text: str) -> None:
    assert read_pairs([write(tmp_path, "a.tsv", text)]) == PAIRS


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    source = write(tmp_path, "en", "one\u2028two\x85three\x0bfour\nfive\n")
    target = write(tmp_path, "fr", "un\ncinq\n")
    assert read_pairs([source, target]) == [
        Pair("one\u2028two\x85three\x0bfour", "un"),
        Pair("five", "cinq"),
    ]


def test_a_pair_blank_on_one_side_is_left_out_and_the_rest_stay_aligned(tmp_path: Path) -> None:
    source = write(tmp_path, "en", "They left .\n\nWait !\n")
    target = write(tmp_path, "fr", "Ils sont partis .\nBonjour .\nAttendez !\n")
    assert read_pairs([source, target]) == PAIRS


def test_unequal_counts_name_both_files(tmp_path: Path) -> None:
    source, target = write(tmp_path, "en", "a\nb\n"), write(tmp_path, "fr", "a\nb\nc\n")
    message = refusal(source, target)
    assert f"{source} has 2" in message
    assert f"{target} has 3" in message


def test_a_line_without_a_tab_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "a\tb\n\nc d\ne\tf\n")
    assert refusal(path).startswith(f"{path}:3: no tab")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_line_that_is_not_utf8_is_named(tmp_path: Path, mark: bytes) -> None:
    path = write(tmp_path, "a.tsv", mark + "a\tb\né\tf\n".encode() + "été\tf\n".encode("latin-1"))
    assert refusal(path) == f"{path}:3: not UTF-8 text"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_named(tmp_path: Path, data: bytes) -> None:
    full, empty = write(tmp_path, "full", "a\n"), write(tmp_path, "empty", data)
    assert refusal(empty) == f"{empty} is empty"
    assert refusal(full, empty) == f"{empty} is empty"


def test_files_without_a_complete_pair_are_refused(tmp_path: Path) -> None:
    source, target = write(tmp_path, "en", "a\n\n"), write(tmp_path, "fr", "\nb\n")
    assert "no line has text on both sides" in refusal(source, target)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.tsv"
    assert refusal(missing) == f"cannot read {missing}: No such file or directory"
    assert refusal(tmp_path) == f"cannot read {tmp_path}: Is a directory"


@pytest.mark.parametrize("count", [0, 3])
def test_it_takes_one_file_or_two(tmp_path: Path, count: int) -> None:
    assert f"not {count} files" in refusal(*[write(tmp_path, "a", "a\tb")] * count)


def test_the_splits_of_the_toy_corpus_have_names() -> None:
    assert load_pairs(["toy"], "valid") == load_pairs(["toy-valid"])
    assert load_pairs(["toy-valid"]) != load_pairs(["toy-test"])
