# ---
# title: Coding masked self-attention
# parent: Attention
# nav_order: 6
# description: From torch.tril to a layer for batches and padding, equal to torch's own, and a leak test that you write yourself.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Coding masked self-attention
#
# You turn the triangle into a layer for batches and padding, hold it against torch's own, and write the test that no layer with a leak
# gets past.
#
# **You need** [Coding self-attention](coding-self-attention.py) and [the matrix math of masked self-attention](masked-self-attention-math.md).
#
# **You will be able to**
#
# - write masked self-attention as a class that is only its difference from self-attention;
# - make the mask for the sentence at hand, on the device at hand, and combine it with padding;
# - say what `is_causal=True` and the masks of `nn.MultiheadAttention` do, and prove it to 12 digits;
# - test any layer for leaks, in three ways, and say what each of them can't see.
#
# **Time**: 25 minutes, and the exercises.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>Weights are masked after softmax instead of before. All weights above the diagonal are 0. Why does the future still leak?</summary>
#
# It is in the total that each weight was divided by ([The matrix math of masked self-attention](masked-self-attention-math.md)).
#
# </details>
#
# <details markdown="1">
# <summary>What does −∞ become in the softmax, and what becomes of a row that holds nothing else?</summary>
#
# e to the power of −∞ is 0, so the weight is 0. A row of nothing else is 0 / 0, which is NaN. This package gives it zeros.
#
# </details>
#
# <details markdown="1">
# <summary>x has the shape (B, T, D). Which axes must change places in <code>q @ k.transpose(…)</code>, and what is the shape of the result?</summary>
#
# The last two, `k.transpose(-2, -1)`: a batch stays a batch. The scores have the shape `(B, T, S)`, and in self-attention `S` is `T`
# ([Coding self-attention](coding-self-attention.py)).
#
# </details>

# %% [markdown]
# ## From the triangle to the average
#
# Begin with the numbers that you know: *the European Area*, a row for each word.

# %%
import math

import torch
from torch import nn
from torch.nn import functional as F

torch.set_printoptions(precision=2, sci_mode=False)

X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # (T, D) = (3, 2)
W_q = torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])  # (D, K) = (2, 2)
W_k = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
W_v = torch.tensor([[1.0, 1.0], [0.0, -2.0]])

q, k, v = X @ W_q, X @ W_k, X @ W_v  # each (T, K) = (3, 2)
scores = q @ k.T / math.sqrt(2)  # (T, S) = (3, 3)
print(scores)

# %% [markdown]
# The mask has the shape of the scores. `torch.tril` keeps the lower triangle:

# %%
mask = torch.tril(torch.ones(3, 3, dtype=torch.bool))  # (T, S), True: may look
print(mask)

# %% [markdown]
# **Predict**: how many numbers of `masked` are finite, and what are the weights of the first row?

# %%
masked = scores.masked_fill(~mask, -torch.inf)  # (T, S)
weights = masked.softmax(dim=-1)  # (T, S), each row adds up to one
output = weights @ v  # (T, K)
print(masked, weights, output, sep="\n")

assert masked.isfinite().sum() == 6
assert weights[0].tolist() == [1, 0, 0]
assert torch.allclose(weights[1], torch.tensor([0.80, 0.20, 0.00]), atol=0.005)  # by hand
assert torch.allclose(weights[2], torch.tensor([0.19, 0.77, 0.05]), atol=0.005)

# %% [markdown]
# These are the numbers that you computed with pen and paper.
#
# ## The class
#
# `SelfAttention` has the three projections already, and its `forward(x, mask)` takes a mask. So a class that inherits from it needs one thing
# of its own: the triangle. If somebody gives a mask besides, both must allow a look.

# %%
from attention import SelfAttention


class MaskedSelfAttention(SelfAttention):
    def forward(self, x, mask=None):
        return super().forward(x, self.combine_causal(x, mask))

    def attention_weights(self, x, mask=None):
        return super().attention_weights(x, self.combine_causal(x, mask))

    def combine_causal(self, x, mask):
        T = x.size(-2)  # x is (T, D), or (B, T, D)
        causal = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()  # (T, T)
        return causal if mask is None else causal & mask  # (T, T), or (B, T, T)


# %% [markdown]
# No `__init__`: that of `SelfAttention` is fine. Put your numbers in, and it gives your output. (`nn.Linear` keeps its matrix transposed.)

