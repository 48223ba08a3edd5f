# ---
# title: Coding self-attention
# parent: Attention
# nav_order: 3
# description: From matrix products to an nn.Module for batches and padding, equal to PyTorch's own, gradients included. A silent bug, attention dropout, and the memory that the scores take.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Coding self-attention
#
# You turn the matrix products of the last chapter into an `nn.Module` that handles batches and padding, and show that it agrees with your numbers by hand, with the package and with PyTorch.
#
# **You need** [the matrix math of self-attention](self-attention-math.md), and from the Primer [modules](../primer.md#modules) and [broadcasting](../primer.md#broadcasting).
#
# **You will be able to**
#
# - write self-attention as a function and as an `nn.Module`, and say the shape of every tensor in it;
# - explain how code that is correct for one sentence can be silently wrong for a batch, and avoid it;
# - compare two implementations, gradients included;
# - mask padding, so that a sentence gets the same vectors in a batch as alone;
# - say where attention dropout is applied, and how much memory the scores take.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>How does <code>nn.Linear</code> store its matrix?</summary>
#
# Transposed, because it computes $x\,W^\top$. To load your $W_q$, copy `W_q.T` into its `weight` ([the last chapter](self-attention-math.md#in-code)).
#
# </details>
#
# <details markdown="1">
# <summary>Each key has 64 components. By what are the scores divided, and over which axis does the softmax run?</summary>
#
# By the square root of 64. The softmax runs over the keys, which are the last axis, so each row of weights sums to one.
#
# </details>
#
# <details markdown="1">
# <summary>You permute the tokens of a sentence, without positional encodings. How do the outputs of self-attention change?</summary>
#
# They are permuted in the same way, and otherwise equal: self-attention is permutation-equivariant ([Positional encodings](positions.md#self-attention-is-permutation-equivariant)).
#
# </details>

# %% [markdown]
# ## Matrix products
#
# Start from what you computed by hand: the three tokens *the European Area*, and three matrices. The comments give the shapes, in the letters of the
# [notation page](../reference/notation.md). `T` is the axis of the queries and `S` that of the keys, which in self-attention are the same tokens. `D` is the dimension of a token's vector,
# and `K` is that of a query, a key or a value, which is $d_k$ in the formula and `d_head` in code. Queries, keys and values have small letters in this code, so that a capital `K` is always an axis here. Say each shape to yourself before you read its comment.

# %%
import math

import torch

torch.set_printoptions(precision=2, sci_mode=False)
x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # (T, D): the, European, Area
W_q = torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])  # (D, K)
W_k = torch.tensor([[0.0, -1.0], [1.0, 0.0]])  # (D, K)
W_v = torch.tensor([[1.0, 1.0], [0.0, -2.0]])  # (D, K)

q = x @ W_q  # (T, K)
k = x @ W_k  # (S, K)
v = x @ W_v  # (S, K)
scores = q @ k.T / math.sqrt(k.size(-1))  # (T, K) @ (K, S) -> (T, S)
weights = scores.softmax(dim=-1)  # (T, S)
output = weights @ v  # (T, S) @ (S, K) -> (T, K)
print(output)

by_hand = torch.tensor([[0.32, 1.53], [0.19, 1.63], [0.19, -1.26]])
assert torch.allclose(output, by_hand, atol=0.005)

# %% [markdown]
# ## A function
#
# Wrap these lines in a function. This version is common in code on the web: `transpose(0, 1)` swaps the axes 0 and 1, which for a matrix is the same as `.T`.


# %%
def self_attention(x, W_q, W_k, W_v):
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    scores = q @ k.transpose(0, 1) / math.sqrt(k.size(-1))
    return scores.softmax(dim=-1) @ v


assert torch.equal(self_attention(x, W_q, W_k, W_v), output)

# %% [markdown]
# ## A batch
#
# A model processes many sentences at once, stacked along a new first axis: `(B, T, D)`. Here is a batch of two. The second sentence is the first one in another order.
#
# **Predict**: which line of the function fails, and why?

# %% tags=["raises-exception"]
batch = torch.stack([x, x[[2, 0, 1]]])  # (B, T, D): (2, 3, 2)
self_attention(batch, W_q, W_k, W_v)

