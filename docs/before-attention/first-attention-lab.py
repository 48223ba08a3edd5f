# ---
# title: "Lab: the staircase, measured"
# parent: Before attention
# nav_order: 4
# description: Train five translators for the same time, measure them side by side, and choose a French word to see where each of them looked.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Lab: the staircase, measured
#
# You train the translators of this part on the same sentences for the same time, measure them side by side, and see
# where each of them looks.
#
# **You need** [The first attention](first-attention.md), and five minutes of one processor core.
#
# **Time**: 25 minutes.

# %% [markdown]
# ## The contest
#
# All learn from the same 50,000 pairs of the toy grammar. All are measured on the same thousand sentences, which none of them
# has seen. How long are they?

# %%
from attention.data import toy
from attention.tokenizers.words import split_words

pairs, test = toy.pairs("train", 50_000), toy.pairs("test", 1_000)


def count(pairs, least, most):
    return sum(least <= len(split_words(pair.source)) <= most for pair in pairs)


print(" words    training   test")
for least, most in [(1, 5), (6, 10), (11, 15), (16, 20), (21, 25), (26, 100)]:
    print(f"{least:2} to {most:3} {count(pairs, least, most):9,} {count(test, least, most):6}")

# %% [markdown]
# Most are short, as in most texts. The long ones are few, and they are what this lab is about.
#
# The package knows eight contestants. The Transformer belongs to [the next part](../attention/index.md). Leave it out, and two of Luong's
# scores, and five are left:

# %%
from attention.benchmarks.translators import BASELINES

left_out = {"Luong, general", "Luong, concat", "Transformer"}
contestants = [contestant for contestant in BASELINES if contestant[0] not in left_out]
for name, arch, changes in contestants:
    print(f"{name:23} --arch {arch:12} {changes or ''}")

# %% [markdown]
# Each network gets 40 seconds of processor time. The dictionary needs no gradient, only ten rounds of counting.
#
# **Predict** before you run the cell, which takes four minutes or so. In what order will they come in? Who gets what share of the sentences
# right to the letter? And the dictionary can say which English word each French word comes from, as attention can: will it be much
# worse at that?

# %%
from attention.benchmarks.translators import bench_translation

translators, results = {}, {}
print(f"{'':23}  BLEU  exact    AER  seconds  parameters")
for translator, result in bench_translation(pairs, test, 40.0, contestants):
    name, scores = result.name, result.scores
    translators[name], results[name] = translator, result
    aer = "-" if scores.aer is None else f"{scores.aer:.3f}"
    print(
        f"{name:23} {scores.bleu:5.1f} {scores.exact_match:6.3f} {aer:>6}"
        f" {result.seconds:8.0f} {result.parameters:11,}"
    )

# %% [markdown]
# *Exact* is the share of sentences that are right to the letter, and *AER* the alignment error rate: 0 is best. The fixed vector looks nowhere, so it has none.
# Your numbers differ a little from these, because a faster core gets more steps into 40 seconds. The order does not:

# %%
bleu = {name: result.scores.bleu for name, result in results.items()}
attentive = ("Bahdanau", "Luong, dot")
for name in attentive:
    assert bleu["word by word"] < bleu["fixed vector"] < bleu[name]
    assert results[name].scores.aer < 0.15

# %% [markdown]
# The dictionary knows quite well which words belong together, but hardly ever writes a sentence without a mistake:
# order and length are not in it. The fixed vector has both. What it lacks, the next picture shows.
#
# ## Where the gap is
#
# Here is BLEU again, for short and long sentences apart. It is the counterpart of figure 2 of Bahdanau et al. 2014.

# %% alt="Line chart of BLEU against the number of words in the English sentence, a line for each of the five translators. Bahdanau and Luong stay high and bend down at the longest sentences. The two fixed vectors begin just as high and fall steeply. The dictionary is low and flat all the way."
from attention.inspection import plots

plots.bleu_by_length({name: result.by_length for name, result in results.items()})

# %% [markdown]
# On up to five words, the fixed vector is nearly as good as attention. Then it falls, with every word that has to fit into it. Read the gap in numbers, without
# the handful of sentences beyond 25 words:

# %%
print("words up to", *(f"{words:5}" for words in (5, 10, 15, 20, 25)))
for name in attentive:
    ahead = {
        words: results[name].by_length[words] - results["fixed vector"].by_length[words]
        for words in (5, 10, 15, 20, 25)
    }
    print(f"{name:11}", *(f"{gap:5.1f}" for gap in ahead.values()))
    assert max(ahead[5], ahead[10]) < min(ahead[15], ahead[20], ahead[25])

