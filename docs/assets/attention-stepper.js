// @ts-check
/**
 * `<attention-stepper label="…" [causal] [heads="2"] [width="4"]>`: attention with the reader's numbers.
 *
 * The reader edits the tokens' embeddings and the three matrices (attention-editor.js), or drags the
 * arrows of queries, keys and values on a plane (attention-planes.js), and walks through the six
 * steps (attention-steps.js), whose tables are in attention-tables.js. The cell in focus shows how
 * its number came about. What the page holds inside is for readers without JavaScript; this element
 * takes its place. The arithmetic is in attention-math.js, the look in attention-stepper.css.
 */
import { Editor } from "./attention-editor.js";
import { asPyTorch, attention, isMadeFrom, worked } from "./attention-math.js";
import { pictures } from "./attention-planes.js";
import { isOfWords, STEPS, suggestion } from "./attention-steps.js";
import { coloured, moveInTable, Tables } from "./attention-tables.js";
import { button, make, maths, set } from "./dom.js";
import { VectorPlane } from "./vector-plane.js";

/**
 * @typedef {import("./attention-math.js").Kind} Kind
 * @typedef {import("./attention-math.js").Place} Place
 */

const LAST = STEPS.length - 1;

class AttentionStepper extends HTMLElement {
  static #made = 0;
  #id = `attention-stepper-${++AttentionStepper.#made}`;
  /** @type {Editor | undefined} there once the element has been built */
  #editor;
  #step = 0;
  /** The cell in focus: a query's row, a key's column, a vector's number; each step takes what it needs. */
  #focus = { kind: /** @type {Kind} */ ("Q"), head: 0, row: 0, key: 2, number: 0 };
  /** The query on the planes: a key or a value in focus leaves it as it is. */
  #query = 0;
  /** @type {Map<Element, Place>} the cells of the tables of the step */
  #places = new Map();
  /** @type {import("./attention-math.js").Numbers} */
  #numbers = { words: ["the"], X: [[0]], W_q: [[0]], W_k: [[0]], W_v: [[0]], heads: 1, causal: false };
  #result = attention(this.#numbers);
  #waiting = 0;
  #copied = 0;

  #try = make("p", "attention-stepper-try");
  #flow = make("div", "attention-stepper-flow");
  #from = set(make("span", "attention-stepper-map"), { "aria-hidden": "true" });
  #maps = STEPS.map(() => make("span", "attention-stepper-map"));
  #tabs = STEPS.map(({ name }, i) => {
    const tab = button("", () => this.#go(i));
    tab.append(this.#maps[i], make("span", "attention-stepper-number", `${i + 1}`), ` ${name}`);
    return tab;
  });
  #previous = button("Previous", () => this.#go(this.#step - 1, true));
  #next = button("Next", () => this.#go(this.#step + 1, true));
  #count = make("p", "");
  #queries = set(document.createElement("select"), { autocomplete: "off" });
  #stage = make("div", "attention-stepper-stage");
  /** @type {VectorPlane[]} */
  #planes = [];
  #panel = make("div", "");
  #worked = make("p", "attention-stepper-worked");
  #code = make("code", "");
  #status = make("p", "hidden");

