# ---
# title: "Lab: what the heads learned"
# parent: Attention
# nav_order: 9
# description: Train a Transformer for a minute, look into each of its 24 heads, and switch heads off to see which of them matter.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Lab: what the heads learned
#
# You train a small Transformer, look into each of its heads, and switch heads off to find out which of them matter.
#
# **You need** [Multi-head attention](multi-head-attention.md), and two minutes of one processor core.
#
# **You will be able to**
#
# - read off what a head looks at, and how much it adds;
# - say with numbers which kind of question a head asks;
# - test a story about a head before you believe it.
#
# **Time**: 20 minutes.
#
# ## Train it
#
# The translator is the small [`Transformer`](../reference/api/models/transformer.md) of the package. Encoder and decoder have two layers each, and each attention has four
# heads. An encoder layer has one attention, and a decoder layer has two. How many heads are there in all?

# %%
from attention import Translator
from attention.corpora import toy

pairs, test = toy.pairs("train", 50_000), toy.pairs("test", 200)
translator = Translator.new("transformer", pairs)
config = translator.model.config
print(f"{config.n_layers * (1 + 2) * config.n_heads} heads, {translator.size:,} parameters")

# %% [markdown]
# Fewer steps than the command takes (`attention train translation --arch transformer`, 2,200) are enough to look at heads. It takes a minute.

# %%
from attention.evaluation import evaluate
from attention.teaching import translation_trainer
from attention.training import TrainingConfig

trainer = translation_trainer(translator, pairs, TrainingConfig(steps=1200, lr=2e-3, warmup=200))
losses = []
for loss in trainer.steps():
    losses.append(loss)
    if len(losses) % 300 == 0:
        print(f"steps to {len(losses):4}: mean loss {sum(losses[-300:]) / 300:.3f}")

scores = evaluate(translator, test)
print(f"BLEU {scores.bleu:.1f}, exact {scores.exact_match:.3f}, AER {scores.aer:.3f}")
assert scores.bleu > 85

# %% [markdown]
# It reads no word after another: every word of a sentence is read at the same time. Compare the minute with that of [Bahdanau's translator](../before-attention/first-attention-lab.py).
#
# ## All heads at once
#
# Choose a head among the small maps, and see it large. Rows ask, columns are asked. In the decoder each row has two words: the one that is read then, and the one that
# is *written* then. Two places of padding stand behind the sentence, as in a batch: their cells are marked in another way than those of the future.
# Under the map, bars show how much each head adds to the layer's output, after $W_o$.

# %%
from attention.head_views import head_view

sentence = "The agreement on the European Economic Area was signed in August 1992 ."
head_view(translator, sentence, padding=2)

# %% [markdown]
# Try to answer before you unfold:
#
# <details markdown="1">
# <summary>In the decoder's self-attention, half of each map is hidden. Which half, and why?</summary>
#
# The upper right: there, the key comes after the query. A word that is not written yet can't be looked at ([masked self-attention](masked-self-attention.md)).
#
# </details>
#
# <details markdown="1">
# <summary>In encoder-decoder attention, which columns are hidden, and from whom?</summary>
#
# The two columns of padding, from every query. The future is no matter here: the whole source has been read ([Encoder-decoder attention](encoder-decoder-attention.md)).
#
# </details>
#
# <details markdown="1">
# <summary>Find a head of the second encoder-decoder attention that looks at <em>Area</em> when <em>zone</em> is written. Do all four?</summary>
#
# In our run, all four look somewhere near it, and not all of them look at it most. What each misses, the others find: the measurement below says so.
#
# </details>
#
# ## Measure before you believe
#
# A few pretty maps prove little. So take two hundred sentences, and ask three questions of every head that looks at its own sentence: how much weight goes to the word
# *itself*, to the word *before* and to the word *after*? And to how many words at once? ($e^H$, where $H$ is the entropy of a row, as in [the last lab](../before-attention/first-attention-lab.py).)

# %%
from collections import defaultdict

import torch

from attention import record_attention
from attention.text import BEGIN


@torch.no_grad()
def look(pair):
    """The weights of every layer while the right translation is written: (H, T, S) each."""
    source = torch.tensor([translator.source.encode(pair.source)])
    target = torch.tensor([[BEGIN, *translator.target.encode(pair.target)]])
    with record_attention(translator.model) as weights:
        translator.model(source, target)
    return {name: rows[0] for name, rows in weights.items()}


looks = [look(pair) for pair in test]
measured = defaultdict(list)
for weights in looks:
    for name, rows in weights.items():
        if name.endswith("self_attention"):
            shares = [rows.diagonal(d, -2, -1).mean(-1) for d in (0, -1, 1)]  # (H,) each
            words = (-rows.xlogy(rows).sum(-1)).exp().mean(-1)  # (H,)
            measured[name].append(torch.stack([*shares, words]))

