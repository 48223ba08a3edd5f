"""Blocks that continue others: the page names what they need, and copies it along."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mkdocs.exceptions import PluginError
from playwright.sync_api import Page, expect

from tests.blocks.comparing import first_difference
from tests.site.test_site import Outline
from tests.site_fixtures import ROOT, Build, build
from tools.blocks import SHOWN, code_shown, find_blocks
from tools.continued import connect

PAGES = sorted((ROOT / "docs").rglob("*.md"))
CHAIN = '''\
---
title: Chain
---
# Chain

```python
text = """two lines,

  one indented & <marked>"""
print(len(text))
```

<!--pytest-codeblocks:expected-output-->
```text
37
```

```python title="attention.functional.causal_mask"
def causal_mask(): ...
```

1. In a list, with a title:

    <!--pytest-codeblocks:cont-->
    ```python title="twice.py" hl_lines="2"
    def twice(x):
        return 2 * x

    ```

<!--pytest.mark.xfail(raises=ZeroDivisionError, reason="shown")-->
<!--pytest-codeblocks:cont-->
```python
text = ""
1 / 0
```

<!--pytest-codeblocks:expected-output-->
```text
ZeroDivisionError: division by zero
```

::: attention.functional.causal_mask

<!--pytest-codeblocks:cont-->
```python
print(twice(text))
```

<!--pytest-codeblocks:expected-output-->
```text
two lines,

  one indented & <marked>two lines,

  one indented & <marked>
```

```python
print("alone")
```

<!--pytest-codeblocks:expected-output-->
```text
alone
```
'''


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Build:
    """A site of one page with a chain: in a list, around an excerpt, an error, the reference."""
    docs = tmp_path_factory.mktemp("chain")
    shutil.copytree(ROOT / "docs" / "assets", docs / "assets")
    (docs / "index.md").write_text(CHAIN, "utf-8")
    site = build(docs, tmp_path_factory.mktemp("chain-site"))
    assert site.sound, site.warnings
    return site


@pytest.fixture
def open_at(browser, serve):
    """Open a page of a site, in a browser that may use the clipboard."""
    contexts = []

    def open_at(site: Path, name: str = "", **settings: object) -> Page:
        permissions = ["clipboard-read", "clipboard-write"]
        contexts.append(browser.new_context(**{"permissions": permissions, **settings}))
        page = contexts[-1].new_page()
        page.goto(f"{serve(site)}/{name}", wait_until="load")
        return page

    yield open_at
    for context in contexts:
        context.close()


def copied(page: Page, number: int) -> str:
    """What the second button of a block puts into the clipboard."""
    page.get_by_role("button", name="Copy with what it needs").nth(number).click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


def run_alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run code as a reader does who pastes it into a new file."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def offered(html: str) -> list[list[str]]:
    """For each line of a page: the code of the blocks it leads to, then of the block under it."""
    shown = [(block[0], code_shown(block)) for block in SHOWN.finditer(html)]
    named = {Outline(block).tags[0][1].get("id"): code for block, code in shown}
    lines = [
        [*(named[link["href"].removeprefix("#")] for link in Outline(block).all("a")), code]
        for block, code in shown
        if 'class="continues"' in block
    ]
    return [[str(code).strip() for code in line] for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_every_block_that_continues_others_leads_to_them(built, page):
    place = page.relative_to(ROOT / "docs").with_suffix("")
    html = built.page(str(place.parent if place.name == "index" else place))
    chained = [block for block in find_blocks(page) if block.needs]
    assert offered(html) == [[b.code.strip() for b in [*block.needs, block]] for block in chained]


def test_a_chain_leads_past_excerpts_and_errors(chain):
    html = chain.page("")
    assert [len(line) for line in offered(html)] == [2, 3, 3]
    assert html.count('id="python-block-') == 2, "nobody needs the error, or the block alone"


def test_what_is_copied_runs_and_prints_what_the_page_shows(chain, open_at):
    page = open_at(chain.site)
    done = run_alone(copied(page, 2))
    assert done.stderr == ""
    outputs = page.locator(".language-text code").all_text_contents()
    assert done.stdout == outputs[0] + outputs[2]


def test_the_error_comes_at_the_end_of_its_own_copy(chain, open_at):
    done = run_alone(copied(open_at(chain.site), 1))
    assert done.stdout == "37\n"
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_chapter_s_chain_runs_as_it_is_copied(built, open_at):
    blocks = find_blocks(ROOT / "docs" / "introduction.md")
    chained = [block for block in blocks if block.needs]
    number = next(n for n, block in enumerate(chained) if not block.shows_error)
    done = run_alone(copied(open_at(built.site, "introduction/"), number))
    parts = [*chained[number].needs, chained[number]]
    assert done.stderr == ""
    shown = "".join(part.output.code for part in parts if part.output)
    assert first_difference(shown, done.stdout) is None


def test_the_keyboard_is_enough_and_nothing_moves(chain, open_at):
    page = open_at(chain.site)
    button = page.locator(".copy-with-needs").first
    link = page.locator(".continues a").first

    def places() -> list[dict[str, float] | None]:
        return [page.locator(".main-content").bounding_box(), button.bounding_box()]

    link.focus()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    expect(button).to_have_css("outline-style", "solid")
    before = places()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert places() == [before[0], pytest.approx(before[1], abs=1)]


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: () => Promise.reject() }"])
def test_a_browser_that_refuses_is_reported(chain, open_at, clipboard):
    page = open_at(chain.site)
    page.evaluate(f"() => Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    button = page.locator(".copy-with-needs").first
    button.click()
    expect(button).to_have_text("Not copied")
    expect(page.get_by_role("status")).to_have_text("Not copied")


def test_the_links_need_no_javascript(chain, open_at):
    page = open_at(chain.site, java_script_enabled=False)
    expect(page.locator(".copy-with-needs").first).to_be_hidden()
    page.locator(".continues").last.get_by_role("link", name="2").click()
    needed = page.locator("#python-block-3")
    expect(needed).to_be_in_viewport()
    expect(needed).to_have_css("outline-style", "solid")


def test_search_leaves_the_lines_out(chain):
    entries = json.loads((chain.site / "search" / "search_index.json").read_text())["docs"]
    assert any("alone" in entry["text"] for entry in entries)
    assert not any("earlier block" in entry["text"] for entry in entries)


def test_a_block_that_the_page_does_not_show_is_an_error(chain, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(CHAIN, "utf-8")
    with pytest.raises(PluginError, match=r"page\.md:6: the page does not show this block"):
        connect("<p>Nothing</p>", find_blocks(page), "page.md")
