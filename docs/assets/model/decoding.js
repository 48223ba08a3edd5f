// @ts-check
/** From logits to tokens: greedy search, sampling and beam search, as attention.generation has them. */
import { softmax } from "../attention-math.js";
import { WordTokenizer } from "./words.js";

const { pad, bos, eos } = WordTokenizer.special;

/** @typedef {{ temperature: number, topK: number, topP: number }} Sampler a top-k of 0 and a top-p of 1 leave all */
/** @typedef {{ id: number, logit: number, probability: number }} Candidate */

/**
 * A model in the middle of its work: `next` are the logits of the next token.
 * @template T
 * @typedef {{ logits: number[], after: (id: number) => T }} Step
 */

/** @param {number[]} logits @returns {number[]} padding and `<s>` are never generated */
export function withoutSpecial(logits) {
  return logits.map((logit, id) => (id === pad || id === bos ? -Infinity : logit));
}

/** @param {number[]} logits @returns {number} the id of the largest, the first of equals */
export function argmax(logits) {
  return logits.reduce((best, logit, id) => (logit > logits[best] ? id : best), 0);
}

/**
 * The next-token distribution, reshaped by temperature, top-k and top-p in this order.
 * @param {number[]} logits
 * @param {Sampler} sampler
 * @returns {number[]} at a temperature of 0, all of it is on the most probable token
 */
export function probabilities(logits, { temperature, topK, topP }) {
  const ranked = logits.map((_, id) => id).sort((a, b) => logits[b] - logits[a] || a - b);
  const k = temperature === 0 ? 1 : topK || logits.length;
  let kept = new Set(ranked.slice(0, k));
  const distribution = () =>
    softmax(logits.map((logit, id) => (kept.has(id) ? logit / (temperature || 1) : -Infinity)));
  const before = distribution();
  let above = 0; // of the more probable tokens together
  if (topP < 1) kept = new Set(ranked.filter((id) => (above += before[id]) - before[id] < topP));
  return distribution();
}

/** @param {number[]} distribution @param {number} random from 0 to 1 @returns {number} a token id */
export function sample(distribution, random) {
  let sum = 0;
  const last = distribution.findLastIndex((p) => p > 0);
  return Math.min(last, distribution.findIndex((p) => (sum += p) > random) >>> 0);
}

/**
 * The next tokens to expect, the most probable first.
 * @param {number[]} logits
 * @param {number[]} distribution
 * @param {number} n
 * @returns {Candidate[]}
 */
export function candidates(logits, distribution, n) {
  return distribution
    .map((probability, id) => ({ id, logit: logits[id], probability }))
    .sort((a, b) => b.probability - a.probability || b.logit - a.logit)
    .slice(0, n);
}

/**
 * A hypothesis of beam search, which is a node of the tree of all that were kept.
 * @template S
 * @typedef {object} Hypothesis
 * @property {number} id its last token
 * @property {Hypothesis<S> | null} parent the hypothesis that it extends
 * @property {number[]} ids all its tokens, without `<s>`
 * @property {number} logProbability
 * @property {number} score the log-probability divided by the length, `</s>` counted
 * @property {boolean} done
 * @property {S | null} state with which to go on, if it isn't done
 */

/**
 * Extend the `size` best hypotheses at each step, until all of them are complete.
 * @template S
 * @param {S} state before `<s>`
 * @param {(state: S, id: number) => [{ logits: number[] }, S]} step of the model
 * @param {number} size
 * @param {number} maxLength
 * @returns {Hypothesis<S>[][]} those kept at each step, the best first; the last are the result
 */
export function beamSearch(state, step, size, maxLength) {
  /** @type {Hypothesis<S>} */
  const root = { id: bos, parent: null, ids: [], logProbability: 0, score: 0, done: false, state };
  const kept = [[root]];
  while (kept.length <= maxLength && kept[kept.length - 1].some(({ done }) => !done)) {
    const extended = kept[kept.length - 1].flatMap((one) => (one.done ? [one] : extensions(one, step, size)));
    kept.push(extended.sort((a, b) => b.score - a.score).slice(0, size));
  }
  return kept;
}

/**
 * @template S
 * @param {Hypothesis<S>} parent
 * @param {(state: S, id: number) => [{ logits: number[] }, S]} step
 * @param {number} n
 * @returns {Hypothesis<S>[]} the most probable ones
 */
function extensions(parent, step, n) {
  const [{ logits }, state] = step(/** @type {S} */ (parent.state), parent.id);
  const allowed = withoutSpecial(logits);
  return candidates(allowed, softmax(allowed), n).map(({ id, probability }) => {
    const ids = [...parent.ids, id];
    const logProbability = parent.logProbability + Math.log(probability);
    const score = logProbability / ids.length;
    return { id, parent, ids, logProbability, score, done: id === eos, state: id === eos ? null : state };
  });
}
