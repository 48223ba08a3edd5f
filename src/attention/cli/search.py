"""Commands for readers: fill the gaps of a text, and search texts."""

import json
from typing import Annotated

from cyclopts import Parameter

from attention.cli.options import FLAG, JSON, choose_device, must_be_in_range
from attention.data.prose import read_paragraphs
from attention.errors import BadInput
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.retrieval import search
from attention.training.losses import fill

__all__ = ["fill_gaps", "search_texts"]

Name = Annotated[
    str,
    Parameter(help="The folder that `attention train language --arch bert` made; or any BERT: its "
    "folder, or its name on the Hugging Face hub, like bert-base-uncased."),
]  # fmt: skip


def fill_gaps(
    run: Name,
    text: str,
    /,
    *,
    top: int = 5,
    as_json: Annotated[bool, JSON] = False,
    device: str | None = None,
) -> None:
    """Say what could stand where a text has a [MASK].

    Args:
        text: In quotes, with one [MASK] or several: "the [MASK] economic area".
        top: How many words to show for each gap, the most probable first.
        as_json: One JSON object: text, with all gaps filled, and for each gap its guesses.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    must_be_in_range({"top": top})
    device = choose_device(device)
    reader = MaskedLM.load(run)
    reader.model.to(device)
    gaps = fill(reader.model, reader.pieces, text, top)
    filled = reader.pieces.filled(text, [guesses[0].word for guesses in gaps])
    if as_json:
        rows = [[guess._asdict() for guess in guesses] for guesses in gaps]
        print(json.dumps({"text": filled, "guesses": rows}, ensure_ascii=False))
        return
    print(filled)
    for number, guesses in enumerate(gaps, start=1):
        print(f"gap {number}" if len(gaps) > 1 else "")
        for guess in guesses:
            print(f"  {guess.probability:.3f}  {guess.word}")


def search_texts(
    run: Name,
    query: str,
    files: Annotated[list[str] | None, FLAG] = None,
    /,
    *,
    top: int = 5,
    as_json: Annotated[bool, JSON] = False,
    device: str | None = None,
) -> None:
    """Find the paragraphs that are most like a query, by what they mean to a model.

    Args:
        query: In quotes: a few words, or a sentence.
        files: Text, or Markdown if the name ends in .md; the chapters of this book unless given.
        top: How many paragraphs to show, the best first.
        as_json: One JSON object a paragraph: score, from -1 to 1, file, heading and text.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    must_be_in_range({"top": top})
    if not query.strip():
        raise BadInput("an empty query: there is nothing to search for")
    device = choose_device(device)
    files = list(dict.fromkeys(files or ["book"]))
    paragraphs = read_paragraphs(files)
    if not paragraphs:
        raise BadInput(f"{', '.join(files)}: no paragraph to search")
    reader = MaskedLM.load(run)
    reader.model.to(device)
    texts = [str(paragraph) for paragraph in paragraphs]
    for place, score in search(reader.model, reader.pieces, query, texts, top):
        found = paragraphs[place]
        if as_json:
            print(json.dumps({"score": score} | vars(found), ensure_ascii=False))
        else:
            where = f"{found.file}, {found.heading}" if found.heading else found.file
            print(f"{score:6.3f}  {where}\n        {found.text}")
