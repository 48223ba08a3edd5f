"""The book reads in order: no symbol and no term comes before the page that explains it.

This holds for those who read every page, and for those who leave out the optional part.
"""

import re
from collections.abc import Collection, Container
from posixpath import dirname, join, normpath

import pytest

from tests.prose import DOCS, bare, blank, book, formulas, optional_pages, prose, sentences, symbols

pytestmark = pytest.mark.on_cpu(reason="text only")

NOTATION = "reference/notation.md"
GLOSSARY = "reference/glossary.md"
TABLE = re.compile(r"^\|.*(?:In formulas since|First met in) \|\n\|[- |]+\|\n((?:\|.*\n)+)", re.M)
LINK = re.compile(r"\[([^\[\]]*)\]\(([^)\s]+)\)")
ENTRY = re.compile(r"^(\S.*)\n: +(.*)$", re.MULTILINE)
# What may stand below a letter to number it, as in h_t, a_{ts} or h_{t-1}. A k alone is a name.
NUMBERS = re.compile(r"(?!k$)[ijkstuST\d'+,-]+")
EVERYDAY = {"Key", "Value"}  # arrow keys, and values of a function, need no explanation

TITLE = re.compile(r"(?<=\d, )\*[^*]+\*")  # of a paper, after its year
BOLD = re.compile(r"\*\*([^*]+)\*\*")
# What somebody who has read the book must have met, so that a paper doesn't need a dictionary.
FIELD = """
token · token id · special token · vocabulary · embedding · dimension · parameter · gradient ·
gradient descent · backpropagation · hidden state · GRU · LSTM · vanishing gradient ·
bidirectional encoder · attend · query · key · value · scaled dot-product attention ·
additive attention · dot-product attention · local attention · soft attention · hard attention ·
context vector · logits · softmax · temperature · cross-entropy · perplexity · teacher forcing ·
exposure bias · autoregressive · prefix · prompt · hypothesis · beam search · n-gram · BLEU · chrF ·
alignment error rate · residual connection · residual stream · layer normalisation · RMSNorm ·
pre-norm · post-norm · position-wise feed-forward network · ReLU · GELU · SwiGLU ·
attention dropout · multi-head attention · multi-query attention · grouped-query attention ·
cross-attention · causal mask · padding mask · additive mask · permutation-equivariant ·
sinusoidal positional encoding · rotary position embedding · KV cache · prefill · decode ·
nucleus sampling · masked language modelling · next-sentence prediction · CLS token ·
fine-tuning · zero-shot · few-shot · mean pooling · contrastive loss · InfoNCE ·
in-batch negatives · weight tying · label smoothing · ablation · induction head · attention sink ·
FlashAttention
"""

Pages = dict[str, str]


@pytest.fixture(scope="module")
def pages() -> Pages:
    """The prose of the book, page by page, in the order in which it is read."""
    return {name: prose(DOCS / name) for name in book()}


def target(page: str, link: str) -> str:
    """The page to which a link on a page leads."""
    return normpath(join(dirname(page), link.partition("#")[0]))


# Symbols.


def first_met(notation: str) -> dict[str, list[str]]:
    """Read from the notation page where each symbol is first met, in each of its meanings."""
    found: dict[str, list[str]] = {}
    for table in TABLE.finditer(notation):
        for row in table[1].splitlines():
            sign, *_, where = row.strip("|").split(" | ")
            chapters = [target(NOTATION, link) for _, link in LINK.findall(where)]
            for _, tex in formulas(sign):
                for letter, below in symbols(tex):
                    found.setdefault("_".join(filter(None, (letter, below))), []).extend(chapters)
    return found


def used(page: str, known: dict[str, list[str]]) -> dict[str, int]:
    """The symbols that the formulas of a page use, each with the line where it comes first."""
    lines: dict[str, int] = {}
    for line, tex in formulas(page):
        for letter, below in symbols(tex):
            name = f"{letter}_{below}"
            if not below or (name not in known and NUMBERS.fullmatch(below)):
                names = [letter, *re.findall("[A-Za-z]", below)]
            else:
                names = [name]
            for symbol in names:
                lines[symbol] = min(line, lines.get(symbol, line))
    return lines


