# ---
# title: "The Transformer: a translator from end to end"
# parent: Models
# nav_order: 1
# description: The whole Transformer in some sixty lines, proven equal to PyTorch's, trained in a few minutes, compared with Bahdanau's translator, with its attention weights and its KV cache.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # The Transformer: a translator from end to end
#
# You put all the components together, prove the whole equal to PyTorch's, train it, and compare it with Bahdanau's translator.
#
# **You need** [multi-head attention](../attention/multi-head-attention.md), [encoder-decoder attention](../attention/encoder-decoder-attention.md) and [positional encodings](../attention/positions.md), and from the Primer [modules](../primer.md#modules) and [a training loop](../primer.md#a-training-loop). The whole page runs for a few minutes on one core.
#
# **You will be able to**
#
# - write a whole Transformer in some sixty lines, and say what each of them is for;
# - say what the paper has besides attention: layer normalisation, weight tying, label smoothing, warm-up, averaging;
# - find typical mistakes with tests: an inverted mask, a loss that is too low, a cache that changes the tokens;
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
# <summary>A decoder block attends twice. Where do the queries come from, and where the keys and values?</summary>
#
# In masked self-attention, all three come from the target tokens. In encoder-decoder attention, the queries come from the target tokens, and the keys and values from the encoder's output ([Encoder-decoder attention](../attention/encoder-decoder-attention.md)).
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
# In training, nothing in the right column waits for the token before it. So all positions can be computed in parallel, which was the purpose.
#
# ## Token ids to vectors
#
# Everything below works on batches of token ids, padded with 0. The package's `Translator` has two tokenizers, and a Transformer that isn't trained yet. Here are two sentences, and their translations, which begin with `<s>` (id 2):

# %%
from functools import partial

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
# Each token id is replaced by its embedding. The embedding is multiplied by $\sqrt{D}$, where $D$ is the model dimension, and the positional encoding is added. Why multiply? Compare the lengths of the vectors:

# %%
D = translator.model.config.d_model
table = translator.model.source_embedding.weight.detach()
embeddings, positions = table[source[0]], sinusoidal_positions(source.size(1), D)
scaled = embeddings * D**0.5
for name, x in {"embeddings": embeddings, "times √D": scaled, "positions": positions}.items():
    print(f"{name:10} {x.norm(dim=-1).mean():5.2f}")

# %% [markdown]
# The embeddings start with a length of about 1, because the paper uses the same table for the logits, which should start small. The positional encodings have a length of $\sqrt{D/2}$, whatever is learned. Without the factor, they would dominate the sum; with it, the embedding is the longer of the two.
#
# ## Layer normalisation, before or after
#
# Every sublayer, which is an attention layer or a feed-forward network, is inside a [residual connection](../attention/main-ideas.md#residual-connections), so the vectors grow from sublayer to sublayer. **Layer normalisation** keeps them at one scale: it subtracts from each vector the mean of its components, and divides by their standard deviation, the root of the mean square of what is left, so that they have mean 0 and variance 1. Then it multiplies each component by a learned gain, at first 1, and adds a learned bias, at first 0.
#
# By hand, for (3, 1, −1, 1): the mean is 1, the differences are (2, 0, −2, 0), their mean square is 2, and the result is (2, 0, −2, 0) / √2 = (1.41, 0, −1.41, 0).
#
# <!--computed 1.41: 2 / sqrt(2)-->

# %%
x = torch.tensor([3.0, 1.0, -1.0, 1.0])
by_hand = (x - x.mean()) / x.var(correction=0).sqrt()
print(by_hand)
assert torch.allclose(by_hand, nn.LayerNorm(4)(x), atol=1e-4)

