"""Exercises of the chapter *The first attention*."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from attention.exercises.checking import Hint, compare, right
from attention.functional import padding_mask
from attention.layers.recurrent_attention import AdditiveAttention, MultiplicativeAttention
from attention.shapes import Float, Tensor

__all__ = [
    "AttentionByPlace",
    "check_additive_scores",
    "check_padding_mask",
    "check_perturbation_test",
    "check_source_word",
]

Layer = TypeVar("Layer", bound=nn.Module)

# The numbers that the chapter works with by hand.
MEMORY = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # the, European, Area
QUERIES = torch.tensor([[1.0, 0.0], [1.0, 1.0]])  # before "zone", before "européenne"
W_A = torch.tensor([[-1.0, -2.0], [-3.0, 2.0]])
U_A = torch.tensor([[1.0, -2.0], [1.0, 2.0]])
V_A = torch.tensor([3.0, 3.0])


class AttentionByPlace(nn.Module):
    """A mistake to catch: the weights come from the query alone, and never see the words.

    Args:
        d_query: Width of the decoder's state.
        max_length: Words of the longest sentence: each place has its own weights to learn.
    """

    def __init__(self, d_query: int, max_length: int) -> None:
        super().__init__()
        self.W_a = nn.Linear(d_query, max_length, bias=False)

    def forward(
        self, query: Float[Tensor, "*B T Q"], memory: Float[Tensor, "*B S M"]
    ) -> Float[Tensor, "*B T M"]:
        """Mix the encoded words of `memory`: the *context*."""
        return self.attention_weights(query, memory) @ memory

    def attention_weights(
        self, query: Float[Tensor, "*B T Q"], memory: Float[Tensor, "*B S M"]
    ) -> Float[Tensor, "*B T S"]:
        """How much each query (row) looks at each place (column)."""
        places = memory.size(-2)
        return self.W_a(query)[..., :places].softmax(dim=-1)


def check_additive_scores(scores: Callable[..., Any]) -> None:
    """Check the scores of additive attention, for all queries and words at once.

    Args:
        scores: From queries `(T, Q)`, encoded words `(S, M)`, `W_a`, `U_a` and `v_a`, the scores
            `(T, S)`.

    Raises:
        Hint: They are something else.
    """
    asked, offered = QUERIES @ W_A.T, MEMORY @ U_A.T
    both = asked[:, None] + offered
    expected = torch.tanh(both) @ V_A
    swapped = (QUERIES @ U_A.T)[:, None] + MEMORY @ W_A.T
    turned = (QUERIES @ W_A)[:, None] + MEMORY @ U_A
    mistakes = [
        (both @ V_A, "These are sums: tanh is missing. Without it, every query wants the same."),
        (expected.softmax(-1), "These are weights already. Return the scores, before softmax."),
        (expected.T, "Turn it round: a row for each query, and a column for each source word."),
        (
            torch.tanh(asked[:, None]) @ V_A + torch.tanh(offered) @ V_A,
            "You take tanh of each half by itself. Add the halves first: they must meet inside.",
        ),
        (torch.tanh(swapped) @ V_A, "W_a belongs to the query, and U_a to the source words."),
        (
            torch.tanh(turned) @ V_A,
            "Each vector is a row here, so multiply with the transposed matrix: query @ W_a.T",
        ),
    ]
    found = scores(QUERIES, MEMORY, W_A, U_A, V_A)
    compare("scores(query, memory, W_a, U_a, v_a)", found, expected, mistakes)
    right("the score of every query and every word, in one go.")


def check_padding_mask(mask: Callable[..., Any]) -> None:
    """Check a mask over padding.

    Args:
        mask: From word numbers `(B, S)`, booleans `(B, 1, S)`: True where a query may look.

    Raises:
        Hint: It hides something else, or has another shape.
    """
    ids = torch.tensor([[4, 5, 1, 7, 3], [4, 7, 3, 0, 0]])  # 1 is <unk>, 3 is </s>
    expected = padding_mask(ids)
    mistakes = [
        (~expected, "It is the wrong way round: True means that a query may look there."),
        (
            expected.squeeze(1),
            "The axis of queries is missing: (B, S) can't be told from (T, S). Insert it with "
            "unsqueeze(1), so that the mask of a sentence holds for each of its queries.",
        ),
        (
            expected.transpose(1, 2),
            "The new axis stands at the end, where the words should be. It belongs in the middle.",
        ),
        (
            (ids > 1).unsqueeze(1),
            "An unknown word (1) is a word: somebody may have to look at it.",
        ),
        ((ids > 3).unsqueeze(1), "Only padding is hidden: <unk> and </s> have something to say."),
    ]
    found = mask(ids)
    compare("mask(ids)", found, expected, mistakes)
    if isinstance(found, Tensor) and found.dtype != torch.bool:
        raise Hint(f"The places are right, but a mask is boolean, and yours is {found.dtype}.")
    right("every query sees the words, and no query sees the padding.")


def check_source_word(source_word: Callable[..., Any]) -> None:
    """Check which English word is said to stand behind a French one.

    Args:
        source_word: From the decoder's weights, a row for each step, the English words, the French
            words and one of these, the English word that got the most weight when it was written.

    Raises:
        Hint: It reads another row.
    """
    source = ["They", "arrived", "late", "."]
    target = ["Ils", "sont", "arrivés", "en", "retard", "."]
    weights = torch.tensor(
        [
            [0.90, 0.05, 0.03, 0.02],  # read <s>, writes Ils
            [0.10, 0.80, 0.05, 0.05],  # read Ils, writes sont
            [0.02, 0.90, 0.06, 0.02],  # …
            [0.05, 0.20, 0.70, 0.05],
            [0.02, 0.03, 0.94, 0.01],
            [0.02, 0.03, 0.05, 0.90],
            [0.02, 0.03, 0.15, 0.80],  # read ".", writes </s>
        ]
    )
    most, columns = weights.argmax(dim=1).tolist(), weights.argmax(dim=0).tolist()
    for t, word in enumerate(target):
        mistakes = [
            (
                source[most[t + 1]],
                f"For {word}, you read the row in which the decoder has {word} behind it and "
                "writes the next word. The row that emits the word is one earlier.",
            ),
            (most[t], "That is a place. Give the English word that stands there."),
            (
                source[columns[t % 4] % 4],
                "You search a column. The weights of one French word are a row.",
            ),
        ]
        found = source_word(weights, source, target, word)
        compare(f"source_word(weights, source, target, {word!r})", found, source[most[t]], mistakes)
    right("each word is read off the row that emits it.")


def check_perturbation_test(test: Callable[..., Any]) -> None:
    """Check a test: it must be green for sound attention and red for broken attention.

    Args:
        test: Raises `AssertionError` unless the weights of the attention that it gets follow the
            words. All take vectors of two numbers, and up to 50 words.

    Raises:
        Hint: It lets a broken attention pass, or a sound one fail.
    """
    for name, sound in {"additive": _additive(), "dot": MultiplicativeAttention(2, 2)}.items():
        if _is_red(test, sound):
            raise Hint(
                f"Your test goes red on a sound attention ({name}). Turn the words round, and its "
                "weights turn round with them; compare with torch.allclose, as sums are rounded."
            )
    if not _is_red(test, _new(AttentionByPlace, 2, 50)):
        raise Hint(_why_green(test))
    if not _is_red(test, _new(_BySentence, 2, 50)):
        raise Hint(
            "Your test sees that the weights change with the words, but not that each weight "
            "belongs to its word. Turn the words round: the weights must turn round with them."
        )
    right("your test lets sound attention pass, and catches weights that ignore the words.")


def _why_green(test: Callable[..., Any]) -> str:
    """What a test looks at, told from what it goes red for, when weights by place pass it."""
    if _is_red(test, _new(_Blind, 2, 50)):
        return (
            "Your test looks at the context, which changes with the words that are averaged, "
            "whatever the weights are. Ask for attention.attention_weights(query, memory)."
        )
    if _is_red(test, _Unnormalised(2, 2)):
        return (
            "Rows that add up to one are good, but weights that ignore the words do that, too. "
            "Change the words, and see what the weights do."
        )
    return (
        "Your test stays green on weights that never see the words. Ask for the weights "
        "twice, with other words the second time, and assert what must be different."
    )


def _is_red(test: Callable[..., Any], attention: nn.Module) -> bool:
    try:
        answer = test(attention)
    except AssertionError:
        return True
    if answer is not None:
        raise Hint("Your test gives back an answer, and nobody reads it. A test speaks by assert.")
    return False


def _additive() -> AdditiveAttention:
    """The attention of the chapter, with its literal numbers."""
    attention = _new(AdditiveAttention, 2, 2, 2).requires_grad_(False)
    attention.W_a.weight.copy_(W_A)
    attention.U_a.weight.copy_(U_A)
    attention.v_a.weight.copy_(V_A)
    return attention


def _new(kind: Callable[..., Layer], *sizes: int) -> Layer:
    """Make a layer with the same random numbers every time, and leave the reader's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(*sizes)


class _BySentence(AttentionByPlace):
    """Knows which words there are, and still weighs places."""

    def attention_weights(self, query: Tensor, memory: Tensor) -> Tensor:
        return super().attention_weights(query + memory.mean(dim=-2, keepdim=True), memory)


class _Blind(AttentionByPlace):
    """Gives an answer that has nothing to do with the words."""

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        return query


class _Unnormalised(MultiplicativeAttention):
    """Follows the words, but its rows don't add up to one."""

    def attention_weights(
        self, query: Tensor, memory: Tensor, mask: object = None, keys: object = None
    ) -> Tensor:
        return torch.exp(query @ memory.transpose(-2, -1))
