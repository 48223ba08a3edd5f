"""Language modelling: a causal language model with its tokenizer, which continues texts."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from attention.checkpoints import load_json
from attention.errors import BadInput
from attention.generation.sampling import Sampler, stream
from attention.hub.download import find
from attention.shapes import Int, Tensor
from attention.tasks.architectures import LANGUAGE_MODELS
from attention.tokenizers.byte_bpe import END_OF_TEXT, train_byte_bpe

__all__ = ["LanguageModel"]

MODEL_TYPES = {"gpt2": "gpt", "llama": "llama"}  # Hugging Face's names, and ours


class LanguageModel:
    """A causal language model and its tokenizer.

    Args:
        model: It must have its `tokenizer`, whose truncation and padding are disabled.

    Attributes:
        arch: The name of its architecture, a key of `LANGUAGE_MODELS`.
        model: A `CausalLM`, in evaluation mode; `model(ids)` gives logits.
        tokenizer: Encodes text as token ids and decodes them.
        bos_id: The token that begins a text; None if the model has none.
        eos_ids: The tokens that end a text; the first is the one that its training data has.

    Raises:
        BadInput: The architecture can't continue a text.
    """

    def __init__(self, arch: str, model: Any, bos_id: int | None, eos_ids: Sequence[int]) -> None:
        if arch not in MODEL_TYPES.values():
            known = " and ".join(MODEL_TYPES.values())
            raise BadInput(f"{arch} is no causal language model: only {known} generate text")
        self.arch, self.model, self.bos_id, self.eos_ids = arch, model.eval(), bos_id, list(eos_ids)
        self.tokenizer: Tokenizer = model.tokenizer
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    @classmethod
    def new(
        cls,
        arch: str,
        texts: Sequence[str],
        seed: int = 0,
        subwords: int | None = None,
        **sizes: Any,
    ) -> "LanguageModel":
        """An untrained model, and a byte-level BPE tokenizer trained on `texts`.

        Args:
            seed: Of the initial weights.
            subwords: Size of the vocabulary; 1000 unless given.
            sizes: Arguments of the architecture's Config.

        Raises:
            BadInput: The architecture can't continue a text.
        """
        tokenizer = train_byte_bpe(texts, 1000 if subwords is None else subwords)
        torch.manual_seed(seed)
        kind = LANGUAGE_MODELS[arch]
        model: Any = kind.model(kind.config(tokenizer.get_vocab_size(), **sizes))
        model.tokenizer = tokenizer
        end = tokenizer.get_vocab()[END_OF_TEXT]
        return cls(arch, model, end, [end])

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    @property
    def n_parameters(self) -> int:
        """The number of parameters."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def encode_corpus(self, texts: Sequence[str]) -> Int[Tensor, " T"]:
        """The token ids of all texts, concatenated, with the tokens that begin and end a text.

        As in the family's training data, one token ends a text, even if the model knows several
        (a chat model has one more for the end of a turn). Where the token that begins a text is
        one of these, as in GPT-2, or there is none, a single token separates two texts.
        """
        self.tokenizer.encode_special_tokens = True  # "<|endoftext|>" in a text is ordinary text
        encoded = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        self.tokenizer.encode_special_tokens = False
        end = self.eos_ids[:1]
        begin = end if self.bos_id is None else [self.bos_id]
        if begin == end or self.bos_id in self.eos_ids:
            return torch.tensor([*begin, *(i for row in encoded for i in [*row.ids, *begin])])
        return torch.tensor([i for row in encoded for i in [*begin, *row.ids, *end]])

    def encode_prompt(self, prompt: str) -> list[int]:
        """The token ids of a prompt; an empty one is the token that begins a text.

        Raises:
            BadInput: It is empty and the model has no such token; or it exceeds `max_len`.
        """
        try:
            prompt.encode()
        except UnicodeEncodeError as error:
            raise BadInput("the prompt is not UTF-8 text") from error
        ids = self.tokenizer.encode(prompt).ids
        if not ids and self.bos_id is not None:
            ids = [self.bos_id]
        if not ids:
            raise BadInput("the prompt is empty, and this model has no token that begins a text")
        vocab_size, max_len = self.model.config.vocab_size, self.model.config.max_len
        if max(ids) >= vocab_size:
            raise BadInput(
                f"the tokenizer gives the token id {max(ids):,}, but the model has embeddings for "
                f"{vocab_size:,} tokens: they don't belong together"
            )
        if len(ids) > max_len:
            raise BadInput(f"the prompt has {len(ids):,} tokens, but the model takes {max_len:,}")
        return ids

    def stream(
        self, prompt: str, max_new_tokens: int | None = None, sampler: Sampler | None = None
    ) -> Iterator[str]:
        """Continue a prompt, yielding the text of each token as soon as it is sampled.

        Ends with the first token of `eos_ids`, which is not part of the text.

        Args:
            prompt: The text to continue; it is not repeated.
            max_new_tokens: 100 unless given, or as many as the model's maximum length allows.
            sampler: Chooses each token; `Sampler()` unless given.

        Raises:
            BadInput: At the call: `encode_prompt` fails, or `max_new_tokens` don't fit.
        """
        ids = self.encode_prompt(prompt)
        room = self.model.config.max_len - len(ids) + 1  # the last token is not read again
        if max_new_tokens is None:
            max_new_tokens = min(100, room)
        if not 0 <= max_new_tokens <= room:
            raise BadInput(
                f"{max_new_tokens:,} new tokens: from 0 to {room:,} fit after this prompt of "
                f"{len(ids):,}, because the model takes {self.model.config.max_len:,}"
            )
        return self._stream(ids, max_new_tokens, sampler)

    def _stream(
        self, ids: list[int], max_new_tokens: int, sampler: Sampler | None
    ) -> Iterator[str]:
        decoder = DecodeStream(skip_special_tokens=True)  # withholds incomplete UTF-8 characters
        for token in ids:
            decoder.step(self.tokenizer, token)
        prompt = torch.tensor([ids], device=self.device)
        for token in map(int, stream(self.model, prompt, max_new_tokens, sampler)):
            if token in self.eos_ids:
                return
            yield decoder.step(self.tokenizer, token) or ""

    def save(self, folder: Path | str) -> None:
        """Save the model and its tokenizer in Hugging Face's layout."""
        end = self.eos_ids if len(self.eos_ids) > 1 else next(iter(self.eos_ids), None)
        self.model.save_pretrained(Path(folder), bos_token_id=self.bos_id, eos_token_id=end)

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str]) -> "LanguageModel":
        """A model that `save` has written, or any GPT-2 or Llama in Hugging Face's layout.

        Args:
            path_or_name: The folder, or a model's name on the hub, such as `gpt2`.

        Raises:
            BadInput: It can't be found, is damaged, has no tokenizer, or is something else.
        """
        folder = find(path_or_name)
        config = load_json(folder / "config.json")
        arch = MODEL_TYPES.get(str(config.get("model_type")))
        if arch is None:
            raise BadInput(
                f"{folder / 'config.json'}: model_type is {config.get('model_type')!r}, but only "
                f"{' and '.join(map(repr, MODEL_TYPES))} generate text"
            )
        kind: Any = LANGUAGE_MODELS[arch].model
        model = kind.from_pretrained(folder)
        if model.tokenizer is None:
            raise BadInput(f"{folder / 'tokenizer.json'}: no such file, so no text can be encoded")
        bos, eos = _token_ids(config.get("bos_token_id")), _token_ids(config.get("eos_token_id"))
        return cls(arch, model, bos[0] if bos else None, eos)


def _token_ids(value: object) -> list[int]:
    """The ids in an entry of config.json: it may have one, several in a list, or null."""
    return [i for i in (value if isinstance(value, list) else [value]) if type(i) is int and i >= 0]
