"""`attention generate`: sample a continuation of a prompt from a language model."""

from typing import Annotated

import torch
from cyclopts import Parameter

from attention.cli import text_io
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.model_kind import check_kind
from attention.cli.options import JSON, check_ranges
from attention.cli.samples import print_samples
from attention.errors import BadInput
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
    prompt: str | None = None,
    /,
    *,
    from_stdin: Annotated[bool, Parameter(name="-", negative=())] = False,
    tokens: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    samples: int | None = None,
    stop: list[str] | None = None,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Continue a text with a language model, one sampled token at a time.

    Args:
        prompt: The text to continue, in quotes. Without one it is read from standard input, if
            that is a file or a pipe; where there is none, the model starts from its BOS token, if
            it has one.
        from_stdin: Read the prompt from standard input.
        tokens: The most tokens to generate; 100 unless given, or as many as fit into the model's
            context.
        temperature: Divides the logits. Below 1 it makes probable tokens more probable still,
            above 1 it evens the distribution out; 0 is greedy: always the most probable token.
        top_k: Sample only from this many of the most probable tokens.
        top_p: Nucleus sampling: only from the fewest most probable tokens whose probabilities add
            up to this.
        seed: Seed of the random draws; a new one each time unless given.
        samples: Sample this many continuations; one unless given.
        stop: End before this string; give --stop several times for several strings.
        as_json: One JSON object: prompt, text, and tokens, the number of tokens generated; with
            --samples also samples, each with its text and tokens.
    """
    check_ranges(
        {
            "tokens": tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
            "samples": samples,
        }
    )
    if not all(stop := stop or []):
        raise BadInput("--stop: an empty string would end every text before it begins")
    text_io.check_text("stop string", *stop)
    check_kind(run, "generate")
    if from_stdin and prompt is not None:
        raise BadInput("- reads the prompt from standard input, but another is given; leave it out")
    compute.start()
    generator = torch.Generator()  # the CPU's, so that a seed means the same on every device
    generator.seed() if seed is None else generator.manual_seed(seed)
    sampler = Sampler(temperature, top_k, top_p, generator)
    language_model = LanguageModel.load(run)
    compute.prepare(language_model.model)
    if from_stdin or (prompt is None and text_io.stdin_has_text()):
        prompt = text_io.read_prompt()
    print_samples(
        prompt or "",
        (language_model.stream(prompt or "", tokens, sampler) for _ in range(samples or 1)),
        stop,
        as_json,
        several=samples is not None,
    )
