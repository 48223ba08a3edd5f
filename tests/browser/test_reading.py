"""Finding one's way on long pages: the header, the contents, the bar, the ticks."""

import re

import pytest
from playwright.sync_api import expect

from tests.site_fixtures import PHONE

CHAPTER = "introduction/"
BLOCKED = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("blocked", "SecurityError"); },
});"""
END = "scrollTo(0, document.documentElement.scrollHeight)"


@pytest.mark.parametrize("javascript", [True, False])
def test_search_and_contents_are_at_hand_far_down_the_page(open_page, javascript):
    page = open_page(CHAPTER, viewport=PHONE, java_script_enabled=javascript)
    page.locator("h2").last.scroll_into_view_if_needed()
    header = page.locator(".main-header")
    assert header.bounding_box()["y"] == 0
    if javascript:
        expect(page.get_by_role("searchbox")).to_be_in_viewport()
    contents = page.get_by_role("navigation", name="On this page")
    expect(contents).to_be_hidden()
    page.get_by_role("button", name="On this page").click()
    expect(contents).to_be_in_viewport()
    contents.get_by_role("link", name="Paying attention").click()
    heading = page.get_by_role("heading", name="Paying attention")
    expect(heading).to_be_in_viewport()
    box = header.bounding_box()
    assert heading.bounding_box()["y"] >= box["y"] + box["height"], "the header hides the heading"
    if javascript:
        expect(contents).to_be_hidden()


def test_the_keyboard_opens_and_closes_the_contents(open_page):
    page = open_page(CHAPTER, viewport=PHONE)
    contents = page.get_by_role("navigation", name="On this page")
    page.get_by_role("button", name="On this page").press("Enter")
    expect(contents).to_be_visible()
    page.keyboard.press("Tab")
    expect(contents.get_by_role("link").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(contents).to_be_hidden()
    expect(page.get_by_role("button", name="On this page")).to_be_focused()


def test_a_low_window_is_left_to_the_text(open_page):
    page = open_page(CHAPTER, viewport={"width": 844, "height": 390})
    page.evaluate(END)
    expect(page.locator(".main-header")).not_to_be_in_viewport()


def test_the_bar_grows_with_the_reading(open_page):
    page = open_page(CHAPTER)
    bar = page.locator(".progress")
    expect(bar).to_have_css("transform", "matrix(0, 0, 0, 1, 0, 0)")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    expect(bar).to_have_css("transform", re.compile(r"matrix\(0\.[456]\d*, 0, 0, 1, 0, 0\)"))
    page.evaluate(END)
    expect(bar).to_have_css("transform", "matrix(1, 0, 0, 1, 0, 0)")


def test_a_finished_page_is_ticked_until_it_is_unticked(open_page):
    page = open_page(CHAPTER)
    box = page.get_by_role("checkbox", name="I have finished this page")
    expect(box).not_to_be_checked()
    tick = page.locator(".nav-list-link.finished")
    expect(tick).to_have_count(0)
    box.check()
    expect(tick).to_have_text("Introduction")

    page.locator("a[rel=next]").click()
    expect(page).to_have_url(re.compile("introduction-lab"))
    expect(tick).to_have_text("Introduction")
    expect(box).not_to_be_checked()
    page.reload()
    expect(tick).to_have_text("Introduction")

    page.locator("a[rel=prev]").click()
    expect(box).to_be_checked()
    box.uncheck()
    expect(tick).to_have_count(0)
    page.reload()
    expect(box).not_to_be_checked()


def test_no_tick_moves_the_list(open_page):
    page = open_page(CHAPTER)
    link = page.locator(".nav-list-link[aria-current]")
    before = link.bounding_box()
    page.get_by_role("checkbox", name="I have finished").check()
    expect(link).to_have_class(re.compile("finished"))
    assert link.bounding_box() == before


def test_a_browser_that_keeps_nothing_says_so_and_works(open_page):
    page = open_page(CHAPTER, before=BLOCKED, color_scheme="light")
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.reload()
    page.get_by_role("button", name="Dark mode").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(39, 38, 43)")
    page.get_by_role("checkbox", name="I have finished").click()
    expect(page.locator(".done")).to_have_text(re.compile("keep nothing"))
    page.evaluate(END)
    expect(page.locator(".progress")).to_have_css("transform", "matrix(1, 0, 0, 1, 0, 0)")
    assert errors == []


@pytest.mark.parametrize("kept", ["7", "{", '{"a": 1}', "null"])
def test_what_is_kept_may_be_broken(open_page, kept):
    page = open_page(CHAPTER, before=f"localStorage.setItem('finished-pages', '{kept}')")
    box = page.get_by_role("checkbox", name="I have finished this page")
    expect(box).not_to_be_checked()
    box.check()
    expect(page.locator(".nav-list-link.finished")).to_have_text("Introduction")


@pytest.mark.parametrize("name", ["", "reference/", "reference/api/functional/", "attention/"])
def test_what_is_not_read_through_can_t_be_finished(open_page, name):
    expect(open_page(name).get_by_role("checkbox", name="I have finished")).to_have_count(0)


def test_the_open_page_is_in_view_in_the_list_of_chapters(open_page):
    page = open_page("reference/api/tokenizers/words/")
    expect(page.locator(".nav-list-link[aria-current]")).to_be_in_viewport()
    assert page.evaluate("scrollY") == 0
