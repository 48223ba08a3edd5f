"""The checks of *Word by word* know right answers, and say what is wrong with the others."""

import pytest
import torch

from attention.exercises import (
    Hint,
    check_alignment_error_rate,
    check_look_up,
    check_shares,
)
from attention.exercises.checking import compare, same


def translations(word, dictionary):
    return {f: p for (e, f), p in dictionary.items() if e == word}


def the_first(words, dictionary):
    return [next(iter(translations(word, dictionary)), word) for word in words]


def the_last_of_equals(words, dictionary):
    return [
        max(reversed(translations(word, dictionary).items()), key=lambda e: e[1], default=[word])[0]
        for word in words
    ]


def only_known_words(words, dictionary):
    found = [translations(word, dictionary) for word in words]
    return [max(f, key=f.__getitem__) for f in found if f]


def unknown_as_unk(words, dictionary):
    found = [translations(word, dictionary) for word in words]
    return [max(f, key=f.__getitem__, default="<unk>") for f in found]


def no_thought_of_unknown_words(words, dictionary):
    found = [translations(word, dictionary) for word in words]
    return [max(f, key=f.__getitem__) for f in found]


def as_text(words, dictionary):
    found = [translations(word, dictionary) for word in words]
    return " ".join(max(f, key=f.__getitem__, default=w) for f, w in zip(found, words, strict=True))


@pytest.mark.on_cpu(reason="text only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (the_first, "Take the likeliest"),
        (the_last_of_equals, "the one that came first"),
        (only_known_words, "You leave it out"),
        (unknown_as_unk, "Copy the unknown word"),
        (no_thought_of_unknown_words, "On `Lisbon` yours raises ValueError"),
        (as_text, "in a list"),
    ],
)
def test_wrong_translators(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_look_up(wrong)


def claims(table, source, target):
    return table[source][:, target].T


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (claims, "divide by its sum"),
        (lambda *given: claims(*given).T, "lie on their side.*Then divide"),
        (lambda *given: (claims(*given) / claims(*given).sum(1, True)).T, "but they lie on"),
        (lambda *given: torch.full_like(claims(*given), 0.5), "Look into the table"),
        (lambda *given: claims(*given) / claims(*given).sum(0), "Your columns add up to 1"),
        (lambda *given: claims(*given).softmax(1), "No softmax here"),
        (lambda *given: claims(*given)[0], r"should be .* \(shape \(3, 2\)\), but yours"),
        (lambda *given: (claims(*given) / 2).tolist(), "but yours is"),
    ],
)
def test_wrong_shares(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_shares(wrong)


@pytest.mark.on_cpu(reason="text only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda f, g: 2 * len(f & g) / (len(f) + len(g)), "how far they agree"),
        (lambda f, g: 1 - len(f & g) / len(f), "by the links found alone"),
        (lambda f, g: 1 - len(f & g) / len(g), "by the gold links alone"),
        (lambda f, g: 1 - len(f & g) / (len(f) + len(g)), "count it twice"),
        (lambda f, g: 1 - len(f & g) / len(f | g), "not by their union"),
        (lambda f, g: 5 / 7, r"error_rate\(gold, gold\) should be 0, but yours is 0.7143"),
    ],
)
def test_wrong_error_rates(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_alignment_error_rate(wrong)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (torch.ones(2), torch.ones(2, dtype=torch.double), True),
        (torch.ones(2), torch.ones(2, 1), False),
        (torch.ones(2) + 1e-3, torch.ones(2), False),
        ([1.0, 1.0], torch.ones(2), False),
        (torch.tensor(0.5), 0.5, True),
        (1, 1.0, True),
        ("1", 1.0, False),
        ({"a": 1 / 3}, {"a": 0.33333333}, True),
        ({"a": 1.0, "b": 0.0}, {"a": 1.0}, False),
        (["a", 1.0], ("a", 1), True),
        (["a"], "a", False),
        ({1, 2}, {2, 1}, True),
        (torch.tensor([torch.nan]), torch.ones(1), False),
    ],
)
def test_what_counts_as_the_same_answer(one, other, agree):
    assert same(one, other) is agree


def test_a_hint_shows_short_numbers():
    with pytest.raises(Hint, match=r"^p should be 0.3333, but yours is \{'a': 0.6667\}$"):
        compare("p", {"a": 2 / 3}, 1 / 3)
    with pytest.raises(Hint, match=r"^w should be \[0.3333\] \(shape \(1,\)\), but yours is 'no'$"):
        compare("w", "no", torch.tensor([1 / 3]))
