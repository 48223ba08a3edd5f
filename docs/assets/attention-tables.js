// @ts-check
import { shown, valueAt } from "./attention-math.js";
import { isOfWords, MATRICES } from "./attention-steps.js";
import { make, maths, set } from "./dom.js";
import { thumbnail } from "./thumbnail.js";

/**
 * @typedef {import("./attention-math.js").Kind} Kind
 * @typedef {import("./attention-math.js").Matrix} Matrix
 * @typedef {import("./attention-math.js").Numbers} Numbers
 * @typedef {import("./attention-math.js").Place} Place
 * @typedef {import("./attention-math.js").Result} Result
 */

/** The tables of what <attention-stepper> computes: for each cell they remember its place. */
export class Tables {
  /**
   * @param {Numbers} numbers
   * @param {Result} result
   * @param {Map<Element, Place>} places where the cells are entered
   */
  constructor(numbers, result, places) {
    this.numbers = numbers;
    this.result = result;
    this.places = places;
  }

  /**
   * @param {Kind} kind
   * @param {number} [head] all of them, if not given
   */
  draw(kind, head) {
    const { words, W_q, heads } = this.numbers;
    const share = W_q.length / heads;
    const ofWords = isOfWords(kind);
    const all = [...(ofWords ? words : W_q).keys()];
    const columns = ofWords || head === undefined ? all : all.slice(head * share, (head + 1) * share);
    const places = words.map((_, row) =>
      columns.map((column) => ({ kind, head: head ?? Math.floor(column / share), row, column })),
    );
    const values = places.flat().map((place) => valueAt(this.result, place));
    const whole = values.every((x) => Number.isInteger(x) || x === -Infinity);
    const most = largest(values);
    const rows = places.map((line, row) => {
      const word = set(make("th", ofWords ? "query" : "", words[row]), { scope: "row" });
      return make("tr", "", word, ...line.map((place) => this.#cell(place, whole, most)));
    });
    const names = columns.map((column) => {
      const name = make("th", ofWords ? "key" : "", ofWords ? words[column] : `${column + 1}`);
      return set(name, { scope: "col" });
    });
    const { caption, colour } = MATRICES[kind];
    const top = ofWords ? axes(names) : [make("tr", "", make("th", "", `${colour ?? "output"} of`), ...names)];
    const table = make("table", colour ?? "", make("caption", "", ...coloured(caption)));
    table.append(make("thead", "", ...top), make("tbody", "", ...rows));
    set(table, { role: "grid", "aria-readonly": "true" });
    return make("div", "attention-stepper-box", table);
  }

  /**
   * @param {Place} place
   * @param {boolean} whole
   * @param {number} most what the strongest shade stands for
   */
  #cell(place, whole, most) {
    const value = valueAt(this.result, place);
    const afterMask = place.kind === "masked" || place.kind === "weights";
    const hidden = this.numbers.causal && afterMask && place.column > place.row;
    const cell = make("td", "", hidden && !value ? "0" : shown(value, whole));
    set(cell, { role: "gridcell", "data-value": `${value}` });
    const shade = place.kind === "weights" ? value : Math.abs(value) / most;
    if (isOfWords(place.kind) && Number.isFinite(shade)) set(cell, { style: `--shade: ${shade}` });
    if (isScore(place.kind) && value) set(cell, { "data-sign": value < 0 ? "below" : "above" });
    if (hidden) set(cell, { "data-masked": "" }).append(make("span", "hidden", " masked"));
    this.places.set(cell, place);
    return cell;
  }

  /** What the reader sees of a matrix at a glance: a small map, one for each head. @param {Kind} kind */
  thumbnails(kind) {
    const matrices = this.#matrices(kind);
    const most = kind === "weights" ? 1 : largest(matrices.flat(2));
    const look = /** @param {number} x */ (x) => {
      if (!Number.isFinite(x)) return { name: "masked", shade: 1 };
      const name = isScore(kind) ? (x < 0 ? "below" : "above") : (MATRICES[kind].colour ?? "");
      return { name, shade: Math.abs(x) / most };
    };
    return matrices.map((M) => thumbnail(M.map((row) => row.map(look))));
  }

  /** @param {Kind} kind @returns {Matrix[]} */
  #matrices(kind) {
    if (kind === "X" || kind === "W_q" || kind === "W_k" || kind === "W_v") return [this.numbers[kind]];
    if (kind === "Q" || kind === "K" || kind === "V" || kind === "output") return [this.result[kind]];
    return this.result[kind];
  }
}

/** Where arrow keys, Home and End lead to from a cell of a table. @param {KeyboardEvent} event */
export function moveInTable(event) {
  const cell = event.target instanceof HTMLTableCellElement ? event.target : null;
  if (!cell || event.altKey || event.metaKey || event.shiftKey) return;
  const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
  const rows = [...(row.parentElement?.children ?? [])];
  const [r, c, all] = [rows.indexOf(row), cell.cellIndex, event.ctrlKey];
  const wanted = {
    ArrowUp: [r - 1, c],
    ArrowDown: [r + 1, c],
    ArrowLeft: [r, c - 1],
    ArrowRight: [r, c + 1],
    Home: [all ? 0 : r, 1],
    End: [all ? Infinity : r, Infinity],
  }[event.key];
  if (!wanted) return;
  event.preventDefault();
  const line = rows[Math.min(Math.max(wanted[0], 0), rows.length - 1)];
  const column = Math.min(Math.max(wanted[1], 1), row.cells.length - 1);
  /** @type {HTMLElement} */ (line.children[column]).focus();
}

/**
 * A formula whose matrices have the colours of the book.
 * @param {string} text
 */
export function coloured(text) {
  return text.split(/(\b[QKVA]\b)/).flatMap((part) => {
    const colour = { Q: "query", K: "key", V: "value", A: "weights" }[part];
    return colour ? [make("span", colour, part)] : maths(part);
  });
}

/** Scores may be above or below zero, and their colours say so. @param {Kind} kind */
function isScore(kind) {
  return kind === "scores" || kind === "scaled" || kind === "masked";
}

/** @param {number[]} values */
function largest(values) {
  return Math.max(...values.filter(Number.isFinite).map(Math.abs)) || 1;
}

/**
 * The head of a table whose rows are queries and whose columns are keys.
 * @param {HTMLElement[]} names
 */
function axes(names) {
  const corner = set(make("th", "query", "query"), { rowspan: "2", scope: "col" });
  const over = make("th", "key", "key");
  set(over, { colspan: `${names.length}`, scope: "colgroup" });
  return [make("tr", "", corner, over), make("tr", "", ...names)];
}
