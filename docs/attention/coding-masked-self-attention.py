# ---
# title: Coding masked self-attention
# parent: Attention
# nav_order: 6
# description: From torch.tril to an nn.Module for batches and padding, equal to PyTorch's own. What is_causal does with a KV cache, and a leak test that you write yourself.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Coding masked self-attention
#
# You turn the causal mask into a layer for batches and padding, compare it with PyTorch's own, and write a test for leaks from the future.
#
# **You need** [Coding self-attention](coding-self-attention.py) and [the matrix math of masked self-attention](masked-self-attention-math.md), from the Primer [modules](../primer.md#modules) and [broadcasting](../primer.md#broadcasting), and to know that a Python class can inherit from another one and call its methods through `super()`.
#
# **You will be able to**
#
# - write masked self-attention as a class that contains only its difference from self-attention;
# - make the mask for the length and on the device of the input, and combine it with a padding mask;
# - say what `is_causal=True` does, with and without a [KV cache](../reference/glossary.md);
# - test any layer for leaks in three ways, and say what each of them can't detect.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>The weights are masked after the softmax instead of before. All weights above the diagonal are 0. Why does the future still leak?</summary>
#
# It is a part of the total by which each weight has been divided ([The matrix math of masked self-attention](masked-self-attention-math.md#why-before-the-softmax)).
#
# </details>
#
# <details markdown="1">
# <summary>What does the softmax make of −∞, and what of a row that contains nothing else?</summary>
#
# e to the power of −∞ is 0, so the weight is 0. In a row of nothing else, the softmax is 0 / 0, which is NaN. The package returns zeros for such a row ([Fully masked rows](masked-self-attention-math.md#fully-masked-rows)).
#
# </details>
#
# <details markdown="1">
# <summary>x has the shape (B, T, D). Which axes does <code>q @ k.transpose(…)</code> have to swap, and what is the shape of the result?</summary>
#
# The last two, `k.transpose(-2, -1)`, so that the batch axis stays where it is. The scores have the shape `(B, T, S)`, and in self-attention `S` equals `T`
# ([Coding self-attention](coding-self-attention.py)).
#
# </details>

# %% [markdown]
# ## From the mask to the output
#
# Start from the example that you know: *the European Area*, one row for each token. `torch.tril` keeps the lower triangle of a matrix. **Predict**: how many entries of `masked` are finite, and what are the weights in the first row?

# %%
import math

import torch
from torch import nn
from torch.nn import functional as F

torch.set_printoptions(precision=2, sci_mode=False)
x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # (T, D) = (3, 2)
W_q = torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])  # (D, K) = (2, 2)
W_k = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
W_v = torch.tensor([[1.0, 1.0], [0.0, -2.0]])

q, k, v = x @ W_q, x @ W_k, x @ W_v  # (T, K) each
scores = q @ k.T / math.sqrt(2)  # (T, S) = (3, 3)
mask = torch.tril(torch.ones(3, 3, dtype=torch.bool))  # (T, S), True: may attend
masked = scores.masked_fill(~mask, -torch.inf)  # (T, S)
weights = masked.softmax(dim=-1)  # (T, S), each row sums to one
output = weights @ v  # (T, K)
print(masked, weights, output, sep="\n")

assert masked.isfinite().sum() == 6
by_hand = torch.tensor([[1.0, 0.0, 0.0], [0.80, 0.20, 0.0], [0.19, 0.77, 0.05]])
assert torch.allclose(weights, by_hand, atol=0.005)

# %% [markdown]
# These are the weights that you computed with pen and paper.
#
# ## The class
#
# `SelfAttention` already has the three projections, and its `forward(x, mask)` accepts a mask. So a class that inherits from it only has to add the causal mask. If the caller passes a mask as well, a query may attend to a key only if both allow it.

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


layer = MaskedSelfAttention(d_model=2).requires_grad_(False)
for linear, matrix in [(layer.W_q, W_q), (layer.W_k, W_k), (layer.W_v, W_v)]:
    linear.weight.copy_(matrix.T)
assert torch.allclose(layer(x), output)
assert torch.allclose(layer.attention_weights(x), weights)

# %% [markdown]
# It needs no `__init__`, because it inherits that of `SelfAttention`. Here is the package's class. Compare it with yours, line by line: apart from the types and docstrings, it differs in two ways. Its `combine_causal` is a function, because other layers need it, too.
# And its `forward` calls the fused function itself, with `causal=True` instead of a causal mask, because a fused kernel can skip the masked half of the scores.

