"""Checks for the exercises: each says that your answer is right, or what is wrong with it."""

from attention.exercises.bert import check_classifier, check_masked_lm_loss, check_masking
from attention.exercises.checking import Hint
from attention.exercises.coding_masked_self_attention import (
    check_dependence_test,
    check_leak_test,
    check_masked_layer,
)
from attention.exercises.coding_multi_head_attention import (
    check_join_heads,
    check_mask_kept,
    check_repeat_heads,
    check_split_heads,
)
from attention.exercises.coding_self_attention import (
    check_parameter_count,
    check_self_attention,
    check_self_attention_batches,
    check_self_attention_class,
)
from attention.exercises.encoder_decoder import (
    check_likeliest,
    check_loss,
    check_paper_gru_step,
    check_reverse,
)
from attention.exercises.encoder_decoder_attention import (
    check_cross_attention,
    check_cross_attention_test,
    check_source_mask,
    check_zone_row,
)
from attention.exercises.first_attention import (
    check_additive_scores,
    check_padding_mask,
    check_perturbation_test,
    check_source_word,
)
from attention.exercises.gpt import (
    check_gpt_parameters,
    check_next_word_loss,
    check_positions_read,
    check_top_p,
)
from attention.exercises.induction_heads import (
    check_copied_tokens,
    check_head_ablation,
    check_induction_score,
)
from attention.exercises.llama import check_cache_bytes, check_rms_norm, check_swiglu
from attention.exercises.main_ideas import (
    check_embedding_attention,
    check_embeddings,
    check_residual,
)
from attention.exercises.masked_self_attention import (
    check_affected_positions,
    check_inputs_and_targets,
    check_may_attend,
    check_perplexity,
)
from attention.exercises.masked_self_attention_math import (
    check_additive_mask,
    check_causal_mask,
    check_combined_mask,
    check_fixed_mask,
    check_masked_weights,
)
from attention.exercises.multi_head_attention import (
    check_head_parameters,
    check_head_parts,
    check_previous_word,
    check_two_heads,
)
from attention.exercises.positions import (
    check_linear_biases,
    check_permutation_equivariant,
    check_positions,
)
from attention.exercises.primer import check_gradient, check_normalised_rows, check_training_step
from attention.exercises.retrieval import (
    check_contrastive_loss,
    check_mean_pooling,
    check_reciprocal_rank,
)
from attention.exercises.rotary_positions import (
    check_decode_scores,
    check_full_rotations,
    check_rotation,
)
from attention.exercises.self_attention_math import (
    check_attention_output,
    check_row_weights,
    check_scaled_scores,
    check_word_scores,
)
from attention.exercises.transformer import (
    check_first_vectors,
    check_greedy,
    check_smoothed_loss,
    check_sublayer,
)
from attention.exercises.word_by_word import (
    check_alignment_error_rate,
    check_look_up,
    check_posteriors,
)

__all__ = [
    "Hint",
    "check_additive_mask",
    "check_additive_scores",
    "check_affected_positions",
    "check_alignment_error_rate",
    "check_attention_output",
    "check_cache_bytes",
    "check_causal_mask",
    "check_classifier",
    "check_combined_mask",
    "check_contrastive_loss",
    "check_copied_tokens",
    "check_cross_attention",
    "check_cross_attention_test",
    "check_decode_scores",
    "check_dependence_test",
    "check_embedding_attention",
    "check_embeddings",
    "check_first_vectors",
    "check_fixed_mask",
    "check_full_rotations",
    "check_gpt_parameters",
    "check_gradient",
    "check_greedy",
    "check_head_ablation",
    "check_head_parameters",
    "check_head_parts",
    "check_induction_score",
    "check_inputs_and_targets",
    "check_join_heads",
    "check_leak_test",
    "check_likeliest",
    "check_linear_biases",
    "check_look_up",
    "check_loss",
    "check_mask_kept",
    "check_masked_layer",
    "check_masked_lm_loss",
    "check_masked_weights",
    "check_masking",
    "check_may_attend",
    "check_mean_pooling",
    "check_next_word_loss",
    "check_normalised_rows",
    "check_padding_mask",
    "check_paper_gru_step",
    "check_parameter_count",
    "check_permutation_equivariant",
    "check_perplexity",
    "check_perturbation_test",
    "check_positions",
    "check_positions_read",
    "check_posteriors",
    "check_previous_word",
    "check_reciprocal_rank",
    "check_repeat_heads",
    "check_residual",
    "check_reverse",
    "check_rms_norm",
    "check_rotation",
    "check_row_weights",
    "check_scaled_scores",
    "check_self_attention",
    "check_self_attention_batches",
    "check_self_attention_class",
    "check_smoothed_loss",
    "check_source_mask",
    "check_source_word",
    "check_split_heads",
    "check_sublayer",
    "check_swiglu",
    "check_top_p",
    "check_training_step",
    "check_two_heads",
    "check_word_scores",
    "check_zone_row",
]
