"""Exercises of the chapter *Inside a GPT: circuits and an induction head*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import answer, compare, right
from attention.shapes import Float, Tensor

__all__ = ["check_copied_tokens", "check_head_ablation", "check_induction_score"]


def check_induction_score(score: Callable[..., Any]) -> None:
    """Check the induction score of one head.

    Args:
        score: From a head's weights `(T, T)`, on `T / 2` tokens that come twice, its mean weight
            from each token of the second half to the position after the same token in the first.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(1)  # one query's largest weight is the right one
    for half in (4, 3):
        size = 2 * half
        visible = torch.ones(size, size).tril() > 0
        scores = torch.randn(size, size, generator=generator)
        weights = scores.masked_fill(~visible, -torch.inf).softmax(-1)
        diagonal = weights.diagonal(1 - half)
        expected = diagonal[1:].mean()
        one_more = (
            f"Your diagonal has {half + 1} weights. The first is of the last query of the first "
            "half, whose token comes for the first time."
        )
        same = "This is the weight of the same token. The score is about the position after it."
        before = "This is the weight of the token before it. The score is about the one after it."
        above = "All of these weights are masked, because the keys come after the queries."
        pairs = "These are all pairs of a query and a key. Each query has only one that counts."
        last = "The last query counts, too: its key is the first token of the second half."
        fixed = "-3 is right for 8 tokens only. Compute it: 1 - T // 2."
        mistakes = [
            (weights.diagonal(-3)[1:].mean(), fixed),
            (diagonal.mean(), one_more),
            (diagonal[:-1].mean(), "Leave out the first weight of the diagonal, not the last."),
            (diagonal[1:-1].mean(), last),
            (diagonal[1:].sum(), "This is the sum. Take the mean over the queries."),
            (weights.diagonal(-half).mean(), same),
            (weights.diagonal(-half)[1:].mean(), same),
            (weights.diagonal(-half - 1).mean(), before),
            (weights.diagonal(half - 1).mean(), above),
            *((weights[half:, i : half + i].mean(), pairs) for i in (0, 1)),
        ]
        call = f"induction_score(weights), for {half} tokens that come twice,"
        compare(call, answer(call, score, weights), expected, mistakes)
    right("each query has one key that counts, and all of them are on one diagonal.")


def check_copied_tokens(copied: Callable[..., Any]) -> None:
    """Check for how many tokens a head's OV circuit raises their own logit the most.

    Args:
        copied: From the embeddings `(V, D)`, `W_v` `(D, K)` and `W_o` `(K, D)`, both multiplied
            from the right, the number of these tokens.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(27)  # no two mistakes count the same number
    call = "copied(E, W_v, W_o)"
    hint = "From (V, D), W_v leads to (V, K), W_o back to (V, D), and E.T to logits, (V, V)."
    for n, d, k in [(40, 6, 6), (12, 6, 3), (40, 5, 2)]:
        E = torch.randn(n, d, generator=generator)
        W_v = torch.randn(d, k, generator=generator)
        noise = torch.randn(k, d, generator=generator)
        W_o = W_v.T + 1.5 * noise
        own = torch.arange(n, device=E.device)
        logits = E @ W_v @ W_o @ E.T  # row: what is attended to; column: whose logit
        best = logits.argmax(-1) == own
        mistakes: list[tuple[object, str]] = [
            (best.float().mean(), "This is the proportion of the tokens. Return their number."),
            (
                (logits.argmax(0) == own).sum(),
                "A row is the token attended to. Compare within a row.",
            ),
            ((logits.diagonal() > 0).sum(), "Count tokens whose own logit is raised *the most*."),
        ]
        if d == k:
            no_E = "E.T is missing: the logits are dot products with all embeddings."
            mistakes += [
                (((E @ W_v @ W_o).argmax(-1) == own).sum(), no_E),
                (((E @ W_v @ E.T).argmax(-1) == own).sum(), "W_o is missing."),
                (((E @ W_o @ E.T).argmax(-1) == own).sum(), "W_v is missing."),
            ]
        found = answer(call, copied, E, W_v, W_o, hint=hint)
        compare(call, found, int(best.sum()), mistakes)
    right("a row for what is attended to, a column for each logit: the diagonal is a copy.")


def check_head_ablation(without: Callable[..., Any]) -> None:
    """Check the output of multi-head attention with one head set to zero.

    Args:
        without: From head outputs `(H, T, K)`, `W_o` `(H·K, D)`, which is multiplied from the
            right, and the index of a head, the output `(T, D)` without that head.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(0)
    heads = torch.randn(3, 4, 2, generator=generator)
    W_o = torch.randn(6, 6, generator=generator)
    slices = W_o.unflatten(0, (3, 2))
    contributions = heads @ slices
    total = contributions.sum(0)
    rows = "Head h has the rows h · K to (h + 1) · K of W_o."
    join = "Concatenate each token's heads first: heads.transpose(0, 1).flatten(1), (T, H · K)."
    for head in (1, 0, 2):
        expected = total - contributions[head]
        others = [h for h in range(3) if h != head]
        zero, mean, token = (heads.clone() for _ in range(3))
        row, column = W_o.clone(), W_o.clone()
        zero[head], mean[head], token[:, head], row[head] = 0, heads[head].mean(0), 0, 0
        column[:, 2 * head : 2 * head + 2] = 0
        mistakes = [
            (total, "The output hasn't changed: the head is still there."),
            (contributions[head], "This is what the head contributes. Return what is left."),
            ((mean @ slices).sum(0), "This is mean-ablation. Zero-ablation sets the head to 0."),
            (expected / 2, "You divide by the number of heads, but the output is a sum."),
            ((token @ slices).sum(0), "You zero a token. The heads are axis 0."),
            (_concatenated(zero), "This is the concatenation. Multiply it by W_o."),
            (
                _concatenated(zero) @ W_o.T,
                "You multiply by W_o.T, as F.linear does. Here W_o is multiplied as it is.",
            ),
            (_concatenated(heads) @ row, f"You zero one row of W_o. {rows}"),
            (_concatenated(heads) @ column, "You zero columns of W_o. A head has rows of it."),
            (zero.reshape(4, 6) @ W_o, "reshape mixes heads and tokens: transpose(0, 1) first."),
            (_concatenated(heads[others]) @ W_o[:4], f"The others keep their own rows. {rows}"),
        ]
        call = f"without(heads, W_o, {head})"
        found = answer(call, without, heads, W_o, head, hint=f"{join} {rows}")
        compare(call, found, expected, mistakes)
    right("the output is a sum, so without a head it lacks that head's contribution.")


def _concatenated(heads: Float[Tensor, "H T K"]) -> Float[Tensor, "T N"]:
    return heads.transpose(0, 1).flatten(1)
