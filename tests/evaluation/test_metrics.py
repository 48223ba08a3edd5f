"""The metrics, against cases worked by hand; n-grams are counted by sacrebleu."""

import math

import pytest
import torch

from attention.data import Pair
from attention.errors import BadInput
from attention.evaluation.metrics import (
    TranslationScores,
    alignment_error_rate,
    bleu_by_length,
    evaluate_language_model,
    evaluate_translator,
    hard_alignment,
)
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.translation import Translation, Translator

LINKS = frozenset({(0, 0), (1, 1), (2, 1)})
REFERENCES = ["Ils sont arrivés en retard .", "Elle a signé cet accord à Paris ."]
TEXTS = ["The agreement on the Área was signed .\n" * 3, "They arrived 🙂\n"]


class Oracle(Translator):
    """A translator whose translations and alignments are given."""

    def __init__(self, hypotheses: list[str], weights: list[torch.Tensor] | None = None) -> None:
        self.hypotheses, self.weights, self.beam_size = hypotheses, weights, None

    def stream(self, sentences, search=None, batch_size=100):
        self.beam_size = search.beam_size
        return (translation(self.hypotheses[int(name)]) for name in sentences)

    def align(self, pairs):
        return None if self.weights is None else [self.weights[int(p.source)] for p in pairs]


def translation(text: str) -> Translation:
    return Translation([], text.split(), text, None)


def scores(hypotheses: list[str], references: list[str] = REFERENCES) -> TranslationScores:
    pairs = [Pair(str(i), reference) for i, reference in enumerate(references)]
    return evaluate_translator(Oracle(hypotheses), pairs)


@pytest.mark.on_cpu(reason="text only")
def test_perfect_translations():
    perfect = scores(REFERENCES)
    assert perfect.bleu == pytest.approx(100)
    assert perfect.chrf == pytest.approx(100)
    assert perfect.exact_match == 1
    assert perfect.sentences == 2
    assert perfect.aer is None
    assert "tok:13a" in perfect.signature


@pytest.mark.on_cpu(reason="text only")
def test_case_counts():
    lower = scores([reference.lower() for reference in REFERENCES])
    assert lower.exact_match == 0
    assert lower.bleu < 90
    assert lower.chrf < 100
    assert "case:mixed" in lower.signature


@pytest.mark.on_cpu(reason="text only")
def test_exact_match_is_a_proportion_and_forgives_spaces_of_the_reference_alone():
    assert scores([REFERENCES[0], "Elle a signé ."]).exact_match == 0.5
    spaced = [f" {reference.replace(' ', '  ')}" for reference in REFERENCES]
    assert scores(REFERENCES, spaced).exact_match == 1
    assert scores(spaced).exact_match == 0


@pytest.mark.on_cpu(reason="text only")
def test_bleu_is_of_the_corpus_and_has_a_brevity_penalty():
    """Half of the first reference: all n-grams are right, but the hypothesis is too short."""
    half = scores(["Elle a signé cet"], REFERENCES[1:])
    assert half.bleu == pytest.approx(100 * math.exp(1 - 8 / 4))


@pytest.mark.on_cpu(reason="text only")
def test_the_beam_size_is_passed_on():
    oracle = Oracle(REFERENCES)
    pairs = [Pair("0", REFERENCES[0])]
    evaluate_translator(oracle, pairs, beam_size=4)
    assert oracle.beam_size == 4


def test_aer_is_of_the_pairs_with_gold_alignments():
    weights = [torch.tensor([[0.9, 0.1], [0.4, 0.6]]), torch.tensor([[0.2, 0.8], [0.3, 0.7]])]
    gold = [Pair("0", "a b", frozenset({(0, 0), (1, 1)})), Pair("1", "a b", None)]
    assert evaluate_translator(Oracle(["", ""], weights), gold).aer == 0
    gold[1] = Pair("1", "a b", frozenset({(0, 0), (1, 1)}))  # predicted: (0, 1), (1, 1)
    assert evaluate_translator(Oracle(["", ""], weights), gold).aer == pytest.approx(0.25)
    none = [pair._replace(alignment=None) for pair in gold]
    assert evaluate_translator(Oracle(["", ""], weights), none).aer is None
    assert evaluate_translator(Oracle(["", ""]), gold).aer is None, "a model without attention"


@pytest.mark.on_cpu(reason="text only")
def test_no_pairs_no_scores():
    with pytest.raises(BadInput, match="no sentence pairs"):
        evaluate_translator(Oracle([]), [])


