"""The site in a real browser: what readers see, press and load."""

import gzip
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response, expect

from tests.site_fixtures import DESKTOP, PHONE, Build

MEDIA = re.compile(r"\.(svg|png|jpg|gif|webp|ico)$")


def names(site: Build) -> list[str]:
    """The address of every page, within the site."""
    folders = (path.parent.relative_to(site.site) for path in site.site.rglob("index.html"))
    return sorted("" if folder == Path() else f"{folder.as_posix()}/" for folder in folders)


def chapter(site: Build) -> str:
    """A page that has headings, a picture and a block of code, if there is one."""
    wanted = ("<img", "<pre", "<h2", "page-contents")
    found = [n for n in names(site) if all(tag in site.page(n or ".") for tag in wanted)]
    return next(iter(found), "")


def heard(page: Page, event: str) -> list[Any]:
    """A list that grows with every such event."""
    seen: list[Any] = []
    page.on(event, lambda what: seen.append(what))
    return seen


def compressed(response: Response) -> int:
    """How many bytes an ordinary server sends for this answer."""
    return len(gzip.compress(response.body(), 6))


def test_every_page_loads_from_here_alone_and_is_light(built, browser, serve):
    address = serve(built.site.parents[1])
    for name in names(built):
        context = browser.new_context(viewport=PHONE)
        page = context.new_page()
        requests, answers, errors = (heard(page, e) for e in ("request", "response", "pageerror"))
        page.goto(f"{address}/some/where/{name}", wait_until="networkidle")

        asked = [request.url for request in requests]
        away = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        assert away == [], f"{name} asks other hosts"
        assert errors == [], name
        assert [a.url for a in answers if a.status >= 400] == [], name
        weight = sum(compressed(a) for a in answers if not MEDIA.search(urlsplit(a.url).path))
        assert weight <= 150 * 1024, f"{name} weighs {weight / 1024:.0f} KiB"
        for width in (320, 390, 768):
            page.set_viewport_size({"width": width, "height": 800})
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert over <= 0, f"{name} scrolls sideways by {over}px at {width}px"
        context.close()


def test_the_frame_is_just_the_docs(built, open_page):
    page = open_page(chapter(built))
    side = page.locator(".side-bar")
    box = side.bounding_box()
    assert (box["x"], box["y"], box["height"]) == (0, 0, DESKTOP["height"])
    assert side.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(245, 246, 250)"
    assert side.evaluate("e => getComputedStyle(e).position") == "fixed"
    content = page.locator(".main-content-wrap").bounding_box()
    assert content["width"] == 50 * 16
    assert content["x"] == box["width"]
    text = page.locator(".main-content > p:not([class])").first
    assert text.evaluate("e => getComputedStyle(e).lineHeight") == "25.6px"
    expect(page.locator("#search-input")).to_be_visible()
    expect(page.locator(".page-contents")).to_be_visible()


def test_dark_mode_is_kept_and_pictures_follow_it(built, open_page):
    page = open_page(chapter(built), color_scheme="light")
    switch = page.get_by_role("button", name="Dark mode")
    picture = page.locator(".main-content img[src$='.svg']").first

    def see() -> tuple[str, bytes]:
        picture.scroll_into_view_if_needed()
        return page.evaluate("getComputedStyle(document.body).backgroundColor"), picture.screenshot(
            animations="disabled"
        )

    light_ground, light_picture = see()
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    dark_ground, dark_picture = see()
    assert (light_ground, dark_ground) == ("rgb(255, 255, 255)", "rgb(39, 38, 43)")
    assert light_picture != dark_picture

    page.reload()
    assert see() == (dark_ground, dark_picture)
    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("javascript", [True, False])
def test_the_system_s_scheme_is_followed(open_page, javascript):
    page = open_page(color_scheme="dark", java_script_enabled=javascript)
    body = page.locator("body")
    ground = "rgb(39, 38, 43)"
    expect(body).to_have_css("background-color", ground)


def test_a_picture_follows_the_scheme_as_its_own_colours_say(browser):
    """An SVG with a `prefers-color-scheme` rule in an <img> takes the scheme of the page."""
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg'><style>rect { fill: white }"
        "@media (prefers-color-scheme: dark) { rect { fill: black } }</style>"
        "<rect width='9' height='9'/></svg>"
    )
    page = browser.new_page(color_scheme="light")
    page.set_content(f'<img src="data:image/svg+xml,{svg}" width="9" height="9">')
    light = page.locator("img").screenshot(animations="disabled")
    page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    assert page.locator("img").screenshot(animations="disabled") != light
    page.close()


def test_search_comes_when_it_is_asked_for(open_page):
    page = open_page()
    asked = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.keyboard.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    box.press_sequentially("translator")
    results = page.locator(".search-results")
    expect(results.locator("li a").first).to_be_visible()
    assert any(path.endswith("search_index.json") for path in asked)
    page.keyboard.press("ArrowDown")
    expect(results.locator("li a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(results).to_be_hidden()


def test_code_is_copied_as_it_stands(built, open_page):
    name = next((n for n in names(built) if "<pre" in built.page(n or ".")), None)
    if name is None:
        pytest.skip("no page shows code yet")
    page = open_page(name, permissions=["clipboard-read", "clipboard-write"])
    block = page.locator(".main-content pre > code").first
    block.scroll_into_view_if_needed()
    block.hover()
    page.locator(".copy-button").first.click()
    expect(page.locator(".copy-button").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == block.evaluate("e => e.textContent")


def test_the_menu_of_a_phone_opens_with_the_keyboard(open_page):
    page = open_page(viewport=PHONE)
    chapters = page.get_by_role("navigation", name="Chapters")
    expect(chapters).to_be_hidden()
    page.get_by_role("checkbox", name="Menu").focus()
    page.keyboard.press("Space")
    expect(chapters).to_be_visible()
    assert page.locator(".main-content").bounding_box()["width"] <= PHONE["width"]


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_without_javascript_everything_can_be_read(built, open_page, viewport):
    page = open_page(chapter(built), java_script_enabled=False, viewport=viewport)
    expect(page.get_by_role("navigation", name="Chapters")).to_be_visible()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".main-content p").first).to_be_visible()