# %%
import inspect

import attention

print(inspect.getsource(attention.MaskedSelfAttention))

# %% [markdown]
# ## A mask for the length at hand
#
# Your class makes a new mask in each call. This seems wasteful, and a lot of code makes a single mask in `__init__`, for the longest sentence, and registers it as a *buffer*: a tensor that belongs to the layer, but is not a parameter. Here is what can go wrong with that.


# %%
class WithBuffer(SelfAttention):
    def __init__(self, d_model, max_len):
        super().__init__(d_model)
        causal = torch.ones(max_len, max_len, dtype=torch.bool).tril()
        self.register_buffer("causal", causal)

    def forward(self, x):
        return super().forward(x, self.causal)


# %% [markdown]
# It works only for sentences of exactly `max_len` tokens. With three tokens it raises an error, because a 5 × 5 mask doesn't fit 3 × 3 scores:

# %% tags=["raises-exception"]
WithBuffer(d_model=2, max_len=5)(x)


# %% [markdown]
# The fix is a slice, because the top-left corner of a causal mask is the causal mask of a shorter sentence. For a longer one, there is nothing to slice.


# %%
class WithSlice(WithBuffer):
    def forward(self, x):
        T = x.size(-2)
        return SelfAttention.forward(self, x, self.causal[:T, :T])  # (T, T)


sliced = WithSlice(d_model=2, max_len=5)
sliced.load_state_dict(layer.state_dict(), strict=False)  # it has no buffer to load
assert torch.equal(sliced(x), layer(x))
print(list(sliced.state_dict()))

# %% [markdown]
# The list shows a second trap. The buffer is saved together with the parameters, so a layer for 9 tokens can't load what a layer for 5 tokens has saved. `register_buffer(…, persistent=False)` prevents that.
#
# A buffer has one advantage: if you move the layer to a GPU, the buffer moves along. A mask that you make in `forward` is made on the CPU unless you name a device, hence `device=x.device`. You can test this without a GPU, because PyTorch has a device `meta`, on which tensors have shapes but no values, and with which a mask on the CPU can't be combined.

# %%
on_meta = MaskedSelfAttention(d_model=2).to("meta")
print(on_meta(x.to("meta")).device)

# %% tags=["raises-exception"]
on_the_cpu = torch.ones(3, 3, dtype=torch.bool).tril()  # no device is named
SelfAttention.forward(on_meta, x.to("meta"), on_the_cpu)

# %% [markdown]
# ## Batches and padding
#
# Take two sentences of the book, with four and thirteen tokens. The shorter one is padded twice, once at the end and once at the front. Each token has a random embedding with eight components.

# %%
from attention import padding_mask
from attention.tokenizers.words import split_words

sentences = [
    split_words("They arrived late ."),
    split_words("The agreement on the European Economic Area was signed in August 1992 ."),
]
vocabulary = ["<pad>", *dict.fromkeys(sentences[0] + sentences[1])]
ids = [torch.tensor([vocabulary.index(token) for token in tokens]) for tokens in sentences]
at_the_end = nn.utils.rnn.pad_sequence(ids, batch_first=True)  # (B, T), padded with 0
at_the_front = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_side="left")

torch.manual_seed(0)
embedding = nn.Embedding(len(vocabulary), 8).requires_grad_(False)
layer = MaskedSelfAttention(d_model=8).requires_grad_(False)

# %% [markdown]
# The causal mask is `(T, T)` = (13, 13), the padding mask `(B, 1, T)` = (2, 1, 13), and the combined mask `(B, T, T)` = (2, 13, 13). The check is the same as in
# [Coding self-attention](coding-self-attention.py): each sentence gets the same output in the batch as alone.

# %%
mask = padding_mask(at_the_front)  # (B, 1, T)
front = layer(embedding(at_the_front), mask)  # (B, T, K)
end = layer(embedding(at_the_end), padding_mask(at_the_end))
print(mask.shape, layer.combine_causal(front, mask).shape, front.shape)

for b, sentence in enumerate(ids):
    alone = layer(embedding(sentence))  # (T, K), without a batch
    assert torch.allclose(end[b, : len(sentence)], alone, atol=1e-6)
    assert torch.allclose(front[b, 13 - len(sentence) :], alone, atol=1e-6)

# %% [markdown]
# With padding at the front, the first nine rows of *They arrived late .* are fully masked. **Predict** their outputs, and the gradients of their inputs.

