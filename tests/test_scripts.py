"""Each chapter has its code as one script, which runs by itself and prints what the page shows."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.blocks.comparing import first_difference
from tests.site_fixtures import ROOT, build
from tools import labs
from tools.blocks import Block, find_blocks
from tools.scripts import failing, script

DOCS = ROOT / "docs"
CHAPTERS = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if DOCS / "reference" not in page.parents and script(page)
]
LABS = sorted(DOCS.rglob("*.py"))
BETWEEN = "\x1e\n"  # the character that separates records
PAGE = '''
    ---
    title: A chapter
    ---
    # A `chapter`

    ## Not here

    ## By hand

    ### Of $\\query{Q}$ and [K](#by-hand) {: #k }

    ```python
    print("# Not a heading")
    ```

    ```python title="attention.functional.causal_mask"
    ```

    <!--pytest.mark.xfail(raises=(KeyError, ValueError), reason="it is meant to")-->
    ```python
    word = """one
      two
    three"""
    print(word)
    if word:
        raise ValueError(word[:3])
    ```

    - In a list:

        <!--pytest.mark.skip(reason="it needs a second computer")-->
        ```python
        connect()
        ```

    <!--pytest-codeblocks:importorskip(triton)-->
    ```python
    import triton
    ```
'''
SCRIPT = '''
    # A chapter
    # Read me


    # %%
    import traceback  # to show the errors that are there to be seen


    # %% By hand · Of {Q} and K
    print("# Not a heading")


    # %%
    try:
        word = """one
      two
    three"""
        print(word)
        if word:
            raise ValueError(word[:3])
    except (KeyError, ValueError) as raised:
        print(*traceback.format_exception_only(raised), sep="", end="")


    # %%
    # Left out: it needs a second computer.


    # %%
    # Left out: it needs triton.
'''


def run(code: str, folder: Path) -> str:
    """Run a script in a Python of its own, from an empty folder, and give what it prints."""
    place = folder / "script.py"
    place.write_text(code)
    command = [sys.executable, "-I", str(place)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def is_compared(block: Block) -> bool:
    """Whether the page shows all that the script prints where it comes to this block."""
    excused = ("pytest.mark.skip", "pytest.mark.output_varies")
    silent = block.shows_error and block.output is None
    return not (silent or block.importorskip or any(m.startswith(excused) for m in block.marks))


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_a_script_prints_what_its_page_shows(page, tmp_path):
    blocks = [block for block in find_blocks(page) if not block.is_excerpt]
    code = script(page).replace("\n# %%", f"\nprint({BETWEEN!r}, end='')\n# %%")
    outputs = run(code, tmp_path).split(BETWEEN)[-len(blocks) :]
    for block, printed in zip(blocks, outputs, strict=True):
        shown = block.output.code if block.output else ""
        if is_compared(block) and (
            first_difference(shown, printed, block.output_ignores_whitespace) is not None
        ):
            problem = "after all blocks before it in one session, this block prints another output"
            outputs = f"{printed}\n\nthan the page shows:\n\n{shown}"
            pytest.fail(f"{page}:{block.lineno}: {problem}:\n\n{outputs}", pytrace=False)


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.stem)
def test_the_script_of_a_lab_is_its_cells(lab):
    code = script(lab)
    compile(code, str(lab), "exec")
    cells = [cell for cell in labs.read(lab).cells if cell.cell_type == "code"]
    expected = [
        failing(cell.source, "Exception")
        if labs.is_tagged(cell, "raises-exception")
        else cell.source
        for cell in cells
    ]
    found = [cell.partition("\n")[2].strip() for cell in re.split("^# %%", code, flags=re.M)[1:]]
    assert found[-len(cells) :] == [cell.strip() for cell in expected]


def test_a_script_in_full(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(dedent(PAGE))
    assert script(page, ["Read me"]) == dedent(SCRIPT).lstrip()
    assert run(script(page), tmp_path) == "# Not a heading\none\n  two\nthree\nValueError: one\n"


def test_code_that_should_fail_and_does_not(tmp_path):
    assert run("import traceback\n" + failing("print(1)", "ValueError"), tmp_path) == "1\n"
    with pytest.raises(AssertionError, match="KeyError"):
        run("import traceback\n" + failing("{}[1]", "ValueError"), tmp_path)


def test_every_chapter_offers_its_script(built):
    for page in [*CHAPTERS, *LABS]:
        name = page.relative_to(DOCS).with_suffix("")
        offered = (built.site / name / f"{name.name}.py").read_text("utf-8")
        assert offered == script(
            page, ["The code of a chapter of Attention in Transformers with PyTorch."]
        )
        link = f'<a href="{name.name}.py" download>'
        downloads = re.findall('<p class="downloads".*</p>', built.page(str(name)))
        assert len(downloads) == 1
        assert link in downloads[0]
        assert downloads[0].count("download>") == (2 if page in LABS else 1)
    assert "downloads" not in built.page("reference/notation")
    assert "downloads" not in built.page("reference/how-this-book-is-tested")


def test_a_script_says_where_it_comes_from(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("---\ntitle: Home\n---\n# Home\n")
    (docs / "one.md").write_text("---\ntitle: One\n---\n# One\n\n```python\n1\n```\n")
    known = {"SITE_URL": "https://someone.github.io/course/", "GITHUB_REPOSITORY": "someone/course"}
    build(docs, tmp_path / "site", **known)
    head = (tmp_path / "site" / "one" / "one.py").read_text().splitlines()[:4]
    assert head[0] == "# One"
    assert head[2] == "# https://someone.github.io/course/one/"
    assert head[3].endswith("pip install git+https://github.com/someone/course")
