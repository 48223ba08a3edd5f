// @ts-check
/** Find the induction head: the score of each head on tokens that come twice, its weights, and its effect. */
import { make } from "../dom.js";
import { headSwitches, viewControls } from "./controls.js";
import { Repetition, drawn } from "./repetition.js";
import { button } from "./sentence.js";
import { named } from "./tables.js";
import { header, weightTable } from "./weight-table.js";

/** @typedef {import("../model/language-model.js").LanguageModel} LanguageModel */

const HALF = 12; // tokens, as in the training of the induction model

/** @param {LanguageModel} writer @returns {HTMLElement[]} */
export function inductionView(writer) {
  const experiment = new Repetition(writer, HALF);
  const live = make("p", "hidden"); // says to those who listen what has changed
  live.setAttribute("role", "status");
  const measured = make("div", "");
  const predicted = make("div", "");
  const map = make("div", "");
  const draw = () => {
    measured.replaceChildren(scores(experiment));
    predicted.replaceChildren(predictions(experiment));
    map.replaceChildren(table(experiment));
  };
  experiment.addEventListener("change", () => {
    draw();
    live.textContent = told(experiment);
  });
  draw();
  const left = make("div", "", measured, headSwitches(experiment));
  const stage = make("div", "playground-stage", left, predicted);
  return [...tokensField(experiment), stage, viewControls(experiment), map, live];
}

/** The field for the tokens, and what is wrong with them. @param {Repetition} experiment */
function tokensField(experiment) {
  const { tokenizer } = experiment.writer;
  const field = make("input", "");
  Object.assign(field, { type: "text", autocomplete: "off", spellcheck: false, maxLength: 200, value: experiment.half.join(" ") });
  const wrong = make("p", "playground-note");
  wrong.setAttribute("role", "status");
  const read = () => {
    const half = tokenizer.tokenize(field.value);
    wrong.textContent = problem(experiment.writer, half);
    field.setAttribute("aria-invalid", String(wrong.textContent !== ""));
    if (!wrong.textContent) experiment.repeat(half);
  };
  field.addEventListener("input", read);
  const other = button("Other tokens", () => {
    field.value = drawn(tokenizer.words, HALF, Math.floor(Math.random() * 1e6)).join(" ");
    read();
  });
  const label = make("label", "playground-tokens", "Tokens, which the model reads twice", field);
  return [make("div", "playground-row", label, other), wrong];
}

/** @param {LanguageModel} writer @param {string[]} half @returns {string} nothing if it can be read twice */
function problem(writer, half) {
  const most = Math.floor((writer.limit - writer.special.first.length) / 2);
  if (half.length >= 2 && half.length <= most) return "";
  const number = half.length === 1 ? "This is 1 token" : `These are ${half.length} tokens`;
  return `${number}. Give the model 2 to ${most}, because it has learned ${writer.limit} positions.`;
}

/** @param {Repetition} experiment */
function scores(experiment) {
  const { heads, scores, averages, uniform } = experiment;
  const rows = heads.map(({ name, head }, i) => row(`layer ${named(name).number}, head ${head + 1}`, scores[i], averages[i]));
  return columns(
    "Induction scores",
    ["head", "on these tokens", "on 20 random sequences"],
    [...rows, row("uniform attention", uniform, uniform)],
  );
}

/** @param {Repetition} experiment */
function predictions({ predictions }) {
  const rows = predictions.map(({ token, predicted, probability }) => {
    const line = row(token, probability);
    line.cells[0].after(make("td", token === predicted ? "" : "playground-wrong", predicted));
    return line;
  });
  return columns(
    `Predictions in the second half: ${right(predictions)}`,
    ["token", "predicted", "probability of the token"],
    rows,
  );
}

/** @param {string} caption @param {string[]} names @param {HTMLElement[]} rows */
function columns(caption, names, rows) {
  const top = make("tr", "", ...names.map((name) => header(name, "col")));
  return make("table", "playground-next", make("caption", "", caption), make("thead", "", top), make("tbody", "", ...rows));
}

/** A row of parts of 1, each with a bar. @param {string} name @param {number[]} parts */
function row(name, ...parts) {
  const cells = parts.map((part) => {
    const bar = make("span", "playground-bar");
    bar.style.setProperty("--part", String(part));
    return make("td", "", part.toFixed(2), bar);
  });
  return make("tr", "", header(name, "row"), ...cells);
}

/** @param {import("./repetition.js").Prediction[]} predictions */
function right(predictions) {
  return `${predictions.filter(({ token, predicted }) => token === predicted).length} of ${predictions.length} right`;
}

/** @param {Repetition} experiment */
function table({ generation, settings: { layer, head }, diagonal }) {
  const { title } = named(layer);
  return weightTable({
    caption: `${title}, ${head < 0 ? "mean of the heads" : `head ${head + 1}`}: the score is the mean of the outlined weights`,
    tokens: generation.inputs,
    weights: generation.weights(layer, head < 0 ? undefined : head),
    marked: diagonal,
    mark: "counts for the score",
  });
}

/** @param {Repetition} experiment */
function told({ heads, scores, predictions }) {
  const each = heads.map(({ name, head }, i) => `layer ${named(name).number}, head ${head + 1}: ${scores[i].toFixed(2)}`);
  return `Induction scores: ${each.join("; ")}. Predictions: ${right(predictions)}`;
}
