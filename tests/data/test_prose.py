"""Plain text: what of a page is prose, and what `book`, `toy` and file names stand for."""

import time

import pytest

from attention.data import prose, toy
from attention.data.prose import Paragraph, plain_text, read_paragraphs, read_texts
from attention.errors import BadInput

pytestmark = pytest.mark.on_cpu(reason="text only")

PAGE = """---
title: A page
---
# The page

What it is
about, in &lt;short&gt;.

## A *part* of `it`

The *first* [word](x.md) of all is `<pad>`.

```python
print("no")  # no
```

- One **thing**,
- and another.

Too short.

<details markdown="1">
<summary>Why is it so?</summary>

Because it is, $x = 2$.

</details>
"""

MARKUP = """---
title: A page
---

# A *page*

You [read](other.md#here) **it** with `x` and $\\query{q} = 2$.{: .note }
<!-- not this -->

| a | table |
| --- | --- |

![A picture](images/a.svg)

<p>And $d_k$ _rules_ of
d_k_v.</p>
$$
\\sqrt{2}
$$
"""

LAB = """# ---
# title: A lab
# ---

# %% [markdown]
# # The lab
#
# What you do here is little.

# %%
import torch  # no

# %% [markdown] tags=["x"]
# ## The end
# You have done what you could.
"""


def test_only_the_prose_of_a_page_is_left():
    left = "A page\n\nYou read it with x and q = 2.\n\nAnd d_k rules of\nd_k_v.\n"
    assert prose.plain_text(MARKUP) == left


def test_each_paragraph_comes_with_its_heading(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    file, part = str(page), "A part of it"
    assert read_paragraphs([file]) == [
        Paragraph(file, "The page", "What it is about, in <short>."),
        Paragraph(file, part, "The first word of all is <pad>."),
        Paragraph(file, part, "- One thing, - and another."),
        Paragraph(file, part, "Why is it so? Because it is, x = 2."),
    ]


def test_the_string_of_a_paragraph_includes_its_heading():
    paragraph = Paragraph("a.md", "Why?", "Because it is.")
    assert str(paragraph) == "Why?: Because it is."
    assert len(paragraph) == len("Because it is.")
    assert str(Paragraph("a.txt", "", "Because it is.")) == "Because it is."


def test_a_text_file_is_read_whole(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("One\ntwo.\n \n\n# three\n\n\n")
    assert read_paragraphs([str(text)] * 2) == 2 * [
        Paragraph(str(text), "", "One two."),
        Paragraph(str(text), "", "# three"),
    ]


@pytest.mark.parametrize("name", ["page.md", "page.txt"])
def test_line_ends_do_not_matter(tmp_path, name):
    """A file saved on Windows gives the texts and paragraphs that it gives when saved on Unix."""
    file = tmp_path / name
    file.write_bytes(PAGE.encode())
    expected = read_texts([str(file)]), read_paragraphs([str(file)])
    file.write_bytes(b"\xef\xbb\xbf" + PAGE.replace("\n", "\r\n").encode())
    assert (read_texts([str(file)]), read_paragraphs([str(file)])) == expected
    assert "\r" not in expected[0][0]


def test_the_book_is_its_chapters_and_its_labs():
    names = prose.book()
    assert {"introduction.md", "introduction-lab.py", "attention/main-ideas.md"} < names.keys()
    assert not [name for name in names if name.startswith("reference")]
    texts = read_texts(["book"])
    assert len(texts) == len(names)
    for text in texts:
        assert "```" not in text
        assert "import torch" not in text
    assert any("You train the translator of the Introduction" in text for text in texts)


def test_the_book_s_paragraphs_come_in_order_with_file_and_heading():
    read = read_paragraphs(["book"])
    assert list(dict.fromkeys(paragraph.file for paragraph in read)) == list(prose.book())
    assert all(paragraph.heading and paragraph.text for paragraph in read)
    [root] = [
        one
        for one in read
        if one.text.startswith("The dot product of two vectors of dimension d_k")
    ]
    assert (root.file, root.heading) == ("attention/self-attention-math.md", "Why the square root?")


def test_of_a_lab_only_the_markdown_cells_are_read(monkeypatch, tmp_path):
    (tmp_path / "introduction.md").write_text("# One\n")
    (tmp_path / "lab.py").write_text(LAB)
    monkeypatch.setattr(prose, "_CHAPTERS", tmp_path)
    assert read_paragraphs(["book"]) == [
        Paragraph("lab.py", "The lab", "What you do here is little."),
        Paragraph("lab.py", "The end", "You have done what you could."),
    ]


def test_the_book_without_its_chapters_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(prose, "_CHAPTERS", tmp_path)
    with pytest.raises(BadInput, match="give text files instead"):
        read_texts(["book"])


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_toy_is_the_english_side_of_the_toy_corpus(split, monkeypatch):
    monkeypatch.setitem(toy.SPLIT_SIZES, split, 9)
    sentences = [pair.source for pair in toy.pairs(split, 9)]
    assert read_texts([f"toy-{split}"]) == sentences
    paragraphs = read_paragraphs([f"toy-{split}"])
    assert [str(paragraph) for paragraph in paragraphs] == sentences


def test_plain_toy_is_the_training_split():
    assert prose.TOY["toy"] == prose.TOY["toy-train"] == "train"


@pytest.mark.parametrize("read", [read_texts, read_paragraphs])
@pytest.mark.parametrize("data", [["toy", "a.txt"], ["a.txt", "book"], ["book", "toy"]])
def test_a_corpus_cannot_be_combined(read, data):
    with pytest.raises(BadInput, match="can't be combined") as refused:
        read(data)
    assert "\n" not in str(refused.value)


def test_brackets_that_are_never_closed_take_no_long_search():
    """Time grows with their number, not with its square: that would be minutes here."""
    start = time.process_time()
    assert plain_text("[" * 76_000) == "[" * 76_000 + "\n"
    assert time.process_time() - start < 15