# %% [markdown]
# In the paper, the norm comes after the sum, which is called **post-norm**. Most models since then have it before the sublayer: **pre-norm**.
#
# $$
# \begin{aligned}
# \text{post-norm:} \quad & \operatorname{norm}(X + \operatorname{layer}(X)) \\
# \text{pre-norm:} \quad & X + \operatorname{layer}(\operatorname{norm}(X))
# \end{aligned}
# $$
#
# With pre-norm, the residual path from the first block to the last consists of sums only, and a sum passes a gradient on unchanged. With post-norm, the path itself is normalised after every sublayer. That matters for [training](#training), where you measure the gradients. A pre-norm stack needs one more norm at its end, because nothing has normalised the final sum.
#
# ## The code
#
# The **position-wise feed-forward network** is the last component that you haven't built yet. It transforms the vector of each position independently, with the same weights at each: a linear layer to more dimensions, an activation function, and a linear layer back. The paper writes $\max(0, X W_1 + b_1)\, W_2 + b_2$. The activation function $\max(0, x)$ is called **ReLU**, short for *rectified linear unit*. `AddNorm` is the residual connection with its norm:


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
# (**Dropout** is left out here. The package has it, with a probability of 0 unless you set another: in training, it sets random components of the embeddings and of each sublayer's output to zero, and in [attention dropout](../attention/coding-self-attention.py) random attention weights.)
#
# An **encoder block** has two sublayers: self-attention, and the feed-forward network. A **decoder block** has three: masked self-attention, [cross-attention](../attention/encoder-decoder-attention.md) to the source, and the feed-forward network. `memory` is the encoder's output, and `partial(f, mask=mask)` is the function `f` with this argument filled in. The sizes are in `config`, the package's `TransformerConfig`.


# %%
class EncoderBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.self_attention_norm = AddNorm(config.d_model, config.norm_first)
        self.feed_forward_norm = AddNorm(config.d_model, config.norm_first)

    def forward(self, x, mask):
        x = self.self_attention_norm(x, partial(self.self_attention, mask=mask))
        return self.feed_forward_norm(x, self.feed_forward)


class DecoderBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.cross_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.self_attention_norm = AddNorm(config.d_model, config.norm_first)
        self.cross_attention_norm = AddNorm(config.d_model, config.norm_first)
        self.feed_forward_norm = AddNorm(config.d_model, config.norm_first)

    def forward(self, x, memory, mask):
        x = self.self_attention_norm(x, partial(self.self_attention, causal=True))
        x = self.cross_attention_norm(x, partial(self.cross_attention, memory=memory, mask=mask))
        return self.feed_forward_norm(x, self.feed_forward)


# %% [markdown]
# The **whole model** has two embedding tables and two stacks of blocks. The padding mask is True where the source has tokens, and every attention layer whose keys come from the source gets it. The decoder's self-attention needs no padding mask, because padding comes last, so the causal mask already hides it from every real token. The logits are dot products of the final vectors with the embeddings of all tokens in the target vocabulary. So the output embedding *is* the target embedding, which is called **weight tying** (Press and Wolf 2017). Only a pre-norm stack has one more norm at its end. In a post-norm model, `nn.Identity` takes the place of that norm, and returns its input.


# %%
class Transformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.source_embedding = nn.Embedding(config.source_vocab_size, config.d_model)
        self.target_embedding = nn.Embedding(config.target_vocab_size, config.d_model)
        for table in (self.source_embedding, self.target_embedding):
            nn.init.normal_(table.weight, std=config.d_model**-0.5)  # of length 1, about
        self.encoder = nn.ModuleList(EncoderBlock(config) for _ in range(config.n_layers))
        self.decoder = nn.ModuleList(DecoderBlock(config) for _ in range(config.n_layers))
        final_norm = nn.LayerNorm if config.norm_first else nn.Identity
        self.encoder_norm = final_norm(config.d_model)
        self.decoder_norm = final_norm(config.d_model)

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
# That is all of it. (In the paper, both languages share one vocabulary, and one table is used three times.)
#
# ## Proof
#
# The package's `Transformer` has the same parts under the same names, so its weights fit. PyTorch's own `torch.nn.Transformer` differs from ours in five ways (besides `batch_first`), and the package's `TorchTransformer`, a small wrapper, does something about each:
#
# - its attention layers have biases: they are set to zero;
# - even a post-norm stack has a norm at its end: it is removed;
# - it has no embeddings, and computes no logits: the wrapper adds both;
# - its padding masks are [inverted](../attention/coding-multi-head-attention.py#against-the-package-and-against-torch), so that True means *masked*: the wrapper inverts ours;
# - its decoder masks the future only if it is given a causal mask: the wrapper passes one.
#
# Then the logits of all three should agree to ten decimal places, with the norm in either place. Compare a gradient as well: that of the sum of the logits' sines, because a plain sum would give each logit the same gradient, and hide mistakes.

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
    mine = Transformer(config).double()
    mine.load_state_dict(theirs.state_dict())
    torchs = TorchTransformer(theirs)

    expected = mine(source, target)
    expected.sin().sum().backward()
    gradient = mine.target_embedding.weight.grad
    for model, table in [(theirs, theirs.target_embedding), (torchs, torchs.embeddings[1])]:
        logits = model(source, target)
        logits.sin().sum().backward()
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-10)
        torch.testing.assert_close(table.weight.grad, gradient)
    print(f"{'pre' if norm_first else 'post'}-norm: {tuple(expected.shape)}, all three agree")

