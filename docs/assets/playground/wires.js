// @ts-check
/** Arrows between the parts of a diagram, drawn again whenever its layout changes. */
import { svg } from "../dom.js";

/** @typedef {{ kind: string, path: (left: number, top: number) => string }} Wire its path, seen from a corner */

/**
 * @param {HTMLElement} diagram the positioned box in which the arrows lie
 * @param {() => Wire[]} wires
 * @returns {() => void} draws them again
 */
export function drawWires(diagram, wires) {
  const picture = svg("svg", { class: "model-map-wires", "aria-hidden": "true" });
  diagram.append(picture);
  const draw = () => {
    const { left, top, width, height } = diagram.getBoundingClientRect();
    if (!width) return; // folded
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren(...wires().map(({ kind, path }) => svg("path", { class: kind, d: path(left, top) })));
  };
  new ResizeObserver(draw).observe(diagram);
  return draw;
}

/**
 * The memory, on its way into the side of a part: along the gutter between two columns, or in one
 * column along its left edge.
 * @param {Element} from
 * @param {Element} to
 * @returns {Wire}
 */
export function intoSide(from, to) {
  const [a, b] = [from, to].map((element) => element.getBoundingClientRect());
  const beside = b.left > a.right;
  const start = beside ? a.right : a.left;
  const gutter = beside ? a.right + 12 : Math.min(a.left, b.left) - 10;
  return {
    kind: "memory",
    path: (left, top) =>
      `M${start - left} ${middle(a) - top} H${gutter - left} V${middle(b) - top} H${b.left - left} m-5 -4 l5 4 l-5 4`,
  };
}

/**
 * A residual connection: from above a sublayer, around it, into its norm.
 * @param {Element} sublayer
 * @param {Element} norm
 * @returns {Wire}
 */
export function around(sublayer, norm) {
  const [a, b] = [sublayer, norm].map((element) => element.getBoundingClientRect());
  return {
    kind: "residual",
    path: (left, top) =>
      `M${(a.left + a.right) / 2 - left} ${a.top - 4 - top} H${a.right + 9 - left} V${middle(b) - top} H${b.right - left} m5 -4 l-5 4 l5 4`,
  };
}

/** @param {DOMRect} box */
function middle({ top, bottom }) {
  return (top + bottom) / 2;
}
