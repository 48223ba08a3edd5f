"""The checks of *Inside a GPT* accept correct answers, and name the mistake in wrong ones."""

import pytest
import torch

from attention.exercises import (
    Hint,
    check_copied_tokens,
    check_head_ablation,
    check_induction_score,
)
from tests.exercise_pages import solution


def along(weights, offset, skip=0):
    """A diagonal whose offset is counted in halves, and then in positions."""
    half = len(weights) // 2
    return weights.diagonal(offset(half))[skip:]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda w: along(w, lambda h: 1 - h).mean(), "Your diagonal has 5 weights"),
        (lambda w: along(w, lambda h: 1 - h, 1), "a number"),
        (lambda w: along(w, lambda h: 1 - h, 1).sum(), "This is the sum"),
        (lambda w: along(w, lambda h: 1 - h)[:-1].mean(), "not the last"),
        (lambda w: along(w, lambda h: -h).mean(), "the same token"),
        (lambda w: along(w, lambda h: -h, 1).mean(), "the same token"),
        (lambda w: along(w, lambda h: -h - 1).mean(), "the token before it"),
        (lambda w: along(w, lambda h: h - 1).mean(), "are masked"),
        (lambda w: w[len(w) // 2 :, 1 : len(w) // 2 + 1].mean(), "all pairs"),
        (lambda w: w[len(w) // 2 :, : len(w) // 2].mean(), "all pairs"),
        (lambda w: w[len(w) // 2 :, : len(w) // 2].diagonal(1).mean(), "The last query counts"),
        (lambda w: w.diagonal(-3)[1:].mean(), "-3 is right for 8 tokens only"),
        (
            lambda w: w[(h := len(w) // 2) :].argmax(-1).eq(torch.arange(1, h + 1)).float().mean(),
            "should be less than 0.25",
        ),
        (lambda w: 2 * along(w, lambda h: 1 - h, 1).mean(), r"induction_score\(weights\), for 4"),
        (lambda w: w[len(w) // 2 :].amax(-1).mean(), "should be less"),
        (lambda w: w.nothing, "raises an error"),
    ],
)
def test_wrong_scores_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_induction_score(wrong)


def own(logits, dim=-1):
    return logits.argmax(dim) == torch.arange(len(logits), device=logits.device)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda E, v, o: own(E @ v @ o @ E.T), "should be a number"),
        (lambda E, v, o: own(E @ v @ o @ E.T).float().mean(), "proportion"),
        (lambda E, v, o: E @ v @ o @ E.T, "of the shape .40, 40."),
        (lambda E, v, o: len(E), "should be less than 40"),
        (lambda E, v, o: own(E @ v @ o @ E.T, 0).sum(), "within a row"),
        (lambda E, v, o: ((E @ v @ o @ E.T).diagonal() > 0).sum(), "raised .the most."),
        (lambda E, v, o: own(E @ v @ v.T @ E.T).sum(), "should be"),
        (lambda E, v, o: own(E @ v @ o).sum(), "E.T is missing"),
        (lambda E, v, o: own(E @ v @ E.T).sum(), "W_o is missing"),
        (lambda E, v, o: own(E @ o @ E.T).sum(), "W_v is missing"),
        (lambda E, v, o: own(E @ v @ o.T @ E).sum(), "From .V, D."),
    ],
)
def test_wrong_counts_of_copied_tokens_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_copied_tokens(wrong)


def joined(heads):
    return heads.transpose(0, 1).flatten(1)


def zeroed(heads, head):
    heads[head] = 0
    return heads


def averaged(heads, head):
    heads[head] = heads[head].mean(0)
    return heads


def without_token(heads, token):
    heads[:, token] = 0
    return heads


def without_row(W_o, head):
    W_o[head] = 0
    return W_o


def without_columns(W_o, head):
    W_o[:, 2 * head : 2 * head + 2] = 0
    return W_o


def each(heads, W_o):
    return heads @ W_o.unflatten(0, (3, 2))


def others(tensor, head):
    return torch.stack([part for h, part in enumerate(tensor) if h != head])


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda heads, W, h: joined(heads) @ W, "hasn't changed"),
        (lambda heads, W, h: each(heads, W)[h], "what the head contributes"),
        (lambda heads, W, h: joined(averaged(heads, h)) @ W, "mean-ablation"),
        (lambda heads, W, h: others(each(heads, W), h).mean(0), "divide by the number"),
        (lambda heads, W, h: joined(heads) @ without_row(W, h), "one row of W_o"),
        (lambda heads, W, h: joined(heads) @ without_columns(W, h), "zero columns"),
        (lambda heads, W, h: zeroed(heads, h).reshape(4, 6) @ W, "mixes heads and tokens"),
        (lambda heads, W, h: others(each(heads, W), h), "of the shape .4, 6."),
        (lambda heads, W, h: joined(others(heads, h)) @ W[:4], "their own rows"),
        (lambda heads, W, h: joined(others(heads, h)) @ W, "Head h has the rows"),
        (lambda heads, W, h: zeroed(heads, h).flatten(1) @ W, "Concatenate each token's heads"),
        (lambda heads, W, h: heads.transpose(0, 1).view(4, -1) @ W, r"transpose.0, 1..flatten"),
        (lambda heads, W, h: joined(zeroed(heads, h)) @ W.T, "as F.linear does"),
        (lambda heads, W, h: joined(without_token(heads, h)) @ W, "The heads are axis 0"),
        (lambda heads, W, h: joined(zeroed(heads, h)), "This is the concatenation"),
    ],
)
def test_wrong_ablations_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_head_ablation(wrong)


def test_other_ways_of_the_solutions_are_right(capsys):
    def gathered(weights):
        half = len(weights) // 2
        queries = torch.arange(half, 2 * half, device=weights.device)
        return weights[queries, queries - half + 1].mean().item()

    check_induction_score(gathered)
    check_copied_tokens(lambda E, v, o: sum(own(E @ v @ o @ E.T).tolist()))
    check_head_ablation(lambda heads, W, h: joined(heads) @ W - each(heads, W)[h])
    assert capsys.readouterr().out.count("Right: ") == 3


def test_the_solution_of_the_page_scores_an_ideal_head_1():
    weights = torch.zeros(8, 8)
    weights[range(4, 8), range(1, 5)] = 1.0
    assert solution("check_induction_score", "induction_score")(weights) == 1.0
