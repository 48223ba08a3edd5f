"""The API pages of the reference, made of the package's docstrings: `python -m tools.api_pages`.

Each room has an index, and each module with an `__all__` a page. Only what stands below the table
of `docs/reference/api/index.md` is written by hand.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "attention"
API = ROOT / "docs" / "reference" / "api"
FLOORS = {  # from the top down: a room imports only from the floors below it
    "The command": "cli",
    "Training, evaluation, inspection": "benchmarks exercises evaluation inspection tasks training",
    "Models, and Hugging Face's files": "models hub",
    "Layers, decoding, data": "layers kernels generation data tokenizers",
    "The formula, files, shapes": "functional checkpoints shapes errors",
}
ROOMS = " ".join(FLOORS.values()).split()
BY_HAND = "\nThese are the names"
INTRODUCTION = """# API

These are the packages and modules in layers, from top to bottom. Each imports only from the layers
below it, so you can read them from the bottom up.

| Layer | Packages and modules |
| --- | --- |
"""


class Module:
    """A module, as far as its pages need to know it."""

    def __init__(self, path: Path) -> None:
        body = ast.parse(path.read_text("utf-8")).body
        names = [ast.unparse(node.targets[0]) for node in body if isinstance(node, ast.Assign)]
        self.is_public = "__all__" in names
        defines = any(isinstance(node, ast.ClassDef | ast.FunctionDef) for node in body)
        self.reexports = path.name == "__init__.py" and not defines
        self.name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        self.name = self.name.removesuffix(".__init__")
        self.docstring = ast.get_docstring(ast.Module(body, [])) or ""
        self.first_line = self.docstring.partition("\n\n")[0].replace("\n", " ")

    def page(self, order: int, parents: str, is_room: bool = False) -> str:
        """The Markdown of a page: front matter, heading and what mkdocstrings is to show."""
        quoted = self.first_line.replace("\\", "\\\\").replace('"', '\\"')
        parent, grand_parent = parents.split()
        children = "has_children: true\n" if is_room else ""  # the theme lists them
        text = f"---\ntitle: {self.name}\nparent: {parent}\ngrand_parent: {grand_parent}\n"
        text += f'{children}nav_order: {order}\ndescription: "{quoted}"\n---\n'
        text += f"# attention.{self.name}\n\n"
        if not self.is_public:
            return f"{text}{self.docstring}\n"
        text += f"::: attention.{self.name}\n    options:\n      show_root_heading: false\n"
        text += "      show_root_toc_entry: false\n"
        if self.reexports:  # what it names is shown where it is defined
            text += "      members: false\n"
        return text


def pages() -> dict[Path, str]:
    """All API pages: where each belongs, and what it says."""
    written: dict[Path, str] = {}
    places = {}
    for order, room in enumerate(ROOMS, start=1):
        written |= dict(room_pages(room, order))
        places[room] = f"[{room}]({room}{'/index' if (PACKAGE / room).is_dir() else ''}.md)"
    text, by_hand = (API / "index.md").read_text("utf-8").split(BY_HAND)
    head = text[: text.index("# API")] + INTRODUCTION
    for floor, rooms in FLOORS.items():
        head += f"| {floor} | {', '.join(places[room] for room in rooms.split())} |\n"
    return written | {API / "index.md": head + BY_HAND + by_hand}


def room_pages(room: str, order: int) -> Iterator[tuple[Path, str]]:
    """The index of a room and the pages of its modules; a module on the ground is one page."""
    if not (PACKAGE / room).is_dir():
        yield API / f"{room}.md", Module(PACKAGE / f"{room}.py").page(order, "API Reference")
        return
    index, *modules = map(Module, sorted((PACKAGE / room).rglob("*.py")))
    for number, module in enumerate((one for one in modules if one.is_public), start=1):
        name = module.name.removeprefix(f"{room}.")
        file = f"{name.replace('.', '_')}.md"
        yield API / room / file, module.page(number, f"{room} API")
    yield API / room / "index.md", index.page(order, "API Reference", is_room=True)


def write() -> None:
    """Write the pages that differ, and remove those of modules that are gone."""
    wanted = pages()
    for stale in set(API.rglob("*.md")) - wanted.keys():
        stale.unlink()
    for page, text in wanted.items():
        if not page.exists() or page.read_text("utf-8") != text:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, "utf-8")
            print(f"{page.relative_to(ROOT)}: written")


if __name__ == "__main__":
    write()
