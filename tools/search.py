"""What the search finds first: the section that explains a term, and chapters before the API.

Material's search ranks a match in the tags of an entry far above one in its title, and that above
one in its text. So each term of the glossary, and each of its abbreviations, becomes a tag of the
section that explains it.
"""

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig

GLOSSARY = "reference/glossary.md"
API = "reference/api/"
API_BOOST = 0.01  # a name that only the API has is still found
ENTRY = re.compile(r"^(\S.*)\n: +.*?\]\(\.\./([^)#]+)", re.MULTILINE)
BESIDE = ("Do you remember?", "Exercises", "Where to read more")  # no section that explains

Entry = dict[str, Any]


def terms(glossary: str) -> dict[str, str]:
    """The page that explains each term of the glossary, by the term as it stands there."""
    return dict(ENTRY.findall(glossary))


def names(term: str) -> list[str]:
    """A term and its abbreviation: `Gated recurrent unit (GRU)` is known by both."""
    return [name for name in re.split(r" \(|\)$", term) if name]


def tag_terms(entries: list[Entry], explained: dict[str, str]) -> None:
    """Tag the section that explains a term: the first of its page that names it.

    Args:
        entries: The entries of the search index; they are changed.
        explained: The pages by their terms.
    """
    for term, page in explained.items():
        place = re.sub(r"(index)?\.\w+$", "", page).rstrip("/") + "/"
        own = [entry for entry in entries if entry["location"].partition("#")[0] == place]
        if own:
            section = _section(term, own)
            section["tags"] = [*section.get("tags", []), *names(term)]


def _section(term: str, own: list[Entry]) -> Entry:
    """The section of a page that has a term in its title, else in its text, else the page."""
    known = "|".join(re.escape(name) for name in names(term))
    word = re.compile(rf"(?<![\w-])(?:{known})(?:s|es)?(?![\w-])", re.IGNORECASE)
    told = [entry for entry in own if entry["title"] not in BESIDE]
    for part in ("title", "text"):
        for entry in told:
            if word.search(entry[part]):
                return entry
    return own[0]


def on_post_build(config: MkDocsConfig) -> None:
    """Write the tags and the boosts into the index that Material's plugin has just written."""
    path = Path(config.site_dir) / "search" / "search_index.json"
    glossary = Path(config.docs_dir) / GLOSSARY
    if not path.exists() or not glossary.exists():
        return
    index = json.loads(path.read_text("utf-8"))
    tag_terms(index["docs"], terms(glossary.read_text("utf-8")))
    for entry in index["docs"]:
        if entry["location"].startswith(API):
            entry["boost"] = API_BOOST
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")
