# ---
# title: Coding encoder-decoder and multi-head attention
# parent: Attention
# nav_order: 10
# description: Encoder-decoder attention as its difference from self-attention, heads in a list and then in one go, equal to torch's own layer to twelve digits, and grouped queries.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Coding encoder-decoder and multi-head attention
#
# You write both layers, with masks, padding and batches, and prove them equal to torch's own. As a last step, heads share their keys.
#
# **You need** [Encoder-decoder attention](encoder-decoder-attention.md) and [Multi-head attention](multi-head-attention.md), and the
# class of [Coding self-attention](coding-self-attention.py).
#
# **You will be able to**
#
# - write encoder-decoder attention and multi-head attention, and say the shape after each step;
# - copy weights between your layer and `torch.nn.MultiheadAttention`, and turn its masks round;
# - catch a split that mixes words and heads, and a mask that gets lost;
# - let several heads share their keys and values, and say what that saves.
#
# **Time**: 25 minutes, and the exercises.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>A word's vector has 512 numbers, and there are 8 heads. How wide is a query of one head?</summary>
#
# 512 divided by 8: the heads [share the width](multi-head-attention.md). You compute it below.
#
# </details>
#
# <details markdown="1">
# <summary>Encoder-decoder attention gets a mask over padding. From whose word numbers is it made?</summary>
#
# From the source's. The columns of the weights are source words, and a mask closes columns ([Encoder-decoder attention](encoder-decoder-attention.md#which-mask)).
#
# </details>
#
# <details markdown="1">
# <summary>In masked self-attention, where is −∞ put: before or after softmax, and what if it were after?</summary>
#
# Before. After softmax the weights of a row would no longer add up to one ([The matrix math of masked self-attention](masked-self-attention-math.md)).
#
# </details>

# %% [markdown]
# ## A batch to work with
#
# Two sentences that you know, and their translations. Layers must agree to twelve digits below, so all numbers have 64 bits.

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


def word_numbers(sentences):
    """Each word as a number from 1 on, and 0 for padding."""
    known, rows = {}, []
    for words in sentences:
        row = [known.setdefault(word, len(known) + 1) for word in words]
        rows.append(torch.tensor(row))
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


source = word_numbers([split_words(sentence) for sentence in english])
target = word_numbers([["<s>", *split_words(sentence)] for sentence in french])
print(source.shape, target.shape)

# %% [markdown]
# The letters of the [legend](../reference/notation.md), then: two sentences, 15 target words that ask, 13 source words that are asked. A width of 12,
# shared by 4 heads, gives 3 numbers for each. All six are different, so nothing can be mixed up in silence.

# %%
B, T, S, D, H = 2, 15, 13, 12, 4
K = D // H
assert source.shape == (B, S)
assert target.shape == (B, T)

torch.manual_seed(0)
x = torch.randn(B, T, D, dtype=torch.float64)  # what the decoder knows of its words
memory = torch.randn(B, S, D, dtype=torch.float64)  # what the encoder made of its words
source_mask = (source != 0).unsqueeze(-2)  # (B, 1, S): True means "may look"
print(source_mask[1].int())


def agree(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


# %% [markdown]
# ## From self-attention to encoder-decoder attention
#
# You have written self-attention. What is different here? Queries come from `x`, and keys and values from the memory. So the projections stay,
# and a word changes in two places:

# %%
from attention import SelfAttention, scaled_dot_product_attention


class EncoderDecoderAttention(SelfAttention):
    def forward(self, x, memory, mask=None):
        q = self.W_q(x)  # (B, T, K)
        k = self.W_k(memory)  # (B, S, K)
        v = self.W_v(memory)  # (B, S, K)
        return scaled_dot_product_attention(q, k, v, mask)[0]  # (B, T, K)


# %% [markdown]
# First the numbers that you worked out by hand: *la* should get (0.11, 1.88), nearly the value of *Area*.

# %%
by_hand = EncoderDecoderAttention(2).requires_grad_(False)
by_hand.W_q.weight.copy_(
    torch.tensor([[-4.0, -1.0], [1.0, -4.0]]).T
)  # nn.Linear keeps them transposed
by_hand.W_k.weight.copy_(torch.tensor([[0.0, -1.0], [1.0, 0.0]]).T)
by_hand.W_v.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, -2.0]]).T)
the_European_Area = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
s_la = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
output = by_hand(s_la, the_European_Area)
print(output)
assert torch.allclose(output[1], torch.tensor([0.11, 1.88]), atol=0.005)

