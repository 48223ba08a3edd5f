"""Search quality on this book's own pages, of a model that was trained on them."""

import pytest

from attention.data.prose import Paragraph, read_paragraphs
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.retrieval import TextEncoder
from attention.tasks.retrieval_training import retrieval_trainer
from attention.training.trainer import TrainingConfig

QUESTIONS = {  # as a reader might ask, and a word of the paragraphs that answer them
    "how does beam search work": "beam",
    "why did they read the source in the opposite direction, backwards": "backwards",
    "gates of a recurrent network": "gate",
    "what is teacher forcing": "teacher",
    "how far is an alignment from the gold one, the error rate": "error rate",
    "the NULL word of IBM Model 1": "null word",
    "is the score additive or a dot product": "additive",
    "what to do about padding in a batch": "padding",
    "local attention looks through a window": "window",
    "what does the maxout do": "maxout",
}


@pytest.fixture(scope="module")
def paragraphs() -> list[Paragraph]:
    return [one for one in read_paragraphs(["book"]) if one.file.startswith("before-attention/")]


def reciprocal_rank(masked_lm: MaskedLM, paragraphs: list[Paragraph]) -> float:
    """The mean, over the questions, of 1 / the rank of the first paragraph that answers it."""
    encoder = TextEncoder(masked_lm.model, masked_lm.tokenizer)
    texts = [str(paragraph) for paragraph in paragraphs]
    ranks = []
    for question, topic in QUESTIONS.items():
        hits = encoder.search(question, texts, top=len(texts))
        ranks.append(next(n for n, hit in enumerate(hits, 1) if topic in texts[hit.index].lower()))
    return sum(1 / rank for rank in ranks) / len(ranks)


def test_a_trained_model_answers_better_than_an_untrained_one(paragraphs):
    masked_lm = MaskedLM.new("bert", paragraphs, d_model=64)
    before = reciprocal_rank(masked_lm, paragraphs)
    config = TrainingConfig(steps=60, tokens_per_batch=3000)
    for _ in retrieval_trainer(masked_lm, paragraphs, config).steps():
        pass
    print(before, reciprocal_rank(masked_lm, paragraphs))
    assert reciprocal_rank(masked_lm, paragraphs) > 1.5 * before
