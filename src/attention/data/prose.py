"""Running text to learn a language from: this very book, the toy corpus, or files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from attention.data import toy
from attention.data.parallel import read_text
from attention.errors import BadInput

__all__ = ["Paragraph", "book", "plain", "read_paragraphs", "read_texts"]

TOY = {"toy": "train"} | {f"toy-{split}": split for split in toy.SPLITS}  # name -> split
FEW = 4  # words; a paragraph of a page that has fewer says nothing

_CHAPTERS = Path(__file__).parents[3] / "docs"  # beside the package, where both are checked out

# What is taken out of a chapter, in this order, and what stays of it.
_NOISE = [
    (r"\A---\n.*?\n---\n", ""),  # front matter
    (r"^( *)(```+|~~~+).*?\n\1\2 *$", ""),  # code, and what it prints
    (r"<!--.*?-->", ""),
    (r"<(script|style|svg|table)\b.*?</\1>", ""),
    (r"\$\$.*?\$\$", ""),  # formulas in their own line
    (r"</summary>\s*", " "),  # a question, and its folded answer: one paragraph
    (r"(?<!`)</?[a-zA-Z][^<>]*>", ""),  # tags, but not `<pad>`
    (r"^ *(\||!!!|\?\?\?|#!|\{:).*$", ""),  # rows of tables, callouts
    (r"!\[[^\]]*\]\([^)]*\)", ""),  # pictures
    (r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])", r"\1"),  # links
    (r"\{[:.#][^{}]*\}", ""),  # classes
    (r"\\(query|key|value|weights|source|target)\{([^{}]*)\}", r"\2"),  # colours in formulas
    (r"\$([^$\n]*)\$", r"\1"),  # formulas within a line
    (r"(\*\*|`+)", ""),
    (r"(?<!\w)[*_](\S[^*_\n]*)[*_](?!\w)", r"\1"),  # emphasis
    (r"[ \t]+$", ""),
]


@dataclass(frozen=True)
class Paragraph:
    """Some sentences that stand together; its length is that of its text, in letters.

    Attributes:
        file: Where it stands.
        heading: The nearest one above it; empty where there is none.
        text: What it says, in one line.
    """

    file: str
    heading: str
    text: str

    def __len__(self) -> int:
        return len(self.text)

    def __str__(self) -> str:
        """What there is to read: a heading says what the text under it does not say again."""
        return f"{self.heading}: {self.text}" if self.heading else self.text


def read_texts(data: Sequence[str]) -> list[str]:
    """The texts that the command's `--data` means.

    Args:
        data: `book`, the chapters of this book; `toy`, the English sentences of the toy corpus
            that are there to learn from, or `toy-valid` or `toy-test`, others; or files of UTF-8
            text, with or without a byte order mark.

    Raises:
        BadInput: A file cannot be used, the book is not here, or `data` are of several kinds; the
            message says which and why.
    """
    name = _ours(data)
    if name == "book":
        return [plain(page) for page in book().values()]
    if name:
        return [pair.source for pair in toy.pairs(TOY[name], toy.SPLIT_SIZES[TOY[name]])]
    return [read_text(Path(name)) for name in data]


def read_paragraphs(data: Sequence[str]) -> list[Paragraph]:
    """The same, paragraph by paragraph; in the toy corpus each sentence is one.

    Args:
        data: As for `read_texts`; of files whose names end in `.md`, only the prose is taken.

    Raises:
        BadInput: As for `read_texts`.
    """
    ours = _ours(data)
    if ours == "book":
        return [one for name, page in book().items() for one in _of_page(name, page)]
    if ours:
        return [Paragraph(ours, "", sentence) for sentence in read_texts(data)]
    return [one for name in data for one in _of_file(name, *read_texts([name]))]


def _ours(data: Sequence[str]) -> str | None:
    """Which of our corpora is meant; none if these are names of files."""
    name = next((name for name in data if name in {"book", *TOY}), None)
    if name and len(data) > 1:
        raise BadInput(f"{' '.join(data)}: {name} stands alone; a file of that name is ./{name}")
    return name


def book() -> dict[str, str]:
    """This book's chapters, labs included, by the names of their files, in Markdown.

    Raises:
        BadInput: Only the package was installed, without the book.
    """
    if not (_CHAPTERS / "introduction.md").is_file():
        raise BadInput(
            "book: the chapters come with a checkout of the book, not with the package alone; "
            "give text files instead"
        )
    pages = {
        path.relative_to(_CHAPTERS): path.read_text(encoding="utf-8")
        for path in sorted(_CHAPTERS.rglob("*"))
        if path.suffix in {".md", ".py"}
    }
    return {
        path.as_posix(): _cells(text) if path.suffix == ".py" else text
        for path, text in pages.items()
        if path.parts[0] != "reference"
    }


def _cells(lab: str) -> str:
    """What is written, in Markdown, between the cells of code."""
    cells = (cell.partition("\n") for cell in re.split(r"^# %%", lab, flags=re.MULTILINE))
    return "\n\n".join(
        re.sub(r"^# ?", "", text, flags=re.MULTILINE)
        for kind, _, text in cells
        if "[markdown]" in kind
    )


def plain(page: str) -> str:
    """What is left of a page in Markdown when nothing but its prose may stay."""
    text = re.sub(r"^ *#+ *", "", _prose(page), flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _prose(page: str) -> str:
    """The same, with the marks of its headings."""
    for noise, rest in _NOISE:
        page = re.sub(noise, rest, page, flags=re.MULTILINE | re.DOTALL if ".*?" in noise else re.M)
    return unescape(page)


def _of_file(name: str, text: str) -> Iterator[Paragraph]:
    if name.lower().endswith(".md"):
        yield from _of_page(name, text)
    else:
        yield from (Paragraph(name, "", line) for line in _lines(text))


def _of_page(name: str, page: str) -> Iterator[Paragraph]:
    parts = re.split(r"^ *#+ +(.*)$", _prose(page), flags=re.MULTILINE)
    for heading, text in zip(["", *parts[1::2]], parts[::2], strict=True):
        lines = _lines(text)
        yield from (Paragraph(name, heading, line) for line in lines if len(line.split()) >= FEW)


def _lines(text: str) -> list[str]:
    """Each block between empty lines, in one line."""
    return [" ".join(block.split()) for block in re.split(r"\n\s*\n", text) if block.strip()]
