// @ts-check
import { make, svg } from "./dom.js";

/**
 * `<alignment-view label="…" word="…" [occurrence="2"]>`: what translators attend to while they generate a sentence.
 *
 * The page holds a table of weights for each translator: that is what a reader without JavaScript
 * gets, and what stays, folded, for everyone. This element reads the tables and draws a panel for
 * each: the target tokens, the source tokens, and lines between them, the stronger the more weight.
 * Hover over a target token, or choose it, and every panel shows what it attended to; hover over a
 * source token, and every panel shows what attended to it. The target token that `word` names is
 * chosen at first, or its `occurrence` if there are several. Target tokens are radio buttons, so arrow keys walk through them.
 * attention.inspection.alignment_view writes the tables; the look is in alignment-view.css.
 */
class AlignmentView extends HTMLElement {
  /** @type {Panel[]} */
  #panels = [];
  #chosen = "";
  #status = make("p", "hidden");

  connectedCallback() {
    if (this.#panels.length) return; // built before, and only moved
    // Whatever else is inside goes: in a copy of a built view, the copied panels are dead.
    const boxes = /** @type {HTMLElement[]} */ ([...this.querySelectorAll(".alignment-view-table")]);
    this.#panels = boxes.map((box) => new Panel(box));
    if (!this.#panels.length) return;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.getAttribute("label") ?? "What translators attend to");
    this.#status.setAttribute("role", "status");
    const chooser = this.#panels.length > 1 ? [this.#chooser()] : [];
    this.replaceChildren(...chooser, this.#stage(), folded(boxes), this.#status);
    const first = this.getAttribute("word");
    if (first) this.#choose(`${first} ${this.getAttribute("occurrence") ?? 1}`);
    this.#status.textContent = ""; // nothing was done yet that needs to be said
  }

  /** A checkbox for each panel; at first, all are shown that have something to show. */
  #chooser() {
    const boxes = this.#panels.map((panel) => {
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = panel.looks;
      box.autocomplete = "off"; // some browsers would bring back another choice on reloading
      box.addEventListener("change", () => (panel.element.hidden = !box.checked));
      panel.element.hidden = !box.checked;
      return make("label", "", box, panel.name);
    });
    return make("fieldset", "alignment-view-chooser", make("legend", "", "Show"), ...boxes);
  }