# %%
layer = MaskedSelfAttention(d_model=2).requires_grad_(False)
for linear, matrix in [(layer.W_q, W_q), (layer.W_k, W_k), (layer.W_v, W_v)]:
    linear.weight.copy_(matrix.T)

assert torch.allclose(layer(X), output)
assert torch.allclose(layer.attention_weights(X), weights)

# %% [markdown]
# Here is the package's. Compare it with yours, line by line: it is the same, with types. Its `combine_causal` is a function, for other layers need it, too,
# and its `forward` says `causal=True`: PyTorch's own attention knows the triangle by heart, and skips the half that nobody may see.

# %%
import inspect

import attention

print(inspect.getsource(attention.MaskedSelfAttention))

# %%
package = attention.MaskedSelfAttention(d_model=2).requires_grad_(False)
package.load_state_dict(layer.state_dict())
assert torch.allclose(package(X), layer(X))

# %% [markdown]
# ## Made for the length at hand
#
# Your class makes the mask anew in each call. It looks like a waste, and much code makes one mask in `__init__`, for the longest sentence there will be, and keeps it as a *buffer*: a tensor
# that belongs to the layer, but isn't trained. Here is what can go wrong with it.


# %%
class WithBuffer(SelfAttention):
    def __init__(self, d_model, max_len):
        super().__init__(d_model)
        causal = torch.ones(max_len, max_len, dtype=torch.bool).tril()
        self.register_buffer("causal", causal)

    def forward(self, x):
        return super().forward(x, self.causal)


# %% [markdown]
# It works for sentences of exactly `max_len` words. For three words it stops, because a mask of 5 × 5 doesn't fit scores of 3 × 3:

# %% tags=["raises-exception"]
WithBuffer(d_model=2, max_len=5)(X)


# %% [markdown]
# The repair is a slice: the upper left corner of the triangle is the triangle of a shorter sentence. There is none for a longer one.


# %%
class WithSlice(WithBuffer):
    def forward(self, x):
        T = x.size(-2)
        return SelfAttention.forward(self, x, self.causal[:T, :T])  # (T, T)


sliced = WithSlice(d_model=2, max_len=5)
sliced.load_state_dict(layer.state_dict(), strict=False)
assert torch.equal(sliced(X), layer(X))
print(list(sliced.state_dict()))

# %% [markdown]
# The list shows a second trap. The buffer counts as a part of what the layer has learned, so it is saved with it, and a layer for 9 words can't load what one for 5 words has saved.
# `register_buffer(…, persistent=False)` keeps it out.
#
# A buffer has one advantage. When you move the layer to a GPU, the buffer moves along. A mask that you make in `forward` is made on the CPU, unless you say where, and so you wrote `device=x.device`. You don't need a
# GPU to test that: torch has a device `meta`, which computes shapes and no numbers, and refuses to be mixed with another one.

# %%
there = MaskedSelfAttention(d_model=2).to("meta")
print(there(X.to("meta")).device)

# %% tags=["raises-exception"]
elsewhere = torch.ones(3, 3, dtype=torch.bool).tril()  # no device: it is made on the CPU
SelfAttention.forward(there, X.to("meta"), elsewhere)

# %% [markdown]
# ## Batches and padding
#
# Take two sentences of the book, four words and thirteen. The shorter one is filled up, once at the end and once at the front. Each word gets a random vector of eight numbers.

# %%
from attention import padding_mask
from attention.tokenizers.words import split_words

sentences = [
    split_words("They arrived late ."),
    split_words("The agreement on the European Economic Area was signed in August 1992 ."),
]
vocabulary = ["<pad>", *dict.fromkeys(sentences[0] + sentences[1])]
number = {word: n for n, word in enumerate(vocabulary)}
numbers = [torch.tensor([number[word] for word in words]) for words in sentences]

at_the_end = torch.zeros(2, 13, dtype=torch.long)  # (B, T), all <pad>
at_the_front = torch.zeros(2, 13, dtype=torch.long)
for b, ids in enumerate(numbers):
    at_the_end[b, : len(ids)] = ids
    at_the_front[b, 13 - len(ids) :] = ids

torch.manual_seed(0)
embed = nn.Embedding(len(vocabulary), 8).requires_grad_(False)
layer = MaskedSelfAttention(d_model=8).requires_grad_(False)