# %% [markdown]
# Look at the right end of the picture once more. The dictionary cares for no length at all. In our runs, it overtook the fixed vector
# there. Reading the source backwards changed little, and nothing about the fall.
#
# Attention bends down, too, where the sentences get longest. Of these it has seen the fewest in training: one pair in a hundred has more than 25 words.
#
# ## Where they look
#
# Now let all of them translate the sentence of August 1992. Hover over a French word, or choose it and walk on with the arrow keys. The lines
# lead to the English words that it looked at, the stronger the more weight. Every translator that wrote the same word shows where *it* looked.

# %%
from attention.inspection.alignment_view import alignment_view


def look(sentence):
    made = {name: one.translate([sentence])[0] for name, one in translators.items()}
    return alignment_view(made)


look("The agreement on the European Economic Area was signed in August 1992 .")

# %% [markdown]
# Try to answer before you unfold:
#
# <details markdown="1">
# <summary>Whose lines cross, and whose can't?</summary>
#
# Those of the two with attention cross at *zone économique européenne*. The dictionary's never do: it writes a word for each word, in the order of the English ones.
# Its lines are right, and its French is wrong.
#
# </details>
#
# <details markdown="1">
# <summary>Show the fixed vectors, too. They have no lines, so read what they wrote. Which words are wrong, and what kind of mistake is it?</summary>
#
# The sentence is good French, and says something else. In one run we got an *institut* for the *Area*, *écrit* (written) for *signed*. The vector has kept
# that there was an institution and a participle, and has lost which.
#
# </details>
#
# <details markdown="1">
# <summary>Look at <em>zone</em> in Bahdanau's panel and in Luong's. Must the weights be on <em>Area</em>?</summary>
#
# No. In one run we got nearly all of the weight on *Area* with Luong's dot product, and about half on *Economic* with Bahdanau's score. Its encoder reads in
# both directions, so the vector at *Economic* knows that *Area* comes next. The word is right all the same. Weights say from which *place* something was
# taken, and a place tells of its neighbours, too.
#
# </details>
#
# Here is the other sentence that the dictionary can't do. Where do *sont* and *en* come from?

# %%
look("They arrived late .")

# %% [markdown]
# ## Exercises
#
# **1. A wider vector.** Is it only too narrow? Give it twice the width, and the same 40 seconds, with
# `bench_translation(pairs, test, 40, [("wide", "fixed-vector", {"d_model": 384})])`. Predict the BLEU, then measure.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# In one run, BLEU fell from 56 to 31. Each step of a wide network takes longer, so there are fewer of them in 40 seconds, and it is far from done.
# With more time it would catch up, but room is dear: it has 1.7 million numbers to learn, and Bahdanau's translator gets along with a fifth of them.
#
# </details>
#
# **2. Bad search, or a bad model?** Greedy decoding takes the likeliest word each time. Perhaps the fixed vector knows better
# sentences and never finds them. Evaluate it with `evaluate_translator(translators["fixed vector"], test, beam_size=5)` from `attention.evaluation.metrics`.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# It does, now and then: in one run, BLEU rose from 56 to 59, and the share of perfect sentences from 0.43 to 0.46. The gap to attention is many times as wide.
# So the model is to blame, much more than the search.
#
# </details>
#
# **3. How many words does a word look at?** Weights of 1, 0, 0 look at one word, and weights of ½, ½, 0 at two. The number in between is $e^H$, where
# $H = -\sum_s w_s \log w_s$ is the *entropy* of a row of weights $w$. Compute it for each French word of `translators["Bahdanau"].translate([...])[0]`. Which words
# look at the most, and what have they in common?
#
# <details markdown="1">
# <summary>Answer</summary>
#
# ```python
# made = translators["Bahdanau"].translate(["They arrived late ."])[0]
# for word, row in zip(made.target, made.attention):
#     print(f"{word:8} {(-row.xlogy(row).sum()).exp():.2f}")
# ```
#
# In one run, *sont* looked at 1.4 words and *arrivés* at 1.0. *Sont* needs two: *They* for its person,
# *arrived* for the choice between *sont* and *ont*. In the longer sentence, it was the article *la* that looked around: it must know that *zone* is feminine. Words with a meaning of their own
# mostly look at one.
#
# </details>
