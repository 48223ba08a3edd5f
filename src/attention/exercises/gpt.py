"""Exercises of the chapter *GPT: predicting the next token*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import answer, compare, right
from attention.shapes import Float, Int, Tensor

__all__ = ["check_gpt_parameters", "check_next_word_loss", "check_positions_read", "check_top_p"]


def check_next_word_loss(loss: Callable[..., Any]) -> None:
    """Check the loss of a causal language model.

    Args:
        loss: From the logits `(B, T, V)` of token ids `(B, T)`, padded with 0, the mean loss of
            the next token.

    Raises:
        Hint: It is something else.
    """
    logits = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[2, 4, 5, 1, 3], [2, 5, 3, 0, 0]])
    targets = ids[:, 1:]
    each, real = _losses(logits[:, :-1], targets), targets != 0  # (B, T)
    expected = each[real].mean()
    rows = torch.stack([row[keep].mean() for row, keep in zip(each, real, strict=True)])
    twice = _losses(logits[:, :-1].softmax(-1), targets)
    no_shift = "No shift: the target is the next token. Use logits[:, :-1] and ids[:, 1:]."
    backwards = "Shifted the wrong way: the logits at position t predict the token at t + 1."
    rolled = "roll puts the first token at the end, where it follows nothing. Drop that position."
    mistakes = [
        (each.mean(), "Your mean includes padding. Leave out the positions whose target is 0."),
        (each[ids[:, :-1] != 0].mean(), "Leave out where the target is 0, not where the input is."),
        (each[real].sum() / each.numel(), "You divide by a count that includes the padding."),
        (each[real].sum(), "This is the sum. Return the mean over the tokens."),
        (rows.mean(), "This is a mean of means. Every token counts alike, whatever its line."),
        (expected.exp(), "This is the perplexity. The loss is its logarithm."),
        (-expected, "The sign is wrong: a loss is minus the log-probability."),
        (twice[real].mean(), "Your softmax is applied twice: F.cross_entropy takes logits."),
    ]
    for given, wanted, hint in [
        (logits, ids, no_shift),
        (logits[:, :-1], ids[:, :-1], no_shift),
        (logits[:, 1:], ids[:, 1:], no_shift),
        (logits[:, 1:], ids[:, :-1], backwards),
        (logits, ids.roll(-1, dims=1), rolled),
    ]:
        losses = _losses(given, wanted)
        mistakes += [(losses.mean(), hint), (losses[wanted != 0].mean(), hint)]
    flat = "F.cross_entropy takes (N, V) and (N): flatten the first two axes of both."
    found = answer("loss(logits, ids)", loss, logits, ids, hint=flat)
    compare("loss(logits, ids)", found, expected, mistakes)
    right("each token is predicted by the logits at the position before it.")


def check_top_p(nucleus: Callable[..., Any]) -> None:
    """Check a distribution after top-p.

    Args:
        nucleus: From the probabilities of all tokens `(V,)` and `p`, those after top-p, in the
            same order.

    Raises:
        Hint: They are something else.
    """
    some = [0.05, 0.4, 0.2, 0.35]  # not sorted, so that the order matters
    exact = [0.0625, 0.5, 0.1875, 0.25]  # 0.5 and 0.25 are 0.75, to the last bit
    for numbers, p, n in [(some, 0.3, 1), (some, 0.6, 2), (some, 0.9, 3), (exact, 0.75, 2)]:
        probabilities = torch.tensor(numbers)
        best, order = probabilities.sort(descending=True)
        fewer, first, more = (
            torch.zeros(4).scatter(0, order, (torch.arange(4) < kept).float())
            for kept in (n - 1, n, n + 1)
        )
        least, upwards = probabilities.sort()
        rising = torch.zeros(4).scatter(0, upwards, (least.cumsum(0) - least < p).float())
        unsorted = probabilities.cumsum(0) - probabilities < p
        taken = _normalised(best * (torch.arange(4) < n))
        expected = _normalised(probabilities * first)
        twice = probabilities.masked_fill(first == 0, -torch.inf).softmax(-1)
        too_few = f"Too few are left: the token that reaches {p} stays, even if it is the first."
        too_many = f"Too many are left: only the fewest whose *sum* reaches {p} stay."
        place = "Put each probability back at the index of its token, with scatter(0, order, …)."
        upside_down = "You keep the least probable tokens: the order or the condition is reversed."
        mistakes = [
            (probabilities * first, "What is left must sum to 1: divide it by its sum."),
            (twice, "These are probabilities already: divide by their sum, without a softmax."),
            (taken, place),
            (taken[order], place),
            (_normalised(probabilities * fewer).nan_to_num(), too_few),
            (_normalised(probabilities * more), too_many),
            (_normalised(probabilities * unsorted), "Begin the sum with the most probable token."),
            (_normalised(probabilities * rising), upside_down),
            (_normalised(probabilities * (1 - first)), upside_down),
        ]
        call = f"nucleus(probabilities, {p})"
        found = answer(call, nucleus, probabilities, p)
        if isinstance(found, Tensor) and found.isnan().all():
            found = found.nan_to_num()  # where no token is left, the sum is 0
        compare(call, found, expected, mistakes)
    right("the fewest tokens that reach p, with all of the probability.")


def check_positions_read(positions: Callable[..., Any]) -> None:
    """Check how many positions a model processes to generate a text.

    Args:
        positions: From the length of the prompt and the number of new tokens, how many positions
            are processed with a KV cache, and how many without.

    Raises:
        Hint: They are something else.
    """
    for prompt, tokens in [(5, 2), (3, 1), (11, 12), (1, 30)]:
        cached, uncached = prompt + tokens - 1, sum(range(prompt, prompt + tokens))
        last = "Nothing follows the last new token, so it isn't processed any more."
        once = "With the cache, the prompt must be processed, too, once."
        grows = "Without a cache, the text is one token longer each time."
        begin = f"The lengths begin at {prompt}: the first pass processes the prompt, all of it."
        mistakes: list[tuple[object, str]] = [
            ((uncached, cached), "The two are swapped: first with the cache."),
            ((cached + 1, uncached), last),
            ((cached, uncached + prompt + tokens), last),
            ((cached + 1, uncached + prompt + tokens), last),
            ((tokens, uncached), once),
            ((tokens - 1, uncached), once),
            ((cached, tokens * prompt), grows),
            ((cached, tokens * (prompt + tokens - 1)), grows),
            ((cached, tokens * (prompt + tokens)), grows),
            ((cached, uncached + tokens), begin),
            ((cached, sum(range(prompt + tokens))), begin),
            ((cached, sum(range(tokens))), begin),
            ((cached, uncached - cached), "Each new token takes a pass. The last one is missing."),
        ]
        call = f"positions({prompt}, {tokens})"
        found = answer(call, positions, prompt, tokens)
        compare(call, found, (cached, uncached), mistakes)
    right("with the cache, each token is processed once.")


def check_gpt_parameters(count: Callable[..., Any]) -> None:
    """Check how many parameters a GPT has.

    Args:
        count: From the size of the vocabulary, the number of positions, the model dimension and
            the number of blocks, the number of parameters.

    Raises:
        Hint: It is something else.
    """
    for V, N, D, L in [(50_257, 1024, 768, 12), (50_257, 1024, 1600, 48), (7, 5, 4, 3)]:
        embeddings, block = (V + N) * D, 12 * D * D + 13 * D
        expected = embeddings + L * block + 2 * D
        vectors = "Embeddings are missing: V × D for tokens, N × D for positions."
        lacks = "A block lacks {} D: norms have 4 D, the biases of attention 4 D, other biases 5 D."
        mistakes = [
            (expected + V * D, "You count the token embeddings twice: the output is tied to them."),
            (expected + V, "The output adds no bias: logits are dot products with the embeddings."),
            *((expected - n * D, vectors) for n in (N, V, N + V)),
            (expected - 2 * D, "The last norm is missing. It has two vectors."),
            (expected - L * 13 * D - 2 * D, "All biases and norms are missing."),
            *((expected - L * n * D, lacks.format(n)) for n in (1, 2, 3, 4, 5, 9, 13)),
            (expected - L * D * D, "Attention has four matrices, the output projection included."),
            (expected - L * 4 * D * D, "The feed-forward network has a second matrix, back to D."),
            (expected + L * 4 * D * D, "There is no cross-attention: a block has one attention."),
            (embeddings + block + 2 * D, f"This is one block, and there are {L}."),
        ]
        call = f"count({V}, {N}, {D}, {L})"
        compare(call, answer(call, count, V, N, D, L), expected, mistakes)
    right("124,439,808 for the smallest GPT-2, and 1,557,611,200 for the largest.")


def _losses(logits: Float[Tensor, "B T V"], ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    return F.cross_entropy(logits.transpose(1, 2), ids, reduction="none")


def _normalised(probabilities: Float[Tensor, " V"]) -> Float[Tensor, " V"]:
    """Divided by their sum, where there is one."""
    return probabilities / probabilities.sum()
