# ---
# title: "Lab: train the translator"
# parent: Introduction
# nav_order: 1
# description: Train the first translator with attention in about a minute, draw what it attends to, and measure it.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Lab: train the translator
#
# You train the translator of the [Introduction](introduction.md), draw its attention weights, and measure whether it attends
# to the right tokens.
#
# **You need** the Introduction, and, if you want to run the cells, [the package](primer.md#install-and-run) and two minutes of one CPU core.
#
# %% [markdown]
# ## The sentences
#
# The small grammar, which the package calls `toy`, generates as many sentence pairs as you ask for. Take 50,000, and read three of them.

# %%
from attention.data import toy

pairs = toy.pairs("train", 50_000)
for pair in pairs[:3]:
    print(pair.source)
    print(pair.target, end="\n\n")

# %% [markdown]
# Three sentences are *held out*: no model may be trained on them. Check that none of them is among the training pairs:

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
    f"vocabulary: {len(translator.source_tokenizer)} English and"
    f" {len(translator.target_tokenizer)} French tokens"
)
print(f"{size:,} parameters")
print("They arrived late . ->", translator.translate(["They arrived late ."])[0].text)

# %% [markdown]
# That is not a translation. How wrong is it, as a number? The **loss** of a token is minus the logarithm of the probability that
# the model gave to it. It is 0 if the probability was 1, and the less probable the token was, the larger it is. Before training, all French tokens are about equally
# probable, so you know the loss to expect:

# %%
import math

print(f"loss of a uniform prediction: {math.log(len(translator.target_tokenizer)):.2f}")

# %% [markdown]
# ## Training
#
# Each step computes the mean loss over a batch of some forty sentence pairs and its gradient, and moves all parameters a little in the
# direction in which the loss falls. There are 2,000 steps. Predict the loss after the first 250, then run the cell. It takes a minute or two.
#
# <!--read 2,000: attention.training.trainer:TrainingConfig.steps-->

# %%
from attention.tasks.objectives import translation_trainer
from attention.training.trainer import TrainingConfig

trainer = translation_trainer(translator, pairs, TrainingConfig(seed=0))
for step, loss in enumerate(trainer.steps(), start=1):
    if step == 1 or step % 250 == 0:
        print(f"step {step:4}   loss {loss:.3f}")

# %% [markdown]
# Training is done, so save the translator: its vocabularies and its parameters go into a folder. `Translator.load("translator")` loads it in
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
# All three equal the reference exactly, although none of them was in the training data.
#
# ## What it attends to
#
# The heat map has a row for each French token and a column for each English one. The darker a cell, the larger the weight on that English
# token when that French token was predicted. In a word-by-word translation, the dark cells would form a diagonal. Where will they leave it here?

# %% alt="Heat map of attention weights: French tokens down, English tokens across. The dark cells fall from the top left to the bottom right, except in the rows zone, économique and européenne, where they lead back from Area to Economic to European."
from attention.inspection import plots

agreement = translations[0]
plots.alignment(agreement.attention, agreement.source, agreement.target)

# %% [markdown]
# At *European Economic Area* the order is reversed: three dark cells climb, and no others do. This is the counterpart of figure 3a of
# Bahdanau et al. 2014, with the same sentence.
#
# The largest weights of these three rows, as numbers:

# %%
for word, meaning in [("zone", "Area"), ("économique", "Economic"), ("européenne", "European")]:
    row = agreement.attention[agreement.target.index(word)]
    weight, position = row.max(dim=0)
    print(f"{word:11} attends most to {agreement.source[position]:9} weight {weight:.2f}")
    assert agreement.source[position] == meaning

# %% [markdown]
# ## How good is it?
#
# Measure it on a thousand test sentences, none of which was in the training data:

# %%
from attention.evaluation.metrics import evaluate_translator

