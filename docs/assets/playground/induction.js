// @ts-check
/** Find the induction head: the score of each head on tokens that come twice, its weights, and its effect. */
import { make } from "../dom.js";
import { headSwitches, viewControls } from "./controls.js";
import { Repetition } from "./repetition.js";
import { button } from "./sentence.js";
import { named } from "./tables.js";
import { header, weightTable } from "./weight-table.js";

/** @typedef {import("../model/language-model.js").LanguageModel} LanguageModel */

const HALF = 12; // tokens, as in the training of the induction model

/**
 * @param {LanguageModel} writer
 * @returns {{ elements: HTMLElement[], experiment: Repetition }}
 */
export function inductionView(writer) {
  const vocabulary = writer.tokenizer.words;
  const experiment = new Repetition(writer, vocabulary.slice(0, HALF));
  const draw = () => {
    result.replaceChildren(scores(experiment), predictions(experiment));
    map.replaceChildren(table(experiment));
    live.textContent = told(experiment);
  };
  const field = make("input", "");
  Object.assign(field, { type: "text", autocomplete: "off", spellcheck: false, maxLength: 200, value: experiment.half.join(" ") });
  const wrong = make("p", "playground-note");
  wrong.setAttribute("role", "status");
  const read = () => {
    const half = writer.tokenizer.tokenize(field.value);
    wrong.textContent = problem(writer, half);
    field.setAttribute("aria-invalid", String(wrong.textContent !== ""));
    if (!wrong.textContent) experiment.repeat(half);
  };
  field.addEventListener("input", read);
  const other = button("Other tokens", () => {
    field.value = drawn(vocabulary, HALF).join(" ");
    read();
  });
  const live = make("p", "hidden");
  live.setAttribute("role", "status");
  const result = make("div", "playground-stage");
  const map = make("div", "");
  experiment.addEventListener("change", draw);
  draw();
  const tokens = make("label", "playground-tokens", "Tokens, which the model reads twice", field);
  const elements = [
    make("div", "playground-row", tokens, other),
    wrong,
    headSwitches(experiment),
    result,
    viewControls(experiment),
    map,
    live,
  ];
  return { elements, experiment };
}

/** @param {LanguageModel} writer @param {string[]} half */
function problem(writer, half) {
  const most = Math.floor((writer.limit - writer.special.first.length) / 2);
  if (half.length >= 2 && half.length <= most) return "";
  return `Give it 2 to ${most} tokens: the model has learned ${writer.limit} positions.`;
}

/** @param {string[]} vocabulary @param {number} n @returns {string[]} as many different ones */
function drawn(vocabulary, n) {
  const left = [...vocabulary];
  return Array.from({ length: n }, () => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

/** @param {Repetition} experiment */
function scores(experiment) {
  const rows = experiment.generation.layers.flatMap(({ name, heads }) =>
    [...Array(heads).keys()].map((head) => row(`layer ${named(name).number}, head ${head + 1}`, experiment.score(name, head))),
  );
  rows.push(row("uniform attention", experiment.uniform));
  const top = make("tr", "", header("head", "col"), header("induction score", "col"));
  const caption = make("caption", "", "Induction scores on these tokens");
  return make("table", "playground-next", caption, make("thead", "", top), make("tbody", "", ...rows));
}

/** @param {string} name @param {number} part */
function row(name, part) {
  const bar = make("span", "playground-bar");
  bar.style.setProperty("--part", String(part));
  return make("tr", "", header(name, "row"), make("td", "", part.toFixed(2), bar));
}

/** @param {Repetition} experiment */
function predictions(experiment) {
  const { predictions } = experiment;
  const right = predictions.filter(({ token, predicted }) => token === predicted).length;
  const caption = make("caption", "", `Predictions in the second half: ${right} of ${predictions.length} right`);
  const rows = predictions.map(({ token, predicted, probability }) => {
    const line = row(token, probability);
    line.cells[0].after(make("td", token === predicted ? "" : "playground-wrong", predicted));
    return line;
  });
  const top = make("tr", "", ...["next token", "predicted", "probability of the right one"].map((name) => header(name, "col")));
  return make("table", "playground-next", caption, make("thead", "", top), make("tbody", "", ...rows));
}

/** @param {Repetition} experiment */
function table(experiment) {
  const { generation, settings, diagonal } = experiment;
  const { title } = named(settings.layer);
  return weightTable({
    caption: `${title}, ${settings.head < 0 ? "mean of the heads" : `head ${settings.head + 1}`}: the outlined cells are those of the score`,
    tokens: generation.inputs,
    weights: generation.weights(settings.layer, settings.head < 0 ? undefined : settings.head),
    marked: diagonal,
    mark: "counts for the score",
  });
}

/** @param {Repetition} experiment */
function told(experiment) {
  const { layer, head } = experiment.settings;
  const right = experiment.predictions.filter(({ token, predicted }) => token === predicted).length;
  const score = head < 0 ? "" : `, induction score ${experiment.score(layer, head).toFixed(2)}`;
  return `${right} of ${experiment.predictions.length} predictions are right${score}`;
}
