"""<alignment-view> in a browser: where translators look, for every kind of reader."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect

from attention.inspection.alignment_view import alignment_view
from attention.tasks.translation import Translation
from tests.site_fixtures import ROOT, OpenElement, build
from tools import lab_runs

READ = ["the", "the", "European", "Economic", "Area", "was"]
WRITTEN = ["la", "zone", "économique", "européenne", "la", "a", "été"]
LOOKS = torch.tensor(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.02, 0.08, 0.9, 0.0],
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.6, 0.0, 0.4, 0.0],
        [0.0, 0.7, 0.0, 0.0, 0.0, 0.3],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)
TRANSLATIONS = {
    "word by word": Translation(READ, WRITTEN[:4], "", torch.eye(4, 6)),
    "fixed vector": Translation(READ, WRITTEN, "", None),
    "Bahdanau": Translation(READ, WRITTEN, "", LOOKS),
}
ENDS = """path => [0, path.getTotalLength()].map((length) => {
    const { x, y } = path.getPointAtLength(length).matrixTransform(path.getScreenCTM());
    return [x, y];
})"""
Open = Callable[..., Page]


@pytest.fixture
def open_page(open_element: OpenElement) -> Open:
    """Open a page with two views."""
    return partial(
        open_element, "alignment-view", "<hr>".join([alignment_view(TRANSLATIONS).html] * 2)
    )


def view(page: Page) -> Locator:
    return page.locator("alignment-view").first


def panel(page: Page, name: str) -> Locator:
    return view(page).get_by_role("group", name=name, exact=True)


def seen(panel: Locator) -> list[str]:
    """The words read that show a weight, with it."""
    return panel.locator("li[data-seen]").all_text_contents()


def note(panel: Locator) -> str:
    return panel.locator(".alignment-view-note").inner_text()


def test_without_javascript_there_are_the_tables(open_page: Open) -> None:
    page = open_page(java_script_enabled=False, viewport={"width": 390, "height": 800})
    tables = view(page).get_by_role("table")
    assert tables.count() == 3
    assert all(table.is_visible() for table in tables.all())
    row = view(page).get_by_role("table", name="Bahdanau").get_by_role("row").nth(2)
    expect(row).to_have_text("zone0.0000.0000.0200.0800.9000.000")
    expect(row.get_by_role("rowheader")).to_have_text("zone")
    nowhere = view(page).get_by_role("table", name="fixed vector")
    assert "no attention" in nowhere.inner_text()
    assert view(page).get_by_role("radio").count() == 0
    region = view(page).get_by_role("region", name="Bahdanau: the the European Economic Area was")
    expect(region).to_have_attribute("tabindex", "0")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_first_all_are_shown_that_look(open_page: Open) -> None:
    page = open_page()
    boxes = view(page).get_by_role("checkbox")
    assert [box.is_checked() for box in boxes.all()] == [True, False, True]
    expect(panel(page, "Bahdanau")).to_be_visible()
    expect(panel(page, "fixed vector")).to_be_hidden()
    view(page).get_by_role("checkbox", name="fixed vector").check()
    expect(panel(page, "fixed vector")).to_be_visible()
    assert note(panel(page, "fixed vector")) == "no attention"
    view(page).get_by_role("checkbox", name="Bahdanau").uncheck()
    expect(panel(page, "Bahdanau")).to_be_hidden()


def test_hovering_shows_where_each_looked_and_leaving_ends_it(open_page: Open) -> None:
    page = open_page()
    ours, theirs = panel(page, "Bahdanau"), panel(page, "word by word")
    assert seen(ours) == []
    ours.get_by_text("zone").hover()
    assert seen(ours) == ["European0.02", "Economic0.08", "Area0.90"]
    assert note(ours) == "“zone” attends to “Area” 0.90"
    assert seen(theirs) == ["the1.00"]
    ours.get_by_text("été").hover()
    assert seen(ours) == ["was1.00"]
    assert seen(theirs) == []
    assert note(theirs) == "did not generate “été” here"
    page.mouse.move(0, 0)
    assert seen(ours) == []
    assert view(page).get_by_role("status").text_content() == "", "hovering says nothing aloud"


def test_a_word_may_be_chosen_from_the_start_and_one_panel_needs_no_choice(
    open_element: OpenElement,
) -> None:
    html = alignment_view({"Bahdanau": TRANSLATIONS["Bahdanau"]}, word="zone").html
    page = open_element("alignment-view", html)
    assert seen(panel(page, "Bahdanau")) == ["European0.02", "Economic0.08", "Area0.90"]
    expect(panel(page, "Bahdanau").get_by_role("radio", name="zone")).to_be_checked()
    assert view(page).get_by_role("checkbox").count() == 0
    assert view(page).get_by_role("status").text_content() == ""


def test_hovering_over_a_source_word_shows_what_attended_to_it(open_page: Open) -> None:
    page = open_page()
    ours = panel(page, "Bahdanau")
    ours.get_by_text("zone").click()
    ours.get_by_role("listitem").filter(has_text="Area").hover()
    assert note(ours) == "“Area” gets attention from “zone” 0.90, “européenne” 0.40"
    assert note(panel(page, "word by word")) == "“Area” gets less than 0.10 from every token"
    assert seen(ours) == []
    shades = "labels => labels.map(label => label.style.getPropertyValue('--shade'))"
    wanted = ["0", "0.9", "0", "0.4", "0", "0", "0"]
    assert ours.locator("label").evaluate_all(shades) == wanted
    strong = "paths => paths.filter(p => getComputedStyle(p).opacity === '1').length"
    assert ours.locator("svg path").evaluate_all(strong) == 2
    page.mouse.move(0, 0)
    assert seen(ours) == ["European0.02", "Economic0.08", "Area0.90"], "back to what was chosen"
    assert ours.locator("label").evaluate_all(shades) == [""] * 7


def test_one_panel_has_all_the_room_there_is(open_element: OpenElement) -> None:
    html = alignment_view({"Bahdanau": TRANSLATIONS["Bahdanau"]}).html
    page = open_element("alignment-view", html, viewport={"width": 736, "height": 800})
    words = panel(page, "Bahdanau").locator(".alignment-view-words").bounding_box()
    lines = panel(page, "Bahdanau").locator("svg").bounding_box()
    assert words
    assert lines
    assert words["width"] > 700
    assert lines["width"] > 500


def test_tabbing_through_leaves_the_chosen_word(open_element: OpenElement) -> None:
    two = {"Bahdanau": TRANSLATIONS["Bahdanau"], "word by word": TRANSLATIONS["word by word"]}
    page = open_element("alignment-view", alignment_view(two, word="été").html)
    for _ in range(6):  # the second panel has no such word: its first is in focus, and not chosen
        page.keyboard.press("Tab")
        assert seen(panel(page, "Bahdanau")) == ["was1.00"]
    assert view(page).locator("input[type=radio]:checked").count() == 1


def test_the_second_of_two_equal_words_is_another_word(open_page: Open) -> None:
    page = open_page()
    ours = panel(page, "Bahdanau")
    ours.get_by_text("la", exact=True).nth(1).hover()
    assert seen(ours) == ["the0.70", "was0.30"]
    assert seen(panel(page, "word by word")) == []
    assert note(ours) == "“la” attends to “the” 0.70, “was” 0.30"


def test_lines_run_to_what_has_weight_and_the_chosen_ones_stand_out(open_page: Open) -> None:
    page = open_page()
    ours = panel(page, "Bahdanau")
    rows = ours.locator("svg g")
    assert [row.locator("path").count() for row in rows.all()] == [1, 3, 1, 2, 2, 1, 1]
    ours.get_by_text("zone").click()
    for t in range(7):
        expect(rows.nth(t)).to_have_css("opacity", "1" if t == 1 else "0.12")
    ends = rows.nth(1).locator("path").last.evaluate(ENDS)
    label = ours.get_by_text("zone", exact=True).bounding_box()
    item = ours.get_by_role("listitem").filter(has_text="Area").bounding_box()
    assert label
    assert item
    assert ends == [
        pytest.approx([label["x"] + label["width"], label["y"] + label["height"] / 2], abs=1),
        pytest.approx([item["x"], item["y"] + item["height"] / 2], abs=1),
    ]


def test_arrow_keys_walk_through_the_words_and_it_is_said_aloud(open_page: Open) -> None:
    page = open_page()
    ours, status = panel(page, "Bahdanau"), view(page).get_by_role("status")
    for _ in range(4):  # three checkboxes, then the first panel's words
        page.keyboard.press("Tab")
    expect(panel(page, "word by word").get_by_role("radio").first).to_be_focused()
    assert view(page).locator("input[type=radio]:checked").count() == 0, "not by passing by"
    page.keyboard.press("Space")
    expect(status).to_have_text(
        "word by word: “la” attends to “the” 1.00. Bahdanau: “la” attends to “the” 1.00."
    )
    page.keyboard.press("ArrowDown")
    assert seen(ours) == ["European0.02", "Economic0.08", "Area0.90"]
    expect(status).to_have_text(
        "word by word: “zone” attends to “the” 1.00. Bahdanau: “zone” attends to “Area” 0.90."
    )
    page.keyboard.press("Tab")  # to the same word of the next panel
    expect(ours.get_by_role("radio", name="zone")).to_be_focused()
    expect(ours.get_by_role("radio", name="zone")).to_be_checked()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # round the corner
    expect(ours.get_by_role("radio", name="été")).to_be_checked()
    assert panel(page, "word by word").locator("input:checked").count() == 0
    outline = "getComputedStyle(document.activeElement.parentElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_a_click_keeps_a_word_and_hovering_elsewhere_is_only_a_visit(open_page: Open) -> None:
    page = open_page()
    ours = panel(page, "Bahdanau")
    ours.get_by_text("économique").click()
    ours.get_by_text("été").hover()
    assert seen(ours) == ["was1.00"]
    page.mouse.move(0, 0)
    assert seen(ours) == ["Economic1.00"]


def test_a_screen_reader_meets_named_groups_french_words_and_the_tables(open_page: Open) -> None:
    page = open_page()
    name = "Attention of each translator: the the European Economic Area was"
    expect(page.get_by_role("group", name=name)).to_have_count(2)
    word = panel(page, "Bahdanau").get_by_text("zone")
    expect(word).to_have_attribute("lang", "fr")
    expect(panel(page, "Bahdanau").locator("svg")).to_have_attribute("aria-hidden", "true")
    assert view(page).get_by_role("table").count() == 0
    view(page).get_by_text("All weights, as tables").click()
    assert view(page).get_by_role("table").count() == 3


def test_each_view_goes_its_own_way(open_page: Open) -> None:
    page = open_page()
    panel(page, "Bahdanau").get_by_text("zone").click()
    assert page.locator("alignment-view").last.locator("input:checked").count() == 2


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_jumps_and_the_page_never_scrolls_sideways(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800}, has_touch=width < 400)
    view(page).get_by_role("checkbox", name="fixed vector").check()
    details = view(page).locator("details")
    place = details.evaluate("details => details.offsetTop")
    for word in panel(page, "Bahdanau").locator("label").all():
        word.hover()
        assert details.evaluate("details => details.offsetTop") == place
    details.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_fingers_find_the_words(open_page: Open) -> None:
    page = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    for target in view(page).locator("label:visible").all():
        size = target.bounding_box()
        assert size is not None
        assert size["height"] >= 44
    panel(page, "Bahdanau").get_by_text("zone").tap()
    assert seen(panel(page, "Bahdanau")) == ["European0.02", "Economic0.08", "Area0.90"]


def test_it_is_built_once_however_often_it_comes(open_page: Open) -> None:
    page = open_page()
    panel(page, "Bahdanau").get_by_text("zone").click()
    page.mouse.move(0, 0)
    page.evaluate("document.body.prepend(document.querySelector('alignment-view'))")
    assert view(page).get_by_role("checkbox").count() == 3
    assert len(seen(panel(page, "Bahdanau"))) == 3  # moved, not reset
    page.evaluate("document.body.innerHTML = document.body.innerHTML")  # a copy from a cache
    assert view(page).get_by_role("checkbox").count() == 3
    assert view(page).locator("table").count() == 3
    panel(page, "Bahdanau").get_by_text("été").hover()
    assert seen(panel(page, "Bahdanau")) == ["was1.00"]


def test_it_is_calm_for_readers_who_ask_for_calm(open_page: Open) -> None:
    duration = "getComputedStyle(document.querySelector('alignment-view g')).transitionDuration"
    assert "0.15s" in open_page(reduced_motion="no-preference").evaluate(duration)
    assert open_page(reduced_motion="reduce").evaluate(duration) == "0s"


@pytest.mark.parametrize("system", ["light", "dark"])
def test_colours_follow_the_scheme_of_the_page(open_page: Open, system: str) -> None:
    page = open_page(color_scheme=system)
    lines = panel(page, "Bahdanau").locator("svg")
    for scheme, colour in [("default", "rgb(163, 67, 127)"), ("slate", "rgb(224, 139, 192)")]:
        page.evaluate(f"document.body.dataset.mdColorScheme = {scheme!r}")
        expect(lines).to_have_css("stroke", colour)


LAB = """\
# ---
# title: A lab
# ---

# %% [markdown]
# # A lab

# %%
import torch

from attention.tasks.translation import Translation
from attention.inspection.alignment_view import alignment_view

alignment_view({"<b>": Translation(["R&D", "*is*"], ["`c`", "est"], "", torch.eye(2))})
"""


def test_a_lab_s_view_comes_alive_on_the_site(
    browser: Browser, serve: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab_runs, "KEPT", tmp_path / "kept")
    shutil.copytree(ROOT / "docs" / "assets", tmp_path / "docs" / "assets")
    (tmp_path / "docs" / "index.md").write_text("---\ntitle: Home\n---\n# Home\n")
    (tmp_path / "docs" / "lab.py").write_text(LAB)
    site = build(tmp_path / "docs", tmp_path / "site", LABS="")
    assert site.sound, site.warnings
    page = browser.new_page()
    page.goto(f"{serve(site.site)}/lab/")
    panel(page, "<b>").get_by_text("`c`").click()
    assert seen(panel(page, "<b>")) == ["R&D1.00"]
    page.close()
    assert "target token" not in (site.site / "search" / "search_index.json").read_text()
