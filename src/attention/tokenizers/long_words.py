"""Words too long to learn subwords from."""

from collections.abc import Iterable

from attention.errors import BadInput

__all__ = ["LONGEST_WORD", "refuse_long_words"]

LONGEST_WORD = 30_000  # characters, which take two seconds; ten times as many take minutes


def refuse_long_words(texts: Iterable[str]) -> None:
    """Refuse training data with a word that would take minutes, through which nothing can be seen.

    Raises:
        BadInput: A text has more than `LONGEST_WORD` characters without a space or a line break.
    """
    for text in texts:
        if len(text) <= LONGEST_WORD:
            continue
        word = max(text.split(), key=len, default="")
        if len(word) > LONGEST_WORD:
            raise BadInput(
                f"a word that begins {word[:20]!r} has {len(word):,} characters; subwords are "
                f"learned from words of at most {LONGEST_WORD:,}: is it text?"
            )
