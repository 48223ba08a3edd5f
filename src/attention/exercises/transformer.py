"""Exercises of the lab *The Transformer: a translator from end to end*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right
from attention.layers.positions import sinusoidal_positions
from attention.shapes import Tensor
from attention.tokenizers.special_tokens import BOS, EOS

__all__ = ["check_first_vectors", "check_greedy", "check_smoothed_loss", "check_sublayer"]


def check_first_vectors(embed: Callable[..., Any]) -> None:
    """Check what goes into the first layer: what each word is, and where it stands.

    Args:
        embed: From a table `(V, D)` and word numbers `(B, T)`, vectors `(B, T, D)`.

    Raises:
        Hint: They are others.
    """
    table = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    what = "embed(table, ids)"
    for ids in (torch.tensor([[4, 5, 6], [7, 4, 0]]), torch.tensor([[8, 3, 3, 1], [2, 6, 4, 4]])):
        words, B, T = table[ids], ids.size(0), ids.size(1)
        positions, rows = sinusoidal_positions(T, 4), sinusoidal_positions(B, 4)
        mistakes = [
            (words, "The positions are missing, and the embeddings are not multiplied by √D."),
            (2 * words, "The positions are missing: sinusoidal_positions(T, D)."),
            (words + positions, "The embeddings are to be multiplied by √D before you add."),
            (2 * (words + positions), "Multiply the embeddings alone, and not the positions."),
            (words + 2 * positions, "You multiply the positions. It is the words that grow."),
            (words / 2 + positions, "Multiply by √D. You divide by it, as attention does."),
            (4 * words + positions, "You multiply by D. It is the square root of D."),
            (T**0.5 * words + positions, "√D, where D is the width of the table: table.size(-1)."),
            (3 * words + positions, "√D, where D is the width of the table: table.size(-1)."),
            (2 * words + rows[:, None], "You number the sentences. Positions count the words of "
             "a sentence, along axis 1."),
            (2 * words + sinusoidal_positions(9, 4)[ids], "You look the positions up by the "
             "numbers of the words. The first word stands at position 0, whatever it is."),
            (2 * words + sinusoidal_positions(T + 1, 4)[1:], "Positions are counted from 0."),
        ]  # fmt: skip
        compare(what, answer(what, embed, table, ids), 2 * words + positions, mistakes)
    right("each word says what it is, and where it stands.")


def check_sublayer(add: Callable[..., Any]) -> None:
    """Check what stands around each layer, in both orders.

    Args:
        add: From vectors, a layer, a norm and `norm_first`, new vectors.

    Raises:
        Hint: They are others.
    """
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))

    def layer(x: Tensor) -> Tensor:
        return x.roll(1, dims=0) + x.square()  # it looks at other words, and is not linear

    def norm(x: Tensor) -> Tensor:
        return F.layer_norm(x, (4,)) * 2.0 + 0.5

    pre, post = x + layer(norm(x)), norm(x + layer(x))
    for norm_first, expected, other in ((False, post, pre), (True, pre, post)):
        what = f"add(x, layer, norm, norm_first={norm_first})"
        mistakes = [
            (other, "This is the other order: norm_first means the norm before the layer."),
            (norm(x) + layer(norm(x)), "What is added to is x as it came, without the norm."),
            (norm(layer(x)), "The layer replaces x. Add x to what it says."),
            (layer(norm(x)), "The layer replaces x. Add x to what it says."),
            (x + norm(layer(x)), "You bring to size what the layer says. Post-norm does it to the "
             "sum, and pre-norm to what the layer sees."),
            (norm(x) + layer(x), "The norm stands beside the layer, and not before it or after."),
            (norm(x + layer(norm(x))), "Here the norm comes twice. Each order has it once."),
            (x + layer(x), "The norm is missing."),
        ]  # fmt: skip
        mine = answer(what, lambda x, first=norm_first: add(x, layer, norm, first), x)
        compare(what, mine, expected, mistakes)
    right("post-norm brings the sum to size, and pre-norm what the layer sees.")


def check_smoothed_loss(loss: Callable[..., Any]) -> None:
    """Check a loss with label smoothing, in which padding has no say.

    Args:
        loss: From logits `(T, V)`, the right words `(T,)` and a share ε, a number.

    Raises:
        Hint: It is another number.
    """
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    padded = torch.tensor([5, 6, 3, 0, 0])
    for wanted, smoothing in ((torch.tensor([5, 6, 4, 4, 3]), 0.1), (padded, 0.2), (padded, 0.0)):
        real = wanted != 0
        logs = logits.log_softmax(-1)
        chosen = logs.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
        each = (smoothing - 1) * chosen - smoothing * logs.mean(-1)
        others = (logs.sum(-1) - chosen) / 6
        expected = each[real].mean()
        no_logs = [
            (smoothing - 1) * x.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
            - smoothing * x.mean(-1)
            for x in (logits, logs.exp())
        ]
        mistakes = [
            (no_logs[0][real].mean(), "You use the scores themselves: take "
             "logits.log_softmax(-1) first."),
            (no_logs[1][real].mean(), "These are probabilities: take their logarithm."),
            ((smoothing - 1) * chosen[real].mean(), "The share ε of all words is missing."),
            (-expected, "The sign: a loss is minus the logarithm."),
            (-chosen[real].mean(), "This is the loss without smoothing."),
            (each.mean(), "Padding counts. Take the mean over places where the word is not 0."),
            (-chosen.mean(), "Padding counts, and nothing is smoothed."),
            (each[real].sum() / len(wanted), "You divide by all places. Padding is none of them."),
            (each[real].sum(), "A sum, and the mean over the places was asked for."),
            (each, "The loss is one number: the mean over the places."),
            (each[real], "The loss is one number: the mean over the places."),
            (((smoothing - 1) * chosen - smoothing * others)[real].mean(), "You spread ε over the "
             "wrong words alone. It goes to all words alike, the right one too."),
            ((-chosen - smoothing * logs.mean(-1))[real].mean(), "The right word keeps 1 − ε of "
             "the probability."),
            (((smoothing - 1) * chosen - smoothing * logs.sum(-1))[real].mean(), "ε is shared by "
             "all words: the mean of their logarithms, and not the sum."),
            ((-smoothing * chosen - (1 - smoothing) * logs.mean(-1))[real].mean(), "The other way "
             "round: ε is the share that the right word loses."),
        ]  # fmt: skip
        what = f"loss(logits, wanted, {smoothing}), {'with' if 0 in wanted else 'without'} padding,"
        compare(what, answer(what, loss, logits, wanted, smoothing), expected, mistakes)
    right("the right word keeps 1 − ε, all words share ε, and padding has no say.")


class Speller:
    """A model that says the ids of its source, then `</s>`, as long as it is asked rightly."""

    def __init__(self) -> None:
        self.prefills = self.steps = 0

    def prefill(self, source: Tensor, max_new_tokens: int) -> tuple[Tensor, Any]:
        """The first token's logits; the state is the source, a position, and the token due next."""
        self.prefills += 1
        return self._logits(source[0], 0)

    def decode_step(self, token: Tensor, state: tuple[Tensor, int, int]) -> tuple[Tensor, Any]:
        """Next-token logits; a wrong token, or an old state, gets a hint."""
        source, position, due = state
        self.steps += 1
        if not isinstance(token, Tensor) or token.shape != (1,):
            found = f"a {type(token).__name__}" if not isinstance(token, Tensor) else token.shape
            raise Hint(f"decode_step wants the last token, a tensor of shape (1,), not {found}")
        if self.steps > 99:
            raise Hint("You took 99 steps, and go on: stop at </s>, and after max_len tokens.")
        if position < self.steps:
            old = "You gave decode_step an old state. It returns the next one: pass that on."
            again = "You call prefill again: encode the source once."
            raise Hint(old if self.prefills == 1 else again)
        if int(token) != due:
            raise Hint(f"decode_step should be given {due}, the last token, but got {int(token)}.")
        return self._logits(source, position)

    def _logits(self, source: Tensor, position: int) -> tuple[Tensor, Any]:
        due = int(source[position]) if position < len(source) else EOS
        return F.one_hot(torch.tensor([due]), 20).float(), (source, position + 1, due)