# %% [markdown]
# In a batch, the axes 0 and 1 are the sentences and the tokens. So `transpose(0, 1)` has given the keys, of shape (2, 3, 2), the shape (3, 2, 2), as if there were three sentences. The queries belong to two sentences, so the two batch axes don't match, and PyTorch raises an error. That is the good case.
#
# ## What goes wrong: the bug that raises no error
#
# Now take a batch of three sentences with three tokens each, and make every dimension 3. All sizes match:

# %%
torch.manual_seed(0)
three = torch.randn(3, 3, 3)  # (B, T, D)
matrices = [torch.randn(3, 3) for _ in range(3)]
together = self_attention(three, *matrices)
print(together.shape)

# %% [markdown]
# There is no error, and the shape is right. But is the result? A sentence must get the same output in a batch as alone:

# %% tags=["raises-exception"]
alone = self_attention(three[0], *matrices)
assert torch.allclose(together[0], alone), "the output depends on the batch"

# %% [markdown]
# The result is wrong. A score should be the dot product of a query and a key. After `transpose(0, 1)`, however, the axes of the keys are tokens, sentences and components. The product takes the tokens for the batch, the sentences for the components that it multiplies and adds, and the components for the tokens. So the first component of a query is multiplied by
# a component from the first sentence, the second by one from the second sentence, and so on. `einsum` can write this down, because it names the axes. It multiplies, and then sums over each letter that is missing on the right:

# %%
q, k = three @ matrices[0], three @ matrices[1]
leaky = torch.einsum("btk,kbs->bts", q, k)  # of k: sentences, tokens, components
assert torch.allclose(q @ k.transpose(0, 1), leaky, atol=1e-6)

# %% [markdown]
# The sentences leak into each other. If you change the last one, the output of the first changes as well:

# %%
changed = three.clone()
changed[2] = torch.randn(3, 3)
difference = (self_attention(changed, *matrices)[0] - together[0]).abs().max()
print(f"the output of the first sentence changes by up to {difference:.2f}")
assert difference > 0.1

# %% [markdown]
# Where the sizes match, a model with this bug trains all the same. Its results are worse than they should be, and nothing tells you why.
#
# **Count axes from the end.** Tokens and components are always the last two axes, -2 and -1, however many batch axes precede them. So `transpose(-2, -1)` transposes the keys of each sentence separately, and `dim=-1` is always the axis of the keys. Written like this, the function accepts a sentence, a batch,
# or a batch of batches:


# %%
def self_attention(x, W_q, W_k, W_v):
    q, k, v = x @ W_q, x @ W_k, x @ W_v  # (*B, T, K) each; *B: any batch axes
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))  # (*B, T, S)
    return scores.softmax(dim=-1) @ v  # (*B, T, K)


def check_batches(function, x, *matrices):
    """Check that each sentence gets the same output in the batch as alone."""
    alone = [function(sentence, *matrices) for sentence in x]
    assert torch.allclose(function(x, *matrices), torch.stack(alone), atol=1e-6)


assert torch.equal(self_attention(x, W_q, W_k, W_v), output)
check_batches(self_attention, batch, W_q, W_k, W_v)
check_batches(self_attention, three, *matrices)
check_batches(self_attention, torch.randn(2, 4, 5, 3), *matrices)

# %% [markdown]
# (`k.mT` is short for `k.transpose(-2, -1)`. But `k.T` reverses *all* axes, and PyTorch warns you if there are more than two.)
#
# ## A class
#
# A layer owns its matrices, so that they can be trained, saved and moved to a GPU. In PyTorch, such a layer is an `nn.Module`, and each of its matrices is an `nn.Linear` without a bias. The class contains the three lines of the function. They are split into two methods, because you will want to look at the attention weights alone. How many parameters does the layer below have?


# %%
from torch import nn


class SelfAttention(nn.Module):
    def __init__(self, d_model, d_head=None):
        super().__init__()
        d_head = d_head or d_model
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def attention_weights(self, x):  # (*B, T, D)
        q, k = self.W_q(x), self.W_k(x)  # (*B, T, K)
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))  # (*B, T, S)
        return scores.softmax(dim=-1)

    def forward(self, x):
        return self.attention_weights(x) @ self.W_v(x)  # (*B, T, K)


