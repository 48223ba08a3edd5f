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
    """Check the input of the first block: scaled embeddings plus positional encodings.

    Args:
        embed: From an embedding table `(V, D)` and token ids `(B, T)`, vectors `(B, T, D)`.

    Raises:
        Hint: They are something else.
    """
    table, root = torch.randn(9, 6, generator=torch.Generator().manual_seed(0)), 6**0.5
    what, factor = "embed(table, ids)", "The factor is √D, and D is the dimension: table.size(-1)."
    for ids in (torch.tensor([[4, 5, 6], [7, 4, 0]]), torch.tensor([[8, 3, 3, 1], [2, 6, 4, 4]])):
        x, B, T = table[ids], ids.size(0), ids.size(1)
        positions, rows = sinusoidal_positions(T, 6), sinusoidal_positions(B, 6)
        mistakes = [
            (x, "The positions are missing, and the embeddings are not multiplied by √D."),
            (root * x, "The positions are missing: sinusoidal_positions(T, D)."),
            (x + positions, "Multiply the embeddings by √D before you add the positions."),
            (root * (x + positions), "Multiply the embeddings alone, and not the positions."),
            (x + root * positions, "You multiply the positions. Multiply the embeddings instead."),
            (x / root + positions, "You divide by √D, as attention divides its scores. Multiply."),
            (6 * x + positions, "You multiply by D. The factor is the square root of D."),
            (T**0.5 * x + positions, factor),
            (3 * x + positions, factor),
            (root * x + rows[:, None], "You number the sentences. Positions number the tokens of "
             "each sentence, along axis 1."),
            (root * x + sinusoidal_positions(9, 6)[ids], "You index the positions with the token "
             "ids. The first token is at position 0, whatever its id."),
            (root * x + sinusoidal_positions(T + 1, 6)[1:], "Count positions from 0."),
            ((root * x + positions).flatten(0, 1), "The batch axis is gone. Return (B, T, D)."),
            (root * x - positions, "Add the positions. You subtract them."),
            (root * x * positions, "Add the positions. You multiply by them."),
            ((x + positions) / root, "You divide the sum by √D. Multiply the embeddings alone."),
            (positions.expand_as(x), "The embeddings are missing: table[ids]."),
            ((root * x + positions) * (ids != 0).unsqueeze(-1), "You set padding to zero. It gets "
             "a vector like any other token, and the masks hide it later."),
        ]  # fmt: skip
        compare(what, answer(what, embed, table, ids), root * x + positions, mistakes)
    right("each vector represents its token and its position.")


def check_sublayer(add: Callable[..., Any]) -> None:
    """Check a residual connection with layer normalisation, in both orders.

    Args:
        add: From vectors, a layer, a norm and `norm_first`, the vectors after the sublayer.

    Raises:
        Hint: They are something else.
    """
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))

    def layer(x: Tensor) -> Tensor:
        return x.roll(1, dims=0) + x.square()  # depends on other tokens, and is not linear

    def norm(x: Tensor) -> Tensor:
        return F.layer_norm(x, (4,)) * 2.0 + 0.5

    pre, post = x + layer(norm(x)), norm(x + layer(x))
    given = "You normalise with a layer norm of your own. Call `norm`, the argument."
    for norm_first, expected, other in ((False, post, pre), (True, pre, post)):
        what = f"add(x, layer, norm, norm_first={norm_first})"
        mistakes = [
            (other, "This is the other order: norm_first means the norm before the layer."),
            (norm(x) + layer(norm(x)), "Add to x itself, not to the normalised x."),
            (norm(layer(x)), "The output of the layer replaces x. Add x to it."),
            (layer(norm(x)), "The output of the layer replaces x. Add x to it."),
            (x + norm(layer(x)), "You normalise the layer's output. Post-norm normalises the "
             "sum, and pre-norm the layer's input."),
            (norm(x) + layer(x), "You normalise x, but the layer gets it as it was."),
            (norm(x + layer(norm(x))), "You normalise twice. Each order does so once."),
            (norm(layer(norm(x))), "You normalise twice, and x itself isn't added."),
            (norm(x) + norm(layer(x)), "You normalise x and the layer's output separately. Each "
             "order normalises once."),
            (x + layer(x), "The norm is missing."),
            (layer(x), "The norm and the residual connection are missing."),
            (norm(x), "The layer is missing."),
            (F.layer_norm(x + layer(x), (4,)), f"{given} It has a gain and a bias."),
            (x + layer(F.layer_norm(x, (4,))), f"{given} It has a gain and a bias."),
        ]  # fmt: skip
        mine = answer(what, lambda x, first=norm_first: add(x, layer, norm, first), x)
        compare(what, mine, expected, mistakes)
    right("post-norm normalises the sum, and pre-norm the layer's input.")


