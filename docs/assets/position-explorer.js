// @ts-check
import { make, maths, scroller, svg } from "./dom.js";
import { Chart } from "./position-chart.js";
import { arithmetic, dot, even, formula, plain, range, shown, wave } from "./position-math.js";

/**
 * `<position-explorer label="…">`: the sinusoidal positions of Vaswani et al. 2017, section 3.5.
 *
 * Components 2i and 2i + 1 of position t are the sine and the cosine of t / 10000^(2i / D). You
 * choose the dimension D, how many positions there are, a position, a component, and a second
 * position: you see all encodings as a heat map, the two vectors, the sinusoid of the component,
 * and how similar each of the two is to every position. What stands inside the element is for
 * readers without JavaScript. The attributes width, positions, position, other and number say
 * where it begins. The look is in position-explorer.css.
 */
class PositionExplorer extends HTMLElement {
  static #made = 0;
  #group = `position-explorer-${PositionExplorer.#made++}`;
  #built = false;
  #d = 8;
  #length = 16;
  #t = 3;
  #u = 7;
  #j = 2;
  #lined = false; // whether the dot products are lined up by distance

  #map = svg("svg", { role: "img", preserveAspectRatio: "none" });
  #cells = svg("g", {});
  #marks = svg("g", {});
  #across = make("div", "position-explorer-across");
  #down = make("div", "position-explorer-down");
  #vectors = make("table", "");
  #scroller = scroller("position-explorer-table", "The two encodings, component by component", this.#vectors);
  #worked = make("p", "position-explorer-worked");
  #wave = make("figure", "");
  #dots = make("figure", "");
  #all = make("table", "");
  #position = new Slider("Position t", (value) => this.#choose({ t: value }));
  #other = new Slider("Second position u", (value) => this.#choose({ u: value }));
  #number = new Slider("Component of the encoding", (value) => this.#choose({ j: value }));

