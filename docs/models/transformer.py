# ---
# title: "The Transformer: a translator from end to end"
# parent: Models
# nav_order: 1
# description: The whole Transformer in some sixty lines, proven equal to PyTorch's, trained in a minute or two, measured against Bahdanau's translator, and looked into while it writes.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # The Transformer: a translator from end to end
#
# You put all the parts together, prove the whole equal to PyTorch's, train it, and measure it against the translators that came before.
#
# **You need** [multi-head attention](../attention/multi-head-attention.md) and [encoder-decoder attention](../attention/encoder-decoder-attention.md), and three minutes of one processor core for the whole page.
#
# **You will be able to**
#
# - write a whole Transformer in some sixty lines, and say what each of them is for;
# - say what the paper does besides attention: norms, tied tables, smoothed labels, warm-up, averages, beams;
# - test a translator: a loss that is too good, a mask the wrong way round, a cache that changes the words;
# - train one on sentences of your own, with one command.
#
# **Time**: 25 minutes, and the exercises.

# %% [markdown]
# ## Do you remember?
#
# <details markdown="1">
# <summary>Written in lower case, both <em>the</em> of our sentence are the same row of a table. What tells them apart?</summary>
#
# First their positions, whose vectors are added. Then self-attention, which brings each its neighbours ([The main ideas](../attention/main-ideas.md#what-an-embedding-cannot-know)). You measure below how much.
#
# </details>
#
# <details markdown="1">
# <summary>While the decoder learns, it is given the right words before each place. What keeps it from reading off the word that it is to guess?</summary>
#
# The causal mask, and the shift by one: the word at place $t$ is given, and the one after it is wanted ([Self-attention and masked self-attention](../attention/masked-self-attention.md)).
#
# </details>
#
# <details markdown="1">
# <summary>Beam search ranks translations by the sum of the logarithms of their words' probabilities. Why is the sum divided by the length?</summary>
#
# Each word adds a negative number, so without it short translations would win ([The encoder-decoder](../before-attention/encoder-decoder.md#beam-search)).
#
# </details>

# %% [markdown]
# ## What is new
#
# Here is Bahdanau's translator, which you know from the [Introduction](../introduction.md), and beside it what this page is about:
#
# | question | Bahdanau, 2014 | the Transformer, 2017 |
# | --- | --- | --- |
# | each English word learns of the others | by two recurrent networks, word after word | by self-attention, all at once |
# | order | comes with reading in order | is added: positions |
# | each French word learns of those before it | by the decoder's state | by masked self-attention |
# | it looks at the English words | once for each French word | once for each French word *in each layer*, with several heads |
# | scores between query and key | a small network | a dot product |
# | the next word is scored | from state, context and word before | by the table of embeddings, used once more |
#
# In training, nothing in the right column waits for the word before it. That was the point.
#
# ## Words in: embedding and position
#
# Everything below works on batches of word numbers, padded with 0. Two sentences, and their translations, each begun with `<s>` (number 2):

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
# Each number becomes a row of a table. Then the row is multiplied by $\sqrt{D}$, where $D$ is its width, and the vector of its position is added. Why multiply? Look at how long the three are:

# %%
D = translator.model.config.d_model
table = translator.model.source_embedding.weight.detach()
rows, waves = table[source[0]], sinusoidal_positions(source.size(1), D)
for name, vectors in [("rows", rows), ("rows × √D", rows * D**0.5), ("positions", waves)]:
    print(f"{name:10} {vectors.norm(dim=-1).mean():5.2f}")
assert rows.norm(dim=-1).mean() < waves.norm(dim=-1).mean()

# %% [markdown]
# The rows begin with a length of about 1, since the table has a second job: it will also score the words, at the other end. The positions have a length of $\sqrt{D/2}$, whatever is learned. Without
# the factor, each word would drown in its position. With it, the word is the louder of the two.
#
# ## Around each layer: add, and bring to size
#
# You know the [residual connection](../attention/main-ideas.md#residual-connections): a layer says what to *add* to the words. You also saw what comes of it: the vectors grow with every layer.
# *Layer normalisation* brings each word's vector back to size. From its numbers it takes away their mean, then divides by their standard deviation. So they have the mean 0 and the variance 1.
# Afterwards each number is multiplied by one that is learned, and another one is added, in case another size is better. By hand, for (3, 1, −1, 1): the mean is 1, the differences are (2, 0, −2, 0), their mean square is 2, and so the result is
# (2, 0, −2, 0) / √2 = (1.41, 0, −1.41, 0).

