"""The chapters that have figures. Each has a script, whose `draw()` gives them by their names."""

from images import (
    bert,
    encoder_decoder,
    encoder_decoder_attention,
    first_attention,
    gpt,
    introduction,
    llama,
    main_ideas,
    masked_self_attention,
    masked_self_attention_math,
    multi_head_attention,
    rotary_positions,
    self_attention_math,
    word_by_word,
)

CHAPTERS = [
    introduction,
    word_by_word,
    encoder_decoder,
    first_attention,
    main_ideas,
    self_attention_math,
    masked_self_attention,
    masked_self_attention_math,
    encoder_decoder_attention,
    multi_head_attention,
    bert,
    gpt,
    rotary_positions,
    llama,
]
