"""Loss functions: cross-entropy with label smoothing, masked-LM and contrastive losses."""

import torch
from torch.nn import functional as F

from attention.shapes import Float, Int, Tensor

__all__ = ["contrastive_loss", "cosine_similarity", "masked_lm_loss", "next_token_loss"]


def next_token_loss(
    logits: Float[Tensor, "B T V"],
    target: Int[Tensor, "B T"],
    label_smoothing: float = 0.0,
    padding_id: int | None = None,
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the next token.

    Args:
        logits: The model's predictions, teacher-forced: those at position t have seen the target
            up to t - 1.
        target: The id of the token that is correct at each position.
        label_smoothing: Probability taken from the correct token and spread evenly over the
            vocabulary (Szegedy et al. 2016, section 7).
        padding_id: Positions whose target has this id are left out of the mean. None where texts
            are not padded: in a GPT's vocabulary every id, 0 included, is a token.

    Source: Bahdanau et al. 2014, equation 2, as a loss; Radford et al. 2018, equation 1.
    """
    return F.cross_entropy(
        logits.flatten(0, 1),
        target.flatten(),
        ignore_index=-100 if padding_id is None else padding_id,  # -100 is no token's id
        label_smoothing=label_smoothing,
    )


def masked_lm_loss(
    logits: Float[Tensor, "N V"], target: Int[Tensor, " N"], label_smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the tokens that were chosen for prediction; 0 where there are none.

    Args:
        logits: Predictions at the chosen positions of all texts: `logits[chosen]`, where `chosen`
            comes from `mask_tokens`. Everywhere else the model could copy the answer.
        target: The original ids there: `ids[chosen]`.
        label_smoothing: Probability taken from the correct token and spread evenly over the
            vocabulary (Szegedy et al. 2016, section 7).

    Source: Devlin et al. 2018, section 3.1, task 1.
    """
    total = F.cross_entropy(logits, target, reduction="sum", label_smoothing=label_smoothing)
    return total / max(1, len(target))


def contrastive_loss(
    queries: Float[Tensor, "B D"], keys: Float[Tensor, "B D"], temperature: float = 0.05
) -> Float[Tensor, ""]:
    """InfoNCE with in-batch negatives: mean cross-entropy of each query's positive among all keys.

    Args:
        queries: The embedding of one text of each pair.
        keys: The embedding of the other. Key i is the positive of query i, and all other keys of
            the batch are its negatives.
        temperature: Divides the cosines. The lower it is, the more the loss depends on the most
            similar negatives.

    Source: van den Oord et al. 2018, equation 4; with cosines, Gao et al. 2021, equation 1.
    """
    positives = torch.arange(len(queries), device=queries.device)
    return F.cross_entropy(cosine_similarity(queries, keys) / temperature, positives)


def cosine_similarity(
    queries: Float[Tensor, "T D"], keys: Float[Tensor, "S D"]
) -> Float[Tensor, "T S"]:
    """The cosine of the angle between each query and each key; 0 where one of them is zero."""
    return F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T
