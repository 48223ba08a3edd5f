"""Our models and other implementations of them, compared on the same work with equal weights."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from attention.benchmarks.peers import TorchTransformer, hugging_face_pair
from attention.benchmarks.timing import Comparison, Workload, compare
from attention.generation.beam_search import Autoregressive, greedy_search
from attention.generation.sampling import Sampler, generate
from attention.models.transformer import Transformer, TransformerConfig
from attention.shapes import Int, Tensor

__all__ = ["Sizes", "bench_models"]


@dataclass(frozen=True)
class Sizes:
    """The sizes of the models and of their workloads.

    Attributes:
        batch_size: Sequences in a batch.
        length: Tokens of each training sequence.
        new_tokens: Tokens to decode, after a prompt of `length // 4` tokens.
    """

    vocab_size: int = 2000
    d_model: int = 256
    n_heads: int = 8
    n_layers: int = 4
    batch_size: int = 4
    length: int = 128
    new_tokens: int = 64


def bench_models(
    seconds: float = 5.0, device: str = "cpu", sizes: Sizes | None = None
) -> Iterator[Comparison]:
    """Compare with torch's own Transformer, and with `transformers` where it is installed.

    Args:
        seconds: Time for each comparison, both implementations together, after a warm-up.
        device: The device to run on.
        sizes: Sizes of the models and workloads; `Sizes()` unless given.

    Yields:
        Each comparison as soon as it is measured; without times where a peer isn't installed.
    """
    sizes = sizes or Sizes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about its Transformer's internals
        yield from _compare_torch(seconds, device, sizes)
        for name in ("GPT", "Llama", "BERT"):
            yield from _compare_transformers(name, seconds, device, sizes)


def _compare_torch(seconds: float, device: str, sizes: Sizes) -> Iterator[Comparison]:
    torch.manual_seed(0)
    config = TransformerConfig(
        sizes.vocab_size,
        sizes.vocab_size,
        sizes.d_model,
        sizes.n_heads,
        sizes.n_layers,
        4 * sizes.d_model,
    )
    ours = Transformer(config).to(device).eval()
    theirs = TorchTransformer(ours, max(sizes.length, sizes.new_tokens + 1))
    source, target = _random_ids(sizes, device), _random_ids(sizes, device)
    pair = [_decoding(model, source, sizes.new_tokens) for model in (ours, theirs)]
    peer = "torch.nn.Transformer"
    names = "Transformer", "greedy decoding", f"{peer}, no cache"
    yield compare(names, pair, seconds, device)
    pair = [_training(model, partial(model, source, target), target) for model in (ours, theirs)]
    yield compare(("Transformer", "training step", peer), pair, seconds, device)


def _compare_transformers(
    name: str, seconds: float, device: str, sizes: Sizes
) -> Iterator[Comparison]:
    peer = "transformers"
    works = ["training step"] if name == "BERT" else ["greedy decoding", "training step"]
    if not find_spec(peer):
        yield from (Comparison(name, work, peer) for work in works)
        return
    torch.manual_seed(0)
    shape = sizes.vocab_size, sizes.d_model, sizes.n_heads, sizes.n_layers
    max_len = max(sizes.length, sizes.length // 4 + sizes.new_tokens)
    models: Any = hugging_face_pair(name.lower(), *shape, max_len)
    ours, theirs = (model.to(device) for model in models)
    pair: list[Workload]
    ids = _random_ids(sizes, device)
    # A causal mask covers the padding at the end already, so a padding mask would only cost time.
    mask = (ids != 0).long() if name == "BERT" else None
    if "greedy decoding" in works:
        prompt, n = ids[:, : max(1, sizes.length // 4)], sizes.new_tokens
        settings = {"do_sample": False, "max_new_tokens": n, "min_new_tokens": n, "pad_token_id": 0}
        pair = [
            lambda: generate(ours, prompt, n, Sampler(temperature=0)),
            lambda: theirs.generate(prompt, attention_mask=torch.ones_like(prompt), **settings),
        ]
        yield compare((name, "greedy decoding", peer), pair, seconds, device)
    pair = [
        _training(ours, lambda: ours(ids), ids),
        _training(theirs, lambda: theirs(ids, attention_mask=mask).logits, ids),
    ]
    yield compare((name, "training step", peer), pair, seconds, device)


def _random_ids(sizes: Sizes, device: str) -> Int[Tensor, "B T"]:
    """Random token ids; up to a quarter of each sequence but the first is padding at the end."""
    ids = torch.randint(4, sizes.vocab_size, (sizes.batch_size, sizes.length))
    lengths = torch.randint(sizes.length - sizes.length // 4, sizes.length, (sizes.batch_size, 1))
    lengths[0] = sizes.length
    return ids.masked_fill(torch.arange(sizes.length) >= lengths, 0).to(device)


def _decoding(model: Autoregressive, source: Int[Tensor, "B S"], new_tokens: int) -> Workload:
    def decode() -> Tensor:
        rows = greedy_search(model, source, new_tokens)
        return torch.tensor([token for row in rows for token in row], dtype=torch.long)

    return decode


def _training(model: nn.Module, logits: Workload, ids: Int[Tensor, "B T"]) -> Workload:
    """A training step on next-token prediction: forward, backward, and AdamW's update."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-4)

    def step() -> Tensor:
        model.train()
        loss = F.cross_entropy(logits()[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step
