# ---
# title: "The Transformer: a translator from end to end"
# parent: Models
# nav_order: 1
# description: The whole Transformer in some sixty lines, proven equal to PyTorch's, trained in two minutes, compared with Bahdanau's translator, with its attention weights and its KV cache.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # The Transformer: a translator from end to end
#
# You put all the components together, prove the whole equal to PyTorch's, train it, and compare it with the translators that came before.
#
# **You need** [multi-head attention](../attention/multi-head-attention.md) and [encoder-decoder attention](../attention/encoder-decoder-attention.md). The whole page runs for about three minutes on one core.
#
# **You will be able to**
#
# - write a whole Transformer in some sixty lines, and say what each of them is for;
# - say what the paper has besides attention: layer normalisation, weight tying, label smoothing, warm-up, averaging, beam search;
# - test a translator: a loss that is too low, an inverted mask, a cache that changes the tokens;
# - train one on sentences of your own, with one command.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>In lower case, both <em>the</em> of our sentence have the same embedding. What distinguishes them?</summary>
#
# First their positional encodings, which are added. Then self-attention, which adds information from their neighbours ([The main ideas](../attention/main-ideas.md#what-an-embedding-cannot-know)). You measure both below.
#
# </details>
#
# <details markdown="1">
# <summary>In training, the decoder's input is the correct translation. What keeps it from copying the token that it has to predict?</summary>
#
# The shift by one, because the target of each position is the token after it, and the causal mask, because no position can attend to a later one ([Self-attention and masked self-attention](../attention/masked-self-attention.md)).
#
# </details>
#
# <details markdown="1">
# <summary>Beam search ranks translations by the sum of their tokens' log-probabilities. Why is the sum divided by a power of the length?</summary>
#
# Each token adds a negative number, so without length normalisation short translations would win ([The encoder-decoder](../before-attention/encoder-decoder.md#beam-search)).
#
# </details>

# %% [markdown]
# ## What is new
#
# Here is Bahdanau's translator, which you know from the [Introduction](../introduction.md), and beside it the model of this page:
#
# | question | Bahdanau, 2014 | the Transformer, 2017 |
# | --- | --- | --- |
# | How does an English token get its context? | from two recurrent networks, one token after another | from self-attention, all tokens at once |
# | Where does the order come from? | from reading in order | from positional encodings |
# | How does a French token depend on those before it? | through the decoder's hidden state | through masked self-attention |
# | How often does it attend to the source? | once | once *in each block*, with several heads |
# | What scores a query and a key? | a small feed-forward network | a dot product |
# | What computes the logits? | a network, from hidden state, context vector and last token | the embedding table, used a second time |
#
# In training, nothing in the right column waits for the token before it. That was the purpose.
#
# ## Token ids to vectors
#
# Everything below works on batches of token ids, padded with 0. Here are two sentences, and their translations, which begin with `<s>` (id 2):

# %%
import torch
from torch import nn
from torch.nn import functional as F

from attention import MultiHeadAttention, Translator, padding_mask, sinusoidal_positions
from attention.data import toy
from attention.data.batching import pad
from attention.tokenizers.special_tokens import BOS, EOS

pairs, test = toy.pairs("train", 50_000), toy.pairs("test", 1_000)
translator = Translator.new("transformer", pairs)

english = [
    "The agreement on the European Economic Area was signed in August 1992 .",
    "They arrived late .",
]
french = [
    "L'accord sur la zone économique européenne a été signé en août 1992 .",
    "Ils sont arrivés en retard .",
]
source = pad([translator.source_tokenizer.encode(sentence) for sentence in english])
target = pad([[BOS, *translator.target_tokenizer.encode(sentence)] for sentence in french])
print(source, source.shape, target.shape, sep="\n")

# %% [markdown]
# Each token id is replaced by its embedding. The embedding is multiplied by $\sqrt{D}$, where $D$ is the model dimension, and the positional encoding is added. Why multiply? Compare the lengths:

# %%
D = translator.model.config.d_model
table = translator.model.source_embedding.weight.detach()
embeddings, positions = table[source[0]], sinusoidal_positions(source.size(1), D)
scaled = embeddings * D**0.5
for name, x in {"embeddings": embeddings, "times √D": scaled, "positions": positions}.items():
    print(f"{name:10} {x.norm(dim=-1).mean():5.2f}")
assert embeddings.norm(dim=-1).mean() < positions.norm(dim=-1).mean()

# %% [markdown]
# The embeddings start with a length of about 1, because the table is also used for the logits. The positional encodings have a length of $\sqrt{D/2}$, whatever is learned. Without the factor, they would dominate the sum; with it, the token does.
#
# ## Layer normalisation, before or after
#
# Every sublayer is inside a [residual connection](../attention/main-ideas.md#residual-connections), so the vectors grow from sublayer to sublayer. **Layer normalisation** keeps them at one scale: it subtracts from each vector the mean of its components, and divides by their standard deviation, so that they have mean 0 and variance 1. Then it multiplies each component by a learned gain, and adds a learned bias.
# By hand, for (3, 1, −1, 1): the mean is 1, the differences are (2, 0, −2, 0), their mean square is 2, and the result is (2, 0, −2, 0) / √2 = (1.41, 0, −1.41, 0).

