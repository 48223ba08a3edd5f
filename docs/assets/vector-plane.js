// @ts-check
import { make, set, svg } from "./dom.js";
import { length, scaled } from "./vectors.js";

/**
 * @typedef {import("./vectors.js").Vector} Vector
 *
 * @typedef {object} Arrow
 * @property {"embedding" | "query" | "key" | "value" | "output"} kind
 * @property {string} name what it is, to be read aloud: "key of “Area”"
 * @property {string} label what stands at its tip
 * @property {Vector} to
 * @property {number} [strength] from 0 to 1; as strong as can be, if not given
 * @property {(to: Vector) => void} [move] what dragging does; an arrow without it has no handle
 * @property {() => void} [choose] what taking hold of it does
 *
 * @typedef {object} Mark a line or an area that belongs to the arrows
 * @property {string} kind
 * @property {Vector[]} through
 *
 * @typedef {object} Picture
 * @property {string} title
 * @property {Arrow[]} arrows
 * @property {Mark[]} marks
 * @property {string} reading what the picture says, in numbers
 */

const HALF = 160; // the plane's size, in units of the picture: about one to a pixel
const STEP = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

/**
 * A plane of vectors, whose arrows can be dragged by a pointer and moved by arrow keys.
 *
 * It draws what it is told and changes nothing by itself: `move` of an arrow says where the reader
 * wants its tip, and whoever drew the plane draws it anew. The look is in vector-plane.css.
 */
