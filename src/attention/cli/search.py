"""`attention search`: find the paragraphs whose embeddings are closest to that of a query."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from attention.cli import console, text_io
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.model_kind import check_kind
from attention.cli.options import FLAG, JSON, check_ranges
from attention.cli.stages import announced, say
from attention.data.passages import split_long
from attention.data.prose import Paragraph, read_paragraphs
from attention.errors import BadInput
from attention.tasks.retrieval import SearchHit, TextEncoder
from attention.tasks.search_index import indexed_embeddings

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
    index: Path | None = None,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Find the paragraphs that are most similar to a query, by the cosine of their embeddings.

    A model from the Sentence Transformers library, such as BAAI/bge-small-en-v1.5, is used as the
    library uses it: its pooling, its prompts, its maximum length.

    Args:
        query: In quotes: a few words, or a sentence.
        files: Text, or Markdown if the name ends in .md; the chapters of this book unless given.
        top: How many paragraphs to show, the most similar first; a long one is cut into passages.
        index: Keep the paragraphs' embeddings in this file, so that the next search of the same
            files with the same model needn't compute them again. It is made anew where the texts
            or the model have changed.
        as_json: One JSON object a paragraph: score, file, heading and text. The score is a cosine,
            from -1 to 1, or a dot product if the model was trained for that.
    """
    check_ranges({"top": top})
    text_io.check_text("query", query)
    if not query.strip():
        raise BadInput("an empty query: there is nothing to search for")
    check_kind(run, "search")
    compute.start()
    files = list(dict.fromkeys(files or ["book"]))
    with announced():
        say(f"reading {' '.join(files)}")
        paragraphs = list(split_long(read_paragraphs(files)))
        if not paragraphs:
            raise BadInput(f"{', '.join(files)}: no paragraph to search")
        say(f"loading {run}")
        encoder = TextEncoder.load(run)
        compute.prepare(encoder.model)
        texts, problem = list(map(str, paragraphs)), None
        say(f"computing the embeddings of {len(texts):,} paragraphs")
        if index is None:
            hits = encoder.search(query, texts, top)
        else:
            embeddings, problem = indexed_embeddings(encoder, texts, index)
            hits = encoder.rank(query, embeddings, top)
    if problem:
        console.warn(f"no index is kept: {problem}")
    for hit in hits:
        _print(paragraphs[hit.index], hit, as_json)


def _print(found: Paragraph, hit: SearchHit, as_json: bool) -> None:
    if as_json:
        text_io.print_json({"score": hit.score} | vars(found))
    else:
        where = f"{found.file}, {found.heading}" if found.heading else found.file
        print(f"{hit.score:6.3f}  {where}\n        {found.text}")
