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
from attention.data import toy

pairs, test = toy.pairs("train", 50_000), toy.pairs("test", 200)
translator = Translator.new("transformer", pairs, d_model=128)
config = translator.model.config
print(f"{config.n_layers * (1 + 2) * config.n_heads} heads, {translator.n_parameters:,} parameters")

# %% [markdown]
# Fewer steps than the command takes (`attention train translation --arch transformer`, 2,200) are enough to look at heads. It takes a minute.

# %%
from attention.evaluation.metrics import evaluate_translator
from attention.tasks.objectives import translation_trainer
from attention.training.trainer import TrainingConfig

trainer = translation_trainer(translator, pairs, TrainingConfig(steps=1200, lr=2e-3, warmup=200))
losses = []
for loss in trainer.steps():
    losses.append(loss)
    if len(losses) % 300 == 0:
        print(f"steps to {len(losses):4}: mean loss {sum(losses[-300:]) / 300:.3f}")

scores = evaluate_translator(translator, test)
print(f"BLEU {scores.bleu:.1f}, exact {scores.exact_match:.3f}, AER {scores.aer:.3f}")
assert scores.bleu > 85

# %% [markdown]
# No word waited for another in this minute: all words of a sentence were read at the same time, and all guesses of its translation were made at the same time.
#
# ## All heads at once
#
# Choose a head among the small maps, and see it large. Rows ask, columns are asked. In the decoder each row has two words: the one that is read then, and the one that
# is *written* then. Two places of padding stand behind the sentence, as in a batch: their cells are marked in another way than those of the future.
# Under the map, bars show how much each head adds to the layer's output, after $W_o$.

# %%
from attention.inspection.head_view import head_view

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
# <summary>In the second layer of encoder-decoder attention, find the row that writes <em>zone</em>, and the one above it, which writes <em>la</em>. Where do the four heads look?</summary>
#
# In our run, all four look at *Area* for *zone*. For *la*, they part: two look at *the*, and two at *Area*. You measure it below.
#
# </details>
#
# ## Measure before you believe
#
# A few pretty maps prove little. So take two hundred sentences, and ask three questions of every head that looks at its own sentence: how much weight goes to the word
# *itself*, to the word *before* and to the word *after*? And to how many words at once? ($e$ to the entropy of a row, as in [the lab on the staircase](../before-attention/first-attention-lab.py#exercises).)

# %%
from collections import defaultdict

import torch

from attention import record_attention
from attention.tokenizers.special_tokens import BOS


@torch.no_grad()
def look(english, french):
    """The weights of every layer while this translation is written: (H, T, S) each."""
    source = torch.tensor([translator.source_tokenizer.encode(english)])
    target = torch.tensor([[BOS, *translator.target_tokenizer.encode(french)]])
    with record_attention(translator.model) as weights:
        translator.model(source, target)
    return {name: rows[0] for name, rows in weights.items()}


looks = [look(pair.source, pair.target) for pair in test]
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
# In our runs, the encoder's heads looked at three to six words at once, and one head of its second layer gave about a third of its weight to the next word. None of them looks at one place all the time. In large models some do:
# Voita and colleagues (2019) found heads that look most at the word before, or at the one after, nine times out of ten. The zeros under *after* in the decoder are no choice of the heads. They are the mask.
#
# ## Two reasons to look
#
# [The chapter](multi-head-attention.md#two-reasons-to-look-one-softmax) began with an example made up by hand: to make *la* of *the*, look at the article *and* at its noun. Does a trained translator do that? Take the row that writes *la*.

# %%
from attention.tokenizers.words import split_words

french = "L'accord sur la zone économique européenne a été signé en août 1992 ."
read, written = split_words(sentence), split_words(french)
the, area, la = read.index("the"), read.index("Area"), written.index("la")

at_la = look(sentence, french)["decoder.1.cross_attention"][:, la]  # (H, S)
for head, row in enumerate(at_la, start=1):
    print(f"head {head}: the {row[the]:.2f}, Area {row[area]:.2f}")
assert at_la[:, the].max() > 0.5
assert at_la[:, area].max() > 0.5

# %% [markdown]
# It does. Some heads look at the article, and others at the noun. Nobody told them to. One softmax could not have given most of its weight to both.
#
# ## Which head aligns?
#
# Each head of encoder-decoder attention can be read as an alignment: for each word written, take the source word with the most weight. The toy grammar knows the right
# alignment, so you can compute the *alignment error rate* of each head, and of all heads of a layer together. Lower is better.

# %%
from attention.evaluation.metrics import alignment_error_rate

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
assert together < min(heads) + 0.02

# %% [markdown]
# The last layer aligns, the first one less. And in our runs, the average of the four was better than the best of them: they share the work. When somebody shows you *one* head of a large
# model, ask what the others do.
#
# ## Switch heads off
#
# Does a head matter? Looking can't tell. Take its rows of $W_o$ away, so that it adds nothing, and translate. (`nn.Linear` keeps the transpose, so in code its rows are columns.)
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


def bleu_without(layer, heads):
    with switched_off(layer, heads):
        return evaluate_translator(translator, some).bleu


base = evaluate_translator(translator, some).bleu
one_off, all_off = {}, {}
print(f"all heads on: BLEU {base:.1f}\n\n{'switched off:':26} head 1     2     3     4   all four")
for name, layer in layers.items():
    one_off[name] = [bleu_without(layer, [head]) for head in range(4)]
    all_off[name] = bleu_without(layer, range(4))
    singles = " ".join(f"{bleu:5.1f}" for bleu in one_off[name])
    print(f"{name:26}  {singles}  {all_off[name]:8.1f}")

assert min(min(singles) for singles in one_off.values()) > base - 20
assert min(all_off, key=all_off.get) == "decoder.1.cross_attention"
assert all_off["decoder.1.cross_attention"] < base / 2

# %% [markdown]
# In our runs, the most important head cost four to seven BLEU, and most cost next to nothing. Without the last encoder-decoder attention, nearly nothing is left: the decoder writes
# French about something else. And without the whole self-attention of the *first encoder layer*, the translations were as good as before: here, a word needs its
# neighbours only once.
#
# So most of these heads can be spared. They overlap, and each was trained with the others in place. In larger models it is much the same. Voita and colleagues (2019) removed 38 of 48 encoder heads and lost
# 0.15 BLEU, and those with a job that can be named were the last to go. Michel, Levy and Neubig (2019) found layers that get along with one head, and saw that encoder-decoder attention depends most on having several.
#
# ## Exercises
#
# **1. One head is enough?** Switch off all heads of `decoder.1.cross_attention` but one, with `switched_off(layer, [0, 1, 2])` and the like. Predict the BLEU.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# In our run, it fell to between 50 and 58: far from 7 without any, and far from 97 with all. They share the work there.
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
# **3. Another seed.** Train with `Translator.new("transformer", pairs, seed=1, d_model=128)`. Which of the statements of this lab still hold?
#
# <details markdown="1">
# <summary>What to expect</summary>
#
# Head 3 of one run has nothing to do with head 3 of another: no head has a name. What the lab asserts should hold: no head is indispensable, the last encoder-decoder attention
# is, and its heads align best together.
#
# </details>
