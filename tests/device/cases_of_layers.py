"""The walk through functions, layers and losses, in each dtype."""

from typing import Any

from attention.functional import (
    causal_mask,
    combine_causal,
    masked_softmax,
    padding_mask,
    scaled_dot_product_attention,
)
from attention.kernels.fused import fused_attention
from attention.layers.attention import (
    EncoderDecoderAttention,
    MaskedSelfAttention,
    MultiHeadAttention,
    SelfAttention,
)
from attention.layers.feed_forward import FeedForward, SwiGLU
from attention.layers.kv_cache import KVCache
from attention.layers.norms import AddNorm, RMSNorm
from attention.layers.positions import (
    Llama3RoPEScaling,
    RotaryEmbedding,
    SinusoidalEncoding,
    sinusoidal_positions,
)
from attention.layers.recurrent_attention import (
    AdditiveAttention,
    LocalAttention,
    MultiplicativeAttention,
)
from attention.tasks.retrieval import mean_pool
from attention.training.losses import (
    contrastive_loss,
    cosine_similarity,
    masked_lm_loss,
    next_token_loss,
)

from .place import Case, Place, table

CASES: dict[str, Case] = {}
case = table(CASES)


@case(follows_dtype=True)
def attention_functions(at: Place) -> Any:
    q, k, v = at.floats(2, 4, 3, 8), at.floats(2, 4, 5, 8), at.floats(2, 4, 5, 6)
    mask = padding_mask(at.ids(2, 5)).unsqueeze(1)
    shared = at.floats(2, 2, 5, 8), at.floats(2, 2, 5, 8)
    fused = [fused_attention(q, k, v, m, c) for m in (None, mask) for c in (False, True)]
    masks = causal_mask(3, q.device), combine_causal(mask, q, k), combine_causal(None, q, k)
    readable = (
        scaled_dot_product_attention(q, k, v, mask),
        masked_softmax(at.floats(3, 3), masks[0]),
    )
    return fused, fused_attention(q, *shared, causal=True), masks, readable


@case(follows_dtype=True)
def attention_layers(at: Place) -> Any:
    x, memory, mask = at.floats(2, 4, 8), at.floats(2, 5, 8), padding_mask(at.ids(2, 5))
    own = padding_mask(at.ids(2, 4))
    results = []
    for kind in SelfAttention, MaskedSelfAttention:
        layer = at.model(kind, 8)
        results += [layer(x), layer(x, own), layer.attention_weights(x, own)]
    cross = at.model(EncoderDecoderAttention, 8, 4)
    results += [cross(x, memory, mask), cross.attention_weights(x, memory, mask)]
    heads = at.model(MultiHeadAttention, 8, 4, 2, bias=True)
    results += [heads(x, memory, mask), heads.attention_weights(x, None, own, causal=True)]
    cache = KVCache([heads], 2, 6)
    (layer_cache,) = cache
    for part in x.split(2, dim=1):
        results += [heads(part, causal=True, cache=layer_cache)]
    results += [heads.attention_weights(part, causal=True, cache=layer_cache)]
    cache.reorder(at.tensor([1, 0, 1])).crop(3)
    return results, layer_cache.stored()


@case(follows_dtype=True)
def recurrent_attention(at: Place) -> Any:
    query, memory = at.floats(2, 3, 8), at.floats(2, 5, 8)
    mask, position = padding_mask(at.ids(2, 5)), at.tensor([[0, 1, 2], [2, 3, 4]])
    kinds = [at.model(AdditiveAttention, 8, 8, 6)]
    kinds += [at.model(MultiplicativeAttention, 8, 8, score) for score in ("dot", "general")]
    results = [layer(query, memory, mask, layer.keys(memory)) for layer in kinds]
    for kind in "monotonic", "predictive":
        local = at.model(LocalAttention, kinds[0], 8, kind, half_width=1)
        results.append(local(query, memory, mask, position, local.keys(memory)))
    return results


@case(follows_dtype=True)
def other_layers(at: Place) -> Any:
    """The position tables grow where a sequence is longer, on the device that they are on."""
    x = at.floats(2, 5, 8)
    sinusoidal = at.model(SinusoidalEncoding, 8, length=2)
    scaling = Llama3RoPEScaling(original_len=64)
    rotary = [at.model(RotaryEmbedding, 8, scaling=s, length=2) for s in (None, scaling)]
    norms = at.model(RMSNorm, 8), at.model(AddNorm, 8, 0.0), at.model(AddNorm, 8, 0.0, True)
    forward = at.model(FeedForward, 8, 16), at.model(SwiGLU, 8, 16)
    positions = [layer(x, 1) for layer in (sinusoidal, *rotary)]
    return positions, norms[0](x), [n(x, f) for n in norms[1:] for f in forward], sinusoidal.table


@case(follows_dtype=True)
def losses(at: Place) -> Any:
    logits, x, y = at.floats(2, 4, 11), at.floats(3, 8), at.floats(4, 8)
    tokens = at.ids(2, 4)
    return (
        next_token_loss(logits, tokens, 0.1, padding_id=0),
        masked_lm_loss(logits[0], tokens[0], 0.1),
        contrastive_loss(x, y[:3]),
        cosine_similarity(x, y),
        mean_pool(logits, tokens != 0),
    )


@case(elsewhere="default")  # as torch's own constructors
def encodings(at: Place) -> Any:
    return sinusoidal_positions(4, 6)