torch.manual_seed(0)
layer = SelfAttention(d_model=6, d_head=4)
sentences = torch.randn(2, 5, 6)  # (B, T, D)
assert layer.W_q(sentences).shape == (2, 5, 4)  # (B, T, K)
assert layer.attention_weights(sentences).shape == (2, 5, 5)  # (B, T, S)
assert layer(sentences).shape == (2, 5, 4)  # (B, T, K)
check_batches(layer, sentences)
print({name: tuple(weight.shape) for name, weight in layer.state_dict().items()})
print(sum(p.numel() for p in layer.parameters()), "parameters")

# %% [markdown]
# It has 3 · 6 · 4 = 72 parameters. The number of tokens doesn't occur in this product, so the same layer processes sentences of any length.
#
# ## Three checks
#
# **Against your numbers by hand.** Load your matrices, transposed:

# %%
layer = SelfAttention(d_model=2).requires_grad_(False)
for linear, matrix in [(layer.W_q, W_q), (layer.W_k, W_k), (layer.W_v, W_v)]:
    linear.weight.copy_(matrix.T)
print(layer.attention_weights(x), layer(x), sep="\n")
assert torch.allclose(layer(x), by_hand, atol=0.005)

# %% [markdown]
# **Against the package.** Its class has three matrices with the same names, so the parameters of one class can be loaded into the other. Compare the outputs in `float64`, whose relative rounding errors are about 10⁻¹⁶. A difference of more than 10⁻¹² is then a mistake:

# %%
import attention

exact = {"rtol": 0, "atol": 1e-12}
torch.manual_seed(0)
ours = SelfAttention(d_model=6, d_head=4).double()
theirs = attention.SelfAttention(d_model=6, d_head=4).double()  # other random parameters
theirs.load_state_dict(ours.state_dict())  # and now the same
sentences = torch.randn(2, 5, 6, dtype=torch.float64)
assert torch.allclose(ours(sentences), theirs(sentences), **exact)
assert torch.allclose(
    ours.attention_weights(sentences), theirs.attention_weights(sentences), **exact
)

# %% [markdown]
# **Against PyTorch.** The formula is a function there, `F.scaled_dot_product_attention`, which takes queries, keys and values. There is also a layer, `nn.MultiheadAttention`. With a single [head](multi-head-attention.md) it equals our class, once you know four things about it. It stores its three matrices in one
# tensor, stacked vertically. It has a fourth matrix, the output projection, which you set to the identity. It has biases unless you say `bias=False`. And it needs `batch_first=True` for inputs of shape `(B, T, D)`.
#
# Training depends on the gradients, so compare those as well: of the input, and of each matrix. `torch.autograd.grad` returns them. It starts from the gradient of the loss with respect to the output, for which random numbers will do:

# %%
from torch.nn import functional as F

torch.manual_seed(0)
ours = SelfAttention(d_model=6).double()
theirs = nn.MultiheadAttention(6, num_heads=1, bias=False, batch_first=True).double()
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat(list(ours.parameters())))  # W_q, W_k, W_v
    theirs.out_proj.weight.copy_(torch.eye(6))

sentences.requires_grad_()
found = ours(sentences)
qkv = (W(sentences) for W in (ours.W_q, ours.W_k, ours.W_v))
formula = F.scaled_dot_product_attention(*qkv)
expected, expected_weights = theirs(sentences, sentences, sentences)

assert torch.allclose(found, formula, **exact)
assert torch.allclose(found, expected, **exact)
assert torch.allclose(ours.attention_weights(sentences), expected_weights, **exact)

upstream = torch.randn_like(found)  # stands for the gradient of a loss
for_x, *for_matrices = torch.autograd.grad(found, [sentences, *ours.parameters()], upstream)
torch_x, torch_matrices = torch.autograd.grad(
    expected, [sentences, theirs.in_proj_weight], upstream
)
assert torch.allclose(for_x, torch_x, **exact)
assert torch.allclose(torch.cat(for_matrices), torch_matrices, **exact)
print(f"outputs differ by   {(found - expected).abs().max():.0e}")
print(f"gradients differ by {(torch.cat(for_matrices) - torch_matrices).abs().max():.0e}")

