"""The walk through functions, layers, losses, models and generation, in each dtype."""

from typing import Any

import torch

from attention.functional import (
    causal_mask,
    combine_causal,
    masked_softmax,
    padding_mask,
    scaled_dot_product_attention,
)
from attention.generation.beam_search import beam_search, greedy_search, search_hypotheses
from attention.generation.sampling import Sampler, Uncached, generate
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
from attention.layers.recording import record_attention
from attention.layers.recurrent_attention import (
    AdditiveAttention,
    LocalAttention,
    MultiplicativeAttention,
)
from attention.models.bert import BERT, BERTConfig
from attention.models.gpt import GPT, GPTConfig
from attention.models.ibm_model_1 import IBMModel1, IBMModel1Config, TranslationTable
from attention.models.llama import Llama, LlamaConfig
from attention.models.rnn import (
    Bahdanau,
    BahdanauConfig,
    Luong,
    LuongConfig,
    RNNEncoderDecoder,
    RNNEncoderDecoderConfig,
)
from attention.models.transformer import Transformer, TransformerConfig
from attention.tasks.retrieval import mean_pool
from attention.training.losses import (
    contrastive_loss,
    cosine_similarity,
    masked_lm_loss,
    next_token_loss,
)

from .place import Place, case

STACK = {"d_model": 8, "n_heads": 4, "n_layers": 2, "d_ff": 16, "max_len": 16}
SEARCHED = ["greedy_search", "beam_search"]


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


def decoded(model: Any, ids: Any, recorded: bool = True) -> Any:
    """The logits of two steps, and what the searches find."""
    with torch.no_grad():
        logits, state = model.prefill(ids, 3)
        following, _ = model.decode_step(logits.argmax(dim=-1), state)
    found = greedy_search(model, ids, 3), beam_search(model, ids, 3, beam_size=2)
    scores = search_hypotheses(model, ids, torch.tensor([2, 3]), 2, 0.5)
    return logits, following, *([found, scores] if recorded else [])


def translator(at: Place, kind: Any, config: Any, **sizes: Any) -> Any:
    """A translation model's logits, its gradients, its attention weights, and its decoding."""
    model = at.model(kind, config(11, 11, d_model=8, **sizes))
    source, target = at.ids(2, 5), at.ids(2, 4)
    logits = model(source, target)
    logits.float().square().mean().backward()
    gradients = [p.grad for p in model.parameters()]
    weights: Any = {}
    if model.alignment_layer:
        with torch.no_grad(), record_attention(model) as weights:
            model(source, target)
    return logits, gradients, weights, decoded(model, source)


@case(follows_dtype=True)
def transformer(at: Place) -> Any:
    sizes = {"n_heads": 2, "n_layers": 1, "d_ff": 16}
    first = translator(at, Transformer, TransformerConfig, **sizes, norm_first=True)
    return first, translator(at, Transformer, TransformerConfig, **sizes, shared_embeddings=True)


@case(follows_dtype=True)
def recurrent_translators(at: Place) -> Any:
    kinds: Any = [(RNNEncoderDecoder, RNNEncoderDecoderConfig, {"reverse": True})]
    kinds += [(Bahdanau, BahdanauConfig, {}), (Luong, LuongConfig, {"score": "concat"})]
    kinds += [(Luong, LuongConfig, {"local": "monotonic"})]
    kinds += [(Luong, LuongConfig, {"score": "general", "local": "predictive"})]
    return [translator(at, kind, c, d_embedding=6, **sizes) for kind, c, sizes in kinds]


@case()  # its probabilities are in double precision, its alignment and its logits in single
def ibm_model_1(at: Place) -> Any:
    model = at.model(IBMModel1, IBMModel1Config(11, 11))
    entries = at.tensor([[0, 5], [4, 5], [4, 6], [5, 7]])
    model.set_table(TranslationTable(entries, at.tensor([1.0, 0.4, 0.6, 1.0]).double()))
    source, target = at.ids(2, 5, high=6), at.ids(2, 4, high=8)
    return model, model.most_probable(source), model.align(source, target), decoded(model, source)


@case(follows_dtype=True)
def language_models(at: Place) -> Any:
    """Both have logits with and without a cache, and generate past their first table of RoPE."""
    ids = at.ids(2, 5)
    results: Any = []
    models = [at.model(GPT, GPTConfig(11, **STACK))]
    scaling = Llama3RoPEScaling(original_len=16)
    for sizes in {"rope_scaling": scaling}, {"tie_word_embeddings": True}:
        models.append(at.model(Llama, LlamaConfig(11, **(STACK | {"max_len": 6}), **sizes)))
    for model in models:
        cache = model.new_cache(2, 5)
        parts = [model(part, cache) for part in ids.split(3, dim=1)]
        results += [model(ids), parts, list(cache.layers), decoded(model, ids, recorded=False)]
        results += [generate(model, ids, 3, Sampler(temperature=0), eos_ids=[3])]
        results += [generate(Uncached(model), ids, 3, Sampler(temperature=0))]
    return results


@case(follows_dtype=True)
def bert(at: Place) -> Any:
    model = at.model(BERT, BERTConfig(11, **STACK))
    ids, segments = at.ids(2, 5), at.tensor([[0, 0, 0, 1, 1]] * 2)
    mask = causal_mask(5, ids.device).expand(2, 5, 5)
    return model(ids), model(ids, segments), model.encode(ids, segments, mask)


@case()  # probabilities, and so what is drawn from them, are in single precision
def sampling(at: Place) -> Any:
    """A generator draws where it is, for logits anywhere."""
    generator = torch.Generator("cpu").manual_seed(0)
    sampler = Sampler(0.8, top_k=8, top_p=0.9, generator=generator)
    model = at.model(GPT, GPTConfig(11, **STACK))
    logits = at.floats(2, 11)
    return sampler(logits), sampler.probabilities(logits), generate(model, at.ids(2, 4), 4, sampler)
