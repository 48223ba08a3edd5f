// @ts-check
/** Beam search as a tree: a column for each step, a node for each hypothesis that was kept. */
import { make, scroller, svg } from "../dom.js";
import { END } from "./experiment.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {import("./experiment.js").Hypothesis} Hypothesis */

const [COLUMN, ROW, LEFT] = [104, 34, 24];

/** @param {Experiment} experiment after a beam search */
export function beamTree({ beams, translator }) {
  const last = beams[beams.length - 1];
  const token = /** @param {Hypothesis} one */ (one) =>
    !one.parent ? "<s>" : one.id === END ? "</s>" : translator.target.tokens([one.id])[0];
  const text = /** @param {Hypothesis} one */ (one) =>
    translator.target.detokenize(translator.target.tokens(one.ids.filter((id) => id !== END)));
  return make("div", "playground-beam", tree(beams, ancestors(last[0]), token), ranking(last, text));
}

/** A hypothesis with all that it extends. @param {Hypothesis} one @returns {Set<Hypothesis>} */
function ancestors(one) {
  const path = new Set([one]);
  for (let at = one.parent; at; at = at.parent) path.add(at);
  return path;
}

/** @param {Hypothesis[][]} beams @param {Set<Hypothesis>} best @param {(one: Hypothesis) => string} token */
function tree(beams, best, token) {
  /** @type {Map<Hypothesis, [number, number]>} a complete hypothesis stays where it ended */
  const places = new Map();
  beams.forEach((kept, step) =>
    kept.forEach((one, rank) => places.has(one) || places.set(one, [LEFT + step * COLUMN, (rank + 0.5) * ROW])),
  );
  const width = LEFT + beams.length * COLUMN;
  const height = Math.max(...beams.map((kept) => kept.length)) * ROW;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width: `${width}`, height: `${height}`, role: "img" });
  drawing.setAttribute(
    "aria-label",
    `A tree of ${places.size} hypotheses in ${beams.length - 1} steps. The path to the best one is emphasised; the table below lists the last ones.`,
  );
  const lines = [...places].map(([one, [x, y]]) => {
    const [px, py] = (one.parent && places.get(one.parent)) ?? [x, y];
    return svg("path", { d: `M${px} ${py}C${px + COLUMN / 2} ${py} ${x - COLUMN / 2} ${y} ${x} ${y}` });
  });
  const labels = [...places].map(([one, [x, y]]) => {
    const label = svg("text", { x: `${x}`, y: `${y}` });
    label.textContent = token(one);
    return label;
  });
  for (const parts of [lines, labels])
    [...places.keys()].forEach((one, i) => parts[i].classList.toggle("best", best.has(one)));
  drawing.append(...lines, ...labels); // the tokens cover the lines
  return scroller("playground-scroller", "The tree of hypotheses", drawing);
}

/** @param {Hypothesis[]} hypotheses @param {(one: Hypothesis) => string} text */
function ranking(hypotheses, text) {
  const head = ["hypothesis", "log-probability", "score: per token"].map((name) => {
    const cell = make("th", "", name);
    cell.scope = "col";
    return cell;
  });
  const rows = hypotheses.map((one) => {
    const name = make("th", "", text(one) + (one.done ? "" : " …"));
    name.scope = "row";
    name.lang = "fr";
    return make("tr", "", name, make("td", "", one.logProbability.toFixed(3)), make("td", "", one.score.toFixed(4)));
  });
  return make("table", "playground-ranking", make("thead", "", make("tr", "", ...head)), make("tbody", "", ...rows));
}
