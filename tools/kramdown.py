"""What Just the Docs' pages write and Python-Markdown does not know.

- `{: .note }` on a line of its own, above or below a block: classes, callouts and labels;
- lists that follow a paragraph without a blank line, as on GitHub;
- `{:toc}`: left out, for every page shows its contents by itself;
- `<div class="table-wrapper">` around a table.
"""

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from markdown import Extension, Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions.attr_list import AttrListTreeprocessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

CALLOUTS = {"highlight", "important", "new", "note", "tip", "warning"}
ATTRIBUTES = re.compile(r"^\{:\s*(.*?)\s*\}\s*$")
ITEM = re.compile(r"^(?:[*+-]|1[.)]) +\S")


class AttributeLines(BlockProcessor):
    """Gives the attributes of a `{: ... }` line to the block right above or below it."""

    def test(self, parent: Element, block: str) -> bool:
        lines = block.strip("\n").split("\n")
        return bool(ATTRIBUTES.match(lines[0]) or ATTRIBUTES.match(lines[-1]))

    def run(self, parent: Element, blocks: list[str]) -> None:
        lines = blocks.pop(0).strip("\n").split("\n")
        above, below = ATTRIBUTES.match(lines[0]), ATTRIBUTES.match(lines[-1])
        lines = lines[bool(above) : len(lines) - bool(below)]
        if below and below[1] == "toc":
            self.drop_heading(parent)
            return
        # A parent of its own keeps a quote from melting into the quote before it.
        alone = Element("div")
        self.parser.parseBlocks(alone, ["\n".join(lines)])
        for line, at in ((above, 0), (below, -1)):
            if line and len(alone):
                AttrListTreeprocessor(self.parser.md).assign_attrs(alone[at], line[1])
        parent.extend(callout(element) for element in alone)

    def drop_heading(self, parent: Element) -> None:
        """Drop the heading over a list of contents that is left out."""
        last = self.lastChild(parent)
        if last is not None and "no_toc" in last.get("class", ""):
            parent.remove(last)


def callout(element: Element) -> Element:
    """A callout, if the element's class asks for one; the element itself otherwise."""
    for name in element.get("class", "").split():
        kind, own_title = name.removesuffix("-title"), name.endswith("-title")
        if kind in CALLOUTS:
            break
    else:
        return element
    box = Element("div", {"class": f"admonition {kind}"})
    if not own_title:
        SubElement(box, "p", {"class": "admonition-title"}).text = kind.capitalize()
    if element.tag == "blockquote":
        box.extend(element)
    else:
        del element.attrib["class"]
        box.append(element)
    if own_title:
        box[0].set("class", "admonition-title")
    return box


class ListsWithoutBlankLine(Preprocessor):
    """Puts a blank line before a list that follows a paragraph; runs after code is set aside."""

    def run(self, lines: list[str]) -> list[str]:
        out: list[str] = []
        in_list = False
        for line in lines:
            starts = bool(ITEM.match(line))
            if starts and not in_list and out and out[-1].strip():
                out.append("")
            in_list = bool(line.strip()) and (in_list or starts)
            out.append(line)
        return out


class TableWrappers(Treeprocessor):
    """Puts every table in a box that can scroll, so that a wide one fits on a phone."""

    def run(self, root: Element) -> None:
        for parent in list(root.iter()):
            for index, child in enumerate(parent):
                if child.tag == "table":
                    parent[index] = Element("div", {"class": "table-wrapper"})
                    parent[index].append(child)


class Kramdown(Extension):
    """All of the above."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.parser.blockprocessors.register(AttributeLines(md.parser), "attribute_lines", 98)
        md.treeprocessors.register(TableWrappers(md), "table_wrappers", 2)
        md.preprocessors.register(ListsWithoutBlankLine(md), "lists_without_blank_line", 15)


def makeExtension(**options: Any) -> Kramdown:
    """The name under which Markdown looks for an extension."""
    return Kramdown(**options)
