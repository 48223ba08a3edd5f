// @ts-check
/** Tokens that come twice, and what shows whether a model has learned induction; nothing of the page. */
import { softmax } from "../attention-math.js";
import { argmax } from "../model/decoding.js";

/** @typedef {import("../model/language-model.js").LanguageModel} LanguageModel */
/** @typedef {import("../model/language-model.js").Text} Text */

/** Tokens in a random order, written twice, and what a model makes of them. */
export class Repetition extends EventTarget {
  settings = { ablated: /** @type {string[]} */ ([]), layer: "layers.1.attention", head: 0 };

  /** @param {LanguageModel} writer @param {string[]} half */
  constructor(writer, half) {
    super();
    this.writer = writer;
    this.half = half;
    this.generation = this.#read();
  }

  /** @param {Partial<Repetition["settings"]>} settings */
  set(settings) {
    Object.assign(this.settings, settings);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string[]} half */
  repeat(half) {
    this.half = half;
    this.finish();
  }

  /** Let the model read all of it again. */
  finish() {
    this.generation = this.#read();
    this.dispatchEvent(new Event("change"));
  }

  /** The tokens before the first half: `<s>`, where the model has it. */
  get first() {
    return this.writer.special.first.length;
  }

  /** For each query of the second half the key after the same token in the first half. @returns {[number, number][]} */
  get diagonal() {
    const n = this.half.length;
    return this.half.map((_, i) => [this.first + n + i, this.first + i + 1]);
  }

  /** @param {string} layer @param {number} head @returns {number} its mean weight on the diagonal */
  score(layer, head) {
    const weights = this.generation.weights(layer, head);
    return mean(this.diagonal.map(([t, s]) => weights[t][s]));
  }

  /** What attention has on the diagonal that is uniform over all tokens so far. */
  get uniform() {
    return mean(this.diagonal.map(([t]) => 1 / (t + 1)));
  }

  /** For each token of the second half but the last: the next token, its probability, and the one that is predicted. */
  get predictions() {
    const { steps, ids, tokenizer } = this.generation;
    return this.diagonal.slice(0, -1).map(([t]) => {
      const { logits } = steps[t];
      const [token, predicted] = tokenizer.tokens([ids[t + 1], argmax(logits)]);
      return { token, predicted, probability: softmax(logits)[ids[t + 1]] };
    });
  }

  #read() {
    const twice = [...this.half, ...this.half];
    return this.writer.begin(twice.join(" "), new Set(this.settings.ablated));
  }
}

/** @param {number[]} numbers */
function mean(numbers) {
  return numbers.reduce((sum, a) => sum + a) / numbers.length;
}
