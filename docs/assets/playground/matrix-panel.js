// @ts-check
/** The matrices of the chosen part of the map, one at a time, and the arithmetic of the chosen cell. */
import { button, make, maths } from "../dom.js";
import { argmax } from "../model/decoding.js";
import { two } from "./arithmetic.js";
import { KINDS } from "./chapters.js";
import { quoted } from "./exhibits.js";
import { matrixView } from "./matrix-view.js";

/** @typedef {import("./exhibits.js").Exhibit} Exhibit */
/** @typedef {import("./exhibits.js").Origin} Origin */
/** @typedef {import("./stations.js").Station} Station */

const SITE = new URL("../../", import.meta.url);

export class MatrixPanel {
  /** @type {Station[]} */
  #stations = [];
  /** The part, head and matrix that are open, and the chosen cell: the largest of its row, unless it has a column. */
  #open = { part: "", head: 0, name: "", row: Infinity, column: /** @type {number | undefined} */ (undefined) };
  #title = make("h3", "");
  #about = make("p", "playground-note");
  #heads = make("select", "");
  #tabs = make("div", "model-map-tabs");
  #matrix = make("div", "");
  #worked = make("p", "model-map-worked");
  #from = make("p", "model-map-from");

  /** @param {(id: string) => HTMLElement | undefined} buttonOf the button on the map that opens a part */
  constructor(buttonOf) {
    this.buttonOf = buttonOf;
    this.#title.tabIndex = -1;
    this.#title.setAttribute("aria-live", "polite"); // said when another part is opened from here
    this.#worked.setAttribute("role", "status");
    this.#heads.autocomplete = "off";
    this.#heads.addEventListener("change", () => this.#go({ head: Number(this.#heads.value) }));
    this.#tabs.setAttribute("role", "tablist");
    this.#tabs.setAttribute("aria-label", "Matrices");
    this.#tabs.addEventListener("keydown", (event) => this.#walk(event));
    const close = button("×", () => this.close());
    close.setAttribute("aria-label", "Close the matrices");
    const bar = make(
      "div",
      "playground-row",
      make("label", "", "Head", this.#heads),
      button("‹ Previous part", () => this.#next(-1)),
      button("Next part ›", () => this.#next(1)),
    );
    const top = make("div", "model-map-title", this.#title, close);
    const foot = make("div", "model-map-foot", this.#worked, this.#from);
    this.element = make("section", "model-map-panel", top, this.#about, bar, this.#tabs, this.#matrix, foot);
    this.element.hidden = true;
  }

  /** The parts as they are now; the one that is open is drawn again. @param {Station[]} stations */
  draw(stations) {
    this.#stations = stations;
    if (!this.#open.part) return;
    this.#worked.ariaLive = "off"; // what was generated is said elsewhere
    const within = this.#matrix.contains(document.activeElement);
    this.#show({});
    if (within) this.#chosen?.focus({ preventScroll: true });
  }

  /** @param {string} part to open, and to go to */
  open(part) {
    this.#go({ part });
    this.#title.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "start" });
    this.#reveal(); // on a phone, this may be further down
  }

  /** Fold it, and go back to the part on the map. */
  close() {
    const opener = this.buttonOf(this.#open.part);
    this.#open.part = "";
    this.element.hidden = true;
    opener?.setAttribute("aria-expanded", "false");
    opener?.focus();
  }

  /** @param {number} by */
  #next(by) {
    const at = this.#stations.findIndex(({ id }) => id === this.#open.part) + by;
    if (this.#stations[at]) this.#go({ part: this.#stations[at].id });
  }

  /** @param {Partial<Origin>} wanted */
  #go(wanted) {
    this.#worked.ariaLive = "polite";
    this.#show(wanted);
    this.#reveal();
  }

  /** What is named is changed, the rest stays; but another part opens as it is to be opened first. @param {Partial<Origin>} wanted */
  #show(wanted) {
    const { part: before } = this.#open;
    const another = (wanted.part ?? before) !== before;
    Object.assign(this.#open, another && { name: "", row: Infinity, column: undefined }, wanted);
    const { part, head } = this.#open;
    const station = this.#stations.find(({ id }) => id === part);
    if (!station) return;
    this.buttonOf(before)?.setAttribute("aria-expanded", "false");
    this.buttonOf(part)?.setAttribute("aria-expanded", "true");
    this.element.hidden = false;
    this.#drawAbout(station);
    const exhibits = station.exhibits(head);
    this.#open.name ||= station.opens ?? exhibits[exhibits.length - 1].name;
    this.#tabs.replaceChildren(...exhibits.map(({ name }) => this.#tab(name)));
    this.#drawMatrix(/** @type {Exhibit} */ (exhibits.find(({ name }) => name === this.#open.name)));
  }

  /** @param {Station} station */
  #drawAbout({ id, kind, block, maps }) {
    const { name, about, chapter, address } = KINDS[kind];
    const stack = id.startsWith("encoder") ? "Encoder" : "Decoder";
    const title = `${stack}${block ? `, block ${block}` : ""}: ${name.toLowerCase()}`;
    if (this.#title.textContent !== title) this.#title.textContent = title; // else it would be said again
    const link = make("a", "", chapter);
    link.href = new URL(address, SITE).href;
    this.#about.replaceChildren(`${about} See `, link, ".");
    this.#heads.replaceChildren(...maps.map((_, h) => new Option(`head ${h + 1}`, String(h))));
    this.#heads.value = String(this.#open.head);
    /** @type {HTMLElement} */ (this.#heads.parentElement).hidden = !maps.length;
  }

  /** @param {string} name */
  #tab(name) {
    const tab = button("", () => {
      this.#go({ name, column: undefined });
      /** @type {HTMLElement} */ (this.#tabs.querySelector("[aria-selected='true']")).focus();
    });
    tab.append(...maths(name));
    const selected = name === this.#open.name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    return tab;
  }

  /** @param {Exhibit} exhibit */
  #drawMatrix(exhibit) {
    const { values, columns } = exhibit;
    const row = Math.min(this.#open.row, values.length - 1);
    const column = Math.min(this.#open.column ?? argmax(values[row]), columns.names.length - 1);
    const view = matrixView(exhibit, { row, column }, (place) => {
      this.#worked.ariaLive = "polite";
      Object.assign(this.#open, place);
      this.#explain(exhibit, place.row, place.column);
    });
    const scrolled = this.#matrix.firstElementChild?.scrollLeft ?? 0;
    this.#matrix.replaceChildren(view);
    view.scrollLeft = scrolled;
    this.#explain(exhibit, row, column);
  }

  /** Bring the chosen cell into view, above the arithmetic that sticks to the bottom. */
  #reveal() {
    const { offsetHeight } = /** @type {HTMLElement} */ (this.#worked.parentElement);
    this.#matrix.style.setProperty("--foot", `${offsetHeight}px`);
    this.#chosen?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  get #chosen() {
    return /** @type {HTMLElement | null} */ (this.#matrix.querySelector("[aria-selected='true']"));
  }

  /** @param {Exhibit} exhibit @param {number} row @param {number} column */
  #explain({ values, rows, columns, worked, from }, row, column) {
    if (values[row][column] === undefined) {
      this.#worked.textContent = `${quoted(columns, column)} comes after ${quoted(rows, row)}, so the causal mask hides it: its score becomes −∞, and its weight 0.`;
      delete this.#worked.dataset.value;
      return this.#from.replaceChildren();
    }
    const { text, value } = worked(row, column);
    this.#worked.replaceChildren(...maths(`${text} = ${two(value)}`));
    this.#worked.dataset.value = String(value);
    const origins = from(row, column);
    this.#from.replaceChildren(...(origins.length ? ["Made from ", ...origins.map((origin) => this.#origin(origin))] : []));
  }

  /** A button that goes to the numbers from which the chosen one is made. @param {Origin} origin */
  #origin(origin) {
    const station = this.#stations.find(({ id }) => id === origin.part);
    const where = station ? `${KINDS[station.kind].name}: ${origin.name}` : origin.name;
    return button(where, () => {
      this.#go({ column: undefined, ...origin });
      this.#chosen?.focus();
    });
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const tabs = /** @type {HTMLElement[]} */ ([...this.#tabs.children]);
    const now = tabs.findIndex((tab) => tab.tabIndex === 0);
    const at = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at === undefined || !tabs[at]) return;
    event.preventDefault();
    tabs[at].click();
  }
}