def symbol_faults(pages: Pages, notation: str, left_out: Container[str] = frozenset()) -> list[str]:
    """All symbols that come too early, or of which the notation page does not speak truly.

    Pages that are left out are neither read nor, to their readers, an explanation.
    """
    known = {
        symbol: [chapter for chapter in chapters if chapter not in left_out]
        for symbol, chapters in first_met(notation).items()
    }
    order = [page for page in pages if page not in left_out]
    uses = {page: used(pages[page], known) for page in order}
    faults, met = [], set()
    for page, lines in uses.items():
        for symbol, line in sorted(lines.items(), key=lambda use: use[1]):
            if symbol in met:
                continue
            met.add(symbol)
            here = f"docs/{page}:{line}: ${symbol}$"
            chapters = [chapter for chapter in known.get(symbol, []) if chapter in order]
            if symbol not in known:
                faults.append(f"{here} is not on the notation page")
            elif not chapters:
                faults.append(f"{here} has no chapter on the notation page")
            elif order.index(page) < min(map(order.index, chapters)):
                faults.append(f"{here} comes before {', '.join(chapters)}, where it is first met")
    for symbol, chapters in known.items():
        for chapter in chapters:
            if symbol not in uses.get(chapter, {}):
                faults.append(f"docs/{NOTATION}: ${symbol}$ does not occur in {chapter}")
    return faults


@pytest.mark.parametrize("left_out", [frozenset(), optional_pages()], ids=["all", "main path"])
def test_no_symbol_comes_before_its_definition(pages, left_out):
    notation = (DOCS / NOTATION).read_text("utf-8")
    if faults := symbol_faults(pages, notation, left_out):
        pytest.fail("\n".join(faults), pytrace=False)


# Words.


def explained(glossary: str) -> dict[str, list[str]]:
    """Read from the glossary which chapters each term has, the one that explains it first."""
    return {
        term: [target(GLOSSARY, link) for _, link in LINK.findall(meaning)]
        for term, meaning in ENTRY.findall(glossary)
    }


def forms(term: str) -> re.Pattern[str]:
    """A term in a text: whole, in one or several, with its abbreviation (in brackets) or as it."""
    names = [re.escape(name).replace(r"\ ", r"\s+") for name in re.split(r" \(|\)$", term) if name]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(names)})s?(?![\w-])", re.IGNORECASE)


def word_faults(pages: Pages, glossary: str, left_out: Collection[str] = frozenset()) -> list[str]:
    """All terms that come too early without a link, and all that the glossary leaves unplaced.

    Who leaves out some pages finds a term explained in the first other chapter that the glossary
    names for it. Where it names none, each page that uses the term has to link it.
    """
    order, faults = [page for page in pages if page not in left_out], []
    texts = {page: TITLE.sub(blank, sentences(text)) for page, text in pages.items()}
    for term, chapters in explained(glossary).items():
        if not chapters or chapters[0] not in pages:
            faults.append(f"docs/{GLOSSARY}: {term} names no chapter that explains it")
            continue
        if not forms(term).search(texts[chapters[0]]):
            faults.append(f"docs/{GLOSSARY}: {term} does not occur in {chapters[0]}")
        if term in EVERYDAY:
            continue
        place = next((order.index(chapter) for chapter in chapters if chapter in order), None)
        for number, page in enumerate(order[:place]):
            helpful = [GLOSSARY, *order[number + 1 :], *left_out]
            links = [
                link.span(1)
                for link in LINK.finditer(texts[page])
                if target(page, link[2]) in helpful
            ]
            first = forms(term).search(LINK.sub(_text_only, texts[page]))
            if first and not any(start <= first.start() < end for start, end in links):
                line = texts[page].count("\n", 0, first.start()) + 1
                problem = f"comes before {chapters[0]}, which explains it, and without a link"
                faults.append(f"docs/{page}:{line}: “{first[0]}” {problem}")
    return faults


