"""<frame-stepper> in a browser: figures one at a time, for every kind of reader."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import BytesIO

import markdown
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.site_fixtures import OpenElement

FRAMES = "\n".join(
    f"""<figure>
<img src="images/intro-fig{n}.svg" alt="Picture {n}" width="560" height="446">
<figcaption>Caption {n}. {"It is a long one. " * (n % 4) * 4}</figcaption>
</figure>
"""
    for n in range(5, 16)
)
CHAPTER = f"""Before.

<figure>
<frame-stepper label="A translator at work">
{FRAMES}
</frame-stepper>
</figure>

After.
"""
Open = Callable[..., Page]


@pytest.fixture
def open_page(open_element: OpenElement) -> Open:
    """Open the chapter above in a fresh window."""
    html = markdown.markdown(CHAPTER, extensions=["md_in_html"])
    return partial(open_element, "frame-stepper", html)


def shown(page: Page) -> list[str | None]:
    """The pictures that a reader sees."""
    pictures = page.locator("figure img").all()
    return [picture.get_attribute("alt") for picture in pictures if picture.is_visible()]


def test_without_javascript_all_pictures_stand_in_sequence(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator("frame-stepper figure figcaption").count() == 11
    assert shown(page) == [f"Picture {n}" for n in range(5, 16)]
    assert page.locator("button").count() == 0


def test_the_buttons_walk_through_the_frames_and_stop_at_the_ends(open_page: Open) -> None:
    page = open_page()
    count, following = page.locator("[aria-live=polite]"), page.get_by_role("button", name="Next")
    previous = page.get_by_role("button", name="Previous")
    expect(count).to_have_text("Frame 1 of 11")
    assert shown(page) == ["Picture 5"]
    expect(previous).to_have_attribute("aria-disabled", "true")
    previous.click(force=True)
    assert shown(page) == ["Picture 5"]
    for _ in range(12):
        following.click(force=True)
    expect(count).to_have_text("Frame 11 of 11")
    assert shown(page) == ["Picture 15"]
    expect(following).to_have_attribute("aria-disabled", "true")
    previous.click()
    assert shown(page) == ["Picture 14"]


def test_keys_walk_while_the_focus_is_inside(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("ArrowRight")
    assert shown(page) == ["Picture 5"]  # the focus is elsewhere: the key is the page's
    page.keyboard.press("Tab")
    for key, number in [
        ("ArrowRight", 6),
        ("ArrowRight", 7),
        ("ArrowLeft", 6),
        ("End", 15),
        ("ArrowRight", 15),
        ("Home", 5),
        ("ArrowLeft", 5),
        ("Alt+ArrowRight", 5),
    ]:
        page.keyboard.press(key)
        assert shown(page) == [f"Picture {number}"], key
    assert page.evaluate("document.activeElement.textContent") == "Previous"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_a_slider_leads_to_any_frame_and_follows_the_buttons(open_page: Open) -> None:
    page = open_page()
    slider = page.get_by_role("slider", name="Frame")
    slider.fill("6")
    assert shown(page) == ["Picture 11"]
    expect(slider).to_have_attribute("aria-valuetext", "Frame 7 of 11")
    page.get_by_role("button", name="Next").click()
    expect(slider).to_have_value("7")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert shown(page) == ["Picture 11"]
    page.keyboard.press("ArrowUp")
    assert shown(page) == ["Picture 12"]


def swipe(page: Page, across: int, down: int = 0) -> None:
    """Move a finger over the picture."""
    box = page.locator(".frame-stepper-stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + 60
    touch = page.context.new_cdp_session(page)
    path = [(x + across * part / 4, y + down * part / 4) for part in range(5)]
    for kind, (at, height) in zip(["touchStart", *["touchMove"] * 4], path, strict=True):
        points = [{"x": at, "y": height}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_swipes_through_the_frames(open_page: Open) -> None:
    page = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    for across, down, picture in [
        (-120, 10, 6),
        (-120, 0, 7),
        (120, 0, 6),
        (-10, 0, 6),
        (-50, 90, 6),
    ]:
        swipe(page, across, down)
        assert shown(page) == [f"Picture {picture}"]


def test_a_screen_reader_meets_one_named_group_and_one_picture(open_page: Open) -> None:
    page = open_page()
    group = page.get_by_role("group", name="A translator at work")
    expect(group).to_have_count(1)
    expect(group.get_by_role("img")).to_have_count(1)  # hidden frames are hidden from it too
    expect(group.get_by_role("img")).to_have_accessible_name("Picture 5")


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_jumps_and_fingers_find_the_buttons(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    bar = page.locator(".frame-stepper-bar")
    place = bar.bounding_box()
    for button in page.get_by_role("button").all():
        size = button.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 44
    for _ in range(10):
        page.get_by_role("button", name="Next").click()
        assert bar.bounding_box() == place
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_built_once_however_often_it_comes(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Next").click()
    page.evaluate("document.body.append(document.querySelector('figure:has(frame-stepper)'))")
    assert page.locator("button").count() == 2
    assert shown(page) == ["Picture 6"]  # moved, not reset
    page.evaluate("document.body.innerHTML = document.body.innerHTML")  # a copy from a cache
    assert page.locator("button").count() == 2
    page.get_by_role("button", name="Next").click()
    assert shown(page) == ["Picture 6"]


def test_it_is_calm_for_readers_who_ask_for_calm(open_page: Open) -> None:
    motion = "getComputedStyle(document.querySelector('[data-current]')).animationName"
    assert open_page(reduced_motion="no-preference").evaluate(motion) == "frame-stepper-in"
    assert open_page(reduced_motion="reduce").evaluate(motion) == "none"


def test_paper_gets_all_pictures_and_no_buttons(open_page: Open) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert len(shown(page)) == 11
    assert not page.get_by_role("button").first.is_visible()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_pictures_follow_the_scheme_of_the_page(open_page: Open, system: str) -> None:
    """The reader's choice on the page wins over the system's scheme, in pictures too."""
    page = open_page(color_scheme=system)
    for scheme, text in [("default", (0x4B, 0x5B, 0xA6)), ("slate", (0x9A, 0xA8, 0xF0))]:
        page.evaluate(f"document.body.dataset.mdColorScheme = {scheme!r}")
        expect(page.locator("[data-current] img")).to_be_visible()
        assert text in colours(page.locator("[data-current] img").screenshot(animations="disabled"))


def colours(png: bytes) -> set[tuple[int, ...]]:
    """All colours of a screenshot."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    return {colour for _, colour in picture.getcolors(1 << 24) or []}
