"""<position-explorer> in a browser: sinusoidal encodings, for every kind of reader."""

from __future__ import annotations

import math
import re

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from attention.layers.positions import sinusoidal_positions
from tests.site_fixtures import ROOT, OpenElement

FALLBACK = '<img src="images/intro-fig5.svg" alt="Waves"><p>Slow waves and fast ones.</p>'
HTML = f'<position-explorer label="Sinusoidal encodings">{FALLBACK}</position-explorer>'
VALUES = "elements => elements.map((element) => Number(element.dataset.value))"


@pytest.fixture
def page(open_element: OpenElement) -> Page:
    return open_element("position-explorer", HTML)


def positions(length: int, d_model: int) -> torch.Tensor:
    """The package's own, in double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return sinusoidal_positions(length, d_model)
    finally:
        torch.set_default_dtype(before)


def explorer(page: Page) -> Locator:
    return page.locator("position-explorer").first


def choose(page: Page, **values: int) -> None:
    """Choose by the names on the page, as a reader does."""
    for name, value in values.items():
        if name in {"Dimension", "Positions"}:
            group = explorer(page).get_by_role("group", name=name)
            group.get_by_text(str(value), exact=True).click()
        else:
            explorer(page).get_by_role("slider", name=re.compile(f"^{name}")).fill(str(value))


def values(part: Locator) -> torch.Tensor:
    return torch.tensor(part.evaluate_all(VALUES), dtype=torch.float64)


def close(shown: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(shown, wanted, atol=1e-12, rtol=0)


def worked(page: Page) -> Locator:
    return explorer(page).get_by_role("status")


def vectors(page: Page) -> Locator:
    region = explorer(page).get_by_role("group", name="The two encodings, component by component")
    return region.get_by_role("table")


def series(page: Page, kind: str) -> Locator:
    chart = explorer(page).get_by_role("img", name="Dot products of position")
    return chart.locator(f"circle.{kind}")


def test_without_javascript_there_are_the_picture_and_its_text(open_element: OpenElement) -> None:
    page = open_element("position-explorer", HTML, java_script_enabled=False)
    expect(page.get_by_role("img", name="Waves")).to_be_visible()
    expect(page.get_by_text("Slow waves and fast ones.")).to_be_visible()


def test_the_number_in_focus_is_worked_out(page: Page) -> None:
    expect(worked(page)).to_have_text(
        "Component 2 of position 3: sin(3 / 10000^(2/8)) = sin(0.3) = 0.2955"
    )
    choose(page, Component=5)
    expect(worked(page)).to_have_text(
        "Component 5 of position 3: cos(3 / 10000^(4/8)) = cos(0.03) = 0.9996"
    )
    choose(page, Dimension=64, Position=14, Component=2)
    angle = 14 / 10_000 ** (2 / 64)
    assert (
        worked(page)
        .inner_text()
        .endswith(f"= sin({angle:.5f}) = {math.sin(angle):.4f}".replace("-", "−"))
    )


@pytest.mark.parametrize("width", [4, 8, 16, 32, 64])
def test_every_number_is_the_package_s(page: Page, width: int) -> None:
    choose(page, Dimension=width, Positions=32, Position=5, Component=3, Second=19)
    expected = positions(32, width)
    close(values(explorer(page).locator("rect[data-value]")).view(32, width), expected)

    rows = vectors(page).locator("tbody tr")
    expect(rows).to_have_count(width)
    mine, theirs = expected[5], expected[19]
    table = values(rows.locator("td[data-value]")).view(width, 3)
    close(table, torch.stack([mine, theirs, mine * theirs], dim=1))
    close(values(vectors(page).locator("tfoot td")), (mine @ theirs)[None])
    assert rows.nth(3).locator("td").all_inner_texts()[1:3] == [
        f"{value:.4f}".replace("-", "−") for value in (mine[3], theirs[3])
    ]

    waves = explorer(page).get_by_role("img", name="Component 3 over the positions")
    close(values(waves.locator("circle")), expected[:, 3])
    close(values(series(page, "first")), expected @ mine)
    close(values(series(page, "second")), expected @ theirs)

    table = values(explorer(page).locator("details td")).view(32, 3)
    close(table, torch.stack([expected[:, 3], expected @ mine, expected @ theirs], dim=1))


def test_lined_up_by_distance_both_positions_make_one_curve(page: Page) -> None:
    def points(kind: str) -> dict[int, float]:
        pairs = "circles => circles.map(({ dataset: { x, value } }) => [Number(x), Number(value)])"
        return {int(x): value for x, value in series(page, kind).evaluate_all(pairs)}

    choose(page, Position=3, Second=9)
    apart = points("first"), points("second")
    assert set(apart[0]) == set(apart[1]) == set(range(16))
    assert any(abs(apart[0][s] - apart[1][s]) > 0.5 for s in range(16))
    explorer(page).get_by_role("checkbox", name="Align both by distance").check()
    first, second = points("first"), points("second")
    assert set(first) == set(range(-3, 13))
    assert set(second) == set(range(-9, 7))
    for distance in set(first) & set(second):
        assert first[distance] == pytest.approx(second[distance], abs=1e-12)
    product = (positions(16, 8) @ positions(16, 8).T)[3, 9]
    said = explorer(page).get_by_text("at distance 6")
    expect(said).to_contain_text(f"Position 3 · position 9 = {product:.4f}, at distance 6.")


def test_a_click_on_the_heat_map_chooses_and_arrow_keys_go_on(page: Page) -> None:
    heat = explorer(page).get_by_role(
        "img", name="Heat map: 16 positions down, 8 components across"
    )
    box = heat.bounding_box()
    assert box
    heat.click(position={"x": box["width"] * 4.5 / 8, "y": box["height"] * 10.5 / 16})
    expect(worked(page)).to_contain_text("Component 4 of position 10")
    slider = explorer(page).get_by_role("slider", name="Position t")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(worked(page)).to_contain_text("Component 4 of position 11")
    page.keyboard.press("Tab")
    expect(explorer(page).get_by_role("slider", name="Second position u")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(worked(page)).to_contain_text("Component 7 of position 11")
    heat.hover(position={"x": 2, "y": 2})
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 3)
    expect(worked(page)).to_contain_text("Component 7 of position 0")
    page.mouse.up()


def test_arrow_keys_choose_the_width_and_what_no_longer_exists_gives_way(page: Page) -> None:
    choose(page, Position=15, Component=7, Second=12)
    group = explorer(page).get_by_role("group", name="Dimension D")
    group.get_by_role("radio", name="8", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    expect(group.get_by_role("radio", name="4", exact=True)).to_be_checked()
    expect(worked(page)).to_contain_text("Component 3 of position 15: cos(15 / 10000^(2/4))")
    choose(page, Positions=8)
    expect(worked(page)).to_contain_text("Component 3 of position 7")
    expect(explorer(page).get_by_role("slider", name="Second position u")).to_have_value("7")


def test_a_row_of_the_table_can_be_chosen_and_is_scrolled_to(page: Page) -> None:
    vectors(page).get_by_role("row").filter(has_text="cos(t / 100)").click()
    expect(worked(page)).to_contain_text("Component 5 of position 3")
    choose(page, Dimension=64, Component=60)
    before = page.evaluate("scrollY")
    row, box = vectors(page).locator("tr[data-current]"), vectors(page).locator("..")
    inside = row.bounding_box()
    around = box.bounding_box()
    assert inside
    assert around
    assert around["y"] < inside["y"] < around["y"] + around["height"] - inside["height"]
    assert page.evaluate("scrollY") == before, "only the table scrolls"


def test_the_two_positions_are_chosen_side_by_side(page: Page) -> None:
    t, u = (
        explorer(page).get_by_role("slider", name=name).bounding_box()
        for name in ("Position t", "Second position u")
    )
    assert t
    assert u
    assert t["y"] == u["y"]
    assert u["x"] > t["x"]


def test_powers_are_raised_and_still_copied_and_read_as_powers(page: Page) -> None:
    expect(worked(page).locator("sup")).to_have_text("2/8")
    assert "10000^(2/8)" in worked(page).inner_text()
    sign = worked(page).get_by_text("^(", exact=True).bounding_box()
    assert sign
    assert sign["width"] == 0, "there, and not seen"


def test_the_scrollbar_has_room_of_its_own(page: Page) -> None:
    """Without it, the bar hides a part of the last column in Firefox, though not in Chromium."""
    expect(vectors(page).locator("..")).to_have_css("scrollbar-gutter", "stable")


def test_the_page_says_where_it_begins(open_element: OpenElement) -> None:
    start = 'width="4" positions="8" position="2" other="5" number="1"'
    page = open_element("position-explorer", f"<position-explorer {start}></position-explorer>")
    expect(worked(page)).to_have_text(
        "Component 1 of position 2: cos(2 / 10000^(0/4)) = cos(2) = −0.4161"
    )
    expect(page.get_by_role("group", name="Sinusoidal positional encodings")).to_be_visible()
    expect(explorer(page).get_by_role("slider", name="Second position u")).to_have_value("5")
    wrong = 'width="5" positions="many" position="-1" number="99"'
    page = open_element("position-explorer", f"<position-explorer {wrong}></position-explorer>")
    expect(worked(page)).to_contain_text("Component 7 of position 3: cos(3 / 10000^(6/8))")


def test_several_on_a_page_go_their_own_ways_and_are_built_once(open_element: OpenElement) -> None:
    page = open_element("position-explorer", HTML * 2)
    choose(page, Dimension=16, Position=9)
    last = page.locator("position-explorer").last
    expect(last.get_by_role("radio", name="8", exact=True).first).to_be_checked()
    expect(last.get_by_role("status")).to_contain_text("of position 3")
    page.evaluate("document.body.append(document.querySelector('position-explorer'))")
    expect(last.get_by_role("status")).to_contain_text("of position 9")  # moved, not reset
    assert page.get_by_role("checkbox").count() == 2
    page.evaluate("document.body.innerHTML = document.body.innerHTML")  # a copy from a cache
    assert page.get_by_role("checkbox").count() == 2
    choose(page, Component=0)
    expect(worked(page)).to_contain_text("Component 0 of position 3")


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_jumps_and_the_page_never_scrolls_sideways(
    open_element: OpenElement, width: int
) -> None:
    page = open_element("position-explorer", HTML, viewport={"width": width, "height": 800})
    place = "document.querySelector('position-explorer details').offsetTop"
    before = page.evaluate(place)
    for number in range(8):
        choose(page, Component=number, Position=2 * number)
        assert page.evaluate(place) == before
    explorer(page).get_by_role("checkbox").check()
    assert page.evaluate(place) == before
    choose(page, Dimension=64, Positions=64, Position=63, Component=63)
    explorer(page).locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_fingers_find_what_can_be_chosen(open_element: OpenElement) -> None:
    size = {"width": 390, "height": 800}
    page = open_element("position-explorer", HTML, viewport=size, has_touch=True, is_mobile=True)
    for target in explorer(page).locator("label, input[type=range]").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_colours_follow_the_scheme_of_the_page(page: Page) -> None:
    cell = explorer(page).locator("rect.above").first
    for scheme, colour in [("default", "rgb(102, 64, 224)"), ("slate", "rgb(179, 161, 255)")]:
        page.evaluate(f"document.body.dataset.mdColorScheme = {scheme!r}")
        expect(cell).to_have_css("fill", colour)


def test_nothing_moves_by_itself() -> None:
    style = (ROOT / "docs" / "assets" / "position-explorer.css").read_text()
    assert "transition" not in style
    assert "animation" not in style
