"""Pictures for those who share a page: where the site has an address, a card for each part.

A picture that others load needs an absolute address, so a site without one has no cards.
"""

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

FOLDER = "assets/cards"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Draw the cards."""
    if config.site_url:
        from images import cards  # here: it brings matplotlib along

        for part in cards.PARTS:
            png = cards.card(part)
            files.append(File.generated(config, _path(part), content=png))
    return files


def on_page_context(
    context: dict[str, Any], page: Page, config: MkDocsConfig, **_: object
) -> dict[str, Any]:
    """Tell the template which card a page has."""
    if not config.site_url:
        return context
    from images import cards

    folder = page.file.src_uri.partition("/")[0]
    part = folder if folder in cards.PARTS else ""
    card = {"address": f"{config.site_url.rstrip('/')}/{_path(part)}", "words": cards.words(part)}
    return {**context, "card": card}


def _path(part: str) -> str:
    return f"{FOLDER}/{part or 'start'}.png"