  connectedCallback() {
    if (this.#built) return; // built before, and only moved
    this.#built = true;
    this.#d = this.#first("width", 8, WIDTHS);
    this.#length = this.#first("positions", 16, LENGTHS);
    this.#t = this.#first("position", 3);
    this.#u = this.#first("other", 7);
    this.#j = this.#first("number", 2);
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.getAttribute("label") ?? "Sinusoidal positional encodings");
    this.#worked.setAttribute("role", "status");
    this.#map.append(this.#cells, this.#marks);
    this.#listen();
    this.replaceChildren(
      make(
        "div",
        "position-explorer-controls",
        this.#choice("Dimension D", WIDTHS, this.#d, (d) => this.#resize({ d })),
        this.#choice("Positions", LENGTHS, this.#length, (length) => this.#resize({ length })),
        this.#position.element,
        this.#other.element,
        this.#number.element,
      ),
      this.#worked,
      make("div", "position-explorer-pair", this.#heatMap(), this.#scroller),
      make(
        "div",
        "position-explorer-pair",
        this.#wave,
        make("div", "", this.#dots, this.#liner()),
      ),
      folded("All positions, as a table", scroller("position-explorer-table", "All positions", this.#all)),
    );
    this.#resize({});
  }

  /**
   * Where the page wants to begin.
   * @param {string} name
   * @param {number} usual
   * @param {number[]} [allowed]
   */
  #first(name, usual, allowed) {
    const wanted = Number(this.getAttribute(name) ?? usual);
    const good = allowed ? allowed.includes(wanted) : Number.isInteger(wanted) && wanted >= 0;
    return good ? wanted : usual;
  }

  /**
   * @param {string} legend
   * @param {number[]} values
   * @param {number} chosen
   * @param {(value: number) => void} use
   */
  #choice(legend, values, chosen, use) {
    const labels = values.map((value) => {
      const button = document.createElement("input");
      button.type = "radio";
      button.name = `${this.#group}-${legend}`;
      button.value = String(value);
      button.defaultChecked = value === chosen;
      button.autocomplete = "off"; // some browsers would bring back another choice on reloading
      button.className = "hidden";
      button.addEventListener("change", () => use(value));
      return make("label", "", button, String(value));
    });
    return make("fieldset", "position-explorer-choice", make("legend", "", legend), ...labels);
  }

  #heatMap() {
    const scale = make("div", "position-explorer-scale", "−1", make("span", ""), "1");
    return make("div", "position-explorer-map", this.#across, this.#down, this.#map, scale);
  }

  #liner() {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.autocomplete = "off";
    box.addEventListener("change", () => {
      this.#lined = box.checked;
      this.#show();
    });
    return make("label", "position-explorer-liner", box, "Align both by distance");
  }

  /** A click on the heat map, or a drag of the mouse over it, chooses a position and a number. */
  #listen() {
    /** @param {MouseEvent} event */
    const choose = (event) => {
      const { left, top, width, height } = this.#map.getBoundingClientRect();
      this.#choose({
        t: Math.floor(((event.clientY - top) / height) * this.#length),
        j: Math.floor(((event.clientX - left) / width) * this.#d),
      });
    };
    this.#map.addEventListener("click", (event) => {
      choose(event);
      this.#position.input.focus({ preventScroll: true }); // so that arrow keys go on from here
    });
    this.#map.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && event.buttons === 1) choose(event);
    });
  }

  /** @param {{ d?: number, length?: number }} size */
  #resize({ d = this.#d, length = this.#length }) {
    this.#d = d;
    this.#length = length;
    this.#map.setAttribute("viewBox", `0 0 ${d} ${length}`);
    const about = `Heat map: ${length} positions down, ${d} components across, each from −1 to 1`;
    this.#map.setAttribute("aria-label", about);
    this.#across.replaceChildren("0", make("span", "", "component →"), String(d - 1));
    this.#down.replaceChildren("0", make("span", "", "position →"), String(length - 1));
    this.#cells.replaceChildren(
      ...range(length).flatMap((t) => range(d).map((j) => cell(t, j, wave(t, j, d)))),
    );
    this.#choose({});
  }

  /** @param {{ t?: number, u?: number, j?: number }} chosen */
  #choose({ t = this.#t, u = this.#u, j = this.#j }) {
    const last = this.#length - 1;
    this.#t = this.#position.set(t, last);
    this.#u = this.#other.set(u, last);
    this.#j = this.#number.set(j, this.#d - 1);
    this.#show();
  }

  #show() {
    const [d, length, t, u, j] = [this.#d, this.#length, this.#t, this.#u, this.#j];
    this.#marks.replaceChildren(
      svg("rect", { x: `${j}`, y: "0", width: "1", height: `${length}`, class: "column" }),
      svg("rect", { x: "0", y: `${u}`, width: `${d}`, height: "1", class: "second" }),
      svg("rect", { x: "0", y: `${t}`, width: `${d}`, height: "1", class: "first" }),
    );
    this.#worked.replaceChildren(
      `Component ${j} of position ${t}: `,
      make("strong", "", ...maths(arithmetic(t, j, d))),
    );
    this.#showVectors();
    this.#showWave();
    this.#showDots();
    this.#showAll();
  }

  /** The vectors of t and u side by side; the products of their numbers sum to the dot product. */
  #showVectors() {
    const [d, t, u] = [this.#d, this.#t, this.#u];
    const rows = range(d).map((j) => {
      const head = make("th", "", String(j));
      head.scope = "row";
      const [mine, theirs] = [wave(t, j, d), wave(u, j, d)];
      const row = make("tr", "", head, make("td", "", formula(j, d)));
      row.append(...[mine, theirs, mine * theirs].map(valued));
      row.toggleAttribute("data-current", j === this.#j);
      row.addEventListener("click", () => this.#choose({ j }));
      return row;
    });
    const sum = make("th", "", "dot product: the sum");
    sum.scope = "row";
    sum.colSpan = 4;
    this.#vectors.replaceChildren(
      header("component", "sinusoid", `t = ${t}`, `u = ${u}`, "product"),
      make("tbody", "", ...rows),
      make("tfoot", "", make("tr", "", sum, valued(dot(t, u, d)))),
    );
    const row = rows[this.#j];
    const [top, bottom] = [row.offsetTop - row.offsetHeight, row.offsetTop + 2 * row.offsetHeight];
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.#scroller.scrollTop = bottom - clientHeight;
  }

  #showWave() {
    const [d, j] = [this.#d, this.#j];
    const chart = new Chart(0, this.#length - 1, -1, 1);
    chart.line(fine(0, this.#length - 1).map((x) => [x, wave(x, j, d)]));
    for (const t of range(this.#length)) {
      const kind = t === this.#t ? "first" : t === this.#u ? "second" : "";
      chart.dot(t, wave(t, j, d), kind);
    }
    const about = `Component ${j} over the positions: ${formula(j, d)}`;
    const full = plain(2 * Math.PI * 10000 ** (even(j) / d), 4);
    this.#wave.replaceChildren(
      make("figcaption", "", about),
      chart.draw(about, "position"),
      make("p", "", `One full period takes ${full} positions.`),
    );
  }

  #showDots() {
    const [d, t, u] = [this.#d, this.#t, this.#u];
    const last = this.#length - 1;
    const products = range(this.#length).map((distance) => dot(0, distance, d));
    const far = this.#lined ? Math.max(t, u, last - t, last - u) : 0;
    const [from, to] = this.#lined ? [-far, far] : [0, last];
    const chart = new Chart(from, to, Math.min(0, ...products), products[0]);
    chart.upright(this.#lined ? u - t : u);
    chart.line(fine(from, to).map((x) => [x, dot(this.#lined ? 0 : t, x, d)]));
    for (const s of range(this.#length)) chart.dot(this.#lined ? s - u : s, dot(u, s, d), "second");
    for (const s of range(this.#length)) chart.dot(this.#lined ? s - t : s, dot(t, s, d), "first");
    const about = `Dot products of position ${t} (full) and of position ${u} (rings) with all`;
    const distance = Math.abs(t - u);
    const product = shown(dot(t, u, d));
    const found = `Position ${t} · position ${u} = ${product}, at distance ${distance}.`;
    const same = "Full dots and rings lie on one curve: only the distance matters.";
    this.#dots.replaceChildren(
      make("figcaption", "", about),
      chart.draw(about, this.#lined ? "distance" : "position"),
      make("p", "", this.#lined ? `${found} ${same}` : found),
    );
  }

  #showAll() {
    const [d, t, u, j] = [this.#d, this.#t, this.#u, this.#j];
    const rows = range(this.#length).map((s) => {
      const head = make("th", "", String(s));
      head.scope = "row";
      return make("tr", "", head, ...[wave(s, j, d), dot(t, s, d), dot(u, s, d)].map(valued));
    });
    this.#all.replaceChildren(
      header("position", `component ${j}`, `· position ${t}`, `· position ${u}`),
      make("tbody", "", ...rows),
    );
  }
}

const WIDTHS = [4, 8, 16, 32, 64];
const LENGTHS = [8, 16, 32, 64];

/** A slider with its name before it and its value behind. */
class Slider {
  input = document.createElement("input");
  #value = make("b", "");

  /**
   * @param {string} name
   * @param {(value: number) => void} use
   */
  constructor(name, use) {
    this.input.type = "range";
    this.input.min = "0";
    this.input.autocomplete = "off";
    this.input.setAttribute("aria-label", name);
    this.input.addEventListener("input", () => use(this.input.valueAsNumber));
    this.element = make("label", "position-explorer-slider", make("span", "", name), this.input);
    this.element.append(this.#value);
    this.#value.setAttribute("aria-hidden", "true"); // the slider says it
  }

  /**
   * The value that it takes: the one wanted, or the nearest there is.
   * @param {number} wanted
   * @param {number} last
   */
  set(wanted, last) {
    this.input.max = String(last);
    this.input.value = String(Math.min(Math.max(wanted, 0), last));
    this.#value.textContent = this.input.value;
    return this.input.valueAsNumber;
  }
}

/** @param {number} value */
function valued(value) {
  const cell = make("td", "", shown(value));
  cell.dataset.value = String(value);
  return cell;
}

/** @param {string[]} names */
function header(...names) {
  const cells = names.map((name) => {
    const cell = make("th", "", name);
    cell.scope = "col";
    return cell;
  });
  return make("thead", "", make("tr", "", ...cells));
}

/**
 * @param {number} t
 * @param {number} j
 * @param {number} value
 */
function cell(t, j, value) {
  const place = { x: `${j}`, y: `${t}`, width: "1", height: "1" };
  const opacity = Math.abs(value).toFixed(3);
  const look = { class: value < 0 ? "below" : "above", "fill-opacity": opacity };
  return svg("rect", { ...place, ...look, "data-value": String(value) });
}

/**
 * @param {string} name
 * @param {HTMLElement} content
 */
function folded(name, content) {
  return make("details", "", make("summary", "", name), content);
}

/**
 * Enough places between two for a curve to look like one.
 * @param {number} from
 * @param {number} to
 */
function fine(from, to) {
  return range(601).map((step) => from + ((to - from) * step) / 600);
}

if (!customElements.get("position-explorer"))
  customElements.define("position-explorer", PositionExplorer);