# %% [markdown]
# Then the batch. It must agree with the package, and each sentence with itself alone, without its padding:

# %%
import attention

cross = EncoderDecoderAttention(D).double()
theirs = attention.EncoderDecoderAttention(D).double()
theirs.load_state_dict(cross.state_dict())

output = cross(x, memory, source_mask)
assert output.shape == (B, T, D)
agree(output, theirs(x, memory, source_mask))

words = int(source_mask[1].sum())
agree(output[1], cross(x[1], memory[1, :words]))
print(f"{words} words, and {S - words} places of padding that nobody looked at")

# %% [markdown]
# ## Several heads: a list
#
# A head is an attention of its own, with a narrow query, key and value. So the plainest multi-head attention is a list of the class that you have.
# Every head answers, the answers are put side by side, and one more matrix, $W_o$, mixes them:


# %%
class HeadsInAList(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        d_head = d_model // n_heads
        heads = [EncoderDecoderAttention(d_model, d_head) for _ in range(n_heads)]
        self.heads = nn.ModuleList(heads)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, memory, mask=None):
        answers = [head(x, memory, mask) for head in self.heads]  # H times (B, T, K)
        joined = torch.cat(answers, dim=-1)  # (B, T, D)
        return self.W_o(joined)  # (B, T, D)


in_a_list = HeadsInAList(D, H).double()
print(in_a_list(x, memory, source_mask).shape)
print(in_a_list.heads[0].W_q.weight.shape, "each head's W_q: K rows, D columns")

# %% [markdown]
# This is right, and you could stop here. But it asks one head after the other, and a GPU likes one large product better than many small ones.
#
# ## The same in one go
#
# Put the matrices of all heads below each other. One product then gives the queries of all heads, side by side. **Predict**: which of the 12 numbers of
# a word belong to head 1, if heads are counted from 0?

# %%
W_q = torch.cat([head.W_q.weight for head in in_a_list.heads])
assert W_q.shape == (H * K, D)  # 12 rows: 3 for each head

q = x @ W_q.T
assert q.shape == (B, T, D)
agree(q[..., 3:6], in_a_list.heads[1].W_q(x))

# %% [markdown]
# Numbers 3, 4 and 5: a run of K neighbours. To let each head work by itself, the last axis is cut in two, and the axis of heads goes to the front, beside the
# batch. There, `scaled_dot_product_attention` treats each head of each sentence as a sentence of its own:

# %%
cut = q.unflatten(-1, (H, K))
assert cut.shape == (B, T, H, K)

split = cut.transpose(-3, -2)
assert split.shape == (B, H, T, K)

for h, head in enumerate(in_a_list.heads):
    agree(split[:, h], head.W_q(x))

# %% [markdown]
# The keys and the values are split in the same way. Then every head attends at once. The mask needs an axis for the heads, in the same place: one sentence, *all its heads*, all its queries.

# %%
k = memory @ torch.cat([head.W_k.weight for head in in_a_list.heads]).T
v = memory @ torch.cat([head.W_v.weight for head in in_a_list.heads]).T
k, v = (each.unflatten(-1, (H, K)).transpose(-3, -2) for each in (k, v))
assert k.shape == v.shape == (B, H, S, K)

mask = source_mask.unsqueeze(-3)
assert mask.shape == (B, 1, 1, S)

mixed, weights = scaled_dot_product_attention(split, k, v, mask)
assert weights.shape == (B, H, T, S)
assert mixed.shape == (B, H, T, K)

# %% [markdown]
# Back again: the heads return to the side of the numbers, and the two axes become one. That is the split, backwards.

# %%
joined = mixed.transpose(-3, -2).flatten(-2)
assert joined.shape == (B, T, D)

output = in_a_list.W_o(joined)
assert output.shape == (B, T, D)
agree(output, in_a_list(x, memory, source_mask))