# %%
x = torch.tensor([3.0, 1.0, -1.0, 1.0])
by_hand = (x - x.mean()) / x.var(correction=0).sqrt()
print(by_hand)
assert torch.allclose(by_hand, nn.LayerNorm(4)(x), atol=1e-4)

# %% [markdown]
# Where does the norm stand? In the paper, it comes **after** the sum: **post-norm**. Most models since have it **before** the sublayer: **pre-norm**.
#
# $$
# \begin{aligned}
# \text{post-norm:} \quad & \operatorname{norm}(X + \operatorname{layer}(X)) \\
# \text{pre-norm:} \quad & X + \operatorname{layer}(\operatorname{norm}(X))
# \end{aligned}
# $$
#
# With pre-norm, the residual path from the first block to the last consists of sums only, and a sum passes a gradient on unchanged. With post-norm, every sublayer normalises the path, too. That matters for [training](#training), where you measure the gradients. A pre-norm stack needs one more norm at its end, because nothing has normalised the final sum.
#
# ## The code
#
# The **position-wise feed-forward network** is the only component that you haven't built yet. It transforms the vector of each position independently, with the same weights at each: a linear layer to more dimensions, an activation function, and a linear layer back. The paper writes $\max(0, X W_1 + b_1)\, W_2 + b_2$. The activation function $\max(0, x)$ is called **ReLU**, *rectified linear unit*. `AddNorm` is the residual connection with its norm:


# %%
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.W_1 = nn.Linear(d_model, d_ff)
        self.W_2 = nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.W_2(F.relu(self.W_1(x)))


class AddNorm(nn.Module):
    def __init__(self, d_model, norm_first):
        super().__init__()
        self.norm, self.norm_first = nn.LayerNorm(d_model), norm_first

    def forward(self, x, layer):
        return x + layer(self.norm(x)) if self.norm_first else self.norm(x + layer(x))


# %% [markdown]
# (Two kinds of *dropout* are left out here, and the package has both. In training, **dropout** sets random components of an embedding and of each sublayer's output to zero. **Attention dropout** sets random attention weights to zero.)
#
# An **encoder block** has two sublayers: self-attention, and the feed-forward network. A **decoder block** has three: masked self-attention, **cross-attention** (encoder-decoder attention) to the source, and the feed-forward network.


# %%
class EncoderBlock(nn.Module):
    def __init__(self, d_model, n_heads, d_ff, norm_first):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.self_attention_norm = AddNorm(d_model, norm_first)
        self.feed_forward_norm = AddNorm(d_model, norm_first)

    def forward(self, x, mask):
        def attend(queries):
            return self.self_attention(queries, mask=mask)

        x = self.self_attention_norm(x, attend)
        return self.feed_forward_norm(x, self.feed_forward)


class DecoderBlock(nn.Module):
    def __init__(self, d_model, n_heads, d_ff, norm_first):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, n_heads)
        self.cross_attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.self_attention_norm = AddNorm(d_model, norm_first)
        self.cross_attention_norm = AddNorm(d_model, norm_first)
        self.feed_forward_norm = AddNorm(d_model, norm_first)

    def forward(self, x, memory, mask):
        def attend(queries):
            return self.self_attention(queries, causal=True)

        def attend_to_source(queries):
            return self.cross_attention(queries, memory, mask)

        x = self.self_attention_norm(x, attend)
        x = self.cross_attention_norm(x, attend_to_source)
        return self.feed_forward_norm(x, self.feed_forward)


# %% [markdown]
# The **whole model** has two embedding tables and two stacks of blocks. The padding mask is True where the source has tokens, and every attention to the source gets it. The decoder's self-attention needs no padding mask, because padding comes last, and the causal mask hides it from every token before it. The logits are dot products of the final vectors with the embeddings of all target tokens. So the output embedding *is* the target embedding, which is called **weight tying** (Press and Wolf 2017).


# %%
class Transformer(nn.Module):
    def __init__(self, source_size, target_size, d_model, n_heads, n_layers, d_ff, norm_first):
        super().__init__()
        self.source_embedding = nn.Embedding(source_size, d_model)
        self.target_embedding = nn.Embedding(target_size, d_model)
        for table in (self.source_embedding, self.target_embedding):
            nn.init.normal_(table.weight, std=d_model**-0.5)  # of length 1, about
        sizes = d_model, n_heads, d_ff, norm_first
        self.encoder = nn.ModuleList(EncoderBlock(*sizes) for _ in range(n_layers))
        self.decoder = nn.ModuleList(DecoderBlock(*sizes) for _ in range(n_layers))
        final_norm = nn.LayerNorm if norm_first else nn.Identity
        self.encoder_norm, self.decoder_norm = final_norm(d_model), final_norm(d_model)

    def embed(self, table, ids):
        positions = sinusoidal_positions(ids.size(1), table.embedding_dim)
        return table(ids) * table.embedding_dim**0.5 + positions  # (B, T, D)

    def encode(self, source):
        x, mask = self.embed(self.source_embedding, source), padding_mask(source)
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x)  # (B, S, D)

    def forward(self, source, target):
        memory, mask = self.encode(source), padding_mask(source)
        x = self.embed(self.target_embedding, target)
        for block in self.decoder:
            x = block(x, memory, mask)
        return self.decoder_norm(x) @ self.target_embedding.weight.T  # (B, T, V)


