"""The book speaks the field's language: what the first edition said instead doesn't come back.

The package has a stricter table (tests/house/test_words.py). A page may say *number* or *word*
where it means one, so here a phrase is refused only in its technical sense.
"""

import re

import pytest

from tests.prose import DOCS, book, prose

pytestmark = pytest.mark.on_cpu(reason="text only")

REFERENCE = ["reference/glossary.md", "reference/notation.md", "reference/facts.md"]
REFUSED = {
    r"(quer(y|ies)|tokens?|words?|heads?|positions?|models?|decoders?|encoders?) (may |can |must )?"
    r"(only )?looks? (at|back|ahead|into)": "attend to",
    r"may (only )?look|looks? nowhere|look(s|ing)? both ways|who (is )?looks?(ing)?": "attend to",
    r"blind": "fully masked row; permutation-equivariant",
    r"word numbers?|numbers? of (each|the|a|every) (word|piece)": "token id",
    r"pieces of words|word pieces?(?! vocabulary)": "subword",
    r"(model's|same) width|width of (the|a) (model|vectors?|head)": "dimension",
    r"numbers? of (a|the|each|every|its) (vector|query|key|value)s?": "components, entries",
    r"(numbers|weights) to learn|first numbers": "parameters; initial weights",
    r"scores? for (each|every) word of the vocabulary": "logits",
    r"chances?|by lot|lots": "probabilities; sampled, at random",
    r"(given|wanted) (tokens?|words?|sentences?)|what is wanted": "input, target",
    r"all given|in writing": "teacher-forced; autoregressive",
    r"(guess|fill)(s|ed|ing)? (the |a )?(gaps?|hidden words?)|guessing|gaps alone": "masked token",
    r"hidden words?": "masked token",
    r"words? (is|are|was|were) hidden": "masked token",
    r"beginnings": "prompts, prefixes; hypotheses",
    r"(put|laid|lie|lay) (side by side|end to end)": "concatenated",
    r"answers? of (the|its|all|both) heads|heads'? answers?": "head outputs",
    r"mixed by (a|the) (last )?matrix": "output projection",
    r"(keys|values|offers?) (that are )?offered|leaves? behind": "keys and values; KV cache",
    r"shared by groups(?! of)": "grouped-query attention, KV heads",
    r"cut at zero|smooth one|instead of a curve": "ReLU; GELU; activation function",
    r"(bring|brings|brought) to (a )?size": "normalise",
    r"thinks? for (itself|themselves)": "position-wise feed-forward network",
    r"turn(s|ed|ing)? (the )?(queries|keys|pairs)|speeds": "rotate; frequency",
    r"tables? of (its|their) own|own tables?": "untied output embedding, LM head",
    r"mended|goes red|falls? away": "fixed; fails; what is removed",
    r"put to sleep": "saturated",
    r"runs of (one|two|three|four|words|tokens)": "n-grams",
    r"steps in a row|longest way": "sequential operations; maximum path length",
    r"switch(es|ed|ing)? off": "ablated",
    r"empty word": "NULL word",
    r"put aside": "held out",
    r"partners?": "positive; in-batch negatives",
    r"(by|on|of) (the|one|a) processor|processor (time|core|seconds?)": "CPU",
    r"by heart|has no say|torn": "what a tensor or a model does",
    r"likeliest": "most probable",
}


def phrase(words: str) -> re.Pattern[str]:
    whole = rf"(?<![A-Za-z])(?:{words})(?![A-Za-z])".replace(" ", r"\s+")
    return re.compile(whole, re.IGNORECASE)


def findings(text: str) -> list[str]:
    """The phrases of the first edition in a text, each with its line and the field's term."""
    found = [
        (text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), term)
        for words, term in REFUSED.items()
        for match in phrase(words).finditer(text)
    ]
    return [f"{line}: {words!r} -> {term}" for line, words, term in sorted(found)]


@pytest.mark.parametrize("name", [*book(), *REFERENCE])
def test_a_page_speaks_the_language_of_the_field(name):
    found = [f"docs/{name}:{fault}" for fault in findings(prose(DOCS / name))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Each word looks\nat itself.", ["1: 'word looks at' -> attend to"]),
        ("Look at the picture: its width is 4.", []),
        ("Heads that are\nswitched off.", ["2: 'switched off' -> ablated"]),
        ("A number, a word, a place.", []),
    ],
)
def test_phrases_are_found_in_their_technical_sense(text, found):
    assert findings(text) == found
