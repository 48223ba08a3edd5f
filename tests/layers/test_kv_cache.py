"""The KV cache: what is decoded with it equals what is computed without, whatever happens to it."""

import subprocess
import sys
from typing import Any

import pytest
import torch

from attention import MultiHeadAttention, record_attention
from attention.generation.beam_search import beam_search, greedy_search
from attention.generation.sampling import Sampler, generate
from attention.layers.kv_cache import KeyValue, KVCache
from attention.models.gpt import GPT, GPTConfig
from attention.models.llama import Llama, LlamaConfig
from attention.models.transformer import Transformer, TransformerConfig

IDS = torch.tensor([[4, 5, 6, 7, 8], [8, 9, 10, 3, 1], [2, 2, 4, 9, 12]])
MODELS = {
    "gpt": lambda: GPT(GPTConfig(13, 8, 2, 2, max_len=32)),
    "llama": lambda: Llama(LlamaConfig(13, 16, 4, 2, max_len=4)),
}


@pytest.fixture(params=MODELS)
def model(request) -> Any:
    torch.manual_seed(0)
    model = MODELS[request.param]().double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


@pytest.fixture
def transformer() -> Transformer:
    torch.manual_seed(0)
    return Transformer(TransformerConfig(11, 13, 8, 2, 2, 12)).double().eval()


def equal(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunks", [[5], [1, 4], [2, 2, 1], [1, 1, 1, 1, 1]])
def test_forward_in_chunks_equals_one_forward(model, chunks):
    cache, expected = model.new_cache(3, 5), model(IDS)
    rows = [model(chunk, cache) for chunk in IDS.split(chunks, dim=1)]
    equal(torch.cat(rows, dim=1), expected)
    assert cache.length == 5


def test_nothing_is_allocated_again(model):
    _, cache = model.prefill(IDS[:, :2], 3)
    rooms = [(kv.keys.data_ptr(), kv.values.data_ptr()) for kv in cache]
    for t in range(2, 5):
        model.decode_step(IDS[:, t], cache)
    assert [(kv.keys.data_ptr(), kv.values.data_ptr()) for kv in cache] == rooms
    assert all(kv.keys.size(-2) == 5 for kv in cache)


def test_rows_are_reordered_copied_and_dropped(model):
    _, cache = model.prefill(IDS[:, :3], 2)
    for order in ([2, 0, 0, 1], [3, 1]):
        cache.reorder(torch.tensor(order))
    rows = torch.tensor([1, 0])  # row 3 of the first order is row 1, row 1 is row 0
    logits, _ = model.decode_step(IDS[rows, 3], cache)
    equal(logits, model(IDS)[rows, 3])


def test_cropped_positions_are_decoded_anew(model):
    _, cache = model.prefill(IDS, 0)
    cache.crop(3)
    assert cache.length == 3
    changed = torch.cat([IDS[:, :3], IDS[:, :1]], dim=1)
    logits, _ = model.decode_step(changed[:, 3], cache)
    equal(logits, model(changed)[:, 3])
    for length in (-1, 5):
        with pytest.raises(ValueError, match=f"cannot crop 4 positions to {length}"):
            cache.crop(length)


def test_a_full_cache_is_an_error_and_not_a_wrong_result(model):
    _, cache = model.prefill(IDS[:, :4], 1)
    model.decode_step(IDS[:, 4], cache)
    with pytest.raises(ValueError, match="for 5 positions cannot hold 6"):
        model.decode_step(IDS[:, 4], cache)


def test_keys_of_the_memory_are_computed_once(transformer):
    source = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0]])
    calls = []
    for block in transformer.decoder:
        block.cross_attention.W_k.register_forward_hook(lambda *_: calls.append(1))
    greedy_search(transformer, source, 7)
    assert len(calls) == 2, "one a block, however many tokens are decoded"


@pytest.mark.parametrize("beam_size", [1, 3])
def test_beam_search_with_the_cache_equals_a_search_without(transformer, beam_size):
    class Uncached:
        def prefill(self, source, n):
            return self.decode_step(source[:, 0] * 0 + 2, (source, source[:, :0]))

        def decode_step(self, token, state):
            source, target = state[0], torch.cat([state[1], token[:, None]], dim=1)
            return transformer(source, target)[:, -1], (source, target)

    source = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0]])
    found = beam_search(transformer, source, 8, beam_size)
    assert found == beam_search(Uncached(), source, 8, beam_size)
    assert max(map(len, found)) > 2


def test_attention_is_recorded_while_generating(model):
    with record_attention(model) as recorded:
        ids = generate(model, IDS[:, :2], 6, Sampler(0))
    with record_attention(model) as expected:
        model(ids[:, :-1])
    assert [*recorded] == ["layers.0.attention", "layers.1.attention"]
    for name, weights in expected.items():
        equal(recorded[name], weights)