# %% [markdown]
# That is all of it, in some sixty lines. (In the paper, both languages share one vocabulary, and one table is used three times.)
#
# ## Proof
#
# The package's `Transformer` has the same parts under the same names, so its weights fit. What about `torch.nn.Transformer`, which most people use? It differs from the paper in four ways, and `TorchTransformer`, a small wrapper, does something about each:
#
# - its attention layers have biases: they are set to zero;
# - even a post-norm stack has a norm at its end: it is removed;
# - it has no embeddings and no logits: the wrapper adds them;
# - its padding masks are [inverted](../attention/coding-multi-head-attention.py#against-the-package-and-against-torch), so that True means *masked*: the wrapper inverts ours.
#
# Then the three should agree to ten decimal places, in both orders of the norm. Compare their logits, and a gradient as well. The gradient is that of the sum of the logits' sines, because a plain sum would give each logit the same gradient, and hide mistakes.

# %%
import warnings
from dataclasses import replace

from attention.benchmarks.peers import TorchTransformer
from attention.models import transformer as package

warnings.filterwarnings("ignore", "enable_nested_tensor")
torch.manual_seed(0)
for norm_first in (False, True):
    config = replace(translator.model.config, norm_first=norm_first, d_model=32, d_ff=64)
    theirs = package.Transformer(config).double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)  # norms and biases, too
    mine = Transformer(
        source_size=config.source_vocab_size,
        target_size=config.target_vocab_size,
        d_model=32,
        n_heads=config.n_heads,
        n_layers=config.n_layers,
        d_ff=64,
        norm_first=norm_first,
    ).double()
    mine.load_state_dict(theirs.state_dict())
    torchs = TorchTransformer(theirs)

    expected = mine(source, target)
    expected.sin().sum().backward()
    gradient = mine.target_embedding.weight.grad
    for model, table in [
        (theirs, theirs.target_embedding),
        (torchs, torchs.embeddings[1]),
    ]:
        logits = model(source, target)
        logits.sin().sum().backward()
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-10)
        torch.testing.assert_close(table.weight.grad, gradient)
    print(f"{'pre' if norm_first else 'post'}-norm: {tuple(expected.shape)}, all three agree")

# %% [markdown]
# ### What goes wrong: an inverted mask
#
# Sooner or later you will hand your mask to somebody else's layer. Here torch's encoder gets ours, in which True means *may attend*. Nothing complains. So test something that must hold for any encoder: if the token *late* changes, the vector of *They* must change.

# %% tags=["raises-exception"]
changed = source.clone()
changed[1, 2] = source[0, 1]  # They agreement late .
x, other = mine.embed(mine.source_embedding, source), mine.embed(mine.source_embedding, changed)
for meaning, mask in [("masked", source == 0), ("may attend", source != 0)]:
    before, after = (torchs.stacks.encoder(each, src_key_padding_mask=mask) for each in (x, other))
    difference = (before[1, 0] - after[1, 0]).norm().item()
    print(f"True means {meaning!r}: the vector of They changes by {difference:.3f}")
    assert difference > 0, "the tokens of this sentence don't attend to each other"

# %% [markdown]
# With the wrong mask, each token of a padded sentence attends to the *padding* only, and in a sentence without padding every key is masked. In training, the attention of torch's encoder then adds nothing, so the model still trains, and only stays worse than it should be. In evaluation, it may return `nan` for the longest sentence of a batch.

# %% [markdown]
# ## The loss
#
# With [teacher forcing](../before-attention/encoder-decoder.md#how-wrong-is-it), the decoder's input is the translation without its last token, and the target is the translation without its first, `<s>`. At each position, the model thus has the tokens so far, and must predict the next one.

# %%
whole = pad([[BOS, *translator.target_tokenizer.encode(sentence), EOS] for sentence in french])
inputs, targets = whole[:, :-1], whole[:, 1:]
for row in (inputs, targets):
    print(" ".join(translator.target_tokenizer.tokens(row[0].tolist())))

# %% [markdown]
# ### What goes wrong: the shift is forgotten
#
# It happens easily: the same tensor is input and target. Then the loss falls wonderfully. But a model that has learned nothing should have the loss of uniform probabilities, the logarithm of the vocabulary size. Does it?

