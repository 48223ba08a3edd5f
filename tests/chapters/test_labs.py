"""Labs run, and become pages like any other."""

import re
import shutil
from pathlib import Path
from textwrap import dedent
from threading import Thread

import nbformat
import pytest
from mkdocs.exceptions import PluginError

from tests.site_fixtures import ROOT, build
from tools import lab_pages, lab_runs, labs

pytestmark = pytest.mark.on_cpu(reason="executes labs in processes of their own")

LABS = sorted((ROOT / "docs").rglob("*.py"))
TINY = r"""
    # ---
    # title: "Lab: a tiny one"
    # nav_order: 2
    # jupyter:
    #   kernelspec: {name: python3}
    # ---

    # %% [markdown]
    # # A tiny lab
    # It goes [home](index.md), knows $\query{Q}$ and lists:
    # - one
    #
    # {: .note }
    # It takes notes.
    #
    # ## More

    # %%
    print("a < b &", "`ticks`", 6 * 7)
"""
PICTURE = """
# %% alt="A dark diagonal"
import torch

from attention.inspection import plots

plots.alignment(torch.eye(2), ["a", "b"], ["c", "d"])
"""
EXERCISE = """
# %% [markdown]
# ## Exercises

# %% tags=["raises-exception"]
from attention.exercises import check_padding_mask


def mask(ids): ...


check_padding_mask(mask)

# %% [markdown]
# <details markdown="1"><summary>Hint 1</summary>
#
# *Divide.*
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_padding_mask


def mask(ids):
    return (ids != 0).unsqueeze(1)


check_padding_mask(mask)

# %% [markdown]
# *Now* go on.
"""


@pytest.mark.parametrize(
    "lab",
    [pytest.param(lab, marks=pytest.mark.xdist_group(lab.name)) for lab in LABS],
    ids=lambda lab: lab.name,
)
def test_every_lab_runs(lab):
    for cell in nbformat.read(lab_runs.execute(lab), as_version=4).cells:
        for output in cell.get("outputs", []):
            warned = output.output_type == "stream" and output.name == "stderr"
            assert not warned, f"{lab.name} warns: {output.text}"
            shown = output.get("data", {})
            assert "image/png" not in shown, (
                f"{lab.name}: a figure that attention.inspection.plots did not draw"
            )


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_every_lab_has_its_header(lab):
    assert labs.front_matter(lab)["title"]
    first = labs.read(lab).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A tiny lab in docs of its own."""
    docs = tmp_path / "docs"
    shutil.copytree(ROOT / "docs" / "assets", docs / "assets")
    (docs / "index.md").write_text("---\ntitle: Home\n---\n# Home\n\n[The lab](tiny.py)\n")
    (docs / "tiny.py").write_text(dedent(TINY).lstrip())
    return docs / "tiny.py"


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Keep nothing of a test."""
    monkeypatch.setattr(lab_runs, "KEPT", tmp_path / "kept")


def test_a_lab_becomes_a_page(lab, tmp_path):
    lab.write_text(lab.read_text() + PICTURE)
    site = build(lab.parent, tmp_path / "site", LABS="", GITHUB_REPOSITORY="someone/course")
    assert site.sound, site.warnings
    page = site.page("tiny")
    article = page[page.index("<article") : page.index("</article")]

    assert "kernelspec" not in article, "its header is read, not shown"
    assert 'href="../">home</a>' in article
    assert 'class="katex"' in article
    assert "<li>one</li>" in article
    assert 'class="admonition note"' in article
    assert 'href="#more"' in page
    assert "a &lt; b &amp; `ticks` 42" in article
    assert 'role="img" aria-label="A dark diagonal"><svg' in article
    assert "var(--weights)" in article, "drawings follow light and dark"
    assert "<script" not in article
    assert "<style" not in article.replace('<style type="text/css">*{stroke', "")
    assert len(page) < 60_000, "mkdocs-jupyter's own page has 654 KB of styles and scripts"

    assert "blob/notebooks/tiny/tiny.ipynb" in article
    assert '<a href="tiny.ipynb" download' in article
    notebook = nbformat.read(site.site / "tiny" / "tiny.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert "git+https://github.com/someone/course" in notebook.cells[0].source
    assert "pip install" not in article
    assert notebook.cells[2].outputs[0].text == "a < b & `ticks` 42\n"
    assert "It goes home, knows ${Q}$ and" in notebook.cells[1].source


def test_a_lab_can_be_shown_without_running(lab, tmp_path):
    site = build(lab.parent, tmp_path / "site", LABS="skip")
    assert site.sound, site.warnings
    page = site.page("tiny")
    assert "was not executed here" in page
    assert "`ticks`" in page
    assert "42" not in page
    assert "colab" not in page, "no repository, no link"
    assert (site.site / "tiny" / "tiny.ipynb").exists()


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("../index.md", "https://x.org/course/"),
        ("index.md#top", "https://x.org/course/part/#top"),
        ("other-lab.py", "https://x.org/course/part/other-lab/"),
        ("../reference/notation.md", "https://x.org/course/reference/notation/"),
        ("https://x.org/other.md", "https://x.org/other.md"),
    ],
)
def test_links_of_a_notebook_lead_to_the_site(link, address, tmp_path):
    place = tmp_path / "lab.ipynb"
    source = f"See [*this*\none]({link}), ![not](this.md) and $\\weights{{\\key k}}$."
    cell = nbformat.v4.new_markdown_cell(source)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), place)
    lab_pages.make_portable(place, "part/lab.py", "https://x.org/course/")
    expected = f"See [*this*\none]({address}), ![not](this.md) and ${{k}}$."
    assert nbformat.read(place, as_version=4).cells[0].source == expected


