"""A shown command is one that can be typed, and a shown target one that make has."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from attention.cli.app import app
from tests.prose import CELL, DOCS
from tests.site_fixtures import ROOT
from tools.blocks import Fence, parts

pytestmark = pytest.mark.on_cpu(reason="text only")

SHELL = {"sh", "bash", "console"}
INLINE = re.compile(r"`((?:attention|make) [^`\n]+)`")
TARGET = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)


def pages() -> list[Path]:
    found = [path for path in sorted(DOCS.rglob("*")) if path.suffix in {".md", ".py"}]
    own = [path for path in found if "reference/api" not in path.as_posix()]
    return [*own, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def commands(path: Path, text: str) -> Iterator[tuple[int, str, bool]]:
    """Each command that a page shows, with its line; and whether it is only named in the text."""
    lines = text.splitlines()
    if path.suffix == ".py":
        lines = ["" if CELL.fullmatch(line) else line.removeprefix("# ") for line in lines]
    for part in parts(path, "\n".join(lines)):
        if isinstance(part, Fence):
            if part.language in SHELL:
                yield from _of_fence(part)
            lines[part.line - 1 : part.end] = [""] * (part.end - part.line + 1)
    for number, line in enumerate(lines, start=1):
        for found in INLINE.finditer(line):
            yield number, found[1], True


def _of_fence(fence: Fence) -> Iterator[tuple[int, str, bool]]:
    joined = re.sub(r"\\\n *", " ", fence.code)  # the lines after it count a little less
    for number, line in enumerate(joined.splitlines(), start=fence.line + 1):
        yield number, line.strip().removeprefix("$ "), False


def fault(command: str, named: bool = False) -> str:
    """What is wrong with a command, if it is one of ours; one that is named may lack arguments."""
    name, *arguments = shlex.split(re.sub(r" [|<>&]+ .*", "", command), comments=True) or [""]
    if name == "make":
        known = TARGET.findall((ROOT / "Makefile").read_text("utf-8"))
        lost = [word for word in arguments if "=" not in word and word not in known]
        return f"make has no target {lost[0]}" if lost else ""
    if name != "attention":
        return ""
    problem = ""
    for missing in [[], ["x"], ["x", "x"], ["--out", "x"]] if named else [[]]:
        try:
            app.parse_args([*arguments, *missing], exit_on_error=False, print_error=False)
        except CycloptsError as error:
            problem = " ".join(str(error).split())
        else:
            return ""
    return problem


def test_every_shown_command_is_one_that_can_be_typed():
    faults, n_fences = [], 0
    for path in pages():
        for line, command, named in commands(path, path.read_text("utf-8")):
            n_fences += command.startswith("attention ") and not named
            if problem := fault(command, named):
                faults.append(f"{path.relative_to(ROOT)}:{line}: {command}\n    {problem}")
    assert not faults, "\n".join(faults)
    assert n_fences > 20


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("attention translate runs/b 'They left .' --beam 3", ""),
        ("attention translate runs/b 'They left .' --beem 3", "--beem"),
        ("attention train translation --arch bahdanou --out runs/b", "bahdanou"),
        ("attention train translation --arch bahdanau", "--out"),
        ("attention trane translation --out runs/b", "trane"),
        ("cat lines | head", ""),
        ("make test", ""),
        ("make tests", "no target tests"),
        ("make fuzz INPUTS=10  # a few", ""),
    ],
)
def test_a_misspelt_command_is_named(command, problem):
    assert problem in fault(command)
    assert bool(fault(command)) is bool(problem)


def test_a_command_that_is_only_named_may_lack_arguments():
    assert not fault("attention train translation --arch luong", named=True)
    assert "--ark" in fault("attention train translation --ark luong", named=True)


def test_commands_are_found_in_fences_labs_and_lines():
    page = "```sh\nattention fill runs/b \\\n  'a [MASK]'\nmake site\n```\n\nType `make help`.\n"
    assert [command for _, command, _ in commands(Path("a.md"), page)] == [
        "attention fill runs/b  'a [MASK]'",
        "make site",
        "make help",
    ]
    lab = "# %% [markdown]\n# ```sh\n# make test\n# ```\n"
    assert list(commands(Path("a.py"), lab)) == [(3, "make test", False)]
