"""The data of a training run: read with its fingerprints, the held-out data kept apart."""

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from attention.data.prose import Paragraph
from attention.data.sources import DataSource, locate
from attention.errors import BadInput

__all__ = ["check_held_out", "count_in_both", "read_data", "read_held_out"]

log = logging.getLogger(__name__)

Read = Callable[[Sequence[str]], Sequence[Any]]


def read_data(
    read: Read, names: Sequence[str], built_in: Collection[str]
) -> tuple[list[DataSource], Sequence[Any]]:
    """Where the data comes from, and the data itself.

    Args:
        read: Reads the data that such names name.
        names: As `--data` takes them.
        built_in: Names that are corpora rather than files.

    Raises:
        BadInput: It can't be read.
    """
    log.info("reading %s", " ".join(names))
    sources = locate(names, built_in)
    corpus = read(names)
    return [source.with_fingerprint(corpus) for source in sources], corpus


def read_held_out(
    read: Read, names: Sequence[str], built_in: Collection[str], corpus: Sequence[Any]
) -> tuple[list[DataSource], Sequence[Any]]:
    """The same for the data of `--valid`, of which plain `toy` is the validation split.

    Raises:
        BadInput: It can't be read, or all of it is in the corpus that is trained on.
    """
    if not names:
        return [], []
    own = ["toy-valid" if name == "toy" else name for name in names]
    sources, held_out = read_data(read, own, built_in)
    check_held_out("--valid", names, corpus, held_out)
    return sources, held_out


def check_held_out(
    option: str, names: Sequence[str], corpus: Sequence[Any], held_out: Sequence[Any]
) -> None:
    """Refuse held-out data that was all trained on.

    Args:
        option: Where it was given.
        names: As the option takes them.

    Raises:
        BadInput: All of it is in the corpus that is trained on.
    """
    in_both, of_all = count_in_both(corpus, held_out)
    if in_both == of_all:
        raise BadInput(
            f"{option} {' '.join(names)}: all of it is in --data, so that it would measure what is "
            "memorised; hold some data out of training"
        )


def count_in_both(corpus: Sequence[Any], held_out: Sequence[Any]) -> tuple[int, int]:
    """How many held-out pairs, or lines of text, are in the corpus too, and how many there are."""
    trained_on = {unit for item in corpus for unit in _units(item)}
    units = [unit for item in held_out for unit in _units(item)]
    return sum(unit in trained_on for unit in units), len(units)


def _units(item: Any) -> list[Any]:
    """A pair without its alignment; a paragraph without the name of its file; lines of a text."""
    if isinstance(item, tuple):
        return [item[:2]]
    text = item.text if isinstance(item, Paragraph) else item
    return [line.strip() for line in text.split("\n") if line.strip()]
