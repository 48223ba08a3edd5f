// @ts-check
/** The next-token distribution as a table; a token of it can be written instead of the most probable. */
import { make } from "../dom.js";
import { candidates } from "../model/decoding.js";
import { END } from "./experiment.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */

const SHOWN = 8;

/** @param {Experiment} experiment */
export function nextToken(experiment) {
  const { translation, distribution, translator } = experiment;
  const rows = candidates(translation.logits, distribution, SHOWN).map(({ id, logit, probability }) => {
    const token = make("button", "", id === END ? "</s>" : translator.target.tokens([id])[0]);
    token.type = "button";
    token.lang = "fr";
    token.disabled = translation.ended;
    token.addEventListener("click", () => experiment.step(id));
    const bar = make("span", "playground-bar");
    bar.style.setProperty("--part", String(probability));
    const name = make("th", "", token);
    name.scope = "row";
    return make("tr", "", name, make("td", "", logit.toFixed(2)), make("td", "", probability.toFixed(3), bar));
  });
  const head = make("tr", "", ...["token", "logit", "probability"].map((name) => {
    const cell = make("th", "", name);
    cell.scope = "col";
    return cell;
  }));
  const written = translation.ended ? "that ended the translation" : `after “${translation.tokens.at(-1) ?? "<s>"}”`;
  const caption = make("caption", "", `The next token ${written}: the ${SHOWN} most probable of ${distribution.length}`);
  return make("table", "playground-next", caption, make("thead", "", head), make("tbody", "", ...rows));
}
