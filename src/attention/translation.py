"""A translator: a model with its two vocabularies. Sentences go in, sentences come out."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from attention.batches import batches_by_length, pad
from attention.checkpoints import load_json, load_tensors, save_json, save_tensors
from attention.corpora import Pair
from attention.decoding import beam_search, greedy
from attention.errors import BadInput
from attention.models.seq2seq import Bahdanau, BahdanauConfig
from attention.recording import record_attention
from attention.shapes import Float, Tensor
from attention.text import BEGIN, END, PAD, WordTokenizer
from attention.training import Trainer, TrainingConfig

__all__ = ["ARCHITECTURES", "Translation", "Translator", "translation_trainer"]

ARCHITECTURES: dict[str, tuple[type[Bahdanau], type[BahdanauConfig]]] = {
    "bahdanau": (Bahdanau, BahdanauConfig),
}


@dataclass(frozen=True)
class Translation:
    """A sentence and what the translator made of it.

    Attributes:
        source: The words that were read.
        target: The words that were written.
        text: The translation as a sentence.
        attention: How much each written word (row) looked at each word read (column).
    """

    source: list[str]
    target: list[str]
    text: str
    attention: Float[Tensor, "T S"]


class Translator:
    """A model that translates, and the vocabularies that it reads and writes.

    Attributes:
        arch: The name of its architecture, a key of `ARCHITECTURES`.
        model: The network; `model(source_ids, target_ids)` gives logits.
    """

    def __init__(self, arch: str, model: Bahdanau, source: WordTokenizer, target: WordTokenizer):
        self.arch, self.model, self.source, self.target = arch, model.eval(), source, target

    @classmethod
    def new(cls, arch: str, pairs: Sequence[Pair], seed: int = 0, **sizes: Any) -> "Translator":
        """An untrained translator for the words of `pairs`.

        Args:
            seed: Draws the first weights.
            sizes: What to change in the architecture's Config.
        """
        source = WordTokenizer.train([pair.source for pair in pairs])
        target = WordTokenizer.train([pair.target for pair in pairs])
        make, config = ARCHITECTURES[arch]
        torch.manual_seed(seed)
        return cls(arch, make(config(len(source), len(target), **sizes)), source, target)

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(self.model.parameters()).device

    def translate(
        self, sentences: Sequence[str], beam: int = 1, batch_size: int = 100
    ) -> list[Translation]:
        """Translate each sentence; a blank one becomes a blank translation.

        Args:
            beam: Beginnings kept alive; 1 takes the likeliest word each time.
            batch_size: Sentences translated side by side. It changes the speed, not the result.
        """
        sources = [self.source.encode(sentence) for sentence in sentences]
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
        return [
            self._translation(*row)
            for row in zip(sources, targets, self._look(sources, targets, batch_size), strict=True)
        ]

    def align(self, pairs: Sequence[Pair], batch_size: int = 100) -> list[Float[Tensor, "T S"]]:
        """Where the model looks while it is made to write the translations it is given."""
        sources = [self.source.encode(pair.source) for pair in pairs]
        targets = [self.target.encode(pair.target) for pair in pairs]
        return self._look(sources, targets, batch_size)

    def _look(
        self, sources: list[list[int]], targets: list[list[int]], batch_size: int
    ) -> list[Float[Tensor, "T S"]]:
        """Row `t` of each result holds the weights by which target word `t` was written."""
        looks = [torch.zeros(len(t), len(s)) for s, t in zip(sources, targets, strict=True)]
        for rows in _chunks(sources, batch_size):
            source = pad([sources[i] for i in rows]).to(self.device)
            target = pad([[BEGIN, *targets[i]] for i in rows]).to(self.device)
            with torch.inference_mode(), record_attention(self.model) as recorded:
                self.model(source, target)
            for i, weights in zip(rows, recorded[self.model.alignment_layer].cpu(), strict=True):
                looks[i] = weights[: len(targets[i]), : len(sources[i])]
        return looks

    def _translation(self, source: list[int], target: list[int], weights: Tensor) -> Translation:
        words = self.target.words(target)
        return Translation(self.source.words(source), words, self.target.join(words), weights)

    def save(self, folder: Path | str) -> None:
        """Keep it in a folder: `translator.json` and `model.safetensors`."""
        description = {
            "arch": self.arch,
            "config": asdict(self.model.config),
            "source": self.source.to_dict(),
            "target": self.target.to_dict(),
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
            make, config = ARCHITECTURES[values["arch"]]
            model = make(config(**values["config"]))
            model.load_state_dict(weights)
            source, target = (WordTokenizer.from_dict(values[k]) for k in ("source", "target"))
        except Exception as error:  # the tokenizers library raises bare Exceptions
            first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise BadInput(f"{folder}: damaged translator ({first})") from error
        return cls(values["arch"], model, source, target)


def translation_trainer(
    translator: Translator, pairs: Sequence[Pair], config: TrainingConfig
) -> Trainer[list[int]]:
    """Make ready to teach `translator` these pairs; nothing is learned until `steps()` is walked.

    Source of the loss: the log-likelihood of each right next word, Bahdanau et al. 2014, eq. 2.
    """
    sources = [translator.source.encode(pair.source) for pair in pairs]
    targets = [[BEGIN, *translator.target.encode(pair.target), END] for pair in pairs]
    lengths = [len(target) for target in targets]

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        return batches_by_length(lengths, config.tokens, generator)

    def loss(rows: list[int]) -> Tensor:
        source = pad([sources[i] for i in rows]).to(translator.device)
        target = pad([targets[i] for i in rows]).to(translator.device)
        logits = translator.model(source, target[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=PAD)

    return Trainer(translator.model, batches, loss, config)


def _chunks(sources: Sequence[Sequence[int]], size: int) -> Iterable[list[int]]:
    """The sentences that have words, by number, the like in length together."""
    rows = sorted((i for i, s in enumerate(sources) if s), key=lambda i: len(sources[i]))
    return (rows[i : i + size] for i in range(0, len(rows), size))
