# ---
# title: "Lab: what the heads learned"
# parent: Attention
# nav_order: 9
# description: Train a small Transformer, inspect each of its 24 heads, and ablate heads to find out which of them matter.
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Lab: what the heads learned
#
# You train a small Transformer, inspect each of its heads, and ablate heads to find out which of them matter.
#
# **You need** [Multi-head attention](multi-head-attention.md), and two minutes of one CPU core.
#
# **You will be able to**
#
# - read off what a head attends to, and how much it contributes;
# - describe a head by measurements over many sentences;
# - test a claim about a head by zero-ablation and by mean-ablation.
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
# To study the heads, fewer steps are enough than the 4,000 of the command `attention train translation --arch transformer`. The [training loop](../primer.md#a-training-loop) is the package's. (Over the first 200 steps the learning rate rises, which is called [warm-up](../reference/glossary.md).)
#
# <!--read 4,000: attention.tasks.architectures:ARCHITECTURES.transformer.training.steps-->

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
# The training was parallel and teacher-forced: all tokens of a source sentence were encoded at once, and all tokens of its translation were predicted at once.
#
# ## All heads at once
#
# Choose a head among the small maps to enlarge it. Rows are queries, columns are keys. In the decoder each row has two labels: the token that is the input, and the one that
# is *predicted*. The sentence is followed by two positions of padding, as in a batch. Cells hidden by the padding mask are marked differently from cells hidden by the causal mask.
# Below the map, bars show how much each head contributes to the layer's output, after $W_o$.

# %%
from attention.inspection.head_view import head_view

sentence = "The agreement on the European Economic Area was signed in August 1992 ."
head_view(translator, sentence, padding=2, pair=("zone", "Area"))

# %% [markdown]
# Try to answer before you unfold:
#
# <details markdown="1">
# <summary>In the decoder's self-attention, a little more than half of each map is masked. Which part, and why?</summary>
#
# The upper right, where the key comes after the query. A token that has not been generated yet can't be attended to ([masked self-attention](masked-self-attention.md)).
#
# </details>
#
# <details markdown="1">
# <summary>In encoder-decoder attention, which columns are masked, and for which queries?</summary>
#
# The two columns of padding, for every query. There is no causal mask, because the whole source has been read ([Encoder-decoder attention](encoder-decoder-attention.md#which-mask)).
#
# </details>
#
# <details markdown="1">
# <summary>In the second layer of encoder-decoder attention, find the row that predicts <em>zone</em>, and the one above it, which predicts <em>la</em>. What do the four heads attend to?</summary>
#
# For *zone*, all four attend to *Area*. For *la* they differ: some attend to *the*, and at least one to *Area*. You measure it below.
#
# </details>
#
# ## Measure over many sentences
#
# A single map proves little. So take two hundred sentences, and measure each head of self-attention: how much weight do tokens put on *themselves*, on the *previous* token and on the *next* one? And to how many tokens do they attend at once? (The last measure is $e$ to the power of the *entropy* of a row, which is minus the sum of each weight times its logarithm; `xlogy` computes these products, and gives 0 for a weight of 0. The measure is 1 if all weight is on one token, and 5 if it is spread evenly over five.)

# %%
from collections import defaultdict

import torch

from attention import record_attention
from attention.tokenizers.special_tokens import BOS


@torch.no_grad()
def attention_weights(english, french):
    """The weights of every layer, teacher-forced with this translation: (H, T, S) each."""
    source = torch.tensor([translator.source_tokenizer.encode(english)])
    target = torch.tensor([[BOS, *translator.target_tokenizer.encode(french)]])
    with record_attention(translator.model) as weights:
        translator.model(source, target)
    return {name: of_heads[0] for name, of_heads in weights.items()}


recorded = [attention_weights(pair.source, pair.target) for pair in test]
measured = defaultdict(list)
for weights in recorded:
    for name, of_heads in weights.items():
        if name.endswith("self_attention"):
            near = [of_heads.diagonal(d, -2, -1).mean(-1) for d in (0, -1, 1)]  # (H,) each
            tokens = (-of_heads.xlogy(of_heads).sum(-1)).exp().mean(-1)  # (H,)
            measured[name].append(torch.stack([*near, tokens], dim=-1))
measured = {name: torch.stack(rows).mean(0) for name, rows in measured.items()}  # (H, 4) each

print(f"{'':26} head  itself  previous  next  tokens")
for name, of_heads in measured.items():
    for head, (itself, previous, following, tokens) in enumerate(of_heads.tolist(), start=1):
        print(f"{name:26} {head:4} {itself:7.2f} {previous:9.2f} {following:5.2f} {tokens:7.1f}")