# %%
x = torch.tensor([3.0, 1.0, -1.0, 1.0])
by_hand = (x - x.mean()) / x.var(correction=0).sqrt()
print(by_hand)
assert torch.allclose(by_hand, nn.LayerNorm(4)(x), atol=1e-4)

# %% [markdown]
# Where does the norm stand? The paper has it **after** the sum, *post-norm*. Most models since have it **before** the layer, *pre-norm*:
#
# $$
# \begin{aligned}
# \text{post-norm:} \quad & \operatorname{norm}(X + \operatorname{layer}(X)) \\
# \text{pre-norm:} \quad & X + \operatorname{layer}(\operatorname{norm}(X))
# \end{aligned}
# $$
#
# It looks like a detail. But let the layers say nothing at all, and follow a word through six of them. What is left of its length of 100?

# %%
word = torch.randn(D, generator=torch.Generator().manual_seed(0))
word = 100 * word / word.norm()
post, pre = word, word
for _ in range(6):
    post, pre = F.layer_norm(post + 0, (D,)), pre + 0
print(f"post-norm {post.norm():.1f}, pre-norm {pre.norm():.1f}")

# %% [markdown]
# With pre-norm a straight way leads from the first layer to the last: only sums, and a sum hands a gradient on as it is. With post-norm, every layer rescales everything. Deep stacks then need care at the start
# of training (Xiong and colleagues 2020), and you meet the remedy, *warm-up*, below. A pre-norm stack needs one more norm at its very end, since nobody has brought the sum to size.
#
# ## The code
#
# The feed-forward layer is the only part that you haven't built yet. It works on each word by itself: wider, cut off at zero, narrow again. $\max(0, X W_1 + b_1)\, W_2 + b_2$, in the paper. Then the piece that goes around each layer:


# %%
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.W_1 = nn.Linear(d_model, d_ff)
        self.W_2 = nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.W_2(self.W_1(x).clamp(min=0))


class AddNorm(nn.Module):
    def __init__(self, d_model, norm_first):
        super().__init__()
        self.norm, self.norm_first = nn.LayerNorm(d_model), norm_first

    def forward(self, x, layer):
        return x + layer(self.norm(x)) if self.norm_first else self.norm(x + layer(x))


# %% [markdown]
# (In training, some numbers of what a layer adds are set to zero by chance: *dropout*. The package's `AddNorm` has it. Here we do without.)
#
# **An encoder layer**: the words look at each other, then each thinks for itself. **A decoder layer**: the words written look at their own past, then at the source, then each thinks for itself.


# %%
class EncoderBlock(nn.Module):
    def __init__(self, d_model, n_heads, d_ff, norm_first):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.self_attention_norm = AddNorm(d_model, norm_first)
        self.feed_forward_norm = AddNorm(d_model, norm_first)

    def forward(self, x, real):
        x = self.self_attention_norm(x, lambda x: self.self_attention(x, mask=real))
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

    def forward(self, x, memory, real):
        x = self.self_attention_norm(x, lambda x: self.self_attention(x, causal=True))
        x = self.cross_attention_norm(x, lambda x: self.cross_attention(x, memory, real))
        return self.feed_forward_norm(x, self.feed_forward)


# %% [markdown]
# **The whole**: two tables, two stacks of layers. `real` says which places of the source hold words and not padding. Every attention that looks at the source gets it. The decoder's self-attention doesn't need a mask for
# padding: it stands at the end, and the causal mask hides what comes later. At the end, each vector is compared with the row of every French word, by a dot product. The best match is the likeliest next word.


