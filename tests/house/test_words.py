"""The package speaks the field's language, so that its readers can read papers and search the web.

A word to the left of a table is refused in the package, and its message is the standard term.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.site_fixtures import ROOT

pytestmark = pytest.mark.on_cpu(reason="text only")

PACKAGE = ROOT / "src" / "attention"
NEWLINE = "\n"
EXEMPT = (
    "exercises/",  # rewritten with their chapters
    "data/toy/",  # its words are English and French
    "tasks/old_files.py",  # the names that old files have
)

# What docstrings, comments and messages say. A space stands for any white space.
PHRASES = {
    r"(may )?look(s|ed|ing)? (at|into|back|around|through|nowhere|for)|may look": "attend to",
    r"blind": "fully masked row; permutation-equivariant",
    r"pieces?": "subword, token",
    r"word numbers?|numbers? of (each|the|a|every) (word|piece|text)": "token id",
    r"(behind|for) (a|each|every) number|number of .\[MASK\]": "token id",
    r"marks?|signs?": "special token",
    r"widths?": "dimension; length of a row of tokens",
    r"numbers": "components, entries; values; parameters, weights; token ids",
    r"one number|each number|numbers? in the middle": "component, entry",
    r"mix(es|ed|ing)?": "weighted sum; average; project",
    r"weigh(s|ed|ing)?": "weight; weighted sum; softmax",
    r"chances?|lots": "probability; sampled, at random",
    r"(a|the|as) share|shares? of": "proportion, fraction, rate",
    r"wanted": "target",
    r"all given|in writing": "teacher-forced; autoregressive",
    r"guess(es|ed|ing)?": "prediction; to predict",
    r"gaps?|hidden words?|words? (is|are) hidden": "masked token",
    r"(backward )?reader": "masked language model; encoder",
    r"(hide|hides|hiding)": "mask",
    r"beginnings?": "prompt, prefix; hypothesis",
    r"places?": "position",
    r"(put|laid|lie|lay|sentences|texts|translated) side by side|end to end": "concatenated; batch",
    r"(heads'? |of the )answers? of the heads|answers? of (the|its|all) heads": "head outputs",
    r"offer(s|ed)?|leaves? behind": "keys and values; KV cache",
    r"shared by groups(?! of)": "grouped-query attention, KV heads",
    r"cut at zero|smooth one|instead of a curve": "ReLU; GELU; activation function",
    r"to (a )?size": "normalise",
    r"thinks?": "position-wise feed-forward network",
    r"waves?": "sinusoidal positional encoding",
    r"turn(s|ed)? (queries|keys|by|pairs|often|against|in pairs|the vectors)|pairs turn": "rotate",
    r"speeds": "rotation frequencies",
    r"tables? of (its|their) own|own tables?": "untied output embedding, LM head",
    r"falls? away|mended|goes red": "what is removed; fixed; fails",
    r"put to sleep": "saturated",
    r"runs of (one|two|words|characters|tokens|letters)": "n-grams",
    r"steps in a row|longest way": "sequential operations; maximum path length",
    r"switch(ed|es)? off": "ablated",
    r"what is said|to be said|having said": "attentional hidden state",
    r"claims?": "expected counts; posterior probabilities",
    r"proposals?": "candidate state",
    r"empty word": "NULL word",
    r"put aside": "held out",
    r"partners?": "positive; in-batch negatives",
    r"(by|on|of|then) (the|its|one|a) processor|'s processor|processor time": "CPU",
    r"(next|right|likeliest|best|following|random|chance) words?": "token",
    r"words? (that|which) could|word (at a|each|by) time|words? so far|words? to come": "token",
    r"by heart|has no say|who (asks|is asked)": "what a tensor or a model does",
}
# What is said by other people in these words, or is no matter of attention.
INNOCENT = (
    r"look(s|ed|ing)?( (it|them|one|(a|all|the) \w+))? up|look-?ahead|"
    r"(byte order|question|punctuation) marks?|marks of (its|a) headings?|"
    r"mixed precision|(random|real|line|version) numbers|half[-_]width|up to size|"
    r"in(to)?( (its|their))? place|takes? (the|its) place|in places"
)
# Words that are parts of names: `look_back` and `look` are both made of `look`.
NAMES = {
    "looks?(?!_?up)": "attend",
    "blind": "fully_masked",
    "pieces?": "tokenizer, tokens, subwords",
    "marks?": "special_tokens",
    "(?<!half_)widths?": "dimension, length",
    "mix|mixed": "weighted sum, average",
    "chances?": "probabilities",
    "shares?": "proportion, fraction, rate",
    "wanted": "target",
    "guess|guesses|guessing": "prediction, masked_lm",
    "gaps?": "masked positions",
    "reader": "masked_lm",
    "hide|hidden_words?": "mask_tokens",
    "beginnings?": "prompt, hypotheses",
    "places?": "position",
    "offers?|offered": "key_value",
    "waves?": "sinusoids, cos and sin",
    "speeds": "inverse_frequencies",
    "turned|turns": "rotated, rotations",
    "said": "attentional hidden state",
    "claims?": "expected_counts, posterior",
    "partners?": "positives",
    "learner|teach|walk": "model, make_trainer, iterate",
    "reach": "half_width",
    "tied": "tie_word_embeddings",
    "proposals?": "candidate",
    "contestants": "BASELINES",
}
# Names of the first edition that nothing has now, wherever in the package.
RETIRED = (
    r"\b(Offer|Past|and_causal|Namer|Speaker|WordByWord|FixedVector|Reader|Guess|Found|Layout|"
    r"Rotary|RotaryScaling|Residual|norm_1|norm_2|guessing_loss|CONTESTANTS|BEGIN|END|must_give)\b"
)
# Where a position holds a token, and nothing knows whether that is a word.
TOKENS_ONLY = ("functional", "generation/", "hub/", "kernels/", "layers/", "training/", "models/")
WORDS_TOO = ("models/ibm_model_1", "models/rnn/")
WORD = r"words?(?!-by-word|-word|_embeddings)"
INTRODUCED = {
    "attend": "attend",
    "autoregressive": "autoregressive",
    "beam search": "beam search",
    "causal mask": "causal mask",
    "contrastive": "contrastive",
    "cross-attention": "cross-attention",
    "cross-entropy": "cross-entropy",
    "dimension": "dimension",
    "feed-forward": "position-wise feed-forward",
    "GELU": "GELU",
    "grouped-query": "grouped-query attention",
    "head": "head dimension",
    "hidden state": "hidden state",
    "hypotheses": "hypothes[ei]s",
    "in-batch negatives": "in-batch negatives",
    "key": "key",
    "KV cache": "KV cache",
    "layer normalisation": "layer normalisation",
    "logits": "logits",
    "masked language": "masked language model",
    "mean pooling": "mean pool(ing)?",
    "n-gram": "n-gram",
    "nucleus": "nucleus",
    "padding mask": "padding mask",
    "perplexity": "perplexity",
    "pre-norm": "pre-norm",
    "prefill": "prefill",
    "probabilities": "probabilities",
    "prompt": "prompt",
    "query": "query",
    "residual": "residual connection",
    "RMSNorm": "RMSNorm",
    "rotary": "rotary position embedding",
    "sinusoidal": "sinusoidal",
    "special tokens": "special tokens?",
    "subwords": "subword",
    "teacher forcing": "teacher(-| )forc(ing|ed)",
    "token ids": "token ids?",
    "weighted sum": "weighted sum",
}


class Finding(NamedTuple):
    """A word of the first edition, where it stands, and what the field says."""

    where: str
    words: str
    term: str

    def __str__(self) -> str:
        return f"{self.where}: {self.words!r} -> {self.term}"


def tokens(code: str) -> Iterator[tuple[int, bool, str]]:
    """The texts and names of some code: line, whether it is a name, and what it says."""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], True, token.string
        elif token.type in TEXTS:
            yield token.start[0], False, token.string


TEXTS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def phrase(words: str) -> re.Pattern[str]:
    whole = rf"(?<![A-Za-z])(?:{words})(?![A-Za-z])"
    return re.compile(whole.replace(" ", r"\s+(?:#\s+)?"), re.IGNORECASE)


def findings(file: str, code: str) -> list[Finding]:
    """The words of the first edition in some code."""
    found = []
    for line, is_name, text in tokens(code):
        kept = text if is_name else phrase(INNOCENT).sub(lambda m: "·" * len(m[0]), text)
        for words, term in (NAMES if is_name else PHRASES).items():
            for match in phrase(words).finditer(kept):
                where = f"{file}:{line + kept.count(NEWLINE, 0, match.start())}"
                found.append(
                    Finding(where, " ".join((text if is_name else match[0]).split()), term)
                )
    return found


def sources() -> dict[str, str]:
    files = sorted(PACKAGE.rglob("*.py"))
    return {str(file.relative_to(PACKAGE)): file.read_text("utf-8") for file in files}


def spoken() -> dict[str, str]:
    return {file: code for file, code in sources().items() if not file.startswith(EXEMPT)}


def test_the_package_speaks_the_language_of_the_field():
    found = [one for file, code in spoken().items() for one in findings(file, code)]
    assert not found, f"{len(found)} words of the first edition:\n" + "\n".join(map(str, found))


def test_models_read_tokens():
    """The parts of a Transformer read tokens, ids and positions; only word models read words."""
    found = [
        f"{file}:{line + text.count(NEWLINE, 0, match.start())}: {match[0]!r}"
        for file, code in spoken().items()
        if file.startswith(TOKENS_ONLY) and not file.startswith(WORDS_TOO)
        for line, _, text in tokens(code)
        for match in phrase(WORD).finditer(text)
    ]
    assert not found, "say token, token id, position or hidden state:\n" + "\n".join(found)


def test_retired_names_are_gone():
    found = [
        f"{file}:{line}: {text}"
        for file, code in sources().items()
        if file != "tasks/old_files.py"
        for line, is_name, text in tokens(code)
        if is_name and re.search(RETIRED, text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("term", INTRODUCED.values(), ids=INTRODUCED)
def test_the_package_uses_the_terms_of_the_field(term):
    assert any(phrase(term).search(code) for code in spoken().values())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('"""The query may look\nat keys."""', ["may look at"]),
        ("x = chances[0]", ["chances"]),
        ("look_back(x)", ["look_back"]),
        ("# Cut at zero, then\n# mixed.", ["Cut at zero", "mixed"]),
        ('f"a query of {d} numbers"', ["numbers"]),
        ('"""Filled in place; look a word up."""', []),
        ("overlook = displaced + signature", []),
        ("random.seed(0)  # random numbers, replaced", []),
    ],
)
def test_words_are_found_where_they_are_meant(code, words):
    assert [one.words for one in findings("x.py", code)] == words