encoder = torch.cat([measured[f"encoder.{layer}.self_attention"] for layer in (0, 1)])
assert encoder[:, 3].min() > 2
assert encoder[:, 3].max() < 8
assert 0.25 < measured["encoder.1.self_attention"][:, 2].max() < 0.5
assert encoder[:, :3].max() < 0.5

# %% [markdown]
# The encoder's heads attend to about three to six tokens at once, and some heads of its second layer put about a third of their weight on the next token. None of them is devoted to a single position. In larger models, some are:
# Voita and colleagues (2019) found heads whose largest weight is on the previous or the next token nine times out of ten. (The zeros under *next* in the decoder are not learned. They come from the causal mask.)
#
# ## Two reasons to attend
#
# [The chapter](multi-head-attention.md#two-reasons-to-attend-one-softmax) began with a constructed example: to translate *the* by *la*, attend to the article *and* to its noun. Does a trained translator do that? Take the rows that predict *la* and *zone*.

# %%
from attention.tokenizers.words import split_words

french = "L'accord sur la zone économique européenne a été signé en août 1992 ."
source, target = split_words(sentence), split_words(french)
the, area, la = source.index("the"), source.index("Area"), target.index("la")

of_heads = attention_weights(sentence, french)["decoder.1.cross_attention"]  # (H, T, S)
at_la, at_zone = of_heads[:, la], of_heads[:, la + 1]  # (H, S) each
for head in range(4):
    print(
        f"head {head + 1}: la from the {at_la[head, the]:.2f}, Area {at_la[head, area]:.2f};",
        end="",
    )
    print(f" zone from Area {at_zone[head, area]:.2f}")
assert at_la[:, the].max() > 0.5
assert at_la[:, area].max() > 0.5
assert at_zone[:, area].min() > 0.5

# %% [markdown]
# It does. At least one head puts most of its weight on the article, and another on the noun. With a single softmax, that would be impossible.
#
# ## Which head aligns?
#
# Each head of encoder-decoder attention can be read as an alignment: each target token is linked to the source token with the largest weight. The toy grammar knows the gold
# alignment, so you can compute the [alignment error rate](../introduction.md) of each head, and of the average over a layer's heads. Lower is better.

# %%
from attention.evaluation.metrics import alignment_error_rate

gold = [pair.alignment for pair in test]


def error(name, choose):
    """The alignment error rate of the weights that `choose` returns for a layer's heads."""
    links = []
    for weights in recorded:
        largest = choose(weights[name])[:-1].argmax(-1)  # without the row that predicts </s>
        links.append(frozenset(enumerate(largest.tolist())))
    return alignment_error_rate(links, gold)


for layer in (0, 1):
    name = f"decoder.{layer}.cross_attention"
    heads = [error(name, lambda of_heads, h=h: of_heads[h]) for h in range(4)]
    average = error(name, lambda of_heads: of_heads.mean(0))
    print(f"layer {layer + 1}:", *(f"{e:.2f}" for e in heads), f"  average {average:.2f}")
    assert average < min(heads)

# %% [markdown]
# In both layers, the average over the heads aligns better than the best of them. That is possible because the heads make different mistakes. So when you are shown *one* head of a large
# model, ask what the others do.
#
# ## Ablate heads
#
# Does a head matter? Its weights can't tell you. So **ablate** it: replace its output by zeros, translate, and measure how much the translations get worse. This is **zero-ablation**. But in training, the next layers may never have seen an output of zeros, and part of the damage may be due to that. **Mean-ablation** therefore replaces the output by its mean over many tokens. It keeps what the head contributes everywhere, and removes only what depends on the input.
#
# The input of $W_o$ is the concatenation of all head outputs. To replace some of them, register a *hook* there: a function that PyTorch calls whenever it calls the layer. A *forward pre-hook* gets the layer and its inputs, before they are used, and what it returns, unless it is None, replaces them:

# %%
from contextlib import contextmanager


@contextmanager
def ablated(layer, heads, replacement):
    """Replace the outputs of these heads by rows of `replacement` (H, K) for a while."""

    def replace(_, inputs):
        outputs = inputs[0].unflatten(-1, (layer.n_heads, -1)).clone()  # (B, T, H, K)
        outputs[..., heads, :] = replacement[heads]
        return outputs.flatten(-2)

    hook = layer.W_o.register_forward_pre_hook(replace)
    try:
        yield
    finally:
        hook.remove()


def mean_outputs(layer):
    """The mean output of each head over the tokens of two hundred training sentences."""
    seen = []
    hook = layer.W_o.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0]))
    for pair in pairs[:200]:
        attention_weights(pair.source, pair.target)
    hook.remove()
    return torch.cat(seen).mean(0).unflatten(-1, (layer.n_heads, -1))  # (H, K)


