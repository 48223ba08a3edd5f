# ---
# title: Coding encoder-decoder and multi-head attention
# parent: Attention
# nav_order: 10
# description: Encoder-decoder attention as its difference from self-attention, heads in a list and then batched, equal to PyTorch's own layer to twelve digits, the traps of that layer, and grouped-query attention.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Coding encoder-decoder and multi-head attention
#
# You write both layers, with masks, padding and batches, and prove them equal to PyTorch's own layer, which has three traps. At the end, several heads share their keys and values.
#
# **You need** [Encoder-decoder attention](encoder-decoder-attention.md) and [Multi-head attention](multi-head-attention.md), and the
# class of [Coding self-attention](coding-self-attention.py). The [primer](../primer.md#modules) explains modules and their parameters.
#
# **You will be able to**
#
# - write encoder-decoder attention and multi-head attention, and state the shape after each step;
# - copy weights between your layer and `torch.nn.MultiheadAttention`, and avoid its traps;
# - detect a split that mixes tokens and heads, and a mask that gets lost;
# - let several heads share their keys and values, and say what that saves.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>A token's vector has 512 components, and there are 8 heads. How many components does a query of one head have?</summary>
#
# 64, which is 512 divided by 8, because the heads [share the model dimension](multi-head-attention.md#what-it-costs).
#
# </details>
#
# <details markdown="1">
# <summary>Encoder-decoder attention gets a padding mask. From whose token ids is it made?</summary>
#
# From the source's. The columns of the weights are source positions, and a padding mask hides columns ([Encoder-decoder attention](encoder-decoder-attention.md#which-mask)).
#
# </details>
#
# <details markdown="1">
# <summary>In masked self-attention, −∞ is added before softmax. What if the weights were set to zero after it?</summary>
#
# Then the weights of a row would no longer sum to one ([The matrix math of masked self-attention](masked-self-attention-math.md)).
#
# </details>

# %% [markdown]
# ## A batch to work with
#
# Take two sentences that you know, and their translations. The layers below should agree to twelve digits, so everything is computed in 64 bits.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from attention.tokenizers.words import split_words

english = [
    "The agreement on the European Economic Area was signed in August 1992 .",
    "They arrived late .",
]
french = [
    "L'accord sur la zone économique européenne a été signé en août 1992 .",
    "Ils sont arrivés en retard .",
]


def token_ids(sentences):
    """The ids of all tokens, from 1 on, and 0 for padding."""
    vocabulary, rows = {}, []
    for tokens in sentences:
        ids = [vocabulary.setdefault(token, len(vocabulary) + 1) for token in tokens]
        rows.append(torch.tensor(ids))
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


source = token_ids([split_words(sentence) for sentence in english])
target = token_ids([["<s>", *split_words(sentence)] for sentence in french])
print(source.shape, target.shape)

# %% [markdown]
# These are the sizes, with the letters of the [notation](../reference/notation.md): two sentences, 15 target positions (the queries) and 13 source positions (the keys). The model dimension is 12,
# which 4 heads share, so each has the head dimension 3. All six sizes differ, so that no mix-up goes unnoticed.

# %%
B, T, S, D, H = 2, 15, 13, 12, 4
K = D // H
assert source.shape == (B, S)
assert target.shape == (B, T)

torch.manual_seed(0)
x = torch.randn(B, T, D, dtype=torch.float64)  # the decoder's vectors
memory = torch.randn(B, S, D, dtype=torch.float64)  # the encoder's output
source_mask = (source != 0).unsqueeze(-2)  # (B, 1, S): True means "may attend"
print(source_mask[1].int())