# %% [markdown]
# The same numbers, without a loop. As a class:


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
        mixed = scaled_dot_product_attention(q, k, v, mask)[0]  # (B, H, T, K)
        return self.W_o(mixed.transpose(-3, -2).flatten(-2))  # (B, T, D)

    def split(self, x):
        return x.unflatten(-1, (self.n_heads, -1)).transpose(-3, -2)  # (B, H, T, K)


# %% [markdown]
# Equal to the list: outputs and gradients, with and without a mask, in a batch and for one sentence. The gradient matters, because a layer may give the right answer and still
# learn the wrong thing.

# %%
in_one_go = MultiHeadAttention(D, H).double()
with torch.no_grad():
    for name in ("W_q", "W_k", "W_v"):
        stacked = torch.cat([getattr(head, name).weight for head in in_a_list.heads])
        getattr(in_one_go, name).weight.copy_(stacked)
    in_one_go.W_o.weight.copy_(in_a_list.W_o.weight)


def output_and_gradients(layer, *inputs, **masks):
    """What a layer answers, and how the answer depends on each of its inputs."""
    inputs = [one.detach().clone().requires_grad_() for one in inputs]
    output = layer(*inputs, **masks)
    output = output[0] if isinstance(output, tuple) else output
    return [output, *torch.autograd.grad(output.sin().sum(), inputs)]


for given, mask in [
    ((x, memory), None),
    ((x, memory), source_mask),
    ((x[0], memory[0]), None),
]:
    agree(
        output_and_gradients(in_a_list, *given, mask=mask),
        output_and_gradients(in_one_go, *given, mask=mask),
    )
print("the list and the one go agree")

# %% [markdown]
# ## Against the package, and against torch
#
# `torch.nn.MultiheadAttention` is the layer that most people use. To compare, copy its weights. It keeps $W_q$, $W_k$ and $W_v$ in one
# tensor, below each other, and their biases, too:

# %%
ours = MultiHeadAttention(D, H, bias=True).double()
package = attention.MultiHeadAttention(D, H, bias=True).double()
package.load_state_dict(ours.state_dict())

torchs = nn.MultiheadAttention(D, H, batch_first=True).double()
parts = [ours.W_q, ours.W_k, ours.W_v]
with torch.no_grad():
    torchs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    torchs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    torchs.out_proj.weight.copy_(ours.W_o.weight)
    torchs.out_proj.bias.copy_(ours.W_o.bias)
print(torchs.in_proj_weight.shape, "three matrices of D × D")

# %% [markdown]
# Its masks are **the other way round**: True means "hide". It also takes them apart. `key_padding_mask` has the shape `(B, S)`, and `attn_mask` is `(T, S)`, the same for all sentences.
#
# First as encoder-decoder attention, with the padding of the source hidden:

# %%
hidden = source == 0  # True means "hide" here
expected = output_and_gradients(
    lambda x, memory: torchs(x, memory, memory, key_padding_mask=hidden), x, memory
)
for layer in (ours, package):
    agree(output_and_gradients(layer, x, memory, mask=source_mask), expected)
print("encoder-decoder attention agrees, with its gradients")

# %% [markdown]
# Then as masked self-attention of the target: a causal mask, and its own padding. Our one mask is the two of them together.

# %%
causal = torch.ones(T, T, dtype=torch.bool).tril()
self_mask = causal & (target != 0).unsqueeze(-2)
assert self_mask.shape == (B, T, T)

expected = output_and_gradients(
    lambda x: torchs(x, x, x, key_padding_mask=target == 0, attn_mask=~causal), x
)
for layer in (ours, package):
    agree(output_and_gradients(layer, x, mask=self_mask), expected)
print("masked self-attention agrees, with its gradients")

# %% [markdown]
# And what the matrices learn. Their gradients agree as well:

# %%
ours(x, memory, source_mask).sin().sum().backward()
torchs(x, memory, memory, key_padding_mask=hidden)[0].sin().sum().backward()
agree(torch.cat([part.weight.grad for part in parts]), torchs.in_proj_weight.grad)
agree(torch.cat([part.bias.grad for part in parts]), torchs.in_proj_bias.grad)
agree(ours.W_o.weight.grad, torchs.out_proj.weight.grad)
print("the gradients of all matrices agree")

