"""Fonts for tokens in any script: installed ones that have what the usual font lacks."""

import unicodedata
from collections.abc import Iterable
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

__all__ = ["fallback_families", "missing_characters"]

INVISIBLE = {"Cc", "Cf", "Cs", "Mn", "Zl", "Zp", "Zs"}  # Unicode categories: nothing is drawn alone


def fallback_families(texts: Iterable[str]) -> list[str]:
    """Font families in which the texts can be drawn, the usual one first; empty if it has all.

    Each character that the usual font lacks is in one of them, unless no installed font has it.
    """
    return _choose(frozenset("".join(texts)))[0]


def missing_characters(texts: Iterable[str]) -> str:
    """The characters of the texts that no installed font has, which are drawn as boxes."""
    return _choose(frozenset("".join(texts)))[1]


def _choose(characters: frozenset[str]) -> tuple[list[str], str]:
    usual = font_manager.FontProperties()
    missing = {c for c in characters if unicodedata.category(c) not in INVISIBLE}
    missing -= _characters_of(font_manager.findfont(usual))
    families: list[str] = []
    for entry in sorted(font_manager.fontManager.ttflist, key=lambda entry: entry.name):
        if not missing:
            break
        if entry.style != "normal" or entry.weight not in (400, "normal", "regular"):
            continue
        if found := missing & _characters_of(entry.fname):
            families.append(entry.name)
            missing -= found
    return [*usual.get_family(), *families] if families else [], "".join(sorted(missing))


@cache
def _characters_of(path: str) -> frozenset[str]:
    """The characters that a font has; none where they are bitmaps, or a box for everything."""
    try:
        font = FT2Font(path)
    except (RuntimeError, OSError):
        return frozenset()
    if not font.scalable or "Last Resort" in font.family_name:
        return frozenset()
    return frozenset(map(chr, font.get_charmap()))
