"""Plain text for language models and retrieval: this book, the toy corpus, or text files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from attention.data import toy
from attention.data.parallel import read_text
from attention.errors import BadInput

__all__ = ["Paragraph", "book", "plain_text", "read_paragraphs", "read_texts"]

TOY = {"toy": "train"} | {f"toy-{split}": split for split in toy.SPLITS}  # name -> split
MIN_WORDS = 4  # shorter paragraphs of a page, such as "Why so?", say nothing without their context

_CHAPTERS = Path(__file__).parents[3] / "docs"  # beside the package, where both are checked out

# What is removed from a chapter, in this order, and what replaces it.
# Brackets have a limit: without one, each of many that are never closed is searched to the end.
_MARKUP = [
    (r"\A---\n.*?\n---\n", ""),  # front matter
    (r"^( *)(```+|~~~+).*?\n\1\2 *$", ""),  # code, and what it prints
    (r"<!--.*?-->", ""),
    (r"<(script|style|svg|table)\b.*?</\1>", ""),
    (r"\$\$.*?\$\$", ""),  # display formulas
    (r"</summary>\s*", " "),  # a question, and its folded answer: one paragraph
    (r"(?<!`)</?[a-zA-Z][^<>]*>", ""),  # tags, but not `<pad>`
    (r"^ *(\||!!!|\?\?\?|#!|\{:).*$", ""),  # rows of tables, callouts
    (r"!\[[^\]]{0,2000}\]\([^)]{0,2000}\)", ""),  # images
    (r"\[([^\]]{0,2000})\](\([^)]{0,2000}\)|\[[^\]]{0,2000}\])", r"\1"),  # links
    (r"\{[:.#][^{}]*\}", ""),  # classes
    (r"\\(query|key|value|weights|source|target)\{([^{}]*)\}", r"\2"),  # colour macros in formulas
    (r"\$([^$\n]*)\$", r"\1"),  # inline formulas
    (r"(\*\*|`+)", ""),
    (r"(?<!\w)[*_](\S[^*_\n]*)[*_](?!\w)", r"\1"),  # emphasis
    (r"[ \t]+$", ""),
]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a file; its length is that of its text, in characters.

    Attributes:
        file: The file that it is from.
        heading: The nearest heading above it; empty where there is none.
        text: Its text, in one line.
    """

    file: str
    heading: str
    text: str

    def __len__(self) -> int:
        return len(self.text)

    def __str__(self) -> str:
        """The text after its heading, which often names a topic that the text doesn't repeat."""
        return f"{self.heading}: {self.text}" if self.heading else self.text


def read_texts(data: Sequence[str]) -> list[str]:
    """Load the texts that the command's `--data` names.

    Args:
        data: `book` for the chapters of this book; `toy`, `toy-train`, `toy-valid` or `toy-test`
            for the English side of the toy corpus (plain `toy` is its training split); or UTF-8
            text files.

    Returns:
        A text for each chapter, sentence or file, with Unix line ends.

    Raises:
        BadInput: A file cannot be used, the chapters are not installed, or a corpus is combined
            with anything else. The message says which and why.
    """
    name = _corpus(data)
    if name == "book":
        return [plain_text(page) for page in book().values()]
    if name:
        return [pair.source for pair in toy.pairs(TOY[name], toy.SPLIT_SIZES[TOY[name]])]
    return [read_text(Path(name)) for name in data]


def read_paragraphs(data: Sequence[str]) -> list[Paragraph]:
    """Load the same texts split into paragraphs; each sentence of the toy corpus is one.

    Args:
        data: As for `read_texts`. The code and markup of files named `.md` are left out.

    Raises:
        BadInput: As for `read_texts`.
    """
    corpus = _corpus(data)
    if corpus == "book":
        pages = book().items()
        return [paragraph for file, page in pages for paragraph in _page_paragraphs(file, page)]
    if corpus:
        return [Paragraph(corpus, "", sentence) for sentence in read_texts(data)]
    texts = zip(data, read_texts(data), strict=True)
    return [paragraph for file, text in texts for paragraph in _file_paragraphs(file, text)]


def _corpus(data: Sequence[str]) -> str | None:
    """The name of the built-in corpus that `data` names, or None if it names files."""
    name = next((name for name in data if name in {"book", *TOY}), None)
    if name and len(data) > 1:
        raise BadInput(
            f"{' '.join(data)}: the corpus {name} can't be combined with other data "
            f"(write ./{name} for a file of that name)"
        )
    return name


def book() -> dict[str, str]:
    """The Markdown of this book's chapters and labs, by file name.

    Raises:
        BadInput: The package was installed without the book.
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
    """The Markdown cells of a lab in the percent format."""
    cells = (cell.partition("\n") for cell in re.split(r"^# %%", lab, flags=re.MULTILINE))
    return "\n\n".join(
        re.sub(r"^# ?", "", text, flags=re.MULTILINE)
        for kind, _, text in cells
        if "[markdown]" in kind
    )


def plain_text(page: str) -> str:
    """The prose of a Markdown page, without front matter, code, tables, images and markup."""
    text = re.sub(r"^ *#+ *", "", _prose(page), flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _prose(page: str) -> str:
    """The same, with the `#` of each heading."""
    for markup, replacement in _MARKUP:
        flags = re.MULTILINE | re.DOTALL if ".*?" in markup else re.MULTILINE
        page = re.sub(markup, replacement, page, flags=flags)
    return unescape(page)


def _file_paragraphs(file: str, text: str) -> Iterator[Paragraph]:
    if file.lower().endswith(".md"):
        yield from _page_paragraphs(file, text)
    else:
        yield from (Paragraph(file, "", block) for block in _blocks(text))


def _page_paragraphs(file: str, page: str) -> Iterator[Paragraph]:
    parts = re.split(r"^ *#+ +(.*)$", _prose(page), flags=re.MULTILINE)
    for heading, text in zip(["", *parts[1::2]], parts[::2], strict=True):
        blocks = [block for block in _blocks(text) if len(block.split()) >= MIN_WORDS]
        yield from (Paragraph(file, heading, block) for block in blocks)


def _blocks(text: str) -> list[str]:
    """The blocks between blank lines, each in one line."""
    return [" ".join(block.split()) for block in re.split(r"\n\s*\n", text) if block.strip()]
