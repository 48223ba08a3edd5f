// @ts-check
import { svg } from "./dom.js";
import { shown } from "./position-math.js";

/** A small chart with two axes; it speaks in the reader's own numbers. */
export class Chart {
  #marks = svg("g", {});
  #box = { left: 34, right: 350, top: 10, bottom: 150 };

  /**
   * @param {number} from the first x
   * @param {number} to the last x
   * @param {number} low the lowest y
   * @param {number} high the highest y
   */
  constructor(from, to, low, high) {
    this.from = from;
    this.to = to;
    this.low = low;
    this.high = high;
  }

  /** @param {number} x */
  #x(x) {
    const { left, right } = this.#box;
    return left + ((x - this.from) / (this.to - this.from)) * (right - left);
  }

  /** @param {number} y */
  #y(y) {
    const { top, bottom } = this.#box;
    return bottom - ((y - this.low) / (this.high - this.low)) * (bottom - top);
  }

  /** @param {number[][]} points */
  line(points) {
    const path = points.map(([x, y]) => `${this.#x(x).toFixed(1)} ${this.#y(y).toFixed(1)}`);
    this.#marks.append(svg("path", { d: `M${path.join("L")}`, class: "wave" }));
  }

  /** @param {number} x */
  upright(x) {
    const { top, bottom } = this.#box;
    this.#marks.append(svg("path", { d: `M${this.#x(x)} ${top}V${bottom}`, class: "upright" }));
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {string} kind
   */
  dot(x, y, kind) {
    const radius = ({ first: 4, second: 6.5 }[kind] ?? 2) * (this.to - this.from > 31 ? 0.6 : 1);
    const circle = { cx: `${this.#x(x)}`, cy: `${this.#y(y)}`, r: `${radius}`, class: kind };
    this.#marks.append(svg("circle", { ...circle, "data-x": `${x}`, "data-value": `${y}` }));
  }

  /**
   * @param {string} about
   * @param {string} axis
   */
  draw(about, axis) {
    const { left, right, top, bottom } = this.#box;
    const level = this.#y(0);
    const chart = svg("svg", { viewBox: "0 0 360 184", role: "img", "aria-label": about });
    chart.append(
      svg("path", { d: `M${left} ${top}V${bottom}M${left} ${level}H${right}`, class: "axis" }),
      this.#marks,
      label(left - 6, top + 4, shown(this.high, 1), "end"),
      label(left - 6, level + 4, "0", "end"),
      ...(this.low < 0 ? [label(left - 6, bottom + 4, shown(this.low, 1), "end")] : []),
      label(left, bottom + 22, shown(this.from, 0), "middle"),
      label((left + right) / 2, bottom + 22, axis, "middle"),
      label(right, bottom + 22, shown(this.to, 0), "middle"),
    );
    return chart;
  }
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {string} anchor
 */
function label(x, y, text, anchor) {
  const element = svg("text", { x: `${x}`, y: `${y}`, "text-anchor": anchor });
  element.textContent = text;
  return element;
}
