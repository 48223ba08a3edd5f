// @ts-check
/**
 * Attention: pure functions, from numbers to numbers and to words. The formula is here once, for
 * <attention-stepper> and for the models of the playground.
 *
 * Rows are tokens: Q = X W_q. With several heads, each takes its own share of the columns.
 */

/** @typedef {number[][]} Matrix rows of numbers */

/**
 * What a reader may set.
 * @typedef {object} Numbers
 * @property {string[]} words
 * @property {Matrix} X a row for each word
 * @property {Matrix} W_q
 * @property {Matrix} W_k
 * @property {Matrix} W_v
 * @property {number} heads
 * @property {boolean} causal
 */

/**
 * What follows from it. All of `perHead` are query by key, one for each head.
 * @typedef {"scores" | "scaled" | "masked" | "weights"} PerHead
 * @typedef {Record<"Q" | "K" | "V" | "output", Matrix> & Record<PerHead, Matrix[]>} Result
 */

/**
 * One number of them all. `head` counts where there is one matrix for each head.
 * @typedef {"X" | "W_q" | "W_k" | "W_v" | "Q" | "K" | "V" | "output" | PerHead} Kind
 * @typedef {{ kind: Kind, head: number, row: number, column: number }} Place
 */

/**
 * All six steps: project, score, scale, mask, softmax, weighted sum.
 * @param {Numbers} numbers
 * @returns {Result}
 */
export function attention({ X, W_q, W_k, W_v, heads, causal }) {
  const [Q, K, V] = [W_q, W_k, W_v].map((W) => times(X, W));
  const [q, k, v] = [Q, K, V].map((M) => split(M, heads));
  const mayAttend = /** @type {MayAttend} */ ((t, s) => !causal || s <= t);
  const steps = q.map((_, head) => scaledDotProductAttention(q[head], k[head], v[head], mayAttend));
  const [scores, scaled, masked, weights] = /** @type {const} */ ([
    "scores",
    "scaled",
    "masked",
    "weights",
  ]).map((name) => steps.map((step) => step[name]));
  return { Q, K, V, scores, scaled, masked, weights, output: concatenated(steps.map((step) => step.output)) };
}

// --8<-- [start:formula]
/**
 * The formula, softmax(Q Kᵀ / √d) V, with each of its steps.
 * @typedef {(query: number, key: number) => boolean} MayAttend
 * @param {Matrix} Q queries, in rows
 * @param {Matrix} K
 * @param {Matrix} V
 * @param {MayAttend} [mayAttend] each query may attend to at least one key
 * @returns {Record<"scores" | "scaled" | "masked" | "weights" | "output", Matrix>}
 */
export function scaledDotProductAttention(Q, K, V, mayAttend = () => true) {
  const scores = Q.map((q) => K.map((k) => dot(q, k)));
  const scaled = each(scores, (score) => score / Math.sqrt(K[0].length));
  const masked = each(scaled, (score, t, s) => (mayAttend(t, s) ? score : -Infinity));
  const weights = masked.map(softmax);
  return { scores, scaled, masked, weights, output: times(weights, V) };
}
// --8<-- [end:formula]

/** @param {number[]} a @param {number[]} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {Matrix} A @param {Matrix} B @returns {Matrix} */
function times(A, B) {
  const columns = transposed(B);
  return A.map((row) => columns.map((column) => dot(row, column)));
}

/** @param {Matrix} M @returns {Matrix} */
function transposed(M) {
  return M[0].map((_, column) => M.map((row) => row[column]));
}

/** @param {Matrix} M @param {(x: number, row: number, column: number) => number} change @returns {Matrix} */
function each(M, change) {
  return M.map((row, t) => row.map((x, s) => change(x, t, s)));
}

/** @param {Matrix} M @param {number} heads @returns {Matrix[]} each head's share of the columns */
export function split(M, heads) {
  const width = M[0].length / heads;
  return Array.from({ length: heads }, (_, h) => M.map((row) => row.slice(h * width, (h + 1) * width)));
}

