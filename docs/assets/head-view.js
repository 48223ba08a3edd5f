// @ts-check
import { bringIntoView, make, maths, scroller } from "./dom.js";
import { Layer, layers } from "./head-layers.js";
import { thumbnail } from "./thumbnail.js";

/**
 * `<head-view label="…" [target="…" source="…"]>`: what every head of a Transformer attends to, and what it adds.
 *
 * The page holds a table of weights for each head, and for each layer one of what its heads add to
 * the output: that is what a reader without JavaScript gets, folded, and what stays for everyone.
 * This element reads the tables and draws a small map of each head. One of them is chosen and shown
 * large: at first the one whose weight between the two tokens that the attributes name is largest. Hover over a row, or choose it, and it says what that token attends to, and what each head of
 * the layer adds for it after W_o. Heads and rows are radio buttons, so arrow keys walk through
 * them. attention.inspection.head_view writes the tables; the look is in head-view.css.
 */
class HeadView extends HTMLElement {
  static #made = 0;
  #group = `head-view-${HeadView.#made++}`;
  /** @type {Layer[]} */
  #layers = [];
  #layer = new Layer([]);
  #head = 0;
  #row = 0;
  #chosen = make("div", "head-view-chosen");
  #title = make("p", "head-view-title");
  #map = make("table", "");
  #note = make("p", "head-view-note");
  #parts = make("table", "");
  #status = make("p", "hidden");

  connectedCallback() {
    if (this.#layers.length) return; // built before, and only moved
    // Whatever else is inside goes: in a copy of a built view, the copied maps are dead.
    const kinds = /** @type {HTMLElement[]} */ ([...this.querySelectorAll(".head-view-kind")]);
    this.#layers = layers([...this.querySelectorAll(".head-view-table")]);
    if (!this.#layers.length) return;
    this.#begin();
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.getAttribute("label") ?? "What the heads attend to");
    this.#status.setAttribute("role", "status");
    this.#chosen.append(
      this.#title,
      legend(this.#layers),
      scroller("head-view-scroller", "The chosen head", this.#map),
      this.#note,
    );
    this.replaceChildren(
      this.#overview(),
      this.#chosen,
      scroller("head-view-scroller", "What the heads of the layer add", this.#parts),
      make("p", "head-view-about", ...maths(ABOUT_PARTS)),
      folded("All weights, as tables", kinds),
      this.#status,
    );
    this.#listen();
    this.#draw();
  }

  /** Choose the cross-attention head, and its row, that tell most of the pair that the page names. */
  #begin() {
    this.#layer = this.#layers[this.#layers.length - 1];
    const [target, source] = [this.getAttribute("target"), this.getAttribute("source")];
    let most = 0;
    for (const layer of this.#layers.filter(({ kind }) => kind === "cross")) {
      const t = layer.queries.findIndex((words) => words[words.length - 1].textContent === target);
      const s = layer.keys.findIndex((word) => word.textContent === source);
      layer.heads.forEach((rows, head) => {
        const { weight } = rows[t]?.[s] ?? { weight: 0 };
        if (weight <= most) return;
        most = weight;
        [this.#layer, this.#head, this.#row] = [layer, head, t];
      });
    }
  }

  /** A small map of each head: kinds side by side, layers down, heads across. */
  #overview() {
    const kinds = [...new Set(this.#layers.map((layer) => layer.title))].map((title) => {
      const rows = this.#layers.filter((layer) => layer.title === title);
      const heads = rows[0].heads.map((_, h) => make("span", "", `head ${h + 1}`));
      const maps = rows.flatMap((layer) => [
        make("span", "", `layer ${layer.number}`),
        ...layer.heads.map((_, head) => this.#thumbnail(layer, head)),
      ]);
      const grid = make("div", "head-view-grid", make("span", ""), ...heads, ...maps);
      grid.style.setProperty("--heads", String(heads.length));
      return make("fieldset", "", make("legend", "", title), grid);
    });
    return make("div", "head-view-overview", ...kinds);
  }

  /**
   * @param {Layer} layer
   * @param {number} head
   */
  #thumbnail(layer, head) {
    const button = this.#radio("head", layer === this.#layer && head === this.#head);
    button.setAttribute("aria-label", `layer ${layer.number}, head ${head + 1}`);
    button.addEventListener("change", () => {
      this.#layer = layer;
      this.#head = head;
      this.#draw();
      this.#say(`${this.#title.textContent}. ${this.#note.textContent}`);
    });
    const label = make("label", "", button, small(layer.heads[head]));
    label.addEventListener("click", ({ target }) => {
      // By pointer: arrow keys change the button itself, and would lose it from view.
      if (target !== button) requestAnimationFrame(() => bringIntoView(this.#chosen));
    });
    label.addEventListener("keydown", (event) => move(event, label));
    return label;
  }

  /**
   * @param {string} kind
   * @param {boolean} chosen
   */
  #radio(kind, chosen) {
    const button = document.createElement("input");
    button.type = "radio";
    button.className = "hidden";
    button.name = `${this.#group}-${kind}`;
    button.defaultChecked = chosen;
    button.autocomplete = "off"; // some browsers would bring back another choice on reloading
    return button;
  }

  #listen() {
    /** @param {Event} event */
    const row = ({ target }) => {
      const place = target instanceof Element ? target.closest("tbody tr") : null;
      return place instanceof HTMLTableRowElement ? place.sectionRowIndex : -1;
    };
    this.#map.addEventListener("pointerover", (event) => {
      const t = row(event);
      this.#show(t < 0 ? this.#row : t);
    });
    this.#map.addEventListener("pointerleave", () => this.#show(this.#row));
    for (const kind of ["focusin", "click"])
      this.#map.addEventListener(kind, (event) => this.#choose(row(event)));
  }