# %% [markdown]
# ### What goes wrong: an inverted mask
#
# Here PyTorch's encoder gets our mask, in which True means *may attend*. It raises no error, because shape and type are right. So test something that must hold for any encoder: if another token of its sentence changes, the vector of *They* must change, too.

# %% tags=["raises-exception"]
changed = source.clone()
changed[1, 1] = source[0, 1]  # They agreement late .
x, other = mine.embed(mine.source_embedding, source), mine.embed(mine.source_embedding, changed)
for meaning, mask in [("masked", source == 0), ("may attend", source != 0)]:
    before, after = (torchs.stacks.encoder(each, src_key_padding_mask=mask) for each in (x, other))
    difference = (before[1, 0] - after[1, 0]).norm().item()
    print(f"True means {meaning!r}: the vector of They changes by {difference:.3f}")
    assert difference > 0, "the tokens of this sentence don't attend to each other"

# %% [markdown]
# With the wrong mask, each token of a padded sentence attends to the *padding* only. In a sentence without padding every key is masked, and in training the attention of PyTorch's encoder then adds nothing. So the model still trains, and is only worse than it should be. In evaluation, its output for the longest sentence of a batch may be `nan`.

# %% [markdown]
# ## The loss
#
# With [teacher forcing](../attention/masked-self-attention.md), the decoder's input is the batch of translations without its last column, and the target is the batch without its first, `<s>`. So at each position, the model has the tokens so far, and must predict the next one. (A shorter sentence still has `</s>` in its input. The target there is padding, which the loss leaves out by `ignore_index=0`.)

# %%
whole = pad([[BOS, *translator.target_tokenizer.encode(sentence), EOS] for sentence in french])
inputs, targets = whole[:, :-1], whole[:, 1:]
for row in (inputs, targets):
    print(" ".join(translator.target_tokenizer.tokens(row[0].tolist())))

# %% [markdown]
# ### What goes wrong: the shift is forgotten
#
# It is easy to pass the same tensor as input and as target. Then the loss falls fast. But a model that has learned nothing shouldn't do better than uniform probabilities, whose loss is the logarithm of the vocabulary size. Does it?

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
# Because of the residual connections, a token's own embedding reaches the last layer, where its dot product with itself is the largest logit. So the loss is low before the first step, and soon falls to nothing: the model learns to copy its input. Make it a habit to compute the loss *before* training. (With the shift, it starts above that of uniform probabilities, for the same reason: the model predicts the token that it has just read.)
#
# ### Label smoothing
#
# The target says that the next token is *zone*, with probability 1. No model can reach it, because softmax gives every token a positive probability. So training drives the logits further and further apart. **Label smoothing** (Szegedy and colleagues 2016) has an easier target: a proportion ε of the probability is taken from the correct token and divided equally among all tokens. In the paper, ε is 0.1. You write this loss in exercise 3.

# %%
epsilon, V = 0.1, len(translator.target_tokenizer)
best = torch.full((V,), epsilon / V)
best[0] += 1 - epsilon
print(f"correct token {best[0]:.3f}, every other {best[1]:.5f}")
print(f"the lowest loss that can be reached: {-(best * best.log()).sum():.2f}")

