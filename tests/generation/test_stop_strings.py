"""Stop strings, wherever the pieces of a stream divide them."""

import pytest

from attention.generation.stop_strings import until_stop

pytestmark = pytest.mark.on_cpu(reason="text only")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 99])
@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("one. two. three", ["two"], "one. "),
        ("one. two. three", ["three", "two"], "one. "),
        ("one. two. three", ["four"], "one. two. three"),
        ("one. two. three", [], "one. two. three"),
        ("aabaabac", ["aabac"], "aab"),
        ("aabaaba", ["aabac"], "aabaaba"),
        ("two", ["two"], ""),
    ],
)
def test_text_ends_before_the_first_stop_string(text, stops, expected, size):
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert "".join(until_stop(pieces, stops)) == expected


def test_text_that_begins_no_stop_string_is_yielded_at_once_and_none_is_taken_after_the_stop():
    pieces = iter(["ab", "c", "x", "cd", "never"])
    stream = until_stop(pieces, ["cd"])
    assert [next(stream) for _ in range(3)] == ["ab", "", "cx"]
    assert list(stream) == [""]
    assert list(pieces) == ["never"]