@pytest.mark.on_cpu(reason="text only")
def test_bleu_by_length_groups_sentences_by_their_sources():
    class Echo(Oracle):
        def stream(self, sentences, search=None, batch_size=100):
            return (translation(s if len(s) < 11 else s.upper()) for s in sentences)

    sources = ["a b c d", "a b c d e", "a b c d e f", " ".join(["a"] * 101)]
    curve = bleu_by_length(Echo([]), [Pair(s, s) for s in sources], lengths=(4, 5, 6, 100))
    assert list(curve) == [4, 5, 6]
    assert curve[4] == curve[5] == pytest.approx(100)
    assert curve[6] < 10


def test_hard_alignment_takes_the_largest_weight_of_each_row():
    weights = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    assert hard_alignment(weights) == LINKS


@pytest.mark.on_cpu(reason="text only")
def test_alignment_error_rate_by_hand():
    gold = [LINKS, frozenset({(0, 0)})]
    assert alignment_error_rate(gold, gold) == 0
    # 4 gold links, 4 predicted, 3 in both: 1 - 2*3/8.
    predicted = [LINKS, frozenset({(0, 1)})]
    assert alignment_error_rate(predicted, gold) == pytest.approx(0.25)
    assert alignment_error_rate([frozenset({(5, 5)})], [LINKS]) == 1


@pytest.mark.on_cpu(reason="text only")
def test_without_links_the_alignment_error_rate_is_undefined():
    for none in ([], [frozenset()]):
        with pytest.raises(BadInput, match="no links in either alignment"):
            alignment_error_rate(none, none)
    assert alignment_error_rate([frozenset()], [LINKS]) == 1


@pytest.fixture
def language_model() -> LanguageModel:
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 1, "max_len": 16}
    return LanguageModel.new("gpt", TEXTS, subwords=260, **sizes)


def perturb(language_model: LanguageModel) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in language_model.model.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))


def by_hand(language_model: LanguageModel, targets: range | list[int]) -> float:
    """The mean negative log-likelihood of these positions, each predicted on its own."""
    ids, total, length = language_model.encode_corpus(TEXTS), 0.0, 16
    with torch.no_grad():
        for i in targets:
            start = (i - 1) // length * length
            logits = language_model.model(ids[None, start:i])[0, -1]
            total -= logits.log_softmax(-1)[ids[i]].item()
    return total / len(targets)


def test_a_uniform_model_has_the_perplexity_of_its_vocabulary(language_model):
    """All logits are 0: each token costs log2(260) bits."""
    torch.nn.init.zeros_(language_model.model.embedding.weight)
    measured = evaluate_language_model(language_model, TEXTS)
    n_tokens = len(language_model.encode_corpus(TEXTS)) - 1
    assert measured.n_tokens == n_tokens > 2 * 16, "several windows"
    assert measured.loss == pytest.approx(math.log(260))
    assert measured.perplexity == pytest.approx(260, rel=1e-5)
    n_bytes = sum(len(text.encode()) for text in TEXTS)
    assert n_bytes > sum(map(len, TEXTS)), "some characters have several bytes"
    assert measured.bits_per_byte == pytest.approx(n_tokens * math.log2(260) / n_bytes)


def test_each_token_is_predicted_once_from_those_before_it_in_its_window(language_model):
    perturb(language_model)
    expected = by_hand(language_model, range(1, len(language_model.encode_corpus(TEXTS))))
    measured = evaluate_language_model(language_model, TEXTS)
    assert measured.loss == pytest.approx(expected, rel=1e-5)
    assert measured.perplexity == pytest.approx(math.exp(measured.loss), rel=1e-5)


def test_with_several_eos_tokens_one_ends_each_text(language_model):
    perturb(language_model)
    before = evaluate_language_model(language_model, TEXTS)
    language_model.eos_ids.append(7)
    assert evaluate_language_model(language_model, TEXTS) == before


def test_a_token_that_only_begins_texts_is_not_predicted(language_model):
    perturb(language_model)
    language_model.bos_id = 7
    ids = language_model.encode_corpus(TEXTS)
    assert (ids == 7).sum() == len(TEXTS)
    predicted = [i for i in range(1, len(ids)) if ids[i] != 7]
    measured = evaluate_language_model(language_model, TEXTS)
    assert measured.n_tokens == len(predicted) == len(ids) - 2
    assert measured.loss == pytest.approx(by_hand(language_model, predicted), rel=1e-5)


def test_with_nothing_to_predict_there_is_no_score(language_model):
    for texts in ([], [""]):
        with pytest.raises(BadInput, match="no token to predict"):
            evaluate_language_model(language_model, texts)
    language_model.bos_id, language_model.eos_ids = None, []
    with pytest.raises(BadInput, match="no token to predict"):
        evaluate_language_model(language_model, ["T"])
