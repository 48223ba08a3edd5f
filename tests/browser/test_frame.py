"""The frame in cases of its own: the way past it, paper, a file on a disk, copies of formulas."""

import pytest
from playwright.sync_api import expect

from tests.site_fixtures import PHONE

CHAPTER = "introduction/"


@pytest.mark.parametrize("name", ["", CHAPTER])
def test_the_skip_link_leads_to_the_title(open_page, name):
    page = open_page(name)
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    page.keyboard.press("Tab")
    inside = "document.activeElement.closest('#main-content, .page-contents-here') !== null"
    assert page.evaluate(inside), "the next stop is outside the text"


def test_escape_closes_the_menu_of_a_phone(open_page):
    page = open_page(viewport=PHONE)
    chapters = page.get_by_role("navigation", name="Chapters")
    page.locator(".site-button").click()
    expect(chapters).to_be_visible()
    chapters.get_by_role("link").first.focus()
    page.keyboard.press("Escape")
    expect(chapters).to_be_hidden()
    expect(page.get_by_role("checkbox", name="Menu")).to_be_focused()


def test_an_output_is_told_from_code(open_page):
    page = open_page(CHAPTER)
    output = page.locator(".language-python + .language-text").first
    label = output.evaluate("e => getComputedStyle(e, '::before').content")
    assert label == '"Output"'
    code = page.locator(".language-python").first
    grounds = [
        block.locator("pre").evaluate("e => getComputedStyle(e).backgroundColor")
        for block in (code, output)
    ]
    assert grounds[0] != grounds[1]
    expect(code.get_by_role("button", name="Copy")).to_have_count(1)
    expect(output.get_by_role("button")).to_have_count(0)


def test_text_that_no_block_printed_is_no_output(open_page):
    page = open_page(CHAPTER)
    page.evaluate(
        """document.querySelector(".language-text").before(document.createElement("p"))"""
    )
    alone = page.locator("p + .language-text").first
    assert alone.evaluate("e => getComputedStyle(e, '::before').content") == "none"


def test_paper_shows_all_in_light_colours(open_page):
    page = open_page("attention/coding-self-attention/", color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(39, 38, 43)")
    folds = page.locator(".main-content details:not(.page-contents-here)")
    open_folds = page.locator(".main-content details[open]:not(.page-contents-here)")
    before = open_folds.count()
    assert before < folds.count()

    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 700, "height": 900})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(open_folds).to_have_count(folds.count())
    clipped = page.locator(".main-content pre").evaluate_all(
        "all => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent)"
    )
    assert clipped == []
    for hidden in (".side-bar", ".main-header", ".copy-button >> nth=0", ".done"):
        expect(page.locator(hidden)).to_be_hidden()

    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(open_folds).to_have_count(before)


def test_no_white_is_painted_before_the_style_sheet_of_a_dark_page(open_page, browser):
    before = "localStorage.setItem('scheme', 'slate')"
    page = open_page(CHAPTER, before=before, color_scheme="light")
    page.route("**/*.css", lambda route: route.abort())
    page.reload()
    ink = "getComputedStyle(document.documentElement).color"
    assert page.evaluate(ink) == "rgb(255, 255, 255)", "the ground under it is white"


def test_a_file_on_a_disk_is_honest_and_its_links_lead_on(built, browser):
    page = browser.new_page()
    page.goto((built.site / CHAPTER / "index.html").as_uri())
    expect(page.locator(".from-disk")).to_be_visible()
    for dead in (".search", ".scheme-switch", ".done"):
        expect(page.locator(dead)).to_be_hidden()
    page.get_by_role("navigation", name="Chapters").get_by_role("link", name="Primer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Primer: tensors and training")
    page.close()


def test_a_page_from_a_server_has_no_word_of_disks(open_page):
    expect(open_page(CHAPTER).locator(".from-disk")).to_be_hidden()


COPY = """(place) => {
  const range = document.createRange();
  range.selectNodeContents(place);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), cancelable: true });
  dispatchEvent(event);
  const types = ["text/plain", "text/html"];
  return event.defaultPrevented ? types.map((type) => event.clipboardData.getData(type)) : null;
}"""
FORMULAS = "attention/self-attention-math/"


def test_a_formula_is_copied_once_as_tex(open_page):
    page = open_page(FORMULAS)
    for formula in page.locator(".main-content p:not(:has(details)) .katex").all()[:20]:
        tex = formula.get_attribute("data-tex")
        plain, html = formula.evaluate(COPY)
        assert plain == f"${tex}$"
        assert "<math" not in html
    display = page.locator(".katex-display .katex").first
    part = display.locator(".mord").last
    assert part.evaluate(COPY)[0] == f"$${display.get_attribute('data-tex')}$$"


def test_a_sentence_is_copied_with_its_formulas(open_page):
    page = open_page(FORMULAS)
    sentence = page.locator(".main-content p:has(.katex)").first
    plain, _ = sentence.evaluate(COPY)
    words = sentence.evaluate("""e => {
      for (const formula of e.querySelectorAll(".katex"))
        formula.replaceWith(`$${formula.dataset.tex}$`);
      return e.textContent;
    }""")
    assert plain == words


def test_text_without_a_formula_is_copied_by_the_browser(open_page):
    page = open_page(FORMULAS)
    assert page.locator(".main-content p:not(:has(.katex))").first.evaluate(COPY) is None
