"""The time under each title is counted in the page, and a part's is the sum of its pages'."""

import re

import pytest

from tests.prose import DOCS, book
from tests.site_fixtures import ROOT, Build
from tools.reading_time import Amount, amount, spoken

pytestmark = pytest.mark.on_cpu(reason="text only")

PAGE = """\
---
title: Not read
description: Nor is this.
---
# The title

One [link](../not/read.md#at-all) and a <kbd>key</kbd>, it's five![not read](a.svg)

```python
one = 1

two = 2
```

<!--pytest-codeblocks:expected-output-->
```text
three
```

## Do you remember?

<details markdown="1">
<summary>Read?</summary>

Read.

</details>

<details markdown="1">
<summary>Going deeper: who wants to</summary>

Not read.

```python
neither = True
```

</details>

## Exercises

Counted, not read.

**1. First.** Do it.

```python
...
```

**2. Second.** Do **3. more**.

## Where to read more

- A paper.

## The end

Read."""
LAB = """\
# ---
# title: Not read
# ---

# %% [markdown]
# # The title
#
# Two words.

# %%
# a comment

print("a line")

# %% [markdown]
# ## Exercises
#
# ### Only one
#
# Do it.

# %% tags=["solution"]
print("not read")
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("page.md", PAGE, Amount(10, 3, 2)), ("lab.py", LAB, Amount(2, 2, 1))],
)
def test_what_is_read_is_counted(tmp_path, name, text, expected):
    page = tmp_path / name
    page.write_text(text)
    assert amount(page) == expected


def test_the_minutes_are_those_of_words_lines_and_exercises():
    assert Amount(500, 30, 2).minutes == 2.5 + 1.5 + 20


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "5 minutes"),
        (7.6, "10 minutes"),
        (87, "85 minutes"),
        (93, "1½ hours"),
        (110, "2 hours"),
        (500, "8½ hours"),
    ],
)
def test_times_are_rounded_as_people_say_them(minutes, said):
    assert spoken(minutes) == said


def shown(built: Build, page: str) -> str:
    """The line under the title of a page of the site."""
    return re.search(r'</h1>.*?<p class="reading-time"[^>]*>(.*?)</p>', built.page(page), re.S)[1]


def test_each_chapter_says_its_time(built):
    for path in sorted((ROOT / "docs").rglob("*.*")):
        name = path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        if path.suffix not in {".md", ".py"} or name == "index" or name.startswith("reference/"):
            continue
        if name.endswith("/index"):
            continue
        assert "**Time**" not in path.read_text("utf-8"), f"{name}: the hook counts it"
        said = spoken(amount(path).minutes)
        assert f"bout {said}" in shown(built, name), name


def test_a_part_says_its_whole_time_and_that_of_each_page(built):
    folder = ROOT / "docs" / "models"
    pages = [path for path in sorted(folder.iterdir()) if path.suffix in {".md", ".py"}]
    whole = spoken(sum(amount(path).minutes for path in pages))
    assert shown(built, "models") == f"About {whole}, all chapters together."
    contents = built.page("models").partition('id="table-of-contents"')[2]
    for path in pages:
        if path.stem != "index":
            said = spoken(amount(path).minutes)
            assert re.search(rf'href="{path.stem}/">[^<]*</a> \({said}\)', contents), path


def test_what_is_optional_says_so(built):
    for page in ("before-attention", "before-attention/word-by-word"):
        assert shown(built, page).startswith("Optional. About"), page
    assert shown(built, "attention").startswith("About")
    links = re.findall(r'class="nav-list-link"[^>]*>(.*?)</a>', built.page("attention"))
    assert [link for link in links if "optional" in link] == ["Before attention (optional)"]


@pytest.mark.parametrize("name", book())
def test_a_page_is_one_sitting(name):
    """As the design says: 3,000 words, and 250 lines of code and output."""
    size = amount(DOCS / name)
    short = size.words <= 3_000 and size.lines <= 250
    assert short, f"{size}: split it, fold what is beside the thread, or cut"
