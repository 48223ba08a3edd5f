# ---
# title: Coding self-attention
# parent: Attention
# nav_order: 3
# description: From four matrix products to a class that takes batches and padding, equal to the package and to torch, gradients included. And a bug that stays silent when three sizes agree.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Coding self-attention
#
# You turn four matrix products into a class that takes batches and padding, and prove it equal to your numbers by hand, to the package and to torch.
#
# **You need** [the matrix math of self-attention](self-attention-math.md), and to have seen a class in Python.
#
# **You will be able to**
#
# - write self-attention as a function and as an `nn.Module`, and say the shape of every tensor in it;
# - explain why code that is right for one sentence can be silently wrong for a batch, and write code that isn't;
# - prove your class equal to another one, gradients included;
# - hide padding, so that a sentence gets the same vectors in a batch as alone.
#
# **Time**: 25 minutes, and the exercises.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>How does <code>nn.Linear</code> keep its matrix?</summary>
#
# Transposed: it computes $x\,W^\top$. To give it your $W_q$, copy `W_q.T` into its `weight` ([the last chapter](self-attention-math.md#in-code)).
#
# </details>
#
# <details markdown="1">
# <summary>Keys have 64 numbers. By what are the scores divided, and over which axis does softmax run?</summary>
#
# By the square root of 64. Softmax runs over the keys, which are the last axis: rows add up to one.
#
# </details>
#
# <details markdown="1">
# <summary>Words come in another order, and nothing tells their positions. What becomes of the outputs of self-attention?</summary>
#
# They come in that other order, and are the same otherwise. Self-attention doesn't see the order ([Positional encodings](positions.md#self-attention-is-permutation-equivariant)).
#
# </details>

# %% [markdown]
# ## Matrix products
#
# Begin with what you did by hand: the three words *the European Area*, and three matrices. The comments say the shapes, in the letters of the
# [legend](../reference/notation.md): `T` words that ask, `S` words that are asked (here the same three), `D` numbers in a word's vector, `K` in a query. Say each
# shape to yourself before you read its comment.

# %%
import math

import torch

torch.set_printoptions(precision=2, sci_mode=False)
X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # (T, D): the, European, Area
W_q = torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])  # (D, K)
W_k = torch.tensor([[0.0, -1.0], [1.0, 0.0]])  # (D, K)
W_v = torch.tensor([[1.0, 1.0], [0.0, -2.0]])  # (D, K)

Q = X @ W_q  # (T, K)
K = X @ W_k  # (S, K)
V = X @ W_v  # (S, K)
scores = Q @ K.T / math.sqrt(K.size(-1))  # (T, K) with (K, S): (T, S)
weights = scores.softmax(dim=-1)  # (T, S)
output = weights @ V  # (T, S) with (S, K): (T, K)
print(output)

by_hand = torch.tensor([[0.32, 1.53], [0.19, 1.63], [0.19, -1.26]])
assert torch.allclose(output, by_hand, atol=0.005)

# %% [markdown]
# ## A function
#
# Put it into a function. Here it is as you find it in many places: `transpose(0, 1)` exchanges the axes 0 and 1, and for a matrix that is the same as `.T`.


# %%
def self_attention(X, W_q, W_k, W_v):
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    scores = Q @ K.transpose(0, 1) / math.sqrt(K.size(-1))
    return scores.softmax(dim=-1) @ V


assert torch.equal(self_attention(X, W_q, W_k, W_v), output)

# %% [markdown]
# ## A batch
#
# Models read many sentences at once. Stack two of them, and there is an axis more: `(B, T, D)`. The second sentence here is the first in another order.
#
# **Predict**: which line of the function will complain, and about what?

# %% tags=["raises-exception"]
batch = torch.stack([X, X[[2, 0, 1]]])  # (B, T, D): (2, 3, 2)
self_attention(batch, W_q, W_k, W_v)

# %% [markdown]
# The axes 0 and 1 of a batch are the sentences and the words. So `K` of shape (2, 3, 2) became (3, 2, 2), as if there were three sentences. The product with `Q`, which has two, doesn't fit, and says so. That is the good case.
#
# ## What goes wrong: no error
#
# Now take three sentences, of three words each, and queries of three numbers. Everything is 3, and everything fits:

