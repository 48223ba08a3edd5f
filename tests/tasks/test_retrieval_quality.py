"""Embeddings trained on what they search are worth searching: on this book's own pages."""

import pytest

from attention.data.prose import Paragraph, read_paragraphs
from attention.tasks.masked_lm import MaskedLM, retrieval_trainer
from attention.tasks.retrieval import search
from attention.training.trainer import TrainingConfig

QUESTIONS = {  # as a reader might put them, and what the paragraphs that answer them speak of
    "how does beam search work": "beam",
    "why did they read the source in the opposite direction, backwards": "backwards",
    "gates of a recurrent network": "gate",
    "what is teacher forcing": "teacher",
    "how far is an alignment from the gold one, the error rate": "error rate",
    "the empty word of IBM Model 1": "empty word",
    "is the score additive or a dot product": "additive",
    "what to do about padding in a batch": "padding",
    "local attention looks through a window": "window",
    "what does the maxout do": "maxout",
}


@pytest.fixture(scope="module")
def paragraphs() -> list[Paragraph]:
    return [one for one in read_paragraphs(["book"]) if one.file.startswith("before-attention/")]


def answered(reader: MaskedLM, paragraphs: list[Paragraph]) -> list[str]:
    """The questions with an answer among their first three results."""
    texts = [str(paragraph) for paragraph in paragraphs]
    found = {
        question: search(reader.model, reader.pieces, question, texts, top=3)
        for question in QUESTIONS
    }
    return [
        question
        for question, topic in QUESTIONS.items()
        if any(topic in texts[one.place].lower() for one in found[question])
    ]


def test_a_search_finds_what_an_untrained_model_does_not(paragraphs):
    reader = MaskedLM.new("bert", paragraphs, d_model=64)
    before = answered(reader, paragraphs)
    for _ in retrieval_trainer(
        reader, paragraphs, TrainingConfig(steps=60, tokens_per_batch=3000)
    ).steps():
        pass
    after = answered(reader, paragraphs)
    # 8 against 3 where this was written; another processor may move it by one.
    assert len(after) >= 7 > 4 >= len(before)
