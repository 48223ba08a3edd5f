"""Passages: long paragraphs cut at the ends of sentences, so that a search can find each."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from attention.data.prose import Paragraph

__all__ = ["LONGEST", "split_long"]

LONGEST = 1000  # characters of a passage

# After the end of a sentence; not every script puts a space there.
_SENTENCE_END = re.compile(r"""(?<=[.!?…]) |(?<=[.!?…]["'”’»)\]]) |(?<=[。！？])""")


def split_long(paragraphs: Iterable[Paragraph]) -> Iterator[Paragraph]:
    """Cut every paragraph that is longer than `LONGEST` into passages that are not.

    A passage has as many whole sentences as fit; a sentence that is too long itself is cut between
    words, and a word that is too long between characters. A text file without blank lines is one
    such paragraph.
    """
    for paragraph in paragraphs:
        if len(paragraph) <= LONGEST:
            yield paragraph
            continue
        for passage in _packed(_SENTENCE_END.split(paragraph.text)):
            yield replace(paragraph, text=passage)


def _packed(sentences: Iterable[str]) -> Iterator[str]:
    passage = ""
    for part in (part for sentence in sentences for part in _parts(sentence)):
        joined = f"{passage} {part}" if passage else part
        if len(joined) > LONGEST:
            yield passage
            joined = part
        passage = joined
    if passage:
        yield passage


def _parts(sentence: str) -> Iterator[str]:
    """A sentence; its parts, where it is too long."""
    while len(sentence) > LONGEST:
        at = sentence.rfind(" ", 1, LONGEST + 1)
        at = at if at > 0 else LONGEST
        yield sentence[:at].strip()
        sentence = sentence[at:].strip()
    if sentence:
        yield sentence
