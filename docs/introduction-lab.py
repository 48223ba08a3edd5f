# ---
# title: "Lab: train the translator"
# parent: Introduction
# nav_order: 1
# description: Train the first translator with attention in about a minute, watch where it looks, and measure it.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Lab: train the translator
#
# You train the translator of the [Introduction](introduction.md), draw where it looks, and find out
# whether it looks where it should.
#
# **You need** the Introduction, and two minutes of one processor core.
#
# **Time**: 15 minutes.

# %% [markdown]
# ## The sentences
#
# The toy grammar makes as many pairs as you ask for. Take 50,000, and read three of them.

# %%
from attention.data import toy

pairs = toy.pairs("train", 50_000)
for pair in pairs[:3]:
    print(pair.source)
    print(pair.target, end="\n\n")

# %% [markdown]
# Three sentences are held out. No model may learn from them, so make sure of it:

# %%
sentences = toy.held_out()
assert not {pair.source for pair in pairs} & set(sentences)
for sentence in sentences:
    print(sentence)

# %% [markdown]
# ## An untrained translator
#
# `Translator.new` collects the vocabularies of both languages, and builds a network with random parameters: a bidirectional encoder, and a
# decoder whose attention scores come from a small neural network, as in Bahdanau et al. 2014.

# %%
from attention import Translator

translator = Translator.new("bahdanau", pairs, seed=0)
size = sum(parameter.numel() for parameter in translator.model.parameters())
print(
    f"{len(translator.source_tokenizer)} English words, {len(translator.target_tokenizer)} French words"
)
print(f"{size:,} numbers to learn")
print("They arrived late . ->", translator.translate(["They arrived late ."])[0].text)

# %% [markdown]
# That is not a translation. How wrong is it, in numbers? The *loss* of a word is minus the logarithm of the probability that
# the model gave to it. Before training, every French word is about as likely as every other.

# %%
import math

print(f"loss of a blind guess: {math.log(len(translator.target_tokenizer)):.2f}")

# %% [markdown]
# ## Training
#
# Each step shows the model some forty sentence pairs and moves all its numbers a little, so that the right next word
# becomes more likely. There are 2,000 steps. Guess the loss after the first 250, then run the cell. It takes a minute or two.

# %%
from attention.tasks.objectives import translation_trainer
from attention.training.trainer import TrainingConfig

trainer = translation_trainer(translator, pairs, TrainingConfig(seed=0))
for step, loss in enumerate(trainer.steps(), start=1):
    if step == 1 or step % 250 == 0:
        print(f"step {step:4}   loss {loss:.3f}")

# %% [markdown]
# Training is done, so save the translator: its vocabularies and its parameters go into a folder. `Translator.load("translator")` brings it back in
# another session, and so does the command: `attention translate translator "They arrived late."`

# %%
translator.save("translator")

# %% [markdown]
# ## The three sentences

# %%
translations = translator.translate(list(sentences))
for translation in translations:
    print(translation.text)
    assert translation.text == sentences[" ".join(translation.source)].target

# %% [markdown]
# All three are right to the letter, and the model has seen none of them before.
#
# ## Where it looked
#
# Each French word (row) looked at every English word (column). The darker a cell, the more weight it has. A word-by-word
# translation would fall in steps from corner to corner. Where will this one leave the stairs?

# %% alt="Heat map of attention weights: French words down, English words across. The dark cells fall from the top left to the bottom right, except in the rows zone, économique and européenne, where they climb from Area to Economic to European."
from attention.inspection import plots

agreement = translations[0]
plots.alignment(agreement.attention, agreement.source, agreement.target)

# %% [markdown]
# At *European Economic Area* it turns round: three cells climb, and no others do. This is the counterpart of figure 3a of
# Bahdanau et al. 2014, with the same sentence.
#
# Read the turn off in numbers:

# %%
for word, meaning in [("zone", "Area"), ("économique", "Economic"), ("européenne", "European")]:
    row = agreement.attention[agreement.target.index(word)]
    weight, place = row.max(dim=0)
    print(f"{word:11} looks most at {agreement.source[place]:9} weight {weight:.2f}")
    assert agreement.source[place] == meaning

# %% [markdown]
# ## How good is it?
#
# A thousand test sentences, none of which was in training:

# %%
from attention.evaluation.metrics import evaluate_translator

scores = evaluate_translator(translator, toy.pairs("test", 1000))
print(f"right to the letter   {scores.exact_match:.3f}")
print(f"alignment error rate  {scores.aer:.3f}")
print(f"BLEU                  {scores.bleu:.1f}   {scores.signature}")
assert scores.exact_match >= 0.97
assert scores.aer <= 0.08

# %% [markdown]
# The alignment error rate compares the largest weight of each row with the link that the grammar knows. The model was never
# told these links. [BLEU](before-attention/word-by-word.md), the usual measure for translations, goes up to 100.
#
# ## Does it really look?
#
# Change one English word and see. *Marché*, a market, is masculine. How many French words will change?

# %%
before, after = translator.translate(
    [
        "The European Economic Area was created in January 1994 .",
        "The European Economic Market was created in January 1994 .",
    ]
)
print(before.text)
print(after.text)

# %% [markdown]
# One English word has changed, and four French ones: the noun, and the article, adjective and participle that agree with it.
# (*Économique* agrees too, but looks the same in both genders.)
#
# Weights can still deceive you. A widely read tutorial computed them, for years, from the place of a word instead of the
# word itself. There is a test for that. Hand the attention the same English vectors in the opposite order. Weights that
# follow the words turn round with them. Weights that follow places stay where they are.

# %%
import torch

ids = torch.tensor([translator.source_tokenizer.encode(" ".join(before.source))])
with torch.inference_mode():
    start = translator.model.encode(ids)  # the decoder, before it writes its first word
    look = translator.model.decoder.attention.attention_weights
    weights = look(start.hidden, start.memory[0])
    turned = look(start.hidden, start.memory[0].flip(0))

for row in (weights[0], turned[0]):
    print(*(f"{weight:.2f}" for weight in row.tolist()))
assert torch.allclose(weights.flip(1), turned)

# %% [markdown]
# ## Exercises
#
# **1. Predict, then run.** Swap *European* and *Economic* in the January 1994 sentence. Which rows of the alignment change?
#
# <details markdown="1">
# <summary>Answer</summary>
#
# The French adjectives swap too, *européenne économique*, so the columns and the rows change places together, and the picture looks the same.
# Draw it: `plots.alignment(t.attention, t.source, t.target)` with `t = translator.translate([...])[0]`.
#
# </details>
#
# **2. Stop early.** Train a new translator with `TrainingConfig(steps=400)`, and evaluate it. What kind of mistake does
# it make? Begin with the August 1992 sentence.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# Four sentences in ten have a mistake, and most mistakes are small. We got *L'accord … a été signée*: the verb is right
# and its ending is wrong. The model looks at *signed* for the verb, but the ending depends on *accord*, seven words back.
# Where to look is learned early. What to remember takes longer.
#
# </details>
#
# **3. An unknown word.** Translate *The European Economic Zone was created in January 1994 .* The word *Zone* was never in training.
# What does the model read in its place, and what does it write?
#
# <details markdown="1">
# <summary>Answer</summary>
#
# It reads `<unk>`, one sign for all words that it doesn't know:
# `translator.source_tokenizer.tokens(translator.source_tokenizer.encode("The European Economic Zone"))` shows it. No noun comes in, so no noun
# comes out. We got *L'ancienne économique européenne a été créée en janvier 1994*: three adjectives in a row, the
# first of them, *former*, made up to fill the gap.
#
# </details>
