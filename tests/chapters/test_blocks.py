"""The blocks of a page are tested as strictly as the book promises."""

import os
from pathlib import Path

import pytest

from tests.blocks.comparing import as_on_cpu, first_difference
from tests.blocks.excerpts import source_of
from tools.blocks import PageError, read_blocks
from tools.sync import sync

pytestmark = pytest.mark.on_cpu(reason="runs pytest on pages of its own")

ROOT = Path(__file__).parents[2]
CONT = "<!--pytest-codeblocks:cont-->\n"
OUTPUT = "<!--pytest-codeblocks:expected-output-->\n"


def python(code: str, info: str = "python") -> str:
    return f"```{info}\n{code}\n```\n\n"


def output(text: str) -> str:
    return f"{OUTPUT}```text\n{text}\n```\n\n"


@pytest.fixture
def run(pytester, monkeypatch):
    """Run the plugin on a page of its own; returns what pytest said."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run_page(page: str, *options: str, budget: int = 0):
        pytester.mkdir("docs")
        pytester.makepyprojecttoml(f"[tool.attention.blocks]\nskip-budget = {budget}\n")
        pytester.path.joinpath("docs", "page.md").write_text(page, "utf-8")
        plugins = ["-p", "tests.blocks.plugin", "-p", "no:cacheprovider"]
        return pytester.runpytest_inprocess(*plugins, *(options or ["docs"]))

    return run_page


def blocks_of(folder: Path, page: str):
    path = folder / "page.md"
    path.write_text(page, "utf-8")
    return read_blocks(path)


# --- which fences are blocks ------------------------------------------------------------------

EVERY_KIND = """\
---
title: Fences
---
```python
a = 1
```
```py title="heads.py" hl_lines="1"
b = 1
```
``` {.python title="x"}
c = 1
```
~~~python
d = 1
~~~
- a list

    ```Python
    e = [

        1]
    ```
- another
  - nested

    ```python3
    f = 1
    ```

!!! note

    ```python
    g = 1
    ```

=== "A tab"

    ```python
    h = 1
    ```

> ```python
> i = 1
> ```

<div markdown>

```python
j = 1
```

</div>

