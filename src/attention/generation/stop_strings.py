"""Stop strings: generated text that ends before the first of several strings."""

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["until_stop"]


def until_stop(tokens: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """The text of a stream, up to the first of the stop strings, which is left out.

    A stop string may begin in the text of one token and end in that of a later one. So text that
    may become a stop string is withheld until it is clear; everything else is yielded at once.

    Args:
        tokens: The text of each token; no more of them are taken once a stop string is complete.
        stops: The strings; none is empty.
    """
    withheld = ""
    for token in tokens:
        withheld += token
        found = [at for stop in stops if (at := withheld.find(stop)) >= 0]
        if found:
            yield withheld[: min(found)]
            return
        clear = len(withheld) - max((_overlap(withheld, stop) for stop in stops), default=0)
        yield withheld[:clear]
        withheld = withheld[clear:]
    yield withheld


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text begin the stop string."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
