"""BERT: a bidirectional Transformer encoder, pretrained by masked language modelling.

Its differences from the encoder of `Transformer`: learned positions, segment embeddings, GELU
instead of ReLU, and a head that predicts masked tokens.
"""

from dataclasses import dataclass
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
from attention.models.config import ModelConfig
from attention.models.transformer import EncoderBlock
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["BERT", "BERTBlock", "BERTConfig", "BERTEmbedding", "BERTHead"]


@dataclass(frozen=True)
class BERTConfig(ModelConfig):
    """The hyperparameters of a `BERT`, which learns a position embedding for `max_len` positions.

    Token id 0 is padding.

    Attributes:
        n_segments: Segments of one input, such as a question and its answer.
        dropout: Probability with which, in training, a component of an embedding or of a
            sublayer's output is dropped.
        norm_eps: Added to the variance in layer normalisation.
        head: Whether there is a masked-language-modelling head: without it, the model has hidden
            states and no logits.
    """

    n_segments: int = 2
    dropout: float = 0.0
    norm_eps: float = 1e-12
    head: bool = True


class BERTEmbedding(nn.Module):
    """The sum of token, position and segment embeddings, normalised.

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
        """Embed token ids; all tokens are in segment 0 unless `segment_ids` says otherwise."""
        length, most = ids.size(1), self.positions.num_embeddings
        if length > most:
            raise BadInput(f"{length} tokens, but this model has {most} positions")
        segment_ids = torch.zeros_like(ids) if segment_ids is None else segment_ids
        x = self.tokens(ids) + self.positions.weight[:length] + self.segments(segment_ids)
        return self.dropout(self.norm(x))


class BERTBlock(EncoderBlock):
    """The Transformer's encoder block, with biases in its attention, and GELU instead of ReLU.

    Source: Devlin et al. 2018, section 3 and appendix A.2.
    """

    def __init__(self, config: BERTConfig) -> None:
        nn.Module.__init__(self)  # all sublayers are made here
        d_model, dropout = config.d_model, config.attention_dropout
        self.self_attention = MultiHeadAttention(
            d_model, config.n_heads, bias=True, dropout=dropout
        )
        self.feed_forward = FeedForward(d_model, config.d_ff or 4 * d_model, F.gelu)
        self.self_attention_norm = AddNorm(d_model, config.dropout, eps=config.norm_eps)
        self.feed_forward_norm = AddNorm(d_model, config.dropout, eps=config.norm_eps)


class BERTHead(nn.Module):
    """The masked-language-modelling head: its output embedding is tied to the token embedding.

    Source: Devlin et al. 2018, section 3.1, task 1, for the softmax over the vocabulary; the code
    published with it (`run_pretraining.py`) for the linear layer, GELU and norm before it.
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.d_model, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, eps=config.norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(
        self, x: Float[Tensor, "*B D"], embedding: Float[Tensor, "V D"]
    ) -> Float[Tensor, "*B V"]:
        """Logits from hidden states and the token embedding matrix."""
        return F.linear(self.norm(F.gelu(self.linear(x))), embedding, self.bias)


class BERT(PretrainedModel):
    """A stack of encoder blocks over the embeddings, with a head that predicts masked tokens.

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
        """Logits of the masked token, for every position.

        Args:
            ids: Token ids, padded with 0.
            segment_ids: The segment of each token, where an input has two.

        Raises:
            BadInput: The model has no head.
        """
        if self.head is None:
            raise BadInput("this BERT has no masked-language-modelling head, so it has no logits")
        return self.head(self.encode(ids, segment_ids), self.embedding.tokens.weight)

    def encode(
        self,
        ids: Int[Tensor, "B T"],
        segment_ids: Int[Tensor, "B T"] | None = None,
        mask: Bool[Tensor, "B #T T"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """The hidden states of the last block: a contextual embedding for each token.

        Args:
            mask: True where a position may attend to a position; to all but padding unless given.
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
