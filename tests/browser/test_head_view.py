"""<head-view> in a browser: where all heads look and what they add, for every kind of reader."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from attention.data import toy
from attention.inspection.head_maps import HeadMaps, head_maps
from attention.inspection.head_view import head_view
from attention.tasks.translation import Translator
from tests.site_fixtures import ROOT, OpenElement, build
from tools import lab_runs

SOURCE, TARGET = "They arrived late .", "Ils sont arrivés en retard ."
READ, WRITTEN = SOURCE.split(), TARGET.split()
KINDS = {
    "encoder": "Encoder self-attention",
    "decoder": "Decoder self-attention",
    "cross": "Encoder-decoder attention",
}


@pytest.fixture(scope="module")
def translator() -> Translator:
    sizes = {"d_model": 16, "n_heads": 4, "d_ff": 16}
    return Translator.new("transformer", toy.pairs("train", 200), **sizes)


@pytest.fixture(scope="module")
def maps(translator: Translator) -> list[HeadMaps]:
    return head_maps(translator, SOURCE, TARGET, padding=2)


@pytest.fixture(scope="module")
def html(translator: Translator) -> str:
    return head_view(translator, SOURCE, TARGET, padding=2).html


@pytest.fixture
def page(open_element: OpenElement, html: str) -> Page:
    return open_element("head-view", html)


def view(page: Page) -> Locator:
    return page.locator("head-view").first


def choose(page: Page, kind: str, layer: int, head: int) -> None:
    name = f"layer {layer}, head {head}"
    button = view(page).get_by_role("group", name=KINDS[kind]).get_by_role("radio", name=name)
    button.locator("..").click()
    expect(button).to_be_checked()


def large(page: Page) -> Locator:
    return view(page).get_by_role("group", name="The chosen head").get_by_role("table")


def row(page: Page, number: int) -> Locator:
    return large(page).locator("tbody tr").nth(number)


def adds(page: Page) -> list[list[str]]:
    """The rows of the small table, that of all heads together at the end."""
    part = view(page).get_by_role("group", name="What the heads of the layer add")
    return [line.locator("th, td").all_inner_texts() for line in part.locator("tr").all()[1:]]


def note(page: Page) -> Locator:
    return view(page).locator(".head-view-note")


def test_without_javascript_there_are_the_tables_folded(
    open_element: OpenElement, html: str
) -> None:
    phone = {"width": 390, "height": 800}
    page = open_element("head-view", html, java_script_enabled=False, viewport=phone)
    assert view(page).get_by_role("table").count() == 0
    for title in KINDS.values():
        view(page).get_by_text(f"{title}: 2 layers of 4 heads").click()
    assert view(page).get_by_role("table").count() == 3 * 2 * (4 + 1)
    name = "Decoder self-attention, layer 1, head 2"
    table = view(page).get_by_role("group", name=name).get_by_role("table")
    expect(table.get_by_role("rowheader", name="retard")).to_have_count(2)
    expect(table.get_by_role("row").nth(1)).to_contain_text("1.000future")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_there_is_a_small_map_of_every_head(page: Page) -> None:
    assert view(page).get_by_role("group", name="Attention of each head").count() == 0
    expect(page.get_by_role("group", name=f"Attention of each head: {SOURCE}")).to_be_visible()
    for title in KINDS.values():
        names = view(page).get_by_role("group", name=title).get_by_role("radio").all()
        assert [name.get_attribute("aria-label") for name in names] == [
            f"layer {layer}, head {head}" for layer in (1, 2) for head in (1, 2, 3, 4)
        ]
    assert view(page).locator("fieldset svg").count() == 24
    expect(view(page).locator(".head-view-title")).to_have_text(
        "Encoder-decoder attention, layer 2, head 1"
    )


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_the_chosen_head_shows_its_real_weights(
    page: Page, maps: list[HeadMaps], kind: str
) -> None:
    choose(page, kind, layer=2, head=3)
    layer = next(layer for layer in maps if (layer.kind, layer.number) == (kind, 2))
    values = "cells => cells.map((cell) => cell.dataset.value ?? cell.className)"
    for t, weights in enumerate(layer.weights[2].tolist()):
        cells = row(page, t).locator("td:not(:last-child)").evaluate_all(values)
        assert cells == [
            layer.mask_reason(t, s) or str(float(f"{weight:.3f}")).removesuffix(".0")
            for s, weight in enumerate(weights)
        ]


def test_rows_and_columns_are_named_in_words(page: Page) -> None:
    head = large(page).locator("thead")
    for name in ("query (token) ↓", "key (token) →", "adds, after W_o"):
        expect(head.get_by_text(name)).to_be_visible()
    words = head.locator("tr").nth(1).locator("th").all_inner_texts()
    assert words == ["input", "target", *READ, "<pad>", "<pad>"]
    steps = list(zip(["<s>", *WRITTEN], [*WRITTEN, "</s>"], strict=True))
    lines = large(page).locator("tbody tr").all()
    assert [tuple(line.locator("th").all_inner_texts()) for line in lines] == steps
    expect(row(page, 1).locator("th").last).to_have_attribute("lang", "fr")
    choose(page, "encoder", layer=1, head=1)
    assert head.locator("tr").nth(1).locator("th").first.inner_text() == "token"
    expect(row(page, 1).locator("th")).to_have_text("arrived")


def test_what_each_head_adds_stands_beside_its_row(page: Page, maps: list[HeadMaps]) -> None:
    layer = maps[5]
    row(page, 3).get_by_text("en", exact=True).click()
    norms, proportions = layer.norms[:, 3].tolist(), layer.proportions[:, 3].tolist()
    heads = [
        [f"head {h}", f"{float(f'{norm:.3f}'):.2f}", f"{100 * part:.0f} %".replace("-", "−")]
        for h, (norm, part) in enumerate(zip(norms, proportions, strict=True), start=1)
    ]
    shown = adds(page)
    assert [line[0] for line in shown] == [*(line[0] for line in heads), "together"]
    for line, (_, norm, proportion) in zip(shown, heads, strict=False):
        assert float(line[1]) == pytest.approx(float(norm), abs=0.011)
        assert line[2] == proportion
    assert float(shown[-1][1]) == pytest.approx(layer.output_norms[3].item(), abs=0.006)
    assert row(page, 3).locator("td").last.inner_text() == shown[0][1], "of the chosen head"
    sizes = "bars => bars.map((bar) => Number(bar.style.getPropertyValue('--size')))"
    bars = view(page).locator(".head-view-scroller").last.locator(".head-view-bar")
    longest = max(layer.norms.max().item(), layer.output_norms.max().item())
    assert bars.evaluate_all(sizes) == pytest.approx(
        [size / longest for size in [*norms, layer.output_norms[3].item()]], abs=0.002
    )


def test_hovering_visits_a_row_and_a_click_stays(page: Page) -> None:
    choose(page, "decoder", layer=1, head=2)
    row(page, 0).locator("td").first.click()
    expect(note(page)).to_have_text("Reads “<s>”, writes “Ils”, and attends to “<s>” 1.00.")
    before = adds(page)
    row(page, 4).locator("td").first.hover()
    expect(note(page)).to_have_text(re.compile("^Reads “en”, writes “retard”, and attends to “"))
    assert adds(page) != before
    page.mouse.move(0, 0)
    expect(note(page)).to_have_text("Reads “<s>”, writes “Ils”, and attends to “<s>” 1.00.")
    assert adds(page) == before


def test_arrow_keys_walk_through_heads_and_rows_and_it_is_said_aloud(page: Page) -> None:
    status = view(page).get_by_role("status")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    title = view(page).locator(".head-view-title")
    expect(title).to_have_text("Encoder-decoder attention, layer 1, head 4")
    expect(status).to_have_text(re.compile("^Encoder-decoder attention, layer 1, head 4. Reads “<"))
    page.keyboard.press("Tab")  # the part that scrolls
    page.keyboard.press("Tab")  # the chosen row
    expect(row(page, 0).get_by_role("radio")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(row(page, 1).get_by_role("radio")).to_be_checked()
    expect(status).to_have_text(re.compile("^Reads “Ils”, writes “sont”, and attends to “"))
    outline = "getComputedStyle(document.activeElement.parentElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    choose(page, "cross", layer=2, head=4)
    expect(row(page, 1).get_by_role("radio")).to_be_checked()  # the same row of another head
    row(page, 6).click()
    choose(page, "encoder", layer=1, head=1)
    expect(row(page, 3).get_by_role("radio")).to_be_checked()  # the last there is


def test_up_and_down_lead_to_the_map_above_and_below(page: Page) -> None:
    title = view(page).locator(".head-view-title")
    page.keyboard.press("Tab")  # layer 2, head 1
    for key, place in [
        ("ArrowRight", "layer 2, head 2"),
        ("ArrowUp", "layer 1, head 2"),
        ("ArrowUp", "layer 1, head 2"),
        ("ArrowLeft", "layer 1, head 1"),
        ("ArrowDown", "layer 2, head 1"),
        ("ArrowDown", "layer 2, head 1"),
    ]:
        page.keyboard.press(key)
        expect(title).to_have_text(f"Encoder-decoder attention, {place}")
        button = view(page).get_by_role("group", name=KINDS["cross"]).get_by_role("radio")
        expect(button.and_(view(page).get_by_label(place, exact=True))).to_be_focused()


def test_it_begins_with_the_head_that_aligns_the_pair(
    open_element: OpenElement, translator: Translator, maps: list[HeadMaps]
) -> None:
    html = head_view(translator, SOURCE, TARGET, padding=2, pair=("retard", "late")).html
    page = open_element("head-view", html)
    weights = {
        (layer.number, head): weight
        for layer in maps
        if layer.kind == "cross"
        for head, weight in enumerate(layer.weights[:, 4, 2].tolist(), start=1)
    }
    number, head = max(weights, key=lambda place: weights[place])
    assert (number, head) != (2, 1), "where it would begin anyway"
    title = f"Encoder-decoder attention, layer {number}, head {head}"
    expect(view(page).locator(".head-view-title")).to_have_text(title)
    expect(row(page, 4).get_by_role("radio")).to_be_checked()
    expect(note(page)).to_contain_text("writes “retard”")
    radio = view(page).get_by_role("group", name=KINDS["cross"]).get_by_role("radio")
    expect(radio.nth(4 * (number - 1) + head - 1)).to_be_checked()
    html = head_view(translator, SOURCE, TARGET, pair=("zone", "Area")).html
    page = open_element("head-view", html)
    title = "Encoder-decoder attention, layer 2, head 1"
    expect(view(page).locator(".head-view-title")).to_have_text(title)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_on_a_phone_a_tap_on_a_small_map_brings_the_large_one_into_view(
    open_element: OpenElement, html: str, motion: str
) -> None:
    size = {"width": 390, "height": 800}
    touch = {"has_touch": True, "is_mobile": True}
    page = open_element("head-view", html, viewport=size, reduced_motion=motion, **touch)
    small = view(page).get_by_role("group", name=KINDS["encoder"]).locator("label").nth(2)
    title = view(page).locator(".head-view-title")
    expect(large(page)).not_to_be_in_viewport(ratio=0.3)
    small.tap()
    expect(title).to_have_text("Encoder self-attention, layer 1, head 3")
    expect(large(page)).to_be_in_viewport(ratio=0.6)
    page.keyboard.press("ArrowRight")
    expect(small.locator("xpath=following-sibling::label[1]").locator("input")).to_be_focused()


def test_on_a_phone_what_a_row_attends_to_is_in_view_wherever_the_row_is(
    open_element: OpenElement, html: str
) -> None:
    size = {"width": 390, "height": 500}
    page = open_element("head-view", html, viewport=size, has_touch=True, is_mobile=True)
    row(page, 0).scroll_into_view_if_needed()
    row(page, 0).locator("td").first.tap()
    expect(note(page)).to_contain_text("writes “Ils”")
    expect(note(page)).to_be_in_viewport(ratio=1)


def test_the_masks_have_patterns_of_their_own(
    page: Page, open_element: OpenElement, translator: Translator
) -> None:
    choose(page, "decoder", layer=1, head=1)
    cells = row(page, 2).locator("td")
    kinds = ["", "", "", "future", "future", "future", "future", "future padding", "future padding"]
    assert [cell.get_attribute("class") or "" for cell in cells.all()[:-1]] == kinds
    assert cells.nth(3).inner_text() == "future"
    legend = view(page).locator(".head-view-legend li")
    assert legend.all_inner_texts() == [
        "weight: the stronger the colour, the more",
        "hidden by the causal mask: it is not generated yet",
        "hidden by the padding mask: there is no token",
        "hidden by the causal mask: there is no token",
    ]
    image = "element => getComputedStyle(element).backgroundImage"
    future, both = cells.nth(3).evaluate(image), cells.nth(7).evaluate(image)
    choose(page, "encoder", layer=1, head=1)
    padding = row(page, 2).locator("td").nth(4).evaluate(image)
    assert "linear" in future
    assert "radial" not in future
    assert "radial" in padding
    assert "linear" not in padding
    assert both == f"{future}, {padding}"
    swatches = [item.evaluate(image) for item in legend.locator("span").all()]
    assert swatches[1:] == [future, padding, both]
    page = open_element("head-view", head_view(translator, SOURCE, TARGET).html)
    expect(view(page).locator(".head-view-legend li")).to_have_count(2)


def test_all_tables_stay_for_those_who_want_them(page: Page) -> None:
    view(page).get_by_text("All weights, as tables").click()
    view(page).get_by_text("Encoder self-attention: 2 layers of 4 heads").click()
    name = "Encoder self-attention, layer 2, after W_o"
    expect(view(page).get_by_role("group", name=name).get_by_role("row")).to_have_count(5)


def test_several_on_a_page_go_their_own_ways_and_are_built_once(
    open_element: OpenElement, html: str
) -> None:
    page = open_element("head-view", html * 2)
    choose(page, "decoder", layer=1, head=2)
    row(page, 2).click()
    last = page.locator("head-view").last
    expect(last.locator(".head-view-title")).to_have_text(
        "Encoder-decoder attention, layer 2, head 1"
    )
    assert page.locator("head-view input:checked").count() == 4
    page.evaluate("document.body.append(document.querySelector('head-view'))")
    expect(last.locator(".head-view-title")).to_have_text("Decoder self-attention, layer 1, head 2")
    assert page.locator("fieldset").count() == 6
    page.evaluate("document.body.innerHTML = document.body.innerHTML")  # a copy from a cache
    assert page.locator("fieldset").count() == 6
    assert view(page).locator(".head-view-tables .head-view-table").count() == 30
    choose(page, "encoder", layer=1, head=3)
    expect(view(page).locator(".head-view-title")).to_have_text(
        "Encoder self-attention, layer 1, head 3"
    )


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_jumps_and_the_page_never_scrolls_sideways(
    open_element: OpenElement, html: str, width: int
) -> None:
    page = open_element("head-view", html, viewport={"width": width, "height": 800})
    place = "document.querySelector('.head-view-tables').offsetTop"
    before = page.evaluate(place)
    for t in range(7):
        row(page, t).locator("th").last.hover()
        assert page.evaluate(place) == before
    choose(page, "decoder", layer=2, head=4)
    for summary in view(page).locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_fingers_find_heads_and_rows(open_element: OpenElement, html: str) -> None:
    size = {"width": 390, "height": 800}
    page = open_element("head-view", html, viewport=size, has_touch=True, is_mobile=True)
    for target in view(page).locator("label").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    row(page, 2).locator("td").first.tap()
    expect(note(page)).to_contain_text("writes “arrivés”")


def test_colours_follow_the_scheme_of_the_page(page: Page) -> None:
    small = view(page).locator("fieldset svg").first
    for scheme, colour in [("default", "rgb(163, 67, 127)"), ("slate", "rgb(224, 139, 192)")]:
        page.evaluate(f"document.body.dataset.mdColorScheme = {scheme!r}")
        expect(small).to_have_css("fill", colour)


def test_nothing_moves_by_itself() -> None:
    style = (ROOT / "docs" / "assets" / "head-view.css").read_text()
    assert "transition" not in style
    assert "animation" not in style


LAB = """\
# ---
# title: A lab
# ---

# %% [markdown]
# # A lab

# %%
from attention import Translator
from attention.data import toy
from attention.inspection.head_view import head_view

translator = Translator.new("transformer", toy.pairs("train", 50), d_model=8, n_heads=2)
head_view(translator, "R&D *is* `late` .", "Ils sont <b> .", padding=1)
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
    words = large(page).locator("thead tr").nth(1).locator("th").all_inner_texts()
    assert " ".join(words) == "input target R & D * is * ` late ` . <pad>"
    expect(row(page, 3).locator("th").last).to_have_text("b")
    page.close()
    assert "proportion of head" not in (site.site / "search" / "search_index.json").read_text()
