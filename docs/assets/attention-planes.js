// @ts-check
// What <attention-stepper> draws on its planes, step by step, where a head has two dimensions.
import { dot, shown } from "./attention-math.js";
import { added, hull, length, preimage, projected, scaled } from "./vectors.js";

/**
 * @typedef {import("./attention-math.js").Numbers} Numbers
 * @typedef {import("./attention-math.js").Result} Result
 * @typedef {import("./vectors.js").Vector} Vector
 * @typedef {import("./vector-plane.js").Arrow} Arrow
 * @typedef {import("./vector-plane.js").Picture} Picture
 *
 * @typedef {object} View
 * @property {number} step
 * @property {Numbers} numbers
 * @property {Result} result
 * @property {number} row the query that is shown
 * @property {number} key the key in focus
 * @property {(row: number, embedding: number[]) => void} move gives a token another embedding
 * @property {(key: number) => void} choose puts a key in focus
 */

/**
 * The pictures of a step: for each head a query and the keys, and at the end the values and the
 * output. One head has room for both then, so that the query that is dragged can be seen.
 * @param {View} view
 * @returns {Picture[]}
 */
export function pictures(view) {
  const { numbers, step } = view;
  if (numbers.X[0].length !== 2 * numbers.heads) return [];
  return [...Array(numbers.heads).keys()].flatMap((head) => {
    const of = new Head(view, head);
    if (step === 0) return [of.projections()];
    if (step < 5) return [of.scores()];
    return numbers.heads > 1 ? [of.mixture()] : [of.scores(), of.mixture()];
  });
}

/** One head's vectors. */
class Head {
  /** @param {View} view @param {number} head */
  constructor(view, head) {
    const { numbers, result, row } = view;
    const share = /** @param {number[][]} M */ (M) => M.map((row) => vector(row.slice(2 * head, 2 * head + 2)));
    this.view = view;
    this.row = row;
    this.title = numbers.heads > 1 ? `Head ${head + 1}: ` : "";
    this.words = numbers.words.map((word) => `“${word}”`);
    this.W = { query: share(numbers.W_q), key: share(numbers.W_k), value: share(numbers.W_v) };
    this.vectors = { query: share(result.Q), key: share(result.K), value: share(result.V) };
    this.weights = result.weights[head][row];
    this.output = share(result.output)[row];
  }

  /**
   * An arrow that can be dragged. Then the embedding changes as little as it can, and W stays.
   * @param {"query" | "key" | "value"} kind
   * @param {number} row
   * @param {string} label
   * @returns {Arrow}
   */
  #arrow(kind, row, label) {
    const { move, choose, numbers } = this.view;
    return {
      kind,
      label,
      name: `${this.title}${kind} of ${this.words[row]}`,
      to: this.vectors[kind][row],
      move: (to) => move(row, preimage(numbers.X[row], this.W[kind], to)),
      ...(kind === "key" && { choose: () => choose(row) }),
    };
  }

  /** @param {"key" | "value"} kind */
  #all(kind) {
    const weighted = this.view.step >= 4; // from softmax on
    return this.view.numbers.words.map((word, row) => {
      const masked = this.view.step >= 3 && !this.weights[row];
      const strength = weighted ? this.weights[row] : masked ? 0 : 1;
      return { ...this.#arrow(kind, row, word), strength };
    });
  }

  /** @returns {Picture} a token's embedding, and what the three matrices make of it */
  projections() {
    const { numbers, move } = this.view;
    const [row, name] = [this.row, this.words[this.row]];
    /** @type {Arrow[]} */
    const embedding =
      numbers.heads > 1
        ? []
        : [{ kind: "embedding", name: `embedding of ${name}`, label: "x", to: vector(numbers.X[row]), move: (to) => move(row, to) }];
    const arrows = [this.#arrow("query", row, "q"), this.#arrow("key", row, "k"), this.#arrow("value", row, "v")];
    const all = [...embedding, ...arrows];
    const reading = all.map(({ label, to }) => `${label} = ${point(to)}`).join(",  ");
    const title = `${this.title}${embedding.length ? "embedding x, " : ""}query q, key k and value v of ${name}`;
    return { title, arrows: all, marks: [], reading };
  }

  /** @returns {Picture} a query among all keys, and the score of one: how far it goes the query's way */
  scores() {
    const { row, words, title, vectors } = this;
    const [query, key] = [vectors.query[row], vectors.key[this.view.key]];
    const foot = projected(key, query);
    const size = length(query);
    const far = scaled(query, size ? 1e3 : 0);
    const sign = dot(query, key) < 0 ? "below" : "above";
    return {
      title: `${title}query of ${words[row]}, and all keys`,
      arrows: [this.#arrow("query", row, this.view.numbers.words[row]), ...this.#all("key")],
      marks: [
        { kind: "direction", through: [scaled(far, -1), far] },
        { kind: `projection ${sign}`, through: [[0, 0], foot] },
        { kind: "drop", through: [key, foot] },
      ],
      reading: this.#score(size, size ? dot(query, key) / size : 0, dot(query, key)),
    };
  }

  /**
   * @param {number} size of the query
   * @param {number} along how far the key goes in the direction of the query
   * @param {number} score
   */
  #score(size, along, score) {
    const { words, row, view } = this;
    const of = words[view.key];
    const product = `length of the query · projection of the key ${of} = ${shown(size)} · ${bracketed(along)} = ${shown(score)}`;
    const weight = shown(this.weights[view.key], false);
    const masked = view.numbers.causal && view.key > row;
    if (view.step === 1) return `score = ${product}`;
    if (view.step === 2) return `scaled score of ${of} = ${shown(score)} / √2 = ${shown(score / Math.SQRT2)}`;
    if (view.step === 3)
      return masked ? `${of} comes after ${words[row]}: it is masked` : `${words[row]} may attend to ${of}`;
    return `weight of ${of} = ${weight}: the stronger a key's arrow, the more weight it gets`;
  }

  /** @returns {Picture} the weighted values, head to tail: their sum is the output */
  mixture() {
    const values = this.vectors.value;
    const seen = values.filter((_, s) => this.weights[s] > 0);
    /** @type {Vector} */
    let end = [0, 0];
    const chain = values.flatMap((value, s) => {
      if (!this.weights[s]) return [];
      const start = end;
      end = added(start, scaled(value, this.weights[s]));
      return [{ kind: "part", through: [start, end] }];
    });
    const terms = values.map((value, s) => `${shown(this.weights[s], false)}·${point(value)}`);
    return {
      title: `${this.title}all values, and the output of ${this.words[this.row]}`,
      arrows: [
        ...this.#all("value"),
        { kind: "output", name: "output", label: "output", to: this.output },
      ],
      marks: [{ kind: "hull", through: hull(seen) }, ...chain],
      reading: `output = ${terms.join(" + ")} = ${point(this.output)}`,
    };
  }
}

/** @param {number[]} row @returns {Vector} */
function vector(row) {
  return [row[0], row[1]];
}

/** @param {Vector} v */
function point(v) {
  return `(${v.map((x) => shown(x)).join(",\u00a0")})`; // it stays on one line
}

/** @param {number} x */
function bracketed(x) {
  return x < 0 ? `(${shown(x)})` : shown(x);
}
