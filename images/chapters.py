"""The chapters that have figures. Each has a script, whose `draw()` gives them by their names."""

from images import encoder_decoder, first_attention, introduction, word_by_word

CHAPTERS = [introduction, word_by_word, encoder_decoder, first_attention]
