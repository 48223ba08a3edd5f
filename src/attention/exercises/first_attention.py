"""Exercises of the chapter *The first attention*."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from attention.exercises.checking import Hint, answer, compare, right
from attention.functional import padding_mask
from attention.layers.recurrent_attention import AdditiveAttention, MultiplicativeAttention
from attention.shapes import Float, Tensor

__all__ = [
    "LocationAttention",
    "check_additive_scores",
    "check_padding_mask",
    "check_perturbation_test",
    "check_source_word",
]

Layer = TypeVar("Layer", bound=nn.Module)

# The example that the chapter works by hand.
MEMORY = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # the, European, Area
QUERIES = torch.tensor([[1.0, 0.0], [1.0, 1.0]])  # before "zone", before "européenne"
W_A = torch.tensor([[-1.0, -2.0], [-3.0, 2.0]])
U_A = torch.tensor([[1.0, -2.0], [1.0, 2.0]])
V_A = torch.tensor([3.0, 3.0])


class LocationAttention(nn.Module):
    """A bug to catch: the weights depend on the query and the position, not on the keys.

    Args:
        d_query: Dimension of the decoder's hidden state.
        max_length: Length of the longest source sentence; each position has weights of its own.

    Source: the *location* score of Luong et al. 2015, section 3.1, equation 8.
    """

    def __init__(self, d_query: int, max_length: int) -> None:
        super().__init__()
        self.W_a = nn.Linear(d_query, max_length, bias=False)

    def forward(
        self, query: Float[Tensor, "*B T Q"], memory: Float[Tensor, "*B S M"]
    ) -> Float[Tensor, "*B T M"]:
        """The context vector of each query: the weighted sum of the encoder's outputs."""
        return self.attention_weights(query, memory) @ memory

    def attention_weights(
        self, query: Float[Tensor, "*B T Q"], memory: Float[Tensor, "*B S M"]
    ) -> Float[Tensor, "*B T S"]:
        """The weight that each query (row) puts on each source position (column)."""
        length = memory.size(-2)
        return self.W_a(query)[..., :length].softmax(dim=-1)


def check_additive_scores(scores: Callable[..., Any]) -> None:
    """Check the scores of additive attention, for all queries and keys at once.

    They are asked for twice: with the chapter's numbers, and with sizes that differ on every axis.

    Args:
        scores: From queries `(T, Q)`, encoder outputs `(S, M)`, `W_a` `(A, Q)`, `U_a` `(A, M)` and
            `v_a` `(A,)`, the scores `(T, S)`.

    Raises:
        Hint: The scores are wrong, or raise an error.
    """
    queries, keys = (QUERIES @ W_A.T)[:, None], MEMORY @ U_A.T
    hidden = torch.tanh(queries + keys)
    expected = hidden @ V_A
    no_tanh = "tanh is missing. Without it, softmax gives every query the same weights."
    halves = "You take tanh of each half by itself. Query and key must be added before tanh."
    swapped = "W_a projects the query, and U_a the encoder's outputs. You have swapped them."
    rows = "Each vector is a row here, so multiply by the transposed matrix: query @ W_a.T"
    outside = "v_a comes after tanh: take tanh of the vector, then multiply it by v_a."
    product = "This is the dot product of the projections. Add them, and take tanh of the sum."
    one_score = "v_a turns the vector of each pair into one score, a dot product: `hidden @ v_a`."
    mistakes = [
        ((queries + keys) @ V_A, no_tanh),
        (expected.softmax(-1), "These are weights already. Return the scores, before softmax."),
        (expected.T, "It is transposed: a row is a query, and a column a source position."),
        ((queries.tanh() + keys.tanh()) @ V_A, halves),
        (_scores(QUERIES, MEMORY, U_A, W_A, V_A), swapped),
        (_scores(QUERIES, MEMORY, W_A.T, U_A.T, V_A), rows),
        (torch.tanh((queries + keys) @ V_A), outside),
        (queries.squeeze(1) @ keys.T, product),
        (hidden, one_score),
        (hidden * V_A, one_score),
    ]
    called = "scores(query, memory, W_a, U_a, v_a)"
    hint = "Project each side, then add with a new axis: (T, 1, A) and (S, A) give (T, S, A)."
    found = answer(called, scores, QUERIES, MEMORY, W_A, U_A, V_A, hint=hint)
    compare(called, found, expected, mistakes)

    sizes = (2, 4), (3, 5), (6, 4), (6, 5), (6,)
    generator = torch.Generator().manual_seed(0)
    wider = [torch.rand(size, generator=generator).to(MEMORY.device) for size in sizes]
    hint = "It is right for the chapter's numbers, where every dimension is 2. These all differ."
    found = answer(called, scores, *wider, hint=hint)
    compare(called, found, _scores(*wider))
    right("the score of every query and every key, in one go.")


