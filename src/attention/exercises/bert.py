"""Exercises of the chapter *BERT: reading both ways*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import answer, compare, right

__all__ = ["check_gap_loss", "check_hidden_words", "check_mean_pooling", "check_pair_loss"]

MASK = 4  # the number of [MASK]


def check_hidden_words(seen: Callable[..., Any]) -> None:
    """Check what a BERT is shown of texts in which words were chosen to be guessed.

    Args:
        seen: From the texts, where a word was chosen, a lot between 0 and 1 and another word for
            each place, and the number of `[MASK]`: the texts as the model sees them.

    Raises:
        Hint: They are something else.
    """
    ids = torch.tensor([[2, 11, 12, 13, 14, 15, 3], [2, 16, 17, 18, 19, 3, 0]])
    chosen = torch.tensor([[0, 1, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 0, 0]]).bool()
    lots = torch.tensor(
        [[0.5, 0.1, 0.85, 0.83, 0.95, 0.3, 0.97], [0.9, 0.7, 0.1, 0.92, 0.84, 0.05, 0.86]]
    )
    others = torch.tensor([[21, 22, 23, 24, 25, 26, 27], [31, 32, 33, 34, 35, 36, 37]])
    mask, rest = torch.full_like(ids, MASK), lots >= 0.8
    expected = torch.where(chosen & (lots < 0.8), mask, ids)
    expected = torch.where(chosen & rest & (lots < 0.9), others, expected)
    hidden = torch.where(chosen & ~rest, mask, ids)
    missing = "You changed words that were not chosen: `chosen &` is missing in one condition."
    everywhere = torch.where(rest, torch.where(lots < 0.9, others, ids), mask)
    mistakes = [
        (torch.where(rest & (lots < 0.9), others, hidden), missing),
        (torch.where(chosen, everywhere, torch.where(rest, ids, mask)), missing),
        (
            torch.where(chosen & (lots < 0.9), others, ids),
            "Your other words cover the masks: they come from 0.8 on, and below 0.9.",
        ),
        (torch.where(chosen, mask, ids), "All chosen words are [MASK]: it is 80% of them only."),
        (everywhere, "You changed words that were not chosen. They stay, whatever their lot."),
        (
            torch.where(chosen, torch.where(rest, others, mask), ids),
            "From 0.9 on, a chosen word stays as it is.",
        ),
        (hidden, "From 0.8 to 0.9, a chosen word becomes the one in `others`."),
        (
            torch.where(chosen, torch.where(rest, torch.where(lots < 0.9, ids, others), mask), ids),
            "Another word from 0.8 to 0.9, and no change from 0.9 on: yours is the other way.",
        ),
        (
            torch.where(chosen & (lots < 0.15), mask, ids),
            "The 15% were chosen already. What is left to decide is what becomes of them.",
        ),
        (torch.where(chosen, ids, everywhere), "You changed the words that were not chosen."),
    ]
    found = answer("seen(…)", seen, ids, chosen, lots, others, MASK)
    compare("seen(ids, chosen, lots, others, mask)", found, expected, mistakes)
    right("most are hidden, some are wrong, some stay, and the rest is not touched.")


def check_gap_loss(loss: Callable[..., Any]) -> None:
    """Check the loss of a model that has to guess some of the words.

    Args:
        loss: From the scores `(B, T, V)`, the right words `(B, T)` and where they were chosen to
            be guessed `(B, T)`, the mean of minus log p.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 7, generator=generator)
    ids = torch.tensor([[2, 5, 6, 4, 3], [2, 4, 3, 0, 0]])
    chosen = torch.tensor([[0, 1, 1, 1, 0], [0, 1, 0, 0, 0]]).bool()
    each = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="none").view(2, 5)
    p = (-each).exp()
    by_text = torch.stack([each[row, chosen[row]].mean() for row in (0, 1)])
    mistakes = [
        (each.mean(), "You score all words. Most stand there for the model to copy, so leave out "
         "what was not chosen."),
        (each[ids != 0].mean(), "You left out the padding alone. Words that were not chosen stand "
         "there for the model to copy."),
        (each[~chosen].mean(), "You score the words that were not chosen. Turn it round."),
        (each[chosen].sum(), "That is the sum. Take the mean over the chosen words."),
        ((each * chosen).mean(), "You divide by all places. Divide by how many were chosen."),
        (each[chosen], "These are the losses of all chosen words. Take their mean."),
        (-each[chosen].mean(), "The sign is wrong: a loss is *minus* log p."),
        (-p[chosen].mean(), "You took the mean of p. Take the logarithm first."),
        (by_text.mean(), "You took a mean for each text, then the mean of these. All chosen words "
         "count the same."),
    ]  # fmt: skip
    pick = "logits[chosen] has a row for each chosen word, and ids[chosen] its number."
    found = answer("loss(logits, ids, chosen)", loss, logits, ids, chosen, hint=pick)
    compare("loss(logits, ids, chosen)", found, each[chosen].mean(), mistakes)
    right("only what had to be guessed is scored.")


