// @ts-check
/** The matrices of each part of the model, and how each of their numbers came about. */
import { softmax, split } from "../attention-math.js";
import { added, encoded, normalised, products, same, scaled, share, two } from "./arithmetic.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("../model/layers.js").Attention} Attention */
/** @typedef {import("../model/layers.js").FeedForward} FeedForward */
/** @typedef {import("../model/layers.js").FeedForwardSteps} FeedForwardSteps */
/** @typedef {import("../model/layers.js").LayerNorm} LayerNorm */
/** @typedef {import("../model/layers.js").MultiHeadAttention} MultiHeadAttention */
/** @typedef {import("./arithmetic.js").Worked} Worked */

/** What the rows or the columns of a matrix are. @typedef {{ title: string, names: string[], colour?: string, french?: boolean }} Axis */

/**
 * A matrix to look at. A row is shorter than there are columns where a causal mask hides the others.
 * @typedef {object} Exhibit
 * @property {string} name
 * @property {Matrix} values
 * @property {Axis} rows
 * @property {Axis} columns
 * @property {string} [colour] of the book: "query", "key", "value" or "weights"
 * @property {(row: number, column: number) => Worked} worked
 */

/** @param {string} title @param {string[]} names @param {boolean} french @param {string} [colour] @returns {Axis} */
export const tokens = (title, names, french, colour) => ({ title, names, french, colour });

/** @param {Matrix} values @returns {Axis} */
const components = (values) => ({ title: "component", names: values[0].map((_, i) => `${i + 1}`) });

/** @param {string} token */
const quoted = (token) => `“${token}”`;

/** @param {string} label @param {Worked} worked @returns {Worked} */
const told = (label, { text, value }) => ({ text: `${label} = ${text}`, value });

/**
 * What one head of an attention layer computes, and what the layer makes of all heads.
 * @param {object} call
 * @param {MultiHeadAttention} call.layer
 * @param {Attention} call.steps
 * @param {Matrix} call.x the vectors of the queries
 * @param {Matrix} call.memory the vectors of the keys and values
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

  /** @param {"Q" | "K" | "V"} letter @param {"query" | "key" | "value"} name @param {Matrix} values @param {Matrix} from @param {Axis} rows @returns {Exhibit} */
  const projection = (letter, name, values, from, rows) => {
    const { weight, bias } = { Q: layer.W_q, K: layer.W_k, V: layer.W_v }[letter];
    return {
      name: letter,
      colour: name,
      values,
      rows,
      columns: components(values),
      worked: (t, i) =>
        told(
          `${name} of ${quoted(rows.names[t])}, component ${i + 1} ${of} = x · column ${first + i + 1} of W_${name[0]}`,
          products(from[t], weight[first + i], bias?.[first + i]),
        ),
    };
  };
  /** @param {number} t @param {number} s */
  const pair = (t, s) => `query ${quoted(queries.names[t])} and key ${quoted(keys.names[s])}`;
  return [
    projection("Q", "query", Q, x, queries),
    projection("K", "key", K, memory, keys),
    projection("V", "value", V, memory, keys),
    {
      name: "Scores",
      values: scores,
      rows: queries,
      columns: keys,
      worked: (t, s) => told(`score of ${pair(t, s)} = q · k`, products(Q[t], K[s])),
    },
    {
      name: "Scaled scores",
      values: scaledScores,
      rows: queries,
      columns: keys,
      worked: (t, s) => told(`scaled score of ${pair(t, s)} = score / √d_k`, scaled(scores[t][s], width)),
    },
    {
      name: "Weights",
      colour: "weights",
      values: weights,
      rows: queries,
      columns: keys,
      worked: (t, s) =>
        told(`weight of ${quoted(keys.names[s])} for ${quoted(queries.names[t])}`, share(scaledScores[t], s)),
    },
    {
      name: "Head output",
      values: output,
      rows: queries,
      columns: components(output),
      worked: (t, i) =>
        told(
          `output ${of} for ${quoted(queries.names[t])}, component ${i + 1} = Σ weight · value`,
          products(weights[t], V.slice(0, weights[t].length).map((v) => v[i])),
        ),
    },
    {
      name: "Concatenation",
      values: steps.concatenated,
      rows: queries,
      columns: components(steps.concatenated),
      worked: (t, i) => {
        const h = Math.floor(i / width);
        const ablatedHead = ablated.has(`${layer.name}.${h}`);
        const label = `component ${(i % width) + 1} of the output of head ${h + 1} for ${quoted(queries.names[t])}`;
        if (ablatedHead) return { text: `${label}, which is ablated`, value: 0 };
        return { text: label, value: steps.heads[h].output[t][i % width] };
      },
    },
    {
      name: "Layer output",
      values: steps.output,
      rows: queries,
      columns: components(steps.output),
      worked: (t, i) =>
        told(
          `layer output for ${quoted(queries.names[t])}, component ${i + 1} = concatenation · column ${i + 1} of W_o`,
          products(steps.concatenated[t], layer.W_o.weight[i], layer.W_o.bias?.[i]),
        ),
    },
  ];
}