def _scores(query: Tensor, memory: Tensor, W_a: Tensor, U_a: Tensor, v_a: Tensor) -> Tensor:
    return torch.tanh((query @ W_a.T)[:, None] + memory @ U_a.T) @ v_a


def check_padding_mask(mask: Callable[..., Any]) -> None:
    """Check a padding mask.

    Args:
        mask: From token ids `(B, S)`, booleans `(B, 1, S)`: True where a query may attend.

    Raises:
        Hint: It masks something else, has another shape or another dtype, or raises an error.
    """
    ids = torch.tensor([[4, 5, 1, 7, 3], [4, 7, 3, 0, 0]])  # 1 is <unk>, 3 is </s>
    expected = padding_mask(ids)
    queries = "The axis of queries is missing: (B, S) can't be told from (T, S). Use unsqueeze(1)."
    last = "The new axis is the last one, where the source positions should be. Put it before them."
    heads = "One axis too many: (B, 1, 1, S) is for attention with heads. Scores are (B, T, S)."
    expanded = "You have a row for each of S queries, but there are T. One row is broadcast to all."
    additive = "That is an additive mask, to be added to scores. In this book a mask is boolean."
    words = "Only padding is masked. <unk> and </s> belong to the sentence."
    zeros = torch.zeros(expected.shape)
    mistakes = [
        (~expected, "It is inverted: True means that a query may attend to the position."),
        (expected.squeeze(1), queries),
        (expected.transpose(1, 2), last),
        (expected.unsqueeze(1), heads),
        (expected.expand(-1, 5, -1), expanded),
        *((zeros.masked_fill(~expected, low), additive) for low in (-torch.inf, -1e9)),
        *(((ids > special).unsqueeze(1), words) for special in (1, 3)),
    ]
    hint = "Compare the ids with 0, then insert an axis in the middle with unsqueeze(1)."
    found = answer("mask(ids)", mask, ids, hint=hint)
    compare("mask(ids)", found, expected, mistakes)
    if isinstance(found, Tensor) and found.dtype != torch.bool:
        raise Hint(f"The positions are right, but a mask is boolean, and yours is {found.dtype}.")
    right("every query may attend to the words, and none to the padding.")


def check_source_word(source_word: Callable[..., Any]) -> None:
    """Check which source word is said to be aligned with a target word.

    Args:
        source_word: From the decoder's weights (a row for each step), the English words, the French
            words and one of these: the English word with the largest weight in the step that emits
            the French one.

    Raises:
        Hint: It reads another row, a column or a position, or raises an error.
    """
    source = ["They", "arrived", "late", "."]
    target = ["Ils", "sont", "arrivés", "en", "retard", "."]
    weights = torch.tensor(
        [
            [0.90, 0.05, 0.02, 0.03],  # input <s>, output Ils
            [0.10, 0.80, 0.05, 0.05],  # input Ils, output sont
            [0.02, 0.90, 0.06, 0.02],  # …
            [0.05, 0.20, 0.70, 0.05],
            [0.02, 0.03, 0.94, 0.01],
            [0.02, 0.03, 0.05, 0.90],
            [0.02, 0.03, 0.15, 0.80],  # input ".", output </s>
        ]
    )
    rows, columns = weights.argmax(dim=1).tolist(), weights.argmax(dim=0).tolist()
    for t, word in enumerate(target):
        called = f"source_word(weights, source, target, {word!r})"
        later = f"You read the row whose input is {word}. The row that emits it is one earlier."
        earlier = f"You read the row before the one that emits {word}. Row 0 emits the first word."
        mistakes: list[tuple[object, str]] = [
            (source[rows[t + 1]], later),
            (source[rows[t - 1]], earlier),
            (rows[t], "That is a position. Return the English word at that position."),
            (weights[t].max(), "That is the largest weight. Return the English word that has it."),
            (weights[t], "That is the row of weights. Return the English word with the largest."),
            (target[rows[t]], "That is a French word. The columns belong to `source`."),
            (source[columns[t % 4] % 4], "You search a column. A French word's weights are a row."),
        ]
        hint = "Find the position of the word with target.index(word); that is also its row."
        found = answer(called, source_word, weights, source, target, word, hint=hint)
        compare(called, found, source[rows[t]], mistakes)
    right("each word is read off the row that emits it.")


