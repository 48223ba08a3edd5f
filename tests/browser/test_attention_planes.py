"""The planes of <attention-stepper> in a browser: vectors to drag, and numbers that follow them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from tests.browser.stepper_page import (
    COPYING,
    all_steps,
    assert_equal,
    by_torch,
    cell,
    copied,
    field,
    run,
    shown,
    stepper,
    tab,
)
from tests.site_fixtures import OpenElement

W_Q, W_K, W_V = [[-2, -1], [-2, 0]], [[0, -1], [1, 0]], [[1, 1], [0, -2]]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
Open = Callable[..., Page]


@pytest.fixture
def open_page(open_element: OpenElement) -> Open:
    """Open a page with a stepper; `attributes` are those of the element."""

    def open_page(attributes: str = "", **settings: object) -> Page:
        html = f"<attention-stepper {attributes}></attention-stepper>"
        return open_element("attention-stepper", html, **settings)

    return open_page


def plane(page: Page, title: str) -> Locator:
    return stepper(page).get_by_role("group", name=title)


def arrow(page: Page, name: str) -> Locator:
    return stepper(page).get_by_role("slider", name=name, exact=True)


def queries(page: Page) -> Locator:
    return stepper(page).get_by_role("combobox", name="Query of")


def tip(page: Page, name: str) -> list[float]:
    """Where an arrow ends, in its own numbers."""
    value = arrow(page, name).get_attribute("data-value")
    assert value is not None
    return [float(number) for number in value.split()]


def middle(box: Any) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, name: str, to: tuple[float, float], reach: float = 3) -> None:
    """Take an arrow by its tip with the mouse, and let go of it elsewhere on its plane."""
    plane = arrow(page, name).locator("xpath=ancestor::*[name()='svg']")
    plane.scroll_into_view_if_needed()
    around = plane.bounding_box()
    assert around
    x, y = middle(around)
    half = around["width"] / 2
    page.mouse.move(*middle(arrow(page, name).bounding_box()))
    page.mouse.down()
    page.mouse.move(x, y, steps=3)  # on the way
    page.mouse.move(x + to[0] / reach * half, y - to[1] / reach * half, steps=3)
    page.mouse.up()


def embeddings(page: Page, words: int = 3, width: int = 2) -> list[list[float]]:
    """What stands in the fields of X."""
    return [
        [float(field(page, "Token", row, column).input_value()) for column in range(width)]
        for row in range(words)
    ]


def test_the_plane_draws_the_vectors_of_the_tables(open_page: Open) -> None:
    page = open_page()
    for name, numbers in [("embedding", [1, 0]), ("query", [-2, -1]), ("key", [0, -1])]:
        assert tip(page, f"{name} of “the”") == numbers
    assert tip(page, "value of “the”") == [1, 1]
    tab(page, "Score").click()
    assert [tip(page, f"key of “{word}”") for word in ("the", "European", "Area")] == [
        [0, -1],
        [1, 0],
        [-1, 0],
    ]
    tab(page, "Weighted sum").click()
    assert [tip(page, f"value of “{word}”") for word in ("the", "European", "Area")] == [
        [1, 1],
        [0, -2],
        [0, 2],
    ]


def test_what_to_try_first_is_true(open_page: Open) -> None:
    page = open_page()
    suggestion = stepper(page).get_by_text("Try this first")
    expect(suggestion).to_contain_text("rises from −2 to 2")
    expect(suggestion).to_contain_text("0.40 each")
    tab(page, "Score").click()
    assert shown(page, "Scores")[0][1] == "−2"
    drag(page, "key of “European”", (-1, 0))
    assert shown(page, "Scores")[0][1] == "2"
    tab(page, "Softmax").click()
    assert shown(page, "A: weights")[0][1:] == ["0.40", "0.40"]


def test_what_to_try_first_is_true_with_a_mask(open_page: Open) -> None:
    page = open_page("causal")
    suggestion = stepper(page).get_by_text("Try this first")
    expect(suggestion).to_contain_text("falls from 2 to −2")
    expect(suggestion).to_contain_text("falls from 0.77 to 0.16")
    weights = all_steps(page)["A"][0]
    tab(page, "Score").click()
    drag(page, "key of “European”", (-1, 0))
    assert shown(page, "Scores")[2][1] == "−2"
    assert [f"{w[2, 1]:.2f}" for w in (weights, all_steps(page)["A"][0])] == ["0.77", "0.16"]


def test_what_to_try_first_is_true_with_two_heads(open_page: Open) -> None:
    page = open_page('heads="2" width="4"')
    expect(stepper(page).get_by_text("Try this first")).to_contain_text("The scores of head 1 stay")
    before = all_steps(page)["Scores"]
    tab(page, "Score").click()
    drag(page, "Head 2: query of “the”", (2, 1))
    after = all_steps(page)["Scores"]
    assert torch.equal(after[0], before[0])
    assert not torch.equal(after[1][0], before[1][0])


@pytest.mark.parametrize("name", ["query", "key", "value", "embedding"])
def test_a_dragged_arrow_moves_its_token_s_embedding_and_every_number_follows(
    open_page: Open, name: str
) -> None:
    page = open_page(**COPYING)
    drag(page, f"{name} of “the”", (1.5, -0.5))
    assert tip(page, f"{name} of “the”") == pytest.approx([1.5, -0.5], abs=0.02)
    x = embeddings(page)
    assert x[0] != [1, 0]
    assert x[1:] == [[0, 1], [0, -1]], "only the token that was dragged"
    for other, w in [("query", W_Q), ("key", W_K), ("value", W_V)]:
        expected = torch.tensor(x[0]) @ torch.tensor(w, dtype=torch.float)
        assert tip(page, f"{other} of “the”") == pytest.approx(expected.tolist(), abs=1e-6)
    found = all_steps(page)
    assert_equal(found, by_torch(x, W_Q, W_K, W_V, 1, causal=False))
    (weights, output), agrees = run(copied(page))
    torch.testing.assert_close(weights, found["A"][0], atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(output, found["Output"][0], atol=1e-12, rtol=1e-12)
    assert agrees == "True"


def test_arrow_keys_move_an_arrow_and_it_keeps_the_focus(open_page: Open) -> None:
    page = open_page()
    tab(page, "Score").click()
    key = arrow(page, "key of “Area”")
    key.focus()
    for pressed, to in [
        ("ArrowRight", [-0.9, 0]),
        ("ArrowUp", [-0.9, 0.1]),
        ("Shift+ArrowDown", [-0.9, -0.9]),
        ("ArrowLeft", [-1, -0.9]),
        ("Alt+ArrowLeft", [-1, -0.9]),
    ]:
        page.keyboard.press(pressed)
        assert tip(page, "key of “Area”") == pytest.approx(to)
        expect(key).to_be_focused()
    expect(key).to_have_attribute("aria-valuetext", "-1, -0.9")
    assert shown(page, "Scores")[0][2] == "2.90"
    assert embeddings(page)[2] == [0.9, -1]


def test_typing_moves_the_arrows(open_page: Open) -> None:
    page = open_page()
    tab(page, "Score").click()
    field(page, "W_k", 0, 0).fill("2")
    assert tip(page, "key of “the”") == [2, -1]
    field(page, "Token", 0, 1).fill("1")
    assert tip(page, "query of “the”") == [-4, -1], "the scale follows"
    assert tip(page, "key of “the”") == [3, -1]


@pytest.mark.parametrize(
    ("matrix", "reached"),
    [([[1, 2], [2, 4]], [0.4, 0.8]), ([[0, 0], [0, 0]], [0, 0])],
)
def test_a_matrix_without_an_inverse_lets_an_arrow_go_no_further_than_it_reaches(
    open_page: Open, matrix: list[list[int]], reached: list[float]
) -> None:
    """The wanted tip, (2, 0), is projected on the line of all queries that W_q can make."""
    page = open_page()
    for row, line in enumerate(matrix):
        for column, number in enumerate(line):
            field(page, "W_q", row, column).fill(str(number))
    drag(page, "query of “the”", (2, 0))
    assert tip(page, "query of “the”") == pytest.approx(reached, abs=0.03)
    assert math.hypot(*embeddings(page)[0]) <= 1.01, "no other embedding gives it, and is smaller"


def test_the_projection_is_the_foot_of_the_perpendicular_and_has_the_colour_of_the_sign(
    open_page: Open,
) -> None:
    page = open_page()
    tab(page, "Score").click()
    reading = stepper(page).locator(".vector-plane-reading")
    ends = """path => [0, path.getTotalLength()].map(at => {
        const { x, y } = path.getPointAtLength(at); return [x / 160 * 3, -y / 160 * 3];
    })"""
    for key, sign, score in [(2, "above", "2.24 · 0.89 = 2"), (1, "below", "2.24 · (−0.89) = −2")]:
        cell(page, "Scores", 0, key).click()
        expect(reading).to_contain_text(score)
        projection = stepper(page).locator(f".vector-plane path.projection.{sign}")
        expect(projection).to_have_count(1)
        q, k = torch.tensor([-2.0, -1]), torch.tensor([[0.0, -1], [1, 0], [-1, 0]])[key]
        foot = (q @ k / (q @ q) * q).tolist()
        start, end = projection.evaluate(ends)
        assert start == pytest.approx([0, 0], abs=0.01)
        assert end == pytest.approx(foot, abs=0.01)
        drop = stepper(page).locator(".vector-plane path.drop").evaluate(ends)
        assert drop == [pytest.approx(k.tolist(), abs=0.01), pytest.approx(foot, abs=0.01)]


def test_weighted_values_lead_head_to_tail_to_the_output(open_page: Open) -> None:
    page = open_page()
    output, weights = all_steps(page)["Output"][0], all_steps(page)["A"][0]
    chosen = queries(page)
    for row, word in enumerate(["the", "European", "Area"]):
        chosen.select_option(word)
        ends = """paths => paths.map(path => {
            const { x, y } = path.getPointAtLength(path.getTotalLength());
            return [x / 160 * 3, -y / 160 * 3];
        })"""
        parts = stepper(page).locator(".vector-plane path.part").evaluate_all(ends)
        values = torch.tensor([[1, 1], [0, -2], [0, 2]], dtype=torch.float64)
        sums = (weights[row][:, None] * values).cumsum(0).tolist()
        assert parts == [pytest.approx(point, abs=0.02) for point in sums]
        assert parts[-1] == pytest.approx(output[row].tolist(), abs=0.02)


def test_a_key_that_is_hidden_has_no_part_in_the_sum(open_page: Open) -> None:
    page = open_page("causal")
    tab(page, "Weighted sum").click()
    queries(page).select_option("European")
    assert stepper(page).locator(".vector-plane path.part").count() == 2
    tab(page, "Mask").click()
    cell(page, "Masked scores", 1, 2).hover()
    expect(stepper(page).locator(".vector-plane-reading")).to_have_text(
        "“Area” comes after “European”: it is masked"
    )


def test_the_nearest_of_two_arrows_under_the_pointer_is_taken(open_page: Open) -> None:
    page = open_page()
    tab(page, "Score").click()
    drag(page, "key of “Area”", (1.2, 0))
    drag(page, "key of “European”", (0, 1.5))
    assert tip(page, "key of “Area”") == pytest.approx([1.2, 0])
    assert tip(page, "key of “European”") == pytest.approx([0, 1.5])


def test_where_a_head_has_another_dimension_it_says_how_to_get_the_planes(open_page: Open) -> None:
    page = open_page('width="4"')
    assert stepper(page).get_by_role("slider").count() == 0
    expect(queries(page)).to_be_hidden()
    expect(stepper(page).get_by_text("choose one head for dimension 2")).to_be_visible()
    stepper(page).get_by_label("Heads").select_option("2")
    expect(plane(page, "Head 2: query q, key k and value v of “the”")).to_be_visible()


@pytest.mark.parametrize("settings", [{}, PHONE])
def test_a_number_is_replaced_by_what_is_typed_over_it(
    open_page: Open, settings: dict[str, Any]
) -> None:
    page = open_page(**settings)
    number = field(page, "Token", 0, 1)
    (number.tap if settings else number.click)()
    page.keyboard.type("5")
    expect(number).to_have_value("5")
    number.click()  # once inside, a click sets the cursor
    page.keyboard.press("End")
    page.keyboard.type("3")
    expect(number).to_have_value("53")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("4")
    expect(number).to_have_value("4")


def test_the_flow_shows_every_matrix_and_where_the_reader_is(open_page: Open) -> None:
    page = open_page()
    tab(page, "Mask").click()
    maps = [tab(page, name).locator("svg").count() for name in ("Project", "Score", "Softmax")]
    assert maps == [3, 1, 1]
    done = stepper(page).locator("[role=tab][data-done]").all_inner_texts()
    assert [name.split()[-1] for name in done] == ["Project", "Score", "Scale"]
    before = tab(page, "Softmax").locator("svg").inner_html()
    field(page, "Token", 0, 0).fill("2")
    assert tab(page, "Softmax").locator("svg").inner_html() != before


def test_scores_have_the_colour_of_their_sign(open_page: Open) -> None:
    page = open_page()
    tab(page, "Score").click()
    signs = [[c.get_attribute("data-sign") for c in row] for row in rows(page, "Scores")]
    assert signs == [
        ["above", "below", "above"],
        [None, "below", "above"],
        [None, "above", "below"],
    ]


def rows(page: Page, name: str) -> list[list[Locator]]:
    return [[cell(page, name, row, column) for column in range(3)] for row in range(3)]


def test_a_phone_shows_the_plane_while_a_number_is_edited(open_page: Open) -> None:
    page = open_page(**PHONE)
    tab(page, "Score").tap()
    number = field(page, "W_v", 1, 1)
    number.scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 150)")
    number.tap()
    page.keyboard.type("5")
    box = stepper(page).locator(".vector-plane > svg").bounding_box()
    edited = number.bounding_box()
    assert box
    assert edited
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= edited["y"], "above the number, and both in sight"
    assert edited["y"] + edited["height"] <= 844


def test_a_phone_shows_the_flow_where_there_is_no_plane_or_more_than_one(open_page: Open) -> None:
    page = open_page('heads="2" width="4"', **PHONE)
    for heads in ("2", "1"):
        stepper(page).get_by_label("Heads").select_option(heads)
        number = field(page, "Token", 0, 3)
        number.tap()
        small = tab(page, "Softmax").locator("svg").last  # of head 2
        before = small.inner_html()
        number.fill(heads)
        assert small.inner_html() != before
        box = small.bounding_box()
        assert box
        assert 0 <= box["y"] <= 844, "what changes is in sight"


def test_fingers_find_the_arrows(open_page: Open) -> None:
    page = open_page(**PHONE)
    for name in ("query", "key", "value", "embedding"):
        box = arrow(page, f"{name} of “the”").bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_sum_is_drawn_step_by_step_unless_the_reader_asks_for_calm(
    open_page: Open, motion: str
) -> None:
    page = open_page(reduced_motion=motion)
    tab(page, "Weighted sum").click()
    running = page.evaluate("document.getAnimations().some(a => a.animationName)")
    assert running == (motion == "no-preference")
    page.get_by_role("slider", name="value of “Area”").press("ArrowUp")
    running = page.evaluate("document.getAnimations().some(a => a.animationName)")
    assert not running, "what the reader moves does not move by itself"


@pytest.mark.parametrize("attributes", ["", 'heads="2" width="4"'])
def test_text_of_twice_the_size_finds_room(open_page: Open, attributes: str) -> None:
    page = open_page(attributes, viewport={"width": 800, "height": 800})
    page.add_style_tag(content="html { font-size: 200% }")
    for name in ("Project", "Weighted sum"):
        tab(page, name).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