def check_mean_pooling(pool: Callable[..., Any]) -> None:
    """Check how the hidden states of texts become one vector each.

    Args:
        pool: From the states `(B, T, D)` and the texts' numbers `(B, T)`, padded with 0, the mean
            over the real words of each text `(B, D)`.

    Raises:
        Hint: It is something else.
    """
    states = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    states[0, 1] = 0.0  # a real word, whose vector happens to be zero
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0], [2, 3, 0, 0]])
    real = (ids != 0).unsqueeze(-1)
    total, count = (states * real).sum(dim=1), real.sum(dim=1)
    not_zero = ((states * real) != 0).any(-1).sum(1, keepdim=True)
    mistakes = [
        (states.mean(dim=1), "The padding is in your mean: a text gets another vector when it "
         "stands beside a longer one."),
        (total / ids.size(1), "You left the padding out of the sum, but you still divide by it."),
        (states.sum(dim=1) / count, "You divide by the number of real words, but the padding is "
         "still in the sum."),
        (total, "That is the sum. Divide by the number of real words."),
        (states[:, 0], "That is the first state, of [CLS]. Take the mean over all real words."),
        (total / not_zero, "You count the vectors that are not zero. A word may have such a "
         "vector: look at the numbers of the words."),
        (total / real.sum(), "You divide by the words of all texts. Each text has its own number."),
        (states.mean(dim=0), "You averaged over the texts. Average over the words: dim=1."),
        (total.unsqueeze(1) / count.unsqueeze(1), "The axis of the words is still there: (B, D)."),
        (states.masked_fill(~real, -torch.inf).amax(1), "That is the maximum. Take the mean."),
    ]  # fmt: skip
    shapes = (
        "(ids != 0).unsqueeze(-1) has the shape (B, T, 1), which goes with (B, T, D). "
        "Summed over dim=1, it is (B, 1)."
    )
    found = answer("pool(states, ids)", pool, states, ids, hint=shapes)
    compare("pool(states, ids)", found, total / count, mistakes)
    right("a vector for each text, and padding has no say.")


def check_pair_loss(loss: Callable[..., Any]) -> None:
    """Check the contrastive loss of pairs of texts.

    Args:
        loss: From the vectors of one text of each pair, those of the other, `(B, D)` both, and
            the temperature: how hard it is to tell each one's partner from the others.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(2)
    q, k = (3 * torch.randn(4, 5, generator=generator) for _ in range(2))
    own, warm = torch.arange(4), 0.5
    cosines = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T

    def missed(scores: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(scores, own)

    others = (cosines / warm).masked_fill(torch.eye(4).bool(), -torch.inf).logsumexp(1)
    mistakes = [
        (missed(q @ k.T / warm), "These are dot products. Bring every vector to length 1 first."),
        (missed(q @ k.T), "These are dot products. Bring every vector to length 1 first."),
        (missed(cosines), "The temperature is missing: divide the cosines by it."),
        (missed(cosines * warm), "Divide by the temperature. You multiplied."),
        (missed(cosines.T / warm), "Softmax ran over the queries. Each query chooses among the "
         "keys, so its scores are a row."),
        (4 * missed(cosines / warm), "That is the sum over the pairs. Take the mean."),
        (-missed(cosines / warm), "The sign is wrong: a loss is *minus* log p."),
        (-cosines.diagonal().mean(), "You pull partners together, but nothing pushes the others "
         "apart: then all texts get the same vector, and the loss is happy."),
        ((1 - cosines.diagonal()).mean(), "You pull partners together, but nothing pushes the "
         "others apart: then all texts get the same vector, and the loss is happy."),
        ((others - cosines.diagonal() / warm).mean(), "The right key must be in the sum below the "
         "line, too: softmax is over all keys."),
    ]  # fmt: skip
    found = answer("loss(q, k, temperature)", loss, q, k, warm)
    compare("loss(q, k, temperature)", found, missed(cosines / warm), mistakes)
    right("a softmax once more: each text has to find its partner among all.")
