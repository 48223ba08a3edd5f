"""`attention generate`: sample a continuation of a prompt from a language model."""

from typing import Annotated

import torch
from cyclopts import Parameter

from attention.cli import console
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.options import JSON, check_ranges
from attention.generation.sampling import Sampler
from attention.tasks.language_modelling import LanguageModel

__all__ = ["generate"]

Model = Annotated[
    str,
    Parameter(help="The folder that `attention train language` made; or any GPT-2 or Llama: "
    "its folder, or its name on the Hugging Face hub, like gpt2."),
]  # fmt: skip


def generate(
    run: Model,
    prompt: str = "",
    /,
    *,
    tokens: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Continue a text with a language model, one sampled token at a time.

    Args:
        prompt: The text to continue, in quotes; without one, the model starts from its BOS token,
            if it has one.
        tokens: The most tokens to generate; 100 unless given, or as many as fit into the model's
            context.
        temperature: Divides the logits. Below 1 it makes probable tokens more probable still,
            above 1 it evens the distribution out; 0 is greedy: always the most probable token.
        top_k: Sample only from this many of the most probable tokens.
        top_p: Nucleus sampling: only from the fewest most probable tokens whose probabilities add
            up to this.
        seed: Seed of the random draws; a new one each time unless given.
        as_json: One JSON object: prompt, text, and tokens, the number of tokens generated.
    """
    check_ranges(
        {"tokens": tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    )
    generator = torch.Generator(compute.start())
    generator.seed() if seed is None else generator.manual_seed(seed)
    sampler = Sampler(temperature, top_k, top_p, generator)
    language_model = LanguageModel.load(run)
    compute.prepare(language_model.model)
    console.print_stream(prompt, language_model.stream(prompt, tokens, sampler), as_json)
