"""Exercises of the chapter *GPT: predicting the next token*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import answer, compare, right, same
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
    flattened = "Shift before you flatten: the last token of a text would predict the next text."
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
        (logits.flatten(0, 1)[None, :-1], ids.flatten()[None, 1:], flattened),
        (logits[:-1], ids[1:], "You shift the texts of the batch. The tokens are on axis 1."),
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
    for numbers, p, n in [(some, 0.7, 2), (some, 0.3, 1), (some, 0.9, 3), (exact, 0.75, 2)]:
        probabilities = torch.tensor(numbers)
        best, order = probabilities.sort(descending=True)
        fewer, first, more = (
            torch.zeros(4).scatter(0, order, (torch.arange(4) < kept).float())
            for kept in (n - 1, n, n + 1)
        )
        total, ranks = probabilities.cumsum(0), torch.arange(4)
        taken = best * (ranks < n)
        expected = _normalised(probabilities * first)
        twice = probabilities.masked_fill(first == 0, -torch.inf).softmax(-1)
        too_few = f"Too few are left: the token that reaches {p} stays, even if it is the first."
        too_many = f"Too many are left: only the fewest whose *sum* reaches {p} stay."
        place = "Put each probability back at the index of its token, with scatter(0, order, …)."
        begin = "Begin the sum with the most probable token, and end it where it reaches p."
        upside_down = "You keep the least probable tokens: the order or the condition is reversed."
        mistakes = [
            (probabilities * first, "What is left must sum to 1: divide it by its sum."),
            (twice, "These are probabilities already: divide by their sum, without a softmax."),
            *((wrong, place) for wrong in (taken, _normalised(taken), _normalised(taken)[order])),
            (_normalised(probabilities * (ranks < n)), place),
            (_normalised(probabilities * fewer), too_few),
            (_normalised(probabilities * more), too_many),
            (_normalised(probabilities * (total <= p)), begin),
            (_normalised(probabilities * (total - probabilities < p)), begin),
            *((_normalised(probabilities * (1 - cut)), upside_down) for cut in (fewer, first)),
        ]
        call = f"nucleus(probabilities, {p})"
        compare(call, answer(call, nucleus, probabilities, p), expected, mistakes)
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
        with_cache = [(cached + 1, last), (tokens, once), (tokens - 1, once)]
        without = [
            (uncached + prompt + tokens, last),
            *((tokens * n, grows) for n in (prompt, prompt + tokens - 1, prompt + tokens)),
            (uncached + tokens, begin),
            *((sum(range(n)), begin) for n in (prompt + tokens, tokens)),
            (uncached - cached, "Each new token takes a pass. The last one is missing."),
        ]
        swapped = (uncached, cached)
        call = f"positions({prompt}, {tokens})"
        found = answer(call, positions, prompt, tokens)
        if isinstance(found, tuple | list) and len(found) == 2 and not same(found, swapped):
            compare(f"{call}, with the cache,", found[0], cached, with_cache)
            compare(f"{call}, without a cache,", found[1], uncached, without)
        hint = "The two are swapped: first with the cache."
        compare(call, found, (cached, uncached), [(swapped, hint)])
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
        tied = "You count the token embeddings twice: the output is tied to them."
        four = "Attention has four matrices, the output projection included."
        second = "The feed-forward network has a second matrix, back to D."
        cross = "There is no cross-attention: a block has one attention."
        lacks = "A block lacks {} D: norms have 4 D, the biases of attention 4 D, other biases 5 D."
        mistakes = [
            *((expected + V * D + bias, tied) for bias in (0, V)),
            (expected + V, "The output adds no bias: logits are dot products with the embeddings."),
            *((expected - n * D, vectors) for n in (N, V, N + V)),
            (expected - 2 * D, "The last norm is missing. It has two vectors."),
            (expected - L * 13 * D - 2 * D, "All biases and norms are missing."),
            *((expected - L * n * D, lacks.format(n)) for n in (1, 2, 3, 4, 5, 9, 13)),
            *((expected - L * (D * D + bias), four) for bias in (0, D)),
            *((expected - L * (4 * D * D + bias), second) for bias in (0, D)),
            *((expected + L * (4 * D * D + n * D), cross) for n in (0, 4, 6)),
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
