"""The checks of *Word by word* know right answers, and say what is wrong with the others."""

import pytest

from attention.exercises import (
    Hint,
    check_alignment_error_rate,
    check_look_up,
    check_posteriors,
)


def translations(word, table):
    return {f: p for (e, f), p in table.items() if e == word}


def the_first(words, table):
    return [next(iter(translations(word, table)), word) for word in words]


def the_last_of_equals(words, table):
    return [
        max(reversed(translations(word, table).items()), key=lambda e: e[1], default=[word])[0]
        for word in words
    ]


def only_known_words(words, table):
    found = [translations(word, table) for word in words]
    return [max(f, key=f.__getitem__) for f in found if f]


def unknown_as_unk(words, table):
    found = [translations(word, table) for word in words]
    return [max(f, key=f.__getitem__, default="<unk>") for f in found]


def no_thought_of_unknown_words(words, table):
    found = [translations(word, table) for word in words]
    return [max(f, key=f.__getitem__) for f in found]


def none_for_unknown_words(words, table):
    found = [translations(word, table) for word in words]
    return [max(f, key=f.__getitem__, default=None) for f in found]


def nothing_for_unknown_words(words, table):
    return [word or "" for word in none_for_unknown_words(words, table)]


def probabilities(words, table):
    return [max(translations(word, table).values(), default=0) for word in words]


def whole_keys(words, table):
    pairs = [[pair for pair in table if pair[0] == word] for word in words]
    return [max(found, key=table.__getitem__, default=None) for found in pairs]


def least_probable(words, table):
    found = [translations(word, table) for word in words]
    return [min(f, key=f.__getitem__, default=w) for f, w in zip(found, words, strict=True)]


def last_in_the_alphabet(words, table):
    return [max(translations(word, table), default=word) for word in words]


def keys_of_one_word(words, table):
    return [table[word] for word in words]


def keys_the_wrong_way(words, table):
    return [max(table, key=lambda pair: table[pair[1], pair[0]])[1] for _ in words]


def three_to_a_key(words, table):
    return [f for e, f, _ in table if e in words]


def as_text(words, table):
    found = [translations(word, table) for word in words]
    return " ".join(max(f, key=f.__getitem__, default=w) for f, w in zip(found, words, strict=True))


@pytest.mark.on_cpu(reason="text only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (the_first, "Take the most probable"),
        (the_last_of_equals, "Keep the first of them"),
        (only_known_words, "You leave it out"),
        (unknown_as_unk, "Copy the unknown word"),
        (no_thought_of_unknown_words, "not in the table, here `Lisbon`"),
        (none_for_unknown_words, "Copy the unknown word"),
        (nothing_for_unknown_words, "Copy the unknown word"),
        (probabilities, r"wrong at \[0\]: it should be something else than 0.35"),
        (whole_keys, "something else than a tuple"),
        (least_probable, "You take the least"),
        (last_in_the_alphabet, "max compares spellings"),
        (keys_of_one_word, "no 'the'\nA key of the table is a pair"),
        (keys_the_wrong_way, r"no \('les', 'the'\)\n.* pair, \(English, French\)"),
        (three_to_a_key, r"^look_up\(words, table\) raises an error: not enough values"),
        (lambda words, table: list(words)[1:], "a list of 3, but yours is a list of 2"),
        (lambda words, table: [table.get(word, word) for word in words], "You copy each word"),
        (lambda words, table: (word for word in words), "a list of 3, but yours is <generator"),
        (lambda words, table: None, "gives nothing back yet"),
        (as_text, "in a list"),
    ],
)
def test_wrong_translators(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_look_up(wrong)


def joint(table, source, target):
    return table[source][:, target].T


def rows_of_targets(table, source, target):
    found = table[target][:, source]
    return found / found.sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (joint, "Divide each row by its sum"),
        (lambda *given: (joint(*given) / joint(*given).sum(1, True)).T, "right, but transposed"),
        (lambda *given: joint(*given) / joint(*given).sum(0), "Your columns add up to 1"),
        (lambda *given: joint(*given) / joint(*given).sum(), "by the sum of everything"),
        (lambda *given: joint(*given).softmax(1), "No softmax here"),
        (lambda *given: joint(*given) / joint(*given).sum(1), "keepdim=True keeps the sums"),
        (lambda t, s, f: t[s, f], r"source, target\] pairs the words"),
        (rows_of_targets, "the rows of the table are source words"),
        (lambda *given: joint(*given)[0], r"\(3, 2\), but yours is of the shape \(2,\)"),
        (lambda *given: joint(*given).tolist(), "but yours is a list"),
        (lambda *given: joint(*given) / 2, r"else at \[0, 0\], where yours is 0.1"),
        (lambda *given: None, "gives nothing back yet"),
    ],
)
def test_wrong_posteriors(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_posteriors(wrong)


@pytest.mark.on_cpu(reason="text only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda f, g: 2 * len(f & g) / (len(f) + len(g)), "how far they agree"),
        (lambda f, g: 1 - len(f & g) / len(f), "by the links found alone"),
        (lambda f, g: 1 - len(f & g) / len(g), "by the gold links alone"),
        (lambda f, g: 1 - len(f & g) / (len(f) + len(g)), "The numerator must do so, too"),
        (lambda f, g: 100 - 200 * len(f & g) / (len(f) + len(g)), "less than 71.43"),
        (lambda f, g: 1 - 2 * (f & g) / (len(f) + len(g)), "Both arguments are sets"),
        (lambda f, g: len(f) / len(g), "more than 0.4"),
        (lambda f, g: f & g, "a number, but yours is frozenset"),
        (lambda f, g: 1 - len(f & g) / len(f | g), "sum of both sizes, not by their union"),
        (lambda f, g: 5 / 7, r"\(gold, gold\) should be less than 0.71"),
    ],
)
def test_wrong_error_rates(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_alignment_error_rate(wrong)