# %% tags=["raises-exception"]
import math


def loss(model, source, inputs, targets):
    logits = model(source, inputs).flatten(0, 1)  # (B * T, V)
    return F.cross_entropy(logits, targets.flatten(), ignore_index=0)


uniform = math.log(len(translator.target_tokenizer))
for name, asked in [("shifted", targets), ("forgotten", inputs)]:
    with torch.no_grad():
        value = loss(translator.model, source, inputs, asked).item()
    print(f"{name:9} loss {value:.2f}, of uniform probabilities {uniform:.2f}")
    assert value > 0.9 * uniform, "an untrained model knows too much"

# %% [markdown]
# Because of the residual connections, a token's own embedding reaches the top, where its dot product with itself is the largest logit. So the loss is low before the first step, and soon falls to nothing: the model learns to copy its input. Make this check a habit, and look at the loss *before* training. (A correct model starts above the loss of uniform probabilities, for the same reason: it predicts the token that it has just read.)
#
# ### Label smoothing
#
# "The next token is *zone*, with probability 1." No model can reach this target, because softmax gives every token a positive probability. So training drives the logits further and further apart. **Label smoothing** (Szegedy and colleagues 2016) has an easier target: a proportion ε of the probability is taken from the correct token and divided equally among all tokens. In the paper, ε is 0.1.

# %%
logits, labels, epsilon = torch.randn(5, 7), torch.tensor([5, 6, 4, 4, 3]), 0.1
smoothed = F.one_hot(labels, 7) * (1 - epsilon) + epsilon / 7  # (T, V): rows sum to one
value = -(smoothed * logits.log_softmax(-1)).sum(-1).mean()
torch.testing.assert_close(value, F.cross_entropy(logits, labels, label_smoothing=epsilon))

V = len(translator.target_tokenizer)
best = torch.full((V,), epsilon / V)
best[0] += 1 - epsilon
print(f"correct token {best[0]:.3f}, every other {best[1]:.5f}")
print(f"the lowest loss that can be reached: {-(best * best.log()).sum():.2f}")

# %% [markdown]
# A smoothed loss never comes near zero, so don't compare it with one that isn't smoothed. The paper says that smoothing "hurts perplexity, as the model learns to be more unsure, but improves accuracy and BLEU score" (section 5.4). It helps on real text, where several tokens could follow. In the toy grammar the next token is rarely uncertain, so we leave it out.
#
# ## Training {: #training }
#
# What is different with post-norm? Compute, before any training, how large the gradient of the last decoder block is, for 2, 6 and 18 blocks:


# %%
def last_gradient(n_layers, norm_first):
    torch.manual_seed(0)
    config = replace(translator.model.config, n_layers=n_layers, norm_first=norm_first)
    model = package.Transformer(config)
    loss(model, source, inputs, targets).backward()
    return model.decoder[-1].feed_forward.W_2.weight.grad.norm().item()


for n_layers in (2, 6, 18):
    post, pre = last_gradient(n_layers, False), last_gradient(n_layers, True)
    print(f"{n_layers:2} blocks: post-norm {post:.2f}, pre-norm {pre:.2f}")
assert post > 1.5 * pre

# %% [markdown]
# With pre-norm, the gradient shrinks as the stack gets deeper, and with post-norm it doesn't. Xiong and colleagues (2020, section 3) prove this, and conclude that a post-norm Transformer must not begin with a large learning rate: near the output, its first gradients are large, and noisy. Hence the first of three habits, all of them in the package's short [training loop](../reference/api/training/trainer.md):
#
# - **Warm-up.** The learning rate rises from zero, and then falls. In the paper it rises for 4,000 steps, and falls with the square root of the step. Here it rises for 200, and falls linearly.
# - **Gradient clipping.** A gradient longer than a limit is scaled down to it.
# - **Averaging.** Late in training the weights oscillate around a minimum, and their average lies closer to it. The paper averages its last checkpoints, and we average the weights of all steps of the last quarter.

# %%
from attention.tasks.architectures import ARCHITECTURES
from attention.training.trainer import learning_rate

config = ARCHITECTURES["transformer"].training
print(config)


def in_the_paper(step, d_model=512, warmup=4000):
    return d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)  # section 5.3


print("\n  step   learning rate in the paper")
for step in (1, 1_000, 4_000, 16_000, 100_000):
    print(f"{step:7,} {in_the_paper(step):.6f}")