# %%
torch.manual_seed(0)
three = torch.randn(3, 3, 3)  # (B, T, D)
matrices = [torch.randn(3, 3) for _ in range(3)]
together = self_attention(three, *matrices)
print(together.shape)

# %% [markdown]
# No error, and the right shape. Is it right? A sentence must come out of a batch as it comes out alone:

# %% tags=["raises-exception"]
alone = self_attention(three[0], *matrices)
assert torch.allclose(together[0], alone), "the first sentence is another one in the batch"

# %% [markdown]
# It's wrong. What has the product done? A score is a query's dot product with a key. But in this `K`, the sentences stand where the numbers of a key should be. So the first number of the query is multiplied with
# a number from the first sentence, the second with one from the second sentence, and so on. Written out with its axes:

# %%
Q, K = three @ matrices[0], three @ matrices[1]
mixed_up = torch.einsum("btk,kbs->bts", Q, K)  # K's first axis is the sentences!
assert torch.allclose(Q @ K.transpose(0, 1), mixed_up, atol=1e-6)

# %% [markdown]
# (`einsum` multiplies and adds up as its letters say: letters that are missing on the right are summed over.) The sentences leak into each other. Change the last one, and the first changes:

# %%
changed = three.clone()
changed[2] = torch.randn(3, 3)
difference = (self_attention(changed, *matrices)[0] - together[0]).abs().max()
print(f"the first sentence moves by {difference:.2f}")
assert difference > 0.1

# %% [markdown]
# No sentence has any business with another. A model would train on this, and nobody would know why it is bad.
#
# **Count axes from the end.** Words and widths are always the last two, -2 and -1, whatever stands before them. So `transpose(-2, -1)` turns each sentence by itself, and `dim=-1` is always the keys. With it the function takes one sentence, a batch,
# and a batch of batches:


# %%
def self_attention(X, W_q, W_k, W_v):
    Q, K, V = X @ W_q, X @ W_k, X @ W_v  # (*B, T, K) each; * is any number of axes, none too
    scores = Q @ K.transpose(-2, -1) / math.sqrt(K.size(-1))  # (*B, T, S)
    return scores.softmax(dim=-1) @ V  # (*B, T, K)


def check_batches(function, X, *matrices):
    """Each sentence comes out of the batch as it comes out alone."""
    alone = [function(sentence, *matrices) for sentence in X]
    assert torch.allclose(function(X, *matrices), torch.stack(alone), atol=1e-6)


assert torch.equal(self_attention(X, W_q, W_k, W_v), output)
check_batches(self_attention, batch, W_q, W_k, W_v)
check_batches(self_attention, three, *matrices)
check_batches(self_attention, torch.randn(2, 4, 5, 3), *matrices)

# %% [markdown]
# (`K.mT` is short for `K.transpose(-2, -1)`. `K.T` isn't: it turns *all* axes round, and torch warns you when there are more than two.)
#
# ## A class
#
# A layer owns its matrices, so that they can be trained, saved and moved to a GPU. In torch that is an `nn.Module`, and each matrix an `nn.Linear` without bias. What is the shape of the `weight` of one that turns 6 numbers into 4?

# %%
from torch import nn

print(nn.Linear(6, 4, bias=False).weight.shape)
assert nn.Linear(6, 4, bias=False).weight.shape == (4, 6)

# %% [markdown]
# Transposed, as ever. The class has the function's three lines, in two methods: one gives the weights, which you want to look at now and then, and the other mixes the values. The queries, keys and values may be narrower than the word's vector: `d_head` is their width.


# %%
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
x = torch.randn(2, 5, 6)  # (B, T, D)
assert layer.W_q(x).shape == (2, 5, 4)  # (B, T, K)
assert layer.attention_weights(x).shape == (2, 5, 5)  # (B, T, S)
assert layer(x).shape == (2, 5, 4)  # (B, T, K)
check_batches(layer, x)
print({name: tuple(weight.shape) for name, weight in layer.state_dict().items()})
print(sum(p.numel() for p in layer.parameters()), "numbers to learn")