def check_smoothed_loss(loss: Callable[..., Any]) -> None:
    """Check a loss with label smoothing, which ignores padding.

    Args:
        loss: From logits `(T, V)`, target ids `(T,)` and ε, the mean loss.

    Raises:
        Hint: It is something else.
    """
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    padded = torch.tensor([5, 6, 3, 0, 0])
    for targets, smoothing in ((torch.tensor([5, 6, 4, 4, 3]), 0.1), (padded, 0.2), (padded, 0.0)):
        real = targets != 0
        logs = logits.log_softmax(-1)
        chosen = logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        each = (smoothing - 1) * chosen - smoothing * logs.mean(-1)
        others = (logs.sum(-1) - chosen) / 6
        goal = F.one_hot(targets, 7) * (1 - smoothing) + smoothing / 7
        columns = logits.log_softmax(0)
        by_columns = -(goal * columns).sum(-1)
        expected = each[real].mean()
        no_logs = [
            (smoothing - 1) * x.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
            - smoothing * x.mean(-1)
            for x in (logits, logs.exp())
        ]
        mistakes = [
            (no_logs[0][real].mean(), "You use the logits as they are: take "
             "logits.log_softmax(-1) first."),
            (no_logs[1][real].mean(), "You use probabilities: take their logarithms."),
            ((smoothing - 1) * chosen[real].mean(), "The part ε for all tokens is missing."),
            (-expected, "The sign is wrong: a loss is minus a log-probability."),
            (-chosen[real].mean(), "This is the loss without smoothing."),
            (each.mean(), "Your mean includes padding. Leave out where the target is 0."),
            (-chosen.mean(), "Your mean includes padding, and nothing is smoothed."),
            (each[real].sum() / len(targets), "You divide by a count that includes padding."),
            (each[real].sum(), "This is the sum. Return the mean over the positions."),
            (each, "Return one number: the mean over the positions."),
            (each[real], "Return one number: the mean over the positions."),
            (((smoothing - 1) * chosen - smoothing * others)[real].mean(), "You divide ε among "
             "the other tokens. It is divided among all, the target included."),
            ((-chosen - smoothing * logs.mean(-1))[real].mean(), "The target keeps 1 − ε of "
             "the probability, and you give it all."),
            (((smoothing - 1) * chosen - smoothing * logs.sum(-1))[real].mean(), "ε is divided "
             "among all tokens: take the mean of the log-probabilities, not the sum."),
            ((-smoothing * chosen - (1 - smoothing) * logs.mean(-1))[real].mean(), "1 − ε and ε "
             "are swapped: ε is what the target loses."),
            (by_columns[real].mean(), "Your softmax normalises over the positions. Normalise over "
             "the tokens, axis -1."),
            (((smoothing - 1) * chosen[real]).mean() - smoothing * logs.mean(), "The part ε is a "
             "mean over padding, too. Or did the shapes (T, 1) and (T,) become (T, T)?"),
            (-(goal * logs)[real].mean(), "You take the mean over the tokens. Sum over them, and "
             "take the mean over the positions."),
            (((smoothing - 1) * chosen - smoothing * logs.mean(-1) / 7)[real].mean(), "You divide "
             "ε by the number of tokens twice: a mean does so already."),
            (((smoothing - 1) * chosen - smoothing * logs.exp().mean(-1).log())[real].mean(),
             "You take the logarithm of a mean. Take the mean of the log-probabilities."),
            (-((1 - smoothing) * chosen.exp() + smoothing / 7).log()[real].mean(), "You smooth "
             "the model's probabilities. Smooth the target."),
        ]  # fmt: skip
        what = f"loss(logits, targets, {smoothing})"
        what += ", with padding," if 0 in targets else ", without padding,"
        compare(what, answer(what, loss, logits, targets, smoothing), expected, mistakes)
    right("the target keeps 1 − ε, ε is divided among all tokens, and padding is ignored.")


class Speller:
    """A model that generates the ids of its source, then `</s>`, and checks how it is called."""

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
            of = (
                f"of shape {tuple(token.shape)}"
                if isinstance(token, Tensor)
                else type(token).__name__
            )
            raise Hint(f"decode_step takes the last token, a tensor of shape (1,). Yours: {of}.")
        if self.steps > 99:
            raise Hint("You are past 99 steps: stop at </s>, and after max_len tokens.")
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


def check_greedy(decode: Callable[..., Any]) -> None:
    """Check greedy decoding with a KV cache, one step for each token.

    Args:
        decode: From a model with `prefill` and `decode_step`, source ids `(1, S)` and `max_len`,
            the ids of the translation, without `<s>` and `</s>`.

    Raises:
        Hint: They are something else, or took more steps than needed.
    """
    for ids, max_len in (([7, 9, 9, 4], 10), ([5, 6, 8], 2), ([EOS], 5)):
        model, end = Speller(), EOS
        what = f"decode(model, source, max_len={max_len})"
        generated = ids[: ids.index(end)] if end in ids else ids
        expected = generated[:max_len]
        mistakes = [
            ([*expected, end], "</s> ends the translation, and isn't a part of it."),
            ([BOS, *expected], "<s> starts the decoder, and isn't a part of the translation."),
            ([BOS, *expected, end], "<s> and </s> are no part of the translation."),
            (generated, f"max_len is {max_len}: stop there, even if the model would go on."),
            (expected[:-1], "The last token is missing. Did you stop before you kept it, or cut "
             "it off as if it were </s>? After max_len tokens, there is no </s>."),
            ([*expected, *[end] * (max_len - len(expected))], "You go on after </s>. Compare "
             "token.item() with EOS, by ==, and stop there."),
            (expected[:1], "Only the first token is there. Call decode_step for the others."),
            ([torch.tensor([token]) for token in expected], "The ids are right, but they are "
             "tensors: .item() makes an integer."),
        ]  # fmt: skip
        source = torch.tensor([ids])
        mine = answer(what, lambda source, m=model, n=max_len: decode(m, source, n), source)
        compare(what, mine, expected, mistakes)
        if model.prefills > 1:
            raise Hint("The tokens are right, but you call prefill again: encode the source once.")
        if model.steps > len(expected):
            enough = f"{len(expected)} are enough: one for each token"
            raise Hint(f"{model.steps} steps, and {enough}. prefill gives the first logits.")
    right("the source is encoded once, and each token is decoded once.")
