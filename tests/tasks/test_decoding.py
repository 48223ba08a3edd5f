"""Decoding in batches: what is decoded together, in which order it comes, and with what search."""

import pytest
import torch

from attention.data import Pair
from attention.tasks import alignments
from attention.tasks.alignments import batches_of_sources
from attention.tasks.decoding import Search, in_order
from attention.tasks.translation import Translator

CPU = torch.device("cpu")
WORDS = ["they", "left", "early", "today", "with", "her", "old", "friends"]
PAIRS = [Pair(" ".join(WORDS[:n]), " ".join(WORDS[:n]).upper()) for n in range(1, 9)]


@pytest.fixture(scope="module", params=["bahdanau", "transformer", "word-by-word"])
def translator(request) -> Translator:
    return Translator.new(request.param, PAIRS)


def lengths(sources: list[int], batch_size: int = 100, copies: int = 1) -> list[list[int]]:
    """The lengths of the sources in each batch, from the lengths of all."""
    batches = batches_of_sources([[7] * n for n in sources], batch_size, CPU, copies)
    return [[sources[i] for i in batch] for batch, _ in batches]


def test_a_long_source_does_not_delay_short_ones():
    assert lengths([9, 300, 8, 0, 10, 31]) == [[8, 9, 10], [31], [300]]
    assert lengths([3, 16, 17]) == [[3, 16], [17]]


def test_the_work_of_a_batch_is_bounded(monkeypatch):
    monkeypatch.setattr(alignments, "WORK", 4 * 100 * 100)
    assert lengths([100] * 9) == [[100] * 4, [100] * 4, [100]]
    assert lengths([100] * 5, copies=2) == [[100] * 2, [100] * 2, [100]]
    assert lengths([1000] * 2) == [[1000], [1000]], "one is always decoded"
    assert lengths([2] * 5, batch_size=2) == [[2] * 2, [2] * 2, [2]]


@pytest.mark.on_cpu(reason="numbers of Python only")
def test_items_come_in_order_and_as_soon_as_they_can():
    taken = []

    def unordered():
        for i in (1, 0, 3, 2, 4):
            taken.append(i)
            yield i, "abcde"[i]

    items = in_order(unordered())
    assert [(next(items), len(taken)) for _ in range(5)] == [
        ("a", 2), ("b", 2), ("c", 4), ("d", 4), ("e", 5)
    ]  # fmt: skip


def test_a_stream_gives_the_translations_in_order_whatever_is_read_together(translator):
    sentences = [*[pair.source for pair in PAIRS][::-1], "", "unknown word", " "]
    expected = [translator.translate([sentence])[0].text for sentence in sentences]
    for batch_size in (1, 2, 5, 100):
        stream = translator.stream(iter(sentences), batch_size=batch_size)
        assert [translation.text for translation in stream] == expected


def test_no_more_is_read_than_is_translated_together(translator):
    sentences = iter([pair.source for pair in PAIRS])
    next(translator.stream(sentences, batch_size=3))
    assert len(list(sentences)) == len(PAIRS) - 3


def test_the_best_hypothesis_is_the_translation_and_all_are_aligned(translator):
    search = Search(beam_size=4, n_best=3)
    [found, blank] = translator.stream([PAIRS[4].source, ""], search)
    assert 1 <= len(found.hypotheses) <= 3
    assert found.hypotheses[0].text == found.text
    assert found.hypotheses[0].target == found.target
    assert found.attention.shape == (len(found.target), len(found.source))
    assert [(h.text, h.score) for h in blank.hypotheses] == [("", 0)]
    assert translator.translate([PAIRS[4].source], 4)[0].hypotheses == ()


def test_tokens_after_the_maximum_length_are_ignored(translator):
    search = Search(max_length=3)
    [cut] = translator.stream([PAIRS[6].source], search)
    [short] = translator.stream([PAIRS[2].source])
    assert (cut.text, cut.source) == (short.text, short.source)


def test_the_length_penalty_reaches_beam_search():
    translator = Translator.new("bahdanau", PAIRS)
    counts = []
    for penalty in (0.0, 10.0):
        [found] = translator.stream([PAIRS[4].source], Search(5, length_penalty=penalty))
        counts.append(len(found.target))
    assert counts[0] < counts[1]