/** @param {Matrix[]} heads @returns {Matrix} side by side */
export function concatenated(heads) {
  return heads[0].map((_, t) => heads.flatMap((M) => M[t]));
}

/** @param {number[]} row at least one is finite */
export function softmax(row) {
  const most = Math.max(...row);
  const powers = row.map((x) => Math.exp(x - most));
  const total = powers.reduce((sum, x) => sum + x);
  return powers.map((x) => x / total);
}

/** @param {Result} result @param {Place} place */
export function valueAt(result, { kind, head, row, column }) {
  if (kind === "X" || kind === "W_q" || kind === "W_k" || kind === "W_v") return NaN; // the reader's own
  if (kind === "Q" || kind === "K" || kind === "V" || kind === "output")
    return result[kind][row][column];
  return result[kind][head][row][column];
}

/**
 * Whether the number at one place is made from the number at another, in one step.
 * @param {Place} made
 * @param {Place} from
 */
export function isMadeFrom(made, from) {
  const ofMyHead = made.head === from.head;
  const ofMyRow = made.row === from.row;
  switch (`${made.kind} from ${from.kind}`) {
    case "Q from X":
    case "K from X":
    case "V from X":
      return ofMyRow;
    case "Q from W_q":
    case "K from W_k":
    case "V from W_v":
    case "output from V":
      return made.column === from.column;
    case "scores from Q":
      return ofMyHead && ofMyRow;
    case "scores from K":
      return ofMyHead && made.column === from.row;
    case "scaled from scores":
    case "masked from scaled":
      return ofMyHead && ofMyRow && made.column === from.column;
    case "weights from masked":
    case "output from weights":
      return ofMyHead && ofMyRow;
    default:
      return false;
  }
}

/**
 * A number as the page shows it: whole, or with two digits after the point.
 * @param {number} x
 * @param {boolean} [whole]
 */
export function shown(x, whole = Number.isInteger(x)) {
  if (x === -Infinity) return "−∞";
  return x
    .toFixed(whole ? 0 : 2)
    .replace(/^-(?=0(\.0*)?$)/, "")
    .replace("-", "−");
}

/** @param {number} x a number of the reader's is shown as it was typed */
const typed = (x) => String(x).replaceAll("-", "−");

/** @param {string} text @returns {string} a number in front of which a sign may stand */
const factor = (text) => (text.startsWith("−") ? `(${text})` : text);

/** @param {string[]} left @param {string[]} right */
const sumOfProducts = (left, right) =>
  left.map((x, i) => `${factor(x)}·${factor(right[i])}`).join(" + ");

/**
 * How a number came about, with the reader's own numbers.
 * @param {Numbers} numbers
 * @param {Result} result
 * @param {Place} place
 * @returns {string}
 */
export function worked(numbers, result, place) {
  const { kind, head, row, column } = place;
  const { words, X, heads, causal } = numbers;
  const [me, other] = [`“${words[row]}”`, `“${words[column]}”`];
  const value = shown(valueAt(result, place));
  const ofHead = heads > 1 ? `, head ${head + 1}` : "";
  const width = result.Q[0].length / heads;
  const mine = /** @param {number[]} numbers */ (numbers) =>
    numbers.slice(head * width, (head + 1) * width).map((x) => shown(x));
  switch (kind) {
    case "Q":
    case "K":
    case "V": {
      const [name, W] = {
        Q: ["query", numbers.W_q],
        K: ["key", numbers.W_k],
        V: ["value", numbers.W_v],
      }[kind];
      const sum = sumOfProducts(
        X[row].map(typed),
        /** @type {Matrix} */ (W).map((r) => typed(r[column])),
      );
      return `${name} of ${me}, component ${column + 1} = ${sum} = ${value}`;
    }
    case "scores":
      return `score of ${me} with ${other}${ofHead} = ${sumOfProducts(mine(result.Q[row]), mine(result.K[column]))} = ${value}`;
    case "scaled": {
      const score = shown(result.scores[head][row][column]);
      return `scaled score of ${me} with ${other}${ofHead} = ${score} / √${width} = ${score} / ${shown(Math.sqrt(width))} = ${value}`;
    }
    case "masked": {
      const before = shown(result.scaled[head][row][column]);
      if (!causal) return `there is no mask: ${me} may attend to ${other}, and ${before} stays`;
      if (column > row)
        return `${other} comes after ${me}: ${before} becomes −∞, so that its weight becomes 0`;
      return `${column < row ? `${other} comes before ${me}` : `${me} may attend to itself`}: ${before} stays`;
    }
    case "weights":
      return `weight of ${other} for ${me}${ofHead} = ${quotient(result.masked[head][row], column)} = ${value}`;
    case "output": {
      const values = result.V.map((v) => shown(v[column]));
      const sum = sumOfProducts(
        result.weights[head][row].map((x) => shown(x)),
        values,
      );
      return `output of ${me}, component ${column + 1} = ${sum} = ${value}`;
    }
    default:
      return "";
  }
}

