"""Search quality on this book's own pages, of a model that was trained on them."""

import math
import re
from collections import Counter

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


def reciprocal_rank(rankings: list[list[int]], texts: list[str]) -> float:
    """The mean, over the questions, of 1 / the rank of the first paragraph that answers it."""
    topics = zip(rankings, QUESTIONS.values(), strict=True)
    ranks = [
        next(rank for rank, i in enumerate(ranking, 1) if topic in texts[i].lower())
        for ranking, topic in topics
    ]
    return sum(1 / rank for rank in ranks) / len(ranks)


def by_embeddings(masked_lm: MaskedLM, texts: list[str]) -> list[list[int]]:
    """For each question, all texts, the most similar first."""
    encoder = TextEncoder(masked_lm.model, masked_lm.tokenizer)
    documents = encoder.embed(texts)
    return [[hit.index for hit in encoder.rank(question, documents)] for question in QUESTIONS]


def by_words(texts: list[str], k1: float = 1.2, b: float = 0.75) -> list[list[int]]:
    """The same by BM25 (Robertson and Zaragoza 2009), with log(1 + N / n) for a rare word."""
    bags = [Counter(re.findall(r"\w+", text.lower())) for text in texts]
    frequency = Counter(word for bag in bags for word in bag)
    mean_length = sum(bag.total() for bag in bags) / len(bags)

    def score(question: str, bag: Counter[str]) -> float:
        norm = k1 * (1 - b + b * bag.total() / mean_length)
        return sum(
            bag[word] / (bag[word] + norm) * math.log(1 + len(bags) / frequency[word])
            for word in re.findall(r"\w+", question.lower())
            if word in bag
        )

    return [
        sorted(range(len(texts)), key=lambda i: -score(question, bags[i])) for question in QUESTIONS
    ]


def test_training_makes_search_better_and_not_better_than_counting_words(paragraphs):
    """As docs/models/retrieval.md says."""
    texts = [str(paragraph) for paragraph in paragraphs]
    masked_lm = MaskedLM.new("bert", paragraphs, d_model=64)
    untrained = reciprocal_rank(by_embeddings(masked_lm, texts), texts)
    config = TrainingConfig(steps=60, tokens_per_batch=3000)
    for _ in retrieval_trainer(masked_lm, paragraphs, config).steps():
        pass
    trained = reciprocal_rank(by_embeddings(masked_lm, texts), texts)
    words = reciprocal_rank(by_words(texts), texts)
    print(f"untrained {untrained:.2f}, trained {trained:.2f}, BM25 {words:.2f}")
    assert 1.5 * untrained < trained < words
