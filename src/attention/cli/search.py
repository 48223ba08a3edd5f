"""`attention search`: find the paragraphs whose embeddings are closest to that of a query."""

import json
from typing import Annotated

from cyclopts import Parameter

from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.options import FLAG, JSON, check_ranges
from attention.data.prose import read_paragraphs
from attention.errors import BadInput
from attention.tasks.retrieval import TextEncoder

__all__ = ["search"]

Model = Annotated[
    str,
    Parameter(help="The folder that `attention train language --arch bert` made; or any BERT: its "
    "folder, or its name on the Hugging Face hub, like BAAI/bge-small-en-v1.5."),
]  # fmt: skip


def search(
    run: Model,
    query: str,
    files: Annotated[list[str] | None, FLAG] = None,
    /,
    *,
    top: int = 5,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Find the paragraphs that are most similar to a query, by the cosine of their embeddings.

    A model from the Sentence Transformers library, such as BAAI/bge-small-en-v1.5, is used as the
    library uses it: its pooling, its prompts, its maximum length.

    Args:
        query: In quotes: a few words, or a sentence.
        files: Text, or Markdown if the name ends in .md; the chapters of this book unless given.
        top: How many paragraphs to show, the most similar first.
        as_json: One JSON object a paragraph: score, file, heading and text. The score is a cosine,
            from -1 to 1, or a dot product if the model was trained for that.
    """
    check_ranges({"top": top})
    if not query.strip():
        raise BadInput("an empty query: there is nothing to search for")
    compute.start()
    files = list(dict.fromkeys(files or ["book"]))
    paragraphs = read_paragraphs(files)
    if not paragraphs:
        raise BadInput(f"{', '.join(files)}: no paragraph to search")
    encoder = TextEncoder.load(run)
    compute.prepare(encoder.model)
    for hit in encoder.search(query, list(map(str, paragraphs)), top):
        found = paragraphs[hit.index]
        if as_json:
            print(json.dumps({"score": hit.score} | vars(found), ensure_ascii=False))
        else:
            where = f"{found.file}, {found.heading}" if found.heading else found.file
            print(f"{hit.score:6.3f}  {where}\n        {found.text}")