# %% [markdown]
# A smoothed loss never comes near zero, so it can't be compared with one that isn't smoothed. The paper says that smoothing "hurts perplexity, as the model learns to be more unsure, but improves accuracy and BLEU score" (section 5.4). It helps on real text, where several tokens could follow. In the toy grammar the next token is rarely uncertain, so here we train without it.
#
# ## Training {: #training }
#
# How large is the gradient of $W_2$ in the last decoder block before any training, with post-norm and with pre-norm, for 2, 6 and 18 blocks?


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
# With pre-norm, the gradient shrinks as the stack gets deeper, and with post-norm it doesn't. Xiong and colleagues (2020, section 3) prove this, and conclude that a post-norm Transformer must not begin with a large learning rate, because its first gradients near the output are large. Hence the first of three habits, all of them in the package's [training loop](../reference/api/training/trainer.md):
#
# - **Warm-up.** The learning rate rises from zero, and then falls. In the paper (section 5.3) it rises for 4,000 steps, and then falls with the inverse square root of the step. Here it rises for 200 steps, and falls linearly.
# - **Gradient clipping.** A gradient longer than a limit is scaled down to it.
# - **Averaging.** Late in training, the weights oscillate around a minimum, and their average lies closer to it. The paper (section 6.1) averages its last *checkpoints*, which are copies of the weights that were saved during training, and we average the weights of all steps of the last quarter.
#
# <!--cited 4,000: Vaswani and colleagues 2017, section 5.3-->
# <!--read 200: attention.tasks.architectures:ARCHITECTURES.transformer.training.warmup-->

# %%
from attention.tasks.architectures import ARCHITECTURES

config = ARCHITECTURES["transformer"].training
print(config)

# %% [markdown]
# These are the settings of the command, too. Outside this page you would type:
#
# ```sh
# attention train translation --arch transformer --data toy --out runs/transformer
# ```
#
# **Predict**: Bahdanau's translator [took 86 CPU-seconds](../introduction.md), and got 986 of a thousand sentences right to the letter, which is an *exact match* of 0.986. Will this one need more time for as many, or less?
#
# <!--computed 986: 1000 * 0.986-->

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
# [Bahdanau's translator](../introduction.md) had an exact match of 0.986 and an alignment error rate of 0.033. So on sentences as short and regular as these, the two translate equally well, and the Transformer needs more time, because it takes twice as many steps. One run is one sample: on another computer, with the seeds 0 to 4, the Transformer's exact match has a median of .986 and a minimum of .983, and Bahdanau's .984 and .974. Neither always aligns better: their alignment error rates were between .035 and .089, and between .040 and .077.
#
# <!--measured .986 .983 .984 .974 .035 .089 .040 .077: both commands with seeds 0 to 4, on one computer, November 2026-->
#
# In the paper, the Transformer wins on millions of sentences, and on hardware that does many operations at once. One CPU core gains little when no token waits for another.
#
# Which sentences are wrong? Predict what they have in common.

# %%
translated = translator.translate([pair.source for pair in test])
wrong = [(pair, t) for pair, t in zip(test, translated, strict=True) if t.text != pair.target]
for pair, translation in wrong[:3]:
    print(pair.source, pair.target, translation.text, sep="\n", end="\n\n")
long = sum(len(pair.source.split()) > 20 for pair in pairs) / len(pairs)
length = sum(len(t.source) for t in translated) / len(translated)
wrong_length = sum(len(t.source) for _, t in wrong) / len(wrong)
print(f"all: {length:.1f} tokens a sentence; wrong: {wrong_length:.1f}")
print(f"training sentences of more than 20 tokens: {long:.1%}")
assert wrong_length > length

# %% [markdown]
# They are long. A recurrent network's hidden state can carry forward how much has been translated. The Transformer knows a position mainly by its encoding, and few training sentences have positions beyond 20. There it translates less reliably, and may skip a part of the sentence.
#
# This is the model that translates in the [playground](../playground.md), live in your browser. Save it, as you did with [the first translator](../introduction-lab.py):

# %%
translator.save("transformer")

# %% [markdown]
# ## Attention weights
#
# Now the sentence with which this book began, and two more. No model has been trained on them:

# %%
sentences = toy.held_out()
translations = translator.translate(list(sentences))
for translation in translations:
    print(translation.text)
    assert translation.text == sentences[" ".join(translation.source)].target

# %% [markdown]
# And these are the weights of cross-attention in the decoder's last block, as the mean of its heads:

# %% alt="Heat map of attention weights: a row for each French token (query), a column for each English one (key). The dark cells fall from the top left to the bottom right, except in the rows zone, économique and européenne, where they lead back from Area to Economic to European."
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
# For *European Economic Area*, the weights run in reverse order again, this time without any recurrence. ([The lab on heads](../attention/multi-head-lab.py) examines all heads one by one.)
#
# And how different are the two *the* after the encoder? (*The* and *the* have two embeddings here, so write both in lower case, although the model has never seen that at the beginning of a sentence.) Load the trained weights into *your* class, and compute the [cosine similarity](../attention/main-ideas.md) of the two vectors at each stage:

