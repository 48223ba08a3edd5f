"""The same models as others have built them, with the same weights: to be measured against."""

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

__all__ = ["TorchTransformer", "hugging_face"]


class DecoderState(NamedTuple):
    """The target tokens so far, the encoder's output, and True where that is padding."""

    ids: Int[Tensor, "B T"]
    memory: Float[Tensor, "B S D"]
    is_padding: Bool[Tensor, "B S"]


class TorchTransformer(nn.Module):
    """`torch.nn.Transformer` between the embeddings of a `Transformer`; it has no cache.

    Args:
        ours: Its weights are copied. (torch's attentions have biases besides: they stay zero.)
        max_len: The longest text, in words.
    """

    positions: Tensor

    def __init__(self, ours: Transformer, max_len: int = 512) -> None:
        super().__init__()
        config = ours.config
        self.size = math.sqrt(config.d_model)
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
        if not config.norm_first:  # torch has a last norm in both cases, the paper has none
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
        return self.embeddings[which](ids) * self.size + self.positions[: ids.size(1)]

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
    """`state`, filled with the weights of ours."""
    state = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    for half in ("encoder", "decoder"):
        for kind in ("weight", "bias") if ours.config.norm_first else ():
            state[f"{half}.norm.{kind}"] = ours.get_parameter(f"{half}_norm.{kind}")
        for i, layer in enumerate(getattr(ours, half)):
            place = f"{half}.layers.{i}."
            attentions = {"self_attn": layer.self_attention}
            if half == "decoder":
                attentions["multihead_attn"] = layer.cross_attention
            for name, attention in attentions.items():
                parts = [attention.W_q.weight, attention.W_k.weight, attention.W_v.weight]
                state[f"{place}{name}.in_proj_weight"] = torch.cat(parts)
                state[f"{place}{name}.out_proj.weight"] = attention.W_o.weight
            for kind in ("weight", "bias"):
                for j in (1, 2):
                    linear = layer.feed_forward.get_parameter(f"W_{j}.{kind}")
                    state[f"{place}linear{j}.{kind}"] = linear
                sublayers = [*attentions.values(), layer.feed_forward]
                names = {id(module): name for name, module in layer.named_children()}
                for j, sublayer in enumerate(sublayers, start=1):
                    norm = layer.get_parameter(f"{names[id(sublayer)]}_norm.norm.{kind}")
                    state[f"{place}norm{j}.{kind}"] = norm
    return state


def hugging_face(
    name: str, vocab_size: int, d_model: int, n_heads: int, n_layers: int, max_len: int
) -> tuple[nn.Module, Any]:
    """Ours and theirs, with the same new weights and without dropout; needs `transformers`.

    Args:
        name: gpt, llama or bert.
    """
    transformers: Any = import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    size = {"vocab_size": vocab_size, "bos_token_id": None, "eos_token_id": None}
    sizes = size | {
        "hidden_size": d_model,
        "num_attention_heads": n_heads,
        "num_hidden_layers": n_layers,
        "max_position_embeddings": max_len,
        "pad_token_id": 0,
    }
    ours: type[GPT | Llama | BERT]
    theirs: Any
    if name == "gpt":
        widths = {"n_embd": d_model, "n_head": n_heads, "n_layer": n_layers, "n_positions": max_len}
        dropouts = dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), 0.0)
        config = transformers.GPT2Config(**size | widths | dropouts)
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