  /** @param {number} t */
  #choose(t) {
    if (t < 0 || t === this.#row) return;
    this.#row = t;
    const button = this.#map.tBodies[0].rows[t].querySelector("input");
    if (button) button.checked = true;
    this.#show(t);
    this.#say(this.#note.textContent ?? "");
  }

  /** @param {string} words */
  #say(words) {
    this.#status.textContent = words;
  }

  /** The chosen head, large. */
  #draw() {
    const layer = this.#layer;
    this.#row = Math.min(this.#row, layer.queries.length - 1);
    this.#title.textContent = `${layer.title}, layer ${layer.number}, head ${this.#head + 1}`;
    const query = headed("query", layer.corner.length, "query (token) ↓");
    const key = headed("key", layer.keys.length, "");
    key.append(make("span", "", "key (token) →"));
    const adds = headed("value", 1, "");
    adds.append(...maths("adds, after W_o"));
    adds.rowSpan = 2;
    const keys = layer.keys.map(copied);
    for (const word of keys) word.className = "upright";
    const names = [...layer.corner.map((name) => headed("", 1, name)), ...keys];
    this.#map.dataset.kind = layer.kind;
    this.#map.replaceChildren(
      make("thead", "", make("tr", "", query, key, adds), make("tr", "", ...names)),
      make("tbody", "", ...layer.queries.map((words, t) => this.#drawRow(words, t))),
    );
    this.#show(this.#row);
  }

  /**
   * @param {HTMLTableCellElement[]} words
   * @param {number} t
   */
  #drawRow(words, t) {
    const { heads, lengths, longest } = this.#layer;
    const heading = words.map(copied);
    const last = heading[heading.length - 1];
    last.replaceChildren(
      make("label", "", this.#radio("row", t === this.#row), last.textContent ?? ""),
    );
    const cells = heads[this.#head][t].map(drawCell);
    const length = lengths[t][this.#head];
    return make("tr", "", ...heading, ...cells, make("td", "", bar(length, longest)));
  }

  /**
   * What is to be said of a row, and what each head adds for it.
   * @param {number} t
   */
  #show(t) {
    const layer = this.#layer;
    for (const row of this.#map.tBodies[0].rows)
      row.toggleAttribute("data-current", row.sectionRowIndex === t);
    this.#note.textContent = layer.tell(this.#head, t);
    const rows = layer.heads.map((_, h) => {
      const share = make("td", "", percent(layer.shares[t][h]));
      const length = make("td", "", bar(layer.lengths[t][h], layer.longest));
      const row = make("tr", "", headed("", 1, `head ${h + 1}`, "row"), length, share);
      row.toggleAttribute("data-current", h === this.#head);
      return row;
    });
    const all = headed("", 1, "together", "row");
    const sum = make("td", "", bar(layer.together[t], layer.longest));
    this.#parts.replaceChildren(
      make("caption", "", ...maths("What each head adds for this row, after W_o")),
      make("thead", "", make("tr", "", ...PARTS.map((name) => headed("", 1, name)))),
      make("tbody", "", ...rows),
      make("tfoot", "", make("tr", "", all, sum, make("td", "", "100 %"))),
    );
  }
}

const PARTS = ["head", "length of its part", "proportion of the sum"];
const ABOUT_PARTS =
  "W_o projects the output of each head to its part of the layer’s output. The parts are added " +
  "as vectors: their lengths need not add up, but their proportions do. A proportion says how far a part goes in " +
  "the direction of the sum; it is below zero where the part points against it.";

/** @typedef {import("./head-layers.js").Cell} Cell */

/** @param {Cell} cell */
function drawCell({ weight, hidden }) {
  if (hidden) return make("td", hidden, make("span", "hidden", hidden));
  const cell = make("td", "", make("span", "", weight >= 0.005 ? weight.toFixed(2) : ""));
  cell.dataset.value = String(weight);
  cell.style.setProperty("--shade", String(weight));
  return cell;
}

/** @param {Cell[][]} rows */
function small(rows) {
  return thumbnail(
    rows.map((row) => row.map(({ weight, hidden }) => ({ name: hidden, shade: hidden ? 1 : weight }))),
  );
}

/**
 * Up and down lead to the map above and below; left and right are the browser's, from map to map.
 * @param {KeyboardEvent} event
 * @param {HTMLElement} label
 */
function move(event, label) {
  const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const maps = [...(label.parentElement?.children ?? [])];
  if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const wide = Number(label.parentElement?.style.getPropertyValue("--heads")) + 1; // and the layer's name
  const next = maps[maps.indexOf(label) + way * wide]?.querySelector("input");
  next?.focus();
  next?.click();
}

/**
 * What the patterns mean, as far as this view has them.
 * @param {Layer[]} layers
 */
function legend(layers) {
  const present = new Set(layers.flatMap(({ heads }) => heads[0].flat()).map((cell) => cell.hidden));
  const items = Object.entries(MEANINGS)
    .filter(([kind]) => kind === "weight" || present.has(kind))
    .map(([kind, words]) => make("li", "", make("span", kind), words));
  return make("ul", "head-view-legend", ...items);
}

const MEANINGS = {
  weight: "weight: the stronger the colour, the more",
  future: "hidden by the causal mask: it is not generated yet",
  padding: "hidden by the padding mask: there is no token",
  "future padding": "hidden by the causal mask: there is no token",
};

/**
 * @param {number} length
 * @param {number} longest
 */
function bar(length, longest) {
  const line = make("span", "head-view-bar", make("span", "", length.toFixed(2)));
  line.style.setProperty("--size", (longest ? length / longest : 0).toFixed(3));
  return line;
}

/** @param {number} share */
function percent(share) {
  return `${Math.round(100 * share)} %`.replace("-0 ", "0 ").replace("-", "−");
}

/**
 * @param {string} name
 * @param {number} columns
 * @param {string} words
 * @param {"col" | "row"} scope
 */
function headed(name, columns, words, scope = "col") {
  const cell = make("th", name, words);
  cell.colSpan = columns;
  cell.scope = scope;
  return cell;
}

/** @param {HTMLTableCellElement} cell */
function copied(cell) {
  return /** @type {HTMLTableCellElement} */ (cell.cloneNode(true));
}

/**
 * @param {string} name
 * @param {HTMLElement[]} content
 */
function folded(name, content) {
  return make("details", "head-view-tables", make("summary", "", name), ...content);
}

if (!customElements.get("head-view")) customElements.define("head-view", HeadView);