# %% [markdown]
# 3 · 6 · 4 = 72, and the number of words isn't in it. The same class reads any sentence.
#
# ## Three checks
#
# **By hand.** Give it your matrices, transposed:

# %%
layer = SelfAttention(d_model=2).requires_grad_(False)
for linear, matrix in [(layer.W_q, W_q), (layer.W_k, W_k), (layer.W_v, W_v)]:
    linear.weight.copy_(matrix.T)
print(layer.attention_weights(X), layer(X), sep="\n")
assert torch.allclose(layer(X), by_hand, atol=0.005)

# %% [markdown]
# **Against the package.** Its class has the same three names, made in the same order. So the matrices of one can be loaded into the other, and the same seed makes the same numbers. The comparison is in `float64`, 64 bits, where rounding is smaller than one part in 10¹⁵. A difference of more than 10⁻¹² would be a mistake:

# %%
import attention

torch.manual_seed(0)
ours = SelfAttention(d_model=6, d_head=4)
torch.manual_seed(0)
theirs = attention.SelfAttention(d_model=6, d_head=4)
for name, weight in theirs.state_dict().items():
    assert torch.equal(weight, ours.state_dict()[name])

torch.manual_seed(1)
theirs = attention.SelfAttention(d_model=6, d_head=4)  # other numbers
theirs.load_state_dict(ours.state_dict())  # and now the same again
ours, theirs = ours.double(), theirs.double()
x = torch.randn(2, 5, 6, dtype=torch.float64)
exact = {"rtol": 0, "atol": 1e-12}
assert torch.allclose(ours(x), theirs(x), **exact)
assert torch.allclose(ours.attention_weights(x), theirs.attention_weights(x), **exact)

# %% [markdown]
# **Against torch.** It has the formula as a function, `F.scaled_dot_product_attention`, which takes queries, keys and values. And it has a layer, `nn.MultiheadAttention`. With one [head](multi-head-attention.md) it is our class, if you know four things: its three matrices lie in one
# tensor, one below the other; it has a fourth matrix after the mix, which you set to the identity (ones on the diagonal, so that it changes nothing); it has biases unless you forbid them; and it wants `batch_first=True` for shapes like ours.
#
# If the outputs agree, do the gradients? Training lives on them, so compare them, too: those of the words, and those of each matrix.

# %%
from torch.nn import functional as F

torch.manual_seed(0)
ours = SelfAttention(d_model=6).double()
theirs = nn.MultiheadAttention(6, num_heads=1, bias=False, batch_first=True).double()
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat(list(ours.parameters())))  # W_q, W_k, W_v
    theirs.out_proj.weight.copy_(torch.eye(6))

x = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
found = ours(x)
formula = F.scaled_dot_product_attention(ours.W_q(x), ours.W_k(x), ours.W_v(x))
expected, expected_weights = theirs(x, x, x)  # all three from the same words

assert torch.allclose(found, formula, **exact)
assert torch.allclose(found, expected, **exact)
assert torch.allclose(ours.attention_weights(x), expected_weights, **exact)

upstream = torch.randn_like(found)  # what a loss might send back
for_x, *for_matrices = torch.autograd.grad(found, [x, *ours.parameters()], upstream)
torch_x, torch_matrices = torch.autograd.grad(expected, [x, theirs.in_proj_weight], upstream)
assert torch.allclose(for_x, torch_x, **exact)
assert torch.allclose(torch.cat(for_matrices), torch_matrices, **exact)
print(f"outputs differ by {(found - expected).abs().max():.0e} at most")
print(f"gradients by      {(torch.cat(for_matrices) - torch_matrices).abs().max():.0e}")

# %% [markdown]
# ## Sentences of different lengths
#
# *They arrived late .* has four words, and the sentence of August 1992 has thirteen. In one batch, the short one is filled up with `<pad>`. Give each word a number, each number a vector, and add the waves of the [positions](positions.md):

# %%
from attention import padding_mask, sinusoidal_positions
from attention.tokenizers.words import split_words

