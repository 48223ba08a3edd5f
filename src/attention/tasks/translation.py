"""A translator: a model with its two vocabularies. Sentences go in, sentences come out."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from attention.checkpoints import load_json, load_tensors, save_json, save_tensors
from attention.data import Pair
from attention.data.batching import pad
from attention.errors import BadInput
from attention.generation.beam_search import beam_search, greedy
from attention.layers.recording import record_attention
from attention.models.ibm_model_1 import IBMModel1
from attention.shapes import Float, Tensor
from attention.tasks.architectures import ARCHITECTURES
from attention.tasks.old_files import current_config, current_tensors
from attention.tokenizers.special_tokens import BOS, UNK
from attention.tokenizers.subwords import SubwordTokenizer, tokenizer_from_dict
from attention.tokenizers.words import WordTokenizer

__all__ = ["Translation", "Translator"]

Tokenizer = WordTokenizer | SubwordTokenizer


@dataclass(frozen=True)
class Translation:
    """A sentence and what the translator made of it.

    Attributes:
        source: The words that were read.
        target: The words that were written. Where the model wrote that it knows no word
            (`<unk>`), the source word that it looked at most stands here as it is.
        text: The translation as a sentence.
        attention: How much each written word (row) looked at each word read (column). None where
            the model cannot look.
    """

    source: list[str]
    target: list[str]
    text: str
    attention: Float[Tensor, "T S"] | None


class Translator:
    """A model that translates, and the vocabularies that it reads and writes.

    Attributes:
        arch: The name of its architecture, a key of `ARCHITECTURES`.
        model: The network; `model(source_ids, target_ids)` gives logits.
    """

    def __init__(self, arch: str, model: Any, source: Tokenizer, target: Tokenizer) -> None:
        self.arch, self.model, self.source_tokenizer, self.target_tokenizer = (
            arch,
            model.eval(),
            source,
            target,
        )

    @classmethod
    def new(
        cls,
        arch: str,
        pairs: Sequence[Pair],
        seed: int = 0,
        subwords: int | None = None,
        **sizes: Any,
    ) -> "Translator":
        """An untrained translator for the words of `pairs`.

        Args:
            seed: Draws the first weights.
            subwords: How many pieces of words one vocabulary for both languages has; each
                language has its own whole words unless given.
            sizes: What to change in the architecture's Config.
        """
        kind = ARCHITECTURES[arch]
        english, french = [pair.source for pair in pairs], [pair.target for pair in pairs]
        source: Tokenizer
        target: Tokenizer
        if subwords:
            source = target = SubwordTokenizer.train([*english, *french], subwords)
            if "shared_embeddings" in {field.name for field in fields(kind.config)}:
                sizes = {"shared_embeddings": True} | sizes
        else:
            source, target = WordTokenizer.train(english), WordTokenizer.train(french)
        torch.manual_seed(seed)
        return cls(arch, kind.model(kind.config(len(source), len(target), **sizes)), source, target)

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(chain(self.model.parameters(), self.model.buffers())).device

    @property
    def size(self) -> int:
        """How many numbers it has learned."""
        if isinstance(self.model, IBMModel1):
            return self.model.config.entries
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def has_attention(self) -> bool:
        """Whether it has weights that say which word comes from which."""
        return isinstance(self.model, IBMModel1) or bool(self.model.alignment_layer)

    def translate(
        self, sentences: Sequence[str], beam: int = 1, batch_size: int = 100
    ) -> list[Translation]:
        """Translate each sentence; a blank one becomes a blank translation.

        Args:
            beam: Beginnings kept alive; 1 takes the likeliest word each time.
            batch_size: Sentences translated side by side. It changes the speed, not the result.
        """
        sources = [self.source_tokenizer.encode(sentence) for sentence in sentences]
        targets: list[list[int]] = [[] for _ in sources]
        for rows in _chunks(sources, batch_size):
            ids = pad([sources[i] for i in rows]).to(self.device)
            max_len = 2 * ids.size(1) + 10
            written = (
                greedy(self.model, ids, max_len)
                if beam == 1
                else beam_search(self.model, ids, max_len, beam)
            )
            for i, words in zip(rows, written, strict=True):
                targets[i] = words
        looks: Sequence[Tensor | None] | None = self._look(sources, targets, batch_size)
        looks = looks or [None] * len(sources)
        read = map(self.source_tokenizer.tokenize, sentences)
        return [self._translation(*row) for row in zip(read, targets, looks, strict=True)]

    def align(
        self, pairs: Sequence[Pair], batch_size: int = 100
    ) -> list[Float[Tensor, "T S"]] | None:
        """Where the model looks while it is made to write the translations it is given.

        None where it cannot look anywhere.
        """
        sources = [self.source_tokenizer.encode(pair.source) for pair in pairs]
        targets = [self.target_tokenizer.encode(pair.target) for pair in pairs]
        return self._look(sources, targets, batch_size)

    @torch.inference_mode()
    def _look(
        self, sources: list[list[int]], targets: list[list[int]], batch_size: int
    ) -> list[Float[Tensor, "T S"]] | None:
        """Row `t` of each result holds the weights by which target word `t` was written."""
        if not self.has_attention:
            return None
        looks = [torch.zeros(len(t), len(s)) for s, t in zip(sources, targets, strict=True)]
        for rows in _chunks(sources, batch_size):
            source = pad([sources[i] for i in rows]).to(self.device)
            target = pad([[BOS, *targets[i]] for i in rows]).to(self.device)
            if isinstance(self.model, IBMModel1):
                weights = self.model.align(source, target[:, 1:])
            else:
                with record_attention(self.model) as recorded:
                    self.model(source, target)
                weights = recorded[self.model.alignment_layer]
                weights = weights.mean(dim=1) if weights.dim() == 4 else weights  # of all heads
            for i, look in zip(rows, weights.cpu(), strict=True):
                looks[i] = look[: len(targets[i]), : len(sources[i])]
        return looks

    def _translation(
        self, source: list[str], target: list[int], weights: Tensor | None
    ) -> Translation:
        words = self.target_tokenizer.tokens(target)
        if weights is not None:  # Luong, Sutskever et al. 2015: copy what has no translation
            for t, (word, row) in enumerate(zip(target, weights, strict=True)):
                words[t] = source[int(row.argmax())] if word == UNK else words[t]
        return Translation(source, words, self.target_tokenizer.detokenize(words), weights)

    def save(self, folder: Path | str) -> None:
        """Keep it in a folder: `translator.json` and `model.safetensors`."""
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
        """Take one back from its folder.

        Raises:
            BadInput: The folder holds no translator, or a damaged one.
        """
        file = Path(folder) / "translator.json"
        if not Path(folder).is_dir():
            raise BadInput(f"{folder}: no such folder; `attention train translation` makes one")
        values, weights = load_json(file), load_tensors(Path(folder) / "model.safetensors")
        try:
            kind = ARCHITECTURES[values["arch"]]
            model = kind.model(kind.config(**current_config(values["config"])))
            model.load_state_dict(current_tensors(weights))
            source, target = (tokenizer_from_dict(values[k]) for k in ("source", "target"))
        except Exception as error:  # the tokenizers library raises bare Exceptions
            first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise BadInput(f"{folder}: damaged translator ({first})") from error
        return cls(values["arch"], model, source, target)


def _chunks(sources: Sequence[Sequence[int]], size: int) -> Iterable[list[int]]:
    """The sentences that have words, by number, the like in length together."""
    rows = sorted((i for i, s in enumerate(sources) if s), key=lambda i: len(sources[i]))
    return (rows[i : i + size] for i in range(0, len(rows), size))
