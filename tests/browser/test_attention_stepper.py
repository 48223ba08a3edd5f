"""<attention-stepper> in a browser: attention with the reader's own numbers, for every reader."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from io import StringIO

import pytest
import torch
from playwright.sync_api import Page, expect

from tests.browser.stepper_page import (
    COPYING,
    STEPS,
    all_steps,
    assert_equal,
    by_torch,
    cell,
    copied,
    field,
    grid,
    run,
    shown,
    stepper,
    tab,
    type_in,
    worked,
)
from tests.site_fixtures import OpenElement

PAGE = """<h1>Test</h1>
<attention-stepper label="Self-attention"><p>The plain content.</p></attention-stepper>
<attention-stepper label="Masked" causal heads="2"><p>The plain content.</p></attention-stepper>
"""
Open = Callable[..., Page]


@pytest.fixture
def open_page(open_element: OpenElement) -> Open:
    """Open a page with two steppers."""
    return partial(open_element, "attention-stepper", PAGE)


# What is there


def test_without_javascript_there_is_the_plain_content(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    expect(stepper(page)).to_have_text("The plain content.")
    expect(stepper(page)).to_be_visible()


def test_it_begins_with_the_numbers_of_the_chapter(open_page: Open) -> None:
    page = open_page()
    assert "plain content" not in stepper(page).inner_text()
    assert shown(page, "Q: queries") == [["−2", "−1"], ["−2", "0"], ["2", "0"]]
    assert shown(page, "K: keys") == [["0", "−1"], ["1", "0"], ["−1", "0"]]
    assert shown(page, "V: values") == [["1", "1"], ["0", "−2"], ["0", "2"]]
    tab(page, "Score").click()
    assert shown(page, "Scores") == [["1", "−2", "2"], ["0", "−2", "2"], ["0", "2", "−2"]]
    tab(page, "Weighted sum").click()
    assert shown(page, "A: weights") == [
        ["0.32", "0.04", "0.64"],
        ["0.19", "0.05", "0.77"],
        ["0.19", "0.77", "0.05"],
    ]
    assert shown(page, "Output") == [["0.32", "1.53"], ["0.19", "1.63"], ["0.19", "−1.26"]]


def test_two_dimensions_in_words(open_page: Open) -> None:
    page = open_page()
    tab(page, "Softmax").click()
    header = grid(page, "A: weights").locator("th")
    assert header.all_inner_texts() == [
        "query", "key", "the", "European", "Area", "the", "European", "Area",
    ]  # fmt: skip
    for row in ("the", "European", "Area"):
        expect(grid(page, "A: weights").get_by_role("rowheader", name=row)).to_have_count(1)
        expect(grid(page, "A: weights").get_by_role("columnheader", name=row)).to_have_count(1)


# The numbers


CASES = [  # words, width, heads, causal
    (3, 2, 1, False),
    (3, 2, 1, True),
    (6, 4, 2, True),
    (4, 4, 2, False),
    (2, 2, 2, True),
    (1, 4, 1, True),
]


@pytest.mark.parametrize(("words", "width", "heads", "causal"), CASES)
def test_every_number_is_torch_s_and_the_copied_code_s(
    open_page: Open, words: int, width: int, heads: int, causal: bool
) -> None:
    page = open_page(**COPYING)
    numbers = type_in(page, words, width, heads, causal, seed=words)
    found = all_steps(page)
    assert_equal(found, by_torch(*numbers, heads, causal))
    (weights, output), agrees = run(copied(page))
    of_heads = torch.stack(found["A"]) if heads > 1 else found["A"][0]
    torch.testing.assert_close(weights, of_heads, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(output, found["Output"][-1], atol=1e-12, rtol=1e-12)
    assert agrees == "True", "the package's own function"


def test_every_number_of_the_chapter_is_torch_s(open_page: Open) -> None:
    page = open_page()
    x, w_q = [[1, 0], [0, 1], [0, -1]], [[-2, -1], [-2, 0]]
    w_k, w_v = [[0, -1], [1, 0]], [[1, 1], [0, -2]]
    assert_equal(all_steps(page), by_torch(x, w_q, w_k, w_v, 1, False))


def test_large_scores_give_weights_and_a_sum_that_can_be_read(open_page: Open) -> None:
    page = open_page()
    field(page, "W_q", 0, 0).fill("100")
    field(page, "W_k", 1, 0).fill("100")
    tab(page, "Softmax").click()
    assert shown(page, "A: weights")[0] == ["0.00", "1.00", "0.00"]
    cell(page, "A: weights", 0, 1).click()
    assert worked(page) == (
        "weight of “European” for “the” = (first 7071.07, the largest of the row, is subtracted "
        "from all) e^0 / (e^−7070.36 + e^0 + e^−14142.14) = 1 / (0 + 1 + 0) = 1 / 1 = 1"
    )


def test_with_four_numbers_the_second_head_attends_to_the_token_before(open_page: Open) -> None:
    page = open_page()
    stepper(page).get_by_label("Dimension").select_option("4")
    stepper(page).get_by_label("Heads").select_option("2")
    stepper(page).get_by_role("button", name="Add a token").click()
    weights = all_steps(page)["A"]
    assert weights[1][1:].argmax(-1).tolist() == [0, 1, 2]
    first = torch.tensor([[1, -2, 2], [0, -2, 2], [0, 2, -2]]) / math.sqrt(2)
    assert torch.allclose(all_steps(page)["Scaled scores"][0][:3, :3].float(), first)


# The cell in focus


SUMS = [
    ("Q: queries", 0, 0, "query of “the”, component 1 = 1·(−2) + 0·(−2) = −2"),
    ("V: values", 2, 1, "value of “Area”, component 2 = 0·1 + (−1)·(−2) = 2"),
    ("Scores", 0, 2, "score of “the” with “Area” = (−2)·(−1) + (−1)·0 = 2"),
    ("Scaled scores", 0, 2, "scaled score of “the” with “Area” = 2 / √2 = 2 / 1.41 = 1.41"),
    (
        "Masked scores",
        0,
        2,
        "“Area” comes after “the”: 1.41 becomes −∞, so that its weight becomes 0",
    ),
    ("Masked scores", 1, 0, "“the” comes before “European”: 0 stays"),
    ("Masked scores", 0, 0, "“the” may attend to itself: 0.71 stays"),
    (
        "A: weights",
        1,
        0,
        "weight of “the” for “European” = e^0 / (e^0 + e^−1.41 + e^−∞) = "
        "1 / (1 + 0.24 + 0) = 1 / 1.24 = 0.80",
    ),
    ("Output", 1, 1, "output of “European”, component 2 = 0.80·1 + 0.20·(−2) + 0·2 = 0.41"),
]
MADE_IN = {
    "Scores": "Score",
    "Scaled scores": "Scale",
    "Masked scores": "Mask",
    "A: weights": "Softmax",
    "Output": "Weighted sum",
}


def test_the_sum_behind_a_cell(open_page: Open) -> None:
    page = open_page()
    stepper(page).get_by_label("Causal mask").check()
    for table, row, column, text in SUMS:
        tab(page, MADE_IN.get(table, "Project")).click()
        cell(page, table, row, column).hover()
        assert worked(page) == text
        cell(page, table, row, column).click()
        page.mouse.move(0, 0)
        assert worked(page) == text


def test_without_a_mask(open_page: Open) -> None:
    page = open_page()
    tab(page, "Mask").click()
    assert worked(page) == "there is no mask: “the” may attend to “Area”, and 1.41 stays"
    tab(page, "Softmax").click()
    assert worked(page) == (
        "weight of “Area” for “the” = e^1.41 / (e^0.71 + e^−1.41 + e^1.41) = "
        "4.11 / (2.03 + 0.24 + 4.11) = 4.11 / 6.38 = 0.64"
    )


def test_hovering_is_a_visit_and_says_nothing_aloud(open_page: Open) -> None:
    page = open_page()
    tab(page, "Score").click()
    before, said = worked(page), stepper(page).get_by_role("status").last
    cell(page, "Scores", 1, 1).hover()
    assert worked(page) == "score of “European” with “European” = (−2)·1 + 0·0 = −2"
    made_from = stepper(page).locator("[data-from]")
    assert made_from.all_inner_texts() == ["−2", "0", "1", "0"]
    page.mouse.move(0, 0)
    assert worked(page) == before
    page.wait_for_timeout(400)
    expect(said).to_have_text("")
    cell(page, "Scores", 1, 1).click()
    expect(said).to_have_text(
        "score of “European” with “European” = ( minus 2) times 1 + 0 times 0 = minus 2"
    )


def test_the_same_pair_of_words_stays_in_focus_from_step_to_step(open_page: Open) -> None:
    page = open_page()
    tab(page, "Score").click()
    cell(page, "Scores", 2, 1).click()
    page.mouse.move(0, 0)
    for step, start in [("Scale", "scaled score"), ("Softmax", "weight of “European” for “Area”")]:
        tab(page, step).click()
        page.mouse.move(0, 0)
        assert worked(page).startswith(start)
        assert "“Area”" in worked(page)
    tab(page, "Weighted sum").click()
    assert worked(page).startswith("output of “Area”, component 1")


def test_masked_cells_are_told_by_sign_word_and_pattern(open_page: Open) -> None:
    page = open_page()
    stepper(page).get_by_label("Causal mask").check()
    tab(page, "Softmax").click()
    assert "Hatched" in stepper(page).get_by_role("tabpanel").inner_text()
    for table, sign in [("Masked scores", "−∞"), ("A: weights", "0")]:
        assert grid(page, table).locator("[data-masked]").count() == 3
        masked = cell(page, table, 0, 2)
        assert masked.text_content() == f"{sign} masked"
        pattern = masked.evaluate("cell => getComputedStyle(cell).backgroundImage")
        assert "repeating-linear-gradient" in pattern


# Keys


def test_keys_walk_through_the_steps(open_page: Open) -> None:
    page = open_page()
    tab(page, "Project").focus()
    for key, step in [
        ("ArrowRight", 2),
        ("ArrowRight", 3),
        ("ArrowLeft", 2),
        ("End", 6),
        ("ArrowRight", 6),
        ("Home", 1),
        ("ArrowLeft", 1),
        ("Alt+ArrowRight", 1),
    ]:
        page.keyboard.press(key)
        expect(stepper(page).get_by_text(f"Step {step} of 6", exact=True)).to_be_visible()
        expect(tab(page, STEPS[step - 1])).to_be_focused()
        assert tab(page, STEPS[step - 1]).get_attribute("aria-selected") == "true"
        assert stepper(page).locator("[role=tab][tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    following = stepper(page).get_by_role("button", name="Next")
    previous = stepper(page).get_by_role("button", name="Previous")
    expect(previous).to_be_focused()
    expect(previous).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("ArrowRight")
    expect(previous).to_be_focused()
    expect(stepper(page).get_by_role("status").last).to_have_text("Step 2 of 6: Score")
    for _ in range(9):
        following.click(force=True)
    expect(stepper(page).get_by_text("Step 6 of 6", exact=True)).to_be_visible()
    expect(following).to_have_attribute("aria-disabled", "true")


def test_keys_walk_through_a_table_and_it_is_one_stop_for_tab(open_page: Open) -> None:
    page = open_page()
    tab(page, "Scale").click()
    stepper(page).get_by_label("Causal mask").focus()
    for _ in range(2):  # to the scores, the scaled scores
        page.keyboard.press("Tab")
    expect(cell(page, "Scaled scores", 0, 2)).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    for key, row, column in [
        ("ArrowDown", 1, 2),
        ("ArrowLeft", 1, 1),
        ("Home", 1, 0),
        ("ArrowLeft", 1, 0),
        ("ArrowUp", 0, 0),
        ("ArrowUp", 0, 0),
        ("ArrowRight", 0, 1),
        ("End", 0, 2),
        ("Control+End", 2, 2),
        ("Control+Home", 0, 0),
        ("Control+End", 2, 2),
    ]:
        page.keyboard.press(key)
        expect(cell(page, "Scaled scores", row, column)).to_be_focused()
        assert grid(page, "Scaled scores").locator("[tabindex='0']").count() == 1
    said = "scaled score of “Area” with “Area” = minus 2 divided by the square root of 2 ="
    expect(stepper(page).get_by_role("status").last).to_contain_text(said)
    page.keyboard.press("Tab")
    expect(stepper(page).get_by_role("button", name="Copy as PyTorch")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(cell(page, "Scaled scores", 2, 2)).to_be_focused()


def test_arrow_keys_in_a_field_are_the_field_s(open_page: Open) -> None:
    page = open_page()
    stepper(page).get_by_label("Token 2", exact=True).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("xx")
    expect(stepper(page).get_by_text("Step 1 of 6", exact=True)).to_be_visible()
    expect(grid(page, "Q: queries").get_by_role("rowheader").nth(1)).to_have_text("Exxuropean")
    field(page, "W_q", 0, 0).focus()
    page.keyboard.press("ArrowUp")  # a number counts up
    assert shown(page, "Q: queries")[0] == ["−1", "−1"]


# Editing


def test_words_come_and_go(open_page: Open) -> None:
    page = open_page()
    add = stepper(page).get_by_role("button", name="Add a token")
    for _ in range(4):
        add.click(force=True)
    expect(add).to_have_attribute("aria-disabled", "true")
    rows = grid(page, "Q: queries").get_by_role("rowheader")
    assert rows.all_inner_texts() == ["the", "European", "Area", "was", "signed", "in"]
    stepper(page).get_by_role("button", name="Remove token 2").click()
    assert rows.all_inner_texts() == ["the", "Area", "was", "signed", "in"]
    expect(stepper(page).get_by_role("button", name="Remove token 2")).to_be_focused()
    assert shown(page, "Q: queries")[1] == ["2", "0"]
    add.click()
    assert rows.all_inner_texts()[-1] == "European"
    assert shown(page, "Q: queries")[-1] == ["−2", "0"]
    for _ in range(7):
        stepper(page).get_by_role("button", name="Remove token 1").click(force=True)
    assert rows.all_inner_texts() == ["European"]
    expect(stepper(page).get_by_role("button", name="Remove token 1")).to_have_attribute(
        "aria-disabled", "true"
    )
    assert all_steps(page)["A"][0].tolist() == [[1.0]]


def test_names_may_be_anything(open_page: Open) -> None:
    page = open_page(**COPYING)
    names = ['<b>"a"', "l'\\accord", "  "]
    for row, name in enumerate(names):
        stepper(page).get_by_label(f"Token {row + 1}", exact=True).fill(name)
    rows = grid(page, "Q: queries").get_by_role("rowheader")
    assert rows.all_inner_texts() == ['<b>"a"', "l'\\accord", "token 3"]
    names_there: dict[str, object] = {}
    with redirect_stdout(StringIO()):
        exec(copied(page), names_there)
    assert names_there["words"] == ['<b>"a"', "l'\\accord", "token 3"]


def test_reset_brings_back_the_chapter_s_numbers(open_page: Open) -> None:
    page = open_page()
    tab(page, "Weighted sum").click()
    before = stepper(page).inner_text()
    type_in(page, words=5, width=4, heads=2, causal=True, seed=0)
    field(page, "W_v", 1, 1).fill("")
    assert stepper(page).inner_text() != before
    stepper(page).get_by_role("button", name="Reset").click()
    assert stepper(page).inner_text() == before
    assert field(page, "W_v", 1, 1).input_value() == "-2"


def test_numbers_beyond_the_width_come_back_with_it(open_page: Open) -> None:
    page = open_page()
    width = stepper(page).get_by_label("Dimension")
    width.select_option("4")
    field(page, "W_v", 3, 3).fill("2.5")
    width.select_option("2")
    assert stepper(page).get_by_label("W_v, row 4, column 4").count() == 0
    width.select_option("4")
    assert field(page, "W_v", 3, 3).input_value() == "2.5"


@pytest.mark.parametrize("bad", ["", "-", "1e9", "100.5", "-101"])
def test_a_bad_number_gets_one_line_and_the_last_good_one_counts(open_page: Open, bad: str) -> None:
    page = open_page()
    one = field(page, "W_q", 0, 1)
    said = stepper(page).get_by_role("status").first
    one.press("Control+a")
    one.press("Delete")
    one.press_sequentially(bad)
    expect(said).to_have_text("")  # perhaps half a number, until the field is left
    # While it is typed, its beginning may be a good number.
    kept = {"1e9": "1", "100.5": "100", "-101": "−10"}.get(bad, "−1")
    one.press("Tab")
    expect(said).to_have_text(
        f"W_q, row 1, column 2: type a number from −100 to 100. Until then, {kept} counts."
    )
    assert shown(page, "Q: queries")[0][1] == kept
    expect(one).to_have_attribute("aria-invalid", "true")
    described = one.get_attribute("aria-describedby")
    assert described == said.get_attribute("id")
    one.fill("0.5")
    expect(said).to_have_text("")
    expect(one).not_to_have_attribute("aria-invalid", "true")
    assert shown(page, "Q: queries")[0] == ["−2.00", "0.50"]


def test_a_phone_offers_keys_with_a_point_and_a_minus(open_page: Open) -> None:
    """On iOS, inputmode=decimal has no minus; type=number has both, everywhere."""
    number = field(open_page(), "W_q", 0, 1)
    expect(number).to_have_attribute("type", "number")
    expect(number).to_have_attribute("step", "any")
    assert number.get_attribute("inputmode") is None


# Copy as PyTorch


def test_where_the_clipboard_is_forbidden_the_code_can_be_read(open_page: Open) -> None:
    page = open_page()
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject())")
    code = stepper(page).get_by_role("region", name="These values in PyTorch")
    expect(code).to_be_hidden()
    stepper(page).get_by_role("button", name="Copy as PyTorch").click()
    expect(stepper(page).get_by_role("button", name="Copy it from below")).to_be_visible()
    expect(code).to_contain_text("W_k = torch.tensor([[0, -1], [1, 0]], dtype=torch.float64)")
    assert run(code.inner_text())[1] == "True"


# On the page


def test_two_steppers_do_not_disturb_each_other(open_page: Open) -> None:
    page = open_page()
    tab(page, "Mask").click()
    field(page, "W_q", 0, 0).fill("7")
    other = page.get_by_role("group", name="Masked")
    expect(other.get_by_text("Step 1 of 6", exact=True)).to_be_visible()
    expect(other.get_by_label("Causal mask")).to_be_checked()
    expect(other.get_by_label("Heads")).to_have_value("2")
    expect(other.get_by_label("W_q, row 1, column 1")).to_have_value("-2")
    ids = page.locator("[id]").evaluate_all("elements => elements.map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_it_is_built_once_however_often_it_comes(open_page: Open) -> None:
    page = open_page()
    tab(page, "Score").click()
    field(page, "W_q", 0, 0).fill("7")
    page.evaluate(
        "document.querySelector('main').prepend(document.querySelector('attention-stepper'))"
    )
    assert stepper(page).get_by_role("tab").count() == 6
    assert shown(page, "Q: queries")[0] == ["7", "−1"]  # moved, not reset
    page.evaluate("document.body.innerHTML = document.body.innerHTML")  # a copy from a cache
    assert stepper(page).get_by_role("tab").count() == 6
    assert shown(page, "Q: queries")[0] == ["−2", "−1"]  # a copy begins anew
    tab(page, "Score").click()
    assert shown(page, "Scores")[0] == ["1", "−2", "2"]


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_page_never_scrolls_sideways(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800}, has_touch=width < 400)
    for words, columns, heads in [(3, "2", "1"), (6, "4", "2"), (6, "4", "1")]:
        for _ in range(words - 3):
            stepper(page).get_by_role("button", name="Add a token").click(force=True)
        stepper(page).get_by_label("Dimension").select_option(columns)
        stepper(page).get_by_label("Heads").select_option(heads)
        stepper(page).get_by_label("Causal mask").check()
        for step in STEPS:
            tab(page, step).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, step
    stepper(page).locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_fingers_find_what_they_look_for(open_page: Open) -> None:
    page = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    for kind in ("button", "tab", "combobox", "textbox", "spinbutton"):
        for target in stepper(page).get_by_role(kind).all():
            size = target.bounding_box()
            assert size
            assert min(size["width"], size["height"]) >= 44
    tab(page, "Score").tap()
    for target in grid(page, "Scores").get_by_role("gridcell").all():
        size = target.bounding_box()
        assert size
        assert min(size["width"], size["height"]) >= 24
    cell(page, "Scores", 2, 1).tap()
    assert worked(page) == "score of “Area” with “European” = 2·1 + 0·0 = 2"
    assert stepper(page).locator("[data-here]").count() == 1
    bottom = stepper(page).locator(".attention-stepper-worked").bounding_box()
    assert bottom
    assert bottom["y"] + bottom["height"] <= 800, "the sum is in sight"


def test_the_buttons_of_the_steps_stay_where_they_are(open_page: Open) -> None:
    page = open_page()
    bar = stepper(page).locator(".attention-stepper-bar")
    place = bar.bounding_box()
    for step in STEPS:
        tab(page, step).click()
        assert bar.bounding_box() == place


def test_it_is_calm_for_readers_who_ask_for_calm(open_page: Open) -> None:
    page = open_page(reduced_motion="reduce")
    tab(page, "Softmax").click()
    assert page.evaluate("document.getAnimations().length") == 0
    moving = """[...document.querySelectorAll("attention-stepper *")].filter((element) => {
        const { transitionDuration, animationName } = getComputedStyle(element);
        return transitionDuration !== "0s" || animationName !== "none";
    }).length"""
    assert page.evaluate(moving) == 0


@pytest.mark.parametrize("system", ["light", "dark"])
def test_colours_follow_the_scheme_of_the_page(open_page: Open, system: str) -> None:
    page = open_page(color_scheme=system)
    for scheme, colour in [("default", "rgb(0, 114, 178)"), ("slate", "rgb(86, 180, 233)")]:
        page.evaluate(f"document.body.dataset.mdColorScheme = {scheme!r}")
        expect(cell(page, "Q: queries", 0, 1)).to_have_css("color", colour)