# %%
x = embedding(at_the_front).requires_grad_()
layer(x, mask).square().sum().backward()
print(front[0, :10])
assert torch.equal(front[0, :9], torch.zeros(9, 8))
assert torch.equal(x.grad[0, :9], torch.zeros(9, 8))
assert x.grad.isfinite().all()

# %% [markdown]
# ## Against PyTorch
#
# Is the layer correct for a batch, gradients included? Compare it with PyTorch in 64 bits, so that 12 decimals must agree. `F.scaled_dot_product_attention` makes the causal mask itself if you pass
# `is_causal=True`.

# %%
torch.manual_seed(0)
ours = MaskedSelfAttention(d_model=8).double()
x = torch.randn(2, 13, 8, dtype=torch.float64)


def with_gradients(function, *parameters):
    """The output for `x`, and the gradients of a made-up loss for `x` and the parameters."""
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
# The layer `nn.MultiheadAttention`, with a single [head](multi-head-attention.md), stores the three matrices in one tensor. Its output projection is set to the identity here. In both of its masks, **True means that a key is excluded**: in
# `attn_mask` of shape `(T, T)`, and in `key_padding_mask` of shape `(B, T)`.

# %%
theirs = nn.MultiheadAttention(8, num_heads=1, bias=False, batch_first=True).double()
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat(list(ours.parameters())))  # (3K, D)
    theirs.out_proj.weight.copy_(torch.eye(8))

future = torch.ones(13, 13, dtype=torch.bool).triu(diagonal=1)  # True: excluded


def by_layer(x, ids, **options):
    return theirs(x, x, x, attn_mask=future, key_padding_mask=ids == 0, **options)[0]


padded = with_gradients(lambda x: ours(x, padding_mask(at_the_end)), *ours.parameters())
out, x_grad, joint_grad = with_gradients(lambda x: by_layer(x, at_the_end), theirs.in_proj_weight)
assert_same([out, x_grad, *joint_grad.chunk(3)], padded)

# %% [markdown]
# With the padding at the end, no row is fully masked. With the padding at the front, nine rows are, and what this layer returns for them depends on an option that has nothing to do with masks. By default, it computes the attention weights as well, by the plain formula, which gives NaN. With `need_weights=False` it uses the fused function, which gives zeros:

# %%
for need_weights in (True, False):
    out = by_layer(x, at_the_front, need_weights=need_weights)
    print(f"need_weights={need_weights}: {out[0].isnan().any(dim=-1).sum()} rows of NaN")
    assert out[0, :9].isnan().all() == need_weights
assert ours(x, padding_mask(at_the_front)).isfinite().all()

# %% [markdown]
# ## What goes wrong: `is_causal` with a KV cache
#
# When a model generates, it processes one new token at a time. It keeps the keys and values of the earlier tokens in a [**KV cache**](../models/gpt.md), so it computes only the query, key and value of the new one. There is then one query, and a key for each token so far. The new token comes last and may attend to all of them. Does `is_causal=True` know that?

# %% tags=["raises-exception"]
q, k, v = (W(x) for W in (ours.W_q, ours.W_k, ours.W_v))  # (B, S, K): all 13 tokens
whole = F.scaled_dot_product_attention(q, k, v, is_causal=True)
new = F.scaled_dot_product_attention(q[:, -1:], k, v, is_causal=True)  # 1 query, 13 keys
first = torch.allclose(new, v[:, :1])
assert torch.allclose(new, whole[:, -1:]), f"attends only to the first key: {first}"

# %% [markdown]
# It doesn't. If the mask isn't square, `is_causal=True` aligns it to the **top-left** corner, as if the queries were the *first* tokens. With a cache, they are the last ones, so the mask must be aligned to the **bottom-right** corner. Here are both for two new tokens, with five keys. Pass the second one as `attn_mask`, and the output is that of the whole sentence:


# %%
def causal_mask(T, S):
    """For queries at the last T of S positions."""
    return torch.ones(T, S, dtype=torch.bool).tril(S - T)


print(torch.ones(2, 5, dtype=torch.bool).tril(), causal_mask(2, 5), sep="\n")
for T in (1, 2, 13):
    new = F.scaled_dot_product_attention(q[:, -T:], k, v, attn_mask=causal_mask(T, 13))
    assert_same([new], [whole[:, -T:]])

