// @ts-check
/** What a reader sets in the playground, and the translation that comes of it; nothing of the page. */
import { softmax } from "../attention-math.js";
import { argmax, beamSearch, probabilities, sample } from "../model/decoding.js";
import { WordTokenizer } from "../model/words.js";

/** @typedef {import("../model/translator.js").Translator} Translator */
/** @typedef {import("../model/translator.js").Translation} Translation */
/** @typedef {import("../model/transformer.js").State} State */
/** @typedef {import("../model/decoding.js").Hypothesis<State>} Hypothesis */

/**
 * @typedef {object} Settings
 * @property {string} text the English sentence
 * @property {"greedy" | "sample" | "beam"} method
 * @property {number} temperature
 * @property {number} topK 0 for all tokens
 * @property {number} topP
 * @property {number} seed of the random numbers
 * @property {number} beam the hypotheses that beam search keeps
 * @property {string[]} ablated heads, as "decoder.1.cross_attention.0"
 * @property {string} layer the one that is shown
 * @property {number} head the one that is shown; -1 for the mean of all
 */

/** @type {Settings} */
export const DEFAULTS = {
  text: "The agreement on the European Economic Area was signed in August 1992 .",
  method: "greedy",
  temperature: 1,
  topK: 0,
  topP: 1,
  seed: 1,
  beam: 3,
  ablated: [],
  layer: "decoder.1.cross_attention",
  head: -1,
};

export const LONGEST = 40; // tokens of a source: no training sentence has as many

/** @extends EventTarget it tells of a "change" of the translation or of what is shown of it */
export class Experiment extends EventTarget {
  /** @type {Hypothesis[][]} what beam search kept at each step */
  beams = [];

  /** @param {Translator} translator @param {Partial<Settings>} [settings] */
  constructor(translator, settings = {}) {
    super();
    this.translator = translator;
    this.settings = { ...DEFAULTS, ...settings };
    this.translation = this.#begun();
  }

  /** @param {Partial<Settings>} settings those of the translation make it begin again */
  set(settings) {
    Object.assign(this.settings, settings);
    if ("layer" in settings || "head" in settings) this.#changed();
    else this.restart();
  }

  restart() {
    this.beams = [];
    this.translation = this.#begun();
    this.#changed();
  }

  /** Write the next token, or one that the reader has chosen instead. @param {number} [id] */
  step(id) {
    if (this.translation.ended) return;
    this.translation.write(id ?? this.#next());
    this.#changed();
  }

  /** Write all the rest. With beam search, that is the best hypothesis. */
  finish() {
    if (this.settings.method === "beam") this.#search();
    else while (!this.translation.ended) this.translation.write(this.#next());
    this.#changed();
  }

  /** The probabilities of the next token, from which it is taken. */
  get distribution() {
    const { logits } = this.translation;
    return this.settings.method === "sample" ? probabilities(logits, this.settings) : softmax(logits);
  }

  /** The translation with all heads, where some are ablated. */
  get intact() {
    return this.settings.ablated.length ? this.translator.translate(this.settings.text).text : "";
  }

  #begun() {
    const { text, ablated } = this.settings;
    return this.translator.begin(text, new Set(ablated));
  }

  #next() {
    const { method, seed } = this.settings;
    if (method !== "sample") return argmax(this.translation.logits);
    return sample(this.distribution, random(seed, this.translation.ids.length));
  }

  #search() {
    const { translation, translator, settings } = this;
    const ablated = new Set(settings.ablated);
    this.beams = beamSearch(
      translator.model.start(translation.encoded),
      (state, id) => translator.model.step(state, id, ablated),
      settings.beam,
      translation.limit,
    );
    const best = this.beams[this.beams.length - 1][0];
    this.translation = this.#begun();
    for (const id of best.ids) this.translation.write(id);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * A number from 0 to 1 that depends on nothing else, so that a link gives the same sample again.
 * It is mulberry32, of Tommy Ettinger, in the public domain.
 * @param {number} seed
 * @param {number} step
 */
function random(seed, step) {
  let a = (seed * 0x9e3779b9 + step * 0x6d2b79f5) | 0;
  a = Math.imul(a ^ (a >>> 15), a | 1);
  a ^= a + Math.imul(a ^ (a >>> 7), a | 61);
  return ((a ^ (a >>> 14)) >>> 0) / 2 ** 32;
}

/**
 * What is wrong with a sentence; nothing if it can be translated.
 * @param {Translator} translator
 * @param {string} text
 */
export function problem(translator, text) {
  const tokens = translator.source.tokenize(text);
  if (!tokens.length) return "Type an English sentence.";
  if (tokens.length > LONGEST)
    return `This sentence has ${tokens.length} tokens. The model was trained on at most 30 or so; give it at most ${LONGEST}.`;
  return "";
}

/** The id that ends a translation. */
export const END = WordTokenizer.special.eos;
