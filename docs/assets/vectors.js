// @ts-check
// The geometry of a plane of vectors: pure functions.
import { dot } from "./attention-math.js";

/** @typedef {[number, number]} Vector */

/** @param {Vector} v */
export function length(v) {
  return Math.hypot(...v);
}

/** @param {Vector} v @param {number} factor @returns {Vector} */
export function scaled([x, y], factor) {
  return [x * factor, y * factor];
}

/** @param {Vector} v @param {Vector} w @returns {Vector} */
export function added(v, w) {
  return [v[0] + w[0], v[1] + w[1]];
}

/**
 * The foot of the perpendicular from the tip of a vector to the direction of another.
 * @param {Vector} v
 * @param {Vector} direction
 */
export function projected(v, direction) {
  const square = dot(direction, direction);
  return scaled(direction, square ? dot(v, direction) / square : 0);
}

/**
 * The corners of the smallest convex polygon around some points, in order (the monotone chain).
 * @param {Vector[]} points
 */
export function hull(points) {
  const sorted = [...points].sort(([x, y], [u, w]) => x - u || y - w);
  const half = /** @param {Vector[]} along */ (along) => {
    /** @type {Vector[]} */
    const corners = [];
    for (const p of along) {
      while (corners.length > 1 && turn(corners[corners.length - 2], corners[corners.length - 1], p) <= 0)
        corners.pop();
      corners.push(p);
    }
    return corners.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

/** Above zero where the way from a over b to c turns left. @param {Vector} a @param {Vector} b @param {Vector} c */
function turn(a, b, c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/**
 * The x nearest to the one there is whose x W is what is wanted, or as near to it as W allows.
 *
 * That is x + (wanted − x W) W⁺, with the pseudo-inverse W⁺ = (WᵀW)⁺ Wᵀ.
 * @param {number[]} x
 * @param {number[][]} W a row for each component of x, and two columns
 * @param {Vector} wanted
 */
export function preimage(x, W, wanted) {
  const [left, right] = [W.map((row) => row[0]), W.map((row) => row[1])];
  const missing = [wanted[0] - dot(x, left), wanted[1] - dot(x, right)];
  const [a, b, d] = [dot(left, left), dot(left, right), dot(right, right)];
  const [determinant, trace] = [a * d - b * b, a + d];
  const singular = determinant <= 1e-9 * trace * trace; // then W reaches no more than a line
  const [[p, q, r], size] = singular ? [[a, b, d], trace * trace || 1] : [[d, -b, a], determinant];
  const change = [(missing[0] * p + missing[1] * q) / size, (missing[0] * q + missing[1] * r) / size];
  return x.map((value, i) => value + dot(change, W[i]));
}
