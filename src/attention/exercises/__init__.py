"""Checks for the exercises: each says that your answer is right, or what is wrong with it."""

from attention.exercises.checking import Hint
from attention.exercises.encoder_decoder import (
    check_likeliest,
    check_loss,
    check_paper_gru_step,
    check_reverse,
)
from attention.exercises.first_attention import (
    check_additive_scores,
    check_padding_mask,
    check_perturbation_test,
    check_source_word,
)
from attention.exercises.word_by_word import (
    check_alignment_error_rate,
    check_look_up,
    check_shares,
)

__all__ = [
    "Hint",
    "check_additive_scores",
    "check_alignment_error_rate",
    "check_likeliest",
    "check_look_up",
    "check_loss",
    "check_padding_mask",
    "check_paper_gru_step",
    "check_perturbation_test",
    "check_reverse",
    "check_shares",
    "check_source_word",
]