def check_greedy(write: Callable[..., Any]) -> None:
    """Check greedy decoding with a KV cache, one step for each token.

    Args:
        write: From a model with `prefill` and `decode_step`, source ids `(1, S)` and `max_len`,
            the ids of the translation, without `<s>` and `</s>`.

    Raises:
        Hint: Other words, or more work than needed.
    """
    for words, max_len in (([7, 9, 9, 4], 10), ([5, 6, 8], 2), ([EOS], 5)):
        model, end = Speller(), EOS
        what = f"write(model, source, max_len={max_len})"
        spoken = words[: words.index(end)] if end in words else words
        expected = spoken[:max_len]
        mistakes = [
            ([*expected, end], "</s> is a sign to stop, and no word of the translation."),
            ([BOS, *expected], "<s> is a sign to begin, and no word of the translation."),
            ([BOS, *expected, end], "<s> and </s> are signs, and no words."),
            (spoken, f"max_len is {max_len}: stop there, even if the model would go on."),
            (expected[:-1], "The last word is missing. Did you stop before you kept it, or cut it "
             "off as if it were </s>? After max_len words, there is no </s>."),
            ([torch.tensor([word]) for word in expected], "The numbers are right, but they are "
             "tensors: .item() makes an integer."),
        ]  # fmt: skip
        mine = answer(what, lambda ids, m=model, n=max_len: write(m, ids, n), torch.tensor([words]))
        compare(what, mine, expected, mistakes)
        if model.prefills > 1:
            raise Hint("The tokens are right, but you call prefill again: encode the source once.")
        if model.steps > len(expected):
            enough = f"{len(expected)} are enough: one for each token"
            raise Hint(f"{model.steps} steps, and {enough}. The first one's logits come for free.")
    right("the source is encoded once, and each token is decoded once.")
