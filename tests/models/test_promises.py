"""What every model promises, whatever else it does: one test a promise, for all that it binds."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attention.layers.positions import Llama3RoPEScaling
from attention.models.bert import BERT, BERTConfig
from attention.models.gpt import GPT, GPTConfig
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
from attention.tokenizers.special_tokens import BOS

SOURCE = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0], [10, 0, 0, 0]])
WORDS = torch.tensor([[2, 5, 6, 5, 8], [3, 5, 10, 0, 0], [1, 11, 0, 0, 0]])
LENGTHS = [(4, 5), (2, 3), (1, 2)]  # of each row, in words
UNSEEN = 12

Make = Callable[[int], Any]  # a model of this width


def transformer(d_model: int, **changes: Any) -> Transformer:
    return Transformer(TransformerConfig(11, 13, d_model, 2, 2, 2 * d_model, **changes))


def fixed(d_model: int, **changes: Any) -> RNNEncoderDecoder:
    return RNNEncoderDecoder(RNNEncoderDecoderConfig(11, 13, d_model // 2, d_model, **changes))


def luong(d_model: int, **changes: Any) -> Luong:
    return Luong(LuongConfig(11, 13, d_model // 2, d_model, **changes))


def llama(d_model: int) -> Llama:
    slow = Llama3RoPEScaling(original_len=4)
    return Llama(LlamaConfig(13, d_model, 4, 2, max_len=16, n_kv_heads=2, rope_scaling=slow))


RECURRENT: dict[str, Make] = {
    "fixed vector": fixed,
    "reversed": lambda d: fixed(d, reverse=True),
    "bahdanau": lambda d: Bahdanau(BahdanauConfig(11, 13, d // 2, d)),
    "dot": luong,
    "general": lambda d: luong(d, score="general"),
    "concat": lambda d: luong(d, score="concat"),
    "monotonic": lambda d: luong(d, local="monotonic"),
    "predictive": lambda d: luong(d, score="general", local="predictive"),
}
TRANSFORMERS: dict[str, Make] = {
    "post-norm": transformer,
    "pre-norm": lambda d: transformer(d, norm_first=True),
}
DECODERS: dict[str, Make] = {
    "gpt": lambda d: GPT(GPTConfig(13, d, 2, 2, max_len=8)),
    "llama": llama,
}
ENCODERS: dict[str, Make] = {"bert": lambda d: BERT(BERTConfig(13, d, 2, 2, max_len=8))}
TRANSLATORS = RECURRENT | TRANSFORMERS
WRITERS = TRANSLATORS | DECODERS
ALL = WRITERS | ENCODERS


def made(name: str) -> nn.Module:
    """A small exact one with no weight at its first value, where a lost bias would not show."""
    torch.manual_seed(0)
    model = ALL[name](8).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def scores(name: str, model: nn.Module, source: Tensor, words: Tensor) -> Tensor:
    return model(source, words) if name in TRANSLATORS else model(words)


def same(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", WRITERS)
def test_no_place_sees_the_words_after_it(name):
    model = made(name)
    logits = scores(name, model, SOURCE, WORDS)
    for t in range(4):
        changed = WORDS.clone()
        changed[:, t + 1 :] = UNSEEN
        later = scores(name, model, SOURCE, changed)
        same(later[:, : t + 1], logits[:, : t + 1])
        assert not torch.isclose(later[:, t + 1], logits[:, t + 1]).all(-1).any()


@pytest.mark.parametrize("name", ALL)
def test_padding_changes_nothing(name):
    model = made(name)
    longer = scores(name, model, F.pad(SOURCE, (0, 3)), F.pad(WORDS, (0, 3)))
    same(longer[:, :5], scores(name, model, SOURCE, WORDS))


@pytest.mark.parametrize("name", ALL)
def test_batch_equals_single(name):
    model = made(name)
    logits = scores(name, model, SOURCE, WORDS)
    for i, (s, t) in enumerate(LENGTHS):
        single = scores(name, model, SOURCE[i : i + 1, :s], WORDS[i : i + 1, :t])
        same(single[0], logits[i, :t])


@pytest.mark.parametrize("name", WRITERS)
def test_cached_equals_uncached(name):
    model, tokens = made(name), WORDS.clone()
    if name in TRANSLATORS:
        tokens[:, 0] = BOS  # which `prefill` decodes
    logits = scores(name, model, SOURCE, tokens)
    for prompt in range(1, 5) if name in DECODERS else [1]:
        now, state = model.prefill(tokens[:, :prompt] if name in DECODERS else SOURCE, 5)
        for t in range(prompt, 5):
            same(now, logits[:, t - 1])
            now, state = model.decode_step(tokens[:, t], state)
        same(now, logits[:, 4])


@pytest.mark.parametrize("name", ALL)
def test_it_learns_a_batch_by_heart(name):
    """What follows a word, or is hidden, depends on words further away, and on the source."""
    torch.manual_seed(0)
    model = ALL[name](32)
    shown, wanted = WORDS.clone(), F.pad(WORDS[:, 1:], (0, 1))
    if name in TRANSLATORS:
        shown[:, 0] = 1
    if name in ENCODERS:
        hidden = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]).bool()
        shown, wanted = WORDS.masked_fill(hidden, UNSEEN), WORDS * hidden
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(100):
        logits = scores(name, model, SOURCE, shown)
        loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=0)
        if loss < 0.01:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pytest.fail(f"a loss of {loss:.3f} after 100 steps")


# The table that the first vectors come from, and in which no word is scored.
TABLES = {
    **dict.fromkeys(RECURRENT, "encoder.embedding.weight"),
    **dict.fromkeys(TRANSFORMERS, "source_embedding.weight"),
    "gpt": "positions.weight",
    "llama": "embedding.weight",
    "bert": "embedding.positions.weight",
}
# A Transformer multiplies its table by the root of its width; post-norm adds before it norms.
ROOM = {"pre-norm": 3, "post-norm": 8}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        (torch.float16, 1e-7),
        (torch.float16, 3e4),  # twice that is nearly the largest number
        (torch.bfloat16, 1e-7),
        (torch.bfloat16, 1e18),  # a norm squares in float32, which ends at 3e38
    ],
)
def test_half_precision_is_finite_on_extreme_inputs(name, dtype, size):
    torch.manual_seed(0)
    model = ALL[name](8).to(dtype)
    table = model.get_parameter(TABLES[name])
    size /= ROOM.get(name, 1)
    with torch.no_grad():
        table.copy_(torch.randn(table.shape).clamp(-2, 2) * size)
    logits = scores(name, model, SOURCE, WORDS)
    assert logits.dtype == dtype
    assert logits.isfinite().all()
    logits.float().logsumexp(-1).mean().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
