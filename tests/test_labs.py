"""Labs run, and become pages like any other."""

import shutil
from pathlib import Path
from textwrap import dedent
from threading import Thread

import nbformat
import pytest
from mkdocs.exceptions import PluginError

from tests.site_fixtures import ROOT, build
from tools import labs

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

from attention import plots

plots.alignment(torch.eye(2), ["a", "b"], ["c", "d"])
"""


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_every_lab_runs(lab):
    for cell in nbformat.read(labs.execute(lab), as_version=4).cells:
        for output in cell.get("outputs", []):
            warned = output.output_type == "stream" and output.name == "stderr"
            assert not warned, f"{lab.name} warns: {output.text}"
            shown = output.get("data", {})
            assert "image/png" not in shown, f"{lab.name}: pictures are drawn by attention.plots"


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
    monkeypatch.setattr(labs, "KEPT", tmp_path / "kept")


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


def test_a_lab_can_be_shown_without_running(lab, tmp_path):
    site = build(lab.parent, tmp_path / "site", LABS="skip")
    assert site.sound, site.warnings
    page = site.page("tiny")
    assert "was not executed here" in page
    assert "`ticks`" in page
    assert "42" not in page
    assert "colab" not in page, "no repository, no link"
    assert (site.site / "tiny" / "tiny.ipynb").exists()


def test_a_failing_cell_fails_the_build(lab, tmp_path):
    lab.write_text(lab.read_text() + '\n# %%\nraise ValueError("the wrong way round")\n')
    site = build(lab.parent, tmp_path / "site", LABS="")
    assert not site.sound
    assert site.warnings[-1].startswith("tiny.py: cell 3 of 3 failed")
    assert "ValueError: the wrong way round" in site.warnings[-1]


def test_a_picture_without_words_fails_the_build(lab, tmp_path):
    lab.write_text(lab.read_text() + PICTURE.replace(' alt="A dark diagonal"', ""))
    site = build(lab.parent, tmp_path / "site", LABS="")
    assert not site.sound
    assert site.warnings[-1].startswith("tiny.py: cell 3 of 3 draws a picture: say what it shows")


def test_a_lab_is_executed_once(lab, elsewhere, monkeypatch):
    place = labs.execute(lab)
    monkeypatch.setattr(labs, "NotebookClient", None)
    assert labs.execute(lab) == place
    with pytest.raises(TypeError):
        labs.execute(lab.rename(lab.with_name("other.py")))


def test_what_is_kept_goes_with_what_it_came_from(lab, monkeypatch, tmp_path):
    package = tmp_path / "src" / "attention" / "heads.py"
    package.parent.mkdir(parents=True)
    for path, text in {package: "a", tmp_path / "constraints.txt": "b"}.items():
        path.write_text(text)
    monkeypatch.setattr(labs, "ROOT", tmp_path)
    states = [labs.kept(lab)]
    for path in (lab, package, tmp_path / "constraints.txt"):
        path.write_text(path.read_text() + "#")
        states.append(labs.kept(lab))
    assert len(set(states)) == 4
    assert labs.kept(lab) == states[-1]


def test_a_server_does_not_wait_for_a_lab(lab, elsewhere, monkeypatch, tmp_path):
    monkeypatch.setattr(labs, "serving", True)
    monkeypatch.setattr(labs, "execute", None)
    assert "is being executed" in labs.notebook_for_page(lab, tmp_path / "tiny.ipynb")
    monkeypatch.undo()
    monkeypatch.setattr(labs, "serving", True)
    monkeypatch.setattr(labs, "KEPT", tmp_path / "kept")
    worker = Thread(target=labs.execute_waiting)
    worker.start()
    labs.waiting.put(None)
    worker.join(timeout=120)
    assert labs.notebook_for_page(lab, tmp_path / "tiny.ipynb") == ""
    assert "42" in (tmp_path / "tiny.ipynb").read_text()


def test_a_server_outlives_a_failing_lab(lab, elsewhere, monkeypatch, tmp_path):
    def fail(lab):
        raise PluginError("no")

    monkeypatch.setattr(labs, "serving", True)
    monkeypatch.setattr(labs, "execute", fail)
    labs.notebook_for_page(lab, tmp_path / "tiny.ipynb")
    labs.waiting.put(None)
    labs.execute_waiting()
    assert "stopped with an error" in labs.notebook_for_page(lab, tmp_path / "tiny.ipynb")
    assert labs.waiting.empty(), "and is not tried again until it changes"
