"""What the search finds first, and what its index leaves out.

Material's plugin writes an index of every word of the site, which the browser fetches when a reader
goes to the search box. Here it is cut down to what a reader looks for, and each term of the
glossary is given to the section that explains it, in a field that ranks far above the others.
"""

import json
import re
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig

GLOSSARY = "reference/glossary.md"
API = "reference/api/"
API_BOOST = 0.001  # below a chapter that only mentions a name, and found all the same
FIELDS = {"terms": 1e6, "title": 1e3, "classes": 1e3, "text": 1, "called": 0.5}
# Between words. Material's own is only white space and hyphens, to which "(GQA)," is a word.
SEPARATOR = r"[\s\-,:;!?=()\[\]{}\"“”/…–—·×]+|\.(?!\d)|&(?:[lg]t|amp);"
# What else readers type, and the section that explains it.
ALSO = {
    "attention mask": "attention/masked-self-attention-math/#the-mask-as-a-matrix",
    "divide by sqrt": "attention/self-attention-math/#why-the-square-root",
    "KV cache size": "models/llama/#bytes-per-token",
    "padding mask": "before-attention/first-attention/#batches-padding-and-the-mask",
    "sampling": "models/gpt/#choosing-the-next-token-by-hand",
    "tokenizer": "models/bert/#subwords-and-special-tokens",
    "Transformer": "models/transformer/",
    "word embedding": "attention/main-ideas/#word-embeddings",
}
ENTRY = re.compile(r"^(\S.*)\n: +.*?\]\(\.\./([^)#]+)", re.MULTILINE)
# Sections that ask, or point elsewhere, and what a page says of itself before it begins.
BESIDE = ("Do you remember?", "Exercises", "Where to read more")
PREFACE = re.compile(r"<p>You need .*?</p>|<p>You will be able to</p>\s*<ul>.*?</ul>\s*", re.DOTALL)
CODE = re.compile(r"\s*<pre>(?:<code>)?(.*?)</pre>\s*", re.DOTALL)
CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
CALLED = re.compile(r"(?<!class )\b[A-Za-z_]\w{3,}(?=\()")
COMMON = 5  # pages; a name that is called on more of them finds none
# The rows of a table of numbers, and what holds up the fractions and indices of a formula.
FIGURES = re.compile(r"(?<!\S)(?:[\d.−]+\s+){3,}|\u200b")

Entry = dict[str, Any]


def terms(glossary: str) -> dict[str, str]:
    """The page that explains each term of the glossary, by the term as it stands there."""
    return dict(ENTRY.findall(glossary))


def names(term: str) -> list[str]:
    """A term and its abbreviation: `Gated recurrent unit (GRU)` is known by both."""
    return [name for name in re.split(r" \(|\)$", term) if name]


def page_of(entry: Entry) -> str:
    """The address of the page that an entry of the index belongs to."""
    return str(entry["location"].partition("#")[0])


def add_terms(entry: Entry, *new: str) -> None:
    """Let an entry be found by these before any other. Each word counts once, in however many."""
    words = " ".join([entry.get("terms", ""), *new]).lower().split()
    if words:
        entry["terms"] = " ".join(dict.fromkeys(words))


def give_terms(entries: list[Entry], explained: dict[str, str]) -> None:
    """Give each term to the section that explains it: the first of its page that names it.

    Args:
        entries: The entries of the search index; they are changed.
        explained: The pages by their terms.
    """
    for term, page in explained.items():
        place = re.sub(r"(index)?\.\w+$", "", page).rstrip("/") + "/"
        own = [entry for entry in entries if page_of(entry) == place]
        if own:
            add_terms(_section(term, own), *names(term))


def _section(term: str, own: list[Entry]) -> Entry:
    """The section of a page that has a term in its title, else in its text, else the page."""
    known = "|".join(re.escape(name) for name in names(term))
    word = re.compile(rf"(?<![\w-])(?:{known})(?:s|es)?(?![\w-])", re.IGNORECASE)
    for part in ("title", "text"):
        for entry in own:
            if word.search(entry[part]):
                return entry
    return own[0]


def without_code(entries: list[Entry]) -> None:
    """Leave of the code the classes that it defines, and of what it calls what few pages call."""
    called: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        code = unescape("\n".join(CODE.findall(entry["text"])))
        text = CODE.sub(" ", PREFACE.sub("", entry["text"]))
        entry["text"] = FIGURES.sub("", text).strip()
        if classes := CLASS.findall(code):
            entry["classes"] = " ".join(classes)
        page = called.setdefault(page_of(entry), {})
        for name in CALLED.findall(code):
            page.setdefault(name, entry)
    pages = Counter(name for page in called.values() for name in page)
    for page in called.values():
        for name, entry in page.items():
            if pages[name] <= COMMON and name not in entry["text"]:
                entry["called"] = f"{entry.get('called', '')} {name}".lstrip()


def of_the_api(entry: Entry) -> Entry:
    """What is in the package, by its name; a module also by the line that says what it is."""
    title = re.sub(r"\s*<code>.*", "", entry["title"])
    line = re.search(r"<p>.*?</p>", CODE.sub(" ", entry["text"]), re.DOTALL)
    text = line[0] if line and "#" not in entry["location"] else ""
    return {"location": entry["location"], "title": title, "text": text, "boost": API_BOOST}


def improve(index: dict[str, Any], glossary: str) -> None:
    """Cut an index down, and say what ranks how high in it."""
    chapters = [e for e in index["docs"] if not e["location"].startswith(API)]
    chapters = [entry for entry in chapters if entry["title"] not in BESIDE]
    api = [of_the_api(e) for e in index["docs"] if e["location"].startswith(API)]
    without_code(chapters)
    give_terms(chapters, terms(glossary))
    for entry in chapters:
        add_terms(entry, *(name for name, place in ALSO.items() if place == entry["location"]))
    index["docs"] = [*chapters, *api]
    index["config"]["separator"] = SEPARATOR
    index["config"]["fields"] = {name: {"boost": boost} for name, boost in FIELDS.items()}


def on_post_build(config: MkDocsConfig) -> None:
    """Improve the index that Material's plugin has just written."""
    path = Path(config.site_dir) / "search" / "search_index.json"
    glossary = Path(config.docs_dir) / GLOSSARY
    if not path.exists() or not glossary.exists():
        return
    index = json.loads(path.read_text("utf-8"))
    improve(index, glossary.read_text("utf-8"))
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")
