"""The home page: a live view of real weights, the parts with their times, what was tested."""

import re

import pytest

from tests.site_fixtures import ROOT, Build
from tools import lab_runs, live_view, tally
from tools.reading_time import amount, spoken

PAGE = "above <!--live--> a picture <!--/live--> below"
FIGURES = {"blocks": 1234, "outputs": 56, "labs": 7, "tests_on_device": 890}


@pytest.mark.xdist_group("introduction-lab.py")
def test_the_view_is_of_a_translator_that_finds_the_zone(trained_translator, monkeypatch) -> None:
    monkeypatch.delenv("LABS", raising=False)
    content = live_view.on_page_content(PAGE)
    assert re.fullmatch(r"above <alignment-view .*</alignment-view> below", content, re.DOTALL)
    assert 'word="zone"' in content
    rows = re.findall(r'<th scope="row" lang="fr">(.*?)</th>(.*?)</tr>', content)
    source = re.findall(r'<th scope="col">(.*?)</th>', content)
    weights = dict(rows)["zone"]
    largest = [float(weight) for weight in re.findall(r">([\d.]+)</td>", weights)]
    assert source[largest.index(max(largest))] == "Area"


@pytest.mark.on_cpu(reason="text only")
@pytest.mark.parametrize(("labs", "serving"), [("skip", False), ("", True)])
def test_until_the_lab_is_executed_a_picture_is_shown(labs, serving, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LABS", labs)
    monkeypatch.setattr(live_view, "serving", serving)
    monkeypatch.setattr(lab_runs, "KEPT", tmp_path)
    assert live_view.on_page_content(PAGE) == PAGE


@pytest.mark.on_cpu(reason="text only")
def test_other_pages_stay_as_they_are(monkeypatch) -> None:
    monkeypatch.delenv("LABS", raising=False)
    assert live_view.on_page_content("a page") == "a page"


@pytest.mark.on_cpu(reason="text only")
def test_each_part_is_a_card_with_its_time(built: Build) -> None:
    cards = re.findall(r"<li>\s*<p><a href=\"([\w-]+)/\"><img.*?</li>", built.page("."), re.DOTALL)
    assert cards == ["introduction", "before-attention", "attention", "models"]
    pages = [ROOT / "docs" / name for name in ("introduction.md", "introduction-lab.py")]
    time = spoken(sum(amount(page).minutes for page in pages))
    assert f"The first chapter and its lab take {time}" in built.page(".")


@pytest.mark.on_cpu(reason="text only")
def test_what_was_tested_is_said_in_short(monkeypatch) -> None:
    monkeypatch.setattr(tally, "read", lambda path: FIGURES if "cpu" in path.name else None)
    said = tally.on_page_markdown("a\n\n<!--tally in short-->\n")
    assert "- **1,234** blocks of code run\n- **56** outputs compared\n" in said
    assert "- **7** labs executed\n- **890** tests passed\n" in said
    monkeypatch.setattr(tally, "read", lambda path: None)
    assert "Not yet run" in tally.on_page_markdown("<!--tally in short-->")
