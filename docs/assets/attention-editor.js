// @ts-check
import { button, make, maths, set } from "./dom.js";
import { MATRICES } from "./attention-steps.js";

/**
 * @typedef {import("./attention-math.js").Matrix} Matrix
 * @typedef {import("./attention-math.js").Numbers} Numbers
 * @typedef {import("./attention-math.js").Place} Place
 * @typedef {"X" | "W_q" | "W_k" | "W_v"} Edited
 */

const LIMIT = 100;

/**
 * The values of the chapters, and tokens that can be added. A vector's first two components are the
 * chapters': 1 for an article; 1 for an adjective, −1 for a noun. The other two are seen at width 4:
 * they encode the position, by quarter turns, and make a second head attend to the token before.
 */
const SENTENCE = ["the", "European", "Area", "was", "signed", "in"];
const START = 3;
/** @type {Record<Edited, Matrix>} */
const NUMBERS = {
  X: [
    [1, 0, 1, 0],
    [0, 1, 0, 1],
    [0, -1, -1, 0],
    [0, 0, 0, -1],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ],
  W_q: [
    [-2, -1, 0, 0],
    [-2, 0, 0, 0],
    [0, 0, 0, -2],
    [0, 0, 2, 0],
  ],
  W_k: [
    [0, -1, 0, 0],
    [1, 0, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ],
  W_v: [
    [1, 1, 0, 0],
    [0, -2, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ],
};

const HINT = "Components 3 and 4 encode the position, by quarter turns: a second head attends to the token before.";

/** The fields of <attention-stepper>: tokens, their embeddings, the three matrices, and the settings. */
export class Editor {
  /** @type {string[]} */
  #words = [];
  /** @type {Record<Edited, Matrix>} four columns, however many are shown */
  #edited = structuredClone(NUMBERS);
  /** @type {Map<Element, Place>} the cells that hold a number, and which */
  places = new Map();
  #start;
  #changed;

  #causal = document.createElement("input");
  #widths = choice(["2", "4"]);
  #heads = choice(["1", "2"]);
  #add = button("Add a token", () => this.#addWord());
  #fields = make("div", "attention-stepper-row attention-stepper-editor");
  #error = make("p", "attention-stepper-error");
  #hint = make("p", "attention-stepper-hint");

  /**
   * @param {{ id: string, causal: boolean, width: string, heads: string }} start what `reset` brings back
   * @param {() => void} changed is called after every change, of a number or of what there is
   */
  constructor(start, changed) {
    this.#start = start;
    this.#changed = changed;
    set(this.#error, { role: "status", id: `${start.id}-error` });
    set(this.#causal, { type: "checkbox", autocomplete: "off" });
    for (const control of [this.#causal, this.#widths, this.#heads])
      control.addEventListener("change", () => this.#draw());
    const controls = make(
      "div",
      "attention-stepper-controls",
      this.#add,
      button("Reset", () => this.reset()),
      make("label", "", "Dimension ", this.#widths),
      make("label", "", "Heads ", this.#heads),
      make("label", "", this.#causal, " Causal mask"),
    );
    this.elements = [this.#fields, this.#error, controls, this.#hint];
  }

  /**
   * The numbers that count: as many columns as the width says.
   * @returns {Numbers}
   */
  get numbers() {
    const width = Number(this.#widths.value);
    const cut = /** @param {Matrix} M */ (M) => M.map((row) => row.slice(0, width));
    const { X, W_q, W_k, W_v } = this.#edited;
    const W = [W_q, W_k, W_v].map((M) => cut(M).slice(0, width));
    const words = this.#words.map((word, i) => word.trim() || `token ${i + 1}`);
    const [heads, causal] = [Number(this.#heads.value), this.#causal.checked];
    return { words, X: cut(X), W_q: W[0], W_k: W[1], W_v: W[2], heads, causal };
  }

  reset() {
    this.#words = SENTENCE.slice(0, START);
    this.#edited = structuredClone(NUMBERS);
    this.#edited.X.length = START;
    this.#causal.checked = this.#start.causal;
    this.#widths.value = this.#start.width;
    this.#heads.value = this.#start.heads;
    this.#draw();
  }

  /**
   * Give a token another embedding, as if it had been typed.
   * @param {number} row
   * @param {number[]} embedding
   */
  move(row, embedding) {
    embedding.forEach((wanted, column) => {
      const value = between(Math.round(wanted * 100) / 100 || 0, -LIMIT, LIMIT); // no −0
      this.#edited.X[row][column] = value;
      const field = this.#fieldOf({ kind: "X", head: 0, row, column });
      if (!field) return;
      field.value = `${value}`;
      this.#tellError(field);
    });
    this.#changed();
  }

  /** @param {Place} wanted */
  #fieldOf(wanted) {
    for (const [cell, { kind, row, column }] of this.places)
      if (kind === wanted.kind && row === wanted.row && column === wanted.column)
        return cell.querySelector("input");
  }

  /** The first word of the sentence that is not there; at first, the next one. */
  #addWord() {
    const size = this.#words.length;
    if (size === SENTENCE.length) return;
    const known = Math.max(
      SENTENCE.findIndex((word) => !this.#words.includes(word)),
      0,
    );
    this.#words.push(SENTENCE[known]);
    this.#edited.X.push([...NUMBERS.X[known].slice(0, 2), ...NUMBERS.X[size].slice(2)]);
    this.#draw();
  }

  /** @param {number} row */
  #removeWord(row) {
    if (this.#words.length === 1) return;
    this.#words.splice(row, 1);
    this.#edited.X.splice(row, 1);
    this.#draw();
    const buttons = this.#fields.querySelectorAll("button");
    buttons[Math.min(row, buttons.length - 1)].focus(); // the one in focus has gone
  }

  /** All fields anew: there are more or fewer of them than before, or other numbers in them. */
  #draw() {
    this.places.clear();
    const { X, W_q } = this.numbers;
    const rows = X.map((_, row) => this.#drawWord(row, X[row].length));
    const W = /** @type {const} */ (["W_q", "W_k", "W_v"]).map((kind) => {
      const lines = W_q.map((line, row) => line.map((_, column) => this.#field(kind, row, column)));
      return table(kind, lines.map((cells) => make("tr", "", ...cells)));
    });
    const vectors = make("div", "attention-stepper-box", table("X", rows));
    this.#fields.replaceChildren(vectors, make("div", "attention-stepper-row", ...W));
    this.#add.setAttribute("aria-disabled", String(this.#words.length === SENTENCE.length));
    this.#hint.textContent = W_q.length === 4 ? HINT : "";
    this.#tellError();
    this.#changed();
  }

  /**
   * @param {number} row
   * @param {number} width
   */
  #drawWord(row, width) {
    const name = document.createElement("input");
    const other = `token ${row + 1}`;
    const label = `Token ${row + 1}`;
    set(name, { value: this.#words[row], maxlength: "16", placeholder: other, "aria-label": label, autocomplete: "off" });
    name.addEventListener("input", () => {
      this.#words[row] = name.value;
      this.#changed();
    });
    const remove = button("×", () => this.#removeWord(row));
    const alone = String(this.#words.length === 1);
    set(remove, { "aria-label": `Remove ${other}`, "aria-disabled": alone });
    const head = set(make("th", "", name), { scope: "row" });
    const cells = [...Array(width).keys()].map((column) => this.#field("X", row, column));
    return make("tr", "", head, ...cells, make("td", "attention-stepper-remove", remove));
  }

  /**
   * @param {Edited} kind
   * @param {number} row
   * @param {number} column
   */
  #field(kind, row, column) {
    const field = document.createElement("input");
    // On a phone, the type brings keys with a point and a minus; elsewhere, arrow keys count.
    set(field, { type: "number", step: "any", min: `${-LIMIT}`, max: `${LIMIT}`, required: "", autocomplete: "off" });
    const [of, line, number] = kind === "X" ? ["Token", "", "component"] : [kind, ", row", "column"];
    const name = `${of}${line} ${row + 1}, ${number} ${column + 1}`;
    set(field, { value: `${this.#edited[kind][row][column]}`, "aria-label": name });
    selectWhole(field);
    field.addEventListener("input", () => {
      if (!field.validity.valid) return; // perhaps half a number: told on leaving
      this.#edited[kind][row][column] = field.valueAsNumber;
      this.#tellError(field);
      this.#changed();
    });
    field.addEventListener("change", () => this.#tellError(field));
    field.addEventListener("blur", () => this.#tellError(field));
    const cell = make("td", "", field);
    this.places.set(cell, { kind, head: 0, row, column });
    return cell;
  }

  /**
   * One line about a field that holds no number, as long as there is one.
   * @param {HTMLInputElement} [changed]
   */
  #tellError(changed) {
    if (changed?.validity.valid) {
      changed.removeAttribute("aria-invalid");
      changed.removeAttribute("aria-describedby");
    } else if (changed) {
      set(changed, { "aria-invalid": "true", "aria-describedby": this.#error.id });
    }
    const wrong = this.#fields.querySelector("[aria-invalid]");
    const place = wrong?.parentElement && this.places.get(wrong.parentElement);
    const name = wrong?.getAttribute("aria-label");
    const kept = place && this.#edited[/** @type {Edited} */ (place.kind)][place.row][place.column];
    const text = `${name}: type a number from -${LIMIT} to ${LIMIT}. Until then, ${kept} counts.`;
    this.#error.replaceChildren(...(wrong ? maths(text.replaceAll(" -", " −")) : []));
  }
}

/**
 * Whoever enters a field means to replace its number: Tab selects it anyway, and here a click does, too.
 * @param {HTMLInputElement} field
 */
function selectWhole(field) {
  let entered = false;
  field.addEventListener("focus", () => (entered = true));
  field.addEventListener("click", () => {
    if (entered) field.select();
    entered = false;
  });
}

/** @param {number} x @param {number} least @param {number} most */
function between(x, least, most) {
  return Math.min(Math.max(x, least), most);
}

/**
 * @param {Edited} kind
 * @param {HTMLElement[]} rows
 */
function table(kind, rows) {
  const { caption, colour } = MATRICES[kind];
  return make("table", colour ?? "", make("caption", "", ...maths(caption)), make("tbody", "", ...rows));
}

/** @param {string[]} values */
function choice(values) {
  const select = document.createElement("select");
  select.append(...values.map((value) => new Option(value)));
  return set(select, { autocomplete: "off" });
}
