"""Attention weights and contributions of every head of a Transformer, for one sentence pair."""

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
    """The heads of one attention layer, run on one sentence pair.

    Attributes:
        kind: `encoder` or `decoder` for self-attention, `cross` for cross-attention.
        number: The layer, counted from 1 within its kind.
        queries: The token of each query; in the decoder, its input token and its target token.
            Queries that are padding are left out.
        keys: The token of each key, with padding at the end.
        weights: The attention weights of each head.
        contributions: What each head adds to the layer's output, after the output projection.
    """

    kind: str
    number: int
    queries: list[tuple[str, ...]]
    keys: list[str]
    weights: Float[Tensor, "H T S"]
    contributions: Float[Tensor, "H T D"]

    @property
    def norms(self) -> Float[Tensor, "H T"]:
        """The Euclidean norm of each head's contribution, for each query."""
        return self.contributions.norm(dim=-1)

    @property
    def output_norms(self) -> Float[Tensor, " T"]:
        """The norm of the sum of all contributions: the layer's output, less the bias of `W_o`."""
        return self.contributions.sum(0).norm(dim=-1)

    @property
    def proportions(self) -> Float[Tensor, "H T"]:
        """The projection of each contribution onto their sum, relative to the norm of the sum.

        The proportions of a query sum to 1. One is negative where a contribution points against
        the sum.
        """
        output = self.contributions.sum(0)
        return (self.contributions * output).sum(-1) / output.square().sum(-1)

    def mask_reason(self, t: int, s: int) -> str:
        """Why key `s` is masked for query `t`; empty where it is not.

        `future`, `padding`, or `future padding`: a later key, which is padding as well.

        A key with a weight above zero is never reported as masked, even if it should have been.
        """
        if self.weights[:, t, s].any():
            return ""
        future = self.kind == "decoder" and s > t
        padding = self.keys[s] == SPECIAL_TOKENS[PAD]
        return " ".join(["future"] * future + ["padding"] * padding)


def head_maps(
    translator: Translator, source: str, target: str | None = None, padding: int = 0
) -> list[HeadMaps]:
    """Run a Transformer on a sentence pair with teacher forcing, and record all of its heads.

    Args:
        translator: A translator of the architecture `transformer`.
        source: The source sentence.
        target: The translation that the decoder is given; unless given, the translator's own.
        padding: Padding tokens to add to both sentences, as in a batch with longer ones.

    Returns:
        The layers of the encoder, then the decoder's self-attention, then its cross-attention.

    Raises:
        ValueError: The translator is of another architecture, or `source` has no tokens.
    """
    if not isinstance(translator.model, Transformer):
        raise ValueError(f"only a transformer has heads, and this is {translator.arch}")
    source_tokens = translator.source_tokenizer.tokenize(source)
    if not source_tokens:
        raise ValueError("the source sentence has no tokens")
    target = translator.translate([source])[0].text if target is None else target
    weights, contributions = _record(
        translator.model,
        _ids(translator.source_tokenizer.encode(source), padding, translator.device),
        _ids([BOS, *translator.target_tokenizer.encode(target)], padding, translator.device),
    )
    labels = _labels(source_tokens, translator.target_tokenizer.tokenize(target))
    maps = []
    for kind, (queries, keys) in labels.items():
        names = [name for name in weights if _kind(name) == kind]
        padded = [*keys, *[SPECIAL_TOKENS[PAD]] * padding]
        for number, name in enumerate(names, start=1):
            rows = (t[name][0, :, : len(queries)].cpu() for t in (weights, contributions))
            maps.append(HeadMaps(kind, number, queries, padded, *rows))
    return maps


def _labels(
    source: list[str], target: list[str]
) -> dict[str, tuple[list[tuple[str, ...]], list[str]]]:
    """The tokens of queries and keys for each kind of attention."""
    inputs = [SPECIAL_TOKENS[BOS], *target]
    encoder: list[tuple[str, ...]] = [(token,) for token in source]
    decoder: list[tuple[str, ...]] = [*zip(inputs, [*target, SPECIAL_TOKENS[EOS]], strict=True)]
    return {"encoder": (encoder, source), "decoder": (decoder, inputs), "cross": (decoder, source)}


def _ids(ids: list[int], padding: int, device: torch.device) -> Int[Tensor, "1 T"]:
    return torch.tensor([[*ids, *[PAD] * padding]], device=device)


@torch.no_grad()
def _record(
    model: Transformer, source: Int[Tensor, "1 S"], target: Int[Tensor, "1 T"]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    with record_attention(model) as weights, record_contributions(model) as contributions:
        model(source, target)
    return weights, contributions


def _kind(layer: str) -> str:
    """The kind of a layer by its dotted name: `decoder.0.cross_attention` is `cross`."""
    return "cross" if layer.endswith("cross_attention") else layer.split(".")[0]
