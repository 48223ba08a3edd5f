// @ts-check
/** What a reader sets in the playground, and the translation that comes of it; nothing of the page. */
import { beamSearch } from "../model/decoding.js";
import { WordTokenizer } from "../model/words.js";
import { Generating } from "./generating.js";

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

export const LONGEST = 40; // tokens of a source: a few training sentences have more

/** @extends {Generating<Settings, Translation>} */
export class Experiment extends Generating {
  /** @type {Hypothesis[][]} what beam search kept at each step */
  beams = [];

  /** @param {Translator} translator @param {Partial<Settings>} [settings] */
  constructor(translator, settings = {}) {
    super({ ...DEFAULTS, ...settings }, ({ text, ablated }) => translator.begin(text, new Set(ablated)));
    this.translator = translator;
  }

  get translation() {
    return this.generation;
  }

  /** @param {Partial<Settings>} settings those of the translation make it anew, to its end */
  set(settings) {
    super.set(settings);
    if (this.beginsAgain(settings)) this.finish();
  }

  restart() {
    this.beams = [];
    super.restart();
  }

  /** Write all the rest. With beam search, that is the best hypothesis. */
  finish() {
    if (this.settings.method !== "beam") return super.finish();
    this.#search();
    this.changed();
  }

  /** The translation with all heads, where some are ablated. */
  get intact() {
    return this.settings.ablated.length ? this.translator.translate(this.settings.text).text : "";
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
    this.generation = this.begin(settings);
    for (const id of best.ids) this.translation.write(id);
  }
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
    return `This sentence has ${tokens.length} tokens. Few that the model was trained on have more than 30; give it at most ${LONGEST}.`;
  return "";
}

/** The id that ends a translation. */
export const END = WordTokenizer.special.eos;
