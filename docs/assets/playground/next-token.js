// @ts-check
/** The next-token distribution as a table; a token of it can be written instead of the most probable. */
import { make } from "../dom.js";
import { candidates } from "../model/decoding.js";

/** @typedef {import("./generating.js").Generating<any, import("./generating.js").Generation>} Generating */

const SHOWN = 8;

/** Where temperature, top-k or top-p change the probabilities, those before stand beside them. @param {Generating} experiment */
export function nextToken(experiment) {
  const { generation, predicted, distribution } = experiment;
  const reshaped = distribution.some((probability, id) => Math.abs(probability - predicted[id]) > 1e-9);
  const rows = candidates(generation.logits, distribution, SHOWN).map(({ id, logit, probability }) => {
    const [spelled] = generation.tokenizer.tokens([id]);
    const token = make("button", "", spelled);
    token.type = "button";
    token.lang = generation.inputs.length > generation.french ? "fr" : "en";
    token.disabled = generation.ended;
    token.addEventListener("click", () => experiment.step(id));
    const bar = make("span", "playground-bar");
    bar.style.setProperty("--part", String(probability));
    const name = make("th", "", token);
    name.scope = "row";
    const before = reshaped ? [make("td", "", predicted[id].toFixed(3))] : [];
    const after = make("td", "", probability.toFixed(3), bar);
    return make("tr", "", name, make("td", "", logit.toFixed(2)), ...before, after);
  });
  const columns = ["token", "logit", ...(reshaped ? ["probability", "reshaped"] : ["probability"])];
  const head = make("tr", "", ...columns.map((name) => {
    const cell = make("th", "", name);
    cell.scope = "col";
    return cell;
  }));
  const last = generation.inputs.at(-1);
  const caption = make("caption", "", `The next token after “${last}”: the ${SHOWN} most probable of ${distribution.length}`);
  return make("table", "playground-next", caption, make("thead", "", head), make("tbody", "", ...rows));
}
