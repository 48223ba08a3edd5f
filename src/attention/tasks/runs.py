"""Training runs of each kind of task: begun in a folder, and resumed from it."""

from attention.data import toy
from attention.data.parallel import load_pairs
from attention.data.prose import read_paragraphs, read_texts
from attention.tasks.architectures import ARCHITECTURES, LANGUAGE_MODELS
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.objectives import language_model_trainer, translation_trainer
from attention.tasks.resumable_run import Run
from attention.tasks.retrieval_training import retrieval_trainer
from attention.tasks.translation import Translator

__all__ = ["LanguageModelRun", "MaskedLMRun", "Run", "TranslationRun"]

TOY = frozenset({"toy", *(f"toy-{split}" for split in toy.SPLITS)})


class TranslationRun(Run):
    """The training of a `Translator` on sentence pairs."""

    task_class = Translator
    read = staticmethod(load_pairs)
    make_trainer = staticmethod(translation_trainer)
    built_in = TOY
    architectures = ARCHITECTURES
    task: Translator


class LanguageModelRun(Run):
    """The training of a causal `LanguageModel` on texts."""

    task_class = LanguageModel
    read = staticmethod(read_texts)
    make_trainer = staticmethod(language_model_trainer)
    built_in = TOY | {"book"}
    architectures = LANGUAGE_MODELS
    task: LanguageModel


class MaskedLMRun(Run):
    """The training of a `MaskedLM` for search on paragraphs."""

    task_class = MaskedLM
    read = staticmethod(read_paragraphs)
    make_trainer = staticmethod(retrieval_trainer)
    built_in = TOY | {"book"}
    architectures = LANGUAGE_MODELS
    task: MaskedLM