# %%
class Transformer(nn.Module):
    def __init__(self, source_words, target_words, d_model, n_heads, n_layers, d_ff, norm_first):
        super().__init__()
        self.source_embedding = nn.Embedding(source_words, d_model)
        self.target_embedding = nn.Embedding(target_words, d_model)
        for table in (self.source_embedding, self.target_embedding):
            nn.init.normal_(table.weight, std=d_model**-0.5)  # rows of length 1, about
        sizes = d_model, n_heads, d_ff, norm_first
        self.encoder = nn.ModuleList(EncoderBlock(*sizes) for _ in range(n_layers))
        self.decoder = nn.ModuleList(DecoderBlock(*sizes) for _ in range(n_layers))
        last = nn.LayerNorm if norm_first else nn.Identity
        self.encoder_norm, self.decoder_norm = last(d_model), last(d_model)

    def embed(self, table, ids):
        positions = sinusoidal_positions(ids.size(1), table.embedding_dim)
        return table(ids) * table.embedding_dim**0.5 + positions  # (B, T, D)

    def encode(self, source):
        x, real = self.embed(self.source_embedding, source), padding_mask(source)
        for layer in self.encoder:
            x = layer(x, real)
        return self.encoder_norm(x)  # (B, S, D)

    def forward(self, source, target):
        memory, real = self.encode(source), padding_mask(source)
        x = self.embed(self.target_embedding, target)
        for layer in self.decoder:
            x = layer(x, memory, real)
        return self.decoder_norm(x) @ self.target_embedding.weight.T  # (B, T, V)


# %% [markdown]
# That is all of it, in some sixty lines. The table of the target is used twice, to read words and to score them: it is *tied* (Press and Wolf 2017). In the paper, both languages share one vocabulary and all three uses share one table.
#
# ## Proof
#
# The package's `Transformer` has the same parts under the same names, so its weights fit. And `torch.nn.Transformer` is the one that most people use. It differs from the paper in small things, and you should know them:
# its attentions have biases; it has a norm at the end of each stack, even of a post-norm one; it has no embeddings and no scores; and its masks of padding are [the other way round](../attention/coding-multi-head-attention.py#against-the-package-and-against-torch).
# `TorchTransformer` copies our weights into it, and does something about each of the four. Do all three agree, to ten places after the point, in both orders? And does the gradient of the table of French words?

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
        len(translator.source_tokenizer), len(translator.target_tokenizer), 32, 4, 2, 64, norm_first
    )
    mine.double().load_state_dict(theirs.state_dict())
    torchs = TorchTransformer(theirs)

    logits = [model(source, target) for model in (mine, theirs, torchs)]
    tables = mine.target_embedding, theirs.target_embedding, torchs.embeddings[1]
    for scores, its_table in zip(logits, tables, strict=True):
        scores.sin().sum().backward()
        torch.testing.assert_close(scores, logits[0], rtol=0, atol=1e-10)
        torch.testing.assert_close(its_table.weight.grad, tables[0].weight.grad)
    print(f"{'pre' if norm_first else 'post'}-norm: {tuple(scores.shape)}, all three agree")

# %% [markdown]
# ### What goes wrong: a mask the wrong way round
#
# Sooner or later you will hand your mask to somebody else's layer. Here, torch's encoder gets ours, in which True means "may look". Nothing complains. So ask for something that must be true of any encoder: if the word *late* changes, then
# the vector of *They* must change.

# %% tags=["raises-exception"]
changed = source.clone()
changed[1, 2] = source[0, 1]  # They agreement late .
x, other = mine.embed(mine.source_embedding, source), mine.embed(mine.source_embedding, changed)
for meaning, mask in [("hide", source == 0), ("may look", source != 0)]:
    one, two = (torchs.stacks.encoder(each, src_key_padding_mask=mask) for each in (x, other))
    moved = (one[1, 0] - two[1, 0]).norm().item()
    print(f"True means {meaning!r}: They has moved by {moved:.3f}")
    assert moved > 0, "the words of this sentence don't see each other"

# %% [markdown]
# With the wrong mask, each word of a padded sentence looks at the *padding* and at nothing else. In a sentence without padding, nothing is left to look at. In training, torch then adds nothing in place of what attention would say, so the model still trains, and only stays worse than it should be.
# In evaluation, it may give `nan` for the longest sentence of a batch.

# %% [markdown]
# ## The loss
#
# The decoder is given a translation without its last word, and is asked for the same one without its first. So at each place it has the words so far, and must guess the next one.

# %%
written = pad([[BOS, *translator.target_tokenizer.encode(sentence), EOS] for sentence in french])
given, wanted = written[:, :-1], written[:, 1:]
for row in (given, wanted):
    print(" ".join(translator.target_tokenizer.tokens(row[0].tolist())))

# %% [markdown]
# ### What goes wrong: the shift is forgotten
#
# It happens easily: the same tensor is given and wanted. Then the training goes wonderfully. A model that has learned nothing should be as wrong as a blind guess, the logarithm of the size of the vocabulary. Is it?

# %% tags=["raises-exception"]
import math