def agree(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


# %% [markdown]
# ## From self-attention to encoder-decoder attention
#
# You have written self-attention. What must change? The queries still come from `x`, but the keys and values come from the memory. So the projections stay the same,
# and one name changes in two places:

# %%
from attention import SelfAttention, scaled_dot_product_attention


class EncoderDecoderAttention(SelfAttention):
    def forward(self, x, memory, mask=None):
        q = self.W_q(x)  # (B, T, K)
        k = self.W_k(memory)  # (B, S, K)
        v = self.W_v(memory)  # (B, S, K)
        return scaled_dot_product_attention(q, k, v, mask)[0]  # (B, T, K)


# %% [markdown]
# The output must agree with that of the package, and the output of each sentence in the batch with the output of the sentence alone, without padding:

# %%
import attention

cross = EncoderDecoderAttention(D).double()
package = attention.EncoderDecoderAttention(D).double()
package.load_state_dict(cross.state_dict())

output = cross(x, memory, source_mask)
assert output.shape == (B, T, D)
agree(output, package(x, memory, source_mask))

length = int(source_mask[1].sum())
agree(output[1], cross(x[1], memory[1, :length]))
print(f"{length} tokens, and {S - length} positions of padding without any weight")

# %% [markdown]
# ## Several heads: a list
#
# A head is an attention of its own, whose queries, keys and values have fewer components. So the simplest multi-head attention is a list of the class that you have.
# The head outputs are concatenated, and the output projection $W_o$ combines them:


# %%
class ListOfHeads(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        d_head = d_model // n_heads
        heads = [EncoderDecoderAttention(d_model, d_head) for _ in range(n_heads)]
        self.heads = nn.ModuleList(heads)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, memory, mask=None):
        heads = [head(x, memory, mask) for head in self.heads]  # H times (B, T, K)
        return self.W_o(torch.cat(heads, dim=-1))  # (B, T, D)


list_of_heads = ListOfHeads(D, H).double()
print(list_of_heads(x, memory, source_mask).shape)
print(list_of_heads.heads[0].W_q.weight.shape, "each head's W_q: K rows, D columns")

# %% [markdown]
# This is correct. But it computes the heads one after another, and a GPU computes one large product much faster than many small ones.
#
# ## All heads at once
#
# Stack the matrices of all heads on top of each other. A single product then gives the queries of all heads, concatenated. **Predict**: which of the 12 components of
# the product belong to head 1, if heads are counted from 0?

# %%
W_q = torch.cat([head.W_q.weight for head in list_of_heads.heads])
assert W_q.shape == (H * K, D)  # 12 rows: 3 for each head

q = x @ W_q.T
assert q.shape == (B, T, D)
agree(q[..., 3:6], list_of_heads.heads[1].W_q(x))

# %% [markdown]
# Components 3, 4 and 5: each head has K neighbouring components. To separate the heads, cut the last axis in two, and move the axis of the heads to the front, next to the
# batch. There, `scaled_dot_product_attention` treats each head of each sentence as a sentence of its own:

# %%
cut = q.unflatten(-1, (H, K))
assert cut.shape == (B, T, H, K)

split = cut.transpose(-3, -2)
assert split.shape == (B, H, T, K)

for h, head in enumerate(list_of_heads.heads):
    agree(split[:, h], head.W_q(x))

# %% [markdown]
# Keys and values are split in the same way. The mask needs an axis for the heads in the same position, so that it is broadcast over all heads of a sentence:

# %%
k = memory @ torch.cat([head.W_k.weight for head in list_of_heads.heads]).T
v = memory @ torch.cat([head.W_v.weight for head in list_of_heads.heads]).T
k, v = (each.unflatten(-1, (H, K)).transpose(-3, -2) for each in (k, v))
assert k.shape == v.shape == (B, H, S, K)

mask = source_mask.unsqueeze(-3)
assert mask.shape == (B, 1, 1, S)

heads, weights = scaled_dot_product_attention(split, k, v, mask)
assert weights.shape == (B, H, T, S)
assert heads.shape == (B, H, T, K)

# %% [markdown]
# To concatenate, undo the split: swap the two axes back, then flatten them into one.

# %%
concatenated = heads.transpose(-3, -2).flatten(-2)
assert concatenated.shape == (B, T, D)
agree(list_of_heads.W_o(concatenated), list_of_heads(x, memory, source_mask))

# %% [markdown]
# The output is the same, without a loop. As a class:


# %%
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, bias=False):
        super().__init__()
        self.n_heads = n_heads
        self.W_q = nn.Linear(d_model, d_model, bias=bias)
        self.W_k = nn.Linear(d_model, d_model, bias=bias)
        self.W_v = nn.Linear(d_model, d_model, bias=bias)
        self.W_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory  # without a memory: self-attention
        q = self.split(self.W_q(x))  # (B, H, T, K)
        k = self.split(self.W_k(memory))  # (B, H, S, K)
        v = self.split(self.W_v(memory))  # (B, H, S, K)
        if mask is not None:
            mask = mask.unsqueeze(-3)  # (B, 1, 1, S), (B, 1, T, S) or (1, T, S)
        heads = scaled_dot_product_attention(q, k, v, mask)[0]  # (B, H, T, K)
        return self.W_o(heads.transpose(-3, -2).flatten(-2))  # (B, T, D)

    def split(self, x):
        return x.unflatten(-1, (self.n_heads, -1)).transpose(-3, -2)  # (B, H, T, K)


