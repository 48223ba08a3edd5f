"""The house is kept in order: modules stay short, nothing is written twice, tests mirror rooms."""

import ast
import io
import tokenize
from collections import defaultdict

from tests.site_fixtures import ROOT

PACKAGE = ROOT / "src" / "attention"
TESTS = ROOT / "tests"
LONGEST = 200  # lines of a module
WINDOW = 6  # lines of code that may not stand twice
NOT_ROOMS = {"blocks", "browser", "chapters", "exercises", "house", "site", "device"}
NAMELESS = {tokenize.NAME, tokenize.NUMBER, tokenize.STRING}
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def test_no_module_outgrows_its_idea():
    lengths = {
        file.relative_to(ROOT): len(file.read_text("utf-8").splitlines())
        for file in PACKAGE.rglob("*.py")
        if "exercises" not in file.parts
    }
    long = [f"{file}: {lines} lines" for file, lines in sorted(lengths.items()) if lines > LONGEST]
    assert not long, f"over {LONGEST} lines; find the missing idea:\n" + "\n".join(long)


def declared_lines(tree: ast.AST) -> set[int]:
    """The lines that say what there is and do nothing, which are alike by nature.

    Docstrings, imports, heads of classes, their fields, and calls of `super().__init__`.
    """
    lines: set[int] = set()
    for node in ast.walk(tree):
        constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        inherited = isinstance(node, ast.Expr) and ast.unparse(node) == "super().__init__()"
        if isinstance(node, ast.ClassDef):
            first = min(one.lineno for one in (*node.decorator_list, node))
            lines |= set(range(first, node.body[0].lineno))
        if constant or inherited or isinstance(node, ast.Import | ast.ImportFrom):
            lines |= set(range(node.lineno, node.end_lineno + 1))
        if isinstance(node, ast.ClassDef | ast.Module):
            for one in node.body:
                if isinstance(one, ast.Assign | ast.AnnAssign):
                    lines |= set(range(one.lineno, one.end_lineno + 1))
    return lines


def shape_of_lines(code: str) -> dict[int, str]:
    """Each line of code, by number, without what names, numbers and strings it says."""
    declared, shapes = declared_lines(ast.parse(code)), defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type not in LAYOUT and token.string and token.start[0] not in declared:
            shapes[token.start[0]].append("x" if token.type in NAMELESS else token.string)
    return {line: " ".join(shape) for line, shape in shapes.items()}


def repetitions(files: dict[str, str]) -> list[str]:
    """Where six lines of the same shape stand a second time, and where they stood first."""
    seen, found = {}, []
    for file, code in files.items():
        lines = [*shape_of_lines(code).items()]
        for start in range(len(lines) - WINDOW + 1):
            numbers, window = zip(*lines[start : start + WINDOW], strict=True)
            first_file, first_lines = seen.setdefault(window, (file, numbers))
            overlaps = first_file == file and first_lines[-1] >= numbers[0]
            if not overlaps:
                found.append(f"{file}:{numbers[0]} repeats {first_file}:{first_lines[0]}")
    return found


def test_no_model_repeats_another():
    files = {
        str(file.relative_to(ROOT)): file.read_text("utf-8")
        for file in sorted((PACKAGE / "models").rglob("*.py"))
    }
    found = repetitions(files)
    assert not found, f"{WINDOW} lines of the same shape; write the block once:\n" + "\n".join(
        found
    )


STEPS = """
def attend(x, scale):
    \"\"\"Weigh and add.\"\"\"
    import math

    q = x @ x  # queries
    k = x * 2
    w = (q + k).softmax(-1)

    if w.isnan().any():
        raise ValueError("no")
    return w / math.sqrt(scale)
"""


def test_a_copy_is_found_under_other_names():
    copy = STEPS.replace("x", "y").replace("Weigh", "Weigh them").replace('"no"', '"never"')
    twice = repetitions({"a.py": STEPS, "b.py": "\n" + copy.replace("# queries", "")})
    assert twice == ["b.py:3 repeats a.py:2", "b.py:7 repeats a.py:6"]
    changed = copy.replace("y * 2", "y + y")
    assert not repetitions({"a.py": STEPS, "b.py": changed})


def test_lines_do_not_repeat_themselves():
    table = "\n".join(f"a_{n} = {n}" for n in range(8))
    assert repetitions({"a.py": table}) == []


def rooms() -> set[str]:
    return {file.parent.name for file in PACKAGE.glob("*/__init__.py")}


def test_tests_mirror_the_rooms():
    there = {folder.name for folder in TESTS.iterdir() if folder.is_dir()} - {"__pycache__"}
    assert there - NOT_ROOMS - rooms() == set(), "tests of no room"
    without = [room for room in sorted(rooms()) if not [*(TESTS / room).rglob("test_*.py")]]
    assert not without, "rooms without a test"


def test_tests_outside_the_rooms_are_those_of_the_ground_files():
    ground = {f"test_{file.stem}" for file in PACKAGE.glob("*.py")}
    assert {file.stem for file in TESTS.glob("test_*.py")} <= ground
