// @ts-check
/** The matrices of the chosen part of the map, one at a time, and the arithmetic of the chosen cell. */
import { make } from "../dom.js";
import { two } from "./arithmetic.js";
import { matrixView } from "./matrix-view.js";
import { button } from "./sentence.js";
import { CHAPTERS } from "./stations.js";

/** @typedef {import("./exhibits.js").Exhibit} Exhibit */
/** @typedef {import("./matrix-view.js").Place} Place */
/** @typedef {import("./stations.js").Station} Station */

const SITE = new URL("../../", import.meta.url);

export class MatrixPanel {
  /** @type {Station[]} */
  #stations = [];
  #open = "";
  #head = 0;
  #tab = 0;
  /** @type {Place} */
  #place = { row: 0, column: 0 };
  #title = make("h4", "");
  #about = make("p", "playground-note");
  #heads = make("select", "");
  #tabs = make("div", "model-map-tabs");
  #matrix = make("div", "");
  #worked = make("p", "model-map-worked");

  /** @param {(id: string) => HTMLElement | undefined} buttonOf the button on the map that opens a part */
  constructor(buttonOf) {
    this.buttonOf = buttonOf;
    this.#title.tabIndex = -1;
    this.#heads.autocomplete = "off";
    this.#heads.addEventListener("change", () => {
      this.#head = Number(this.#heads.value);
      this.#draw();
    });
    this.#tabs.setAttribute("role", "tablist");
    this.#tabs.setAttribute("aria-label", "Matrices");
    this.#tabs.addEventListener("keydown", (event) => this.#walk(event));
    this.#worked.setAttribute("role", "status");
    const head = make("label", "", "Head", this.#heads);
    const bar = make(
      "div",
      "playground-row",
      button("‹ Part before", () => this.#go(-1)),
      button("Part after ›", () => this.#go(1)),
      head,
      button("Close", () => this.close()),
    );
    this.element = make("section", "model-map-panel", this.#title, this.#about, bar, this.#tabs, this.#matrix, this.#worked);
    this.element.hidden = true;
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  /** The parts as they are now; the one that is open is drawn again. @param {Station[]} stations */
  show(stations) {
    this.#stations = stations;
    if (this.#open) this.#draw();
  }

  /** @param {string} id */
  open(id) {
    const changed = id !== this.#open;
    this.buttonOf(this.#open)?.setAttribute("aria-expanded", "false");
    this.#open = id;
    if (changed) this.#tab = this.#station?.opens ?? 0;
    this.buttonOf(id)?.setAttribute("aria-expanded", "true");
    if (changed) this.#place = { row: Infinity, column: 0 };
    this.element.hidden = false;
    this.#draw();
    this.#title.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "start" });
  }

  close() {
    const opener = this.buttonOf(this.#open);
    opener?.setAttribute("aria-expanded", "false");
    this.element.hidden = true;
    this.#open = "";
    opener?.focus();
  }

  get #station() {
    return this.#stations.find(({ id }) => id === this.#open);
  }

  /** @param {number} by */
  #go(by) {
    const at = this.#stations.findIndex(({ id }) => id === this.#open) + by;
    if (this.#stations[at]) this.open(this.#stations[at].id);
  }

  #draw() {
    const station = this.#station;
    if (!station) return;
    const stack = station.id.startsWith("encoder") ? "Encoder" : "Decoder";
    const place = station.block ? `${stack}, block ${station.block}: ` : `${stack}: `;
    this.#title.textContent = place + station.name.toLowerCase();
    const [chapter, address] = CHAPTERS[station.chapter];
    const link = make("a", "", chapter);
    link.href = new URL(address, SITE).href;
    this.#about.replaceChildren(`${station.about} `, link);
    this.#drawHeads(station.heads);
    const exhibits = station.exhibits(Math.min(this.#head, station.heads - 1));
    this.#tabs.replaceChildren(...exhibits.map(({ name }, i) => this.#tabButton(name, i)));
    this.#drawMatrix(exhibits[this.#tab]);
  }

  /** @param {number} heads */
  #drawHeads(heads) {
    /** @type {HTMLElement} */ (this.#heads.parentElement).hidden = !heads;
    if (heads && this.#heads.options.length !== heads)
      this.#heads.replaceChildren(...Array.from({ length: heads }, (_, h) => new Option(`head ${h + 1}`, String(h))));
  }

  /** @param {string} name @param {number} i */
  #tabButton(name, i) {
    const tab = button(name, () => {
      this.#tab = i;
      this.#draw();
      /** @type {HTMLElement} */ (this.#tabs.children[i]).focus();
    });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", String(i === this.#tab));
    tab.tabIndex = i === this.#tab ? 0 : -1;
    return tab;
  }

  /** @param {Exhibit} exhibit */
  #drawMatrix(exhibit) {
    const row = Math.min(this.#place.row, exhibit.values.length - 1);
    const column = Math.min(this.#place.column, exhibit.columns.names.length - 1);
    const explain = (/** @type {Place} */ place) => {
      this.#place = place;
      this.#explain(exhibit);
    };
    this.#matrix.replaceChildren(matrixView(exhibit, { row, column }, explain));
    explain({ row, column });
  }

  /** @param {Exhibit} exhibit */
  #explain({ values, rows, columns, worked }) {
    const { row, column } = this.#place;
    if (values[row][column] === undefined) {
      this.#worked.textContent = `“${columns.names[column]}” comes after “${rows.names[row]}”, so the causal mask hides it: its score becomes −∞, and its weight 0.`;
      delete this.#worked.dataset.value;
      return;
    }
    const { text, value } = worked(row, column);
    this.#worked.textContent = `${text} = ${two(value)}`;
    this.#worked.dataset.value = String(value);
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const tabs = [...this.#tabs.children];
    const at = { ArrowLeft: this.#tab - 1, ArrowRight: this.#tab + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at === undefined || !tabs[at]) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (tabs[at]).click();
  }
}
