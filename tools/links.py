"""Follows every link of the built site, raw HTML included, and names the page of a dead one.

MkDocs itself checks Markdown links only. Nothing that a page loads may lie on another host.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from posixpath import join, normpath
from typing import Any
from urllib.parse import unquote, urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import Files

log = get_plugin_logger("links")
sources: dict[str, str] = {}  # built file -> the file that its author wrote


class Links(HTMLParser):
    """The addresses that a page follows or loads, and the anchors that it offers."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.followed: list[str] = []
        self.loaded: list[str] = []
        self.anchors = {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given.get("id", ""), given.get("name", "")}
        if "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") in {
            "stylesheet",
            "icon",
            "preload",
            "modulepreload",
        }:
            self.loaded.append(given.get("href", ""))
        elif "href" in given:
            self.followed.append(given["href"])


def faults(site: Path, root: str = "/") -> Iterator[tuple[str, str]]:
    """Yield (built file, what is wrong there) for a built site that is served under `root`."""
    pages = {path.relative_to(site).as_posix(): Links(path) for path in site.rglob("*.html")}
    for name, page in sorted(pages.items()):
        for link in page.loaded:
            if urlsplit(link).netloc:
                yield name, f"loads {link} from another host"
        for link in dict.fromkeys(page.followed + page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = _target(name, unquote(parts.path), root)
            if target not in pages and not (site / target).is_file():
                yield name, f"its link {link} leads nowhere"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield name, f"its link {link} names an anchor that is not there"


def _target(page: str, path: str, root: str) -> str:
    """The built file that a path on a page means."""
    if not path:
        return page
    path = path.removeprefix(root) if path.startswith(root) else join(page, "..", path)
    return normpath(join(path, "index.html")) if _is_folder(path) else normpath(path)


def _is_folder(path: str) -> bool:
    return path == "" or path.endswith(("/", "/.", "/..")) or path in {".", ".."}


def on_env(env: Any, config: MkDocsConfig, files: Files) -> Any:
    """Remember who wrote which page."""
    sources.update({file.dest_uri: file.src_uri for file in files.documentation_pages()})
    return env


def on_post_build(config: MkDocsConfig) -> None:
    """Warn of every fault; a strict build then fails."""
    root = urlsplit(config.site_url or "/").path or "/"
    for name, fault in faults(Path(config.site_dir), root):
        log.warning("%s: %s", sources.get(name, name), fault)
