"""A language model: a decoder with its tokenizer. Text goes in, and more text comes out."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from attention.checkpoints import load_json
from attention.errors import BadInput
from attention.generation.sampling import Sampler, write
from attention.hub.download import find
from attention.shapes import Int, Tensor
from attention.tasks.architectures import LANGUAGE_MODELS
from attention.tokenizers.byte_bpe import END_OF_TEXT, train_byte_bpe

__all__ = ["LanguageModel"]

MODEL_TYPES = {"gpt2": "gpt", "llama": "llama"}  # their names, and ours


class LanguageModel:
    """A model that goes on with a text, and the tokenizer that it reads and writes by.

    Attributes:
        arch: The name of its architecture, a key of `LANGUAGE_MODELS`.
        model: The network, a `Decoder`; `model(ids)` gives logits.
        tokenizer: What turns text into its words, or pieces of words, and back.
        begin: The word that stands before every text; None where there is no such word.
        ends: The words that end a text.
    """

    def __init__(self, arch: str, model: Any, begin: int | None, ends: Sequence[int]) -> None:
        self.arch, self.model, self.begin, self.ends = arch, model.eval(), begin, list(ends)
        self.tokenizer: Tokenizer = model.tokenizer

    @classmethod
    def new(
        cls,
        arch: str,
        texts: Sequence[str],
        seed: int = 0,
        subwords: int | None = None,
        **sizes: Any,
    ) -> "LanguageModel":
        """An untrained model for the words of `texts`.

        Args:
            seed: Draws the first weights.
            subwords: How many pieces of words it knows; 1000 unless given.
            sizes: What to change in the architecture's Config.
        """
        tokenizer = train_byte_bpe(texts, subwords or 1000)
        torch.manual_seed(seed)
        kind = LANGUAGE_MODELS[arch]
        model: Any = kind.model(kind.config(tokenizer.get_vocab_size(), **sizes))
        model.tokenizer = tokenizer
        end: Any = tokenizer.token_to_id(END_OF_TEXT)
        return cls(arch, model, end, [end])

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(self.model.parameters()).device

    @property
    def size(self) -> int:
        """How many numbers it has learned."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def stream(self, texts: Sequence[str]) -> Int[Tensor, " T"]:
        """All texts as one long row of words, each text between two words that end a text."""
        self.tokenizer.encode_special_tokens = True  # an <|endoftext|> in a text is only text
        rows = [row.ids for row in self.tokenizer.encode_batch(list(texts))]
        self.tokenizer.encode_special_tokens = False
        return torch.tensor([*self.ends, *(i for row in rows for i in [*row, *self.ends])])

    def read(self, prompt: str) -> list[int]:
        """The words of a prompt; of an empty one, the word that stands before every text.

        Raises:
            BadInput: The prompt is empty and there is no such word, or it outgrows the model.
        """
        try:
            prompt.encode()
        except UnicodeEncodeError as error:
            raise BadInput("the prompt is not UTF-8 text") from error
        ids = self.tokenizer.encode(prompt).ids
        ids = ids or ([] if self.begin is None else [self.begin])
        if not ids:
            raise BadInput("an empty prompt: this model needs a word to begin with")
        if max(ids) >= self.model.config.vocab_size:
            raise BadInput("the tokenizer has words that the model has not: they do not belong")
        most = self.model.config.max_len
        if len(ids) > most:
            raise BadInput(f"the prompt has {len(ids):,} words, and this model reads {most:,}")
        return ids

    def write(
        self, prompt: str, tokens: int | None = None, sampler: Sampler | None = None
    ) -> Iterator[str]:
        """Go on with a text, piece by piece, until it ends.

        Args:
            prompt: The beginning, which is not given out again.
            tokens: The most words to write; unless given, 100 or as many as there is room for.
            sampler: How each is chosen; `Sampler()` unless given.

        Raises:
            BadInput: At once: the prompt cannot be read, or `tokens` do not fit behind it.
        """
        ids = self.read(prompt)
        room = self.model.config.max_len - len(ids) + 1  # the last word is not read again
        if tokens and tokens > room:
            raise BadInput(
                f"--tokens {tokens}: {room:,} fit behind this prompt, as the model is made for "
                f"texts of {self.model.config.max_len:,}"
            )
        return self._write(ids, tokens or min(100, room), sampler)

    def _write(self, ids: list[int], tokens: int, sampler: Sampler | None) -> Iterator[str]:
        text = DecodeStream(skip_special_tokens=True)  # holds back the half of a letter
        for word in ids:
            text.step(self.tokenizer, word)
        for chosen in write(self.model, torch.tensor([ids], device=self.device), tokens, sampler):
            word = int(chosen)
            if word in self.ends:
                return
            yield text.step(self.tokenizer, word) or ""

    def save(self, folder: Path | str) -> None:
        """Keep it in a folder, in Hugging Face's layout."""
        end = self.ends[0]
        self.model.save_pretrained(Path(folder), bos_token_id=self.begin, eos_token_id=end)

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str]) -> "LanguageModel":
        """One that `save` has kept, or any GPT-2 or Llama in Hugging Face's layout.

        Args:
            path_or_name: The folder; or a model's name on the hub, like `gpt2`.

        Raises:
            BadInput: It cannot be had, is damaged, or is something else.
        """
        folder = find(path_or_name)
        config = load_json(folder / "config.json")
        arch = MODEL_TYPES.get(str(config.get("model_type")))
        if arch is None:
            raise BadInput(
                f"{folder / 'config.json'}: model_type is {config.get('model_type')!r}, and only "
                f"{' and '.join(map(repr, MODEL_TYPES))} write text"
            )
        kind: Any = LANGUAGE_MODELS[arch].model
        model = kind.from_pretrained(folder)
        if model.tokenizer is None:
            raise BadInput(f"{folder / 'tokenizer.json'}: no such file, so no text can be read")
        begin, ends = _numbers(config.get("bos_token_id")), _numbers(config.get("eos_token_id"))
        return cls(arch, model, begin[0] if begin else None, ends)


def _numbers(value: object) -> list[int]:
    """A word or several, as `config.json` gives those that begin or end a text."""
    return [i for i in (value if isinstance(value, list) else [value]) if type(i) is int and i >= 0]