# %% [markdown]
# ## Padding
#
# *They arrived late .* has four tokens, and the sentence of August 1992 has thirteen. To fit into one batch, the shorter sentence is filled up with the special token `<pad>`. Turn the tokens into ids and the ids into embeddings, and add [positional encodings](positions.md):

# %%
from attention import padding_mask, sinusoidal_positions
from attention.tokenizers.words import split_words

long = split_words("The agreement on the European Economic Area was signed in August 1992 .")
short = split_words("They arrived late .")
vocabulary = ["<pad>", *sorted({*long, *short})]
padded = [long, short + ["<pad>"] * (len(long) - len(short))]
rows = [[vocabulary.index(token) for token in tokens] for tokens in padded]
ids = torch.tensor(rows)  # (B, T)

torch.manual_seed(0)
embedding = nn.Embedding(len(vocabulary), 16)
x = (embedding(ids) + sinusoidal_positions(ids.size(-1), 16)).detach()  # (B, T, D)
print(ids[1], x.shape)
assert x.shape == (2, 13, 16)

# %% [markdown]
# Repeat the check from above: the short sentence in the batch, and alone. So far, the class treats padding like any other token. What will the check say?

# %% tags=["raises-exception"]
torch.manual_seed(0)
layer = SelfAttention(16).requires_grad_(False)
in_the_batch = layer(x)[1, :4]
alone = layer(x[1, :4])
on_padding = layer.attention_weights(x)[1, :4, 4:].sum(dim=-1)
assert torch.allclose(in_the_batch, alone, atol=1e-6), f"weight on padding: {on_padding}"

# %% [markdown]
# It fails, as it should: nine of the thirteen keys are padding, and each token gives more than half of its weight to them. The solution is a **mask**, a boolean tensor that says which keys a query may attend to, where True means that it may. A **padding mask** is False for every key that is padding. Where a mask is False, the score becomes −∞ *before* the softmax, so the weight becomes 0, because e to the power of −∞ is 0.
# `padding_mask` returns a mask of shape `(B, 1, T)`: one row for each sentence, which holds for all its queries.


# %%
class SelfAttention(nn.Module):
    def __init__(self, d_model, d_head=None):
        super().__init__()
        d_head = d_head or d_model
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def attention_weights(self, x, mask=None):  # (*B, T, D) and (*B, 1 or T, S)
        q, k = self.W_q(x), self.W_k(x)  # (*B, T, K)
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))  # (*B, T, S)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        return scores.softmax(dim=-1)

    def forward(self, x, mask=None):
        return self.attention_weights(x, mask) @ self.W_v(x)  # (*B, T, K)


torch.manual_seed(0)
layer = SelfAttention(16).requires_grad_(False)
mask = padding_mask(ids)  # (B, 1, T)
assert mask.shape == (2, 1, 13)
assert torch.allclose(layer(x, mask)[1, :4], layer(x[1, :4]), atol=1e-6)
assert torch.allclose(layer(x, mask)[0], layer(x[0]), atol=1e-6)
assert torch.equal(layer.attention_weights(x, mask)[1, :, 4:], torch.zeros(13, 9))

package = attention.SelfAttention(16)
package.load_state_dict(layer.state_dict())
assert torch.allclose(layer(x, mask), package(x, mask), atol=1e-6)

# %% [markdown]
# The padded positions still have queries, so the output has rows for them. Nothing uses these rows. What matters is that no query attends to a padded *key*.
#
# Your class now equals the package's except in one case: a [**fully masked row**](masked-self-attention-math.md#fully-masked-rows), that of a query which may attend to no key at all. The softmax of a row of −∞ is NaN, "not a number". The chapter on the matrix math of masked self-attention shows where such rows come from, and what to do about them. There you also find [which library means what by True](masked-self-attention-math.md#which-convention).
#
# ## Attention dropout
#
# In training, **dropout** sets randomly chosen components of a layer's output to zero, each with a probability `p`, so that the model doesn't come to rely on any single one. The others are multiplied by `1 / (1 - p)` to make up for it. **Attention dropout** does the same to the attention *weights*. It is applied after the softmax and before the weighted sum:

# %%
torch.manual_seed(0)
weights = layer.attention_weights(x[1, :4])  # (T, S), without padding
dropped = F.dropout(weights, p=0.25)
print(weights.sum(dim=-1), dropped, dropped.sum(dim=-1), sep="\n")

kept = dropped != 0
assert torch.allclose(dropped[kept], weights[kept] / 0.75)
assert not torch.allclose(dropped.sum(dim=-1), torch.ones(4), atol=0.01)

# %% [markdown]
# So in training, the rows of weights no longer sum to one, except *on average* over many random draws. A check of the sums belongs in evaluation mode, after `model.eval()`, where nothing is dropped.
#
# `F.scaled_dot_product_attention` takes the probability as `dropout_p`. A function doesn't know whether its caller is training, so it *always* drops. Forget `p if self.training else 0.0`, and your model drops weights in evaluation, too:

# %% tags=["raises-exception"]
q, k, v = layer.W_q(x), layer.W_k(x), layer.W_v(x)
layer.eval()
first = F.scaled_dot_product_attention(q, k, v, dropout_p=0.25)
second = F.scaled_dot_product_attention(q, k, v, dropout_p=0.25)
assert torch.equal(first, second), "in evaluation, the same input gives two outputs"

# %% [markdown]
# In the package, [multi-head attention](multi-head-attention.md) has attention dropout. In the paper of 2017, section 5.4 lists only dropout on the outputs of layers and on the embeddings. GPT uses all three, at a rate of 0.1 (Radford and colleagues 2018, section 4.1).
#
# ## The memory of the scores
#
# Your class stores a `(T, S)` matrix of scores and another one of weights. In self-attention, this memory is O(T²): twice as many tokens need four times as much. How much do the scores of one head take, at two bytes each?

# %%
for T in (1024, 8192, 131_072):
    scores = torch.empty(T, T, dtype=torch.float16, device="meta")  # shape only
    print(f"{T:7,} tokens: {scores.nbytes / 2**30:9.5f} GiB for the scores of one head")
    assert scores.nbytes == 2 * T**2

# %% [markdown]
# An H100, a large GPU, has 80 GiB. At 131,072 tokens, which recent models accept, the scores of three heads would already exceed it. Long texts therefore need a **fused kernel**, one GPU program for the whole formula, such as FlashAttention (Dao and colleagues 2022). It computes scores, softmax and weighted sum block by block, and keeps only the running result for each query. Its memory grows only in proportion to the number of tokens, although the number of operations still grows with its square. `F.scaled_dot_product_attention` uses such a kernel where it can, and so does the package. That is why the package computes the weights in a method of its own, `attention_weights`, by the readable formula.
#
# ## Before training
#
# Apply your layer to the sentence of August 1992, and look at the weights. Its matrices are random. Predict: will any weight stand out?

# %% alt="Heat map of thirteen by thirteen attention weights of an untrained layer: the tokens of the sentence of August 1992 as queries, down, and as keys, across. All cells are pale and much alike."
from attention.inspection import plots


def heat_map(weights, tokens):
    """Plot the attention weights of a sentence that attends to itself."""
    figure = plots.alignment(weights, source=tokens, target=tokens)
    axes = figure.axes[0]
    axes.set_ylabel("query (token that attends)")
    axes.set_xlabel("key (token attended to)")
    axes.tick_params(axis="y", labelcolor=plots.COLOURS["source"])  # English, too
    return figure


weights = layer.attention_weights(x, mask)[0]  # (T, S)
heat_map(weights, long)

# %%
print(f"a uniform weight would be {1 / len(long):.2f}")
print(f"these lie between {weights.min():.2f} and {weights.max():.2f}")
assert weights.max() < 0.5
assert torch.allclose(weights.sum(dim=-1), torch.ones(13))

# %% [markdown]
# Every token attends to every other a little, with random differences. All the checks have passed, although the layer has learned nothing: they only show that the formula is computed correctly. *Where* to attend is learned in training, as you will see in
# [what the heads learned](multi-head-lab.py).
#
# ## Exercises
#
# Each check prints one line when you are right, and says what is wrong when you are not.
#
# **1. The function, from memory.** One sentence is enough for now. Try it without scrolling up.

