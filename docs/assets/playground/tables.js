// @ts-check
/**
 * Attention weights as the tables that the site's views read: <alignment-view> and <head-view>.
 * attention.inspection writes the same tables into the chapters.
 */
import { dot } from "../attention-math.js";
import { make, redraw, scroller } from "../dom.js";
import { attentionOf } from "../model/attention-weights.js";

/** @typedef {import("./generating.js").Generation} Generation */
/** @typedef {"encoder" | "decoder" | "cross" | "layers"} Kind */
/** @typedef {import("../model/layers.js").MultiHeadAttention} Layer */

/** @type {Record<Kind, string>} */
export const KINDS = {
  encoder: "Encoder self-attention",
  decoder: "Decoder self-attention",
  cross: "Encoder-decoder attention",
  layers: "Self-attention",
};

/** @param {string} layer "decoder.1.cross_attention" @returns {{ kind: Kind, number: number, title: string }} */
export function named(layer) {
  const [stack, index, sublayer] = layer.split(".");
  const kind = sublayer === "cross_attention" ? "cross" : /** @type {Kind} */ (stack);
  const number = Number(index) + 1;
  return { kind, number, title: `${KINDS[kind]}, layer ${number}` };
}

/**
 * The tokens of a layer's queries and keys. A query of the decoder has an input, the token before, and
 * a target, the token that it predicts.
 * @param {Generation} generation
 * @param {Kind} kind
 * @returns {{ queries: string[][], keys: string[] }}
 */
export function tokensOf({ source, inputs, targets }, kind) {
  const decoder = inputs.map((input, t) => [input, targets[t]]);
  if (kind === "encoder") return { queries: source.map((token) => [token]), keys: source };
  return { queries: decoder, keys: kind === "cross" ? source : inputs };
}

/**
 * An <alignment-view> of one head, or of the mean of all heads.
 * @param {Generation} generation
 * @param {string} layer
 * @param {number} head -1 for the mean
 * @param {number} query the one at which it opens
 */
export function alignmentView(generation, layer, head, query) {
  const { kind, title } = named(layer);
  const { queries, keys } = tokensOf(generation, kind);
  const { source, french } = generation;
  const name = `${title}, ${head < 0 ? "mean of the heads" : `head ${head + 1}`}`;
  const weights = generation.weights(layer, head < 0 ? undefined : head).slice(0, queries.length);
  const rows = weights.map((row, t) => {
    const cells = keys.map((_, s) => cell((row[s] ?? 0).toFixed(3)));
    return make("tr", "", header(queries[t].at(-1) ?? "", "row", kind !== "encoder" && t >= french), ...cells);
  });
  const corner = make("td", "", "query ↓ key →");
  const head_ = make("tr", "", corner, ...keys.map((key, s) => header(key, "col", keys !== source && s > french)));
  const table = make("table", "", make("caption", "", name), make("thead", "", head_), make("tbody", "", ...rows));
  const view = document.createElement("alignment-view");
  view.setAttribute("label", name);
  const words = queries.map((tokens) => tokens.at(-1) ?? "");
  view.setAttribute("word", words[query]);
  view.setAttribute("occurrence", String(words.slice(0, query + 1).filter((word) => word === words[query]).length));
  view.append(scroller("alignment-view-table", name, table));
  return view;
}

/**
 * A fold with all heads, which are drawn while it is open. The head that the reader has chosen stays.
 * @param {() => Generation} generation
 * @returns {{ element: HTMLElement, draw: () => void }}
 */
export function allHeads(generation) {
  const place = make("div", "");
  const fold = make("details", "", make("summary", "", "All heads, small"), place);
  const heads = () => /** @type {NodeListOf<HTMLInputElement>} */ (place.querySelectorAll(".head-view-overview input"));
  const draw = () => {
    const chosen = [...heads()].findIndex(({ checked }) => checked);
    redraw(place, ...(fold.open ? [headView(generation())] : []));
    heads()[chosen]?.click();
    const said = place.querySelector("head-view > [role='status']");
    if (said) said.textContent = ""; // the reader has done nothing here
  };
  fold.addEventListener("toggle", draw);
  return { element: fold, draw };
}

