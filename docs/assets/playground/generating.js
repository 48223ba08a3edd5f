// @ts-check
/** What a reader sets, and the tokens that a model generates with it; nothing of the page. */
import { softmax } from "../attention-math.js";
import { argmax, probabilities, sample } from "../model/decoding.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */

/**
 * What a model generates, with all that was computed on the way: a Translation or a Text.
 * @typedef {object} Generation
 * @property {string[]} source the tokens that an encoder has read; none without one
 * @property {string[]} inputs the tokens that the decoder has read
 * @property {string[]} targets the token after each of them, "…" where it isn't generated yet
 * @property {number} french the first query whose target is French
 * @property {string[]} tokens those that were generated
 * @property {string} text
 * @property {number[]} logits of the next token
 * @property {boolean} ended
 * @property {(id: number) => void} write
 * @property {(layer: string, head?: number) => Matrix} weights
 * @property {import("../model/layers.js").MultiHeadAttention[]} layers
 * @property {import("../model/attention-weights.js").Call[]} steps
 * @property {import("../model/attention-weights.js").Call} [encoded]
 * @property {{ tokens: (ids: number[]) => string[] }} tokenizer of what is generated
 */

/** @typedef {{ method: string, temperature: number, topK: number, topP: number, seed: number, ablated: string[], layer: string, head: number }} Settings */

/** The smallest and the largest value of each setting that is a number, and its step. @type {Record<string, [number, number, number]>} */
export const RANGES = {
  temperature: [0, 5, 0.1],
  topK: [0, 500, 1],
  topP: [0.01, 1, 0.01],
  seed: [0, 9999, 1],
  beam: [1, 8, 1],
};

/** The value that a setting gets if a reader or a link asks for this one. @param {string} name @param {number} value */
export function within(name, value) {
  const [min, max, step] = RANGES[name];
  const rounded = step === 1 ? Math.round(value) : Number(value.toFixed(2)); // a logit / 1e-320 is no number
  return Math.min(max, Math.max(min, rounded || min));
}

/**
 * @template {Settings} S
 * @template {Generation} G
 * @extends EventTarget it tells of a "change" of what is generated, or of what is shown of it
 */
export class Generating extends EventTarget {
  /** @param {S} settings @param {(settings: S) => G} begin before the first token is generated */
  constructor(settings, begin) {
    super();
    this.settings = settings;
    this.begin = begin;
    this.generation = begin(settings);
  }

  /** @param {Partial<S>} settings those that it depends on make it begin again */
  set(settings) {
    Object.assign(this.settings, settings);
    if (this.beginsAgain(settings)) this.restart();
    else this.changed();
  }

  /** @param {Partial<S>} settings */
  beginsAgain(settings) {
    return !("layer" in settings || "head" in settings);
  }

  restart() {
    this.generation = this.begin(this.settings);
    this.changed();
  }

  /** Write the next token, or one that the reader has chosen instead. @param {number} [id] */
  step(id) {
    if (this.generation.ended) return;
    this.generation.write(id ?? this.next());
    this.changed();
  }

  /** Write all the rest. */
  finish() {
    while (!this.generation.ended) this.generation.write(this.next());
    this.changed();
  }

  /** The probabilities of the next token as the model gives them. */
  get predicted() {
    return softmax(this.generation.logits);
  }

  /** Those from which it is taken. */
  get distribution() {
    return this.settings.method === "sample" ? probabilities(this.generation.logits, this.settings) : this.predicted;
  }

  /** @returns {number} the id of the next token */
  next() {
    const { method, seed } = this.settings;
    if (method !== "sample") return argmax(this.generation.logits);
    return sample(this.distribution, random(seed, this.generation.tokens.length));
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * A number from 0 to 1 that depends on nothing else, so that the same settings give the same sample.
 * It is mulberry32, of Tommy Ettinger, in the public domain.
 * @param {number} seed
 * @param {number} step
 */
export function random(seed, step) {
  let a = (seed * 0x9e3779b9 + step * 0x6d2b79f5) | 0;
  a = Math.imul(a ^ (a >>> 15), a | 1);
  a ^= a + Math.imul(a ^ (a >>> 7), a | 61);
  return ((a ^ (a >>> 14)) >>> 0) / 2 ** 32;
}
