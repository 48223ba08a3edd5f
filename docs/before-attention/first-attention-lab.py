# ---
# title: "Lab: five translators compared"
# parent: Before attention
# nav_order: 4
# description: Train five translators on the same sentences, compare their scores, and choose a French word to see which English words each of them attended to.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Lab: five translators compared
#
# You train the translators of this part on the same sentences, the networks for the same time. You compare their
# scores, and see which words each of them attends to.
#
# **You need** [The first attention](first-attention.md), and five minutes of one CPU core.
#
# %% [markdown]
# ## The comparison
#
# All translators are trained on the same 50,000 pairs of the toy grammar, and tested on the same thousand sentences, none of which
# are in the training data. How long are these sentences?

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
# As in most corpora, most sentences are short. There are only a few long ones, and this lab is about them.
#
# The package has eight baselines. The Transformer belongs to [the next part](../attention/index.md), so leave it out here, together with two of Luong's
# scores. Five are left:

# %%
from attention.benchmarks.translators import BASELINES

left_out = {"Luong, general", "Luong, concat", "Transformer"}
baselines = [baseline for baseline in BASELINES if baseline[0] not in left_out]
for name, arch, changes in baselines:
    print(f"{name:23} --arch {arch:12} {changes or ''}")

# %% [markdown]
# Each network is trained for 40 seconds of CPU time. The word-by-word translator needs no gradient descent, only ten rounds of counting.
#
# **Predict** before you run the cell, which takes about four minutes. How will they rank? What proportion of the sentences will each
# translate exactly? And since the word-by-word translator, too, can say which English word each French word comes from: will it be much
# worse at that than attention?

# %%
from attention.benchmarks.translators import bench_translation

translators, results = {}, {}
print(f"{'':23}  BLEU  exact    AER  seconds  parameters")
for translator, result in bench_translation(pairs, test, 40.0, baselines):
    name, scores = result.name, result.scores
    translators[name], results[name] = translator, result
    aer = "-" if scores.aer is None else f"{scores.aer:.3f}"
    print(
        f"{name:23} {scores.bleu:5.1f} {scores.exact_match:6.3f} {aer:>6}"
        f" {result.seconds:8.0f} {result.parameters:11,}"
    )

# %% [markdown]
# *Exact* is the proportion of translations that equal the reference, and *AER* is the alignment error rate, for which 0 is best. The fixed vector has no attention weights, so it has no AER.
# Your numbers will differ from these, because a faster core takes more training steps in 40 seconds. But attention stays ahead of the fixed vector, and the fixed vector ahead of word by word:

# %%
bleu = {name: result.scores.bleu for name, result in results.items()}
attentive = ("Bahdanau", "Luong, dot")
for name in attentive:
    assert bleu["word by word"] < bleu["fixed vector"] < bleu[name]
    assert results[name].scores.aer < 0.15

# %% [markdown]
# The word-by-word translator knows quite well which words belong together, but hardly ever translates a whole sentence correctly,
# because it can change neither their order nor their number. The fixed vector can do both. The next figure shows what it can't do.
#
# ## Where the gap is
#
# Here is BLEU by sentence length, as in figure 2 of Bahdanau et al. 2014.

# %% alt="Line chart of BLEU against the number of words in the English sentence, with a line for each of the five translators. Bahdanau and Luong stay high for most lengths and fall for the longest sentences. The two fixed vectors start nearly as high and fall steeply. The word-by-word translator is low at every length."
from attention.inspection import plots

plots.bleu_by_length({name: result.by_length for name, result in results.items()})

# %% [markdown]
# On sentences of at most five words, the fixed vector is nearly as good as attention. Beyond that, its BLEU falls with the length of the sentence. Here is the gap in numbers, without
# the few sentences of more than 25 words:

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
# Compare the right end of the figure. The word-by-word translator's BLEU doesn't depend on length, and in our runs it was higher than the fixed vector's
# there. Whether reversing the source helps differed from run to run.
#
# What the lab doesn't separate is *why* the fixed vector falls. Its capacity may be too small, but it may also learn more slowly, and all have
# the same 40 seconds. The first exercise is about that.
#
# Attention loses BLEU, too, on the longest sentences. These are also the rarest in training: one pair in a hundred has more than 25 words.
#
# ## What they attend to
#
# Now let all of them translate the sentence of August 1992. Hover over a French word, or select it and move on with the arrow keys. The lines
# lead to the English words that it was aligned with; the stronger the line, the larger the weight. Every translator that has weights and generated the same word shows its own for it.

# %%
from attention.inspection.alignment_view import alignment_view


def compare(sentence, word):
    made = {name: one.translate([sentence])[0] for name, one in translators.items()}
    return alignment_view(made, word=word)