/**
 * A <head-view> of all heads.
 * @param {Generation} generation
 */
function headView(generation) {
  const view = document.createElement("head-view");
  const tokens = generation.source.length ? generation.source : generation.inputs;
  view.setAttribute("label", `Attention of each head: ${tokens.join(" ")}`);
  for (const kind of /** @type {Kind[]} */ (Object.keys(KINDS))) {
    const layers = generation.layers.filter(({ name }) => named(name).kind === kind);
    if (!layers.length) continue;
    const tables = layers.flatMap((layer) => headTables(generation, layer));
    view.append(make("details", "head-view-kind", make("summary", "", KINDS[kind]), ...tables));
  }
  return view;
}

/** @param {Generation} generation @param {Layer} layer */
function headTables(generation, layer) {
  const { kind, number, title } = named(layer.name);
  const { queries, keys } = tokensOf(generation, kind);
  const corner = kind === "encoder" ? ["token"] : ["input", "target"];
  /** @param {string} type @param {string} caption @param {string[]} columns @param {HTMLElement[][]} cells @param {number} [head] */
  const table = (type, caption, columns, cells, head) => {
    const top = make("tr", "", ...[...corner, ...columns].map((name) => header(name, "col", false)));
    const rows = cells.map((row, t) =>
      make("tr", "", ...queries[t].map((token) => header(token, "row", kind !== "encoder" && t >= generation.french)), ...row),
    );
    const whole = make("table", "", make("caption", "", caption), make("thead", "", top), make("tbody", "", ...rows));
    const box = make("div", "head-view-table", whole);
    Object.assign(box.dataset, { table: type, kind, layer: String(number) });
    if (head !== undefined) box.dataset.head = String(head);
    return box;
  };
  const heads = [...Array(layer.heads).keys()];
  const maps = heads.map((head) => {
    const rows = generation.weights(layer.name, head).map((row) =>
      keys.map((_, s) => (s < row.length ? cell(row[s].toFixed(3)) : masked())),
    );
    return table("weights", `${title}, head ${head + 1}`, keys, rows, head + 1);
  });
  const names = [...heads.map((h) => `head ${h + 1}`), "sum", ...heads.map((h) => `proportion of head ${h + 1}`)];
  const added = contributions(generation, layer).map((row) => row.map((x) => cell(x.toFixed(3))));
  return [...maps, table("contributions", `${title}, after W_o`, names, added)];
}

/**
 * For each query the norm of what each head adds, that of their sum, and their proportions of the sum.
 * @param {Generation} generation
 * @param {Layer} layer
 */
function contributions(generation, layer) {
  const { encoded, steps } = generation;
  const calls = layer.name.startsWith("encoder") && encoded ? [encoded] : steps;
  const norm = /** @param {number[]} x */ (x) => Math.sqrt(dot(x, x));
  return calls.flatMap((call) =>
    attentionOf(call, layer.name).concatenated.map((row) => {
      const width = row.length / layer.heads;
      const parts = Array.from({ length: layer.heads }, (_, h) =>
        layer.W_o.weight.map((w) => dot(w.slice(h * width, (h + 1) * width), row.slice(h * width, (h + 1) * width))),
      );
      const sum = parts[0].map((_, i) => parts.reduce((total, part) => total + part[i], 0));
      const whole = dot(sum, sum) || 1; // if all heads are ablated, each adds 0 of nothing
      return [...parts.map(norm), norm(sum), ...parts.map((part) => dot(part, sum) / whole)];
    }),
  );
}

/** @param {string} text */
const cell = (text) => make("td", "", text);

const masked = () => make("td", "future", "future");

/** @param {string} text @param {string} scope @param {boolean} french */
function header(text, scope, french) {
  const element = make("th", "", text);
  element.scope = scope;
  if (french) element.lang = "fr";
  return element;
}
