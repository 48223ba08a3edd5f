// @ts-check
/**
 * What a matrix on the map is: its numbers, how each of them came about, and where the numbers stand
 * that it is made from. Those of the feed-forward network, and of the residual connections, are here.
 */
import { added, normalised, products, two } from "./arithmetic.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("../model/layers.js").FeedForward} FeedForward */
/** @typedef {import("../model/layers.js").FeedForwardSteps} FeedForwardSteps */
/** @typedef {import("../model/layers.js").LayerNorm} LayerNorm */
/** @typedef {import("./arithmetic.js").Worked} Worked */

/** What the rows or the columns of a matrix are. @typedef {{ title: string, names: string[], colour?: string, french?: boolean }} Axis */

/**
 * Where a number stands: in a matrix of the same part, or of another. Where no column is named, the
 * whole row counts.
 * @typedef {{ part?: string, name: string, head?: number, row: number, column?: number }} Origin
 */

/** What one part hands to another, and where it is shown. @typedef {{ values: Matrix, place: { part: string, name: string } }} Input */

/**
 * A matrix to look at. A row is shorter than there are columns where a causal mask hides the others.
 * @typedef {object} Exhibit
 * @property {string} name
 * @property {Matrix} values
 * @property {Axis} rows
 * @property {Axis} columns
 * @property {string} [colour] of the book: "query", "key", "value" or "weights"
 * @property {(row: number, column: number) => Worked} worked
 * @property {(row: number, column: number) => Origin[]} from
 */

/** @param {Matrix} values @returns {Axis} */
export const components = (values) => ({ title: "component", names: values[0].map((_, i) => `${i + 1}`) });

/** One of its tokens, with its position where the token occurs more than once. @param {Axis} axis @param {number} i */
export function quoted({ names }, i) {
  const once = names.indexOf(names[i]) === names.lastIndexOf(names[i]);
  return `“${names[i]}”${once ? "" : ` (position ${i})`}`;
}

/** @param {string} label @param {Worked} worked @returns {Worked} */
export const equal = (label, { text, value }) => ({ text: `${label} = ${text}`, value });

/**
 * A residual connection and its norm.
 * @param {LayerNorm} norm
 * @param {Input} x what went into the sublayer
 * @param {Input} sublayer what came out of it
 * @param {Matrix} output
 * @param {Axis} rows
 * @returns {Exhibit[]}
 */
export function ofAddNorm(norm, x, sublayer, output, rows) {
  const sums = x.values.map((row, t) => row.map((a, i) => a + sublayer.values[t][i]));
  const columns = components(sums);
  return [
    {
      name: "Sum",
      values: sums,
      rows,
      columns,
      worked: (t, i) =>
        equal(
          `${quoted(rows, t)}, component ${i + 1}: x + sublayer(x)`,
          added(x.values[t][i], sublayer.values[t][i]),
        ),
      from: (row, column) => [x, sublayer].map(({ place }) => ({ ...place, row, column })),
    },
    {
      name: "Normalised",
      values: output,
      rows,
      columns,
      worked: (t, i) =>
        equal(
          `${quoted(rows, t)}, component ${i + 1}: (x − mean) / standard deviation · gain + bias`,
          normalised(sums[t], i, norm),
        ),
      from: (row, column) => [{ name: "Sum", row, column }],
    },
  ];
}

/**
 * @param {FeedForward} layer
 * @param {Input} x
 * @param {FeedForwardSteps} steps
 * @param {Axis} rows
 * @returns {Exhibit[]}
 */
export function ofFeedForward(layer, x, { inner, output }, rows) {
  return [
    {
      name: "Inner, after ReLU",
      values: inner,
      rows,
      columns: components(inner),
      worked: (t, i) => {
        const { text, value } = products(x.values[t], layer.W_1.weight[i], layer.W_1.bias?.[i]);
        const label = `inner vector of ${quoted(rows, t)}, component ${i + 1} = max(0, x · column ${i + 1} of W_1 + b_1)`;
        return { text: `${label} = max(0, ${text}) = max(0, ${two(value)})`, value: Math.max(0, value) };
      },
      from: (row) => [{ ...x.place, row }],
    },
    {
      name: "Output",
      values: output,
      rows,
      columns: components(output),
      worked: (t, i) =>
        equal(
          `output for ${quoted(rows, t)}, component ${i + 1} = inner · column ${i + 1} of W_2 + b_2`,
          products(inner[t], layer.W_2.weight[i], layer.W_2.bias?.[i]),
        ),
      from: (row) => [{ name: "Inner, after ReLU", row }],
    },
  ];
}
