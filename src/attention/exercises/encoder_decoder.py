"""Exercises of the chapter *The encoder-decoder and its bottleneck*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import compare, right
from attention.models.rnn.fixed_vector import reverse_tokens
from attention.shapes import Float, Tensor

__all__ = ["check_likeliest", "check_loss", "check_paper_gru_step", "check_reverse"]


def check_paper_gru_step(gru_step: Callable[..., Any]) -> None:
    """Check one step of the recurrent network as the paper has it.

    Args:
        gru_step: From a word's vector, the old state and the stacked matrices `W` and `U`, the
            new state.

    Raises:
        Hint: It is another network.

    Source: Cho et al. 2014, section 2.3.
    """
    x, h = torch.tensor([1.0, -0.5, 2.0]), torch.tensor([0.8, -0.6])
    W = torch.tensor([[1, 0, 0], [0, 2, 1], [0, 1, 0], [-1, 0, 0], [0, 1, 1], [1, 0, -1.0]])
    U = torch.tensor([[1, 0], [0, -2], [0, 1], [2, 0], [1, 1], [-1, 2.0]])
    words, states, U_n = (W @ x).view(3, 2), (U @ h).view(3, 2), U[4:]
    r, z = torch.sigmoid(words + states)[:2]

    def mixed(proposal: Float[Tensor, " D"], keep: Float[Tensor, " D"] = z) -> Float[Tensor, " D"]:
        return (1 - keep) * torch.tanh(proposal) + keep * h

    proposal = words[2] + U_n @ (r * h)
    compare("gru_step(x, h, W, U)", gru_step(x, h, W, U), mixed(proposal), [
        (
            mixed(words[2] + r * states[2]),
            "This is PyTorch's step, with the reset gate behind the matrix. The paper multiplies "
            "the old state by r first, and U_n reads what is left.",
        ),
        (
            mixed(proposal, 1 - z),
            "Your update gate works the wrong way round. Where z is 1, the old state stays.",
        ),
        (torch.tanh(proposal), "This is the proposal n. Mix it with the old state: (1-z)n + zh."),
        (
            mixed(words[2] + states[2]),
            "The reset gate does nothing yet. It goes before U_n: U_n @ (r * h).",
        ),
        (
            mixed(words[2] + U_n @ (z * h), r),
            "You have taken r for z. The rows of W and U hold r first, then z, then n.",
        ),
    ])  # fmt: skip
    right("the gate closes in front of the matrix, as in the paper.")


def check_loss(loss: Callable[..., Any]) -> None:
    """Check the loss of a padded translation.

    Args:
        loss: From the scores of every word (columns) at every place (rows), and the right word
            of each place, 0 where there is none, the mean loss of a word.

    Raises:
        Hint: It takes another mean, or a mean of something else.
    """
    scores = torch.tensor(
        [[0, 0, 0, 1, 3.0], [0, 1, 0, 2, 1], [1, 0, 0, 2, 0], [0, 3, 0, 0, 1], [2, 0, 0, 1, 1]]
    )
    wanted = torch.tensor([4, 1, 3, 0, 0])
    each = -scores.log_softmax(dim=1)[torch.arange(5), wanted]
    real = each[:3]
    compare("loss(scores, wanted)", loss(scores, wanted), real.mean(), [
        (
            each.mean(),
            "You ask the model to predict padding. Leave out the places where the right word is 0.",
        ),
        (
            real.sum() / 5,
            "You add up the real words, and divide by all places. Divide by the real words.",
        ),
        (real.sum(), "This is the sum. Divide it by the number of real words."),
        (-real.mean(), "Mind the sign: a loss is minus the logarithm, so it is never below 0."),
        (
            -scores[torch.arange(3), wanted[:3]].mean(),
            "These are scores. Turn them into probabilities first, with a softmax.",
        ),
        (
            -scores.log_softmax(dim=0)[torch.arange(3), wanted[:3]].mean(),
            "Your softmax runs along the places. The words of one place compete: dim=1.",
        ),
        ((-real).exp().mean(), "This is the mean probability. Take minus the logarithm of each."),
    ])  # fmt: skip
    right("padding is not asked for, and each real word counts once.")


def check_reverse(reverse: Callable[..., Any]) -> None:
    """Check the trick of reading the source backwards.

    Args:
        reverse: From rows of word numbers, padded with 0 at the end, rows with the last word
            first.

    Raises:
        Hint: The words or the padding stand elsewhere.

    Source: Sutskever et al. 2014, section 3.3.
    """
    ids = torch.tensor([[4, 5, 6, 0, 0], [4, 5, 8, 8, 6], [7, 9, 0, 0, 0]])
    compare("reverse(ids)", reverse(ids.clone()), reverse_tokens(ids), [
        (ids, "Nothing has moved."),
        (
            ids.flip(1),
            "You turn the padding round, too: a short sentence would begin with nothing. Keep the "
            "padding at the end.",
        ),
        (ids.flip(0), "You have turned the batch upside down. Turn each row round by itself."),
        (
            ids.sort(dim=1, descending=True).values,
            "You have sorted the numbers. The words must keep their order, seen from the back.",
        ),
    ])  # fmt: skip
    right("the last word comes first, and the padding stays at the end.")


def check_likeliest(likeliest: Callable[..., Any]) -> None:
    """Check the choice among finished translations of different lengths.

    Args:
        likeliest: From a dictionary of translations, each with the probabilities of its words,
            and the power of the length, the best translation.

    Raises:
        Hint: It compares something else.

    Source: Wu et al. 2016, section 7, without its second penalty.
    """
    candidates = {"a": [0.45], "b c": [0.9, 0.9, 0.5], "d e f": [0.99, 0.1, 0.99, 0.99]}

    def by(rank: Callable[[list[float]], float]) -> str:
        return max(candidates, key=lambda sentence: rank(candidates[sentence]))

    whole = likeliest(dict(candidates), 0)
    compare("likeliest(candidates, 0)", whole, by(math.prod), [
        ("b c", "To the power 0 every length is 1: the most probable whole sentence must win."),
        ("d e f", "You add probabilities. Multiply them, or add up their logarithms."),
    ])  # fmt: skip
    compare("likeliest(candidates, 1)", likeliest(dict(candidates), 1), "b c", [
        (whole, "The short one still wins. Divide by the length to this power."),
        (
            by(lambda words: sum(words) / len(words)),
            "You average the probabilities, and one bad word hides among good ones. Average their "
            "logarithms.",
        ),
    ])  # fmt: skip
    right("a long translation is no longer at a loss.")
