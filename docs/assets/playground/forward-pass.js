// @ts-check
/**
 * All that the model computed to predict one token of a translation.
 *
 * In decoding, a step computes one row of each matrix of the decoder. Here the rows of all steps so far
 * are one matrix again, as in training.
 */
import { withoutSpecial } from "../model/decoding.js";
import { tokensOf } from "./tables.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("../model/layers.js").Attention} Attention */
/** @typedef {import("../model/transformer.js").BlockSteps} BlockSteps */
/** @typedef {import("../model/translator.js").Translation} Translation */

/** @typedef {ReturnType<typeof forwardPass>} ForwardPass */

/**
 * @param {Translation} translation
 * @param {number} step the decoder's position whose next token is predicted
 */
export function forwardPass(translation, step) {
  const steps = translation.steps.slice(0, step + 1);
  const { queries } = tokensOf(translation, "decoder");
  const { encoded, source, translator } = translation;
  return {
    translator,
    ablated: translation.ablated ?? new Set(),
    source,
    target: queries.slice(0, steps.length).map(([input]) => input),
    next: queries[step][1],
    encoder: { embedded: encoded.embedded, blocks: encoded.blocks },
    decoder: {
      embedded: {
        embedding: steps.flatMap(({ embedded }) => embedded.embedding),
        positions: steps.flatMap(({ embedded }) => embedded.positions),
        x: steps.flatMap(({ embedded }) => embedded.x),
      },
      blocks: steps[0].blocks.map((_, n) => block(steps.map(({ blocks }) => blocks[n]))),
    },
    logits: steps.map(({ logits }) => withoutSpecial(logits)),
  };
}

/** @param {BlockSteps[]} calls one for each row @returns {BlockSteps} */
function block(calls) {
  const cross = calls.flatMap(({ cross_attention }) => cross_attention ?? []);
  return {
    x: calls.flatMap(({ x }) => x),
    self_attention: attention(calls.map(({ self_attention }) => self_attention)),
    self_attention_norm: calls.flatMap(({ self_attention_norm }) => self_attention_norm),
    cross_attention: cross.length ? attention(cross) : undefined,
    cross_attention_norm: calls.flatMap(({ cross_attention_norm }) => cross_attention_norm ?? []),
    feed_forward: {
      inner: calls.flatMap(({ feed_forward }) => feed_forward.inner),
      output: calls.flatMap(({ feed_forward }) => feed_forward.output),
    },
    output: calls.flatMap(({ output }) => output),
  };
}

/** A row of causal attention is as long as the keys that there were. @param {Attention[]} calls @returns {Attention} */
function attention(calls) {
  const { K, V, heads } = calls[calls.length - 1]; // the cache, with the keys and values of all rows
  const of = /** @param {number} h @param {keyof Attention["heads"][0]} name */ (h, name) =>
    calls.flatMap((call) => call.heads[h][name]);
  return {
    Q: calls.flatMap(({ Q }) => Q),
    K,
    V,
    heads: heads.map((_, h) => ({
      scores: of(h, "scores"),
      scaled: of(h, "scaled"),
      masked: of(h, "masked"),
      weights: of(h, "weights"),
      output: of(h, "output"),
    })),
    concatenated: calls.flatMap(({ concatenated }) => concatenated),
    output: calls.flatMap(({ output }) => output),
  };
}