def bleu(layer, heads, replacement):
    with ablated(layer, heads, replacement):
        return evaluate_translator(translator, test[:100]).bleu


# %% [markdown]
# **Predict**: how much BLEU does it cost to ablate the most important of the 24 heads? And which of the six attentions is indispensable?

# %%
layers = {
    name: layer
    for name, layer in translator.model.named_modules()
    if hasattr(layer, "attention_weights")
}
every_head, zeros = [0, 1, 2, 3], torch.zeros(4, 32)
base = evaluate_translator(translator, test[:100]).bleu
single, whole, differences = {}, {}, []
print(f"no ablation: BLEU {base:.1f}")
print(f"\n{'zero-ablation':26} head 1     2     3     4    all  mean-ablation: worst    all")
for name, layer in layers.items():
    means = mean_outputs(layer)
    single[name] = [bleu(layer, [head], zeros) for head in every_head]
    whole[name] = bleu(layer, every_head, zeros)
    worst = min(every_head, key=single[name].__getitem__)
    by_mean = bleu(layer, [worst], means), bleu(layer, every_head, means)
    differences += [by_mean[0] - single[name][worst], by_mean[1] - whole[name]]
    scores = " ".join(f"{score:5.1f}" for score in single[name])
    print(f"{name:26}  {scores} {whole[name]:6.1f} {by_mean[0]:21.1f} {by_mean[1]:6.1f}")

assert min(min(scores) for scores in single.values()) > base - 10
assert min(whole, key=whole.get) == "decoder.1.cross_attention"
assert whole["decoder.1.cross_attention"] < base / 4
assert whole["encoder.0.self_attention"] > base - 3
assert max(map(abs, differences)) < 10

# %% [markdown]
# Zero-ablating a single head costs a few BLEU at most, and usually next to nothing. Without the last encoder-decoder attention, the BLEU falls to less than a quarter: the decoder generates
# French that isn't a translation. And without the whole self-attention of the *first encoder layer*, the translations are nearly as good as before: on these sentences, one encoder layer with self-attention is
# enough.
#
# Mean-ablation gives nearly the same picture here, and it isn't always the milder of the two. In other models, zero-ablation can exaggerate what a head is worth, so report which of the two you used, or better, use both. (Li and Janson 2024 compare these and further kinds.)
#
# So most of these heads are redundant *one at a time*, as they are in [larger models](multi-head-attention.md#what-the-heads-learned). But that doesn't mean that they are redundant *together*, as you see in the first exercise.
#
# ## Exercises
#
# **1. Is one head enough?** In `decoder.1.cross_attention`, zero-ablate all heads but one. Predict the BLEU.

# %% tags=["solution"]
layer = layers["decoder.1.cross_attention"]
alone = []
for head in every_head:
    others = [other for other in every_head if other != head]
    alone.append(bleu(layer, others, zeros))
    print(f"head {head + 1} alone: BLEU {alone[-1]:.1f}")
assert whole["decoder.1.cross_attention"] < min(alone)
assert max(alone) < 0.8 * base

# %% [markdown]
# One head alone translates much better than none, but much worse than all four: in this layer the heads share the work. Together with the table above, this shows why ablating one head at a time can mislead: the others make up for it.
#
# **2. Does a large contribution have a large effect?** The head viewer shows how much each head contributes. Find the head with the smallest contribution in the second encoder layer, and look up above what its ablation costs.
#
# <details markdown="1">
# <summary>What to expect</summary>
#
# Often the two agree, but not always. A large contribution may point in the direction in which the others point anyway, and a small one may be what distinguishes two tokens. So the length of a contribution is no measure of its effect. For that you need an ablation.
#
# </details>
#
# **3. Another seed.** Train with `Translator.new("transformer", pairs, seed=1, d_model=128)`. Which of the statements of this lab still hold?
#
# <details markdown="1">
# <summary>What to expect</summary>
#
# Head 3 of one run has nothing in common with head 3 of another, because the order of the heads is arbitrary. The lab's main results should hold: no single head is indispensable, but the last encoder-decoder attention as a whole is, and the average over its heads aligns better than any of them.
#
# </details>
#
# ## Where to read more
#
# - Voita and colleagues 2019 (arXiv 1905.09418), and Michel, Levy and Neubig 2019 (arXiv 1905.10650), as in [the chapter](multi-head-attention.md#where-to-read-more).
# - Li and Janson 2024, *Optimal ablation for interpretability* (arXiv 2409.09951; NeurIPS 2024): zero-, mean- and other ablations compared.
