// @ts-check
/**
 * `<attention-stepper label="…" [causal] [heads="2"] [width="4"]>`: attention with the reader's numbers.
 *
 * The reader edits the words' vectors and the three matrices, and walks through the six steps. The
 * cell in focus shows how its number came about. What the page holds inside is for readers without
 * JavaScript; this element takes its place. The arithmetic is in attention-math.js, the look in
 * attention-stepper.css.
 */
import { asPyTorch, attention, isMadeFrom, shown, valueAt, worked } from "./attention-math.js";
import { make } from "./dom.js";

/**
 * @typedef {import("./attention-math.js").Kind} Kind
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

/** @type {Record<Kind, { caption: string, colour?: string }>} */
const MATRICES = {
  X: { caption: "X: embeddings" },
  W_q: { caption: "W_q", colour: "query" },
  W_k: { caption: "W_k", colour: "key" },
  W_v: { caption: "W_v", colour: "value" },
  Q: { caption: "Q: queries", colour: "query" },
  K: { caption: "K: keys", colour: "key" },
  V: { caption: "V: values", colour: "value" },
  scores: { caption: "Scores" },
  scaled: { caption: "Scaled scores" },
  masked: { caption: "Masked scores" },
  weights: { caption: "A: weights", colour: "weights" },
  output: { caption: "Output" },
};

/** @type {{ name: string, shows: Kind[], tells: (causal: boolean) => string, formula: (width: number, causal: boolean) => string }[]} */
const STEPS = [
  {
    name: "Project",
    shows: ["Q", "K", "V"],
    tells: () => "Three matrices project each token's embedding to a query, a key and a value.",
    formula: () => "Q = X W_q,  K = X W_k,  V = X W_v",
  },
  {
    name: "Score",
    shows: ["Q", "K", "scores"],
    tells: () => "Each score is the dot product of a query and a key.",
    formula: () => "scores = Q Kᵀ",
  },
  {
    name: "Scale",
    shows: ["scores", "scaled"],
    tells: () => "Each score is divided by the square root of the dimension of a key.",
    formula: (width) => `scaled scores = scores / √d_k = scores / √${width}`,
  },
  {
    name: "Mask",
    shows: ["scaled", "masked"],
    tells: (causal) =>
      causal
        ? "A token may attend to itself and to earlier tokens. Every other score becomes −∞."
        : "No mask: every token may attend to every token. The causal mask hides later ones.",
    formula: (_, causal) =>
      `masked scores = scaled scores${causal ? ", but −∞ where the key comes after the query" : ""}`,
  },
  {
    name: "Softmax",
    shows: ["masked", "weights"],
    tells: () => "Each row becomes weights: none is below zero, and together they are 1.",
    formula: () => "A = softmax(masked scores), row by row",
  },
  {
    name: "Weighted sum",
    shows: ["weights", "V", "output"],
    tells: () => "Each token's output is the sum of the values, weighted by its row of weights.",
    formula: () => "output = A V",
  },
];

class AttentionStepper extends HTMLElement {
  static #made = 0;
  #id = `attention-stepper-${++AttentionStepper.#made}`;
  #built = false;
  #step = 0;
  /** @type {string[]} */
  #words = [];
  /** @type {Record<Edited, Matrix>} four columns, however many are shown */
  #edited = structuredClone(NUMBERS);
  /** The cell in focus: a query's row, a key's column, a vector's number; each step takes what it needs. */
  #focus = { kind: /** @type {Kind} */ ("Q"), head: 0, row: 0, key: START - 1, number: 0 };
  /** @type {Map<Element, Place>} */
  #places = new Map();
  /** @type {Numbers} */
  #numbers = { ...NUMBERS, words: SENTENCE, heads: 1, causal: false };
  #result = attention(this.#numbers);
  #waiting = 0;

