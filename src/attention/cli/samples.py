"""Generated text as the command prints it: token by token, or as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from attention.cli import text_io
from attention.generation.stop_strings import until_stop

__all__ = ["print_samples"]


def print_samples(
    prompt: str,
    samples: Iterable[Iterable[str]],
    stops: Sequence[str],
    as_json: bool,
    several: bool,
) -> None:
    """Print the prompt with each continuation as it is generated, or one line of JSON.

    Args:
        samples: The tokens' text of each continuation.
        stops: Strings before which a continuation ends.
        several: Whether samples were asked for: each gets a heading, or is one of a list.
    """
    if as_json:
        values = [_values(tokens, stops) for tokens in samples]
        more = {"samples": values} if several else {}
        text_io.print_json({"prompt": prompt} | values[0] | more)
        return
    for number, tokens in enumerate(samples, start=1):
        if several:
            print(f"{'' if number == 1 else chr(10)}--- sample {number}")
        for text in chain([prompt], until_stop(tokens, stops)):
            if text:
                print(text, end="", flush=True)
        print()


def _values(tokens: Iterable[str], stops: Sequence[str]) -> dict[str, Any]:
    """The text of a continuation, and the number of its tokens, those of a stop string included."""
    generated: list[str] = []

    def counted() -> Iterator[str]:
        for token in tokens:
            generated.append(token)
            yield token

    text = "".join(until_stop(counted(), stops))
    return {"text": text, "tokens": len(generated)}