def _text_only(link: re.Match[str]) -> str:
    """A link with its address blanked."""
    return f" {link[1]}{' ' * (len(link[0]) - len(link[1]) - 1)}"


@pytest.mark.parametrize("left_out", [frozenset(), optional_pages()], ids=["all", "main path"])
def test_no_term_comes_before_its_explanation_without_a_link(pages, left_out):
    pages = {page: text for page, text in pages.items() if page != "index.md"}  # only the door
    if faults := word_faults(pages, (DOCS / GLOSSARY).read_text("utf-8"), left_out):
        pytest.fail("\n".join(faults), pytrace=False)


def not_in(glossary: str, terms: str) -> list[str]:
    """The terms that are no entry of the glossary, in any of their forms."""
    entries = explained(glossary)
    wanted = [" ".join(term.split()) for term in terms.split("·")]
    return [
        t
        for t in wanted
        if not any(forms(e).fullmatch(t) or forms(t).fullmatch(e) for e in entries)
    ]


def not_in_bold(pages: Pages, glossary: str) -> list[str]:
    """The terms that don't stand in bold on the page that explains them."""
    faults = []
    for term, chapters in explained(glossary).items():
        if term in EVERYDAY or not chapters or chapters[0] not in pages:
            continue
        text = re.sub("<!--.*?-->", "", pages[chapters[0]], flags=re.DOTALL)
        bold = (re.sub("<[^<>]*>", "", found) for found in BOLD.findall(text))
        if not any(forms(term).search(" ".join(text.split())) for text in bold):
            faults.append(f"docs/{chapters[0]}: {term}")
    return faults


def test_the_glossary_has_the_terms_of_the_field():
    missing = not_in((DOCS / GLOSSARY).read_text("utf-8"), FIELD)
    assert not missing, f"not in the glossary: {', '.join(missing)}"


def test_a_term_is_in_bold_where_it_is_explained(pages):
    faults = not_in_bold(pages, (DOCS / GLOSSARY).read_text("utf-8"))
    assert not faults, "not in bold:\n" + "\n".join(faults)


# That the tests can fail.

SIGNS = r"""
| Sign | What it is | First met in |
| --- | --- | --- |
| $\query{q}$, $W_q$ | a query, and what makes it | [Two](../two.md) |
| $t$ | a number | [One](../one.md) |
| $B$ | a batch | |
"""


@pytest.mark.parametrize(
    ("one", "two", "fault"),
    [
        ("$t$", r"$\query{q}_t = W_q$", ""),
        ("$t + 2$", r"$$" "\n" r"\tanh(\query{q_{t-1}}) W_{q}" "\n$$", ""),
        ("\\$z, $t$", r"$q \operatorname{softmax} \text{and} W_q$", ""),
        ("$t$", "$W_q q$\n\n$t \\odot z$", "docs/two.md:3: $z$ is not on the notation page"),
        ("$t$", "$q W_q W_t$", "docs/two.md:1: $W$ is not on the notation page"),
        ("$t$", "$q W_q W_k$", "docs/two.md:1: $W_k$ is not on the notation page"),
        ("$t$", "$q W_q B$", "docs/two.md:1: $B$ has no chapter on the notation page"),
        (
            "$t$\n\n$q_t$",
            "$q W_q$",
            "docs/one.md:3: $q$ comes before two.md, where it is first met",
        ),
        ("$t$", "$q$", f"docs/{NOTATION}: $W_q$ does not occur in two.md"),
    ],
)
def test_symbols_that_come_too_early_are_named(one, two, fault):
    assert symbol_faults({"one.md": one, "two.md": two}, SIGNS) == [fault] * bool(fault)