# %% [markdown]
# ## How many numbers it learns
#
# In the paper, words have 512 numbers and there are 8 heads. **Predict** the number of parameters with 8 heads, and with 1.
# (On the device `meta`, a layer has shapes and no numbers, so this costs nothing.)

# %%
d_model = 512


def parameters(layer):
    return sum(parameter.numel() for parameter in layer.parameters())


with torch.device("meta"):
    for n_heads in (1, 8):
        layer = MultiHeadAttention(d_model, n_heads)
        print(f"{n_heads} heads of {d_model // n_heads:3}: {parameters(layer):,} parameters")
        assert parameters(layer) == 4 * d_model**2

# %% [markdown]
# The same: the heads share the width. You will also meet heads that are each as wide as the model, without $W_o$. How much is that?

# %%
with torch.device("meta"):
    wide = nn.ModuleList(EncoderDecoderAttention(d_model, d_model) for _ in range(8))
features = sum(head.W_v.out_features for head in wide)
print(f"8 heads of {d_model}: {parameters(wide):,} parameters, {features:,} numbers")
assert (parameters(wide), features) == (6_291_456, 4_096)

# %% [markdown]
# Six times as many, and the answer no longer fits where the word came from: 4,096 numbers can't be added to 512. One head at full width costs as much as eight that share it.
#
# ## What goes wrong: `view` mixes words and heads
#
# The shape `(B, H, T, K)` can be had in one step: `view(B, H, T, K)`. Nothing complains. See what it does to four words of four numbers, where each word's numbers say which word it is:

# %%
four_words = torch.arange(4)[:, None].expand(4, 4).contiguous()  # (T, D)
print("words:", *four_words.tolist())
right = four_words.unflatten(-1, (2, 2)).transpose(-3, -2)
wrong = four_words.view(2, 4, 2)
for name, heads in (("unflatten, transpose:", right), ("view:", wrong)):
    print(f"{name:21}", *(f" head {h}: words {heads[h, :, 0].tolist()}" for h in (0, 1)))

# %% [markdown]
# After `view`, head 0 has the first half of the sentence, and head 1 the second half. The shape is right, the rows of the weights add up to one, and the output has
# its proper shape. What gives it away is a change: one target word may change its own row only.


# %%
class ViewedHeads(MultiHeadAttention):
    def split(self, x):
        return x.reshape(*x.shape[:-2], self.n_heads, x.size(-2), -1)  # no transpose


def rows_that_change(layer, t):
    other = x.clone()
    other[:, t] += 1
    change = (layer(other, memory) - layer(x, memory)).abs().amax(dim=-1)  # (B, T)
    return (change[0] > 1e-9).nonzero().flatten().tolist()


assert rows_that_change(in_one_go, 5) == [5]

# %% tags=["raises-exception"]
viewed = ViewedHeads(D, H).double()
found = rows_that_change(viewed, 5)
assert found == [5], f"word 5 has changed, and so have the rows {found}"

# %% [markdown]
# So the model leaks. In a decoder, such a split carries words from the future past any mask.
#
# One test is not enough, though. Suppose the way back is a `view`, too. Then the pieces of a target word come home to its own row, and the test above is green. The keys are mixed as before, so a mask
# hides the wrong places, and *batch equals alone* goes red:


# %%
class ViewedThereAndBack(ViewedHeads):
    def forward(self, x, memory, mask=None):
        q, k, v = (
            self.split(self.W_q(x)),
            self.split(self.W_k(memory)),
            self.split(self.W_v(memory)),
        )
        mask = None if mask is None else mask.unsqueeze(-3)
        mixed = scaled_dot_product_attention(q, k, v, mask)[0]
        return self.W_o(mixed.reshape(x.shape))


there_and_back = ViewedThereAndBack(D, H).double()
assert rows_that_change(there_and_back, 5) == [5]  # green

# %% tags=["raises-exception"]
batch = there_and_back(x, memory, source_mask)[1]
alone = there_and_back(x[1], memory[1, :words])
assert torch.allclose(batch, alone), "another answer in a batch than alone"

