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
    unshifted = _losses(logits, ids)
    behind = _losses(logits[:, 1:], ids[:, :-1])
    not_shifted = (
        "Not shifted: the target at each position is the next token. Use logits[:, :-1] and "
        "ids[:, 1:]."
    )
    half_shifted = (
        "You drop the last position of both, which shortens them without a shift. The targets are "
        "ids[:, 1:]."
    )
    wrong_way = "Shifted the wrong way: the logits at position t predict the token at t + 1."
    cut = _losses(logits[:, :-1], ids[:, :-1])
    turned = ids.roll(-1, dims=1)
    wrapped, two = _losses(logits, turned), _losses(logits[:, :-2], ids[:, 2:])
    twice, p = _losses(logits[:, :-1].softmax(-1), targets), (-each).exp()
    mistakes = [
        (unshifted.mean(), not_shifted),
        (unshifted[ids != 0].mean(), not_shifted),
        (cut.mean(), half_shifted),
        (cut[ids[:, :-1] != 0].mean(), half_shifted),
        (behind.mean(), wrong_way),
        (behind[ids[:, :-1] != 0].mean(), wrong_way),
        (each.mean(), "Your mean includes padding. Leave out the positions whose target is 0."),
        (each[ids[:, :-1] != 0].mean(), "Leave out where the target is 0, not where the input is."),
        (each[real].sum() / each.numel(), "You divide by a count that includes the padding."),
        (each[real].sum(), "This is the sum. Return the mean over the tokens."),
        (rows.mean(), "This is a mean of means. Every token counts alike, whatever its line."),
        (expected.exp(), "This is the perplexity. The loss is its logarithm."),
        (-expected, "The sign is wrong: a loss is minus the log-probability."),
        (each, "Return one number: the mean over all tokens that aren't padding."),
        (each[real], "Return one number: the mean of these losses."),
        (
            _losses(logits[:, 1:], targets)[real].mean(),
            "You drop the first position of both, which is no shift. Drop the last of the logits.",
        ),
        (
            wrapped[turned != 0].mean(),
            "roll puts the first token at the end, so the last logits "
            "get a target that doesn't follow. Cut them off.",
        ),
        (
            wrapped.mean(),
            "roll puts the first token at the end, so the last logits get a target "
            "that doesn't follow. Cut them off.",
        ),
        (two[ids[:, 2:] != 0].mean(), "You shift by two. The next token is one position later."),
        (twice[real].mean(), "Your softmax is applied twice: F.cross_entropy takes logits."),
        (p[real].mean(), "This is the mean probability. Take the mean of minus its logarithm."),
        (
            -p[real].mean().log(),
            "You take the logarithm of the mean. Take the mean of the logarithms.",
        ),
        (
            each[real].sum() / len(ids),
            "You divide by the number of lines. Divide by the number of tokens.",
        ),
    ]
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
        first = torch.zeros(4).scatter(0, order, (torch.arange(4) < n).float())
        fewer = torch.zeros(4).scatter(0, order, (torch.arange(4) < n - 1).float())
        more = torch.zeros(4).scatter(0, order, (torch.arange(4) < n + 1).float())
        least, upwards = probabilities.sort()
        rising = torch.zeros(4).scatter(0, upwards, (least.cumsum(0) - least < p).float())
        taken = _normalised(best * (torch.arange(4) < n))
        expected = _normalised(probabilities * first)
        too_few = f"Too few are left: the token that reaches {p} stays, even if it is the first."
        upside_down = "You keep the least probable tokens: the order or the condition is reversed."
        each = "You compare each probability with p. It is their sum that must reach p."
        mistakes = [
            (probabilities * first, "What is left must sum to 1: divide it by its sum."),
            (taken, "These are sorted. Put each back at the index of its token."),
            (
                taken[order],
                "order has the index of each. To put it back there, use scatter.",
            ),
            (
                (probabilities * first).masked_fill(first == 0, -torch.inf).softmax(-1),
                "These are probabilities already: divide them by their sum, without a softmax.",
            ),
            (probabilities, "You keep all tokens."),
            (_normalised(probabilities * fewer).nan_to_num(), too_few),
            (probabilities * fewer, too_few),
            (_normalised(probabilities * (probabilities >= p)), each),
            (
                _normalised(probabilities * more),
                f"One token too many: the others reach {p} already.",
            ),
            (
                _normalised(probabilities * (probabilities.cumsum(0) - probabilities < p)),
                "You add up in the order of the vocabulary. Begin with the most probable token.",
            ),
            (
                _normalised(probabilities * (probabilities.argsort().argsort() < n)),
                upside_down,
            ),
            (_normalised(probabilities * rising), upside_down),
            (_normalised(probabilities * (1 - first)), upside_down),
            (
                probabilities * first / p,
                "What is left must sum to 1: divide it by its own sum, not by p.",
            ),
            (
                taken[:n],
                "You return the nucleus only. Return all tokens, with 0 where one is removed.",
            ),
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
        mistakes: list[tuple[object, str]] = [
            ((uncached, cached), "The two are swapped: first with the cache."),
            ((cached + 1, uncached), last),
            ((cached, uncached + prompt + tokens), last),
            ((cached + 1, uncached + prompt + tokens), last),
            ((tokens, uncached), "With the cache, the prompt must be processed, too, once."),
            ((cached, prompt * tokens), "Without a cache, the text is one token longer each time."),
            (
                (cached, uncached + tokens),
                f"The first token is predicted from the prompt: the lengths begin at {prompt}.",
            ),
            (
                (cached, sum(range(prompt + tokens))),
                "The prompt is there from the start: the first pass processes all of it.",
            ),
            ((tokens - 1, uncached), "With the cache, the prompt must be processed, too, once."),
            ((prompt, uncached), "With the cache, each new token but the last is processed, too."),
            (
                (cached, sum(range(prompt, prompt + tokens - 1))),
                "Each new token takes a pass over the text so far. You leave out the last pass.",
            ),
            (
                (cached, tokens * (prompt + tokens - 1)),
                "The text isn't that long from the start: it grows by one token each time.",
            ),
            (
                (cached, tokens * (prompt + tokens)),
                "The text isn't that long from the start: it grows by one token each time.",
            ),
            (
                (cached, sum(range(tokens))),
                f"The prompt is in each pass, too: the lengths begin at {prompt}.",
            ),
            ((cached, cached), "Without a cache, the whole text is processed for each new token."),
            (
                (cached, (prompt + tokens - 1) ** 2),
                "These are pairs of positions, as in a table of weights. Count positions.",
            ),
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
        mistakes = [
            (
                expected + V * D,
                "You count the token embeddings twice. The output is tied to them.",
            ),
            (expected - N * D, "The positions are missing: each has a learned vector."),
            (expected - 2 * D, "The last norm is missing. It has two vectors."),
            (expected - D, "The last norm has two vectors. You count one."),
            (expected - V * D, "The token embeddings are missing, V × D."),
            (expected - (V + N) * D, "The embeddings of tokens and positions are missing."),
            (expected + V, "The output adds no bias: logits are dot products with the embeddings."),
            (
                expected - L * D,
                "Each block lacks D parameters: one bias has as many, such as the last.",
            ),
            (
                expected - L * 5 * D,
                "Each block lacks 5 D parameters: its last two biases have as many.",
            ),
            (expected - L * 13 * D, "The biases and norms of the blocks are missing."),
            (expected - L * 13 * D - 2 * D, "All biases and norms are missing."),
            (expected - L * 9 * D, "The biases are missing: GPT-2 has them everywhere."),
            (
                expected - L * 4 * D,
                "Each block lacks 4 D parameters: its two norms have as many, and so have the four "
                "biases of attention.",
            ),
            (expected - L * 2 * D, "There are two norms in a block, with two vectors each."),
            (
                expected - L * 3 * D,
                "The first bias of the feed-forward network has 4 D components, as its layer has.",
            ),
            (
                expected - L * D * D,
                "Attention has four matrices: for queries, keys, values and output.",
            ),
            (
                expected - L * 4 * D * D,
                "The feed-forward network has two matrices, to 4 D and back.",
            ),
            (
                expected + L * 4 * D * D,
                "There is no cross-attention: a block has one attention.",
            ),
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