def loss(model, source, given, wanted, smoothing=0.0):
    scores = model(source, given).flatten(0, 1)
    return F.cross_entropy(scores, wanted.flatten(), ignore_index=0, label_smoothing=smoothing)


blind = math.log(len(translator.target_tokenizer))
for name, asked in [("shifted", wanted), ("forgotten", given)]:
    with torch.no_grad():
        value = loss(translator.model, source, given, asked).item()
    print(f"{name:9} loss {value:.2f}, a blind guess {blind:.2f}")
    assert value > 0.9 * blind, "an untrained model knows too much"

# %% [markdown]
# Because of the residual connections, a word's own vector comes out at the top, and the tied table recognises it. So before the first step the loss is a fifth of a blind guess, and it soon falls to nothing: the model learns to repeat the word that it is given.
# Make this check a habit: look at the loss *before* training. (A right model begins above the blind guess, for the same reason: it bets on the word that it has just seen.)
#
# ### Smoothed labels
#
# "The next word is *zone*, with probability 1." No model can ever reach this, because softmax gives every word something. So it drives its scores further and further apart. *Label smoothing* asks for less:
# a share ε of the probability is taken from the right word and given to all words alike (Szegedy and colleagues 2016). In the paper, ε is 0.1.

# %%
scores, words, epsilon = torch.randn(5, 7), torch.tensor([5, 6, 4, 4, 3]), 0.1
goal = F.one_hot(words, 7) * (1 - epsilon) + epsilon / 7  # (T, V): rows sum to one
smoothed = -(goal * scores.log_softmax(-1)).sum(-1).mean()
torch.testing.assert_close(smoothed, F.cross_entropy(scores, words, label_smoothing=epsilon))

V = len(translator.target_tokenizer)
best = torch.full((V,), epsilon / V)
best[0] += 1 - epsilon
print(f"right word {best[0]:.3f}, every other {best[1]:.5f}")
print(f"the lowest loss that can be reached: {-(best * best.log()).sum():.2f}")

# %% [markdown]
# Such a loss never comes near zero, so don't compare it with one that isn't smoothed. The paper says that smoothing "hurts perplexity, as the model learns to be more unsure, but improves accuracy and BLEU score" (section 5.4). It helps on real text, where several words could
# follow. In the toy grammar hardly anything is unsure, and we leave it out.
#
# ## How it is trained
#
# Three more things, all in the package's short [training loop](../reference/api/training/trainer.md):
#
# - **Warm-up.** At the start, the gradients of a post-norm Transformer are large near its output, and know little. So the learning rate climbs from nothing, and then falls. In the paper it climbs for 4,000 steps, and falls with the square root of the step. Here it climbs for 200, and falls in a straight line.
# - **Clipping.** A gradient that is too long is shortened.
# - **Averaging.** In the end the weights walk around a good place, and their mean is closer to it than they are. The paper averages its last checkpoints, and we take the weights of all steps of the last quarter.

# %%
from attention.tasks.architectures import ARCHITECTURES
from attention.training.trainer import learning_rate

config = ARCHITECTURES["transformer"].training
print(config)


def in_the_paper(step, d_model=512, warmup=4000):
    return d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)  # section 5.3


print("\n  step   in the paper")
for step in (1, 1_000, 4_000, 16_000, 100_000):
    print(f"{step:7,} {in_the_paper(step):.6f}")
