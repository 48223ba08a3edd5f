"""Translation: a model with its two tokenizers, from sentences to sentences."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch

from attention.checkpoints import load_json, load_tensors, save_json, save_tensors
from attention.data import Pair
from attention.errors import BadInput, first_line
from attention.models.ibm_model_1 import IBMModel1
from attention.shapes import Float, Tensor
from attention.tasks.alignments import has_alignment, soft_alignments
from attention.tasks.architectures import ARCHITECTURES
from attention.tasks.decoding import Aligned, Candidate, Search, decode, in_order
from attention.tasks.old_files import current_config, current_tensors
from attention.tokenizers.subwords import SubwordTokenizer, tokenizer_from_dict
from attention.tokenizers.words import WordTokenizer

__all__ = ["Translation", "Translator"]

Tokenizer = WordTokenizer | SubwordTokenizer


@dataclass(frozen=True)
class Translation:
    """The translation of a sentence.

    Attributes:
        source: The source tokens.
        target: The target tokens. Where the model has generated `<unk>`, the source token that it
            attends to most is copied here.
        text: The translation as a sentence.
        attention: The weights that each target token (row) gives to the source tokens (columns),
            on the CPU; None if the model has no attention.
        hypotheses: The n best hypotheses, the translation first, where they are asked for.
    """

    source: list[str]
    target: list[str]
    text: str
    attention: Float[Tensor, "T S"] | None
    hypotheses: tuple[Candidate, ...] = ()


class Translator:
    """A translation model, and the tokenizers of its two languages.

    Attributes:
        arch: The name of its architecture, a key of `ARCHITECTURES`.
        model: The module, in evaluation mode; `model(source_ids, target_ids)` gives logits.
        source_tokenizer: Of the language that it translates from.
        target_tokenizer: Of the language that it translates into.
    """

    def __init__(
        self, arch: str, model: Any, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer
    ) -> None:
        self.arch, self.model = arch, model.eval()
        self.source_tokenizer, self.target_tokenizer = source_tokenizer, target_tokenizer

    @classmethod
    def new(
        cls,
        arch: str,
        pairs: Sequence[Pair],
        seed: int = 0,
        subwords: int | None = None,
        min_count: int = 2,
        **sizes: Any,
    ) -> "Translator":
        """An untrained translator, with tokenizers trained on `pairs`.

        Args:
            seed: Of the initial weights.
            subwords: Size of one subword vocabulary for both languages; unless given, each language
                has a vocabulary of whole words.
            min_count: How often a word occurs in `pairs` to be in that vocabulary.
            sizes: Arguments of the architecture's Config. With subwords, `shared_embeddings` is
                True unless given.
        """
        kind = ARCHITECTURES[arch]
        sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
        tokenizers: tuple[Tokenizer, Tokenizer]
        if subwords is None:
            source = WordTokenizer.train(sources, min_count)
            tokenizers = source, WordTokenizer.train(targets, min_count)
        else:
            tokenizers = (SubwordTokenizer.train([*sources, *targets], subwords),) * 2
            if "shared_embeddings" in {field.name for field in fields(kind.config)}:
                sizes = {"shared_embeddings": True} | sizes
        torch.manual_seed(seed)
        return cls(arch, kind.model(kind.config(*map(len, tokenizers), **sizes)), *tokenizers)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(chain(self.model.parameters(), self.model.buffers())).device

    @property
    def n_parameters(self) -> int:
        """The number of parameters; of an `IBMModel1`, the entries of its translation table."""
        if isinstance(self.model, IBMModel1):
            return self.model.config.entries
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def has_attention(self) -> bool:
        """Whether `translate` and `align` give weights over the source tokens."""
        return has_alignment(self.model)

    def translate(
        self, sentences: Sequence[str], beam_size: int = 1, batch_size: int = 100
    ) -> list[Translation]:
        """Translate sentences with beam search; see `stream`."""
        return list(self.stream(sentences, Search(beam_size), batch_size))

    def stream(
        self, sentences: Iterable[str], search: Search | None = None, batch_size: int = 100
    ) -> Iterator[Translation]:
        """Translate sentences in their order, yielding each as soon as it is done.

        The translation of a blank sentence is blank.

        Args:
            search: How to search; greedily unless given.
            batch_size: Sentences that are read, and translated together, before the first of them
                is yielded. It changes the speed but not the translations.
        """
        search, remaining = search or Search(), iter(sentences)
        while window := list(islice(remaining, batch_size)):
            tokens = [self.source_tokenizer.tokenize(s)[: search.max_length] for s in window]
            ids = [self.source_tokenizer.encode(s)[: search.max_length] for s in window]
            found = decode(self.model, ids, search, self.device)
            yield from in_order(
                (i, self._translation(tokens[i], hypotheses, search.n_best is not None))
                for i, hypotheses in found
            )

    def align(
        self, pairs: Sequence[Pair], batch_size: int = 100
    ) -> list[Float[Tensor, "T S"]] | None:
        """The soft alignment of each pair: the attention weights, teacher-forced on its target.

        None if the model has no attention.
        """
        sources = [self.source_tokenizer.encode(pair.source) for pair in pairs]
        targets = [self.target_tokenizer.encode(pair.target) for pair in pairs]
        if not self.has_attention:
            return None
        return soft_alignments(self.model, sources, targets, batch_size, self.device)

    def _translation(
        self, source: list[str], found: list[Aligned], with_hypotheses: bool
    ) -> Translation:
        targets = [each.tokens(source, self.target_tokenizer) for each in found] or [[]]
        texts = list(map(self.target_tokenizer.detokenize, targets))
        weights = found[0].weights if found else None
        if self.has_attention and weights is None:
            weights = torch.zeros(0, len(source), device="cpu")
        scores = [each.hypothesis.score for each in found] or [0.0]
        candidates = zip(texts, targets, scores, strict=True)
        hypotheses = tuple(Candidate(*each) for each in candidates) if with_hypotheses else ()
        return Translation(source, targets[0], texts[0], weights, hypotheses)

    def save(self, folder: Path | str) -> None:
        """Save the translator in a folder, as `translator.json` and `model.safetensors`."""
        description = {
            "arch": self.arch,
            "config": asdict(self.model.config),
            "source": self.source_tokenizer.to_dict(),
            "target": self.target_tokenizer.to_dict(),
        }
        save_json(Path(folder) / "translator.json", description)
        save_tensors(Path(folder) / "model.safetensors", self.model.state_dict())

    @classmethod
    def load(cls, folder: Path | str) -> "Translator":
        """Load what this version or an earlier one has saved, onto torch's default device.

        Raises:
            BadInput: The folder holds no translator, or a damaged one.
        """
        if not Path(folder).is_dir():
            raise BadInput(f"{folder}: no such folder; `attention train translation` makes one")
        values = load_json(Path(folder) / "translator.json")
        weights = load_tensors(Path(folder) / "model.safetensors")
        try:
            kind = ARCHITECTURES[values["arch"]]
            model: Any = kind.load(current_config(values["config"]), current_tensors(weights))
            model.to(torch.get_default_device())
            sizes = model.config.source_vocab_size, model.config.target_vocab_size
            tokenizers = map(tokenizer_from_dict, (values["source"], values["target"]), sizes)
            return cls(values["arch"], model, *tokenizers)
        except Exception as error:  # the tokenizers library raises bare Exceptions
            raise BadInput(f"{folder}: damaged translator ({first_line(error)})") from error
