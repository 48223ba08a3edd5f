"""An encoder alone: it reads a text both ways, and says what stands where a word is hidden.

Its differences from the encoder of `Transformer`: positions are learned; each word is told which of
two texts it belongs to; the cut at zero is a smooth one; and a head turns what the encoder makes of
a word into scores of the words that could stand there.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from attention.errors import BadInput
from attention.functional import padding_mask
from attention.hub.adapter import PretrainedModel
from attention.hub.bert import ADAPTER
from attention.layers.attention import MultiHeadAttention
from attention.layers.feed_forward import FeedForward
from attention.layers.norms import AddNorm
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["BERT", "BERTBlock", "BERTConfig", "BERTEmbedding", "BERTHead"]


@dataclass(frozen=True)
class BERTConfig:
    """The sizes of a `BERT`, small enough to train on a laptop.

    Attributes:
        vocab_size: Words, or pieces of words, that it knows; number 0 is padding.
        d_model: Width of a word's vector, from its embedding to the last layer.
        n_heads: Heads in each attention.
        n_layers: Layers.
        d_ff: Width in the middle of a feed-forward layer; four times `d_model` unless given.
        max_len: The longest text, in words: there are as many positions.
        n_segments: Kinds of text that stand side by side: a question and its answer, say.
        dropout: Share of numbers dropped from what is added, in training.
        norm_eps: What the norms add before they divide.
        head: Whether there is one: without it, there are hidden states and no scores.
        attention_dropout: Probability with which an attention weight is dropped, in training.
    """

    vocab_size: int
    d_model: int = 128
    n_heads: int = 4
    n_layers: int = 4
    d_ff: int | None = None
    max_len: int = 256
    n_segments: int = 2
    dropout: float = 0.0
    norm_eps: float = 1e-12
    head: bool = True
    attention_dropout: float = 0.0


class BERTEmbedding(nn.Module):
    """What a word is, where it stands, and which text it belongs to: the sum, brought to size.

    Source: Devlin et al. 2018, figure 2.
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = nn.Embedding(config.max_len, config.d_model)
        self.segments = nn.Embedding(config.n_segments, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, eps=config.norm_eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, ids: Int[Tensor, "B T"], segment_ids: Int[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """All words belong to the first text unless `segment_ids` says otherwise."""
        length, most = ids.size(1), self.positions.num_embeddings
        if length > most:
            raise BadInput(f"{length} words, but this model has positions for {most}")
        segment_ids = torch.zeros_like(ids) if segment_ids is None else segment_ids
        x = self.tokens(ids) + self.positions.weight[:length] + self.segments(segment_ids)
        return self.dropout(self.norm(x))


class BERTBlock(nn.Module):
    """All words look at each other, then each thinks for itself.

    Source: Devlin et al. 2018, section 3; Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.attention = MultiHeadAttention(d_model, config.n_heads, bias=True)
        self.feed_forward = FeedForward(d_model, config.d_ff or 4 * d_model, F.gelu)
        self.attention_norm = AddNorm(d_model, config.dropout, eps=config.norm_eps)
        self.feed_forward_norm = AddNorm(d_model, config.dropout, eps=config.norm_eps)

    def forward(
        self, x: Float[Tensor, "B T D"], mask: Bool[Tensor, "B #T T"]
    ) -> Float[Tensor, "B T D"]:
        """Every word sees every word that `mask` lets it see."""
        x = self.attention_norm(x, partial(self.attention, mask=mask))
        return self.feed_forward_norm(x, self.feed_forward)


class BERTHead(nn.Module):
    """Compares what was made of a word with the embedding of every word.

    Source: Devlin et al. 2018, section 3.1, task 1.
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.d_model, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, eps=config.norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(
        self, x: Float[Tensor, "*B D"], words: Float[Tensor, "V D"]
    ) -> Float[Tensor, "*B V"]:
        """Score, at each place, every word that could stand there."""
        return F.linear(self.norm(F.gelu(self.linear(x))), words, self.bias)


class BERT(PretrainedModel):
    """An encoder that is trained by hiding words from it.

    Source: Devlin et al. 2018, arXiv 1810.04805.
    """

    adapter = ADAPTER
    config_class = BERTConfig

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = BERTEmbedding(config)
        self.layers: Any = nn.ModuleList(BERTBlock(config) for _ in range(config.n_layers))
        self.head = BERTHead(config) if config.head else None
        self.apply(_initialise)

    def forward(
        self, ids: Int[Tensor, "B T"], segment_ids: Int[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B T V"]:
        """Score, at each place, every word that could stand there.

        Args:
            ids: The texts, padded with 0.
            segment_ids: Which text each word belongs to, where two stand side by side.

        Raises:
            BadInput: The model has no head.
        """
        if self.head is None:
            raise BadInput("this BERT came without its head: it has hidden states, but no scores")
        return self.head(self.encode(ids, segment_ids), self.embedding.tokens.weight)

    def encode(
        self,
        ids: Int[Tensor, "B T"],
        segment_ids: Int[Tensor, "B T"] | None = None,
        mask: Bool[Tensor, "B #T T"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """A contextual embedding for each word of the texts that `forward` takes.

        Args:
            mask: True where a word may look at a word; at all but padding unless given.
        """
        mask = padding_mask(ids) if mask is None else mask
        x = self.embedding(ids, segment_ids)
        for layer in self.layers:
            x = layer(x, mask)
        return x


def _initialise(module: nn.Module) -> None:
    """Source: Devlin et al. 2018, appendix A.2, and the code published with it."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