export class VectorPlane {
  #title = make("span", "");
  #reading = make("p", "vector-plane-reading");
  #grid = svg("g", { class: "grid", "aria-hidden": "true" });
  #shafts = svg("g", { "aria-hidden": "true" });
  #handles = svg("g", {});
  #plane = svg("svg", { role: "group", viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}` });
  element = make("figure", "vector-plane", make("figcaption", "", this.#title), this.#plane);
  /** @type {Arrow[]} those with a handle, in the order of the handles */
  #movable = [];
  /** @type {Arrow | undefined} the arrow that the pointer holds */
  #held;
  #reach = 0;

  constructor() {
    this.#plane.append(this.#grid, this.#shafts, this.#handles);
    this.element.append(this.#reading);
    this.#plane.addEventListener("pointerdown", (event) => this.#take(event));
    this.#plane.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"])
      this.#plane.addEventListener(end, () => (this.#held = undefined));
    this.#handles.addEventListener("keydown", (event) => this.#step(event));
    this.#handles.addEventListener("focusin", ({ target }) => this.#arrowOf(target)?.choose?.());
  }

  /** @param {Picture} picture */
  draw({ title, arrows, marks, reading }) {
    this.#title.textContent = title;
    this.#reading.textContent = reading;
    this.#plane.setAttribute("aria-label", `${title}. ${reading}`);
    const held = this.#held && this.#movable.indexOf(this.#held);
    this.#movable = arrows.filter(({ move }) => move);
    if (held !== undefined) this.#held = this.#movable[held];
    // What is held stays under the pointer: the scale waits until it is let go.
    else this.#reach = reachOf(arrows.flatMap(({ to }) => to));
    this.#drawGrid();
    this.#shafts.replaceChildren(
      ...marks
        .filter(({ through }) => through.length)
        .map(({ kind, through }, i) => ordered(i, svg("path", { class: kind, d: this.#path(through) }))),
      ...arrows.flatMap((arrow) => this.#drawArrow(arrow)).map((path) => ordered(marks.length, path)),
      ...this.#labels(arrows),
    );
    this.#drawHandles();
  }

  /** How far one step of an arrow key leads, and what a drag is rounded to. */
  get #unit() {
    return 10 ** Math.floor(Math.log10(this.#reach)) / 10;
  }

  /** @param {Vector} v @returns {Vector} */
  #at([x, y]) {
    return [(x / this.#reach) * HALF, (-y / this.#reach) * HALF];
  }

  /** @param {Vector[]} through */
  #path(through) {
    return `M${through.map((v) => this.#at(v).map((x) => x.toFixed(1)).join(" ")).join("L")}`;
  }

  #drawGrid() {
    const reach = this.#reach;
    const step = reach > 5 ? reach / 5 : 1;
    const lines = [];
    for (let x = step; x < reach; x += step) lines.push(-x, x);
    const rules = lines.map((x) => this.#path([[x, -reach], [x, reach]]) + this.#path([[-reach, x], [reach, x]]));
    const axes = this.#path([[-reach, 0], [reach, 0]]) + this.#path([[0, -reach], [0, reach]]);
    this.#grid.replaceChildren(
      svg("path", { d: rules.join("") }),
      svg("path", { d: axes, class: "axis" }),
      ...lines.map((x) => text(this.#at([x, 0]), [0, 12], `${x}`.replace("-", "−"), "tick")),
      ...lines.map((y) => text(this.#at([0, y]), [-10, 4], `${y}`.replace("-", "−"), "tick")),
    );
  }

  /** @param {Arrow} arrow */
  #drawArrow({ kind, to, strength = 1, move }) {
    const [x, y] = this.#at(to);
    const size = Math.hypot(x, y);
    const look = { class: kind, "stroke-opacity": (0.25 + 0.75 * strength).toFixed(2) };
    const shaft = svg("path", { ...look, d: `M0 0L${x.toFixed(1)} ${y.toFixed(1)}` });
    if (size < 1) return [shaft];
    const turn = (Math.atan2(y, x) * 180) / Math.PI;
    const at = `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${turn.toFixed(1)})`;
    const head = move ? "M-17 -5L-8 0L-17 5" : "M-9 -5L0 0L-9 5"; // in front of the handle
    return [shaft, svg("path", { ...look, d: head, transform: at })];
  }

  /** Beside the tips, away from the axis, and not on top of each other. @param {Arrow[]} arrows */
  #labels(arrows) {
    /** @type {number[][]} */
    const taken = [];
    return arrows.map(({ kind, label, to }) => {
      const [x, tip] = this.#at(to);
      const up = to[1] >= 0 ? -1 : 1;
      const half = 3.6 * label.length;
      const middle = Math.min(Math.max(x, half - HALF), HALF - half);
      const beside = Math.min(Math.max(tip + (up < 0 ? -13 : 22), 12 - HALF), HALF - 4);
      const heights = [0, 1, 2, 3, -1, -2, -3].map((lines) => beside + 13 * up * lines);
      const free = heights.find(
        (y) =>
          Math.abs(y) < HALF &&
          !taken.some(([u, w, other]) => Math.abs(middle - u) < half + other && Math.abs(y - w) < 13),
      );
      const y = free ?? beside;
      taken.push([middle, y, half]);
      return text([middle, y], [0, 0], label, `name ${kind}`);
    });
  }

  /** A handle stays the same element for as long as it is needed, or it would lose the focus. */
  #drawHandles() {
    const names = this.#movable.map(({ kind, name }) => `${kind} ${name}`);
    const there = [...this.#handles.children].map((handle) => handle.getAttribute("data-of"));
    if (names.join() !== there.join()) this.#handles.replaceChildren(...this.#movable.map(handle));
    this.#movable.forEach(({ to }, i) => {
      const [x, y] = this.#at(to).map((part) => part.toFixed(1));
      set(this.#handles.children[i], {
        transform: `translate(${x} ${y})`,
        "data-value": to.join(" "),
        "aria-valuemin": `${-this.#reach}`,
        "aria-valuemax": `${this.#reach}`,
        "aria-valuenow": shortened(to[0]),
        "aria-valuetext": `${to.map(shortened).join(", ")}`,
      });
    });
  }

  // Moving

  /** @param {EventTarget | null} target */
  #arrowOf(target) {
    const handle = target instanceof Element ? target.closest("[role=slider]") : null;
    return handle ? this.#movable[[...this.#handles.children].indexOf(handle)] : undefined;
  }

  /** Where a pointer is. @param {PointerEvent} event @returns {Vector} */
  #pointed({ clientX, clientY }) {
    const { left, top, width, height } = this.#plane.getBoundingClientRect();
    const [x, y] = [(clientX - left) / width, (clientY - top) / height];
    return [(2 * x - 1) * this.#reach, (1 - 2 * y) * this.#reach];
  }

  /** Handles may overlap: the nearest is meant. @param {PointerEvent} event */
  #take(event) {
    if (event.button !== 0 || !this.#arrowOf(event.target)) return;
    const [x, y] = this.#pointed(event);
    const distances = this.#movable.map(({ to }) => length([to[0] - x, to[1] - y]));
    const nearest = distances.indexOf(Math.min(...distances));
    event.preventDefault();
    this.#plane.setPointerCapture(event.pointerId);
    this.#held = this.#movable[nearest];
    /** @type {SVGElement} */ (this.#handles.children[nearest]).focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const [x, y] = this.#pointed(event).map((part) => Math.min(Math.max(part, -this.#reach), this.#reach));
    this.#held?.move?.(this.#rounded([x, y]));
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const way = STEP[/** @type {keyof typeof STEP} */ (event.key)];
    const arrow = this.#arrowOf(event.target);
    if (!way || !arrow || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const size = this.#unit * (event.shiftKey ? 10 : 1);
    arrow.move?.(this.#rounded([arrow.to[0] + way[0] * size, arrow.to[1] + way[1] * size]));
  }

  /** @param {Vector} v @returns {Vector} */
  #rounded(v) {
    const parts = 1 / this.#unit;
    return scaled([Math.round(v[0] * parts), Math.round(v[1] * parts)], 1 / parts);
  }
}

/**
 * When it is drawn, where what is new is drawn piece by piece.
 * @param {number} order
 * @param {SVGPathElement} path
 */
function ordered(order, path) {
  path.style.setProperty("--order", `${order}`);
  return path;
}

/**
 * A round number that all components are well below.
 * @param {number[]} components
 */
function reachOf(components) {
  const most = Math.max(...components.map(Math.abs)) * 1.1;
  for (let power = 1; ; power *= 10)
    for (const round of [3, 5, 10, 20]) if (most <= round * power) return round * power;
}

/** @param {Arrow} arrow */
function handle({ kind, name }) {
  const shape = { query: "M-6 -6H6V6H-6Z", value: "M-8 0L0 -8L8 0L0 8Z" }[/** @type {string} */ (kind)];
  const ring = shape ? svg("path", { d: shape }) : svg("circle", { r: "7" });
  const handle = svg("g", { class: `handle ${kind}`, role: "slider", tabindex: "0", "aria-label": name });
  set(handle, { "aria-roledescription": "arrow", "data-of": `${kind} ${name}` });
  handle.append(svg("circle", { r: "24", class: "room" }), ring);
  return handle;
}

/** @param {number} x */
function shortened(x) {
  return String(Number(x.toFixed(2)));
}

/**
 * @param {Vector} at
 * @param {Vector} shift
 * @param {string} words
 * @param {string} name
 */
function text([x, y], [right, down], words, name) {
  const element = svg("text", { x: (x + right).toFixed(1), y: (y + down).toFixed(1), class: name });
  element.textContent = words;
  return element;
}
