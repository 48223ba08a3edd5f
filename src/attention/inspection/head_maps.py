"""What every head of a Transformer does while it translates: where it looks, and what it adds."""

from dataclasses import dataclass

import torch

from attention.inspection.contributions import record_contributions
from attention.layers.recording import record_attention
from attention.models.transformer import Transformer
from attention.shapes import Float, Int, Tensor
from attention.tasks.translation import Translator
from attention.tokenizers.special_tokens import BOS, EOS, PAD, SPECIAL_TOKENS

__all__ = ["HeadMaps", "head_maps"]


@dataclass(frozen=True)
class HeadMaps:
    """The heads of one layer, at work on one pair of sentences.

    Attributes:
        kind: `encoder` or `decoder` self-attention, or `cross`: from the decoder to the encoder.
        number: Which layer of its kind, counted from 1.
        queries: For each row the word that is read, and in the decoder the word that is written
            then.
        keys: The word of each column; padding stands at the end.
        weights: How much each query looks at each key. Queries that are padding are left out.
        parts: What each head adds to the layer's output.
    """

    kind: str
    number: int
    queries: list[tuple[str, ...]]
    keys: list[str]
    weights: Float[Tensor, "H T S"]
    parts: Float[Tensor, "H T D"]

    @property
    def lengths(self) -> Float[Tensor, "H T"]:
        """How long the part of each head is, for each query."""
        return self.parts.norm(dim=-1)

    @property
    def output_lengths(self) -> Float[Tensor, " T"]:
        """How long the sum of the parts is: the layer's output, less the bias of `W_o`."""
        return self.parts.sum(0).norm(dim=-1)

    @property
    def shares(self) -> Float[Tensor, "H T"]:
        """How far each part goes in the direction of the sum, as a share: a column sums to 1."""
        output = self.parts.sum(0)
        return (self.parts * output).sum(-1) / output.square().sum(-1)

    def hidden(self, t: int, s: int) -> str:
        """Why query `t` does not look at key `s`: `future`, `padding`, both, or neither.

        A weight that is there is never called hidden, whatever the model should have done.
        """
        if self.weights[:, t, s].any():
            return ""
        future = self.kind == "decoder" and s > t
        padding = self.keys[s] == SPECIAL_TOKENS[PAD]
        return " ".join(["future"] * future + ["padding"] * padding)


def head_maps(
    translator: Translator, source: str, target: str | None = None, padding: int = 0
) -> list[HeadMaps]:
    """Watch all heads of a Transformer while it writes a translation, given the right words before.

    Args:
        translator: One with the architecture `transformer`.
        source: The sentence that is read.
        target: The translation that it is made to write; its own unless given.
        padding: How many places of padding stand behind both sentences, as in a batch with longer
            ones.

    Returns:
        The encoder's layers, the decoder's self-attentions, the decoder's looks at the encoder.

    Raises:
        ValueError: The translator is of another architecture, or there is no word to read.
    """
    if not isinstance(translator.model, Transformer):
        raise ValueError(f"heads are what a transformer has, and this is {translator.arch}")
    if not translator.source_tokenizer.tokenize(source):
        raise ValueError("there is no word to read")
    target = translator.translate([source])[0].text if target is None else target
    read, written = (
        translator.source_tokenizer.tokenize(source),
        translator.target_tokenizer.tokenize(target),
    )
    steps = [SPECIAL_TOKENS[BOS], *written]
    writes: list[tuple[str, ...]] = [*zip(steps, [*written, SPECIAL_TOKENS[EOS]], strict=True)]
    reads: list[tuple[str, ...]] = [(word,) for word in read]
    kinds = {"encoder": (reads, read), "decoder": (writes, steps), "cross": (writes, read)}
    weights, parts = _watch(
        translator.model,
        _ids(translator.source_tokenizer.encode(source), padding, translator.device),
        _ids([BOS, *translator.target_tokenizer.encode(target)], padding, translator.device),
    )
    made = []
    for kind, (queries, keys) in kinds.items():
        names = [name for name in weights if _kind(name) == kind]
        for number, name in enumerate(names, start=1):
            rows, columns = len(queries), [*keys, *[SPECIAL_TOKENS[PAD]] * padding]
            seen, added = weights[name][0, :, :rows].cpu(), parts[name][0, :, :rows].cpu()
            made.append(HeadMaps(kind, number, queries, columns, seen, added))
    return made


def _ids(words: list[int], padding: int, device: torch.device) -> Int[Tensor, "1 T"]:
    return torch.tensor([[*words, *[PAD] * padding]], device=device)


@torch.no_grad()
def _watch(
    model: Transformer, source: Int[Tensor, "1 S"], target: Int[Tensor, "1 T"]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    with record_attention(model) as weights, record_contributions(model) as parts:
        model(source, target)
    return weights, parts


def _kind(layer: str) -> str:
    """`decoder.0.cross_attention` is of the kind `cross`."""
    return "cross" if layer.endswith("cross_attention") else layer.split(".")[0]