# %%
mine = Transformer(translator.model.config)
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
# The positional encodings make a small difference, and self-attention makes a large one: the first *the* belongs to *agreement*, and the second to *Area*. In French they become *l'* and *la*, and now the decoder can distinguish them.
#
# ## Decoding with a KV cache
#
# `translate` uses [greedy search](../before-attention/encoder-decoder.md): the most probable token at each step. To generate a token, the decoder needs the keys and values of all tokens before it. It could compute all of them again at each step. But they never change, because the causal mask keeps later tokens out of earlier vectors. So the package's [decoder](../reference/api/models/transformer.md) stores them in a **KV cache**. `prefill` encodes the source, processes `<s>`, and computes the keys and values of the source for cross-attention. `decode_step` processes a single token: self-attention appends its key and value to the cache, and cross-attention takes those of the source from a cache of its own.
#
# **Predict**: our translation has 14 tokens, and `</s>`. How many token vectors go through a decoder block, without the cache and with it? To count them, use a *forward hook*, a function that PyTorch calls after each call of a module:

# %%
from attention.generation.beam_search import greedy_search

model = translator.model


@torch.inference_mode()
def without_cache(source):
    tokens = [BOS]
    while tokens[-1] != EOS and len(tokens) < 40:
        logits = model(source, torch.tensor([tokens]))  # everything again
        tokens.append(logits[0, -1].argmax().item())
    return tokens[1:-1]


def counted(search):
    """The tokens, and how many vectors went through the first decoder block."""
    lengths = []
    hook = model.decoder[0].register_forward_hook(lambda block, x, y: lengths.append(y.size(1)))
    tokens = search(source[:1])
    hook.remove()
    return tokens, sum(lengths)


slow, slow_count = counted(without_cache)
fast, fast_count = counted(lambda source: greedy_search(model, source, 40)[0])
assert fast == slow == translator.target_tokenizer.encode(french[0])
steps = len(fast) + 1
assert fast_count == steps
assert slow_count == steps * (steps + 1) // 2
print(f"without the cache {slow_count}")
print(f"with the cache    {fast_count}, and the same tokens")

# %% [markdown]
# The longer the translation, the more the cache saves. Count before you measure times, because a count is the same on every machine. And because the cache must not change a token, compare both ways, as here.
#
# ## Real text: subwords
#
# The toy grammar has a few hundred words. Real text has too many for a table, most of them rare, and a word that is not in the vocabulary becomes `<unk>`. So rare words are split into **subwords**. **Byte-pair encoding** starts from characters, and repeatedly merges the most frequent pair of neighbouring tokens into a new token (Sennrich, Haddow and Birch 2016). With one vocabulary for both languages, one embedding table is enough. Here is a small vocabulary, learned from toy sentences. *Disagreement* is not among their words. How will it be split?

# %%
from attention.tokenizers.subwords import SubwordTokenizer

texts = [text for pair in pairs[:5_000] for text in (pair.source, pair.target)]
subwords = SubwordTokenizer.train(texts, vocab_size=1_000)
for text in ("The disagreement was signed .", french[0]):
    tokens = subwords.tokenize(text)
    print(len(tokens), " ".join(tokens))
    assert subwords.detokenize(tokens) == text

