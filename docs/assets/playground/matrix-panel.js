// @ts-check
/** The matrices of the chosen part of the map, one at a time, and the arithmetic of the chosen cell. */
import { make } from "../dom.js";
import { argmax } from "../model/decoding.js";
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
  /** @type {Place | undefined} the chosen cell; where none is, the largest of the last row */
  #place;
  #title = make("h3", "");
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
    const [before, after] = [button("‹ Part before", () => this.#go(-1)), button("Part after ›", () => this.#go(1))];
    const close = button("×", () => this.close());
    close.setAttribute("aria-label", "Close the matrices");
    const bar = make("div", "playground-row", head, before, after);
    this.#title.setAttribute("aria-live", "polite"); // said when the part before or after is opened
    const top = make("div", "model-map-title", this.#title, close);
    this.element = make("section", "model-map-panel", top, this.#about, bar, this.#tabs, this.#matrix, this.#worked);
    this.element.hidden = true;
  }

  /** The parts as they are now; the one that is open is drawn again. @param {Station[]} stations */
  show(stations) {
    this.#stations = stations;
    if (this.#open) this.#draw();
  }

  /** @param {string} id of the part to open, and to go to */
  open(id) {
    this.#choose(id);
    this.#title.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "start" });
  }

  /** Fold it, and go back to the part on the map. */
  close() {
    if (!this.#open) return;
    const opener = this.buttonOf(this.#open);
    opener?.setAttribute("aria-expanded", "false");
    this.element.hidden = true;
    this.#open = "";
    opener?.focus();
  }

  /** @param {string} id */
  #choose(id) {
    this.buttonOf(this.#open)?.setAttribute("aria-expanded", "false");
    this.#open = id;
    this.buttonOf(id)?.setAttribute("aria-expanded", "true");
    this.#tab = this.#station?.opens ?? 0;
    this.#place = undefined;
    this.element.hidden = false;
    this.#draw();
  }

  get #station() {
    return this.#stations.find(({ id }) => id === this.#open);
  }

  /** @param {number} by */
  #go(by) {
    const at = this.#stations.findIndex(({ id }) => id === this.#open) + by;
    if (this.#stations[at]) this.#choose(this.#stations[at].id);
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
    const { values, columns } = exhibit;
    const row = Math.min(this.#place?.row ?? Infinity, values.length - 1);
    const column = Math.min(this.#place?.column ?? argmax(values[row]), columns.names.length - 1);
    const explain = (/** @type {Place} */ place) => {
      this.#place = place;
      this.#explain(exhibit, place);
    };
    this.#matrix.replaceChildren(matrixView(exhibit, { row, column }, explain));
    this.#explain(exhibit, { row, column });
    const chosen = this.#matrix.querySelector("[aria-selected='true']");
    chosen?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /** @param {Exhibit} exhibit @param {Place} place */
  #explain({ values, rows, columns, worked }, { row, column }) {
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