print(f"{'':26} head  itself  before  after  words")
for name, rows in measured.items():
    for head, (itself, before, after, words) in enumerate(torch.stack(rows).mean(0).T.tolist()):
        print(f"{name:26} {head + 1:4} {itself:7.2f} {before:7.2f} {after:6.2f} {words:6.1f}")

# %% [markdown]
# In our run, the heads of the first encoder layer looked at five or six words at once, and those of the second at fewer. None of them always looks at one place: nobody
# needs a head for "the word before" where the grammar is as small as this one. The zeros under *after* in the decoder are no choice of the heads. They are the mask.
#
# ## Which head aligns?
#
# Each head of encoder-decoder attention can be read as an alignment: for each word written, take the source word with the most weight. The toy grammar knows the right
# alignment, so you can compute the *alignment error rate* of each head, and of all heads of a layer together. Lower is better.

# %%
from attention.evaluation import alignment_error_rate

gold = [pair.alignment for pair in test]


def error(name, chosen):
    """The alignment error rate of the weights that `chosen` takes from a layer's heads."""
    links = []
    for weights in looks:
        most = chosen(weights[name])[:-1].argmax(-1)  # without the row that writes </s>
        links.append(frozenset(enumerate(most.tolist())))
    return alignment_error_rate(links, gold)


for layer in (0, 1):
    name = f"decoder.{layer}.cross_attention"
    heads = [error(name, lambda rows, h=h: rows[h]) for h in range(4)]
    together = error(name, lambda rows: rows.mean(0))
    print(f"layer {layer + 1}:", *(f"{e:.2f}" for e in heads), f"  together {together:.2f}")
assert together < min(heads)

# %% [markdown]
# The last layer aligns, the first one less. And the average of the four is better than the best of them: they share the work. When somebody shows you *one* head of a large
# model, ask what the others do.
#
# ## Switch heads off
#
# Does a head matter? Looking can't tell. Take its part of $W_o$ away, so that it adds nothing, and translate.
#
# **Predict**: how much BLEU does the most important one of 24 heads cost? And which of the six attentions can't be missed at all?

# %%
from contextlib import contextmanager


@contextmanager
def switched_off(layer, heads):
    """Let these heads of a layer add nothing, for a while."""
    kept = layer.W_o.weight.detach().clone()
    with torch.no_grad():
        for head in heads:
            layer.W_o.weight[:, head * layer.d_head : (head + 1) * layer.d_head] = 0
    try:
        yield
    finally:
        with torch.no_grad():
            layer.W_o.weight.copy_(kept)


some = test[:100]
layers = {
    name: layer
    for name, layer in translator.model.named_modules()
    if hasattr(layer, "attention_weights")
}
base = evaluate(translator, some).bleu
without, alone = {}, {}
print(f"all heads on: BLEU {base:.1f}\n\n{'switched off:':26} head 1     2     3     4   all four")
for name, layer in layers.items():
    for heads in [[0], [1], [2], [3], [0, 1, 2, 3]]:
        with switched_off(layer, heads):
            bleu = evaluate(translator, some).bleu
        (alone if len(heads) == 1 else without)[name, heads[0]] = bleu
    singles = " ".join(f"{alone[name, head]:5.1f}" for head in range(4))
    print(f"{name:26}  {singles}  {without[name, 0]:8.1f}")

# %%
assert min(without, key=without.get) == ("decoder.1.cross_attention", 0)
assert min(without.values()) < base / 2 < min(alone.values())

# %% [markdown]
# In our runs, the most important head cost four to seven BLEU, and most cost next to nothing. Without the last encoder-decoder attention, nearly nothing is left: the decoder writes
# French about something else. And without the whole self-attention of the *first encoder layer*, the translations were as good as before: here, a word needs its
# neighbours only once.
#
# So it is not true that each head has its job. They overlap, and each was trained with the others in place. Voita and colleagues (2019) removed most heads of a large encoder before the
# quality fell, and Michel, Levy and Neubig (2019) found layers that get along with one.
#
# ## Exercises
#
# **1. One head is enough?** Switch off all heads of `decoder.1.cross_attention` but one, with `switched_off(layer, [0, 1, 2])` and the like. Predict the BLEU.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# In our run, it fell to about 50 with each of the four: far from 7 without any, and far from 97 with all. They share the work there.
#
# </details>
#
# **2. Does a large part mean a large effect?** The head viewer shows how much each head adds. Find the head that adds least in the second encoder layer, and look up above what it costs to switch it off.
#
# <details markdown="1">
# <summary>What to expect</summary>
#
# Often the two agree, and not always. A long part may point where the others point anyway, and a short one may be what tells two words apart. The length says how loud a head is. Only switching it off says
# whether it is heard.
#
# </details>
#
# **3. Another seed.** Train with `Translator.new("transformer", pairs, seed=1)`. Which of the statements of this lab still hold?
#
# <details markdown="1">
# <summary>What to expect</summary>
#
# Head 3 of one run has nothing to do with head 3 of another: no head has a name. What the lab asserts should hold: no head is indispensable, the last encoder-decoder attention
# is, and its heads align best together.
#
# </details>
