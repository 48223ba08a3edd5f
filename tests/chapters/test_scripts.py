"""Each chapter has its code as one script, which runs by itself and prints what the page shows."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from textwrap import dedent

import pytest

from tests.blocks.comparing import first_difference
from tests.site_fixtures import ROOT, build
from tools import labs
from tools.blocks import Block, find_blocks
from tools.scripts import failing, script

pytestmark = pytest.mark.on_cpu(reason="runs scripts in processes of their own")

DOCS = ROOT / "docs"
CHAPTERS = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if DOCS / "reference" not in page.parents and script(page)
]
LABS = sorted(DOCS.rglob("*.py"))
BETWEEN = "\x1e\n"  # the character that separates records
Run = Callable[[str], str]
# A Python that has brought PyTorch, and forks for each script: that is its own process, from its
# start, and knows none of our folders (`python -I`), but need not wait for PyTorch again.
FORKS = """
import os, runpy, signal, sys
import torch
for script in map(str.strip, sys.stdin):
    if os.fork() == 0:
        signal.alarm(300)
        os.chdir(os.path.dirname(script))
        for number, name in enumerate((os.devnull, "../stdout", "../stderr")):
            os.dup2(os.open(name, os.O_CREAT | (os.O_WRONLY if number else os.O_RDONLY)), number)
        sys.argv = [script]
        runpy.run_path(script, run_name="__main__")
        break
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
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


@pytest.fixture(scope="module")
def forks() -> Iterator[subprocess.Popen[str]]:
    """The Python that runs scripts."""
    pipe = subprocess.PIPE
    python = subprocess.Popen(
        [sys.executable, "-I", "-c", FORKS], stdin=pipe, stdout=pipe, text=True
    )
    yield python
    python.communicate()


@pytest.fixture
def run(forks: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a script in a process of its own, from an empty folder, and give what it prints."""

    def run_it(code: str) -> str:
        folder = tmp_path_factory.mktemp("script")
        place = folder / "empty" / "script.py"
        place.parent.mkdir()
        place.write_text(code)
        print(place, file=forks.stdin, flush=True)
        status = int(forks.stdout.readline())
        printed, errors = ((folder / name).read_text() for name in ("stdout", "stderr"))
        assert status == 0, errors
        assert not errors
        return printed

    return run_it


def is_compared(block: Block) -> bool:
    """Whether the page shows all that the script prints where it comes to this block."""
    excused = ("pytest.mark.skip", "pytest.mark.output_varies")
    silent = block.shows_error and block.output is None
    return not (silent or block.importorskip or any(m.startswith(excused) for m in block.marks))


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_a_script_prints_what_its_page_shows(page, run):
    blocks = [block for block in find_blocks(page) if not block.is_excerpt]
    code = script(page).replace("\n# %%", f"\nprint({BETWEEN!r}, end='')\n# %%")
    outputs = run(code).split(BETWEEN)[-len(blocks) :]
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


def test_a_script_in_full(tmp_path, run):
    page = tmp_path / "page.md"
    page.write_text(dedent(PAGE))
    assert script(page, ["Read me"]) == dedent(SCRIPT).lstrip()
    assert run(script(page)) == "# Not a heading\none\n  two\nthree\nValueError: one\n"


def test_code_that_should_fail_and_does_not(run):
    assert run("import traceback\n" + failing("print(1)", "ValueError")) == "1\n"
    with pytest.raises(AssertionError, match="KeyError"):
        run("import traceback\n" + failing("{}[1]", "ValueError"))


def test_each_script_runs_alone(run):
    """Not even PyTorch's state, or a folder of ours, gets from one to the next."""
    run("import sys, torch; torch.set_default_dtype(torch.float64); sys.left = open('x', 'w')")
    seen = run(
        "import os, sys, torch; print(torch.get_default_dtype(), hasattr(sys, 'left'))"
        "\nprint(os.path.exists('x'), 'tools' in sys.modules, __name__)"
        "\nprint(any(p and os.path.exists(p + '/tools/scripts.py') for p in sys.path))"
    )
    assert seen == "torch.float32 False\nFalse False __main__\nFalse\n"


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