  connectedCallback() {
    if (this.#editor) return; // built before, and only moved
    const causal = this.hasAttribute("causal");
    const width = this.getAttribute("width") === "4" ? "4" : "2";
    const heads = this.getAttribute("heads") === "2" ? "2" : "1";
    this.#editor = new Editor({ id: this.#id, causal, width, heads }, () => this.#draw());
    if (causal) this.#focus.row = 2; // a query that may attend to all keys
    const label = this.getAttribute("label") ?? "Attention, step by step";
    set(this, { role: "group", "aria-label": label });
    const fields = make("div", "attention-stepper-fields", ...this.#editor.elements);
    // Whatever else is inside goes: the plain content, or in a copy of a built stepper, dead buttons.
    this.replaceChildren(
      this.#try,
      this.#steps(),
      make("div", "attention-stepper-settings", this.#stage, this.#aboutPlanes(), fields),
      this.#panel,
      this.#python(),
      this.#status,
    );
    set(this.#status, { role: "status" });
    this.#panel.addEventListener("pointerover", ({ target }) => this.#explain(this.#placeOf(target)));
    this.#panel.addEventListener("pointerleave", () => this.#explain());
    this.#panel.addEventListener("focusin", ({ target }) => this.#focusOn(target));
    this.#panel.addEventListener("keydown", moveInTable);
    this.#editor.reset();
  }

  #steps() {
    const tabs = make("div", "attention-stepper-tabs", ...this.#tabs);
    const [panel, ...ids] = ["panel", ...this.#tabs.keys()].map((part) => `${this.#id}-${part}`);
    set(tabs, { role: "tablist", "aria-label": "Steps" });
    this.#tabs.forEach((tab, i) => set(tab, { role: "tab", id: ids[i], "aria-controls": panel }));
    set(this.#panel, { role: "tabpanel", id: panel });
    this.#flow.append(this.#from, tabs);
    const bar = make("div", "attention-stepper-bar", this.#previous, this.#count, this.#next);
    const steps = make("div", "attention-stepper-steps", this.#flow, bar);
    steps.addEventListener("keydown", (event) => this.#walk(event));
    return steps;
  }

  /** Whose query the planes show, and what dragging does. */
  #aboutPlanes() {
    this.#queries.addEventListener("change", () => {
      Object.assign(this.#focus, { kind: STEPS[this.#step].makes[0], row: this.#queries.selectedIndex });
      this.#explain();
    });
    return make(
      "div",
      "attention-stepper-about",
      make("label", "", "Query of ", this.#queries),
      make(
        "p",
        "",
        "Drag an arrow, or move it with the arrow keys. The embedding of its token changes and the matrices stay, so all three of the token's vectors move.",
      ),
    );
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

  // What the reader sees

  /**
   * @param {number} step
   * @param {boolean} [aloud] whether to say it: a tab in focus is said anyway
   */
  #go(step, aloud) {
    this.#step = between(step, 0, LAST);
    this.#focus.kind = STEPS[this.#step].makes[0];
    this.#draw();
    this.#stage.toggleAttribute("data-entering", true);
    if (aloud) this.#say(`${this.#count.textContent}: ${STEPS[this.#step].name}`);
  }

  #draw() {
    if (!this.#editor) return;
    this.#numbers = this.#editor.numbers;
    this.#result = attention(this.#numbers);
    this.#code.textContent = asPyTorch(this.#numbers);
    const { words, W_q, heads, causal } = this.#numbers;
    this.#try.textContent = suggestion(W_q.length, heads, causal);
    this.#queries.replaceChildren(...words.map((word) => new Option(word)));
    this.#places.clear();
    const tables = new Tables(this.#numbers, this.#result, this.#places);
    this.#drawFlow(tables);
    this.#drawPanel(tables);
    this.#explain();
  }

  /** From X to the output, with what each step makes as small maps, and where the reader is. @param {Tables} tables */
  #drawFlow(tables) {
    this.#from.replaceChildren(make("b", "", "X"), ...tables.thumbnails("X"));
    STEPS.forEach(({ makes }, i) => {
      const current = i === this.#step;
      this.#maps[i].replaceChildren(...makes.flatMap((kind) => tables.thumbnails(kind)));
      set(this.#tabs[i], { "aria-selected": `${current}`, tabindex: current ? "0" : "-1" });
      this.#tabs[i].toggleAttribute("data-done", i < this.#step);
    });
    // Not `disabled`: a button that is disabled while it has the focus loses it.
    set(this.#previous, { "aria-disabled": `${this.#step === 0}` });
    set(this.#next, { "aria-disabled": `${this.#step === LAST}` });
    this.#count.textContent = `Step ${this.#step + 1} of ${LAST + 1}`;
  }

  /** @param {Tables} tables */
  #drawPanel(tables) {
    const { heads, causal, W_q } = this.#numbers;
    const { tells, formula, shows } = STEPS[this.#step];
    set(this.#panel, { "aria-labelledby": this.#tabs[this.#step].id });
    const parts = [...Array(heads).keys()].map((head) => {
      const ofHead = shows.map((kind) => tables.draw(kind, head));
      return part(heads > 1 ? `Head ${head + 1}` : "", ofHead);
    });
    if (this.#step === LAST && heads > 1)
      parts.push(part("Both heads, concatenated", [tables.draw("output")]));
    const hatched = causal && this.#step >= 3 ? "Hatched: what a token may not attend to. " : "";
    const digits = "Shown with two digits, computed with all. Choose a cell to see its sum.";
    this.#panel.replaceChildren(
      make("p", "attention-stepper-tells", tells(causal)),
      make("p", "attention-stepper-formula", ...coloured(formula(W_q.length / heads, causal))),
      ...parts,
      make("p", "attention-stepper-legend", hatched, digits),
      this.#worked,
    );
  }

  /** @param {number} row @param {number} key */
  #drawPlanes(row, key) {
    const drawn = pictures({
      step: this.#step,
      numbers: this.#numbers,
      result: this.#result,
      row,
      key,
      move: (token, embedding) => this.#editor?.move(token, embedding),
      choose: (token) => {
        Object.assign(this.#focus, { kind: STEPS[this.#step].makes[0], key: token });
        this.#explain();
      },
    });
    if (this.#planes.length !== drawn.length) {
      this.#planes = drawn.map(() => new VectorPlane());
      this.#stage.replaceChildren(...this.#planes.map(({ element }) => element));
    }
    this.#planes.forEach((plane, i) => plane.draw(drawn[i]));
    this.#stage.removeAttribute("data-entering"); // what moves by itself, moves once
    this.#queries.selectedIndex = row;
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
    const { words, W_q, heads } = this.#numbers;
    const share = W_q.length / heads;
    const mine = Math.min(head, heads - 1);
    return {
      kind,
      head: mine,
      row: Math.min(row, words.length - 1),
      column: isOfWords(kind) ? Math.min(key, words.length - 1) : mine * share + (number % share),
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
    this.#worked.replaceChildren(...maths(worked(this.#numbers, this.#result, place)));
    for (const [cell, other] of [...(this.#editor?.places ?? []), ...this.#places]) {
      cell.toggleAttribute("data-from", isMadeFrom(place, other));
      cell.toggleAttribute("data-here", same(place, other));
    }
    for (const grid of this.#panel.querySelectorAll("table")) {
      const cells = [...grid.querySelectorAll("td")];
      const wanted = cells.find((cell) => {
        const other = this.#places.get(cell);
        return other && same({ ...here, kind: other.kind }, other);
      });
      for (const cell of cells) cell.tabIndex = cell === (wanted ?? cells[0]) ? 0 : -1;
    }
    const last = this.#numbers.words.length - 1;
    const ofKey = this.#step > 0 && (place.kind === "K" || place.kind === "V");
    this.#query = Math.min(ofKey ? this.#query : place.row, last);
    const key = ofKey ? place.row : isOfWords(place.kind) ? place.column : this.#focus.key;
    this.#drawPlanes(this.#query, Math.min(key, last));
  }

  /** Say it in a moment: whoever hurries past hears only the last. @param {string} text */
  #say(text) {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => (this.#status.textContent = text), 300);
  }

  /** Keys on the steps. @param {KeyboardEvent} event */
  #walk(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const wanted = {
      ArrowLeft: this.#step - 1,
      ArrowRight: this.#step + 1,
      Home: 0,
      End: LAST,
    }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    const onTab = /** @type {Element} */ (event.target).getAttribute("role") === "tab";
    this.#go(wanted, !onTab);
    if (onTab) this.#tabs[this.#step].focus();
  }
}

/** @param {number} x @param {number} least @param {number} most */
function between(x, least, most) {
  return Math.min(Math.max(x, least), most);
}

/** @param {Place} a @param {Place} b */
function same(a, b) {
  return a.kind === b.kind && a.head === b.head && a.row === b.row && a.column === b.column;
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

if (!customElements.get("attention-stepper"))
  customElements.define("attention-stepper", AttentionStepper);