# %% [markdown]
# `▁` marks the beginning of a word. No word is unknown any more, unless one of its characters is, but the sequences are longer.
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
# With `--beam 5`, [beam search](../before-attention/encoder-decoder.md) keeps five hypotheses. On Multi30k (Elliott and colleagues 2016 and 2017), 29,000 captions of photographs in English and French, these commands reach a BLEU of 48.8, and of 47.2 with greedy search, after 12 minutes on one core.
#
# <!--cited 29,000: Elliott and colleagues 2016-->
# <!--measured 48.8 47.2: the commands above, November 2026, PyTorch 2.13, one core (AMD EPYC)-->
#
# <details markdown="1">
# <summary>Going deeper: an hour on one core, and how both were measured</summary>
#
# A deeper model with more dropout reached 54.9, and 53.9 with greedy search, after 67 minutes:
#
# ```sh
# attention train translation --arch transformer --data train.en train.fr --out runs/best \
#   --subwords 5000 --d-model 128 --n-layers 4 --norm-first --dropout 0.3 \
#   --label-smoothing 0.1 --average-fraction 0.1 --tokens-per-batch 2000 --steps 6500 --lr 0.0035 --warmup 800
# ```
#
# <!--measured 54.9 53.9: the command above, evaluated with and without a beam of 5, November 2026, PyTorch 2.13, one core (AMD EPYC)-->
#
# The authors of Multi30k publish it in the repository `multi30k/dataset` on GitHub. BLEU is measured on the 1,014 captions of the validation set. Neither run trained on them, but we chose the settings by them, so on new captions expect a little less. It is BLEU as the library sacrebleu computes it on plain text, with the signature `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`. Papers on this data report it on their test sets, on lower-case text that is split into tokens, so the figures can't be compared.
#
# <!--cited 1,014: Elliott and colleagues 2016-->
#
# We ran both in November 2026 with PyTorch 2.13, each on one core of a busy machine with two (AMD EPYC), without a GPU. The minutes are CPU time. The paper uses a beam of 4.
#
# </details>
#
# ## The size of the paper's model
#
# How many parameters does the *base* model of the paper have? It has six blocks on each side, dimension 512, an inner dimension of 2,048 in the feed-forward networks, and one embedding table for some 37,000 subwords. Count by hand before you read on.
#
# <!--cited 512 2,048 37,000: Vaswani and colleagues 2017, sections 3.1, 3.3 and 5.1-->
#
# The table has 37,000 · 512, or 18.9 million. The 18 attention layers have four matrices of 512² each: 18.9 million again. The 12 feed-forward networks have two matrices of 512 · 2,048 each, and two biases: 25.2 million. With the gains and biases of 30 norms, that makes 63.0 million, whatever the number of heads.
#
# <!--computed 18.9: 37000 * 512 / 10**6; 18.9: 18 * 4 * 512**2 / 10**6; 25.2: 12 * (2 * 512 * 2048 + 2048 + 512) / 10**6; 63.0: (37000 * 512 + 18 * 4 * 512**2 + 12 * (2 * 512 * 2048 + 2048 + 512) + 30 * 2 * 512) / 10**6-->
#
# The paper says 65 million. [Facts](../reference/facts.md#the-transformer) shows where the other two may come from.
#
# ## Exercises
#
# Write each answer in place of the dots. The check says whether it is right, and if not, what is wrong.
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
# **4. Greedy search with the cache.** A model has `prefill(source, max_new_tokens)`, which encodes the source, processes `<s>`, and returns the logits of the first token and a state; and `decode_step(token, state)`, which returns the logits of the next token and the next state. Both work on batches, and yours has one sentence, so a token is a tensor of shape `(1,)`. The check counts your steps.

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
# **5. To try.** Train a new `translator`: `Translator.new("transformer", pairs, norm_first=True)`, or one with a single layer (`n_layers=1`), or one with the default settings, by `translation_trainer(translator, pairs, replace(config, warmup=0))`. Predict the exact match before you look.
#
# ## Where to read more
#
# - Vaswani and colleagues 2017, *Attention Is All You Need* (arXiv 1706.03762): all of it, section 3.1 for the stacks, section 3.4 for the shared embeddings, sections 5.3 and 5.4 for training, section 6.1 for averaging and beam search.
# - Rush 2018, *The Annotated Transformer*: the paper, line by line, in PyTorch.
# - Ba, Kiros and Hinton 2016, *Layer Normalization* (arXiv 1607.06450).
# - Xiong and colleagues 2020, *On Layer Normalization in the Transformer Architecture* (arXiv 2002.04745): section 3, why post-norm needs warm-up, and pre-norm doesn't.
# - Press and Wolf 2017, *Using the Output Embedding to Improve Language Models* (arXiv 1608.05859): weight tying.
# - Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, *Rethinking the Inception Architecture for Computer Vision* (arXiv 1512.00567): section 7, label smoothing.
# - Sennrich, Haddow and Birch 2016, *Neural Machine Translation of Rare Words with Subword Units* (arXiv 1508.07909): section 3.2.
# - Elliott, Frank, Sima'an and Specia 2016, *Multi30K: Multilingual English-German Image Descriptions* (arXiv 1605.00459). The French captions are from Elliott and colleagues 2017, the second shared task on multimodal translation.