long = split_words("The agreement on the European Economic Area was signed in August 1992 .")
short = split_words("They arrived late .")
vocabulary = ["<pad>", *sorted({*long, *short})]
ids = torch.tensor(
    [
        [vocabulary.index(word) for word in words + ["<pad>"] * (len(long) - len(words))]
        for words in (long, short)
    ]
)  # (B, T)

torch.manual_seed(0)
embed = nn.Embedding(len(vocabulary), 16)
x = (embed(ids) + sinusoidal_positions(ids.size(-1), 16)).detach()  # (B, T, D)
print(ids[1], x.shape)
assert x.shape == (2, 13, 16)

# %% [markdown]
# Here is the check again: the short sentence, in the batch and alone. Nothing in the class knows about padding. What will the check say?

# %% tags=["raises-exception"]
torch.manual_seed(0)
layer = SelfAttention(16).requires_grad_(False)
in_the_batch = layer(x)[1, :4]
alone = layer(x[1, :4])
on_padding = layer.attention_weights(x)[1, :4, 4:].sum(dim=-1)
assert torch.allclose(in_the_batch, alone, atol=1e-6), f"weight on padding: {on_padding}"

# %% [markdown]
# Red, as it should be. Padding takes more than half of each word's weight here, since there are nine places of it beside four words. You know the remedy from [the first attention](../before-attention/first-attention.md#batches-padding-and-the-mask): a mask, in which True means "may look". Where it is False, the score becomes −∞ *before* softmax.
# `padding_mask` makes one of the shape `(B, 1, T)`: for each sentence a row, which holds for all its queries.


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
layer = SelfAttention(16)
mask = padding_mask(ids)  # (B, 1, T)
assert mask.shape == (2, 1, 13)
assert torch.allclose(layer(x, mask)[1, :4], layer(x[1, :4]), atol=1e-6)
assert torch.allclose(layer(x, mask)[0], layer(x[0]), atol=1e-6)
assert torch.equal(layer.attention_weights(x, mask)[1, :, 4:], torch.zeros(13, 9))

# %% [markdown]
# The places of padding still *ask*, so there are rows of output for them. They mean nothing, and nobody looks at them. What counts is that they are no keys.
#
# With the mask, compare with the package and with torch once more. `nn.MultiheadAttention` calls it `key_padding_mask`, and there True means **hide**: the other way round. Torch itself has both directions, since in `F.scaled_dot_product_attention` True means "may look".

# %%
package = attention.SelfAttention(16)
package.load_state_dict(layer.state_dict())
assert torch.allclose(layer(x, mask), package(x, mask), atol=1e-6)
assert torch.allclose(layer.attention_weights(x, mask), package.attention_weights(x, mask))

theirs = nn.MultiheadAttention(16, num_heads=1, bias=False, batch_first=True)
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat(list(layer.parameters())))
    theirs.out_proj.weight.copy_(torch.eye(16))
expected, _ = theirs(x, x, x, key_padding_mask=ids == 0)  # True: hide
assert torch.allclose(layer(x, mask), expected, atol=1e-6)

# %% [markdown]
# Your class is the package's now, but for one case: a query that may look at *nothing*. The softmax of −∞ everywhere is NaN, "not a number". You will meet such rows, and their cure, in [the matrix math of masked self-attention](masked-self-attention-math.md).
#
# ## What it sees before it has learned
#
# Let the class read the whole sentence of August 1992, and look at its weights. Its matrices are random. Predict: will a word stand out?

# %% alt="Heat map of thirteen by thirteen attention weights of an untrained layer: the words of the sentence of August 1992 as queries, down, and as keys, across. All cells are pale and much alike."
from attention.inspection import plots


def heat_map(weights, words):
    """A map of who looks at whom, in one sentence."""
    figure = plots.alignment(weights, source=words, target=words)
    axes = figure.axes[0]
    axes.set_ylabel("query (word that asks)")
    axes.set_xlabel("key (word that is asked)")
    axes.tick_params(axis="y", labelcolor=plots.COLOURS["source"])  # English, too
    return figure