  #stage() {
    const stage = make("div", "alignment-view-stage", ...this.#panels.map((panel) => panel.element));
    stage.addEventListener("pointerover", ({ target }) => {
      const source = sourceAt(target);
      if (source < 0) this.#show(wordAt(target) || this.#chosen);
      else for (const panel of this.#panels) panel.showSource(source);
    });
    stage.addEventListener("pointerleave", () => this.#show(this.#chosen));
    stage.addEventListener("change", ({ target }) => this.#choose(wordAt(target)));
    return stage;
  }

  /** @param {string} word */
  #choose(word) {
    if (!word || word === this.#chosen) return;
    this.#chosen = word;
    this.#show(word);
    const shown = this.#panels.filter((panel) => !panel.element.hidden);
    for (const panel of this.#panels) panel.choose(word);
    this.#status.textContent = shown.map((panel) => `${panel.name}: ${panel.said}.`).join(" ");
  }

  /** @param {string} word */
  #show(word) {
    for (const panel of this.#panels) panel.show(word);
  }
}

/** What one translator read and generated, and what it attended to. */
class Panel {
  static #made = 0;
  #group = `alignment-view-${Panel.#made++}`;
  #note = make("p", "alignment-view-note");

  /** @param {HTMLElement} box one that holds a table of attention.inspection.alignment_view */
  constructor(box) {
    const [head, ...rows] = [...box.querySelectorAll("tr")];
    this.name = box.querySelector("caption")?.textContent ?? "";
    this.source = [...head.querySelectorAll("th")].map(text);
    this.target = rows.map((row) => row.cells[0]);
    this.words = numbered(this.target.map(text));
    this.weights = rows.map((row) => [...row.cells].slice(1).map((cell) => Number(text(cell))));
    this.looks = this.weights.some((row) => row.some((weight) => weight > 0));
    this.written = this.target.map((cell, t) => this.#choice(cell, this.words[t]));
    this.lines = this.looks ? this.weights.map((row, t) => line(row, t)) : [];
    this.read = this.source.map((word) => make("li", "", word, make("span", "alignment-view-weight")));
    this.element = this.#draw();
    this.show("");
  }

  /** What the panel says of the word that it shows. */
  get said() {
    return this.#note.textContent ?? "";
  }

  /**
   * @param {HTMLElement} cell
   * @param {string} word
   */
  #choice(cell, word) {
    const button = document.createElement("input");
    button.type = "radio";
    button.className = "hidden";
    button.name = this.#group;
    button.value = word;
    button.autocomplete = "off";
    const label = make("label", "", button, text(cell));
    label.lang = cell.lang;
    return label;
  }

  #draw() {
    const lines = svg("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
    const height = Math.max(this.source.length, this.target.length);
    lines.setAttribute("viewBox", `0 0 1 ${height}`);
    lines.style.setProperty("--rows", String(height));
    lines.append(...this.lines);
    const words = make(
      "div",
      "alignment-view-words",
      make("div", "alignment-view-written", ...this.written),
      lines,
      make("ol", "alignment-view-read", ...this.read),
    );
    return make("fieldset", "alignment-view-panel", make("legend", "", this.name), this.#note, words);
  }

  /** @param {string} word */
  choose(word) {
    for (const label of this.written) {
      const button = /** @type {HTMLInputElement} */ (label.firstChild);
      button.checked = button.value === word;
    }
  }

  /** @param {string} word one of `words`, or of another panel's, or none */
  show(word) {
    const t = this.words.indexOf(word);
    const weights = this.looks && t >= 0 ? this.weights[t] : [];
    this.#mark({ target: t });
    this.read.forEach((item, s) => shade(item, weights[s] ?? 0));
    this.#note.textContent = this.#tell(word, t);
  }

  /** What attended to a source token. @param {number} s */
  showSource(s) {
    const weights = this.looks ? this.weights.map((row) => row[s]) : [];
    this.#mark({ source: s });
    this.read.forEach((item) => shade(item, 0));
    this.written.forEach((label, t) => label.style.setProperty("--shade", String(weights[t] ?? 0)));
    const most = this.#most(weights.map((weight, t) => ({ name: text(this.target[t]), weight })));
    if (this.looks)
      this.#note.textContent = `“${this.source[s]}” gets ${most ? `attention from ${most}` : "less than 0.10 from every token"}`;
  }

  /** Make what belongs to one token stand out. @param {{ target?: number, source?: number }} token */
  #mark({ target = -1, source = -1 }) {
    this.written.forEach((label, t) => {
      label.toggleAttribute("data-current", t === target);
      label.style.removeProperty("--shade");
    });
    this.read.forEach((item, s) => item.toggleAttribute("data-current", s === source));
    this.lines.forEach((row, t) => {
      row.toggleAttribute("data-current", t === target || source >= 0);
      for (const path of row.children)
        path.toggleAttribute("data-other", source >= 0 && path.getAttribute("data-source") !== `${source}`);
    });
  }

  /** @param {{ name: string, weight: number }[]} seen */
  #most(seen) {
    const most = seen.filter(({ weight }) => weight >= 0.1).sort((a, b) => b.weight - a.weight);
    return most.map(({ name, weight }) => `“${name}” ${weight.toFixed(2)}`).join(", ");
  }

  /**
   * @param {string} word
   * @param {number} t
   */
  #tell(word, t) {
    if (!this.looks) return "no attention";
    if (!word) return "choose a target token";
    const plain = word.replace(/ \d+$/, "");
    if (t < 0) return `did not generate “${plain}” here`;
    const seen = this.source.map((name, s) => ({ name, weight: this.weights[t][s] }));
    return `“${plain}” attends to ${this.#most(seen)}`;
  }
}

/**
 * The second "la" of a sentence is another word than the first.
 * @param {string[]} words
 */
function numbered(words) {
  return words.map((word, i) => `${word} ${words.slice(0, i).filter((w) => w === word).length + 1}`);
}

/**
 * The word written that an event is about.
 * @param {EventTarget | null} target
 */
function wordAt(target) {
  const label = target instanceof Element ? target.closest("label") : null;
  return label?.querySelector("input")?.value ?? "";
}

/**
 * The place of the source token that an event is about, or −1.
 * @param {EventTarget | null} target
 */
function sourceAt(target) {
  const item = target instanceof Element ? target.closest(".alignment-view-read li") : null;
  return item ? [...(item.parentElement?.children ?? [])].indexOf(item) : -1;
}

/**
 * The lines from a word written to the words read.
 * @param {number[]} weights
 * @param {number} t
 */
function line(weights, t) {
  const row = svg("g", {});
  weights.forEach((weight, s) => {
    if (weight < 0.02) return; // too faint to be seen
    const path = svg("path", { "data-source": `${s}`, d: `M0 ${t + 0.5}C.5 ${t + 0.5} .5 ${s + 0.5} 1 ${s + 0.5}` });
    path.style.strokeOpacity = String(weight);
    path.style.strokeWidth = `${1 + 4 * weight}px`;
    row.append(path);
  });
  return row;
}

/**
 * @param {HTMLElement} item
 * @param {number} weight
 */
function shade(item, weight) {
  const visible = weight >= 0.005;
  item.toggleAttribute("data-seen", visible);
  item.style.setProperty("--shade", String(weight));
  if (item.lastChild) item.lastChild.textContent = visible ? weight.toFixed(2) : "";
}

/** @param {HTMLElement[]} tables */
function folded(tables) {
  const summary = make("summary", "", "All weights, as tables");
  return make("details", "alignment-view-tables", summary, ...tables);
}

/** @param {Element} element */
function text(element) {
  return element.textContent ?? "";
}

if (!customElements.get("alignment-view")) customElements.define("alignment-view", AlignmentView);
