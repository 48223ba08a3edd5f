// @ts-check
/** The matrices of an attention layer, for one of its heads, and how each of their numbers came about. */
import { split } from "../attention-math.js";
import { products, scaled, share } from "./arithmetic.js";
import { components, equal, quoted } from "./exhibits.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("../model/layers.js").Attention} Attention */
/** @typedef {import("../model/layers.js").MultiHeadAttention} MultiHeadAttention */
/** @typedef {import("./exhibits.js").Axis} Axis */
/** @typedef {import("./exhibits.js").Exhibit} Exhibit */
/** @typedef {import("./exhibits.js").Input} Input */

/**
 * What one head of an attention layer computes, and what the layer makes of all heads.
 * @param {object} call
 * @param {MultiHeadAttention} call.layer
 * @param {Attention} call.steps
 * @param {Input} call.x the vectors of the queries
 * @param {Input} call.memory the vectors of the keys and values
 * @param {Axis} call.queries
 * @param {Axis} call.keys
 * @param {Set<string>} call.ablated
 * @param {number} head
 * @returns {Exhibit[]}
 */
export function ofAttention({ layer, steps, x, memory, queries, keys, ablated }, head) {
  const [Q, K, V] = [steps.Q, steps.K, steps.V].map((M) => split(M, layer.heads)[head]);
  const { scores, scaled: scaledScores, weights, output } = steps.heads[head];
  const width = Q[0].length;
  const first = head * width; // of the columns that are this head's
  const of = `of head ${head + 1}`;

  /** @param {"Q" | "K" | "V"} letter @param {"query" | "key" | "value"} name @param {Matrix} values @param {Input} input @param {Axis} rows @returns {Exhibit} */
  const projection = (letter, name, values, input, rows) => {
    const { weight, bias } = { Q: layer.W_q, K: layer.W_k, V: layer.W_v }[letter];
    const W = `W_${letter.toLowerCase()}`;
    return {
      name: letter,
      colour: name,
      values,
      rows,
      columns: components(values),
      worked: (t, i) =>
        equal(
          `${name} of ${quoted(rows, t)}, component ${i + 1} ${of} = x · column ${first + i + 1} of ${W}`,
          products(input.values[t], weight[first + i], bias?.[first + i]),
        ),
      from: (row) => [{ ...input.place, row }],
    };
  };
  /** @param {number} t @param {number} s */
  const pair = (t, s) => `query ${quoted(queries, t)} and key ${quoted(keys, s)}`;
  return [
    projection("Q", "query", Q, x, queries),
    projection("K", "key", K, memory, keys),
    projection("V", "value", V, memory, keys),
    {
      name: "Scores",
      values: scores,
      rows: queries,
      columns: keys,
      worked: (t, s) => equal(`score of ${pair(t, s)} = q · k`, products(Q[t], K[s])),
      from: (t, s) => [
        { name: "Q", row: t },
        { name: "K", row: s },
      ],
    },
    {
      name: "Scaled scores",
      values: scaledScores,
      rows: queries,
      columns: keys,
      worked: (t, s) => equal(`scaled score of ${pair(t, s)} = score / √d_k`, scaled(scores[t][s], width)),
      from: (row, column) => [{ name: "Scores", row, column }],
    },
    {
      name: "Weights",
      colour: "weights",
      values: weights,
      rows: queries,
      columns: keys,
      worked: (t, s) => equal(`weight of ${quoted(keys, s)} for ${quoted(queries, t)}`, share(scaledScores[t], s)),
      from: (row, column) => [{ name: "Scaled scores", row, column }],
    },
    {
      name: "Head output",
      values: output,
      rows: queries,
      columns: components(output),
      worked: (t, i) =>
        equal(
          `output ${of} for ${quoted(queries, t)}, component ${i + 1} = Σ weight · value`,
          products(weights[t], V.slice(0, weights[t].length).map((v) => v[i])),
        ),
      from: (row, column) => [
        { name: "Weights", row },
        { name: "V", row: weights[row].indexOf(Math.max(...weights[row])), column },
      ],
    },
    {
      name: "Concatenation",
      values: steps.concatenated,
      rows: queries,
      columns: components(steps.concatenated),
      worked: (t, i) => {
        const h = Math.floor(i / width);
        const off = ablated.has(`${layer.name}.${h}`);
        const head = `head ${h + 1}${off ? ", which is ablated," : ""}`;
        const text = `component ${(i % width) + 1} of the output of ${head} for ${quoted(queries, t)}`;
        return { text, value: off ? 0 : steps.heads[h].output[t][i % width] };
      },
      from: (row, i) => [{ name: "Head output", head: Math.floor(i / width), row, column: i % width }],
    },
    {
      name: "Layer output",
      values: steps.output,
      rows: queries,
      columns: components(steps.output),
      worked: (t, i) =>
        equal(
          `layer output for ${quoted(queries, t)}, component ${i + 1} = concatenation · column ${i + 1} of W_o`,
          products(steps.concatenated[t], layer.W_o.weight[i], layer.W_o.bias?.[i]),
        ),
      from: (row) => [{ name: "Concatenation", row }],
    },
  ];
}