/**
 * One number's share in softmax: "e^1 / (e^1 + e^2) = 2.72 / (2.72 + 7.39) = 2.72 / 10.11".
 * @param {number[]} row
 * @param {number} column
 */
function quotient(row, column) {
  const most = Math.max(...row);
  const shift = Math.abs(most) > 8 ? most : 0; // e^30 is no number to read
  const powers = row.map((x) => Math.exp(x - shift));
  const names = row.map((x) => `e^${shown(x - shift)}`);
  const terms = powers.map((x) => shown(x));
  const total = shown(powers.reduce((sum, x) => sum + x));
  const note = shift ? `(first ${shown(shift)}, the largest of the row, is subtracted from all) ` : "";
  const sums = row.length > 1 ? `${terms[column]} / (${terms.join(" + ")}) = ` : "";
  return `${note}${names[column]} / (${names.join(" + ")}) = ${sums}${terms[column]} / ${total}`;
}

/**
 * The same in PyTorch, to be pasted and run.
 * @param {Numbers} numbers
 */
export function asPyTorch({ words, X, W_q, W_k, W_v, heads, causal }) {
  const tensor = /** @param {Matrix} M */ (M) =>
    `torch.tensor([${M.map((row) => `[${row.join(", ")}]`).join(", ")}], dtype=torch.float64)`;
  const size = words.length;
  const mask = `torch.ones(${size}, ${size}, dtype=torch.bool)`;
  const project =
    heads === 1
      ? "Q, K, V = X @ W_q, X @ W_k, X @ W_v  # project"
      : `def split(x):
    """Give each head its share of the columns: (T, D) -> (H, T, K)."""
    return x.unflatten(-1, (${heads}, -1)).transpose(0, 1)


Q, K, V = split(X @ W_q), split(X @ W_k), split(X @ W_v)  # project`;
  const join = heads === 1 ? "summed" : "summed.transpose(0, 1).flatten(1)  # concatenate the heads";
  return `import math

import torch

words = [${words.map((word) => JSON.stringify(word)).join(", ")}]
X = ${tensor(X)}
W_q = ${tensor(W_q)}
W_k = ${tensor(W_k)}
W_v = ${tensor(W_v)}

${project}
scores = Q @ K.transpose(-2, -1)  # score
scaled = scores / math.sqrt(K.size(-1))  # scale
mask = ${causal ? `${mask}.tril()` : mask}  # True: may attend
masked = scaled.masked_fill(~mask, -math.inf)  # mask
weights = masked.softmax(dim=-1)  # softmax
summed = weights @ V  # weighted sum
output = ${join}
print(words, weights, output, sep="\\n")

# The same by this book's package:
from attention import scaled_dot_product_attention

ours = scaled_dot_product_attention(Q, K, V, mask)
print(all(torch.allclose(a, b) for a, b in zip(ours, (summed, weights))))
`;
}