# %% [markdown]
# It equals the list in outputs *and gradients*, in a batch and for a single sentence. The gradients matter, because a layer may compute the right output and still
# be trained wrongly.

# %%
multi_head = MultiHeadAttention(D, H).double()
with torch.no_grad():
    for name in ("W_q", "W_k", "W_v"):
        stacked = torch.cat([getattr(head, name).weight for head in list_of_heads.heads])
        getattr(multi_head, name).weight.copy_(stacked)
    multi_head.W_o.weight.copy_(list_of_heads.W_o.weight)


def output_and_gradients(layer, *inputs, **masks):
    """The output of a layer, and its gradient with respect to each of the inputs."""
    inputs = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    output = layer(*inputs, **masks)
    output = output[0] if isinstance(output, tuple) else output
    return [output, *torch.autograd.grad(output.sin().sum(), inputs)]


for inputs, mask in [((x, memory), source_mask), ((x[0], memory[0]), None)]:
    agree(
        output_and_gradients(list_of_heads, *inputs, mask=mask),
        output_and_gradients(multi_head, *inputs, mask=mask),
    )
print("the list and the class agree")

# %% [markdown]
# ## Against the package, and against torch
#
# `torch.nn.MultiheadAttention` is the layer that most people use. To compare, copy the weights. It stores $W_q$, $W_k$ and $W_v$ in one
# tensor, on top of each other, and their biases, too:

# %%
ours = MultiHeadAttention(D, H, bias=True).double()
package = attention.MultiHeadAttention(D, H, bias=True).double()
package.load_state_dict(ours.state_dict())

torch_mha = nn.MultiheadAttention(D, H, batch_first=True).double()
projections = [ours.W_q, ours.W_k, ours.W_v]
with torch.no_grad():
    torch_mha.in_proj_weight.copy_(torch.cat([linear.weight for linear in projections]))
    torch_mha.in_proj_bias.copy_(torch.cat([linear.bias for linear in projections]))
    torch_mha.out_proj.weight.copy_(ours.W_o.weight)
    torch_mha.out_proj.bias.copy_(ours.W_o.bias)
print(torch_mha.in_proj_weight.shape, "three matrices of D × D")

# %% [markdown]
# It takes two masks: `key_padding_mask` has the shape `(B, S)`, and `attn_mask` the shape `(T, S)` if it is the same for all sentences and heads, or else `(B·H, T, S)`. In both, True means **"hide"**.
#
# First compare encoder-decoder attention, with the source's padding hidden:

