// @ts-check
/** What the book's earlier translators make of the same sentence, where they have translated it beforehand. */
import { make } from "../dom.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {Record<string, string[]> & { source: string[] }} Sentences each translator's translations, in the order of `source` */

/** @type {Record<string, [string, string]>} */
const TRANSLATORS = {
  "fixed vector": ["Encoder-decoder with a fixed vector", "../before-attention/encoder-decoder/"],
  Bahdanau: ["Bahdanau's attention", "../before-attention/first-attention/"],
};

/** @param {Experiment} experiment @param {Sentences} sentences */
export function comparison({ settings, translation }, sentences) {
  const { source, ...others } = sentences;
  const i = source.indexOf(settings.text);
  const known = Object.entries(others).filter(([name]) => name in TRANSLATORS);
  if (!known.length) return make("p", "playground-note", "This site was built without their translations.");
  if (i < 0)
    return make(
      "p",
      "playground-note",
      "They don't run here: their translations of some sentences were made beforehand. Press “Random sentence”.",
    );
  const rows = known.map(([name, texts]) => row(TRANSLATORS[name], texts[i]));
  rows.push(row(["The Transformer, live", "../models/transformer/"], translation.text));
  return make("table", "playground-comparison", make("tbody", "", ...rows));
}

/** @param {[string, string]} name @param {string} text */
function row([name, address], text) {
  const link = make("a", "", name);
  link.href = address;
  const header = make("th", "", link);
  header.scope = "row";
  const cell = make("td", "", text);
  cell.lang = "fr";
  return make("tr", "", header, cell);
}