# %% [markdown]
# The triangle is `(T, T)` = (13, 13), the padding mask `(B, 1, T)` = (2, 1, 13), and both together are `(B, T, T)` = (2, 13, 13). The promise is the same as in
# [the first attention](../before-attention/first-attention.md): *batch equals alone*.

# %%
mask = padding_mask(at_the_front)  # (B, 1, T)
front = layer(embed(at_the_front), mask)  # (B, T, K)
end = layer(embed(at_the_end), padding_mask(at_the_end))
print(mask.shape, layer.combine_causal(front, mask).shape, front.shape)

for b, ids in enumerate(numbers):
    alone = layer(embed(ids))  # (T, K), without a batch
    assert torch.allclose(end[b, : len(ids)], alone, atol=1e-6)
    assert torch.allclose(front[b, 13 - len(ids) :], alone, atol=1e-6)

# %% [markdown]
# With padding at the front, the first nine places of *They arrived late .* may look nowhere. **Predict** what they get, and what gradients they send back.

# %%
x = embed(at_the_front).requires_grad_()
layer(x, mask).square().sum().backward()
print(front[0, :10])
assert torch.equal(front[0, :9], torch.zeros(9, 8))
assert torch.equal(x.grad[0, :9], torch.zeros(9, 8))
assert x.grad.isfinite().all()

# %% [markdown]
# ## The same as torch
#
# Is it right, in a batch, with its gradients? Compare it with two others, in 64 bits, where 12 digits must agree. `F.scaled_dot_product_attention` makes the triangle itself if you say
# `is_causal=True`.

# %%
torch.manual_seed(0)
ours = MaskedSelfAttention(d_model=8).double()
x = torch.randn(2, 13, 8, dtype=torch.float64)


def with_gradients(function, *parameters):
    """The output for `x`, and the gradients of `x` and of the parameters."""
    leaf = x.clone().requires_grad_()
    out = function(leaf)
    return [out, *torch.autograd.grad(out.sin().sum(), [leaf, *parameters])]


def assert_same(one, other):
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


def by_function(x):
    q, k, v = ours.W_q(x), ours.W_k(x), ours.W_v(x)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


expected = with_gradients(ours, *ours.parameters())
assert_same(with_gradients(by_function, *ours.parameters()), expected)

package = attention.MaskedSelfAttention(d_model=8).double()
package.load_state_dict(ours.state_dict())
assert_same(with_gradients(package, *package.parameters()), expected)

# %% [markdown]
# `nn.MultiheadAttention` with one [head](multi-head-attention.md) is the other. It has the three matrices in one, and a last projection, which is to change nothing here. Its masks are **True where a query may not look**, both of
# them: `attn_mask` of shape `(T, T)`, and `key_padding_mask` of shape `(B, T)`.

# %%
theirs = nn.MultiheadAttention(8, num_heads=1, bias=False, batch_first=True).double()
with torch.no_grad():
    matrices = [ours.W_q.weight, ours.W_k.weight, ours.W_v.weight]
    theirs.in_proj_weight.copy_(torch.cat(matrices))  # (3K, D)
    theirs.out_proj.weight.copy_(torch.eye(8))

future = torch.ones(13, 13, dtype=torch.bool).triu(diagonal=1)  # True: hide
is_padding = at_the_end == 0  # True: hide


def by_layer(x):
    return theirs(x, x, x, attn_mask=future, key_padding_mask=is_padding)[0]


padded = with_gradients(lambda x: ours(x, padding_mask(at_the_end)), *ours.parameters())
out, x_grad, joint_grad = with_gradients(by_layer, theirs.in_proj_weight)
assert_same([out, x_grad, *joint_grad.chunk(3)], padded)

# %% [markdown]
# Here the padding stands at the end, where nobody is blind. With padding at the front, the rows that may look nowhere would come out as NaN from this layer of torch:

# %%
hidden = at_the_front == 0
out = theirs(x, x, x, attn_mask=future, key_padding_mask=hidden)[0]
print("NaN in", out.isnan().any(dim=-1).sum(dim=-1).tolist(), "rows")
assert out[0, :9].isnan().all()
assert ours(x, padding_mask(at_the_front)).isfinite().all()

# %% [markdown]
# ## A leak test, three ways
#
# A layer *leaks* if its output at some place depends on words that come later. Shapes don't show it, and neither does the loss: a model with a leak learns better than a sound one. You need a test
# that looks for the leak itself. There are three ways.
#
# **Change the future.** Put other words in from place `t` on. The rows before `t` must be *equal*, to the last bit: a weight of exactly 0 lets nothing through.