compare("The agreement on the European Economic Area was signed in August 1992 .", "zone")

# %% [markdown]
# Try to answer before you unfold:
#
# <details markdown="1">
# <summary>Which translators have strong lines that cross, and which have none?</summary>
#
# The lines of the two translators with attention cross at *zone économique européenne*. Those of the word-by-word translator don't, except for faint ones, mostly from and to the full stop, because it replaces each English word by a French one and keeps their order.
# Its strong lines are right, but its French is wrong.
#
# </details>
#
# <details markdown="1">
# <summary>Show the fixed vectors, too. They have no lines, so read their translations. Which words are wrong, and what kind of mistake is it?</summary>
#
# The sentence is good French, but it says something else. In one run we got *institut* for *Area*, and *écrit* (written) for *signed*. The vector still represents
# that there was an institution and a participle, but no longer which ones.
#
# </details>
#
# <details markdown="1">
# <summary>Compare the weights of <em>zone</em> in Bahdanau's panel and in Luong's. Must they be on <em>Area</em>?</summary>
#
# No. In one run we got nearly all of the weight on *Area* with Luong's dot score, and about half on *Economic* with Bahdanau's additive score. Both encoders are
# bidirectional, so the output at *Economic* also contains information about *Area*, which follows. The word is right all the same. A weight says at which *position* the decoder
# found something, but the encoder's output there represents more than the word at that position. So weights are evidence about a model, but
# [not an explanation](first-attention.md#what-attention-weights-explain) of its predictions (Jain and Wallace 2019).
#
# </details>
#
# Here is the other sentence that can't be translated word by word. Which English words do *sont* and *en* come from?

# %%
compare("They arrived late .", "sont")

# %% [markdown]
# The [playground](../playground.md) shows two of these translators beside the Transformer, on sentences that none of them was trained on. Keep their translations:

# %%
import json
from pathlib import Path

sentences = [*toy.held_out(), *(pair.source for pair in test[:200])]
made = {"source": sentences}
for name in ("fixed vector", "Bahdanau"):
    made[name] = [translation.text for translation in translators[name].translate(sentences)]
Path("translations.json").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
print(len(sentences), "sentences")

# %% [markdown]
# ## Exercises
#
# **1. A wider vector.** Is the vector merely too small? Double its dimension and keep the 40 seconds, with
# `bench_translation(pairs, test, 40, [("wide", "fixed-vector", {"d_model": 384})])`. Predict the BLEU, then measure it.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# In one run, BLEU fell from 50 to 39. This doesn't show that capacity doesn't matter, because each step of a larger network takes longer: in 40 seconds it takes fewer steps, and is far from converged.
# Give both more time to separate the two causes. In any case, capacity is expensive: the wide model has 1.7 million parameters, and Bahdanau's translator has a fifth of them.
#
# <!--computed 1.7: (352 * 64 + 3 * 384 * (64 + 384 + 2) + 501 * 64 + 3 * 384 * (448 + 384 + 2) + 128 * 833 + 501 * 65) / 1000000-->
#
# </details>
#
# **2. Bad search, or a bad model?** Greedy search takes the most probable token at each step. Perhaps the fixed vector's model gives better
# sentences a higher probability, and greedy search misses them. Evaluate it with `evaluate_translator(translators["fixed vector"], test, beam_size=5)` from `attention.evaluation.metrics`.
#
# <details markdown="1">
# <summary>Answer</summary>
#
# It sometimes does: in one run, BLEU rose from 50 to 53, and exact match from 0.37 to 0.39. But the gap to attention is many times as large,
# so most of the errors are the model's, not the search's.
#
# <!--measured 0.37 0.39: bench_translation and evaluate_translator as above, seed 0, 40 seconds of one shared CPU core, 26 November 2026-->
#
# </details>
#
# **3. How many words does a row attend to?** The weights 1, 0, 0 attend to one word, and ½, ½, 0 to two. For all the cases in between, take $e^H$, where
# $H = -\sum_s w_s \log w_s$ is the *entropy* of a row of weights $w$. Compute it for each French word of `translators["Bahdanau"].translate([...])[0]`. Which rows
# are the most spread out, and what do these words have in common?
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
# (`xlogy` multiplies each weight by its logarithm, and gives 0 for a weight of 0.) In one run, it was 1.7 words for *sont* and 1.0 for *arrivés*. *Sont* depends on two words: on *They* for its person, and on
# *arrived* for the choice between *sont* and *ont*. In the longer sentence, the most spread out row was that of the article *la*, whose gender depends on *zone*. Content words
# mostly attend to a single word.
#
# <!--measured 1.7 1.0: the code above with bench_translation, seed 0, 40 seconds of one shared CPU core, 26 November 2026-->
#
# </details>
