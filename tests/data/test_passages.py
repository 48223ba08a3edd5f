"""Long paragraphs cut into passages."""

import pytest

from attention.data.passages import LONGEST, split_long
from attention.data.prose import Paragraph

pytestmark = pytest.mark.on_cpu(reason="text only")


def cut(text: str) -> list[str]:
    passages = list(split_long([Paragraph("a.txt", "B", text)]))
    assert {(p.file, p.heading) for p in passages} == {("a.txt", "B")}
    assert all(0 < len(p.text) <= LONGEST for p in passages)
    return [p.text for p in passages]


def test_a_paragraph_that_fits_stays_whole():
    assert cut("One. Two. " * 50) == ["One. Two. " * 50]


@pytest.mark.parametrize("sentence", ["It was signed in 1992.", 'She asked: "Was it signed?"'])
def test_passages_are_full_of_whole_sentences(sentence):
    passages = cut(" ".join([sentence] * 100))
    assert all(p.startswith(sentence) and p.endswith(sentence) for p in passages)
    assert all(len(p) + 1 + len(sentence) > LONGEST for p in passages[:-1])
    assert sum(p.count(sentence) for p in passages) == 100


@pytest.mark.parametrize(
    ("text", "glue"),
    [("word " * 500, " "), ("x" * 2500, ""), ("协定于八月签署。" * 300, "")],
)
def test_text_without_spaces_or_sentences_is_cut_too_and_nothing_is_lost(text, glue):
    passages = cut(text.strip())
    assert len(passages) > 1
    assert glue.join(passages).replace(" ", "") == text.replace(" ", "")
