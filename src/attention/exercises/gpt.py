"""Exercises of the chapter *GPT: predicting the next word*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import answer, compare, right
from attention.shapes import Float, Int, Tensor

__all__ = ["check_gpt_parameters", "check_next_word_loss", "check_positions_read", "check_top_p"]


def check_next_word_loss(loss: Callable[..., Any]) -> None:
    """Check the loss of a language model.

    Args:
        loss: From logits `(B, T, V)` and the words `(B, T)` that they were computed from, padded
            with 0, the mean loss of the next word.

    Raises:
        Hint: It is another number.
    """
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 6, generator=chance)
    ids = torch.tensor([[2, 4, 5, 1, 3], [2, 5, 3, 0, 0]])
    given, wanted = logits[:, :-1], ids[:, 1:]
    each = _losses(given, wanted)  # (B, T)
    real = wanted != 0
    expected = each[real].mean()
    rows = torch.stack([row[keep].mean() for row, keep in zip(each, real, strict=True)])
    unshifted = _losses(logits, ids)
    behind = _losses(logits[:, 1:], ids[:, :-1])
    not_shifted = "Not shifted: the word wanted at a place is the next one, ids[:, 1:]."
    wrong_way = "Shifted the wrong way: the logits at place t are about the word at t + 1."
    mistakes = [
        (unshifted.mean(), not_shifted),
        (unshifted[ids != 0].mean(), not_shifted),
        (behind.mean(), wrong_way),
        (behind[ids[:, :-1] != 0].mean(), wrong_way),
        (each.mean(), "Padding counts in your mean. Where 0 is wanted, nothing is wanted."),
        (each[ids[:, :-1] != 0].mean(), "Leave out where 0 is wanted, not where it is given."),
        (each[real].sum() / each.numel(), "You divide by a number that counts the padding, too."),
        (each[real].sum(), "A sum, and a mean was asked for."),
        (rows.mean(), "The mean of two means. Every word counts alike, whatever its line."),
        (expected.exp(), "That is the perplexity. The loss is its logarithm."),
        (-expected, "The sign: a loss is minus the log-probability."),
    ]
    flat = "F.cross_entropy takes (N, V) and (N): flatten the first two axes of both."
    found = answer("loss(logits, ids)", loss, logits, ids, hint=flat)
    compare("loss(logits, ids)", found, expected, mistakes)
    right("each word is judged by the logits of the place before it.")


def check_top_p(kept: Callable[..., Any]) -> None:
    """Check what top-p leaves of a distribution.

    Args:
        kept: From the probabilities of all words `(V,)` and `p`, those that are left, in the
            same order.

    Raises:
        Hint: They are others.
    """
    some = [0.05, 0.4, 0.2, 0.35]  # not sorted, so that the order matters
    exact = [0.0625, 0.5, 0.1875, 0.25]  # 0.5 and 0.25 are 0.75, to the last bit
    for numbers, p, n in [(some, 0.3, 1), (some, 0.6, 2), (some, 0.9, 3), (exact, 0.75, 2)]:
        chances = torch.tensor(numbers)
        best, order = chances.sort(descending=True)
        first = torch.zeros(4).scatter(0, order, (torch.arange(4) < n).float())
        fewer = torch.zeros(4).scatter(0, order, (torch.arange(4) < n - 1).float())
        more = torch.zeros(4).scatter(0, order, (torch.arange(4) < n + 1).float())
        taken = _shared(best * (torch.arange(4) < n))
        expected = _shared(chances * first)
        too_few = f"Too few are left: the word that reaches {p} stays, even if it is the first."
        each = "You compare each word with p. It is their sum that has to reach p."
        mistakes = [
            (chances * first, "What is left must sum to 1 again: divide by its sum."),
            (taken, "Sorted. Put each back into its own place."),
            (taken[order], "order says where each came from. To put it back there, use scatter."),
            (
                (chances * first).masked_fill(first == 0, -torch.inf).softmax(-1),
                "These are probabilities already: divide by their sum, without a softmax.",
            ),
            (chances, "Nothing was taken away."),
            (_shared(chances * fewer).nan_to_num(), too_few),
            (chances * fewer, too_few),
            (_shared(chances * (chances >= p)), each),
            (_shared(chances * more), f"One too many: those before the last reach {p} already."),
            (
                _shared(chances * (chances.cumsum(0) - chances < p)),
                "You added up in the order of the vocabulary. Begin with the likeliest word.",
            ),
            (
                _shared(chances * (chances.argsort().argsort() < n)),
                "You kept the least likely words. Sort with descending=True.",
            ),
        ]
        call = f"kept(chances, {p})"
        found = answer(call, kept, chances, p)
        if isinstance(found, Tensor):
            found = found.nan_to_num()  # nobody was left, and their sum is 0
        compare(call, found, expected, mistakes)
    right("as few words as it takes, and all of the probability for them.")


def check_positions_read(positions: Callable[..., Any]) -> None:
    """Check how many positions a model reads to write a text.

    Args:
        positions: From the words of a prompt and the words to write, how many positions are read
            with a cache, and how many without.

    Raises:
        Hint: They are other numbers.
    """
    for prompt, tokens in [(3, 1), (3, 2), (11, 12), (1, 30)]:
        cached, uncached = prompt + tokens - 1, sum(range(prompt, prompt + tokens))
        last = "The last word is written, and not read any more."
        mistakes: list[tuple[object, str]] = [
            ((uncached, cached), "The other way round: first with the cache."),
            ((cached + 1, uncached), last),
            ((cached, uncached + prompt + tokens), last),
            ((cached + 1, uncached + prompt + tokens), last),
            ((tokens, uncached), "With the cache, the prompt must be read as well, once."),
            ((cached, prompt * tokens), "Without a cache, the text grows by a word each time."),
            (
                (cached, uncached + tokens),
                f"The first word is written from the prompt alone: the lengths begin at {prompt}.",
            ),
            (
                (cached, sum(range(prompt + tokens))),
                "The prompt is there from the start: the first reading has all of its words.",
            ),
            (
                (cached, (prompt + tokens - 1) ** 2),
                "These are pairs of words, as in a table of weights. Count the words read.",
            ),
        ]
        call = f"positions({prompt}, {tokens})"
        found = answer(call, positions, prompt, tokens)
        compare(call, found, (cached, uncached), mistakes)
    right("with the cache, each word is read once.")


def check_gpt_parameters(count: Callable[..., Any]) -> None:
    """Check how many parameters a GPT has.

    Args:
        count: From the size of the vocabulary, the number of positions, the model's width and the
            number of layers, the number of parameters.

    Raises:
        Hint: It is another number.
    """
    for V, N, D, L in [(50_257, 1024, 768, 12), (50_257, 1024, 1600, 48), (7, 5, 4, 3)]:
        words, layer = (V + N) * D, 12 * D * D + 13 * D
        expected = words + L * layer + 2 * D
        mistakes = [
            (expected + V * D, "You count the words twice. They are scored by their embeddings."),
            (expected - N * D, "The positions are missing: a learned vector for each."),
            (expected - 2 * D, "The last norm is missing. It has two vectors."),
            (expected - L * 13 * D, "The biases and norms of the layers are missing."),
            (expected - L * 13 * D - 2 * D, "All biases and norms are missing."),
            (expected - L * 9 * D, "The biases are missing: GPT-2 has them everywhere."),
            (expected - L * 4 * D, "The norms of the layers are missing, two in each."),
            (expected - L * 2 * D, "There are two norms in a layer, with two vectors each."),
            (
                expected - L * 3 * D,
                "The bias in the middle of the feed-forward layer has 4 D numbers, as it is wide.",
            ),
            (
                expected - L * D * D,
                "Attention has four matrices: for queries, keys, values, and to mix the heads.",
            ),
            (
                expected - L * 4 * D * D,
                "The feed-forward layer has two matrices, to four times the width and back.",
            ),
            (
                expected + L * 4 * D * D,
                "Encoder-decoder attention has fallen away: there is one attention in a layer.",
            ),
            (words + layer + 2 * D, f"That is one layer, and there are {L}."),
        ]
        call = f"count({V}, {N}, {D}, {L})"
        compare(call, answer(call, count, V, N, D, L), expected, mistakes)
    right("124,439,808 for the smallest GPT-2, and 1,557,611,200 for the largest.")


def _losses(logits: Float[Tensor, "B T V"], ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    return F.cross_entropy(logits.transpose(1, 2), ids, reduction="none")


def _shared(chances: Float[Tensor, " V"]) -> Float[Tensor, " V"]:
    """Divided by their sum, where there is one."""
    return chances / chances.sum()
