"""The figures of `images/`, shown on any page, whatever path its author wrote.

`./images/x.svg` (Just the Docs), `../images/x.svg` and `../../images/x.svg` (right on GitHub) all
mean the file in the top-level folder. Every picture gets its size: no text jumps as it loads.
"""

import html
import re
import struct
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

log = get_plugin_logger("pictures")

FIGURE = re.compile(r"^(?:\.{0,2}/)*(?=images/)")
ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
VIEW_BOX = re.compile(r"""viewBox=["'][-\d.]+[ ,]+[-\d.]+[ ,]+([\d.]+)[ ,]+([\d.]+)""")


class FigurePaths(Treeprocessor):
    """Points Markdown's own pictures at the top-level folder, before MkDocs checks them."""

    def run(self, root: Element) -> None:
        for picture in root.iter("img"):
            picture.set("src", FIGURE.sub("/", picture.get("src", "")))


class Figures(Extension):
    """The Markdown side of this hook (`tools.pictures`)."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(FigurePaths(md), "figures", 1)  # just before MkDocs' relpath


def makeExtension(**options: Any) -> Figures:
    """The name under which Markdown looks for an extension."""
    return Figures(**options)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Publish the figures beside the pages."""
    folder = Path(config.config_file_path).parent / "images"
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if path.suffix in {".svg", ".png", ".jpg", ".gif", ".webp"}:
            files.append(File.generated(config, f"images/{path.name}", abs_src_path=str(path)))
    return files


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Give every `<img>` of a page its right address, its size and a calm way to load."""
    first = content.find("<img")
    return re.sub(r"<img\b[^>]*>", partial(_picture, page, files, first), content)


def _picture(page: Page, files: Files, first: int, tag: re.Match[str]) -> str:
    attributes = {name.lower(): "".join(value) for name, *value in ATTRIBUTE.findall(tag.group())}
    source = html.unescape(attributes.get("src", ""))
    if source.startswith("data:"):
        return tag.group()
    if urlsplit(source).netloc:
        log.warning("%s: the picture %s lies on another host", page.file.src_uri, source)
        return tag.group()
    file = _find(source, page, files)
    if file is None or file.abs_src_path is None:
        log.warning("%s: there is no picture %s", page.file.src_uri, source)
        return tag.group()
    attributes["src"] = html.escape(get_relative_url(file.url, page.url))
    for name, value in _defaults(Path(file.abs_src_path), eager=tag.start() == first).items():
        attributes.setdefault(name, value)
    return "<img " + " ".join(f'{name}="{value}"' for name, value in attributes.items()) + ">"


def _find(source: str, page: Page, files: Files) -> File | None:
    path = unquote(urlsplit(source).path)
    if FIGURE.match(path):
        return files.get_file_from_path(FIGURE.sub("", path))
    published = {file.url: file for file in files.media_files()}
    return published.get(get_relative_url(f"{page.url}{path}", "."))


def _defaults(path: Path, eager: bool) -> dict[str, Any]:
    """What a picture should say of itself; the first of a page is wanted at once."""
    width, height = size(path)
    sizes = {"width": round(width), "height": round(height)} if width else {}
    loading = {} if eager else {"loading": "lazy", "decoding": "async"}
    return {"alt": "", **sizes, **loading}


def size(path: Path) -> tuple[float, float]:
    """Width and height of an SVG (from its view box) or a PNG (from its header), in pixels."""
    head = path.read_bytes()[:4096]
    if path.suffix == ".svg" and (box := VIEW_BOX.search(head.decode(errors="replace"))):
        return float(box[1]), float(box[2])
    if path.suffix == ".png":
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    return 0, 0
