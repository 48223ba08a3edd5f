"""Tiny tasks that the walk trains and uses."""

from typing import Any

from attention.data import Pair
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.translation import Translator
from attention.training.config import TrainingConfig

from .place import Place

CONFIG = TrainingConfig(steps=2, tokens_per_batch=20, lr=1e-3, warmup=1, log_every=1)
LINKS = frozenset({(0, 0), (1, 1), (2, 2)})
PAIRS = [Pair("they arrived .", "ils sont arrivés .", LINKS), Pair("she left", "elle part", LINKS)]
TEXTS = ["they arrived late .", "she left a house and they arrived .", "she arrived"]
STACK: Any = {"d_model": 8, "n_heads": 2, "n_layers": 1}
SIZES = {"transformer": STACK | {"d_ff": 16}, "word-by-word": {}}
RECURRENT = {"d_model": 8, "d_embedding": 6}


def translator(at: Place, arch: str) -> Any:
    return at.model(Translator.new, arch, PAIRS, min_count=1, **SIZES.get(arch, RECURRENT))


def language_model(at: Place, arch: str = "gpt") -> Any:
    return at.model(LanguageModel.new, arch, TEXTS, subwords=260, max_len=12, **STACK)


def masked_lm(at: Place) -> Any:
    sizes = STACK | {"dropout": 0.0, "max_len": 16}
    return at.model(MaskedLM.new, "bert", TEXTS, subwords=60, **sizes)
