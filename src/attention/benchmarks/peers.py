"""Other implementations of our models, with equal weights: from torch and from transformers."""

import math
from copy import deepcopy
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import nn

from attention.layers.positions import sinusoidal_positions
from attention.models.bert import BERT
from attention.models.gpt import GPT
from attention.models.llama import Llama
from attention.models.transformer import Transformer
from attention.shapes import Bool, Float, Int, Tensor
from attention.tokenizers.special_tokens import BOS

__all__ = ["TorchTransformer", "hugging_face_pair"]


class DecoderState(NamedTuple):
    """The target tokens so far, the encoder's output, and True where that is padding."""

    ids: Int[Tensor, "B T"]
    memory: Float[Tensor, "B S D"]
    is_padding: Bool[Tensor, "B S"]


class TorchTransformer(nn.Module):
    """`torch.nn.Transformer` with the embeddings and weights of our `Transformer`; it has no cache.

    torch's attention layers have biases, which ours lack. They are zero, and aren't trained.

    Args:
        ours: The model whose weights are copied.
        max_len: The most tokens of a sequence.
    """

    positions: Tensor

    def __init__(self, ours: Transformer, max_len: int = 512) -> None:
        super().__init__()
        config = ours.config
        self.scale = math.sqrt(config.d_model)
        self.embeddings = deepcopy(nn.ModuleList([ours.source_embedding, ours.target_embedding]))
        self.register_buffer("positions", sinusoidal_positions(max_len, config.d_model))
        self.stacks: Any = nn.Transformer(
            config.d_model,
            config.n_heads,
            config.n_layers,
            config.n_layers,
            config.d_ff,
            config.dropout,
            norm_first=config.norm_first,
            batch_first=True,
        )
        if (
            not config.norm_first
        ):  # torch has a final norm in a post-norm stack, too; the paper has none
            self.stacks.encoder.norm = self.stacks.decoder.norm = None
        self.to(ours.target_embedding.weight).train(ours.training)
        self.stacks.load_state_dict(_torch_weights(ours, self.stacks.state_dict()))
        for name, parameter in self.stacks.named_parameters():
            parameter.requires_grad_(not name.endswith(("in_proj_bias", "out_proj.bias")))

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Next-token logits for every target position, teacher-forced."""
        return self._decode(target, *self._encode(source))

    def prefill(
        self, source: Int[Tensor, "B S"], max_new_tokens: int
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """Encode the source and decode `<s>`: the first token's logits, and the decoder's state."""
        state = DecoderState(source[:, :0], *self._encode(source))
        return self.decode_step(source.new_full((len(source),), BOS), state)

    def decode_step(
        self, token: Int[Tensor, " B"], state: DecoderState
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """The logits of the token after `token`, from the whole translation so far once more."""
        state = state._replace(ids=torch.cat([state.ids, token.unsqueeze(1)], dim=1))
        return self._decode(*state)[:, -1], state

    def _embed(self, which: int, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        return self.embeddings[which](ids) * self.scale + self.positions[: ids.size(1)]

    def _encode(
        self, source: Int[Tensor, "B S"]
    ) -> tuple[Float[Tensor, "B S D"], Bool[Tensor, "B S"]]:
        is_padding = source == 0  # torch's padding masks are True where a key is masked
        x = self._embed(0, source)
        return self.stacks.encoder(x, src_key_padding_mask=is_padding), is_padding

    def _decode(
        self,
        target: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S D"],
        is_padding: Bool[Tensor, "B S"],
    ) -> Float[Tensor, "B T V"]:
        x = self._embed(1, target)
        causal = self.stacks.generate_square_subsequent_mask(x.size(1), x.device, x.dtype)
        x = self.stacks.decoder(
            x, memory, causal, memory_key_padding_mask=is_padding, tgt_is_causal=True
        )
        embedding: Any = self.embeddings[1]
        return x @ embedding.weight.T


def _torch_weights(ours: Transformer, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our weights by the names of `torch.nn.Transformer`; `state` is its state dict."""
    state = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    for stack in ("encoder", "decoder"):
        for kind in ("weight", "bias") if ours.config.norm_first else ():
            state[f"{stack}.norm.{kind}"] = ours.get_parameter(f"{stack}_norm.{kind}")
        for i, block in enumerate(getattr(ours, stack)):
            weights = _torch_block_weights(block)
            state |= {f"{stack}.layers.{i}.{name}": weight for name, weight in weights.items()}
    return state


def _torch_block_weights(block: nn.Module) -> dict[str, Tensor]:
    """The weights of an encoder or decoder block by their names in torch's layers."""
    sublayers = [
        name.removesuffix("_norm") for name, _ in block.named_children() if "_norm" in name
    ]
    names = {"self_attention": "self_attn", "cross_attention": "multihead_attn"}
    weights = {}
    for j, sublayer in enumerate(sublayers, start=1):
        if sublayer in names:
            projections: list[Tensor] = [
                block.get_parameter(f"{sublayer}.W_{p}.weight") for p in "qkvo"
            ]
            weights[f"{names[sublayer]}.in_proj_weight"] = torch.cat(projections[:3])
            weights[f"{names[sublayer]}.out_proj.weight"] = projections[3]
        for kind in ("weight", "bias"):
            weights[f"norm{j}.{kind}"] = block.get_parameter(f"{sublayer}_norm.norm.{kind}")
    for j in (1, 2):
        for kind in ("weight", "bias"):
            weights[f"linear{j}.{kind}"] = block.get_parameter(f"feed_forward.W_{j}.{kind}")
    return weights


def hugging_face_pair(
    name: str, vocab_size: int, d_model: int, n_heads: int, n_layers: int, max_len: int
) -> tuple[nn.Module, Any]:
    """Our model and that of `transformers`, with equal random weights and without dropout.

    Args:
        name: gpt, llama or bert.
    """
    transformers: Any = import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    vocabulary = {"vocab_size": vocab_size, "bos_token_id": None, "eos_token_id": None}
    sizes = vocabulary | {
        "hidden_size": d_model,
        "num_attention_heads": n_heads,
        "num_hidden_layers": n_layers,
        "max_position_embeddings": max_len,
        "pad_token_id": 0,
    }
    ours: type[GPT | Llama | BERT]
    theirs: Any
    if name == "gpt":
        sizes = {"n_embd": d_model, "n_head": n_heads, "n_layer": n_layers, "n_positions": max_len}
        dropouts = dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), 0.0)
        config = transformers.GPT2Config(**vocabulary | sizes | dropouts)
        ours, theirs = GPT, transformers.GPT2LMHeadModel(config)
    elif name == "llama":
        more = {"num_key_value_heads": n_heads // 2, "intermediate_size": 8 * d_model // 3}
        config = transformers.LlamaConfig(**sizes | more)
        ours, theirs = Llama, transformers.LlamaForCausalLM(config)
    else:
        dropouts = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0)
        config = transformers.BertConfig(**sizes | dropouts, intermediate_size=4 * d_model)
        ours, theirs = BERT, transformers.BertForMaskedLM(config)
    with TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        return ours.from_pretrained(folder), theirs.eval()