# %%
hidden = source == 0  # True means "hide" here
expected = output_and_gradients(
    lambda x, memory: torch_mha(x, memory, memory, key_padding_mask=hidden), x, memory
)
for layer in (ours, package):
    agree(output_and_gradients(layer, x, memory, mask=source_mask), expected)
print("encoder-decoder attention agrees, with its gradients")

# %% [markdown]
# Then masked self-attention of the target, with a causal mask and the target's own padding. Our single mask combines the two:

# %%
causal = torch.ones(T, T, dtype=torch.bool).tril()
self_mask = causal & (target != 0).unsqueeze(-2)
assert self_mask.shape == (B, T, T)

expected = output_and_gradients(
    lambda x: torch_mha(x, x, x, key_padding_mask=target == 0, attn_mask=~causal), x
)
for layer in (ours, package):
    agree(output_and_gradients(layer, x, mask=self_mask), expected)
print("masked self-attention agrees, with its gradients")

# %% [markdown]
# Training needs the gradients of the parameters. They agree as well:

# %%
ours(x, memory, source_mask).sin().sum().backward()
torch_mha(x, memory, memory, key_padding_mask=hidden)[0].sin().sum().backward()
agree(torch.cat([linear.weight.grad for linear in projections]), torch_mha.in_proj_weight.grad)
agree(torch.cat([linear.bias.grad for linear in projections]), torch_mha.in_proj_bias.grad)
agree(ours.W_o.weight.grad, torch_mha.out_proj.weight.grad)
agree(ours.W_o.bias.grad, torch_mha.out_proj.bias.grad)
print("the gradients of all parameters agree")

# %% [markdown]
# ### Three traps of `nn.MultiheadAttention`
#
# **Its masks are inverted** with respect to `scaled_dot_product_attention`, ours and PyTorch's own alike, where True means "may attend". Pass it our mask, and it hides all real tokens.
# The first sentence has no padding, so every key is hidden, and the output is NaN (the package returns zeros for such rows, before the output projection). The second sentence silently attends to its padding only. **Predict** the two lines:

# %%
inverted = torch_mha(x, memory, memory, key_padding_mask=source_mask.squeeze(-2))[0]
print("NaN:", inverted.isnan().flatten(1).any(dim=1).tolist())
print("package:", package(x, memory, ~source_mask).isnan().flatten(1).any(dim=1).tolist())

# %% [markdown]
# **`batch_first` is False by default**, so it expects `(T, B, D)`. Give it our `(B, T, D)`, and it takes the sentences for positions: each token attends to itself and to the token at the same position of the other sentence, but never to the rest of its own. The shape is right. Yet if you change the first sentence, the output of the second changes, too:

# %%
default = nn.MultiheadAttention(D, H).double()
other = x.clone()
other[0] += torch.randn(D, dtype=torch.float64)
change = (default(other, other, other)[0] - default(x, x, x)[0]).abs()
print(default(x, x, x)[0].shape, "changed:", (change > 1e-9).flatten(1).any(dim=1).tolist())
assert change[1].max() > 1e-3

# %% [markdown]
# **The weights that it returns are averaged over the heads.** What a single head attends to is lost, unless you ask for it with `average_attn_weights=False`. And if you don't need the weights at all, say so: with `need_weights=False`, PyTorch can use a fused kernel, which is faster.

# %%
_, averaged = torch_mha(x, memory, memory, key_padding_mask=hidden)
_, of_heads = torch_mha(x, memory, memory, key_padding_mask=hidden, average_attn_weights=False)
print(averaged.shape, of_heads.shape)
agree(averaged, of_heads.mean(dim=1))
agree(of_heads, package.attention_weights(x, memory, source_mask))

# %% [markdown]
# ## How many parameters it has
#
# In the paper, the model dimension is 512, and there are 8 heads. **Predict** the number of parameters with 8 heads, and with 1.
# (On the device `meta`, a tensor has a shape but no data, so this takes no memory.)

# %%
d_model = 512


def parameters(layer):
    return sum(parameter.numel() for parameter in layer.parameters())


