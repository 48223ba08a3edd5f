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
# The toy grammar makes as many pairs as you ask for. Take 20,000, and read three of them.

# %%
from attention.corpora import toy

pairs = toy.pairs("train", 20_000)
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
# ## A translator that knows nothing
#
# Below, `Translator.new` collects the words of both languages and makes a network with random weights:
# an encoder that reads in both directions, and a decoder with additive attention, as in Bahdanau et al. 2014.

# %%
from attention import Translator

translator = Translator.new("bahdanau", pairs, seed=0)
size = sum(parameter.numel() for parameter in translator.model.parameters())
print(f"{len(translator.source)} English words, {len(translator.target)} French words")
print(f"{size:,} numbers to learn")
print(translator.translate(["They arrived late ."])[0].text)

# %% [markdown]
# That was not French. How wrong will it be, in numbers? The *loss* of a word is minus the logarithm of the probability
# that the model gave to it. Before training, every French word is about as likely as every other.

# %%
import math

print(f"loss of a blind guess: {math.log(len(translator.target)):.2f}")

# %% [markdown]
# ## Training
#
# Each step shows the model some fifty sentence pairs and moves all its numbers a little, so that the right next word
# becomes more likely. There are 2,000 steps. Guess the loss after the first 250, then run the cell. It takes about a minute.

# %%
from attention.training import TrainingConfig
from attention.translation import translation_trainer

trainer = translation_trainer(translator, pairs, TrainingConfig(seed=0))
for step, loss in enumerate(trainer.steps(), start=1):
    if step == 1 or step % 250 == 0:
        print(f"step {step:4}   loss {loss:.3f}")

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
# Each French word (row) looked at every English word (column). The darker a cell, the more weight it has. A word-by-word translation
# would be a straight line from corner to corner. Where does this one leave the line?

# %% alt="Heat map of the attention weights for the August 1992 sentence. French words down, English words across. The dark cells run down the diagonal, except for zone économique européenne, whose cells run the other way, to Area, Economic and European."
from attention import plots

agreement = translations[0]
plots.alignment(agreement.attention, agreement.source, agreement.target)

# %% [markdown]
# *European Economic Area* turns round: three cells climb where the others fall. This is the counterpart of figure 3a of Bahdanau et al. 2014,
# made with the same sentence.
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
from attention.evaluation import evaluate

scores = evaluate(translator, toy.pairs("test", 1000))
print(f"right to the letter   {scores.exact_match:.3f}")
print(f"alignment error rate  {scores.aer:.3f}")
print(f"BLEU                  {scores.bleu:.1f}   {scores.signature}")
assert scores.exact_match >= 0.98
assert scores.aer <= 0.08

# %% [markdown]
# The alignment error rate compares the heaviest weight of each row with the link that the grammar knows. The model was never
# told these links. BLEU, the usual measure for translations, goes up to 100.
#
# ## Does it really look?
#
# Weights that only *look* sensible are a classic bug: a widely read tutorial computed them, for years, without using the encoder at all.
# So change one English word, and see whether anything happens. *Marché*, a market, is masculine. How many French words will change?

# %%
before, after = translator.translate(
    [
        "The European Economic Area was created in January 1994 .",
        "The European Economic Market was created in January 1994 .",
    ]
)
print(before.text)
print(after.text)

moved = (before.attention - after.attention).abs().sum(dim=-1)
print("row that moved most:", after.target[moved.argmax()], f"({moved.max():.2f})")
assert moved.max() > 0.01

# %% [markdown]
# One English word has changed; four French words follow it, because article, adjective and participle agree with their noun.
# The decoder knows the gender of a word long before it writes it.
#
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
# **2. Stop early.** Train a new translator with `TrainingConfig(steps=400)`. Evaluate it. Which is worse, the words or the alignment?
# Then look at a long sentence that it gets wrong.
#
# <details markdown="1">
# <summary>Hint</summary>
#
# `Translator.new` again, with the same pairs; then the training cell, with the other configuration. To find mistakes, compare
# `translator.translate([pair.source])[0].text` with `pair.target` for some pairs of `toy.pairs("test", 100)`.
#
# </details>
#
# **3. An unknown word.** Translate *The European Economic Zone was created in January 1994 .* The word *Zone* was never in training.
# What does the model read in its place, and what does it write?
#
# <details markdown="1">
# <summary>Answer</summary>
#
# It reads `<unk>`, as the words of `translation.source` show, one number for all unknown words. It still knows from the sentence around it that a noun belongs there, and
# writes some noun that it has learned. Subwords, in a later part, do away with unknown words.
#
# </details>