# %% [markdown]
# The package's `combine_causal` does this, so its multi-head layer can be used with a cache. For a single new token you need no causal mask, because nothing comes after it. PyTorch names the two alignments in `torch.nn.attention.bias`: `causal_upper_left` and `causal_lower_right`.
#
# ## A leak test, three ways
#
# A layer **leaks** if its output at some position depends on later tokens. The shapes don't show it, and neither does the loss, since a model that is trained with a leak tends to have a *lower* loss than a correct one. You need a **leak test**, which looks for the dependence itself. There are three ways to do it.
#
# **Change the future.** Replace the tokens from position `t` on. The rows before `t` must be *equal*, to the last bit, because a weight of exactly 0 lets nothing through.


# %%
def found_by_change(layer, x):
    """Whether a change of later tokens changes earlier rows."""
    whole = layer(x)  # (*B, T, K)
    for t in range(1, x.size(-2)):
        changed = x.clone()
        changed[..., t:, :] = torch.randn_like(changed[..., t:, :])
        if not torch.equal(layer(changed)[..., :t, :], whole[..., :t, :]):
            return True
    return False


# %% [markdown]
# **Compute the gradient.** The derivative of row `t` with respect to token `s` says how much the row depends on the token. If `s` comes after `t`, it must be exactly 0. `jacobian` computes all these derivatives. Here they are for five tokens, in absolute value and summed for each pair of positions:

# %%
from torch.autograd.functional import jacobian

x = torch.randn(5, 8, dtype=torch.float64)


def dependence(layer, x):
    """How much row `t` of the output depends on token `s`: (T, S)."""
    return jacobian(layer, x).abs().sum(dim=(1, 3))  # from (T, K, S, D)


print(dependence(ours, x))


def found_by_gradient(layer, x):
    """Whether any row has a gradient from a later token."""
    return bool(dependence(layer, x).triu(diagonal=1).any())


# %% [markdown]
# **Cut off the future.** Process the first `t` tokens alone. They must get the same rows as in the whole sentence. Sums of different lengths are rounded differently, so this comparison needs a tolerance:


# %%
def found_by_cutting(layer, x):
    """Whether the first tokens get other outputs without the later ones."""
    whole = layer(x)
    return not all(
        torch.allclose(layer(x[..., :t, :]), whole[..., :t, :], rtol=0, atol=1e-12)
        for t in range(1, x.size(-2))
    )


# %% [markdown]
# A test is worth what it detects. Here are a correct layer and seven suspects, each with a mistake that people make.


# %%
def triangle(x, diagonal=0):
    return torch.ones(x.size(-2), x.size(-2), dtype=torch.bool).tril(diagonal)


def after_softmax(x):
    q, k, v = ours.W_q(x), ours.W_k(x), ours.W_v(x)
    return (q @ k.mT / math.sqrt(8)).softmax(dim=-1).tril() @ v


plain = SelfAttention(d_model=8).double()  # `plain(x, mask)` takes any mask
suspects = {
    "correct": ours,
    "off by one": lambda x: plain(x, triangle(x, diagonal=1)),
    "inverted mask": lambda x: plain(x, ~triangle(x)),
    "masked after softmax": after_softmax,
    "minus the mean": lambda x: ours(x - x.mean(dim=-2, keepdim=True)),
    "copied, no gradient": lambda x: ours(x) + x.flip(-2).detach(),
    "divided by length": lambda x: ours(x) / x.size(-2),
    "no mask in batches": lambda x: plain(x, triangle(x) if x.dim() == 2 else None),
}

# %% [markdown]
# **Predict** before you run it: which suspects pass the first test, which the second, and which passes all three?

# %%
batch = torch.randn(2, 5, 8, dtype=torch.float64)
print(f"{'':22}change  gradient  cut off  cut off, in a batch")
found = {}
for name, suspect in suspects.items():
    found[name] = [
        found_by_change(suspect, x),
        found_by_gradient(suspect, x),
        found_by_cutting(suspect, x),
        found_by_cutting(suspect, batch),
    ]
    change, gradient, cut, in_batch = ("leak" if leaks else "-" for leaks in found[name])
    print(f"{name:22}{change:8}{gradient:10}{cut:9}{in_batch}")

assert found.pop("correct") == [False, False, False, False]
assert found.pop("copied, no gradient") == [True, False, True, True]
assert found.pop("divided by length") == [False, False, True, True]
assert found.pop("no mask in batches") == [False, False, False, True]
assert all(leaks == [True, True, True, True] for leaks in found.values())