def check_perturbation_test(test: Callable[..., Any]) -> None:
    """Check a test: it must pass for correct attention and fail for broken attention.

    Args:
        test: Raises `AssertionError` unless the weights of the attention that it gets follow the
            words. All take vectors of dimension 2, and at most 50 words.

    Raises:
        Hint: It passes a broken attention, fails a correct one, or raises another error.
    """
    for name, correct in {"additive": _additive(), "dot": MultiplicativeAttention(2, 2)}.items():
        if _fails(test, correct):
            raise Hint(
                f"Your test fails for a correct attention ({name}). If you reverse the words, its "
                "weights are reversed too; compare with torch.allclose, because of rounding."
            )
    if not _fails(test, _new(LocationAttention, 2, 50)):
        raise Hint(_why_it_passes(test))
    for broken in (_LocationBySentence, _LocationByFirstWord):
        if not _fails(test, _new(broken, 2, 50)):
            raise Hint(
                "Your test notices that the weights change with the words, but not whether each "
                "weight belongs to its word. Reverse the words: the weights must be reversed too."
            )
    right("your test passes correct attention, and catches weights that ignore the words.")


def _why_it_passes(test: Callable[..., Any]) -> str:
    """What a test checks, told from what it fails for, when weights by position pass it."""
    if _fails(test, _new(_ConstantContext, 2, 50)):
        return "The context vector changes with the words, whatever the weights. Check the weights."
    if _fails(test, _new(_Unnormalised, 2, 50)):
        return "Weights that ignore the words sum to one, too. Change the words, and compare."
    return "Your test passes weights that don't depend on the words. Change the words, and compare."


def _fails(test: Callable[..., Any], attention: nn.Module) -> bool:
    try:
        returned = test(attention)
    except AssertionError:
        return True
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Hint(
            f"my_test(attention) raises an error, so nothing is tested: {error}\nQueries have the "
            "shape (T, 2), and words the shape (S, 2)."
        ) from error
    if returned is not None:
        raise Hint("Your test returns something, which is ignored. A test reports by assert.")
    return False


def _additive() -> AdditiveAttention:
    """The attention of the chapter, with the numbers of its example."""
    attention = _new(AdditiveAttention, 2, 2, 2).requires_grad_(False)
    attention.W_a.weight.copy_(W_A)
    attention.U_a.weight.copy_(U_A)
    attention.v_a.weight.copy_(V_A)
    return attention


def _new(kind: Callable[..., Layer], *sizes: int) -> Layer:
    """Make a layer with the same initial weights every time, and leave the reader's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(*sizes)


class _LocationBySentence(LocationAttention):
    """Depends on which words there are, not on their order."""

    def attention_weights(self, query: Tensor, memory: Tensor) -> Tensor:
        return super().attention_weights(query + memory.mean(dim=-2, keepdim=True), memory)


class _LocationByFirstWord(LocationAttention):
    """Changes when the words are reversed, but not as they do."""

    def attention_weights(self, query: Tensor, memory: Tensor) -> Tensor:
        return super().attention_weights(query + memory[..., :1, :], memory)


class _ConstantContext(LocationAttention):
    """Returns a context vector that doesn't depend on the words."""

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        return query


class _Unnormalised(LocationAttention):
    """Follows the words, but its rows don't sum to one."""

    def attention_weights(self, query: Tensor, memory: Tensor) -> Tensor:
        return torch.exp(query @ memory.transpose(-2, -1))
