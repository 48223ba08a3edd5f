"""Exercises of the chapter *The encoder-decoder and its bottleneck*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import Hint, answer, compare, right
from attention.models.rnn.fixed_vector import reverse_tokens
from attention.shapes import Tensor

__all__ = ["check_likeliest", "check_loss", "check_paper_gru_step", "check_reverse"]


def check_paper_gru_step(gru_step: Callable[..., Any]) -> None:
    """Check one step of the GRU as it is published.

    Args:
        gru_step: From a word's embedding, the old hidden state and the stacked matrices `W` and
            `U`, the new hidden state.

    Raises:
        Hint: It is another network.

    Source: Cho et al. 2014, section 2.3.
    """
    x, h = torch.tensor([1.0, -0.5, 2.0]), torch.tensor([0.8, -0.6])
    W = torch.tensor([[1, 0, 0], [0, 2, 1], [0, 1, 0], [-1, 0, 0], [0, 1, 1], [1, 0, -1.0]])
    U = torch.tensor([[1, 0], [0, -2], [0, 1], [2, 0], [1, 1], [-1, 2.0]])
    word, old, U_n = (W @ x)[4:], (U @ h)[4:], U[4:]  # of the candidate state
    r, z, _ = torch.sigmoid(W @ x + U @ h).chunk(3)
    gated, n = U_n @ (r * h), torch.tanh(word + U_n @ (r * h))

    def step(past: Tensor, z: Tensor = z, f: Callable[[Tensor], Tensor] = torch.tanh) -> Tensor:
        return (1 - z) * f(word + past) + z * h

    pytorch = "This is PyTorch's step. In the paper, r multiplies h first, and U_n the product."
    tanh = "The candidate state needs a tanh around the whole sum."
    mistakes = [
        (step(r * old), pytorch),
        (step((U_n @ r) * h), "`U_n @ r * h` means `(U_n @ r) * h`. Put brackets around r * h."),
        (step((r * h) @ U_n), "`(r * h) @ U_n` takes the transpose. Put U_n on the left."),
        (step(gated, z=1 - z), "Your update gate is inverted. Where z is 1, the old state stays."),
        (n, "This is the candidate state n. The new state is (1 - z) * n + z * h."),
        (step(gated, f=torch.sigmoid), tanh),
        (step(gated, f=lambda total: total), tanh),
        (step(old), "The reset gate has no effect yet. It comes before U_n: U_n @ (r * h)."),
        ((1 - z) * n + z * r * h, "You have overwritten h: in the last line, z keeps the old one."),
        (step(U_n @ (z * h), z=r), "You swap r and z. The rows of W and U hold r first, then z."),
    ]
    hint = "W.chunk(3) gives three matrices to multiply x, and U.chunk(3) three for h: U_n @ h."
    found = answer("gru_step(x, h, W, U)", gru_step, x, h, W, U, hint=hint)
    compare("gru_step(x, h, W, U)", found, step(gated), mistakes)
    right("the reset gate acts before the matrix, as in the published paper.")


def check_loss(loss: Callable[..., Any]) -> None:
    """Check the loss of a padded translation.

    Args:
        loss: From the logits of every token (columns) at every position (rows), and the id of
            the target token at each position, 0 where there is padding, the mean loss per token.

    Raises:
        Hint: It takes another mean, or a mean of something else.
    """
    logits = torch.tensor([
        [0, 0, 0, 1, 3, 1.0], [0, 1, 0, 2, 1, 0], [1, 0, 0, 2, 0, 2], [0, 3, 0, 0, 1, 1],
        [2, 0, 0, 1, 3, 0],
    ])  # fmt: skip
    targets = torch.tensor([4, 1, 3, 0, 0])
    words, log_p = (torch.arange(3), targets[:3]), logits.log_softmax(dim=1)
    real, padding, p = -log_p[words], -log_p[3:, 0], log_p[words].exp().mean()
    columns = -logits.log_softmax(dim=0)[words].mean()
    twice = -logits.softmax(dim=1).log_softmax(dim=1)[words].mean()
    table = -log_p[:, targets][targets != 0].mean()
    no_log = "This is a mean of probabilities. Take minus the logarithm of each before the mean."
    mistakes = [
        ((real.sum() + padding.sum()) / 5, "This includes the padding. Leave it out."),
        (padding.mean(), "This is the padding alone. Keep the positions whose target is not 0."),
        (real.sum(), "This is the sum. Divide it by the number of real tokens."),
        (real.sum() / 5, "You divide by all positions. Divide by the number of real tokens."),
        (-real.mean(), "Check the sign: a loss is minus the logarithm, so it is never below 0."),
        (-logits[words].mean(), "These are logits. They need a softmax and a logarithm."),
        (columns, "Your softmax runs over the positions. Let it run over the vocabulary: dim=1."),
        (table, "[:, targets] takes every target at every position. Use gather."),
        (p, no_log),
        (-p, no_log),
        (-p.log(), "You take the logarithm of the mean. Take the logarithms first."),
        (twice, "You take the softmax twice: cross_entropy and log_softmax have it built in."),
    ]
    hint = "`gather` needs an index with two axes: targets.unsqueeze(1). Squeeze its result again."
    found = answer("loss(logits, targets)", loss, logits, targets, hint=hint)
    compare("loss(logits, targets)", found, real.mean(), mistakes)
    right("padding doesn't count, and each real token counts once.")


def check_reverse(reverse: Callable[..., Any]) -> None:
    """Check the reversal of a padded batch of source sentences.

    Args:
        reverse: From rows of token ids, padded with 0 at the end, rows with the last token first.

    Raises:
        Hint: The tokens or the padding stand elsewhere.

    Source: Sutskever et al. 2014, section 3.3.
    """
    ids = torch.tensor([[4, 5, 6, 0, 0], [4, 5, 8, 8, 6], [7, 9, 0, 0, 0]])
    mistakes = [
        (ids, "The rows are unchanged."),
        (ids.flip(1), "A short sentence begins with its padding now. Keep the padding at the end."),
        (ids.flip(0), "You have reversed the batch. Reverse each row by itself, along dim=1."),
        (ids.flip(0, 1), "You have reversed the order of the sentences, too. Flip each row only."),
    ]
    hint = (
        "Reverse with flip(0), not a slice. Rows of different lengths can't be stacked: pad them."
    )
    found = answer("reverse(ids)", reverse, ids, hint=hint)
    compare("reverse(ids)", found, reverse_tokens(ids), mistakes)
    if found.dtype != ids.dtype:
        needed = "but an embedding needs integers: make the zeros with torch.zeros_like(ids)."
        raise Hint(f"The tokens are right, {needed} Yours are {found.dtype}.")
    right("the last token comes first, and the padding stays at the end.")


def check_likeliest(likeliest: Callable[..., Any]) -> None:
    """Check the choice among finished translations of different lengths.

    Args:
        likeliest: From a dictionary of translations, each with the probabilities of its tokens
            (`</s>` included), and the power of the length, the best translation.

    Raises:
        Hint: It ranks them by something else.

    Source: Wu et al. 2016, section 7, with a simpler length penalty and no coverage penalty.
    """
    candidates = {  # each of the mistakes below chooses another one of them
        "Tard": [0.2, 0.65],
        "Trop tard": [0.1, 0.55, 0.25],
        "En retard": [0.55, 0.3, 0.6],
        "Bien trop tard": [0.5, 0.2, 0.7, 0.75],
        "Beaucoup trop tard": [0.65, 0.2, 0.6, 0.55],
        "Il est trop tard": [0.25, 0.5, 0.6, 0.65, 0.5],
        "Ils sont en retard": [0.45, 0.8, 0.7, 0.2, 0.2],
        "Il est désormais bien trop tard": [0.85, 0.05, 0.45, 0.9, 0.95, 0.5, 0.35],
        "Il est bien trop tard pour la zone": [0.6, 0.15, 0.1, 0.15, 0.6, 0.15, 0.15, 0.5, 0.5],
    }
    logs = {text: [math.log(p) for p in candidates[text]] for text in candidates}
    total, n = {text: sum(logs[text]) for text in logs}, {text: len(logs[text]) for text in logs}

    def best(score: Callable[[str], float]) -> str:
        return max(candidates, key=score)

    def ask(alpha: Any, hint: str = "") -> Any:
        called = f"likeliest(candidates, {alpha})"
        return answer(called, likeliest, dict(candidates), alpha, hint=hint)

    mean, shortest = best(lambda t: total[t] / n[t]), best(lambda t: total[t])
    every = "n is the number of probabilities, and `</s>` has one, too."
    mistakes = [
        (shortest, "The shortest one still wins. Divide the sum of the logarithms by n ** alpha."),
        (best(lambda t: total[t] / len(t.split())), f"You divide by the number of words. {every}"),
        (best(lambda t: total[t] / len(t)), f"You divide by the number of letters. {every}"),
        (best(lambda t: total[t] / (n[t] + 1)), f"You divide by too much. {every}"),
        (best(lambda t: sum(logs[t][:-1]) / (n[t] - 1)), "Don't leave the last probability out."),
        (best(lambda t: sum(candidates[t])), "You add up probabilities. Add up their logarithms."),
        (best(lambda t: -total[t] / n[t]), "You choose the worst. The best score is nearest to 0."),
    ]
    found = ask(1, "candidates[translation] is a list of probabilities. Add up their logarithms.")
    if isinstance(found, float | list | tuple | Tensor):
        raise Hint("Return the translation itself, not its score and not its probabilities.")
    compare("likeliest(candidates, 1)", found, mean, mistakes)
    power = "Only the length is raised to the power alpha: divide the sum by n ** alpha."
    by_root = best(lambda t: total[t] / n[t] ** 0.5)
    mistakes = [(mean, power), (shortest, power)]  # with torch, a root of a negative number is nan
    compare("likeliest(candidates, 0.5)", ask(0.5, power), by_root, mistakes)
    compare("likeliest(candidates, 0)", ask(0), shortest)
    right("a long translation is no longer at a disadvantage.")