print("\n  step   learning rate here")
for step in (1, 50, config.warmup, config.steps // 2, config.steps):
    print(f"{step:7,} {learning_rate(step - 1, config):.6f}")

# %% [markdown]
# The command has the same settings. Outside this page you would type:
#
# ```sh
# attention train translation --arch transformer --data toy --out runs/transformer
# ```
#
# Now train. **Predict**: Bahdanau's translator [took 86 CPU-seconds](../introduction.md), and got 986 of a thousand sentences right to the letter. Will this one need more time for as many, or less?

# %%
import time

from attention.tasks.objectives import translation_trainer

print(f"{translator.n_parameters:,} parameters")
trainer = translation_trainer(translator, pairs, config)
begun, losses = time.process_time(), []
for value in trainer.steps():
    losses.append(value)
    if trainer.step % (config.steps // 8) == 0:
        print(f"step {trainer.step:4}   loss {sum(losses[-100:]) / 100:.3f}")
print(f"{time.process_time() - begun:.0f} CPU-seconds")

# %%
from attention.evaluation.metrics import evaluate_translator

scores = evaluate_translator(translator, test)
print(f"exact match           {scores.exact_match:.3f}")
print(f"alignment error rate  {scores.aer:.3f}")
print(f"BLEU                  {scores.bleu:.1f}   {scores.signature}")
assert scores.exact_match >= 0.97
assert scores.aer <= 0.08

# %% [markdown]
# Bahdanau's translator got 986 right, with an alignment error rate of 0.033, after 86 CPU-seconds. So on sentences as short and regular as these, the two translate equally well, Bahdanau's aligns a little better, and the Transformer needs more time, because it takes twice as many steps.
# One run is one sample. With the seeds 0 to 4, the Transformer's exact match has a median of .985 and a minimum of .983; Bahdanau's has .984 and .974.
# In the paper, the Transformer wins on millions of sentences, and on hardware that does many operations at once. One CPU core gains little when no token waits for another.
#
# Which sentences are wrong? Predict what they have in common.

# %%
translated = translator.translate([pair.source for pair in test])
wrong = [(pair, t) for pair, t in zip(test, translated, strict=True) if t.text != pair.target]
for pair, translation in wrong[:3]:
    print(pair.source, pair.target, translation.text, sep="\n", end="\n\n")
length = sum(len(t.source) for t in translated) / len(translated)
wrong_length = sum(len(t.source) for _, t in wrong) / len(wrong)
print(f"all: {length:.1f} tokens a sentence; wrong: {wrong_length:.1f}")
assert wrong_length > length

# %% [markdown]
# They are long. A recurrent network's hidden state carries forward how much has been read. The Transformer knows a position by its encoding only, and few training sentences have tokens at positions beyond 20. There it often skips a part of the sentence.
#
# ## Attention weights
#
# Here is the sentence that started this book. No model has been trained on it:

# %%
sentences = toy.held_out()
translations = translator.translate(list(sentences))
for translation in translations:
    print(translation.text)
    assert translation.text == sentences[" ".join(translation.source)].target

# %% [markdown]
# And here is what the decoder's last block attends to, as the mean of its heads:

# %% alt="Heat map of attention weights: a row for each French token (query), a column for each English one (key). The dark cells fall from the top left to the bottom right, except in the rows zone, économique and européenne, where they climb from Area to Economic to European."
from attention.inspection import plots

agreement = translations[0]
plots.alignment(agreement.attention, agreement.source, agreement.target)

# %%
for word, meaning in [("zone", "Area"), ("économique", "Economic"), ("européenne", "European")]:
    row = agreement.attention[agreement.target.index(word)]
    weight, s = row.max(dim=0)
    print(f"{word:11} attends most to {agreement.source[s]:9} weight {weight:.2f}")
    assert agreement.source[s] == meaning

# %% [markdown]
# The word order of *European Economic Area* is reversed once more, and this time without any recurrence. Here are the weights of all heads, in the encoder, in the decoder, and from the decoder to the encoder:

# %%
from attention.inspection.head_view import head_view

head_view(translator, english[0])

# %% [markdown]
# [The lab on heads](../attention/multi-head-lab.py) examines these one by one. Here is another question: how different are the two *the* after the encoder? (*The* and *the* have two embeddings here, so write both in lower case, although the model has never seen that at the beginning of a sentence.) Load the trained weights into *your* class, and compute the *cosine similarity* of the two vectors at each stage: 1 if they point in the same direction, and 0 if they are orthogonal.

# %%
sizes = translator.model.config
mine = Transformer(
    source_size=sizes.source_vocab_size,
    target_size=sizes.target_vocab_size,
    d_model=sizes.d_model,
    n_heads=sizes.n_heads,
    n_layers=sizes.n_layers,
    d_ff=sizes.d_ff,
    norm_first=sizes.norm_first,
)
mine.load_state_dict(translator.model.state_dict())
ids = translator.source_tokenizer.encode("the agreement on the European Economic Area")
sentence = torch.tensor([ids])


def similarity(x):
    return F.cosine_similarity(x[0, 0], x[0, 3], dim=0).item()


with torch.no_grad():
    print(f"embedding      {similarity(mine.source_embedding(sentence)):.2f}")
    x = mine.embed(mine.source_embedding, sentence)
    print(f"with position  {similarity(x):.2f}")
    for number, block in enumerate(mine.encoder, start=1):
        x = block(x, padding_mask(sentence))
        print(f"block {number}        {similarity(x):.2f}")
assert similarity(x) < 0.8

# %% [markdown]
# The positional encodings make a small difference, and self-attention makes a large one: the first *the* belongs to *agreement*, and the second to *Area*. In French they become *l'* and *la*, and the decoder can now tell which is which.
#
# ## Greedy search and beam search
#
# `translate` uses greedy search: the most probable token at each step. With `beam_size=5` it keeps five hypotheses, and ranks them by the sum of their log-probabilities divided by the length to the power of α, as in [the encoder-decoder](../before-attention/encoder-decoder.md#beam-search). (The paper uses a beam of 4 and α = 0.6, in a slightly different formula.) What will a beam change here?

# %%
from attention.generation.beam_search import beam_search, greedy_search

some = test[:150]
ids = pad([translator.source_tokenizer.encode(pair.source) for pair in some])
references = [translator.target_tokenizer.encode(pair.target) for pair in some]
found = {
    "greedy": greedy_search(translator.model, ids, 60),
    "beam 5, α = 1": beam_search(translator.model, ids, 60, beam_size=5, length_penalty=1.0),
}
for name, outputs in found.items():
    exact = sum(map(list.__eq__, outputs, references)) / len(some)
    print(
        f"{name:14} exact {exact:.3f}, {sum(map(len, outputs)) / len(some):.2f} tokens a sentence"
    )

# %% [markdown]
# In our run, nothing: the model is so certain of each token that no second hypothesis ever wins. On real text a beam helps, as the table below shows.
#
# ## Decoding with a KV cache
#
# To generate a token, the decoder needs the keys and values of all tokens before it. It could compute all of them again at each step. But they never change, because the causal mask keeps later tokens out of earlier vectors. So the decoder stores them in a **KV cache**. `prefill` encodes the source, processes `<s>`, and computes the keys and values of the source for cross-attention. `decode_step` takes a single token through the blocks. Here is how the package's decoder block does it, in the same lines as in training. Self-attention appends the new keys and values to its cache, and cross-attention takes those of the source from its own:

# %%
import inspect

print(inspect.getsource(package.DecoderBlock.forward))

# %% [markdown]
# **Predict**: our translation has 14 tokens, and `</s>`. How many token vectors go through a decoder block, with the cache and without it? To count them, use a *forward hook*, a function that PyTorch calls after each call of a module:

# %%
from collections import Counter

model, processed = translator.model, Counter()


@torch.inference_mode()
def without_cache(source, max_len=40):
    tokens = [BOS]
    while tokens[-1] != EOS and len(tokens) < max_len:
        logits = model(source, torch.tensor([tokens]))  # everything again
        tokens.append(logits[0, -1].argmax().item())
    return tokens[1:-1]


def count_vectors(module, arguments, output):
    stack = "encoder" if module is model.encoder[0].feed_forward else "decoder"
    processed[stack] += arguments[0].size(-2)


def counted(decode):
    """The tokens, and how many vectors went through a block of each stack."""
    processed.clear()
    blocks = model.encoder[0], model.decoder[0]
    hooks = [block.feed_forward.register_forward_hook(count_vectors) for block in blocks]
    tokens = decode(source[:1])
    for hook in hooks:
        hook.remove()
    return tokens, dict(processed)


slow, slow_counts = counted(without_cache)
fast, fast_counts = counted(lambda source: greedy_search(model, source, 40)[0])
assert fast == slow == translator.target_tokenizer.encode(french[0])
steps = len(fast) + 1
assert fast_counts == {"encoder": 13, "decoder": steps}
assert slow_counts == {"encoder": 13 * steps, "decoder": steps * (steps + 1) // 2}
print(f"without the cache {slow_counts}")
print(f"with the cache    {fast_counts}, and the same tokens")

# %% [markdown]
# The longer the translation, the more the cache saves. Count before you measure times, because a count is the same on every machine. (`greedy_search` and `beam_search` of the package always use the cache. And because it must not change a token, [the tests](../reference/how-this-book-is-tested.md) compare both ways to twelve digits.)

# %% [markdown]
# ## Real text: subwords
#
# The toy grammar has a few hundred words. Real text has too many for a table, most of them rare, and a word that is not in the vocabulary becomes `<unk>`. So rare words are split into **subwords**. **Byte-pair encoding** starts from characters, and repeatedly merges the most frequent pair of neighbouring tokens into a new token (Sennrich, Haddow and Birch 2016). With one vocabulary for both languages, one embedding table is enough. Here is a small one, learned from the toy sentences. *Disagreement* is not among their words. What becomes of it?

# %%
from attention.tokenizers.subwords import SubwordTokenizer

sentences = [text for pair in pairs[:5_000] for text in (pair.source, pair.target)]
subwords = SubwordTokenizer.train(sentences, vocab_size=1_000)
for text in ("The disagreement was signed .", french[0]):
    tokens = subwords.tokenize(text)
    print(len(tokens), " ".join(tokens))
    assert subwords.detokenize(tokens) == text
shared = Translator.new("transformer", pairs[:5_000], subwords=1_000)
assert shared.model.source_embedding is shared.model.target_embedding
sizes = f"{len(translator.source_tokenizer)} English and {len(translator.target_tokenizer)} French words"
print(f"{len(subwords):,} subwords in one table, in place of {sizes} in two")

# %% [markdown]
# `▁` marks the beginning of a word. No word is unknown any more, but the sequences are longer.
#
# For text of your own, put it into two files whose lines are translations of each other, and train:
#
# ```sh
# attention train translation --arch transformer --data train.en train.fr --out runs/real \
#   --subwords 5000 --d-model 192 --d-ff 384 --norm-first --dropout 0.1 \
#   --label-smoothing 0.1 --average-fraction 0.1 --tokens-per-batch 1000 --steps 2400 --lr 0.003 --warmup 300
# attention evaluate runs/real --data val.en val.fr --beam 5
# attention translate runs/real "Two dogs are running in the snow ." --beam 5 --attention dogs.svg
# ```
#
# This is what it reaches on Multi30k (Elliott and colleagues 2016 and 2017), 29,000 captions of photographs in English and French, which its authors publish in the repository `multi30k/dataset` on GitHub:
#
# | run | blocks, dimension | steps, tokens in each | minutes of one core | BLEU, greedy | BLEU, beam 5 |
# | --- | --- | --- | --- | --- | --- |
# | ten minutes | 2 + 2, 192 | 2,400 of 1,000 | 12 | 47.2 | 48.8 |
# | an hour | 4 + 4, 128 | 6,500 of 2,000 | 67 | 53.9 | 54.9 |
#
# The first run is the command above. The second:
#
# ```sh
# attention train translation --arch transformer --data train.en train.fr --out runs/best \
#   --subwords 5000 --d-model 128 --n-layers 4 --norm-first --dropout 0.3 \
#   --label-smoothing 0.1 --average-fraction 0.1 --tokens-per-batch 2000 --steps 6500 --lr 0.0035 --warmup 800
# ```
#
# BLEU is measured on the 1,014 captions of the validation set. Neither run trained on them, but we chose the settings by them, so on new captions expect a little less. It is sacrebleu's BLEU on plain text, `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`. Papers on this data report it on their test sets, on lower-case and tokenised text, so the figures can't be compared.
# We ran both in November 2026 with PyTorch 2.13 on one core each of a busy machine with two (AMD EPYC), without a GPU. The minutes are CPU time.
#
# ## The size of the paper's model
#
# How many parameters has the *base* model of the paper? It has six blocks on each side, dimension 512, 8 heads, an inner dimension of 2,048 in the feed-forward networks, and one embedding table for some 37,000 subwords. By hand: an attention layer has four matrices of $D^2$, and there are 18 of them. Do the rest yourself, then count. On the device `meta`, a model has shapes and no values.

# %%
with torch.device("meta"):
    base = package.Transformer(
        package.TransformerConfig(
            37_000, 37_000, d_model=512, n_heads=8, n_layers=6, d_ff=2048, shared_embeddings=True
        )
    )


def count(part):
    return sum(parameter.numel() for parameter in part.parameters())


attentions = [m for m in base.modules() if isinstance(m, MultiHeadAttention)]
feed_forwards = [m for m in base.modules() if isinstance(m, package.FeedForward)]
norms = [m for m in base.modules() if isinstance(m, nn.LayerNorm)]
parts = {"table": [base.target_embedding], "attentions": attentions}
parts |= {"feed-forward": feed_forwards, "norms": norms}
for name, modules in parts.items():
    print(f"{name:12} {len(modules):3} {sum(map(count, modules)):12,}")
print(f"{'together':12}     {count(base):12,}, {4 * count(base) / 1e6:.0f} MB in 32 bits")
assert sum(map(count, attentions)) == 18 * 4 * 512**2
assert count(base) == 63_045_632

# %% [markdown]
# The paper says 65 million. [Facts](../reference/facts.md#the-transformer) finds out from the paper's own table where the other two may come from, and counts the *big* model, too.
#
# The models of the next chapters load published weights. A translator that you have trained is saved in a folder:

# %%
from pathlib import Path

folder = Path("our-transformer")
folder.mkdir(exist_ok=True)
translator.save(folder)
loaded = Translator.load(folder)
assert loaded.translate([english[0]])[0].text == french[0]

# %% [markdown]
# ## Exercises
#
# Write each answer in place of the dots. A check says that you are right, and says what is wrong when you are not.
#
# **1. The input of the first block.** Embeddings, factor and positional encodings, for a batch.

# %% tags=["raises-exception"]
from attention import sinusoidal_positions
from attention.exercises import check_first_vectors


def embed(table, ids):
    """Vectors (B, T, D), from token ids (B, T) and an embedding table: a tensor (V, D)."""
    ...


check_first_vectors(embed)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# `table[ids]` is `(B, T, D)`. `sinusoidal_positions(T, D)` is `(T, D)`, the same for every sentence.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# Which of the two is multiplied? The embeddings start with a length of about 1.
#
# </details>

# %% tags=["solution"]
from attention import sinusoidal_positions
from attention.exercises import check_first_vectors


def embed(table, ids):
    d_model = table.size(-1)
    return table[ids] * d_model**0.5 + sinusoidal_positions(ids.size(1), d_model)


check_first_vectors(embed)

# %% [markdown]
# **2. Residual connection and norm.** Both orders, with the norm as an argument.

# %% tags=["raises-exception"]
from attention.exercises import check_sublayer


def add(x, layer, norm, norm_first):
    """The vectors x after a sublayer: pre-norm if `norm_first`, otherwise post-norm."""
    ...


check_sublayer(add)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# In both orders, `layer` and `norm` are called once each, and there is one sum.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# With pre-norm, `x` itself is never normalised. Only the layer's input is.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_sublayer


def add(x, layer, norm, norm_first):
    if norm_first:
        return x + layer(norm(x))
    return norm(x + layer(x))


check_sublayer(add)

# %% [markdown]
# **3. A smoothed loss.** Without `F.cross_entropy`. Padding has the id 0, and doesn't count.

# %% tags=["raises-exception"]
from attention.exercises import check_smoothed_loss


def loss(logits, targets, epsilon):
    """The mean loss over all positions whose target isn't padding.

    logits: (T, V). targets: token ids, (T,). epsilon: the proportion for all tokens together.
    """
    ...


check_smoothed_loss(loss)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Compute the log-probabilities first: `logits.log_softmax(-1)`. That of the target counts 1 − ε times, and the *mean* over all tokens counts ε times.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)` picks one entry of each row. `each[targets != 0]` leaves the padding out, before the mean.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_smoothed_loss


def loss(logits, targets, epsilon):
    logs = logits.log_softmax(-1)
    correct = logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    each = -(1 - epsilon) * correct - epsilon * logs.mean(-1)
    return each[targets != 0].mean()


check_smoothed_loss(loss)

# %% [markdown]
# **4. Greedy search with the cache.** A model has `prefill(source, max_new_tokens)`, which encodes the source, processes `<s>`, and returns the logits of the first token and a state; and `decode_step(token, state)`, which returns the logits of the next token and the next state. Both work on batches, and yours has one sentence, so a token is a tensor of shape `(1,)`. Use greedy search. The check counts your steps.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_greedy
from attention.tokenizers.special_tokens import EOS


def decode(model, source, max_len):
    """A list of token ids, at most max_len, without <s> and </s>.

    The ids are Python integers (`token.item()`).
    """
    ...


check_greedy(decode)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Call `prefill` once, before the loop. Its logits are those of the first token.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `logits.argmax(-1)` is the next token, as a tensor of shape `(1,)`, which is what the next `decode_step` takes. If it is `EOS`, stop before you keep it.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_greedy
from attention.tokenizers.special_tokens import EOS


def decode(model, source, max_len):
    (logits, state), tokens = model.prefill(source, max_len), []
    for _ in range(max_len):
        token = logits.argmax(-1)
        if token.item() == EOS:
            break
        tokens.append(token.item())
        logits, state = model.decode_step(token, state)
    return tokens


check_greedy(decode)

# %% [markdown]
# **5. To try.** Train with `Translator.new("transformer", pairs, norm_first=True)`, or with one layer (`n_layers=1`), or by `translation_trainer(translator, pairs, replace(config, warmup=0))`. Predict the exact match before you look.
#
# ## Where to read more
#
# - Vaswani and colleagues 2017, *Attention Is All You Need* (arXiv 1706.03762): all of it. Section 3.1 for the stacks, 3.4 for the shared embeddings, 5.3 and 5.4 for training, 6.1 for averaging and beam search.
# - Rush 2018, *The Annotated Transformer*: the paper, line by line, in PyTorch.
# - Ba, Kiros and Hinton 2016, *Layer Normalization* (arXiv 1607.06450).
# - Xiong and colleagues 2020, *On Layer Normalization in the Transformer Architecture* (arXiv 2002.04745): section 3, why post-norm needs warm-up, and pre-norm doesn't.
# - Press and Wolf 2017, *Using the Output Embedding to Improve Language Models* (arXiv 1608.05859): weight tying.
# - Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, *Rethinking the Inception Architecture for Computer Vision* (arXiv 1512.00567): section 7, label smoothing.
# - Sennrich, Haddow and Birch 2016, *Neural Machine Translation of Rare Words with Subword Units* (arXiv 1508.07909): section 3.2.
# - Elliott, Frank, Sima'an and Specia 2016, *Multi30K: Multilingual English-German Image Descriptions* (arXiv 1605.00459); the French side is from Elliott and colleagues 2017, the second shared task on multimodal translation.