print("\n  step   here")
for step in (1, 50, config.warmup, config.steps // 2, config.steps):
    print(f"{step:7,} {learning_rate(step - 1, config):.6f}")

# %% [markdown]
# These are the command's settings, too. Outside this page you would type:
#
# ```sh
# attention train translation --arch transformer --data toy --out runs/transformer
# ```
#
# Now train. **Predict**: Bahdanau's translator [took 86 CPU-seconds](../introduction.md), and got 986 sentences of a thousand right to the letter. Will this one need more time for as many, or less?

# %%
import time
from copy import deepcopy

from attention.tasks.objectives import translation_trainer

print(f"{translator.n_parameters:,} parameters")
trainer = translation_trainer(translator, pairs, config)
begun, losses = time.process_time(), []
for value in trainer.steps():
    losses.append(value)
    if trainer.step == config.steps - 1:
        not_averaged = deepcopy(translator.model.state_dict())
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
# In our run, it had 985 right and an alignment error of 0.043, after 115 CPU-seconds on a busy core. Bahdanau's had 986, and 0.033, after 86. So on sentences as short and regular as these, the two translate equally well, Bahdanau's aligns a little better, and the Transformer needs more time: it takes twice as many steps.
# One run is one draw. With the seeds 0 to 4, the Transformer's share of exact matches has a median of .985, and .983 at worst; Bahdanau's has .984, and .974 at worst.
# In the paper it wins on millions of sentences, and on machines that do many things at once. One processor core gains little when no word waits for another.
#
# Which sentences are wrong? Guess what they have in common.

# %%
made = translator.translate([pair.source for pair in test])
wrong = [(pair, one) for pair, one in zip(test, made, strict=True) if one.text != pair.target]
for pair, one in wrong[:3]:
    print(pair.source, pair.target, one.text, sep="\n", end="\n\n")
lengths = [len(one.source) for one in made]
print(f"all: {sum(lengths) / len(lengths):.1f} words a sentence")
print(f"wrong: {sum(len(one.source) for _, one in wrong) / len(wrong):.1f} words")
assert sum(len(one.source) for _, one in wrong) / len(wrong) > sum(lengths) / len(lengths)

# %% [markdown]
# They are long. A recurrent network knows how far it has come, because it came there step by step. The Transformer has to read it off the positions, and few of its training sentences had words at places beyond 20. Often it loses its place, and leaves something out.
#
# And the averages, what did they gain? The loop keeps both, so compare:

# %%
averaged = deepcopy(translator.model.state_dict())
translator.model.load_state_dict(not_averaged)
before = evaluate_translator(translator, test[:300])
translator.model.load_state_dict(averaged)
after = evaluate_translator(translator, test[:300])
print(
    f"exact match with the last weights {before.exact_match:.3f}, averaged {after.exact_match:.3f}"
)

# %% [markdown]
# Very little here, one sentence of 300 in our run. The learning rate falls to zero, so the weights have come to rest by themselves. In the paper it falls less far, and there averaging has more left to do.
#
# ## Look inside
#
# The sentence that started this book, which no model has ever been trained on:

# %%
sentences = toy.held_out()
translations = translator.translate(list(sentences))
for translation in translations:
    print(translation.text)
    assert translation.text == sentences[" ".join(translation.source)].target

# %% [markdown]
# And where the decoder's last layer looked, as the mean of its heads:

# %% alt="Heat map of attention weights: French words down, English words across. The dark cells fall from the top left to the bottom right, except in the rows zone, économique and européenne, where they climb from Area to Economic to European."
from attention.inspection import plots

agreement = translations[0]
plots.alignment(agreement.attention, agreement.source, agreement.target)

# %%
for word, meaning in [("zone", "Area"), ("économique", "Economic"), ("européenne", "European")]:
    row = agreement.attention[agreement.target.index(word)]
    weight, place = row.max(dim=0)
    print(f"{word:11} looks most at {agreement.source[place]:9} weight {weight:.2f}")
    assert agreement.source[place] == meaning

# %% [markdown]
# The turn at *European Economic Area*, once more, and this time without any recurrence. All maps of all heads, in the encoder, in the decoder, and between the two:

# %%
from attention.inspection.head_view import head_view

head_view(translator, english[0])

# %% [markdown]
# [The lab on heads](../attention/multi-head-lab.py) takes these apart, head by head. Here is another question: what has the encoder made of the two *the*? (*The* and *the* are two rows here, so write both small; the model has never seen that
# at the beginning of a sentence.) Put the trained weights into *your* class, and follow both words up. A *cosine* of 1 means that two vectors point
# in the same direction, and 0 means that they have nothing in common.

# %%
sizes = translator.model.config
mine = Transformer(
    sizes.source_vocab_size,
    sizes.target_vocab_size,
    sizes.d_model,
    sizes.n_heads,
    sizes.n_layers,
    sizes.d_ff,
    sizes.norm_first,
)
mine.load_state_dict(translator.model.state_dict())
sentence = torch.tensor(
    [translator.source_tokenizer.encode("the agreement on the European Economic Area")]
)


def alike(vectors, one=0, other=3):
    return F.cosine_similarity(vectors[0, one], vectors[0, other], dim=0).item()


with torch.no_grad():
    x = mine.source_embedding(sentence)
    print(f"embedding      {alike(x):.2f}")
    x = mine.embed(mine.source_embedding, sentence)
    print(f"with position  {alike(x):.2f}")
    for number, layer in enumerate(mine.encoder, start=1):
        x = layer(x, padding_mask(sentence))
        print(f"layer {number}        {alike(x):.2f}")
assert alike(x) < 0.8

# %% [markdown]
# The positions make a small difference, and the neighbours a large one: the first *the* belongs to *agreement*, and the second to *Area*. In French they become *l'* and *la*, and now the decoder can tell why.
#
# ## Writing: greedy, or with a beam
#
# `translate` takes the likeliest word each time. With `beam_size=5`, it keeps five beginnings alive, and ranks them by the sum of their log-probabilities divided by the length to the power of α, as in [the encoder-decoder](../before-attention/encoder-decoder.md#beam-search). (The paper took a beam of 4 and
# α = 0.6, in a slightly different formula.) What will a beam change here?

# %%
from attention.generation.beam_search import beam_search, greedy_search

some = test[:150]
ids = pad([translator.source_tokenizer.encode(pair.source) for pair in some])
right = [translator.target_tokenizer.encode(pair.target) for pair in some]
found = {
    "greedy": greedy_search(translator.model, ids, 60),
    "beam 5, α = 0": beam_search(translator.model, ids, 60, beam_size=5, length_penalty=0.0),
    "beam 5, α = 1": beam_search(translator.model, ids, 60, beam_size=5, length_penalty=1.0),
}
for name, words in found.items():
    exact = sum(map(list.__eq__, words, right)) / len(some)
    print(f"{name:14} exact {exact:.3f}, {sum(map(len, words)) / len(some):.2f} words a sentence")

# %% [markdown]
# In our run, nothing: the model is so sure of each word that no second beginning was worth keeping. On real text a beam pays, as you will see in the table below.
#
# ## Writing with a cache
#
# To write a word, the decoder needs the keys and values of all words before it. Without a memory, it would compute all of them anew for each word. But they never change: the causal mask keeps later words out of earlier vectors. So keep them. That is the
# *KV cache*. `prefill` reads the source and `<s>`, and computes the keys and values of the source, which encoder-decoder attention will need again. `decode_step` takes one word, and goes through the layers with it alone. Here is how the package's decoder block does it: with the very lines of training. Each attention appends the new keys and values to its cache, or, for the source, takes those that are there:

# %%
import inspect

print(inspect.getsource(package.DecoderBlock.forward))

# %% [markdown]
# **Predict**: our sentence has 14 French words, and `</s>`. How many word vectors go through a decoder layer, with the cache and without it?

# %%
from collections import Counter

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

model, read = translator.model, source[:1]


@torch.inference_mode()
def without_cache(source, max_len=40):
    words = [BOS]
    while words[-1] != EOS and len(words) < max_len:
        scores = model(source, torch.tensor([words]))  # everything anew
        words.append(scores[0, -1].argmax().item())
    return words[1:-1]


def with_cache(source):
    return greedy_search(model, source, 40)[0]


def counted(write):
    """What is written, the vectors that went through a layer of each stack, and the products."""
    passed = Counter()

    def watch(name):
        return lambda layer, given, output: passed.update({name: given[0].size(-2)})

    stacks = {"encoder": model.encoder, "decoder": model.decoder}
    hooks = [
        stack[0].feed_forward.register_forward_hook(watch(name)) for name, stack in stacks.items()
    ]
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        words = write(read)
    for hook in hooks:
        hook.remove()
    return words, dict(passed), counter.get_total_flops()


slow, slow_passed, slow_flops = counted(without_cache)
fast, fast_passed, fast_flops = counted(with_cache)
assert fast == slow == translator.target_tokenizer.encode(french[0])
steps = len(fast) + 1
assert fast_passed == {"encoder": 13, "decoder": steps}
assert slow_passed == {"encoder": 13 * steps, "decoder": steps * (steps + 1) // 2}
print(f"without {slow_passed}, {slow_flops:12,} operations")
print(f"with    {fast_passed}, {fast_flops:12,} operations")
print(f"the same words, for {slow_flops / fast_flops:.1f} times less")

# %% [markdown]
# The longer the translation, the more it saves. Count before you time anything: a count is the same on every machine. (`greedy_search` and `beam_search` of the package always use the cache. And because it must not change a word, [the tests](../reference/how-this-book-is-tested.md) compare both ways to twelve digits.)
#
# ## Real text: pieces of words
#
# The toy grammar has a few hundred words. Real text has too many, most of them rare, and a word that is not in the table is lost: `<unk>`. So cut rare words into pieces. *Byte-pair encoding* begins with letters, and again and again joins the two pieces that meet most often (Sennrich, Haddow and Birch 2016).
# With one list of pieces for both languages, the model needs one table only. Here is a small one, learned from the toy sentences. *Disagreement* is not among their words. What becomes of it?

# %%
from attention.tokenizers.subwords import SubwordTokenizer

sentences = [text for pair in pairs[:5_000] for text in (pair.source, pair.target)]
subwords = SubwordTokenizer.train(sentences, vocab_size=1_000)
for text in ("The disagreement was signed .", french[0]):
    pieces = subwords.tokenize(text)
    print(len(pieces), " ".join(pieces))
    assert subwords.detokenize(pieces) == text
shared = Translator.new("transformer", pairs[:5_000], subwords=1_000)
assert shared.model.source_embedding is shared.model.target_embedding
words = f"{len(translator.source_tokenizer)} English and {len(translator.target_tokenizer)} French words"
print(f"{len(subwords):,} pieces in one table, in place of {words} in two")

# %% [markdown]
# `▁` marks the beginning of a word. No word is lost any more, and the sentences become longer.
#
# For text of your own, put it into two files whose lines translate each other, and train:
#
# ```sh
# attention train translation --arch transformer --data train.en train.fr --out runs/real \
#   --subwords 5000 --d-model 192 --d-ff 384 --norm-first --dropout 0.1 \
#   --label-smoothing 0.1 --average-fraction 0.1 --tokens-per-batch 1000 --steps 2400 --lr 0.003 --warmup 300
# attention evaluate runs/real --data val.en val.fr --beam 5
# attention translate runs/real "Two dogs are running in the snow ." --beam 5 --attention dogs.svg
# ```
#
# Here is what it reaches on Multi30k (Elliott and colleagues 2016): 29,000 captions of photographs, in English and French. BLEU is measured on the 1,014 captions set aside for validation, which it never learned from.
#
# | run | layers, width | steps, words in each | minutes of one core | BLEU, greedy | BLEU, beam 5 |
# | --- | --- | --- | --- | --- | --- |
# | ten minutes | 2 + 2, 192 | 2,400 of 1,000 | 12 | 47.2 | 48.8 |
# | an hour, the best we know | 4 + 4, 128 | 6,500 of 2,000 | 67 | 53.9 | 54.9 |
#
# The first run is the command above. The second:
#
# ```sh
# attention train translation --arch transformer --data train.en train.fr --out runs/best \
#   --subwords 5000 --d-model 128 --n-layers 4 --norm-first --dropout 0.3 \
#   --label-smoothing 0.1 --average-fraction 0.1 --tokens-per-batch 2000 --steps 6500 --lr 0.0035 --warmup 800
# ```
#
# We ran both in November 2026 with PyTorch 2.13 on one core each of a busy machine with two (AMD EPYC), and not on a GPU. The minutes are those that the processor worked; on a quiet laptop they are fewer. BLEU differs by several points
# with how it is counted, so quote how: ours is sacrebleu's on text as people write it, `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`. Papers on this data count it on lower-case words that are already cut into tokens, and on other captions. Don't compare.
#
# ## The size of the paper's
#
# How many numbers did the *base* model of the paper learn? Six layers on each side, 512 numbers a word, 8 heads, 2,048 in the middle of a feed-forward layer, and one table for some 37,000 pieces of words. By hand: an attention has four matrices of $D^2$, and there are 18 of them. Do the rest yourself, then
# count. On the device `meta`, a model has shapes and no numbers.

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
# The paper says 65 million. [Facts](../reference/facts.md#the-transformer) finds out from the paper's own table where the other two may come from. It also has the *big* one: 1,024 wide, with 16 heads.
#
# The models of the next three chapters load the weights that the world uses. A translator you train yourself, and keep in a folder:

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
# **1. What goes in.** Embedding, factor, position, for a batch.

# %% tags=["raises-exception"]
from attention import sinusoidal_positions
from attention.exercises import check_first_vectors


def embed(table, ids):
    """Vectors (B, T, D), from word numbers (B, T).

    table: a tensor (V, D), and not an nn.Embedding.
    """
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
# Which of the two is multiplied? The words begin short, with a length of about 1.
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
# **2. Around each layer.** Both orders, with the norm as an argument.

# %% tags=["raises-exception"]
from attention.exercises import check_sublayer


def add(x, layer, norm, norm_first):
    """What becomes of the vectors x: pre-norm if `norm_first`, and else post-norm."""
    ...


check_sublayer(add)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# In both orders `layer` and `norm` are called once each, and there is one sum.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# With pre-norm, `x` itself is never brought to size. Only what the layer sees is.
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
# **3. A smoothed loss.** Without `F.cross_entropy`. Padding is word 0, and has no say.

# %% tags=["raises-exception"]
from attention.exercises import check_smoothed_loss


def loss(logits, wanted, epsilon):
    """The mean loss over all places where a word, and not padding, is wanted.

    logits: (T, V). wanted: the right words, (T,). epsilon: what all words share.
    """
    ...


check_smoothed_loss(loss)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# Take the logarithms of the probabilities first: `logits.log_softmax(-1)`. The right word's counts 1 − ε times, and the *mean* of all words' counts ε times.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `logs.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)` picks one number in each row. `each[wanted != 0]` leaves the padding out, before the mean.
#
# </details>

# %% tags=["solution"]
from attention.exercises import check_smoothed_loss


def loss(logits, wanted, epsilon):
    logs = logits.log_softmax(-1)
    right = logs.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
    each = -(1 - epsilon) * right - epsilon * logs.mean(-1)
    return each[wanted != 0].mean()


check_smoothed_loss(loss)

# %% [markdown]
# **4. Write with the cache.** A model has `prefill(source, max_new_tokens)`, which reads the source and `<s>`, and gives the logits of the first word and a state; and `decode_step(word, state)`, which gives the logits of the next word and the next state. Both work on batches, and yours has one sentence: words are tensors of shape `(1,)`. Write greedily.
# The check counts your steps.

# %% tags=["raises-exception"]
import torch

from attention.exercises import check_greedy
from attention.tokenizers.special_tokens import EOS


def write(model, source, max_len):
    """A list of the words' numbers, at most max_len, without <s> and </s>.

    The numbers are integers of Python (`word.item()`).
    """
    ...


check_greedy(write)

# %% [markdown]
# <details markdown="1">
# <summary>Hint 1</summary>
#
# `prefill` once, before the loop. Its logits are those of the first word.
#
# </details>
#
# <details markdown="1">
# <summary>Hint 2</summary>
#
# `logits.argmax(-1)` is the next word, as a tensor of shape `(1,)`: the very thing that the next `decode_step` wants. If it is `EOS`, stop before you keep it.
#
# </details>

# %% tags=["solution"]
import torch

from attention.exercises import check_greedy
from attention.tokenizers.special_tokens import EOS


def write(model, source, max_len):
    (logits, state), written = model.prefill(source, max_len), []
    for _ in range(max_len):
        word = logits.argmax(-1)
        if word.item() == EOS:
            break
        written.append(word.item())
        logits, state = model.decode_step(word, state)
    return written


check_greedy(write)

# %% [markdown]
# **5. To try.** Train with `Translator.new("transformer", pairs, norm_first=True)`, or with one layer (`n_layers=1`), or by `translation_trainer(translator, pairs, replace(config, warmup=0))`. Predict the exact match before you look.
#
# ## Where to read more
#
# - Vaswani and colleagues 2017, *Attention Is All You Need* (arXiv 1706.03762): all of it. Section 3.1 for the stacks, 3.4 for the shared table, 5.3 and 5.4 for training, 6.1 for averaging and the beam.
# - Rush 2018, *The Annotated Transformer*: the paper, line by line, in PyTorch.
# - Ba, Kiros and Hinton 2016, *Layer Normalization* (arXiv 1607.06450).
# - Xiong and colleagues 2020, *On Layer Normalization in the Transformer Architecture* (arXiv 2002.04745): why post-norm needs a warm-up, and pre-norm doesn't.
# - Press and Wolf 2017, *Using the Output Embedding to Improve Language Models* (arXiv 1608.05859): the tied table.
# - Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, *Rethinking the Inception Architecture for Computer Vision* (arXiv 1512.00567): section 7, label smoothing.
# - Sennrich, Haddow and Birch 2016, *Neural Machine Translation of Rare Words with Subword Units* (arXiv 1508.07909): section 3.2.
# - Elliott, Frank, Sima'an and Specia 2016, *Multi30K: Multilingual English-German Image Descriptions* (arXiv 1605.00459); the French side is from Elliott and colleagues 2017, the second shared task on multimodal translation.
