"""Running text to learn a language from: files of it, or the chapters of this very book."""

import re
from collections.abc import Sequence
from pathlib import Path

from attention.corpora.parallel import read_text
from attention.errors import BadInput

__all__ = ["book", "plain", "read_texts"]

_CHAPTERS = Path(__file__).parents[3] / "docs"  # beside the package, where both are checked out

# What is taken out of a chapter, in this order, and what stays of it.
_NOISE = [
    (r"\A---\n.*?\n---\n", ""),  # front matter
    (r"^( *)(```+|~~~+).*?\n\1\2 *$", ""),  # code, and what it prints
    (r"<!--.*?-->", ""),
    (r"<(script|style|svg|table)\b.*?</\1>", ""),
    (r"\$\$.*?\$\$", ""),  # formulas in their own line
    (r"</?[a-zA-Z][^<>]*>", ""),  # tags
    (r"^ *(\||!!!|\?\?\?|#!|\{:).*$", ""),  # rows of tables, callouts
    (r"!\[[^\]]*\]\([^)]*\)", ""),  # pictures
    (r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])", r"\1"),  # links
    (r"\{[:.#][^{}]*\}", ""),  # classes
    (r"\\(query|key|value|weights|source|target)\{([^{}]*)\}", r"\2"),  # colours in formulas
    (r"\$([^$\n]*)\$", r"\1"),  # formulas within a line
    (r"(\*\*|`+)", ""),
    (r"(?<!\w)[*_](\S[^*_\n]*)[*_](?!\w)", r"\1"),  # emphasis
    (r"^ *#+ *", ""),  # headings
    (r"[ \t]+$", ""),
    (r"\n{3,}", "\n\n"),
]


def read_texts(data: Sequence[str]) -> list[str]:
    """The texts that the command's `--data` means.

    Args:
        data: `book`; or files of UTF-8 text, with or without a byte order mark.

    Raises:
        BadInput: A file cannot be used, or the book is not here; the message says why.
    """
    if list(data) == ["book"]:
        return book()
    return [read_text(Path(name)).replace("\r\n", "\n") for name in data]


def book() -> list[str]:
    """The prose of this book's chapters, as plain text.

    Raises:
        BadInput: Only the package was installed, without the book.
    """
    pages = sorted(_CHAPTERS.rglob("*.md"))
    chapters = [page for page in pages if _CHAPTERS / "reference" not in page.parents]
    if not (_CHAPTERS / "introduction.md").is_file():
        raise BadInput(
            "--data book: the chapters come with a checkout of the book, not with the package "
            "alone; give text files instead"
        )
    return [plain(path.read_text(encoding="utf-8")) for path in chapters]


def plain(page: str) -> str:
    """What is left of a page in Markdown when nothing but its prose may stay."""
    for noise, rest in _NOISE:
        page = re.sub(noise, rest, page, flags=re.MULTILINE | re.DOTALL if ".*?" in noise else re.M)
    return page.strip() + "\n"