weights = layer.attention_weights(x, mask)[0].detach()  # (T, S)
heat_map(weights, long)

# %%
print(f"evenly shared, a word gets {1 / len(long):.2f}")
print(f"here, between {weights.min():.2f} and {weights.max():.2f}")
assert weights.max() < 0.5
assert torch.allclose(weights.sum(dim=-1), torch.ones(13))

# %% [markdown]
# Everybody looks at everybody, a little more here and a little less there, for no reason. All our checks are green, and the layer knows nothing: they say that the formula is right, and no more. *What* to look at comes from training. You will see it in
# [what the heads learned](multi-head-lab.py).
#
# ## Exercises
#
# Each check prints one line when you are right, and says what is wrong when you are not.
#
# **1. The function, from a blank page.** One sentence is enough for now. Try it without looking up.

# %% tags=["raises-exception"]
from attention.exercises import check_self_attention


def self_attention(X, W_q, W_k, W_v):
    """From words (T, D) and three matrices (D, K), the output (T, K)."""
    ...


check_self_attention(self_attention)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Five steps: project, score, scale, weigh, mix.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# The width of a key is `K.size(-1)`, and `n ** 0.5` is the root of `n`.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_self_attention


def self_attention(X, W_q, W_k, W_v):
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    scores = Q @ K.transpose(-2, -1) / K.size(-1) ** 0.5
    return scores.softmax(dim=-1) @ V


check_self_attention(self_attention)

# %% [markdown]
# **2. Bug hunt: the batch.** This function has been used on single sentences for a year. Two numbers in it stop it from working for batches. Find both, and mend them.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_self_attention_batches


def batched_attention(X, W_q, W_k, W_v):
    """From words (..., T, D) and three matrices (D, K), the output (..., T, K)."""
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    scores = torch.matmul(Q, torch.transpose(K, 0, -1))
    weights = torch.softmax(scores / K.size(-1) ** 0.5, dim=1)
    return weights @ V


check_self_attention_batches(batched_attention)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# For one sentence, axis 0 is the same as axis -2, and axis 1 the same as axis -1. Which of them do you mean?
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# Mend one of them, and read what the check says then. It tries a batch in which all sizes are equal.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_self_attention_batches


def batched_attention(X, W_q, W_k, W_v):
    Q, K, V = X @ W_q, X @ W_k, X @ W_v
    scores = torch.matmul(Q, torch.transpose(K, -2, -1))
    weights = torch.softmax(scores / K.size(-1) ** 0.5, dim=-1)
    return weights @ V


check_self_attention_batches(batched_attention)

# %% [markdown]
# **3. The class.** Make it from `d_model` and `d_head`, with `W_q`, `W_k` and `W_v`, in this order and without bias. No mask is needed.

# %% tags=["raises-exception"]
from torch import nn

from attention.exercises import check_self_attention_class


class MyAttention(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        ...

    def forward(self, x):
        """From words (..., T, D), the output (..., T, K)."""
        ...


check_self_attention_class(MyAttention)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# A layer that is set as an attribute, `self.W_q = nn.Linear(...)`, is found by `parameters()` and `state_dict()`.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# The forward method is your function, with `self.W_q(x)` in the place of `X @ W_q`.
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
# **4. How many numbers?** Count the numbers that your class learns, without making one. In the Transformer of 2017, `d_model` is 512. What is the count with `d_head` 512, and what with 64?

# %% tags=["raises-exception"]
from attention.exercises import check_parameter_count


def parameter_count(d_model, d_head):
    """How many numbers a SelfAttention(d_model, d_head) has to learn."""
    ...


check_parameter_count(parameter_count)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# A matrix that turns `d_model` numbers into `d_head` numbers has `d_model` rows and `d_head` columns, or the other way round.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# Go through `__init__`. What in it is learned?
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
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin 2017, *Attention Is All You Need* (arXiv 1706.03762): section 3.2.1 for the formula, section 3.2.2 for the widths of queries, keys and values in the Transformer.
# - PyTorch's documentation of `torch.nn.functional.scaled_dot_product_attention` and of `torch.nn.MultiheadAttention`: compare what each of them says about its masks.