````text
```python
not a block
```
````
```sh
not run
```
"""


def test_every_kind_of_python_fence_is_a_block(tmp_path):
    names = [block.code[0] for block in blocks_of(tmp_path, EVERY_KIND)]
    assert names == list("abcdefghij")


def test_every_block_is_an_item(run):
    result = run(EVERY_KIND)
    result.assert_outcomes(passed=10)
    result.stdout.fnmatch_lines(["10 blocks, 0 outputs compared, 0 skipped"])


def test_pages_that_are_collected(run, pytester):
    pytester.path.joinpath("README.md").write_text(python("1 / 0"))
    pytester.path.joinpath("NOTES.md").write_text(python("1 / 0"))
    result = run(python("pass"), "-v", ".")
    result.stdout.fnmatch_lines(["*README.md::line 1 FAILED*", "*docs/page.md::line 1 PASSED*"])
    result.assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("options", [["--codeblocks", "docs"], ["docs"]])
def test_pytest_codeblocks_itself_does_not_collect_too(run, options):
    run(python("pass"), *options).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("page", "line", "problem"),
    [
        ("text\n\n      ```python\n      x\n      ```\n", 3, "the site shows 0 Python blocks"),
        ('```python badly="put"\nx\n```\n', 1, "the site shows 0 Python blocks"),
        ("a\n\n```python\nx\n", 3, "never closed"),
        ("```pycon\n>>> x\n```\n", 1, "`pycon` would not be tested"),
        ("```\nx = 1\n```\n", 1, "names no language"),
        (CONT + python("x"), 1, "`cont` has no block to continue"),
        (python("x") + CONT + "prose\n\n" + python("y"), 5, "not right above a fence"),
        (python("x") + CONT, 5, "not right above a fence"),
        (python("x") + CONT + "```sh\nls\n```\n", 5, "`cont` means nothing above this fence"),
        (python("x") + OUTPUT + python("y"), 5, "`expected-output` is no mark of a Python block"),
        (OUTPUT + "```text\nx\n```\n", 1, "no block prints this output"),
        (python("x") + output("1") + output("2"), 10, "no block prints this output"),
        ("<!--pytest-codeblocks:skipfile-->\n" + python("x"), 1, "`skipfile` is no mark"),
        ("<!--pytest-codeblocks:skip-->\n" + python("x"), 1, "`skip` is no mark"),
        ("So: <!--pytest-codeblocks:cont-->\n" + python("x"), 1, "alone on its line"),
        ("<!--pytest-codeblock:cont-->\n" + python("x"), 1, "alone on its line"),
    ],
)
def test_a_page_that_is_odd_is_refused(tmp_path, page, line, problem):
    with pytest.raises(PageError, match=problem) as error:
        blocks_of(tmp_path, page)
    assert f"page.md:{line}: " in str(error.value)


def test_a_refused_page_fails_the_run(run):
    result = run(python("pass") + "      ```python\n      x\n      ```\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:5: the site shows 1 Python blocks, *found 2*"])


# --- running ----------------------------------------------------------------------------------


def test_a_block_starts_with_nothing(run):
    result = run(python("x = 1") + python("x"))
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:6: NameError: name 'x' is not defined"])


def test_cont_continues_the_python_block_before_whatever_stands_between(run):
    page = python("x = 1") + "```text\nbetween\n```\n\n```sh\nls\n```\n\n"
    page += CONT + python("y = x", "python title='y.py'") + CONT + python("print(x + y)")
    run(page + output("2")).assert_outcomes(passed=3)


def test_each_block_of_a_chain_has_its_own_output(run):
    page = python("print(1)") + output("1") + CONT + python("print(2)") + output("3")
    result = run(page)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["docs/page.md:17: the page shows another output than its block prints:", "-3", "+2"]
    )


def test_a_failed_block_is_named_by_those_that_continue_it(run):
    result = run(python("1 / 0") + CONT + python("x = 1") + CONT + python("x"))
    result.assert_outcomes(failed=3)
    for line in (6, 11):
        result.stdout.fnmatch_lines(
            [f"docs/page.md:{line}: continues the block at line 1, which raises ZeroDivisionError*"]
        )


def test_a_single_block_of_a_chain_can_be_chosen(run):
    page = python("x = 1") + python("z = 1") + CONT + python("z += 1") + CONT + python("print(z)")
    result = run(page + output("2"), "docs/page.md::line 15")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 blocks, 1 outputs compared, 0 skipped"])


def test_blocks_are_spread_over_processes_and_a_chain_runs_once(run, pytester):
    runs = pytester.path / "runs"
    chain = python(f"x = open({str(runs)!r}, 'a').write('x')") + (CONT + python("x += 1")) * 5
    skipped = '<!--pytest.mark.skip(reason="slow")-->\n' + python("1 / 0")
    page = chain + CONT + python("print(x)") + output("6") + skipped
    result = run(page, "-n2", "--dist=loadgroup", "docs", budget=1)
    result.assert_outcomes(passed=7, skipped=1)
    result.stdout.fnmatch_lines(["8 blocks, 1 outputs compared, 1 skipped (1 × slow)"])
    assert runs.read_text() == "x"


def test_a_failure_shows_the_lines_of_the_page(run):
    code = 'def f(x):\n    assert x == 2, "x should be two"\n\nf(1)'
    indented = "".join(f"    {line}\n" for line in python(code).splitlines())
    result = run("# Title\n\n- item\n\n" + indented)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "docs/page.md:7: AssertionError: x should be two",
            '  File "docs/page.md", line 9, in <module>',
            "    f(1)",
            '  File "docs/page.md", line 7, in f',
            '    assert x == 2, "x should be two"',
            "AssertionError: x should be two",
        ]
    )
    result.stdout.no_fnmatch_line("*running.py*")


def test_a_syntax_error_is_shown_on_the_page(run):
    result = run("\n" + python("x = 1\nx = = 2"))
    result.stdout.fnmatch_lines(["docs/page.md:4: SyntaxError: *", '  File "docs/page.md", line 4'])


@pytest.mark.parametrize("code", ["import sys; sys.exit()", "exit(3)", "raise SystemExit('x')"])
def test_leaving_python_is_a_plain_failure(run, code):
    result = run(python(code) + CONT + python("pass") + python("pass"))
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["docs/page.md:2: SystemExit: *"])
    result.stdout.fnmatch_lines(["docs/page.md:6: continues *, which raises SystemExit*"])


def test_a_block_is_main_and_can_read_its_own_source(run):
    code = """\
import inspect, pickle
class Point:
    x = 1
def norm(x):
    return abs(x)