# %%
def seen_by_change(layer, x):
    """Whether another future changes the past."""
    whole = layer(x)  # (*B, T, K)
    for t in range(1, x.size(-2)):
        other = x.clone()
        other[..., t:, :] = torch.randn_like(other[..., t:, :])
        if not torch.equal(layer(other)[..., :t, :], whole[..., :t, :]):
            return True
    return False


# %% [markdown]
# **Ask the gradient.** The derivative of row `t` with respect to word `s` says how much one depends on the other. For `s` later than `t`, it must be exactly 0. `jacobian` computes all of them. Here they are for a
# layer with a triangle of 5 × 5, added up to one number for each pair:

# %%
from torch.autograd.functional import jacobian

x = torch.randn(5, 8, dtype=torch.float64)


def dependence(layer, x):
    """How much row `t` of the output depends on word `s`: (T, S)."""
    return jacobian(layer, x).abs().sum(dim=(1, 3))  # from (T, K, T, D)


print(dependence(ours, x))


def seen_by_gradient(layer, x):
    """Whether any row has a gradient from its future."""
    return bool(dependence(layer, x).triu(diagonal=1).any())


# %% [markdown]
# **Cut the future off.** Run the layer on the first `t` words alone. They must get the same rows as in the whole sentence. Sums of another length are added in another order, so this holds only up to
# rounding:


# %%
def seen_by_cutting(layer, x):
    """Whether the first words get something else when the others are not there."""
    whole = layer(x)
    return not all(
        torch.allclose(layer(x[..., :t, :]), whole[..., :t, :], rtol=0, atol=1e-12)
        for t in range(1, x.size(-2))
    )


# %% [markdown]
# A test is worth what it catches. Here are seven suspects, and the sound layer. Each is a mistake that somebody can make.


# %%
def triangle(x, diagonal=0):
    return torch.ones(x.size(-2), x.size(-2), dtype=torch.bool).tril(diagonal)


def after_softmax(x):
    q, k, v = ours.W_q(x), ours.W_k(x), ours.W_v(x)
    weights = (q @ k.transpose(-2, -1) / math.sqrt(8)).softmax(dim=-1)
    return weights.masked_fill(~triangle(x), 0.0) @ v


plain = SelfAttention(d_model=8).double()  # `plain(x, mask)` takes any mask
suspects = {
    "sound": ours,
    "off by one": lambda x: plain(x, triangle(x, diagonal=1)),
    "the wrong way round": lambda x: plain(x, ~triangle(x)),
    "masked after softmax": after_softmax,
    "minus the mean": lambda x: ours(x - x.mean(dim=-2, keepdim=True)),
    "copied, no gradient": lambda x: ours(x) + x.flip(-2).detach(),
    "divided by length": lambda x: ours(x) / x.size(-2),
    "no mask in batches": lambda x: plain(x, triangle(x) if x.dim() == 2 else None),
}

# %% [markdown]
# **Predict**, before you run it: which suspect escapes the first test, which the second, and which all three?

# %%
batch = torch.randn(2, 5, 8, dtype=torch.float64)
print(f"{'':22}change  gradient  cut off  cut off, in a batch")
found = {}
for name, suspect in suspects.items():
    found[name] = [
        seen_by_change(suspect, x),
        seen_by_gradient(suspect, x),
        seen_by_cutting(suspect, x),
        seen_by_cutting(suspect, batch),
    ]
    change, gradient, cut, in_batch = ("leak" if seen else "-" for seen in found[name])
    print(f"{name:22}{change:8}{gradient:10}{cut:9}{in_batch}")

assert found["sound"] == [False, False, False, False]
assert found["copied, no gradient"] == [True, False, True, True]
assert found["divided by length"] == [False, False, True, True]
assert found["no mask in batches"] == [False, False, False, True]
others = ["off by one", "the wrong way round", "masked after softmax", "minus the mean"]
assert all(found[name] == [True, True, True, True] for name in others)

# %% [markdown]
# - The **gradient** sees only what is differentiable. A copy without a gradient, an `argmax` or a rounding passes it. But it says *where* the leak is, as a table.
# - **Changing** the future sees each change of the words, to the last bit. It keeps the length, so it doesn't see what depends on the length.
# - **Cutting off** sees that as well. But it has a tolerance, and a very small leak may hide below it.
# - And **no test sees what it isn't run on**. The last one is sound for a sentence alone, and has no mask in a batch.
#
# So use at least two of them, on a sentence and on a batch. The package's own layer has to pass the test of exercise 3 below.
#
# ### What goes wrong
#
# This is how it looks when the mask is the wrong way round, and somebody has written the test:

# %% tags=["raises-exception"]
leaks = seen_by_change(suspects["the wrong way round"], x)
assert not leaks, "the past changes with the future"

# %% [markdown]
# ## Exercises
#
# Each check prints one line when you are right, and says what is wrong when you are not. Each cell can be run alone.
#
# **1. The class, from memory.** Write masked self-attention once more, without scrolling up. It is used for single sentences and batches of any length, and with a mask for padding.

# %% tags=["raises-exception"]
import torch

from attention import SelfAttention
from attention.exercises import check_masked_layer


class Masked(SelfAttention):
    def forward(self, x, mask=None):
        """From words (*B, T, D), averages (*B, T, K) that know nothing of later words."""
        ...


check_masked_layer(Masked)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# `super().forward(x, mask)` is self-attention with any mask. Which mask do you give it, and how many words has `x`?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `x.size(-2)` is the number of words, with and without a batch. If a mask is given, a look needs both: `causal & mask`.
#
# </details>

# %% tags=["solution"]
import torch

from attention import SelfAttention
from attention.exercises import check_masked_layer


class Masked(SelfAttention):
    def forward(self, x, mask=None):
        T = x.size(-2)
        causal = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        return super().forward(x, causal if mask is None else causal & mask)


check_masked_layer(Masked)

# %% [markdown]
# **2. The other direction.** No leak test goes red for a layer that sees too *little*. If `tril(diagonal=-1)` is in it, a word may not see itself, the first one is blind, and not a bit leaks. Write a test for that: each row
# must depend on its own word and on every word before it. Our check runs your test on a sound layer, and on four that see too little.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_sight_test


def sight_test(layer):
    """Fail unless each row of `layer(x)` depends on its own word and all before it.

    `layer` takes words of four numbers, (T, 4) or (B, T, 4), as many as you like.
    """
    ...


check_sight_test(sight_test)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Change one word, and compare the outputs. Which rows must be different now?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# For each place `s`, change word `s` in a copy of `x`. Then each of the rows from `s` on must have changed: `(after != before)[s:].any(dim=-1).all()`.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_sight_test


def sight_test(layer):
    x = torch.randn(6, 4)
    before = layer(x)
    for s in range(6):
        other = x.clone()
        other[s] = torch.randn(4)
        changed = (layer(other) != before).any(dim=-1)  # (T,)
        assert changed[s:].all(), f"word {s} is not seen by rows {s} to 5"


check_sight_test(sight_test)

# %% [markdown]
# **3. The leak test.** Write a test that lets each sound layer pass, and goes red on each one that leaks. Our check runs it on four sound ones and on ten that leak: some you know, and some you don't. If one slips through, it tells you which.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_leak_test


def leak_test(layer):
    """Fail if any row of `layer(x)` depends on words that come after it.

    `layer` takes words of four numbers, (T, 4) or (B, T, 4), as many as you like.
    """
    ...


check_leak_test(leak_test)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Two of the three ways are enough, if you choose the right two. Look at the table above: which column has the most leaks?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# Run the same assertions on a sentence `(6, 4)` and on a batch `(2, 6, 4)`. With `...` in front, the same index works for both: `x[..., :t, :]`.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_leak_test


def leak_test(layer):
    for shape in [(6, 4), (2, 6, 4)]:
        x = torch.randn(shape)
        whole = layer(x)
        for t in range(1, 6):
            other = x.clone()
            other[..., t:, :] = torch.randn_like(other[..., t:, :])
            past = layer(other)[..., :t, :]
            assert torch.equal(past, whole[..., :t, :]), f"word {t} changes the rows before"
            alone = layer(x[..., :t, :])
            assert torch.allclose(alone, whole[..., :t, :], atol=1e-5), f"{t} words alone differ"


check_leak_test(leak_test)

# %% [markdown]
# ## Where to read more
#
# - Vaswani and colleagues 2017, *Attention Is All You Need* (arXiv 1706.03762), section 3.2.3, third item: why the decoder's self-attention is masked.
# - The documentation of `torch.nn.functional.scaled_dot_product_attention`: the shape of its masks, and `is_causal`.
