"""The Config fields that BERT, GPT and Llama have in common."""

from dataclasses import dataclass

__all__ = ["ModelConfig"]


@dataclass(frozen=True)
class ModelConfig:
    """The hyperparameters of a stack of Transformer blocks, small enough to train on a laptop.

    Attributes:
        vocab_size: Tokens in the vocabulary.
        d_model: Model dimension: of the embeddings and of the hidden states.
        n_heads: Attention heads in each block.
        n_layers: Blocks.
        d_ff: Inner dimension of the feed-forward networks; four times `d_model` unless given.
        max_len: Context length: the most tokens in a sequence.
        attention_dropout: Probability with which, in training, an attention weight is dropped.
    """

    vocab_size: int
    d_model: int = 128
    n_heads: int = 4
    n_layers: int = 4
    d_ff: int | None = None
    max_len: int = 256
    attention_dropout: float = 0.0
