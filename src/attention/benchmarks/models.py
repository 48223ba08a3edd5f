"""Our models beside those of others: the same weights, the same work, the same minute."""

import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from attention.benchmarks.peers import TorchTransformer, hugging_face
from attention.generation.beam_search import Autoregressive, greedy_search
from attention.generation.sampling import Sampler, generate
from attention.models.transformer import Transformer, TransformerConfig
from attention.shapes import Int, Tensor

__all__ = ["Comparison", "Sizes", "bench_models", "machine"]

Work = Callable[[], Tensor]  # something to be timed, and what came of it


@dataclass(frozen=True)
class Sizes:
    """How large the models are, and how much they get to do.

    Attributes:
        batch: Texts side by side.
        length: Words of each, in training.
        tokens: Words to be written in decoding, after a beginning of `length // 4`.
    """

    vocab_size: int = 2000
    d_model: int = 256
    n_heads: int = 8
    n_layers: int = 4
    batch: int = 4
    length: int = 128
    tokens: int = 64


@dataclass(frozen=True)
class Comparison:
    """How long we take for something, and how long others take.

    Attributes:
        model: Which one.
        work: What it did.
        peer: Who did the same.
        ours: Milliseconds, the median of all repetitions; none where the peer isn't installed.
        theirs: Theirs.
        ratio: Ours over theirs: below 1 we are faster.
        difference: The largest between the two losses, or between the words written (as numbers),
            when both did it for the first time: next to nothing if it is the same work.
        repetitions: How often each did it.
    """

    model: str
    work: str
    peer: str
    ours: float | None = None
    theirs: float | None = None
    ratio: float | None = None
    difference: float | None = None
    repetitions: int = 0


def machine(device: str) -> dict[str, Any]:
    """What any ratio depends on: versions, threads, the processor or card, and how it is timed."""
    peer = "not installed"
    if find_spec("transformers"):
        import transformers

        peer = transformers.__version__
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else _processor()
    return {
        "torch": torch.__version__,
        "transformers": peer,
        "threads": torch.get_num_threads(),
        "device": name,
        "clock": "processor" if _clock(device) is time.process_time else "wall",
    }


def bench_models(
    seconds: float = 5.0, device: str = "cpu", sizes: Sizes | None = None
) -> Iterator[Comparison]:
    """Compare with torch's own Transformer, and with `transformers` where it is installed.

    Args:
        seconds: Time for each comparison, both sides together, after each has done it once.
        device: Where.
        sizes: What to build.
    """
    sizes = sizes or Sizes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of what its Transformer does inside
        yield from _beside_torch(seconds, device, sizes)
        for name in ("GPT", "Llama", "BERT"):
            yield from _beside_transformers(name, seconds, device, sizes)


def _beside_torch(seconds: float, device: str, sizes: Sizes) -> Iterator[Comparison]:
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
    theirs = TorchTransformer(ours, max(sizes.length, sizes.tokens + 1))
    source, target = _texts(sizes, device), _texts(sizes, device)
    pair = [_decoding(model, source, sizes.tokens) for model in (ours, theirs)]
    peer = "torch.nn.Transformer"
    yield _compare("Transformer", "greedy decoding", f"{peer}, no cache", pair, seconds, device)
    pair = [_training(model, partial(model, source, target), target) for model in (ours, theirs)]
    yield _compare("Transformer", "training step", peer, pair, seconds, device)


def _beside_transformers(
    name: str, seconds: float, device: str, sizes: Sizes
) -> Iterator[Comparison]:
    peer = "transformers"
    works = ["training step"] if name == "BERT" else ["greedy decoding", "training step"]
    if not find_spec(peer):
        yield from (Comparison(name, work, peer) for work in works)
        return
    torch.manual_seed(0)
    shape = sizes.vocab_size, sizes.d_model, sizes.n_heads, sizes.n_layers
    max_len = max(sizes.length, sizes.length // 4 + sizes.tokens)
    both: Any = hugging_face(name.lower(), *shape, max_len)
    ours, theirs = (model.to(device) for model in both)
    pair: list[Work]
    ids = _texts(sizes, device)
    # Padding at the end is nothing that a decoder could look at: a mask would only slow it down.
    seen = (ids != 0).long() if name == "BERT" else None
    if "greedy decoding" in works:
        begun, n = ids[:, : max(1, sizes.length // 4)], sizes.tokens
        settings = {"do_sample": False, "max_new_tokens": n, "min_new_tokens": n, "pad_token_id": 0}
        pair = [
            lambda: generate(ours, begun, n, Sampler(temperature=0)),
            lambda: theirs.generate(begun, attention_mask=torch.ones_like(begun), **settings),
        ]
        yield _compare(name, "greedy decoding", peer, pair, seconds, device)
    pair = [
        _training(ours, lambda: ours(ids), ids),
        _training(theirs, lambda: theirs(ids, attention_mask=seen).logits, ids),
    ]
    yield _compare(name, "training step", peer, pair, seconds, device)


def _texts(sizes: Sizes, device: str) -> Int[Tensor, "B T"]:
    """Chance words; of each text but the first, the last quarter or less is padding."""
    ids = torch.randint(4, sizes.vocab_size, (sizes.batch, sizes.length))
    lengths = torch.randint(sizes.length - sizes.length // 4, sizes.length, (sizes.batch, 1))
    lengths[0] = sizes.length
    return ids.masked_fill(torch.arange(sizes.length) >= lengths, 0).to(device)


def _decoding(model: Autoregressive, source: Int[Tensor, "B S"], tokens: int) -> Work:
    def write() -> Tensor:
        texts = greedy_search(model, source, tokens)
        return torch.tensor([word for text in texts for word in text], dtype=torch.long)

    return write


def _training(model: nn.Module, logits: Work, ids: Int[Tensor, "B T"]) -> Work:
    """A step of training on the right next words: forward, backward, and AdamW's update."""
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-4)

    def step() -> Tensor:
        model.train()
        scores = logits()[:, :-1].flatten(0, 1)
        loss = F.cross_entropy(scores, ids[:, 1:].flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def _compare(
    model: str, work: str, peer: str, pair: list[Work], seconds: float, device: str
) -> Comparison:
    """By turns, and by turns first, until the time is over."""
    clock = _clock(device)
    one, other = (each().cpu() for each in pair)
    alike = one.shape == other.shape
    difference = float((one - other).abs().max()) if alike else float("inf")
    times: list[list[float]] = [[], []]
    while not times[0] or sum(map(sum, times)) < 1000 * seconds:
        for i in (0, 1) if len(times[0]) % 2 else (1, 0):
            begun = clock()
            pair[i]().cpu()  # a card has done all it was told before it hands anything over
            times[i].append(1000 * (clock() - begun))
    ours, theirs = map(median, times)
    return Comparison(
        model, work, peer, ours, theirs, ours / theirs, difference, repetitions=len(times[0])
    )


def _clock(device: str) -> Callable[[], float]:
    """One thread is timed by its processor, so that others who use the machine don't count."""
    alone = device == "cpu" and torch.get_num_threads() == 1
    return time.process_time if alone else time.perf_counter


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{(names or [platform.processor() or platform.machine()])[0]}, {os.cpu_count()} cores"