with torch.device("meta"):
    for n_heads in (1, 8):
        layer = MultiHeadAttention(d_model, n_heads)
        print(f"{n_heads} heads of {d_model // n_heads:3}: {parameters(layer):,} parameters")
        assert parameters(layer) == 4 * d_model**2
    full = nn.ModuleList(EncoderDecoderAttention(d_model, d_model) for _ in range(8))
print(f"8 heads of {d_model}: {parameters(full):,} parameters, {8 * d_model:,} components")
assert parameters(full) == 6 * 4 * d_model**2

# %% [markdown]
# The number is the same for 1 and for 8, because the heads share the model dimension. The last line is a variant that you will also meet, in which each head has the full dimension, without $W_o$. It has six times as many parameters, and its output no longer fits the residual connection: 4,096 components can't be added to 512.
#
# ## What goes wrong: `view` mixes tokens and heads
#
# You can get the shape `(B, H, T, K)` in one step, `view(B, H, T, K)`, without any error. See what it does to four tokens of four components, where each component is the number of its token:

# %%
four_tokens = torch.arange(4)[:, None].expand(4, 4).contiguous()  # (T, D)
right = four_tokens.unflatten(-1, (2, 2)).transpose(-3, -2)
wrong = four_tokens.view(2, 4, 2)
for name, heads in (("unflatten, transpose:", right), ("view:", wrong)):
    print(f"{name:21}", *(f" head {h}: tokens {heads[h, :, 0].tolist()}" for h in (0, 1)))

# %% [markdown]
# After `view`, head 0 has the first half of the sentence, and head 1 the second half. The shape is right, the rows of the weights sum to one, and the output has
# its usual shape. A [perturbation test](../reference/glossary.md) detects it: if one target token changes, only its own row may change.


# %%
class ViewedHeads(MultiHeadAttention):
    def split(self, x):
        return x.reshape(*x.shape[:-2], self.n_heads, x.size(-2), -1)  # no transpose


def changed_rows(layer, t):
    other = x.clone()
    other[:, t] += 1
    change = (layer(other, memory) - layer(x, memory)).abs().amax(dim=-1)  # (B, T)
    return (change[0] > 1e-9).nonzero().flatten().tolist()


assert changed_rows(multi_head, 5) == [5]

# %% tags=["raises-exception"]
viewed = ViewedHeads(D, H).double()
found = changed_rows(viewed, 5)
assert found == [5], f"token 5 has changed, and so have the rows {found}"

# %% [markdown]
# So the layer leaks. In a decoder, such a split lets information from later tokens pass any mask.
#
# But one test is not enough. Suppose that the concatenation is a `view`, too. Then the components of a target token return to its own row, and the test above passes. But the keys are still mixed up, so a mask
# hides the wrong positions. A second test detects that, because a sentence no longer has the same output in a batch as alone:


# %%
class ViewedThereAndBack(ViewedHeads):
    def forward(self, x, memory, mask=None):
        q = self.split(self.W_q(x))
        k, v = self.split(self.W_k(memory)), self.split(self.W_v(memory))
        mask = None if mask is None else mask.unsqueeze(-3)
        heads = scaled_dot_product_attention(q, k, v, mask)[0]
        return self.W_o(heads.reshape(x.shape))


there_and_back = ViewedThereAndBack(D, H).double()
assert changed_rows(there_and_back, 5) == [5]  # passes

# %% tags=["raises-exception"]
batch = there_and_back(x, memory, source_mask)[1]
alone = there_and_back(x[1], memory[1, :length])
assert torch.allclose(batch, alone), "in a batch, the output is not the same as alone"

