"""Find the source of a name of the package, for the fences that carry it as their title."""

import ast
import importlib
import importlib.util
import textwrap
from pathlib import Path
from types import ModuleType


def module_of(dotted: str) -> ModuleType:
    """Import the module of a dotted name such as `attention.layers.attention.SelfAttention`.

    Raises:
        LookupError: No module of that name.
    """
    return importlib.import_module(_split(dotted)[0])


def source_of(dotted: str) -> str:
    """Return the source of a module, or of a class, function, method or value in it.

    Raises:
        LookupError: Nothing of that name is defined in the module; a name that is only
            imported there does not count.
    """
    module, names = _split(dotted)
    spec = importlib.util.find_spec(module)
    text = Path(spec.origin if spec and spec.origin else "").read_text("utf-8")
    node: ast.AST = ast.parse(text)
    for name in names:
        node = _child(node, name, dotted)
    if not isinstance(node, ast.stmt):
        return text
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    lines = text.splitlines(keepends=True)[first - 1 : node.end_lineno]
    return textwrap.dedent("".join(lines))


def _split(dotted: str) -> tuple[str, list[str]]:
    """Split a dotted name into its module and the names inside it."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            if importlib.util.find_spec(module):
                return module, parts[length:]
        except ModuleNotFoundError:
            continue
    raise LookupError(f"there is no module for {dotted}")


def _child(node: ast.AST, name: str, dotted: str) -> ast.AST:
    body: list[ast.AST] = getattr(node, "body", [])
    for child in body:
        targets = getattr(child, "targets", [getattr(child, "target", None)])
        defined = [getattr(child, "name", None), *(getattr(t, "id", None) for t in targets)]
        if name in defined:
            return child
    raise LookupError(f"{dotted} is not defined in its module")