# %% [markdown]
# ## Grouped queries
#
# When a model writes, it keeps the keys and values of all words so far. That is its [cache](encoder-decoder-attention.md#read-once-asked-many-times), and with long texts, or many of them at once, it fills the memory of a GPU. Must every head have keys of its own?
# Shazeer (2019) lets all query heads share *one* head of keys and values: *multi-query attention*. Ainslie and colleagues (2023) choose something between: a few heads of keys, each shared by a
# group of neighbouring query heads. That is *grouped-query attention*.
#
# Call the number of key-value heads G. Here, 2 of them serve 4 query heads. `repeat_interleave` hands each to the two heads of its group:

# %%
G = 2
few = torch.randn(B, G, S, K, dtype=torch.float64)  # keys, G heads only
many = few.repeat_interleave(H // G, dim=-3)
assert many.shape == (B, H, S, K)
for h in range(H):
    assert torch.equal(many[:, h], few[:, h // (H // G)])
    print(f"query head {h} looks at the keys of group {h // (H // G)}")

# %% [markdown]
# The class differs from yours in a few lines: two projections are narrower, the split cuts by the width of a head, and keys and values are repeated.


# %%
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, n_heads, n_kv_heads):
        super().__init__()
        self.d_head = d_model // n_heads
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, n_kv_heads * self.d_head, bias=False)  # narrower
        self.W_v = nn.Linear(d_model, n_kv_heads * self.d_head, bias=False)  # narrower
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = self.split(self.W_q(x))  # (B, H, T, K)
        k = self.split(self.W_k(memory))  # (B, G, S, K)
        v = self.split(self.W_v(memory))  # (B, G, S, K)
        group = q.size(-3) // k.size(-3)
        k = k.repeat_interleave(group, dim=-3)  # (B, H, S, K)
        v = v.repeat_interleave(group, dim=-3)  # (B, H, S, K)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        mixed = scaled_dot_product_attention(q, k, v, mask)[0]  # (B, H, T, K)
        return self.W_o(mixed.transpose(-3, -2).flatten(-2))  # (B, T, D)

    def split(self, x):
        return x.unflatten(-1, (-1, self.d_head)).transpose(-3, -2)  # (B, H or G, T or S, K)


# %% [markdown]
# Four heads of keys are multi-head attention, one is multi-query attention, and two lie between. All three agree with the package:

# %%
for groups in (1, 2, 4):
    grouped = GroupedQueryAttention(D, H, groups).double()
    package = attention.MultiHeadAttention(D, H, groups).double()
    package.load_state_dict(grouped.state_dict())
    for given, mask in [((x, memory), source_mask), ((x,), self_mask)]:
        agree(
            output_and_gradients(grouped, *given, mask=mask),
            output_and_gradients(package, *given, mask=mask),
        )

every_head_its_own = GroupedQueryAttention(D, H, H).double()
every_head_its_own.load_state_dict(in_one_go.state_dict())
agree(every_head_its_own(x, memory, source_mask), in_one_go(x, memory, source_mask))

# %% [markdown]
# Torch has it in its function, which takes few keys and repeats them itself:

# %%
q = torch.randn(B, H, T, K, dtype=torch.float64)
k, v = torch.randn(2, B, G, S, K, dtype=torch.float64)
repeated = [one.repeat_interleave(H // G, dim=-3) for one in (k, v)]
mask = source_mask.unsqueeze(-3)
agree(
    F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True),
    scaled_dot_product_attention(q, *repeated, mask)[0],
)

# %% [markdown]
# What does it save? Llama 3.1 with 8 billion parameters has 32 layers, a width of 4,096 and 32 query heads, and only 8 key-value heads. Its numbers take two bytes each, and its *tokens* are words or pieces of words.
# **Predict**: by which factor does the cache shrink, and do the parameters of the attention shrink as much?

# %%
d_model, n_heads, n_layers, two_bytes = 4096, 32, 32, 2
d_head = d_model // n_heads
for n_kv_heads in (32, 8):
    with torch.device("meta"):
        layer = attention.MultiHeadAttention(d_model, n_heads, n_kv_heads)
    cache = 2 * n_layers * n_kv_heads * d_head * two_bytes  # keys and values
    print(f"{n_kv_heads:2} key-value heads: {parameters(layer):,} parameters a layer")
    print(f"   cache: {cache // 1024} KiB a token, {cache * 8192 // 2**30} GiB for 8,192")
    assert cache // 1024 == {32: 512, 8: 128}[n_kv_heads]

# %% [markdown]
# The cache shrinks to a quarter. The parameters shrink by less, because $W_q$ and $W_o$ are as wide as before. And there are as many scores as before: the questions are as many as ever, only
# with fewer lists to look them up in.

# %% [markdown]
# ## Exercises
#
# **1. Split.** Cut a tensor into heads. It should work for a batch, and for one sentence without a batch.

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
# Two steps: cut the last axis into `(n_heads, K)`, then exchange two axes.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `x.unflatten(-1, (n_heads, -1))` cuts, and torch finds K by itself. Count the axes of `transpose` from the end, and a missing batch does no harm.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_split_heads


def split_heads(x, n_heads):
    return x.unflatten(-1, (n_heads, -1)).transpose(-3, -2)


check_split_heads(split_heads)

# %% [markdown]
# **2. Join.** Now the way back.

# %% tags=["raises-exception"]
from attention.exercises import check_join_heads


def join_heads(mixed):
    """From (B, H, T, K), the answers of all heads side by side: (B, T, D)."""
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
# After `transpose(-3, -2)` the last two axes are heads and numbers. `flatten(-2)` makes one of them.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_join_heads


def join_heads(mixed):
    return mixed.transpose(-3, -2).flatten(-2)


check_join_heads(join_heads)

# %% [markdown]
# **3. Bug hunt: the mask dropped on the way.** This function takes a mask and is never seen to use it. Mend it. Mind that each sentence has its own
# mask, and that all heads of a sentence share it. `scaled_dot_product_attention(q, k, v, mask)` takes any mask that fits beside `(B, H, T, S)`.

# %% tags=["raises-exception"]
from attention import scaled_dot_product_attention
from attention.exercises import check_mask_kept


def look(q, k, v, mask=None):
    """Heads (B, H, T, K) look at heads (B, H, S, K).

    The mask is (B, 1, S), (B, T, S), (T, S) or None.
    """
    return scaled_dot_product_attention(q, k, v)[0]


check_mask_kept(look)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Hand it on, and read what the check says then. `(B, 1, S)` and `(B, H, T, S)` are matched from the last axis on.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `mask.unsqueeze(-3)` makes `(B, 1, 1, S)`. And what has None instead of a mask?
#
# </details>

# %% tags=["solution"]
from attention import scaled_dot_product_attention
from attention.exercises import check_mask_kept


def look(q, k, v, mask=None):
    if mask is not None:
        mask = mask.unsqueeze(-3)
    return scaled_dot_product_attention(q, k, v, mask)[0]


check_mask_kept(look)

# %% [markdown]
# **4. Share.** Hand the keys of G groups to `n_heads` query heads, neighbours to neighbours.

# %% tags=["raises-exception"]
from attention.exercises import check_repeat_heads


def spread(k, n_heads):
    """From keys (B, G, S, K), keys (B, H, S, K): a group of heads shares its keys."""
    ...


check_repeat_heads(spread)

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
# There are `repeat`, which gives 0, 1, 0, 1, and `repeat_interleave`, which gives 0, 0, 1, 1. Which one keeps neighbours together?
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_repeat_heads


def spread(k, n_heads):
    return k.repeat_interleave(n_heads // k.size(-3), dim=-3)


check_repeat_heads(spread)

# %% [markdown]
# ## Where to read more
#
# - Vaswani and colleagues 2017, *Attention Is All You Need* (arXiv 1706.03762): section 3.2.2 for heads, 3.2.3 for the three places where they stand.
# - Shazeer 2019, *Fast Transformer Decoding: One Write-Head is All You Need* (arXiv 1911.02150): multi-query attention.
# - Ainslie and colleagues 2023, *GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints* (arXiv 2305.13245): section 2.2 for the groups.
