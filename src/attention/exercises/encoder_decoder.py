"""Exercises of the chapter *The encoder-decoder and its bottleneck*."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

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
    inputs, states, U_n = (W @ x).view(3, 2), (U @ h).view(3, 2), U[4:]
    r, z = torch.sigmoid(inputs + states)[:2]

    def step(gated: Any, keep: Any = z, squash: Callable[..., Any] = torch.tanh) -> Any:
        return (1 - keep) * squash(inputs[2] + gated) + keep * h

    gated, candidate = U_n @ (r * h), torch.tanh(inputs[2] + U_n @ (r * h))
    found = answer("gru_step(x, h, W, U)", gru_step, x, h, W, U, hint=(
        "W and U hold the rows of three matrices each: W.chunk(3), U.chunk(3). W multiplies x, U "
        "multiplies h, and a matrix stands before its vector: U_n @ h."
    ))  # fmt: skip
    compare("gru_step(x, h, W, U)", found, step(gated), [
        (step(r * states[2]), "This is PyTorch's step, with the reset gate after the matrix. The "
            "paper multiplies the old hidden state by r first, and U_n multiplies the result."),
        (step((U_n @ r) * h), "`U_n @ r * h` means `(U_n @ r) * h`. Put brackets around r * h."),
        (step((r * h) @ U_n), "`(r * h) @ U_n` multiplies by the transpose of U_n. The matrix has "
            "to stand on the left."),
        (step(gated, 1 - z), "Your update gate works the wrong way round. Where z is 1, the old "
            "state is kept."),
        (candidate, "This is the candidate state n. The new state is "
            "(1 - z) * n + z * h."),
        (step(gated, squash=torch.sigmoid), "The candidate state needs tanh, not the sigmoid."),
        (step(gated, squash=lambda n: n), "The candidate state needs a tanh around the sum."),
        (step(U_n @ ((1 - r) * h)), "Your reset gate works the wrong way round. Where r is 0, the "
            "candidate depends on the word alone."),
        (step(U_n @ (z * h)), "The candidate state needs r, the reset gate. You have taken z."),
        ((1 - z) * candidate + z * r * h, "The reset gate acts on the candidate alone. In the new "
            "state, z multiplies the old hidden state as it was."),
        (step(r * states[2] + (r - 1) * inputs[2]), "r multiplies the old hidden state alone, not "
            "what comes from the word."),
        (step(states[2] + (r - 1) * inputs[2]), "r multiplies the old hidden state, not what comes "
            "from the word."),
        (step(states[2]), "The reset gate has no effect yet. It comes before U_n: U_n @ (r * h)."),
        (step(U_n @ (z * h), r), "You have taken r for z. The rows of W and U hold r first, then "
            "z, then n."),
    ])  # fmt: skip
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
    every = -logits.log_softmax(dim=1)[torch.arange(5), targets]
    real, positions = every[:3], torch.arange(3)
    found = answer("loss(logits, targets)", loss, logits, targets, hint=(
        "`gather` needs an index with as many axes as the logits: `targets.unsqueeze(1)`, of the "
        "shape (5, 1). Squeeze its result again."
    ))  # fmt: skip
    if isinstance(found, Tensor) and found.dim():
        raise Hint("The loss is one number. Select the log-probability of the target at each "
            "position, and take the mean over the real tokens.")  # fmt: skip
    compare("loss(logits, targets)", found, real.mean(), [
        (every.mean(), "This includes the padding. Leave out the positions where the target is 0."),
        (real.sum() / 5, "You add up the losses of the real tokens, and divide by all positions. "
            "Divide by the number of real tokens."),
        (real.sum(), "This is the sum. Divide it by the number of real tokens."),
        (-real.mean(), "Check the sign: a loss is minus the logarithm, so it is never below 0."),
        (-logits[positions, targets[:3]].mean(), "These are logits. Turn them into probabilities "
            "first, with a softmax."),
        (-logits.log_softmax(dim=0)[positions, targets[:3]].mean(), "Your softmax runs over the "
            "positions. It has to run over the vocabulary: dim=1."),
        ((-real).exp().mean(), "This is the mean probability. Take minus the logarithm of each "
            "probability first."),
        (-(-real).exp().mean(), "This is minus the mean probability. Take the logarithm of each "
            "probability first."),
        (-logits[positions, targets[:3]].log().mean(), "You take the logarithm of logits. Turn "
            "them into probabilities first, with a softmax."),
        (-logits.log_softmax(dim=1)[:3].amax(dim=1).mean(), "You take the most probable token at "
            "each position. The probability of the target counts, however small it is."),
        (real.mean().exp(), "This is the perplexity. Return the mean loss itself."),
        (every[3:].mean(), "This is the loss of the padding alone. Keep the positions where the "
            "target is not 0."),
        (-logits.log_softmax(dim=1)[:3].mean(), "This is a mean over the whole vocabulary. At each "
            "position, only the probability of the target counts."),
        (cross_entropy(logits.softmax(dim=1)[:3], targets[:3]), "cross_entropy takes logits, and "
            "has the softmax in it. Don't take it twice."),
        (cross_entropy(logits[:2], targets[1:3]), "Don't shift the targets: those that you get "
            "belong to the logits of the same row."),
        (-(-real).exp().mean().log(), "This is the logarithm of the mean probability. Take the "
            "logarithms first, then the mean."),
    ])  # fmt: skip
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
    found = answer("reverse(ids)", reverse, ids, hint=(
        "A slice of a tensor can't run backwards, so use flip(0). Rows of different lengths can't "
        "be stacked, so write the tokens into rows of zeros."
    ))  # fmt: skip
    if isinstance(found, Sequence):
        raise Hint("Return one tensor with a row for each sentence, not a list of rows.")
    compare("reverse(ids)", found, reverse_tokens(ids), [
        (ids, "The rows are unchanged."),
        (ids.flip(1), "The padding is reversed, too, so that a short sentence begins with it. "
            "Keep the padding at the end."),
        (ids.flip(0), "You have reversed the batch. Reverse each row by itself, along dim=1."),
        (ids.flip(0, 1), "You have reversed the order of the sentences, too. Flip each row only."),
        (ids.sort(dim=1, descending=True).values, "You have sorted the ids. The tokens have to "
            "keep their order, read from the end."),
        (ids.roll(1, 1), "You have only moved the last position to the front. Reverse the tokens."),
    ])  # fmt: skip
    if found.dtype != ids.dtype:
        raise Hint(f"The tokens are right, but yours are {found.dtype}, and an embedding needs "
            "integers: make the rows of zeros with torch.zeros_like(ids).")  # fmt: skip
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

    def ask(alpha: Any) -> Any:
        try:
            called = f"likeliest(candidates, {alpha})"
            return answer(called, likeliest, dict(candidates), alpha, hint=(
                "candidates[translation] is a list of probabilities. Take the logarithm of each, "
                "with math.log, and add them up."
            ))  # fmt: skip
        except Hint as hint:
            if not isinstance(hint.__cause__, KeyError):
                raise
            message = f"candidates has no key {hint.__cause__.args[0]!r}"
            raise Hint(f"{message}: its keys are the translations, as strings.") from hint

    def by(score: Callable[[Any, list[float], str], Any]) -> str:
        return max(
            candidates, key=lambda t: score(sum(map(math.log, candidates[t])), candidates[t], t)
        )

    mean, chosen = by(lambda total, p, _: total / len(p)), ask(1)
    if chosen is not None and chosen is not ... and not isinstance(chosen, str):
        raise Hint("Return the translation itself, not its score and not its probabilities.")
    compare("likeliest(candidates, 1)", chosen, mean, [
        (by(lambda total, *_: total), "The shortest one still wins. Divide the sum of the "
            "logarithms by the length to the power alpha."),
        (by(lambda total, _, text: total / len(text.split())), "You divide by the number of "
            "words. `</s>` has a probability, too: n is the number of probabilities."),
        (by(lambda total, _, text: total / len(text)), "len(translation) is the number of its "
            "letters. n is the number of probabilities."),
        (by(lambda _, p, __: sum(p)), "You add up probabilities, so that a very improbable token "
            "hardly counts. Add up their logarithms."),
        (by(lambda total, p, _: total / (len(p) + 1)), "You divide by too much. n is the number of "
            "probabilities: `</s>` is among them, and nothing is added."),
        (by(lambda total, p, _: (total - math.log(p[-1])) / (len(p) - 1)), "You leave out the last "
            "probability, that of `</s>`. It counts like the others."),
        (by(lambda _, p, __: len(p)), "You choose the longest. Rank them by the formula."),
        (by(lambda total, p, _: -total / len(p)), "You choose the worst. The scores are negative: "
            "the best is the one nearest to zero."),
    ])  # fmt: skip
    compare("likeliest(candidates, 0.5)", ask(0.5), by(lambda total, p, _: total / len(p) ** 0.5), [
        (mean, "You still divide by the whole length. alpha is a power: n ** alpha."),
    ])  # fmt: skip
    compare("likeliest(candidates, 0)", ask(0), by(lambda total, *_: total))
    right("a long translation is no longer at a disadvantage.")