scores = evaluate_translator(translator, toy.pairs("test", 1000))
print(f"exact match           {scores.exact_match:.3f}")
print(f"alignment error rate  {scores.aer:.3f}")
print(f"BLEU                  {scores.bleu:.1f}   {scores.signature}")
assert scores.exact_match >= 0.97
assert scores.aer <= 0.08

# %% [markdown]
# The alignment error rate compares the position of the largest weight in each row with the gold alignment, on which the model was not
# trained. [BLEU](before-attention/word-by-word.md) goes up to 100. (It is the traditional measure of translations; today, learned measures such as [COMET](before-attention/word-by-word.md#measuring-translations) (Rei and
# colleagues 2020), which agree better with human judgements, are reported beside it or instead.)
#
# One seed is one draw, and other random parameters to start from give other figures. The Introduction lists
# [those of five seeds](introduction.md#train-it-yourself).
#
# ## Does the translation follow the source?
#
# Change one English word. *Marché*, a market, is masculine. How many French tokens will change?

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
# (*Économique* agrees too, but has the same form in both genders.)
#
# Weights can look plausible and still be wrong. PyTorch's tutorial on translation computed them for years from the decoder's input and
# hidden state alone, one weight for each position, without the encoder's vectors (issue 87, of 2017, and issue 1098, of 2020, in its repository
# `pytorch/tutorials`). A test finds this bug: pass the encoder's vectors to the attention in reverse order. If the weights depend on the vectors,
# they are reversed too; if they depend only on the position, they stay the same.

# %%
import torch

ids = torch.tensor([translator.source_tokenizer.encode(" ".join(before.source))])
with torch.inference_mode():
    state = translator.model.encode(ids)  # the decoder's, before it predicts its first token
    attention = translator.model.decoder.attention
    weights = attention.attention_weights(state.hidden, state.memory[0])
    reversed_weights = attention.attention_weights(state.hidden, state.memory[0].flip(0))

for row in (weights[0], reversed_weights[0]):
    print(*(f"{weight:.2f}" for weight in row.tolist()))
assert torch.allclose(weights.flip(1), reversed_weights)

# %% [markdown]
# ## Exercises
#
# **1. Predict, then run.** Swap *European* and *Economic* in the January 1994 sentence. Which rows of the alignment change?
#
# <details markdown="1">
# <summary>Answer</summary>
#
# The French adjectives swap too, *européenne économique*, so two columns and two rows swap together, and the pattern of dark cells stays the same.
# Draw it: `plots.alignment(t.attention, t.source, t.target)` with `t = translator.translate([...])[0]`.
#
# </details>
#
# **2. Stop early.** Train a new translator with `TrainingConfig(steps=400)`, and evaluate it. What kind of mistakes does
# it make? Begin with the August 1992 sentence.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# Four sentences in ten have a mistake, and most mistakes are small. We got *L'accord … a été signée*: the verb is right
# but its ending is wrong. To predict the verb, the model attends to *signed*, but the ending depends on *accord*, which it generated eight tokens before
# and has to remember in its hidden state. What to attend to is learned early; what to remember takes longer.
#
# <!--measured 4: an exact match of 0.595 on toy-test after 400 steps with seed 0; torch 2.13, one CPU thread, November 2026-->
#
# </details>
#
# **3. An unknown word.** Translate *The European Economic Zone was created in January 1994 .* The word *Zone* isn't in the training data.
# Which token does the model read instead, and what does it generate?
#
# <details markdown="1">
# <summary>Answer</summary>
#
# It reads `<unk>`, the special token for all words that aren't in the vocabulary:
# `translator.source_tokenizer.tokens(translator.source_tokenizer.encode("The European Economic Zone"))` shows it. The model
# no longer knows which noun was there, so it makes something up. We got *L'enquête économique européenne a été créée en janvier 1994*: good French about an
# inquiry that no English token mentions. Another run generated *L'ancienne économique européenne*, three adjectives and no noun.
#
# </details>
