"""The tree of parts and chapters, read from the pages' own front matter, as Just the Docs does.

`title`, `nav_order`, `parent`, `grand_parent` and `nav_exclude` mean what they mean there. The key
`optional` is ours: the main path leaves out a page that has it, and all pages below.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.utils import meta

from tools import labs

log = get_plugin_logger("navigation")


@dataclass(frozen=True)
class Chapter:
    """A page and where its front matter puts it."""

    path: str
    title: str
    parent: str | None
    grand_parent: str | None
    order: Any
    optional: bool = False

    def is_child_of(self, other: "Chapter") -> bool:
        """Whether the other page is the one that this page names as its parent."""
        return self.parent == other.title and self.grand_parent in (None, other.parent)


def front_matter(file: File) -> dict[str, Any]:
    """The keys between the first two `---` of a page or a lab."""
    if file.src_uri.endswith(".py"):
        return labs.front_matter(Path(str(file.abs_src_path)))
    keys: dict[str, Any] = meta.get_data(file.content_string)[1]
    return keys


def chapters(files: Iterable[File]) -> Iterator[Chapter]:
    """Every page that wants to be in the navigation; one without a title can't be."""
    for file in files:
        keys = front_matter(file)
        if keys.get("nav_exclude"):
            continue
        if "title" not in keys:
            log.warning("%s has no title in its front matter", file.src_uri)
            continue
        yield Chapter(
            file.src_uri,
            str(keys["title"]),
            keys.get("parent"),
            keys.get("grand_parent"),
            keys.get("nav_order"),
            keys.get("optional", False),
        )


def in_order(chapter: Chapter) -> tuple[Any, ...]:
    """Numbers first, then words, then pages that name no order, by title."""
    if isinstance(chapter.order, int | float):
        return (0, chapter.order, chapter.title)
    return (1, str(chapter.order), chapter.title) if chapter.order else (2, chapter.title)


def tree(pages: Iterable[Chapter]) -> list[dict[str, Any]]:
    """The navigation in MkDocs' form: a part is a list whose first page is the part's own."""
    pages = sorted(pages, key=in_order)

    def branch(page: Chapter) -> dict[str, Any]:
        children = [child for child in pages if child.is_child_of(page)]
        if not children:
            return {page.title: page.path}
        return {page.title: [{page.title: page.path}, *map(branch, children)]}

    return [branch(page) for page in pages if page.parent is None]


def report_lost(pages: list[Chapter]) -> None:
    """Warn of every page that would stand nowhere, or in two places."""
    for page in pages:
        parents = [other for other in pages if page.is_child_of(other)]
        if page.parent is not None and len(parents) != 1:
            fault = "is the title of several pages" if parents else "is no page's title"
            log.warning("%s: its parent '%s' %s", page.path, page.parent, fault)
        elif page in parents:
            log.warning("%s is its own parent", page.path)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Fill in the navigation before MkDocs reads it."""
    pages = list(chapters(files.documentation_pages()))
    report_lost(pages)
    config.nav = tree(pages)
    return files