  #hint = make("p", "attention-stepper-hint");
  #editor = make("div", "attention-stepper-row attention-stepper-editor");
  #error = make("p", "attention-stepper-error");
  #status = make("p", "hidden");
  #causalBox = document.createElement("input");
  #widths = choice(["2", "4"]);
  #headCounts = choice(["1", "2"]);
  #add = button("Add a token", () => this.#addWord());
  #tabs = STEPS.map((step, i) => {
    const tab = button("", () => this.#go(i));
    tab.append(make("span", "attention-stepper-number", `${i + 1}`), ` ${step.name}`);
    return tab;
  });
  #previous = button("Previous", () => this.#go(this.#step - 1, true));
  #next = button("Next", () => this.#go(this.#step + 1, true));
  #count = make("p", "");
  #panel = make("div", "");
  #worked = make("p", "attention-stepper-worked");
  #code = make("code", "");
  #copied = 0;

  connectedCallback() {
    if (this.#built) return; // and only moved
    this.#built = true;
    const label = this.getAttribute("label") ?? "Attention, step by step";
    set(this, { role: "group", "aria-label": label });
    // Whatever else is inside goes: the plain content, or in a copy of a built stepper, dead buttons.
    this.replaceChildren(
      make("div", "attention-stepper-settings", this.#editor, this.#error, this.#controls(), this.#hint),
      this.#steps(),
      this.#panel,
      this.#python(),
      this.#status,
    );
    set(this.#error, { role: "status", id: `${this.#id}-error` });
    set(this.#status, { role: "status" });
    this.#panel.addEventListener("pointerover", ({ target }) => this.#explain(this.#placeOf(target)));
    this.#panel.addEventListener("pointerleave", () => this.#explain());
    this.#panel.addEventListener("focusin", ({ target }) => this.#focusOn(target));
    this.#panel.addEventListener("keydown", (event) => this.#moveInTable(event));
    this.#reset();
  }

  #controls() {
    this.#causalBox.type = "checkbox";
    for (const control of [this.#causalBox, this.#widths, this.#headCounts])
      control.addEventListener("change", () => this.#drawAll());
    return make(
      "div",
      "attention-stepper-controls",
      this.#add,
      button("Reset", () => this.#reset()),
      make("label", "", "Dimension ", this.#widths),
      make("label", "", "Heads ", this.#headCounts),
      make("label", "", this.#causalBox, " Causal mask"),
    );
  }

  #steps() {
    const tabs = make("div", "attention-stepper-tabs", ...this.#tabs);
    const [panel, ...ids] = ["panel", ...this.#tabs.keys()].map((part) => `${this.#id}-${part}`);
    set(tabs, { role: "tablist", "aria-label": "Steps" });
    this.#tabs.forEach((tab, i) => set(tab, { role: "tab", id: ids[i], "aria-controls": panel }));
    set(this.#panel, { role: "tabpanel", id: panel });
    const bar = make("div", "attention-stepper-bar", this.#previous, this.#count, this.#next);
    const steps = make("div", "", tabs, bar);
    steps.addEventListener("keydown", (event) => this.#walk(event));
    return steps;
  }

  #python() {
    const details = /** @type {HTMLDetailsElement} */ (make("details", "attention-stepper-python"));
    const copy = button("Copy as PyTorch", async () => {
      let words = "Copied";
      try {
        await navigator.clipboard.writeText(this.#code.textContent ?? "");
      } catch {
        words = "Copy it from below";
        details.open = true;
      }
      this.#status.textContent = copy.textContent = words;
      clearTimeout(this.#copied);
      this.#copied = setTimeout(() => {
        copy.textContent = "Copy as PyTorch";
        this.#status.textContent = "";
      }, 2000);
    });
    const pre = make("pre", "", this.#code); // it may scroll sideways, so keys must get there
    set(pre, { role: "region", "aria-label": "These values in PyTorch", tabindex: "0" });
    details.append(make("summary", "", "The same values in PyTorch"), pre);
    return make("div", "attention-stepper-code", copy, details);
  }

  // What the reader sets

  #reset() {
    this.#words = SENTENCE.slice(0, START);
    this.#edited = structuredClone(NUMBERS);
    this.#edited.X.length = START;
    this.#causalBox.checked = this.hasAttribute("causal");
    this.#widths.value = this.getAttribute("width") === "4" ? "4" : "2";
    this.#headCounts.value = this.getAttribute("heads") === "2" ? "2" : "1";
    this.#drawAll();
  }

  #drawAll() {
    this.#drawEditor();
    this.#draw();
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
    this.#drawAll();
  }

  /** @param {number} row */
  #removeWord(row) {
    if (this.#words.length === 1) return;
    this.#words.splice(row, 1);
    this.#edited.X.splice(row, 1);
    this.#drawAll();
    const buttons = this.#editor.querySelectorAll("button");
    buttons[Math.min(row, buttons.length - 1)].focus(); // the one in focus has gone
  }

  /**
   * The numbers that count: as many columns as the width says.
   * @returns {Numbers}
   */
  #current() {
    const width = Number(this.#widths.value);
    const cut = /** @param {Matrix} M */ (M) => M.map((row) => row.slice(0, width));
    const { X, W_q, W_k, W_v } = this.#edited;
    const W = [W_q, W_k, W_v].map((M) => cut(M).slice(0, width));
    const words = this.#words.map((word, i) => word.trim() || `token ${i + 1}`);
    const [heads, causal] = [Number(this.#headCounts.value), this.#causalBox.checked];
    return { words, X: cut(X), W_q: W[0], W_k: W[1], W_v: W[2], heads, causal };
  }

  #drawEditor() {
    this.#places.clear();
    const { X, W_q, W_k, W_v } = this.#current();
    const rows = this.#words.map((word, row) => {
      const name = document.createElement("input");
      const other = `token ${row + 1}`;
      set(name, { value: word, maxlength: "16", placeholder: other, "aria-label": `Token ${row + 1}` });
      name.addEventListener("input", () => {
        this.#words[row] = name.value;
        this.#draw();
      });
      const remove = button("×", () => this.#removeWord(row));
      const alone = String(this.#words.length === 1);
      set(remove, { "aria-label": `Remove ${other}`, "aria-disabled": alone });
      const head = set(make("th", "", name), { scope: "row" });
      const cells = X[row].map((_, column) => this.#field("X", row, column));
      return make("tr", "", head, ...cells, make("td", "attention-stepper-remove", remove));
    });
    const W = /** @type {const} */ (["W_q", "W_k", "W_v"]).map((kind) => {
      const lines = W_q.map((line, row) => line.map((_, column) => this.#field(kind, row, column)));
      return table(
        kind,
        [],
        lines.map((cells) => make("tr", "", ...cells)),
      );
    });
    const vectors = make("div", "attention-stepper-box", table("X", [], rows));
    this.#editor.replaceChildren(vectors, make("div", "attention-stepper-row", ...W));
    this.#add.setAttribute("aria-disabled", String(this.#words.length === SENTENCE.length));
    this.#hint.textContent = W_q.length === 4 ? HINT : "";
    this.#tellError();
  }

  /**
   * @param {Edited} kind
   * @param {number} row
   * @param {number} column
   */
  #field(kind, row, column) {
    const field = document.createElement("input");
    // On a phone, the type brings keys with a point and a minus; elsewhere, arrow keys count.
    set(field, { type: "number", step: "any", min: `${-LIMIT}`, max: `${LIMIT}`, required: "" });
    const [of, line, number] = kind === "X" ? ["Token", "", "component"] : [kind, ", row", "column"];
    const name = `${of}${line} ${row + 1}, ${number} ${column + 1}`;
    set(field, { value: `${this.#edited[kind][row][column]}`, "aria-label": name });
    field.addEventListener("input", () => {
      if (!field.validity.valid) return; // perhaps half a number: told on leaving
      this.#edited[kind][row][column] = field.valueAsNumber;
      this.#tellError(field);
      this.#draw();
    });
    field.addEventListener("change", () => this.#tellError(field));
    field.addEventListener("blur", () => this.#tellError(field));
    const cell = make("td", "", field);
    this.#places.set(cell, { kind, head: 0, row, column });
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
    const wrong = this.#editor.querySelector("[aria-invalid]");
    const place = this.#placeOf(wrong);
    const name = wrong?.getAttribute("aria-label");
    const kept = place && this.#edited[/** @type {Edited} */ (place.kind)][place.row][place.column];
    const text = `${name}: type a number from -${LIMIT} to ${LIMIT}. Until then, ${kept} counts.`;
    this.#error.textContent = wrong ? text.replaceAll(" -", " −") : "";
  }

  // What the reader sees

  /**
   * @param {number} step
   * @param {boolean} [aloud] whether to say it: a tab in focus is said anyway
   */
  #go(step, aloud) {
    this.#step = between(step, 0, STEPS.length - 1);
    const { name, shows } = STEPS[this.#step];
    this.#focus.kind = this.#step ? shows[shows.length - 1] : "Q"; // what the step makes
    this.#draw();
    if (aloud) this.#say(`${this.#count.textContent}: ${name}`);
  }

  /** How many numbers a head's query has. */
  get #share() {
    return this.#numbers.W_q.length / this.#numbers.heads;
  }

  #draw() {
    this.#numbers = this.#current();
    const { heads, causal } = this.#numbers;
    this.#result = attention(this.#numbers);
    this.#code.textContent = asPyTorch(this.#numbers);
    const { tells, formula, shows } = STEPS[this.#step];
    const last = STEPS.length - 1;
    this.#tabs.forEach((tab, i) => {
      const current = i === this.#step;
      set(tab, { "aria-selected": `${current}`, tabindex: current ? "0" : "-1" });
    });
    // Not `disabled`: a button that is disabled while it has the focus loses it.
    set(this.#previous, { "aria-disabled": `${this.#step === 0}` });
    set(this.#next, { "aria-disabled": `${this.#step === last}` });
    this.#count.textContent = `Step ${this.#step + 1} of ${last + 1}`;
    set(this.#panel, { "aria-labelledby": this.#tabs[this.#step].id });

    const parts = [...Array(heads).keys()].map((head) => {
      const tables = shows.map((kind) => this.#table(kind, head));
      return part(heads > 1 ? `Head ${head + 1}` : "", tables);
    });
    if (this.#step === last && heads > 1)
      parts.push(part("Both heads, concatenated", [this.#table("output")]));
    const hatched = causal && this.#step >= 3 ? "Hatched: what a token may not attend to. " : "";
    const digits = "Shown with two digits, computed with all. Choose a cell to see its sum.";
    this.#panel.replaceChildren(
      make("p", "attention-stepper-tells", tells(causal)),
      make("p", "attention-stepper-formula", ...maths(formula(this.#share, causal))),
      ...parts,
      make("p", "attention-stepper-legend", hatched, digits),
      this.#worked,
    );
    for (const cell of this.#places.keys()) if (!this.contains(cell)) this.#places.delete(cell);
    this.#explain();
  }

  /**
   * @param {Kind} kind
   * @param {number} [head] all of them, if not given
   */
  #table(kind, head) {
    const { words, W_q } = this.#numbers;
    const share = this.#share;
    const ofWords = isOfWords(kind);
    const all = [...(ofWords ? words : W_q).keys()];
    const columns = ofWords || head === undefined ? all : all.slice(head * share, (head + 1) * share);
    const places = words.map((_, row) =>
      columns.map((column) => ({ kind, head: head ?? Math.floor(column / share), row, column })),
    );
    const values = places.flat().map((place) => valueAt(this.#result, place));
    const whole = values.every((x) => Number.isInteger(x) || x === -Infinity);
    const rows = places.map((line, row) => {
      const word = set(make("th", ofWords ? "query" : "", words[row]), { scope: "row" });
      return make("tr", "", word, ...line.map((place) => this.#cell(place, whole)));
    });
    const names = columns.map((column) => {
      const name = make("th", ofWords ? "key" : "", ofWords ? words[column] : `${column + 1}`);
      return set(name, { scope: "col" });
    });
    const of = `${MATRICES[kind].colour ?? "output"} of`;
    const top = ofWords ? axes(names) : [make("tr", "", make("th", "", of), ...names)];
    const result = set(table(kind, top, rows), { role: "grid", "aria-readonly": "true" });
    return make("div", "attention-stepper-box", result);
  }

  /**
   * @param {Place} place
   * @param {boolean} whole
   */
  #cell(place, whole) {
    const value = valueAt(this.#result, place);
    const afterMask = place.kind === "masked" || place.kind === "weights";
    const hidden = this.#numbers.causal && afterMask && place.column > place.row;
    const cell = make("td", "", hidden && !value ? "0" : shown(value, whole));
    set(cell, { role: "gridcell", "data-value": `${value}` });
    if (place.kind === "weights") set(cell, { style: `--shade: ${value}` });
    if (hidden) set(cell, { "data-masked": "" }).append(make("span", "hidden", " masked"));
    this.#places.set(cell, place);
    return cell;
  }

  // The cell in focus

  /** @param {EventTarget | null} target */
  #placeOf(target) {
    const cell = target instanceof Element ? target.closest("td") : null;
    return cell ? this.#places.get(cell) : undefined;
  }

  /** The place in focus, as far as the step in view has it. */
  get #here() {
    const { kind, head, row, key, number } = this.#focus;
    const share = this.#share;
    const last = this.#words.length - 1;
    const mine = Math.min(head, this.#numbers.heads - 1);
    return {
      kind,
      head: mine,
      row: Math.min(row, last),
      column: isOfWords(kind) ? Math.min(key, last) : mine * share + (number % share),
    };
  }

  /** @param {EventTarget | null} target */
  #focusOn(target) {
    const place = this.#placeOf(target);
    if (!place) return;
    const { kind, head, row, column } = place;
    Object.assign(
      this.#focus,
      { kind, head, row },
      isOfWords(kind) ? { key: column } : { number: column },
    );
    this.#explain();
    this.#say(spoken(this.#worked.textContent ?? ""));
  }

  /** Show how a number came about, and from which others. */
  #explain(place = this.#here) {
    const here = this.#here;
    this.#worked.textContent = worked(this.#numbers, this.#result, place);
    for (const [cell, other] of this.#places) {
      cell.toggleAttribute("data-from", isMadeFrom(place, other));
      cell.toggleAttribute("data-here", same(place, other));
    }
    for (const grid of this.#panel.querySelectorAll("table")) {
      const cells = [...grid.querySelectorAll("td")].filter((cell) => this.#places.has(cell));
      const wanted = cells.find((cell) => {
        const other = this.#places.get(cell);
        return other && same({ ...here, kind: other.kind }, other);
      });
      for (const cell of cells) cell.tabIndex = cell === (wanted ?? cells[0]) ? 0 : -1;
    }
  }

  /** Say it in a moment: whoever hurries past hears only the last. @param {string} text */
  #say(text) {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => (this.#status.textContent = text), 300);
  }

  // Keys

  /** @param {KeyboardEvent} event */
  #walk(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const wanted = {
      ArrowLeft: this.#step - 1,
      ArrowRight: this.#step + 1,
      Home: 0,
      End: STEPS.length - 1,
    }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    const onTab = /** @type {Element} */ (event.target).getAttribute("role") === "tab";
    this.#go(wanted, !onTab);
    if (onTab) this.#tabs[this.#step].focus();
  }

  /** @param {KeyboardEvent} event */
  #moveInTable(event) {
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
    const line = rows[between(wanted[0], 0, rows.length - 1)];
    /** @type {HTMLElement} */ (line.children[between(wanted[1], 1, row.cells.length - 1)]).focus();
  }
}

/** @param {number} x @param {number} least @param {number} most */
function between(x, least, most) {
  return Math.min(Math.max(x, least), most);
}

/** Whether rows and columns are tokens: queries and keys. @param {Kind} kind */
function isOfWords(kind) {
  return !["Q", "K", "V", "output"].includes(kind);
}

/** @param {Place} a @param {Place} b */
function same(a, b) {
  return a.kind === b.kind && a.head === b.head && a.row === b.row && a.column === b.column;
}

/**
 * @param {Kind} kind
 * @param {HTMLElement[]} head
 * @param {HTMLElement[]} rows
 */
function table(kind, head, rows) {
  const { caption, colour } = MATRICES[kind];
  const result = make("table", colour ?? "", make("caption", "", ...maths(caption)));
  if (head.length) result.append(make("thead", "", ...head));
  result.append(make("tbody", "", ...rows));
  return result;
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

/**
 * Tables side by side, and whose they are.
 * @param {string} of
 * @param {HTMLElement[]} tables
 */
function part(of, tables) {
  const row = make("div", "attention-stepper-row", ...tables);
  return of ? make("div", "attention-stepper-head", make("p", "attention-stepper-of", of), row) : row;
}

/**
 * A formula, with its colours and its lower letters.
 * @param {string} text
 */
function maths(text) {
  return text.split(/(\b[QKVA]\b|_\w)/).map((part) => {
    if (part.startsWith("_")) return make("sub", "", part.slice(1));
    const colour = { Q: "query", K: "key", V: "value", A: "weights" }[part];
    return colour ? make("span", colour, part) : part;
  });
}

/** @param {string} text @returns {string} what a screen reader should say of worked arithmetic */
function spoken(text) {
  return text
    .replaceAll("·", " times ")
    .replaceAll("−", " minus ")
    .replaceAll("^", " to the ")
    .replaceAll("/", "divided by")
    .replaceAll("√", "the square root of ")
    .replaceAll("∞", "infinity")
    .replaceAll(/ {2,}/g, " ");
}

/** @param {string[]} values */
function choice(values) {
  const select = document.createElement("select");
  select.append(...values.map((value) => new Option(value)));
  return select;
}

/**
 * @param {string} name
 * @param {() => void} act
 */
function button(name, act) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = name;
  element.addEventListener("click", act);
  return element;
}

/**
 * @template {Element} Kind
 * @param {Kind} element
 * @param {Record<string, string>} attributes
 */
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

if (!customElements.get("attention-stepper"))
  customElements.define("attention-stepper", AttentionStepper);
