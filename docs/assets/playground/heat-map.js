// @ts-check
/** A matrix as a picture: a dot for each number, one colour above zero and another below. */
import { make } from "../dom.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */

/** The largest number of a matrix without its sign, which gets the full colour. @param {Matrix} matrix */
export function largest(matrix) {
  return matrix.reduce((most, row) => row.reduce((a, x) => Math.max(a, Math.abs(x)), most), 0) || 1;
}

/** A picture that is drawn by `paint`. */
export function heatMap() {
  const canvas = make("canvas", "model-map-strip");
  canvas.setAttribute("aria-hidden", "true"); // the numbers are in the tables
  return canvas;
}

/** @param {HTMLCanvasElement} canvas in the page, where its colours are known @param {Matrix} matrix */
export function paint(canvas, matrix) {
  const { fill, stroke } = getComputedStyle(canvas); // "rgb(…)", of numbers above and below zero
  const [above, below] = [fill, stroke].map((colour) => (colour.match(/\d+/g) ?? []).map(Number));
  canvas.width = Math.max(...matrix.map((row) => row.length));
  canvas.height = matrix.length;
  canvas.style.setProperty("--rows", String(canvas.height));
  canvas.style.setProperty("--columns", String(canvas.width));
  const picture = new ImageData(canvas.width, canvas.height);
  const most = largest(matrix);
  matrix.forEach((row, t) =>
    row.forEach((x, i) => {
      const [red, green, blue] = x > 0 ? above : below;
      const strength = Math.round((255 * Math.abs(x)) / most);
      picture.data.set([red, green, blue, strength], 4 * (t * canvas.width + i));
    }),
  );
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
}