def test_attention_of_every_kind_is_recorded_while_translating(transformer):
    source = torch.tensor([[4, 5, 6, 7]])
    with record_attention(transformer) as recorded:
        [tokens] = greedy_search(transformer, source, 5)
    target = torch.tensor([[2, *tokens]])[:, :5]
    with record_attention(transformer) as expected:
        transformer(source, target)
    assert recorded.keys() == expected.keys()
    for name, weights in expected.items():
        equal(recorded[name], weights)


def test_attention_is_recorded_in_training():
    torch.manual_seed(0)
    model = GPT(GPTConfig(13, 8, 2, 1, max_len=8, attention_dropout=0.5))
    with record_attention(model.train()) as recorded:
        model(IDS)
    with record_attention(model.eval()) as expected:
        model(IDS)
    equal(recorded["layers.0.attention"], expected["layers.0.attention"])


def test_attention_dropout_drops_weights_in_training_alone():
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 2, dropout=0.5).double(), torch.randn(4000, 3, 8).double()
    outputs = layer(x)
    expected = layer.eval()(x)
    assert not torch.allclose(outputs, expected)
    assert torch.equal(layer(x), layer(x))
    # Dropped weights are made up for by the others, so the mean over many draws stays.
    torch.testing.assert_close(outputs.mean(0), expected.mean(0), rtol=0, atol=0.02)
    with torch.no_grad():  # with the identity for W_v and W_o, an output is what its weights say
        for linear in (layer.W_v, layer.W_o):
            linear.weight.copy_(torch.eye(8))
        dropped = layer.train()(torch.ones(1000, 3, 8).double())
    assert (dropped == 0).all(-1).any(), "all three weights of a query are dropped now and then"


@pytest.mark.parametrize("name", ["gpt", "llama", "transformer"])
def test_every_config_hands_attention_dropout_on(name, transformer):
    makers = {
        "gpt": lambda p: GPT(GPTConfig(13, 8, 2, 2, max_len=32, attention_dropout=p)),
        "llama": lambda p: Llama(LlamaConfig(13, 16, 4, 2, max_len=4, attention_dropout=p)),
        "transformer": lambda p: Transformer(TransformerConfig(11, 13, 8, 2, attention_dropout=p)),
    }
    layers = [m for m in makers[name](0.3).modules() if isinstance(m, MultiHeadAttention)]
    assert layers
    assert all(layer.dropout == 0.3 for layer in layers)


COMPILED = """
import torch
from torch._dynamo.testing import CompileCounter
from attention.models.gpt import GPT, GPTConfig
from attention.models.llama import Llama, LlamaConfig
from attention.models.transformer import Transformer, TransformerConfig

torch.manual_seed(0)
ids = torch.randint(4, 13, (3, 5))
models = {
    "gpt": (GPT(GPTConfig(13, 8, 2, 2, max_len=32)), ids),
    "llama": (Llama(LlamaConfig(13, 16, 4, 2, max_len=32)), ids),
    "transformer": (Transformer(TransformerConfig(13, 13, 8, 2, 2, 12)), ids, ids),
}
for name, (model, *inputs) in models.items():
    torch._dynamo.reset()
    compiled = torch.compile(model.eval(), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*inputs), model(*inputs))
    counter = CompileCounter()
    step = torch.compile(model.decode_step, backend=counter, fullgraph=True)
    with torch.no_grad():
        logits, state = model.prefill(ids, 21)
        expected, twin = model.prefill(ids, 21)
        for _ in range(20):
            token = logits.argmax(-1)
            logits, state = step(token, state)
            expected, twin = model.decode_step(token, twin)
            torch.testing.assert_close(logits, expected)
    print(name, counter.frame_count)
"""


def test_compiled_without_a_graph_break_or_a_recompile_a_step():
    """In a process of its own, because here the check of shapes is inside every function."""
    command = [sys.executable, "-c", COMPILED]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # Compiled for the first length, and once more for all others: 2, and not one a step.
    assert output.split() == ["gpt", "2", "llama", "2", "transformer", "2"]


def test_room_is_as_the_layers_need_it():
    attention = MultiHeadAttention(8, 4, 2).bfloat16()
    cache = KVCache([attention] * 3, batch_size=5, max_len=7)
    assert len(list(cache)) == 3
    assert cache.length == 0
    for layer in cache:
        assert isinstance(layer, KeyValue)
        assert layer.keys.shape == layer.values.shape == (5, 2, 7, 2)
        assert layer.keys.dtype == torch.bfloat16