def test_a_failing_cell_fails_the_build(lab, tmp_path):
    lab.write_text(lab.read_text() + '\n# %%\nraise ValueError("the wrong way round")\n')
    site = build(lab.parent, tmp_path / "site", LABS="")
    assert not site.sound
    assert site.warnings[-1].startswith("tiny.py: cell 3 of 3 failed")
    assert "ValueError: the wrong way round" in site.warnings[-1]


def test_a_lab_has_exercises(lab, tmp_path):
    lab.write_text(lab.read_text() + EXERCISE)
    site = build(lab.parent, tmp_path / "site", LABS="")
    assert site.sound, site.warnings
    page = site.page("tiny")
    article = page[page.index("<article") : page.index("</article")]
    assert "<code>Hint: mask(ids) gives nothing back yet." in article
    assert "Traceback" not in article

    hint, solution = re.findall("<details>(.*?)</details>", article, re.DOTALL)
    assert "<em>Divide.</em>" in hint
    assert solution.strip().startswith("<summary>Solution</summary>")
    assert solution.count('<div class="language-python') == 1
    assert solution.count('<div class="language-text') == 1
    assert "<code>Right: " in solution
    assert "<em>Now</em> go on." in article.rpartition("</details>")[2]

    notebook = nbformat.read(site.site / "tiny" / "tiny.ipynb", as_version=4)
    nbformat.validate(notebook)
    hidden = [cell.metadata.get("jupyter", {}).get("source_hidden") for cell in notebook.cells]
    assert hidden == [None, None, None, None, None, True, None]


def test_a_cell_that_should_raise_and_does_not_is_named(lab):
    lab.write_text(lab.read_text() + '\n# %% tags=["raises-exception"]\n1 / 1\n')
    with pytest.raises(PluginError) as caught:
        lab_runs.execute(lab)
    problem = "tiny.py: cell 3 of 3 is tagged `raises-exception`, but raises nothing"
    assert str(caught.value) == problem


def test_a_cell_that_fails_is_told_from_one_that_should(lab):
    announced = '\n# %% tags=["raises-exception"]\n{}["missing"]\n'
    lab.write_text(lab.read_text() + announced + "\n# %%\n1 / 0\n")
    with pytest.raises(PluginError, match=r"^tiny\.py: cell 4 of 4 failed\n(.*\n)*ZeroDivision"):
        lab_runs.execute(lab)


def test_a_picture_without_words_fails_the_build(lab, tmp_path):
    drawing = (
        "from IPython.display import SVG\n\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')"
    )
    lab.write_text(f"{lab.read_text()}\n# %%\n{drawing}\n")
    site = build(lab.parent, tmp_path / "site", LABS="")
    assert not site.sound
    assert site.warnings[-1].startswith("tiny.py: cell 3 of 3 draws a picture: say what it shows")


def test_a_lab_is_executed_once(lab, elsewhere, monkeypatch):
    place = lab_runs.execute(lab)
    monkeypatch.setattr(lab_runs, "NotebookClient", None)
    assert lab_runs.execute(lab) == place
    with pytest.raises(TypeError):
        lab_runs.execute(lab.rename(lab.with_name("other.py")))


def test_what_a_lab_writes_is_kept_with_its_outputs(lab, elsewhere):
    lab.write_text(lab.read_text() + '\n# %%\nopen("model.txt", "w").write("trained")\n')
    place = lab_runs.execute(lab)
    assert (place.with_suffix("") / "model.txt").read_text() == "trained"
    assert {path.name for path in lab_runs.KEPT.iterdir()} == {place.name, place.stem}


def test_what_is_kept_goes_with_what_it_came_from(lab, monkeypatch, tmp_path):
    package = tmp_path / "src" / "attention" / "heads.py"
    package.parent.mkdir(parents=True)
    for path, text in {package: "a", tmp_path / "constraints.txt": "b"}.items():
        path.write_text(text)
    monkeypatch.setattr(lab_runs, "ROOT", tmp_path)
    states = [lab_runs.kept(lab)]
    for path in (lab, package, tmp_path / "constraints.txt"):
        path.write_text(path.read_text() + "#")
        states.append(lab_runs.kept(lab))
    assert len(set(states)) == 4
    assert lab_runs.kept(lab) == states[-1]


def test_a_server_does_not_wait_for_a_lab(lab, elsewhere, monkeypatch, tmp_path):
    monkeypatch.setattr(lab_pages, "serving", True)
    monkeypatch.setattr(lab_runs, "execute", None)
    assert "is being executed" in lab_pages.notebook_for_page(lab, tmp_path / "tiny.ipynb")
    monkeypatch.undo()
    monkeypatch.setattr(lab_pages, "serving", True)
    monkeypatch.setattr(lab_runs, "KEPT", tmp_path / "kept")
    worker = Thread(target=lab_pages.execute_waiting)
    worker.start()
    lab_pages.waiting.put(None)
    worker.join(timeout=120)
    assert lab_pages.notebook_for_page(lab, tmp_path / "tiny.ipynb") == ""
    assert "42" in (tmp_path / "tiny.ipynb").read_text()


def test_a_server_outlives_a_failing_lab(lab, elsewhere, monkeypatch, tmp_path):
    def fail(lab):
        raise PluginError("no")

    monkeypatch.setattr(lab_pages, "serving", True)
    monkeypatch.setattr(lab_runs, "execute", fail)
    lab_pages.notebook_for_page(lab, tmp_path / "tiny.ipynb")
    lab_pages.waiting.put(None)
    lab_pages.execute_waiting()
    assert "stopped with an error" in lab_pages.notebook_for_page(lab, tmp_path / "tiny.ipynb")
    assert lab_pages.waiting.empty(), "and is not tried again until it changes"
