"""Fonts for tokens in any script."""

import pytest
import torch
from matplotlib import font_manager

from attention.inspection import plots
from attention.inspection.fonts import fallback_families, missing_characters

pytestmark = pytest.mark.on_cpu(reason="text only")

UNKNOWN = "\U000f0000"  # for private use: no font has it


def test_the_usual_font_is_enough_for_latin_greek_and_cyrillic():
    texts = ["tôt", "αβγ", "жук", "a\u200db", "e\u0301", "\t"]
    assert fallback_families(texts) == []
    assert missing_characters(texts) == ""


def test_an_installed_font_that_has_a_character_is_found():
    """STIXGeneral comes with matplotlib, and has a letter that its DejaVu Sans lacks."""
    families = fallback_families(["ℊ", "a"])
    assert families[0] == font_manager.FontProperties().get_family()[0]
    paths = map(font_manager.findfont, families[1:])
    assert any(ord("ℊ") in font_manager.get_font(path).get_charmap() for path in paths)
    assert missing_characters(["ℊ"]) == ""


def test_characters_that_no_font_has_are_named_once():
    assert missing_characters([f"a{UNKNOWN}", f"{UNKNOWN}b"]) == UNKNOWN
    assert fallback_families([UNKNOWN]) == []


@pytest.mark.filterwarnings("error")
def test_tokens_are_drawn_in_a_font_that_has_them(tmp_path):
    plots.alignment(torch.ones(1, 2), ["ℊ", "b"], ["c"]).savefig(tmp_path / "map.svg")


def test_a_token_between_dollar_signs_is_no_formula(tmp_path):
    plots.alignment(torch.ones(1, 1), [r"$\no$"], ["$5"]).savefig(tmp_path / "map.svg")
