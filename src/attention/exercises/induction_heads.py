"""Exercises of the chapter *Inside a GPT: circuits and an induction head*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import answer, compare, right

__all__ = ["check_copied_tokens", "check_head_ablation", "check_induction_score"]


def check_induction_score(score: Callable[..., Any]) -> None:
    """Check the induction score of one head.

    Args:
        score: From a head's weights `(T, T)`, on `T / 2` tokens that come twice, its mean weight
            from each token of the second half to the position after the same token in the first.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(0)
    for half in (4, 3):
        size = 2 * half
        visible = torch.ones(size, size).tril() > 0
        scores = torch.randn(size, size, generator=generator)
        weights = scores.masked_fill(~visible, -torch.inf).softmax(-1)
        diagonal = weights.diagonal(1 - half)
        expected = diagonal[1:].mean()
        same = "This is the weight of the same token. The score is about the position after it."
        one_more = (
            f"Your diagonal has {half + 1} weights. The first is of the last query of the first "
            "half, whose token comes for the first time."
        )
        zeros = "All of these weights are masked, because the keys come after the queries."
        mistakes = [
            (diagonal.mean(), one_more),
            (diagonal.sum(), f"{one_more} And take the mean, not the sum."),
            (diagonal[1:], "Return one number: the mean of these weights."),
            (diagonal[1:].sum(), "This is the sum. Take the mean over the queries."),
            (diagonal[:-1].mean(), "Leave out the first weight of the diagonal, not the last."),
            (diagonal[1:].sum() / size, "The mean is over the queries of the second half only."),
            (weights.diagonal(-half).mean(), same),
            (weights.diagonal(-half)[1:].mean(), same),
            (
                weights.diagonal(-half - 1).mean(),
                "This is the weight of the token before it. The score is about the one after it.",
            ),
            (
                weights.diagonal(-1)[half - 1 :].mean(),
                "This is the weight of the previous token, as in a previous-token head.",
            ),
            (weights.diagonal().mean(), "On this diagonal, each token attends to itself."),
            (weights.diagonal(half - 1).mean(), zeros),
            (weights.diagonal(half).mean(), zeros),
            (
                weights[half:, 1 : half + 1].mean(),
                "These are all pairs of a query and a key. Each query has only one that counts.",
            ),
            (
                weights[half:].amax(-1).mean(),
                "This is the largest weight of each query, whichever key it is.",
            ),
        ]  # fmt: skip
        call = f"score(weights), for {half} tokens that come twice,"
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
    generator = torch.Generator().manual_seed(7)  # no two mistakes count the same number
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
            (best, "Return one number: count the tokens for which this is true."),
            (best.float().mean(), "This is the proportion of the tokens. Return their number."),
            (logits, "These are the logits. Count the rows whose largest entry is their own."),
            (
                logits.argmax(-1),
                "These are the most raised tokens. Count those that are their own.",
            ),
            (n, "You count all tokens."),
            (
                (logits.argmax(0) == own).sum(),
                "A row is what the head attends to, and its columns are the logits. You "
                "look for the largest of each column.",
            ),
            (
                (logits.diagonal() > 0).sum(),
                "You count the tokens whose logit is raised. It must be raised the most.",
            ),
            (
                ((E @ W_v @ W_v.T @ E.T).argmax(-1) == own).sum(),
                "You use W_v twice. The head's output goes through W_o.",
            ),
            (
                ((E @ E.T).argmax(-1) == own).sum(),
                "You compare embeddings with embeddings. W_v and W_o are missing.",
            ),
        ]
        if d == k:
            mistakes += [
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
    for head in (1, 0, 2):
        expected = total - contributions[head]
        mean = heads.clone()
        mean[head] = heads[head].mean(0)
        others = [h for h in range(3) if h != head]
        component, row, column = heads.transpose(0, 1).flatten(1), W_o.clone(), W_o.clone()
        row[head] = 0
        column[:, 2 * head : 2 * head + 2] = 0
        wrong_order = heads.clone()
        wrong_order[head] = 0
        mistakes = [
            (total, "The output hasn't changed: the head is still there."),
            (contributions[head], "This is what the head contributes. Return what is left."),
            (
                (mean @ slices).sum(0),
                "This is mean-ablation. For zero-ablation, the head's output becomes 0.",
            ),
            (expected / 2, "You divide by the number of heads, but the output is a sum."),
            (expected * 1.5, "You scale up what is left. An ablation leaves the others alone."),
            (component @ row, f"You zero one row of W_o. {rows}"),
            (component @ column, "You zero columns of W_o. A head has rows of it."),
            (
                wrong_order.reshape(4, 6) @ W_o,
                "reshape mixes heads and tokens. Move the axis of the heads behind the tokens "
                "first: transpose(0, 1).",
            ),
            (contributions[others], "These are contributions of the other heads. Add them up."),
            (
                heads[others].transpose(0, 1).flatten(1) @ W_o[:4],
                f"The other heads must keep their own rows of W_o. {rows}",
            ),
            (total + contributions[head], "The sign is wrong: the head now counts twice."),
        ]
        call = f"without(heads, W_o, {head})"
        found = answer(call, without, heads, W_o, head, hint=rows)
        compare(call, found, expected, mistakes)
    right("the output is a sum, so without a head it lacks that head's contribution.")
