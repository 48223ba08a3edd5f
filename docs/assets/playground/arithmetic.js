// @ts-check
/**
 * How one number of the model came about, computed again from the numbers that it is made from.
 *
 * Each function takes numbers and gives the arithmetic in words, and what comes of it. A sum has its
 * largest few terms; the others are added up.
 */
import { dot, shown } from "../attention-math.js";

/** @typedef {{ text: string, value: number }} Worked the arithmetic, and its result */

const TERMS = 4; // of a sum, in full

/** @param {number} x @returns {string} with two digits, as the matrices show it */
export const two = (x) => shown(x, false);

/** @param {number} x @returns {string} as a factor, in front of which a sign may stand */
const factor = (x) => (x < 0 ? `(${two(x)})` : two(x));

/**
 * The dot product of two vectors, plus a bias where there is one.
 * @param {number[]} left
 * @param {number[]} right
 * @param {number} [bias]
 * @returns {Worked}
 */
export function products(left, right, bias) {
  const terms = left.map((x, i) => ({ text: `${factor(x)}·${factor(right[i])}`, size: x * right[i] }));
  const value = dot(left, right) + (bias ?? 0);
  const last = bias === undefined ? "" : ` + ${factor(bias)} (the bias)`;
  return { text: `${sum(terms)}${last}`, value };
}

/**
 * @param {number} score
 * @param {number} width of a key
 * @returns {Worked}
 */
export function scaled(score, width) {
  const root = Math.sqrt(width);
  return { text: `${two(score)} / √${width} = ${two(score)} / ${two(root)}`, value: score / root };
}

/**
 * One number's share of a row in softmax.
 * @param {number[]} row numbers that are −∞ have no share
 * @param {number} column
 * @returns {Worked}
 */
export function share(row, column) {
  const most = Math.max(...row);
  const shift = Math.abs(most) > 8 ? most : 0; // e^30 is no number to read
  const powers = row.map((x) => Math.exp(x - shift));
  const total = powers.reduce((all, x) => all + x);
  const terms = powers.map((size) => ({ text: two(size), size })).filter(({ size }) => size > 0);
  const less = shift ? ` ${shift < 0 ? "+" : "−"} ${two(Math.abs(shift))}` : "";
  const note = shift ? ` (${two(shift)}, the largest of the row, is subtracted from all)` : "";
  const text = `e^(${two(row[column])}${less}) / (${sum(terms)}) = ${two(powers[column])} / ${two(total)}${note}`;
  return { text, value: powers[column] / total };
}

/**
 * @param {number[]} vector
 * @param {number} i
 * @param {{ gain: number[], bias: number[] }} norm
 * @returns {Worked}
 */
export function normalised(vector, i, { gain, bias }) {
  const mean = vector.reduce((all, x) => all + x) / vector.length;
  const variance = vector.reduce((all, x) => all + (x - mean) ** 2, 0) / vector.length;
  const deviation = Math.sqrt(variance + 1e-5);
  const text = `(${two(vector[i])} − ${factor(mean)}) / ${two(deviation)} · ${factor(gain[i])} + ${factor(bias[i])}`;
  return { text, value: ((vector[i] - mean) / deviation) * gain[i] + bias[i] };
}

/**
 * A component of a sinusoidal positional encoding.
 * @param {number} position
 * @param {number} i
 * @param {number} width
 * @returns {Worked}
 */
export function encoded(position, i, width) {
  const angle = position / 10000 ** ((i - (i % 2)) / width);
  const name = i % 2 ? "cos" : "sin";
  const text = `${name}(${position} / 10000^(${i - (i % 2)}/${width})) = ${name}(${two(angle)})`;
  return { text, value: i % 2 ? Math.cos(angle) : Math.sin(angle) };
}

/** @param {number} a @param {number} b @returns {Worked} */
export function added(a, b) {
  return { text: `${two(a)} + ${factor(b)}`, value: a + b };
}

/** The largest terms of a sum, in their order, and what the others add. @param {{ text: string, size: number }[]} terms */
function sum(terms) {
  const [first, ...next] = [...terms].sort((a, b) => Math.abs(b.size) - Math.abs(a.size)).slice(0, TERMS);
  const largest = [first, ...next.filter(({ size }) => Math.abs(size) >= 0.005)]; // the others read 0.00
  const shownTerms = terms.filter((term) => largest.includes(term));
  const others = terms.filter((term) => !largest.includes(term));
  const rest = others.reduce((all, { size }) => all + size, 0);
  const more = others.length === 1 ? "1 more term" : `${others.length} more terms`;
  const last = others.length ? [`${factor(rest)} (${more})`] : [];
  return [...shownTerms.map(({ text }) => text), ...last].join(" + ");
}