# %% [markdown]
# ## Grouped-query attention
#
# A model that generates text keeps the keys and values of all earlier tokens in a [KV cache](../models/gpt.md#the-kv-cache). With long texts, or many of them at once, the cache fills the memory of a GPU. Must every head have its own keys and values?
# In **multi-query attention** (MQA; Shazeer 2019) all query heads share a *single* head of keys and values. **Grouped-query attention** (GQA; Ainslie and colleagues 2023) lies in between: there are a few **KV heads**, and each is shared by a
# group of neighbouring query heads.
#
# Call the number of KV heads G. Here, 2 of them serve 4 query heads. `repeat_interleave` repeats each for the two heads of its group:

# %%
G = 2
kv_heads = torch.randn(B, G, S, K, dtype=torch.float64)
repeated = kv_heads.repeat_interleave(H // G, dim=-3)
assert repeated.shape == (B, H, S, K)
for h in range(H):
    agree(repeated[:, h], kv_heads[:, h // (H // G)])
    print(f"query head {h} attends to KV head {h // (H // G)}")

# %% [markdown]
# The class differs from yours in a few lines: two projections are smaller, and the split repeats the KV heads. (For the queries, the number of repeats is 1, which changes nothing.)


# %%
class GroupedQueryAttention(MultiHeadAttention):
    def __init__(self, d_model, n_heads, n_kv_heads):
        super().__init__(d_model, n_heads)
        self.d_head = d_model // n_heads
        self.W_k = nn.Linear(d_model, n_kv_heads * self.d_head, bias=False)  # smaller
        self.W_v = nn.Linear(d_model, n_kv_heads * self.d_head, bias=False)  # smaller

    def split(self, x):
        heads = x.unflatten(-1, (-1, self.d_head)).transpose(-3, -2)  # (B, H or G, T or S, K)
        return heads.repeat_interleave(self.n_heads // heads.size(-3), dim=-3)  # (B, H, ...)


# %% [markdown]
# With four KV heads this is multi-head attention, with one it is multi-query attention, and two lie in between. All three agree with the package:

# %%
for n_kv_heads in (1, 2, 4):
    grouped = GroupedQueryAttention(D, H, n_kv_heads).double()
    package = attention.MultiHeadAttention(D, H, n_kv_heads).double()
    package.load_state_dict(grouped.state_dict())
    agree(grouped(x, memory, source_mask), package(x, memory, source_mask))
    agree(grouped(x, mask=self_mask), package(x, mask=self_mask))

grouped.load_state_dict(multi_head.state_dict())  # four KV heads
agree(grouped(x, memory, source_mask), multi_head(x, memory, source_mask))

# %% [markdown]
# PyTorch's function repeats the KV heads itself if you set `enable_gqa=True`:

# %%
q = torch.randn(B, H, T, K, dtype=torch.float64)
expected = scaled_dot_product_attention(q, repeated, repeated)[0]
agree(F.scaled_dot_product_attention(q, kv_heads, kv_heads, enable_gqa=True), expected)

# %% [markdown]
# What does it save? Llama 3.1 with 8 billion parameters has 32 layers, a model dimension of 4,096, 32 query heads, and only 8 KV heads. Each entry takes two bytes.
# **Predict**: by which factor does the cache shrink, and do the parameters of attention shrink as much?

# %%
d_model, n_heads, n_layers, two_bytes = 4096, 32, 32, 2
d_head = d_model // n_heads
for n_kv_heads in (32, 8):
    with torch.device("meta"):
        layer = attention.MultiHeadAttention(d_model, n_heads, n_kv_heads)
    cache = 2 * n_layers * n_kv_heads * d_head * two_bytes  # keys and values
    print(f"{n_kv_heads:2} KV heads: {parameters(layer):,} parameters a layer")
    print(f"   cache: {cache // 1024} KiB a token, {cache * 8192 // 2**30} GiB for 8,192")
    assert cache // 1024 == {32: 512, 8: 128}[n_kv_heads]

# %% [markdown]
# The cache shrinks to a quarter. The parameters shrink by less, because $W_q$ and $W_o$ are as large as before. The number of scores stays the same, because there are as many query heads as before.

# %% [markdown]
# ## Exercises
#
# **1. Split.** Split a tensor into heads. It should work for a batch, and for a single sentence without a batch axis.

# %% tags=["raises-exception"]
from attention.exercises import check_split_heads


def split_heads(x, n_heads):
    """From (B, T, D), the heads (B, H, T, K); from (T, D), the heads (H, T, K)."""
    ...


check_split_heads(split_heads)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# There are two steps: cut the last axis into `(n_heads, K)`, then swap two axes.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `x.unflatten(-1, (n_heads, -1))` cuts, and infers K. If you count the axes of `transpose` from the end, a missing batch axis does no harm.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_split_heads


def split_heads(x, n_heads):
    return x.unflatten(-1, (n_heads, -1)).transpose(-3, -2)


check_split_heads(split_heads)

# %% [markdown]
# **2. Concatenate.** Now undo the split.

# %% tags=["raises-exception"]
from attention.exercises import check_join_heads


def join_heads(heads):
    """From (B, H, T, K), the outputs of all heads, concatenated: (B, T, D)."""
    ...


check_join_heads(join_heads)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Undo the two steps of the split, the last one first.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# After `transpose(-3, -2)` the last two axes are H and K. `flatten(-2)` makes one axis of them.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_join_heads


def join_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


check_join_heads(join_heads)

# %% [markdown]
# **3. Bug hunt: the lost mask.** This function takes a mask, but doesn't use it. Fix it. Each sentence has its own
# mask, which all heads of the sentence share. `scaled_dot_product_attention(q, k, v, mask)` takes any mask that can be broadcast to `(B, H, T, S)`.

# %% tags=["raises-exception"]
from attention import scaled_dot_product_attention
from attention.exercises import check_mask_kept


def attend(q, k, v, mask=None):
    """The queries (B, H, T, K) of all heads attend to the keys and values (B, H, S, K).

    The mask is (B, 1, S), (B, T, S), (T, S) or None.
    """
    return scaled_dot_product_attention(q, k, v)[0]


check_mask_kept(attend)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Pass it on, and read what the check says then. Broadcasting matches `(B, 1, S)` and `(B, H, T, S)` from the last axis on.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `mask.unsqueeze(-3)` has the shape `(B, 1, 1, S)`. And if there is no mask?
#
# </details>

# %% tags=["solution"]
from attention import scaled_dot_product_attention
from attention.exercises import check_mask_kept


def attend(q, k, v, mask=None):
    if mask is not None:
        mask = mask.unsqueeze(-3)
    return scaled_dot_product_attention(q, k, v, mask)[0]


check_mask_kept(attend)

# %% [markdown]
# **4. Grouped queries.** Repeat the keys of G KV heads for `n_heads` query heads, so that neighbouring query heads share a KV head.

# %% tags=["raises-exception"]
from attention.exercises import check_repeat_heads


def repeat_heads(k, n_heads):
    """From keys (B, G, S, K), keys (B, H, S, K): each KV head for all heads of its group."""
    ...


check_repeat_heads(repeat_heads)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# How many query heads are in a group? `k.size(-3)` is G.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `repeat` gives the order 0, 1, 0, 1, and `repeat_interleave` gives 0, 0, 1, 1. Which one keeps neighbours together?
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_repeat_heads


def repeat_heads(k, n_heads):
    return k.repeat_interleave(n_heads // k.size(-3), dim=-3)


check_repeat_heads(repeat_heads)

# %% [markdown]
# ## Where to read more
#
# - Vaswani and colleagues 2017, *Attention Is All You Need* (arXiv 1706.03762): section 3.2.2 for heads, 3.2.3 for the three attentions that use them.
# - Shazeer 2019, *Fast Transformer Decoding: One Write-Head is All You Need* (arXiv 1911.02150): multi-query attention.
# - Ainslie and colleagues 2023, *GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints* (arXiv 2305.13245): section 2.2 for the groups.
