// @ts-check
/** A language model that writes on from the reader's words: what is set, what is written, what is shown. */
import { make, redraw, scroller } from "../dom.js";
import { headSwitches, samplingControls, viewControls } from "./controls.js";
import { Generating } from "./generating.js";
import { nextToken } from "./next-token.js";
import { Player } from "./player.js";
import { sentenceField } from "./sentence.js";
import { alignmentView, allHeads } from "./tables.js";

/** @typedef {import("../model/language-model.js").LanguageModel} LanguageModel */
/** @typedef {import("../model/language-model.js").Text} Text */
/** @typedef {import("../model/words.js").WordTokenizer} WordTokenizer */
/** @typedef {import("./generating.js").Settings & { text: string }} Settings */

/** @type {Settings} */
export const DEFAULTS = {
  text: "The European Economic Area was created in January 1994 . =",
  method: "sample",
  temperature: 1,
  topK: 0,
  topP: 1,
  seed: 1,
  ablated: [],
  layer: "layers.0.attention",
  head: 1,
};

/**
 * Sampling settings hold from the next token on, so that one distribution can be compared with another.
 * @extends {Generating<Settings, Text>}
 */
export class Writing extends Generating {
  /** @param {LanguageModel} writer @param {Partial<Settings>} [settings] */
  constructor(writer, settings = {}) {
    super({ ...DEFAULTS, ...settings }, ({ text, ablated }) => writer.begin(text, new Set(ablated)));
    this.writer = writer;
  }

  /** @param {Partial<Settings>} settings */
  beginsAgain(settings) {
    return "text" in settings || "ablated" in settings;
  }

  /** @param {Partial<Settings>} settings without a head, the text is written anew to its end */
  set(settings) {
    super.set(settings);
    if ("ablated" in settings) this.finish();
  }

  /** What the model writes with all heads, where some are ablated. */
  get intact() {
    if (!this.settings.ablated.length) return "";
    const whole = new Writing(this.writer, { ...this.settings, ablated: [] });
    whole.finish();
    return whole.generation.text;
  }
}

/**
 * What is wrong with a prompt; nothing if the model can continue it.
 * @param {LanguageModel} writer
 * @param {string} text
 */
export function problem(writer, text) {
  const tokens = writer.tokenizer.tokenize(text).length + writer.special.first.length;
  if (tokens <= writer.limit) return "";
  return `This prompt has ${tokens} tokens, <s> included, but the model has learned ${writer.limit} positions. Shorten it.`;
}

/**
 * @param {LanguageModel} writer
 * @param {string[]} prompts to draw from
 * @returns {{ elements: HTMLElement[], stop: () => void, experiment: Writing }}
 */
export function writingView(writer, prompts) {
  const experiment = new Writing(writer);
  const live = make("p", "hidden"); // says each token to those who listen
  live.setAttribute("role", "status");
  const player = new Player(experiment, "Write on", () => (live.textContent = said(experiment)));
  const reader = {
    name: "Prompt",
    tokenizer: /** @type {WordTokenizer} */ (writer.tokenizer),
    problem: (/** @type {string} */ text) => problem(writer, text),
  };
  const field = sentenceField(reader, prompts, experiment.settings.text, (text) => {
    player.stop();
    experiment.set({ text });
  });

  const output = make("p", "playground-output");
  const note = make("p", "playground-note");
  const intact = make("p", "playground-note");
  const view = make("div", "");
  const next = scroller("playground-scroller", "The next token");
  const all = allHeads(() => experiment.generation);
  const draw = () => {
    const { generation, settings } = experiment;
    const written = make("mark", "", generation.text);
    output.replaceChildren(`${settings.text} `, written, generation.ended ? "" : " …");
    note.textContent = ending(generation);
    intact.textContent = experiment.intact && `With all heads: ${experiment.intact}`;
    intact.hidden = !experiment.intact;
    redraw(view, alignmentView(generation, settings.layer, settings.head, latest(generation)));
    redraw(next, nextToken(experiment));
    all.draw();
  };
  experiment.addEventListener("change", draw);
  experiment.finish();
  const stage = make("div", "playground-stage", next, view);
  const ablation = make("details", "", make("summary", "", "Ablate heads"), headSwitches(experiment));
  const elements = [field, samplingControls(experiment), player.element, output, note, intact, viewControls(experiment), stage, all.element, ablation, live];
  return { elements, stop: () => player.stop(), experiment };
}

/** The query that is shown: that of the next token, or of the first that was written in a complete text. @param {Text} text */
function latest({ ended, promptLength, targets }) {
  return (ended ? promptLength : targets.length) - 1;
}

/** @param {Text} text */
function ending(text) {
  const { limit } = text.writer;
  if (text.ended && text.tokens.at(-1) === "</s>") return "The model has ended the text with </s>.";
  if (text.full) return `The text is full: the model has learned ${limit} positions, and <s> has the first.`;
  return `${text.inputs.length} of ${limit} positions are in use.`;
}

/** The token that was just written, and what its query attended to. @param {Writing} writing */
function said({ generation, settings }) {
  const t = generation.inputs.length - (generation.ended ? 1 : 2);
  const row = generation.weights(settings.layer, settings.head < 0 ? undefined : settings.head)[t];
  const most = row.indexOf(Math.max(...row));
  return `${generation.tokens.at(-1)}, attended most to ${generation.inputs[most]}, ${row[most].toFixed(2)}`;
}
