// @ts-check
/** Tokens that come twice, and what shows whether a model has learned induction; nothing of the page. */
import { softmax } from "../attention-math.js";
import { argmax } from "../model/decoding.js";
import { random } from "./generating.js";

/** @typedef {import("../model/language-model.js").LanguageModel} LanguageModel */
/** @typedef {import("../model/language-model.js").Text} Text */
/** @typedef {{ name: string, head: number }} Head a head of the layer of this name */
/** @typedef {{ token: string, predicted: string, probability: number }} Prediction of a token: the one that is predicted instead or as well, and the probability of the right one */

const SEQUENCES = 20; // of random tokens, over which a score is averaged

export class Repetition extends EventTarget {
  settings = { ablated: /** @type {string[]} */ ([]), layer: "layers.1.attention", head: 0 };

  /** @param {LanguageModel} writer @param {number} length of the tokens that come twice */
  constructor(writer, length) {
    super();
    this.writer = writer;
    this.half = drawn(writer.tokenizer.words, length, 0);
    this.generation = this.#text(this.half);
    this.averages = this.#averages();
  }

  /** @param {Partial<Repetition["settings"]>} settings */
  set(settings) {
    Object.assign(this.settings, settings);
    if ("ablated" in settings) this.read();
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string[]} half */
  repeat(half) {
    this.half = half;
    this.read();
    this.dispatchEvent(new Event("change"));
  }

  /** Let the model read all of it again. */
  read() {
    this.generation = this.#text(this.half);
    this.averages = this.#averages();
  }

  /** @returns {Head[]} all heads, in the order of the scores */
  get heads() {
    return this.generation.layers.flatMap(({ name, heads }) => [...Array(heads).keys()].map((head) => ({ name, head })));
  }

  /** For each query of the second half, the key after the same token in the first half. @returns {[number, number][]} */
  get diagonal() {
    const n = this.half.length;
    const first = this.writer.special.first.length; // <s>, where the model has it
    return this.half.map((_, i) => [first + n + i, first + i + 1]);
  }

  /** The induction score of each head: its mean weight on the diagonal. */
  get scores() {
    return this.#scores(this.generation);
  }

  /** The score of attention that is uniform over all tokens so far. */
  get uniform() {
    return mean(this.diagonal.map(([t]) => 1 / (t + 1)));
  }

  /** Of the second half's tokens, but not of its first, which nothing foretells. @returns {Prediction[]} */
  get predictions() {
    const { steps, ids, tokenizer } = this.generation;
    return this.diagonal.slice(0, -1).map(([t]) => {
      const { logits } = steps[t];
      const [token, predicted] = tokenizer.tokens([ids[t + 1], argmax(logits)]);
      return { token, predicted, probability: softmax(logits)[ids[t + 1]] };
    });
  }

  /** @param {Text} text @returns {number[]} */
  #scores(text) {
    return this.heads.map(({ name, head }) => {
      const weights = text.weights(name, head);
      return mean(this.diagonal.map(([t, s]) => weights[t][s]));
    });
  }

  /** The mean scores on random tokens, as many as these. @returns {number[]} */
  #averages() {
    const { words } = this.writer.tokenizer;
    const all = Array.from({ length: SEQUENCES }, (_, seed) =>
      this.#scores(this.#text(drawn(words, this.half.length, seed + 1))),
    );
    return all[0].map((_, i) => mean(all.map((scores) => scores[i])));
  }

  /** @param {string[]} half */
  #text(half) {
    return this.writer.begin([...half, ...half].join(" "), new Set(this.settings.ablated));
  }
}

/** @param {string[]} vocabulary @param {number} n @param {number} seed @returns {string[]} as many different tokens */
export function drawn(vocabulary, n, seed) {
  const left = [...vocabulary];
  return Array.from({ length: n }, (_, i) => left.splice(Math.floor(random(seed, i) * left.length), 1)[0]);
}

/** @param {number[]} numbers */
function mean(numbers) {
  return numbers.reduce((sum, a) => sum + a) / numbers.length;
}
