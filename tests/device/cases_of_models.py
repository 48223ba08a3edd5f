"""The walk through models and generation, in each dtype."""

from typing import Any

import torch

from attention.functional import (
    causal_mask,
)
from attention.generation.beam_search import beam_search, greedy_search, search_hypotheses
from attention.generation.sampling import Sampler, Uncached, generate
from attention.layers.positions import (
    Llama3RoPEScaling,
)
from attention.layers.recording import record_attention
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

from .place import Case, Place, table

CASES: dict[str, Case] = {}
case = table(CASES)

STACK = {"d_model": 8, "n_heads": 4, "n_layers": 2, "d_ff": 16, "max_len": 16}


def decoded(model: Any, ids: Any, searched: bool) -> Any:
    """The logits of two steps, and what the searches find."""
    with torch.no_grad():
        logits, state = model.prefill(ids, 3)
        following, _ = model.decode_step(logits.argmax(dim=-1), state)
    if not searched:
        return logits, following
    found = greedy_search(model, ids, 3), beam_search(model, ids, 2, beam_size=2)
    return logits, following, found, search_hypotheses(model, ids, torch.tensor([2, 3]), 2, 0.5)


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
    return logits, gradients, weights, decoded(model, source, searched=at.dtype == torch.float32)


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
    return (
        model,
        model.most_probable(source),
        model.align(source, target),
        decoded(model, source, searched=True),
    )


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
        results += [model(ids), parts, list(cache.layers), decoded(model, ids, searched=False)]
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