assert __name__ == "__main__"
assert inspect.getsource(Point) == "class Point:\\n    x = 1\\n"
assert inspect.getsource(norm).startswith("def norm")
pickle.loads(pickle.dumps(Point()))"""
    page = "Prose, which is no Python.\n\n" + python("pass") + CONT + python(code)
    run(page).assert_outcomes(passed=2)


STRAY = """\
import os, sys, random
import matplotlib, numpy, torch
from pathlib import Path
"""
DISTURB = """\
torch.set_default_dtype(torch.float64)
torch.set_printoptions(precision=1)
torch.set_grad_enabled(False)
torch.set_default_device("meta")
torch.set_num_threads(2)
numpy.set_printoptions(precision=1)
matplotlib.rcParams["figure.dpi"] = 7
os.environ["STRAY"] = "1"
sys.path.append("stray")
Path("stray.txt").write_text("stray")
"""
DISTURBED = """\
assert torch.get_default_dtype() == torch.float64
assert not torch.is_grad_enabled()
assert torch.get_num_threads() == 2
assert os.environ["STRAY"] == "1"
assert Path("stray.txt").exists()
assert torch.ones(1).device.type == "meta"
"""
CALM = """\
assert torch.get_default_dtype() == torch.float32
assert torch.is_grad_enabled()
assert torch.ones(1).device.type == "cpu"
assert torch.get_num_threads() == 1
assert matplotlib.rcParams["figure.dpi"] == 100
assert matplotlib.get_backend().lower() == "agg"
assert "STRAY" not in os.environ
assert "stray" not in sys.path
assert not list(Path().iterdir())
print(torch.tensor([0.125]), numpy.array([0.125]))"""


def test_what_a_block_changes_stays_in_its_chain(run):
    page = python(STRAY + DISTURB) + CONT + python(DISTURBED)
    page += python(STRAY + CALM) + output("tensor([0.1250]) [0.125]")
    run(page).assert_outcomes(passed=3)


def test_what_a_block_changes_stays_out_of_other_tests(run, pytester):
    pytester.makepyfile(
        """
        import os, torch
        def test_calm():
            assert torch.get_default_dtype() == torch.float32
            assert "STRAY" not in os.environ
        """
    )
    where = os.getcwd()
    run(python(STRAY + DISTURB) + CONT + python("pass"), "docs", ".").assert_outcomes(passed=3)
    assert os.getcwd() == where


def test_what_other_tests_leave_behind_reaches_no_block(run, pytester, monkeypatch):
    monkeypatch.setenv("LEFT_BEHIND", "")
    monkeypatch.delenv("LEFT_BEHIND")
    pytester.makepyfile("import os\ndef test_stray(): os.environ['LEFT_BEHIND'] = '1'")
    page = python("import os\nassert 'LEFT_BEHIND' not in os.environ")
    files = ["test_what_other_tests_leave_behind_reaches_no_block.py", "docs"]
    run(page, *files).assert_outcomes(passed=2)


def test_random_numbers_without_a_seed_never_agree(run):
    fresh = "tensor([0.4963, 0.7682, 0.0885])"  # what a new Python happens to give
    seeded = python("import torch\ntorch.manual_seed(0)\nprint(torch.rand(3))") + output(fresh)
    unseeded = python("import torch\nprint(torch.rand(3))") + output(fresh)
    run(seeded + unseeded).assert_outcomes(passed=1, failed=1)


# --- excerpts of the package ------------------------------------------------------------------


def test_an_excerpt_runs_in_its_module_and_belongs_to_no_chain(run):
    title = "attention.functional.causal_mask"
    excerpt = python(source_of(title).rstrip(), f'python title="{title}"')
    page = python("x = 1") + excerpt + CONT + python("print(x, 'causal_mask' in globals())")
    run(page + output("1 False")).assert_outcomes(passed=3)


def test_the_source_of_an_excerpt():
    method = source_of("attention.layers.attention.MultiHeadAttention.forward")
    assert method.startswith("def forward(")
    assert method.rstrip() in source_of("attention.layers.attention").replace("\n    ", "\n")
    with pytest.raises(LookupError, match="causal_musk is not defined"):
        source_of("attention.functional.causal_musk")


# --- shown output -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("0.1234", "0.1235"),  # one rounding of 0.12345 or the other
        ("-0.0000", "0.0000"),
        ("[ 0.0000, 1.2345]", "[-0.0000, 1.2344]"),
        ("1.2345e-05", "1.2346e-05"),
        ("0.36787945032119750", "0.36787948012351990"),  # float32, as Python writes it
        ("0.12", "0.1234"),
        ("12.3%", "12.3%"),
        ("loss 0.123.", "loss 0.124."),
        ("1.0000", "1."),
        ("x   \n\n", "x"),
        ("tensor([1., 2.])\ntorch.Size([2, 3])", "tensor([1., 2.])\ntorch.Size([2, 3])"),
    ],
)
def test_outputs_that_agree(shown, printed):
    assert first_difference(shown, printed) is None


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("0.1234", "0.1236"),
        ("0.1234", "0.1134"),
        ("0.5", "0.6"),
        ("0.12", "0.1264"),
        ("98.5", "98.6"),
        ("1.", "2."),
        ("1.", "1.4"),
        ("1.2345e-05", "1.2345e-06"),
        ("1.2345e-05", "1.2347e-05"),
        ("2e-05", "3e-05"),
        ("0.5000", "-0.5000"),
        ("3", "4"),
        ("3", "3.0"),
        ("torch.Size([2, 3])", "torch.Size([2, 4])"),
        ("(2, 3)", "(3, 2)"),
        ("torch.float32", "torch.float64"),
        ("torch.bfloat16", "torch.float16"),
        ("device='cuda:0'", "device='cuda:1'"),
        ("tensor([0.5000])", "tensor([0.5000], dtype=torch.float64)"),
        ("2.13.0", "2.13.1"),
        ("[0.5000, 0.5000]", "[0.5000]"),
        ("a b", "a  b"),
        ("a", "b"),
        ("Loss", "loss"),
        ("a", "a\nb"),
        ("a\nb", "a"),
        ("", "a"),
        ("nan", "0.0"),
    ],
)
def test_outputs_that_differ(shown, printed):
    assert first_difference(shown, printed) is not None


def test_white_space_may_be_ignored():
    assert (
        first_difference("[[1, 2],\n [3, 4]]", "[[1,2], [3,  4]]", ignore_whitespace=True) is None
    )
    assert first_difference("[1 2]", "[12]", ignore_whitespace=True) == 0
    assert first_difference("[ 0.5\n 0.1234]", "[0.5 0.1235]", ignore_whitespace=True) is None


def test_a_wrong_digit_fails_on_its_line(run):
    page = python("print('a')\nprint(0.25)") + output("a\n0.26")
    result = run(page)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:9: the page shows another output *", "-0.26"])
    result.stdout.fnmatch_lines(["1 blocks, 1 outputs compared, 0 skipped"])


def test_what_a_block_prints_must_be_shown(run):
    result = run(python("print('hello')") + "```text\nhallo\n```\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:1: the page does not show what this block prints:"])


def test_a_deleted_cont_fails(run):
    page = python("x = 1") + CONT + python("print(x)") + output("1")
    run(page.replace(CONT, "")).stdout.fnmatch_lines(["docs/page.md:6: NameError: *'x'*"])


# --- skips ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark",
    [
        "skip",
        "skip()",
        'skip(reason=" ")',
        "skipif(True)",
        "xfail(raises=ValueError)",
        "output_varies",
    ],
)
def test_an_excuse_without_a_reason_is_refused(run, mark):
    result = run(python("pass") + f"<!--pytest.mark.{mark}-->\n" + python("pass"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:6: *does not say why*"])


def test_skips_are_counted_and_held_to_the_budget(run):
    skip = '<!--pytest.mark.skip(reason="needs a network")-->\n' + python("1 / 0")
    absent = "<!--pytest-codeblocks:importorskip(no_such_module)-->\n" + python("1 / 0")
    varies = '<!--pytest.mark.output_varies(reason="a time")-->\n' + python("print(1)")
    summary = (
        "4 blocks, 0 outputs compared, 3 skipped (1 × needs a network; "
        "1 × no_such_module is not installed; 1 × output not compared: a time)"
    )
    result = run(skip + absent + varies + python("pass"), budget=2)
    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines([summary, "FAILED: 3 skipped, but skip-budget*allows 2"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_skips_within_the_budget_pass(run):
    skip = '<!--pytest.mark.skipif("sys.maxsize > 0", reason="always")-->\n' + python("1 / 0")
    result = run(skip, budget=1)
    result.assert_outcomes(skipped=1)
    assert result.ret == pytest.ExitCode.OK


def test_a_condition_that_does_not_hold_skips_nothing(run):
    run('<!--pytest.mark.skipif(False, reason="never")-->\n' + python("1 / 0")).assert_outcomes(
        failed=1
    )


def test_marks_of_a_cont_block_do_not_reach_the_next(run):
    page = python("x = 1") + '<!--pytest.mark.skip(reason="here")-->\n' + CONT + python("1 / 0")
    result = run(page + python("2 / 0"), budget=1)
    result.assert_outcomes(passed=1, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:12: ZeroDivisionError*"])


def test_a_block_that_continues_a_skipped_one_fails(run):
    page = '<!--pytest.mark.skip(reason="here")-->\n' + python("x = 1") + CONT + python("pass")
    result = run(page, budget=1)
    result.assert_outcomes(skipped=1, failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:7: continues the block at line 2, which is skipped"])


def xfail(raises: str) -> str:
    return f'<!--pytest.mark.xfail(raises={raises}, reason="shown")-->\n'


def test_a_block_may_show_an_error(run):
    page = xfail("ZeroDivisionError") + python("print(1)\n1 / 0")
    result = run(page + output("1\nZeroDivisionError: division by zero"))
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["1 blocks, 1 outputs compared, 0 skipped"])


@pytest.mark.parametrize("code", ["pass", "{}[0]"])
def test_a_block_must_show_the_error_that_it_announces(run, code):
    run(xfail("ZeroDivisionError") + python(code)).assert_outcomes(failed=1)


@pytest.mark.parametrize("raises", ["Exception", "(ValueError, Exception)"])
def test_an_announced_error_must_be_named(run, raises):
    result = run(xfail(raises) + python("1 / 0"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:2: *does not say which error it raises*"])


def test_the_message_of_an_announced_error_is_compared(run):
    page = xfail("ZeroDivisionError") + python("1 / 0") + output("ZeroDivisionError: by one")
    run(page).assert_outcomes(failed=1)


def test_a_chain_looks_past_an_error(run):
    fails = xfail("ZeroDivisionError") + CONT + python("x = 2\n1 / 0")
    page = python("x = 1") + fails + CONT + python("print(x)")
    run(page + output("1")).assert_outcomes(passed=2, xfailed=1)


def test_an_error_alone_cannot_be_continued(tmp_path):
    page = python("x = 1") + xfail("ZeroDivisionError") + python("1 / 0") + CONT + python("x")
    with pytest.raises(PageError, match=r"page\.md:10: `cont` has only a block that fails"):
        blocks_of(tmp_path, page)


@pytest.mark.skipif(os.environ.get("ATTENTION_DEVICE") == "cuda", reason="there is no fall-back")
def test_a_gpu_block_says_that_it_fell_back(run):
    code = 'import torch\nprint("cuda" if torch.cuda.is_available() else "cpu")'
    result = run(python(code) + output("cpu"))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 GPU blocks fell back to the CPU"])


def test_a_gpu_is_compared_as_a_cpu():
    printed = "tensor([0.5000], device='cuda:0', grad_fn=<A>) cuda:0 cuda"
    assert as_on_cpu(printed) == "tensor([0.5000], grad_fn=<A>) cpu cpu"


def test_a_gpu_run_without_a_gpu_is_refused(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("ATTENTION_DEVICE", "cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    plugins = "-p", "tests.device.plugin", "-p", "tests.blocks.plugin"
    result = pytester.runpytest_subprocess(*plugins)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*ATTENTION_DEVICE=cuda, but torch finds no GPU here"])


# --- make sync --------------------------------------------------------------------------------


def test_sync_writes_outputs_and_excerpts(run, pytester, capsys):
    title = "attention.functional.causal_mask"
    wrong = f'```python title="{title}"\nold\n```\n\n'
    listed = "- a list\n\n    ```python\n    print(1)\n    print()\n    print(3)\n    ```\n\n"
    page = wrong + listed + python("print(0.1234)") + output("0.1235")
    page += python("print(2)") + output("3")
    pytester.mkdir("docs")
    pytester.path.joinpath("README.md").write_text(python("1 / 0"))
    path = pytester.path / "docs" / "page.md"
    path.write_text(page, "utf-8")
    pytester.makeconftest("pytest_plugins = ['tests.blocks.plugin']")

    assert sync(pytester.path) == 1
    said = capsys.readouterr().out
    assert "-3\n+2\n" in said
    assert said.endswith("These blocks do not run:\nREADME.md::line 1\n")
    text = path.read_text("utf-8")
    assert f'title="{title}"\n{source_of(title)}```' in text
    assert output("0.1235") in text  # agrees already, to its precision
    assert output("2") in text
    assert f"    {OUTPUT}    ```text\n    1\n\n    3\n    ```\n" in text

    pytester.path.joinpath("README.md").write_text("")
    assert sync(pytester.path) == 0
    assert path.read_text("utf-8") == text


def test_sync_can_keep_to_some_pages(pytester, capsys):
    pytester.makeconftest("pytest_plugins = ['tests.blocks.plugin']")
    pytester.mkdir("docs")
    one, two = (pytester.path / "docs" / name for name in ("one.md", "two.md"))
    for page in (one, two):
        page.write_text(python("print(1)"))
    assert sync(pytester.path, [two]) == 0
    assert "+++ docs/two.md, synced\n" in capsys.readouterr().out
    assert one.read_text() == python("print(1)")
    assert two.read_text() != one.read_text()