# %% tags=["raises-exception"]
from attention.exercises import check_self_attention


def self_attention(x, W_q, W_k, W_v):
    """From token vectors (T, D) and three matrices (D, K), the output (T, K)."""
    ...


check_self_attention(self_attention)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# First project. Then there are four steps: scores, scale, softmax, weighted sum.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# The dimension of a key is `k.size(-1)`, and `n ** 0.5` is the square root of `n`.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_self_attention


def self_attention(x, W_q, W_k, W_v):
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    scores = q @ k.transpose(-2, -1) / k.size(-1) ** 0.5
    return scores.softmax(dim=-1) @ v


check_self_attention(self_attention)

# %% [markdown]
# **2. A bug hunt: the batch.** This function has been used on single sentences for a year. Two of the axes in it are wrong for batches. Find both, and fix them.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_self_attention_batches


def batched_attention(x, W_q, W_k, W_v):
    """From token vectors (..., T, D) and three matrices (D, K), the output (..., T, K)."""
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    scores = torch.matmul(q, torch.transpose(k, 0, -1))
    weights = torch.softmax(scores / k.size(-1) ** 0.5, dim=1)
    return weights @ v


check_self_attention_batches(batched_attention)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# For one sentence, axis 0 is the same as axis -2, and axis 1 the same as axis -1. Which of them do you need in a batch?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# Fix one of them, and read what the check says then. It tries a batch in which all sizes are equal.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_self_attention_batches


def batched_attention(x, W_q, W_k, W_v):
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    scores = torch.matmul(q, torch.transpose(k, -2, -1))
    weights = torch.softmax(scores / k.size(-1) ** 0.5, dim=-1)
    return weights @ v


check_self_attention_batches(batched_attention)

# %% [markdown]
# **3. The class.** It is constructed from `d_model` and `d_head`, and has `W_q`, `W_k` and `W_v`, in this order and without bias. No mask is needed.

# %% tags=["raises-exception"]
from torch import nn

from attention.exercises import check_self_attention_class


class MyAttention(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        ...

    def forward(self, x):
        """From token vectors (..., T, D), the output (..., T, K)."""
        ...


check_self_attention_class(MyAttention)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# A layer that you assign to an attribute, `self.W_q = nn.Linear(...)`, is found by `parameters()` and `state_dict()`.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `forward` is your function, with `self.W_q(x)` in place of `x @ W_q`.
#
# </details>

# %% tags=["solution"]
from torch import nn

from attention.exercises import check_self_attention_class


class MyAttention(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x):
        q, k, v = self.W_q(x), self.W_k(x), self.W_v(x)
        scores = q @ k.transpose(-2, -1) / k.size(-1) ** 0.5
        return scores.softmax(dim=-1) @ v


check_self_attention_class(MyAttention)

# %% [markdown]
# **4. How many parameters?** Count the parameters of your class without constructing it. In the Transformer of 2017, `d_model` is 512. What is the count with a `d_head` of 512, and what with 64?

# %% tags=["raises-exception"]
from attention.exercises import check_parameter_count


def parameter_count(d_model, d_head):
    """The number of parameters of a SelfAttention(d_model, d_head)."""
    ...


check_parameter_count(parameter_count)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# A matrix that projects `d_model` components to `d_head` components has one entry for each pair of them.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# Go through `__init__`. Which of its lines create parameters?
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_parameter_count


def parameter_count(d_model, d_head):
    return 3 * d_model * d_head


check_parameter_count(parameter_count)
print(parameter_count(512, 512), parameter_count(512, 64))

# %% [markdown]
# ## Where to read more
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin 2017, *Attention Is All You Need* (arXiv 1706.03762): section 3.2.1 for the formula, section 3.2.2 for the dimensions of queries, keys and values, section 5.4 for dropout.
# - Dao, Fu, Ermon, Rudra and Ré 2022, *FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness* (arXiv 2205.14135): section 3.1, the algorithm.
# - PyTorch's documentation of `torch.nn.functional.scaled_dot_product_attention` and of `torch.nn.MultiheadAttention`: compare what each of them says about its masks.
