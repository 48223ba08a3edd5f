"""Exercises of the lab *The Transformer: a translator from end to end*."""

from collections.abc import Callable
from functools import partial
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
    missing = "The positions are missing: sinusoidal_positions(T, D)."
    alone = "Multiply the embeddings alone, and not the positions."
    factor = "The factor is √D, and D is the dimension: table.size(-1)."
    what = "embed(table, ids)"
    for ids in (torch.tensor([[4, 5, 6], [7, 4, 0]]), torch.tensor([[8, 3, 3, 1], [2, 6, 4, 4]])):
        x, T, positions = table[ids], ids.size(1), sinusoidal_positions(ids.size(1), 6)
        expected = root * x + positions
        mistakes = [
            (x, missing),
            (root * x, missing),
            (x + positions, "Multiply the embeddings by √D before you add the positions."),
            (root * (x + positions), alone),
            (x + root * positions, alone),
            (x / root + positions, "You divide by √D, as attention divides its scores. Multiply."),
            *((times * x + positions, factor) for times in (6, T**0.5, 3)),
            (expected * (ids != 0).unsqueeze(-1), "You set padding to zero. Masks hide it later."),
        ]
        compare(what, answer(what, embed, table, ids), expected, mistakes)
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
    replaced = "The output of the layer replaces x. Add x to it."
    itself = "Add to x itself, not to norm(x)."
    own = "You normalise with a layer norm of your own. Call `norm`: it has a gain and a bias."
    for norm_first, expected, other in ((False, post, pre), (True, pre, post)):
        what = f"add(x, layer, norm, norm_first={norm_first})"
        mistakes = [
            (other, "This is the other order: norm_first means the norm before the layer."),
            (norm(x) + layer(norm(x)), itself),
            (norm(x) + layer(x), itself),
            *((wrong, replaced) for wrong in (layer(x), norm(layer(x)), layer(norm(x)))),
            (x + norm(layer(x)), "Post-norm normalises the sum, and pre-norm the layer's input."),
            (norm(x + layer(norm(x))), "You normalise twice. Each order does so once."),
            (x + layer(x), "The norm is missing."),
            (F.layer_norm(x + layer(x), (4,)), own),
            (x + layer(F.layer_norm(x, (4,))), own),
        ]
        mine = answer(what, lambda x, first=norm_first: add(x, layer, norm, first), x)
        compare(what, mine, expected, mistakes)
    right("post-norm normalises the sum, and pre-norm the layer's input.")


def _mean_loss(targets: Tensor, logs: Tensor, kept: float, shared: float) -> Tensor:
    """The mean loss, in which the target counts `kept` times, and every token `shared` times."""
    chosen = logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (-kept * chosen - shared * logs.sum(-1))[targets != 0].mean()


def check_smoothed_loss(loss: Callable[..., Any]) -> None:
    """Check a loss with label smoothing, which ignores padding.

    Args:
        loss: From logits `(T, V)`, target ids `(T,)` and ε, the mean loss.

    Raises:
        Hint: It is something else.
    """
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    logs = logits.log_softmax(-1)
    unpadded, padded = torch.tensor([[5, 6, 4, 4, 3], [5, 6, 3, 0, 0]])
    no_logs = "These are no log-probabilities: start with logits.log_softmax(-1)."
    padding = "Padding counts in your mean. Leave out where the target is 0."
    parts = "The target counts 1 − ε times, and the mean over all tokens ε times."
    for targets, smoothing in ((unpadded, 0.1), (padded, 0.2), (padded, 0.0)):
        share, kept, real = smoothing / 7, 1 - smoothing, targets != 0
        mean = partial(_mean_loss, targets)
        expected = mean(logs, kept, share)
        broadcast = mean(logs, kept, 0.0) - smoothing * logs.mean()
        mistakes = [
            (mean(logits, kept, share), no_logs),
            (mean(logits.softmax(-1), kept, share), no_logs),
            (mean(logits.log_softmax(0), kept, share), "Softmax is over the tokens: axis -1."),
            (mean(logs, kept, -share), "Both parts are minus a log-probability. Check the signs."),
            (mean(logs, 1.0, 0.0), parts),
            (mean(logs, kept, 0.0), parts),
            (mean(logs, 1.0, share), parts),
            (mean(logs, smoothing, kept / 7), "1 − ε and ε are swapped: the target gets 1 − ε."),
            (mean(logs, kept, smoothing), "ε is divided among all tokens: a mean, not a sum."),
            (mean(logs, kept - smoothing / 6, smoothing / 6), "The target gets a part of ε, too."),
            (-expected, "The sign is wrong: a loss is minus a log-probability."),
            (expected * real.sum(), "This is the sum. Return the mean over the positions."),
            (expected * real.float().mean(), padding),
            (F.cross_entropy(logits, targets, label_smoothing=smoothing), padding),
            (broadcast, "Padding counts in the part ε. Do shapes (T, 1) and (T,) become (T, T)?"),
        ]
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
        if self.prefills > 1:
            raise Hint("You call prefill again. Encode the source once, before the loop.")
        return self._logits(source[0], 0)

    def decode_step(self, token: Tensor, state: tuple[Tensor, int, int]) -> tuple[Tensor, Any]:
        """Next-token logits; a wrong token, or an old state, gets a hint."""
        source, position, due = state
        self.steps += 1
        if not isinstance(token, Tensor) or token.shape != (1,):
            yours = tuple(token.shape) if isinstance(token, Tensor) else type(token).__name__
            raise Hint(f"decode_step takes the last token, a tensor of shape (1,). Yours: {yours}.")
        if self.steps > 99:
            raise Hint("You are past 99 steps: stop at </s>, and after max_len tokens.")
        if position < self.steps:
            raise Hint("You gave decode_step an old state. It returns the next one: pass that on.")
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
        model = Speller()
        what = f"decode(model, source, max_len={max_len})"
        after = "You go on after </s>: stop where token.item() == EOS."
        generated = ids[: ids.index(EOS)] if EOS in ids else ids
        expected = generated[:max_len]
        mistakes = [
            ([*expected, EOS], "</s> ends the translation, and isn't a part of it."),
            ([BOS, *expected], "<s> starts the decoder, and isn't a part of the translation."),
            (generated, f"max_len is {max_len}: stop there, even if the model would go on."),
            (expected[:-1], "The last token is missing. Did you cut it off as if it were </s>?"),
            (expected[1:], "The first token is missing: take it from the logits of prefill."),
            (expected + [EOS] * (max_len - len(expected)), after),
            ([torch.tensor([token]) for token in expected], "Make the tensors integers: .item()."),
        ]
        source = torch.tensor([ids])
        mine = answer(what, lambda source, m=model, n=max_len: decode(m, source, n), source)
        compare(what, mine, expected, mistakes)
        if model.steps > len(expected):
            enough = f"{len(expected)} are enough: one for each token"
            raise Hint(f"{model.steps} steps, and {enough}. prefill gives the first logits.")
    right("the source is encoded once, and each token is decoded once.")