TERMS = """
Causal mask (CM)
:   A mask. See [Two](../two.md).
"""


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        ("Masks, causally; causal-mask.", ""),
        ("# A causal mask\n\n![A causal mask](a.svg) <b title='causal mask'></b>", ""),
        ("A [*causal\nmask*](two.md#a) is coming. Causal masks are good.", ""),
        ("[Causal masks](reference/glossary.md), CM.", ""),
        ("Su 2021, *The causal\nmask*: section 3.", ""),
        ("[More](one.md)\nCausal\nmasks.", "docs/one.md:2: “Causal\nmasks” comes before two.md"),
        ("[Causal mask](one.md).", "docs/one.md:1: “Causal mask” comes before two.md"),
        ("CM, a [causal mask](two.md).", "docs/one.md:1: “CM” comes before two.md"),
    ],
)
def test_terms_that_come_too_early_are_named(one, fault):
    faults = word_faults({"one.md": one, "two.md": "A causal mask"}, TERMS)
    assert len(faults) == bool(fault)
    assert not fault or faults[0].startswith(fault)


def test_terms_without_a_chapter_are_named():
    lost = "Mask\n:   A table.\n\nWord\n:   See [Two](../two.md).\n"
    assert word_faults({"two.md": "A mask"}, lost) == [
        f"docs/{GLOSSARY}: Mask names no chapter that explains it",
        f"docs/{GLOSSARY}: Word does not occur in two.md",
    ]


@pytest.mark.parametrize(
    ("two", "three", "terms", "fault"),
    [
        ("None", "A causal mask", "[One](../one.md) and [Three](../three.md)", ""),
        ("A [causal mask](one.md).", "None", "[One](../one.md)", ""),
        ("None", "A causal mask", "[One](../one.md)", "docs/three.md:1: “causal mask”"),
        ("A causal mask", "A causal mask", "[One](../one.md) and [Three](../three.md)", "two.md"),
    ],
)
def test_terms_that_only_the_optional_part_explains_are_named(two, three, terms, fault):
    pages = {"one.md": "A causal mask", "two.md": two, "three.md": three}
    glossary = f"Causal mask\n:   A mask. See {terms}.\n"
    assert word_faults(pages, glossary) == []
    faults = word_faults(pages, glossary, {"one.md"})
    assert len(faults) == bool(fault)
    assert not fault or fault in faults[0]


def test_symbols_that_only_the_optional_part_defines_are_named():
    pages = {"one.md": "$t$", "two.md": "$q t W_q$"}
    assert symbol_faults(pages, SIGNS) == []
    faults = symbol_faults(pages, SIGNS, {"one.md"})
    assert faults == ["docs/two.md:1: $t$ has no chapter on the notation page"]
    both = SIGNS.replace("[One](../one.md)", "[One](../one.md), [Two](../two.md)")
    assert symbol_faults(pages, both) == symbol_faults(pages, both, {"one.md"}) == []


def test_the_main_path_leaves_out_the_part_before_attention():
    part = {name for name in book() if name.startswith("before-attention/")}
    assert optional_pages() == part != set()


def test_the_book_is_read_in_order():
    names = book()
    assert names[:4] == ["index.md", "primer.md", "introduction.md", "introduction-lab.py"]
    assert names.index("before-attention/index.md") < names.index(
        "before-attention/word-by-word.md"
    )


def test_a_lab_is_read_by_its_prose(tmp_path):
    lab = tmp_path / "lab.py"
    lab.write_text("# %%\nx = '$a$'  # $b$\n# %% [markdown]\n# # A\n#\n# In $c$,\n# `$d$`\n")
    assert list(formulas(prose(lab))) == [(6, "c")]


def test_bare():
    assert bare(r'{t,\,2i}"') == "t,2i"


def test_a_term_that_is_missing_or_not_in_bold_is_named():
    assert not_in(TERMS, "causal mask · CM · causal masks · window") == ["window"]
    assert not_in_bold({"two.md": "A **causal\nmask** (CM)."}, TERMS) == []
    assert not_in_bold({"two.md": "A causal mask is **good**."}, TERMS) == [
        "docs/two.md: Causal mask (CM)"
    ]
