// @ts-check
/** Arrows between the parts of a diagram, redrawn whenever its layout changes. */
import { svg } from "../dom.js";

/** @typedef {{ from: Element, to: Element, kind: string }} Wire */

/**
 * @param {HTMLElement} diagram whose positioned box the arrows lie in
 * @param {() => Wire[]} wires
 */
export function drawWires(diagram, wires) {
  const picture = svg("svg", { class: "model-map-wires", "aria-hidden": "true" });
  diagram.append(picture);
  const draw = () => {
    const { left, top, width, height } = diagram.getBoundingClientRect();
    if (!width) return; // folded
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const shapes = wires().map(({ from, to, kind }) => {
      const [a, b] = [from, to].map((element) => element.getBoundingClientRect());
      const d = path(a, b, left, top);
      return svg("path", { d, class: kind });
    });
    picture.replaceChildren(...shapes);
  };
  new ResizeObserver(draw).observe(diagram);
  return draw;
}

/**
 * From the end of one part into the side of another, along the gutter between two columns; in one
 * column, along the left edge.
 * @param {DOMRect} a
 * @param {DOMRect} b
 * @param {number} left of the diagram
 * @param {number} top
 */
function path(a, b, left, top) {
  const beside = b.left > a.right;
  const start = beside ? a.right : a.left;
  const gutter = beside ? (a.right + b.left) / 2 : Math.min(a.left, b.left) - 8;
  const [x1, x2, x3] = [start, gutter, b.left].map((x) => Math.round(x - left));
  const [y1, y2] = [a, b].map(({ top: y, height }) => Math.round(y + height / 2 - top));
  return `M${x1} ${y1} H${x2} V${y2} H${x3} m-5 -4 l5 4 l-5 4`;
}