# %% [markdown]
# - The **gradient** detects only what is differentiable. A copy that is detached from the gradient, an `argmax` or a rounding escapes it. On the other hand, it shows *where* the leak is, as a table.
# - **Changing** the future also detects what has no gradient, to the last bit, if the new tokens make a difference. Since it keeps the length, a dependence on the length escapes it.
# - **Cutting off** the future detects that, too. But it needs a tolerance, so a very small leak may escape it.
# - **No test detects what it isn't run on.** The last suspect is correct for a single sentence, and has no mask in a batch. Another might leak only in sentences longer than those of the test.
#
# So use cutting and one of the others, at every position, on a single sentence and on a batch, with the lengths that you care about. Even then, a leak test can prove that a layer leaks, but not that it doesn't.
#
# ### What goes wrong: an inverted mask
#
# This is what you see if the mask is inverted and somebody has written the test:

# %% tags=["raises-exception"]
leaks = found_by_change(suspects["inverted mask"], x)
assert not leaks, "the past changes with the future"

# %% [markdown]
# ## Exercises
#
# Each check prints one line when you are right, and says what is wrong when you are not. Each cell can be run alone.
#
# **1. The class, from memory.** Write masked self-attention once more, without scrolling up. It is used for single sentences and batches of any length, with and without a padding mask.

# %% tags=["raises-exception"]
import torch

from attention import SelfAttention
from attention.exercises import check_masked_layer


class Masked(SelfAttention):
    def forward(self, x, mask=None):
        """From token vectors (*B, T, D), outputs (*B, T, K) without the future."""
        ...


check_masked_layer(Masked)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# `super().forward(x, mask)` is self-attention with any mask. Which mask do you pass, and how many tokens does `x` have?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `x.size(-2)` is the number of tokens, with and without a batch. If a mask is passed, both must allow it: `causal & mask`.
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
# **2. The other direction.** A leak test doesn't notice a layer that masks too *much*. With `tril(diagonal=-1)`, no token may attend to itself and the first row is fully masked, but nothing leaks. Write a test for that: each row
# must depend on its own token and on every token before it. Our check runs your test on a correct layer, and on four that mask too much.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_dependence_test


def dependence_test(layer):
    """Fail unless each row of `layer(x)` depends on its own token and all before it.

    `layer` takes token vectors of dimension 4, (T, 4) or (B, T, 4), for any B and T.
    """
    ...


check_dependence_test(dependence_test)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Change one token, and compare the outputs. Which rows must differ now?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# For each position `s`, change token `s` in a copy of `x`. Then every row from `s` on must have changed: `(after != before)[s:].any(dim=-1).all()`.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_dependence_test


def dependence_test(layer):
    x = torch.randn(6, 4)
    before = layer(x)
    for s in range(6):
        changed = x.clone()
        changed[s] = torch.randn(4)
        differs = (layer(changed) != before).any(dim=-1)  # (T,)
        assert differs[s:].all(), f"some row from {s} on doesn't depend on token {s}"


check_dependence_test(dependence_test)

# %% [markdown]
# **3. The leak test.** Write a test that accepts causal layers, and fails for those that leak. Our check runs it on four causal layers and on fourteen that leak, some of which you haven't seen yet. If your test accepts one of these, the check tells you which.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_leak_test


def leak_test(layer):
    """Fail if any row of `layer(x)` depends on later tokens.

    `layer` takes token vectors of dimension 4, (T, 4) or (B, T, 4), for any B and T.
    """
    ...


check_leak_test(leak_test)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Two of the three ways are enough, if cutting is one of them. What does cutting miss?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# Run the same assertions on a single sentence `(12, 4)` and on a batch `(2, 12, 4)`, at every position `t`. With `...` in front, the same index works for both: `x[..., :t, :]`.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_leak_test


def leak_test(layer):
    for shape in [(12, 4), (2, 12, 4)]:
        x = torch.randn(shape)
        whole = layer(x)
        for t in range(1, 12):
            changed = x.clone()
            changed[..., t:, :] = torch.randn_like(changed[..., t:, :])
            past = layer(changed)[..., :t, :]
            assert torch.equal(past, whole[..., :t, :]), f"tokens from {t} on leak"
            alone = layer(x[..., :t, :])
            assert torch.allclose(alone, whole[..., :t, :], atol=1e-5), (
                f"the first {t} tokens alone differ"
            )


check_leak_test(leak_test)

# %% [markdown]
# ## Where to read more
#
# - Vaswani and colleagues 2017, *Attention Is All You Need* (arXiv 1706.03762), section 3.2.3, third item: why the decoder's self-attention is masked.
# - The documentation of `torch.nn.functional.scaled_dot_product_attention`: the shape of its masks, and `is_causal`. The two alignments are those of `torch.nn.attention.bias.CausalBias`.