/**
 * A residual connection and its norm.
 * @param {LayerNorm} norm
 * @param {Matrix} x what went into the sublayer
 * @param {Matrix} sublayer what came out of it
 * @param {Matrix} output
 * @param {Axis} rows
 * @returns {Exhibit[]}
 */
export function ofAddNorm(norm, x, sublayer, output, rows) {
  const sums = x.map((row, t) => row.map((a, i) => a + sublayer[t][i]));
  return [
    {
      name: "Sum",
      values: sums,
      rows,
      columns: components(sums),
      worked: (t, i) =>
        told(`${quoted(rows.names[t])}, component ${i + 1}: x + sublayer(x)`, added(x[t][i], sublayer[t][i])),
    },
    {
      name: "Normalised",
      values: output,
      rows,
      columns: components(output),
      worked: (t, i) => {
        const { text, value } = normalised(sums[t], i, norm);
        return { text: `${quoted(rows.names[t])}, component ${i + 1}: ${text}`, value };
      },
    },
  ];
}

/**
 * @param {FeedForward} layer
 * @param {Matrix} x
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
        const { text, value } = products(x[t], layer.W_1.weight[i], layer.W_1.bias?.[i]);
        const label = `inner vector of ${quoted(rows.names[t])}, component ${i + 1} = max(0, x · column ${i + 1} of W_1 + b_1)`;
        return { text: `${label} = max(0, ${text}) = max(0, ${two(value)})`, value: Math.max(0, value) };
      },
    },
    {
      name: "Output",
      values: output,
      rows,
      columns: components(output),
      worked: (t, i) =>
        told(
          `output for ${quoted(rows.names[t])}, component ${i + 1} = inner · column ${i + 1} of W_2 + b_2`,
          products(inner[t], layer.W_2.weight[i], layer.W_2.bias?.[i]),
        ),
    },
  ];
}

/**
 * @param {Matrix} table the embeddings of the vocabulary
 * @param {number[]} ids
 * @param {import("../model/transformer.js").Embedded} embedded
 * @param {Axis} rows
 * @returns {Exhibit[]}
 */
export function ofEmbedding(table, ids, { embedding, positions, x }, rows) {
  const width = table[0].length;
  /** @param {string} name @param {Matrix} values @param {Exhibit["worked"]} worked */
  const exhibit = (name, values, worked) => ({ name, values, rows, columns: components(values), worked });
  return [
    exhibit("Embedding · √d_model", embedding, (t, i) => {
      const entry = table[ids[t]][i];
      const label = `${quoted(rows.names[t])}, token id ${ids[t]}, component ${i + 1}: embedding · √d_model`;
      const text = `${label} = ${two(entry)} · √${width} = ${two(entry)} · ${two(Math.sqrt(width))}`;
      return { text, value: entry * Math.sqrt(width) };
    }),
    exhibit("Positional encoding", positions, (t, i) =>
      told(`encoding of position ${t}, component ${i + 1}`, encoded(t, i, width)),
    ),
    exhibit("Sum", x, (t, i) =>
      told(
        `${quoted(rows.names[t])}, component ${i + 1}: embedding + encoding`,
        added(embedding[t][i], positions[t][i]),
      ),
    ),
  ];
}

/**
 * From the last hidden states to the logits, and to the probabilities of the next token.
 * @param {Matrix} table the target embeddings, to which the projection is tied
 * @param {Matrix} hidden
 * @param {Matrix} logits of the whole vocabulary
 * @param {number[]} ids the tokens that are shown
 * @param {Axis} rows
 * @param {Axis} columns
 * @returns {Record<"hidden" | "logits" | "softmax", Exhibit>}
 */
export function ofOutput(table, hidden, logits, ids, rows, columns) {
  const probabilities = logits.map(softmax);
  const ofChosen = /** @param {Matrix} rows */ (rows) => rows.map((row) => ids.map((id) => row[id]));
  return {
    hidden: {
      name: "Hidden state",
      values: hidden,
      rows,
      columns: components(hidden),
      worked: (t, i) =>
        told(
          `hidden state of ${quoted(rows.names[t])}, component ${i + 1}: the output of the last block`,
          same(hidden[t][i]),
        ),
    },
    logits: {
      name: "Logits",
      values: ofChosen(logits),
      rows,
      columns,
      worked: (t, i) =>
        told(
          `logit of ${quoted(columns.names[i])} after ${quoted(rows.names[t])} = hidden state · embedding`,
          products(hidden[t], table[ids[i]]),
        ),
    },
    softmax: {
      name: "Probabilities",
      colour: "weights",
      values: ofChosen(probabilities),
      rows,
      columns,
      worked: (t, i) =>
        told(
          `probability of ${quoted(columns.names[i])} after ${quoted(rows.names[t])}`,
          share(logits[t], ids[i]),
        ),
    },
  };
}
