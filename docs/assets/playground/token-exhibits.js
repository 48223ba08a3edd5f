// @ts-check
/** The matrices at both ends of the model: from token ids to vectors, and from vectors to tokens. */
import { softmax } from "../attention-math.js";
import { added, encoded, products, share, two } from "./arithmetic.js";
import { components, equal, quoted } from "./exhibits.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("./exhibits.js").Axis} Axis */
/** @typedef {import("./exhibits.js").Exhibit} Exhibit */
/** @typedef {import("./exhibits.js").Input} Input */

/**
 * @param {Matrix} table the embeddings of the vocabulary
 * @param {number[]} ids
 * @param {import("../model/transformer.js").Embedded} embedded
 * @param {Axis} rows
 * @returns {Exhibit[]}
 */
export function ofEmbedding(table, ids, { embedding, positions, x }, rows) {
  const width = table[0].length;
  const columns = components(x);
  return [
    {
      name: "Embedding · √d_model",
      values: embedding,
      rows,
      columns,
      worked: (t, i) => {
        const entry = table[ids[t]][i];
        const label = `${quoted(rows, t)}, token id ${ids[t]}, component ${i + 1}: embedding · √d_model`;
        const text = `${label} = ${two(entry)} · √${width} = ${two(entry)} · ${two(Math.sqrt(width))}`;
        return { text, value: entry * Math.sqrt(width) };
      },
      from: () => [],
    },
    {
      name: "Positional encoding",
      values: positions,
      rows,
      columns,
      worked: (t, i) => equal(`encoding of position ${t}, component ${i + 1}`, encoded(t, i, width)),
      from: () => [],
    },
    {
      name: "Sum",
      values: x,
      rows,
      columns,
      worked: (t, i) =>
        equal(
          `${quoted(rows, t)}, component ${i + 1}: embedding + encoding`,
          added(embedding[t][i], positions[t][i]),
        ),
      from: (row, column) => [
        { name: "Embedding · √d_model", row, column },
        { name: "Positional encoding", row, column },
      ],
    },
  ];
}

/**
 * From the last hidden states to the logits, and to the probabilities of the next token.
 * @param {Matrix} table the target embeddings, to which the projection is tied
 * @param {Input} hidden
 * @param {Matrix} logits of the whole vocabulary
 * @param {number[]} ids the tokens that are shown
 * @param {Axis} rows
 * @param {Axis} columns
 * @returns {Record<"hidden" | "logits" | "probabilities", Exhibit>}
 */
export function ofOutput(table, hidden, logits, ids, rows, columns) {
  const ofChosen = /** @param {Matrix} rows */ (rows) => rows.map((row) => ids.map((id) => row[id]));
  return {
    hidden: {
      name: "Hidden state",
      values: hidden.values,
      rows,
      columns: components(hidden.values),
      worked: (t, i) => ({
        text: `hidden state of ${quoted(rows, t)}, component ${i + 1}: the output of the last block`,
        value: hidden.values[t][i],
      }),
      from: (row, column) => [{ ...hidden.place, row, column }],
    },
    logits: {
      name: "Logits",
      values: ofChosen(logits),
      rows,
      columns,
      worked: (t, i) =>
        equal(
          `logit of ${quoted(columns, i)} after ${quoted(rows, t)} = hidden state · embedding`,
          products(hidden.values[t], table[ids[i]]),
        ),
      from: (row) => [{ part: "output", name: "Hidden state", row }],
    },
    probabilities: {
      name: "Probabilities",
      colour: "weights",
      values: ofChosen(logits.map(softmax)),
      rows,
      columns,
      worked: (t, i) =>
        equal(`probability of ${quoted(columns, i)} after ${quoted(rows, t)}`, share(logits[t], ids[i])),
      from: (row, column) => [{ name: "Logits", row, column }],
    },
  };
}
