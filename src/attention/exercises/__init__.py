"""Checks for the exercises: each says that your answer is right, or what is wrong with it."""

from attention.exercises.checking import Hint
from attention.exercises.word_by_word import (
    check_alignment_error_rate,
    check_normalise,
    check_share_out,
)

__all__ = ["Hint", "check_alignment_error_rate", "check_normalise", "check_share_out"]
