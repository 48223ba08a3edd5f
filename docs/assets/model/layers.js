// @ts-check
/**
 * The layers of a Transformer: linear, layer normalisation, attention, feed-forward.
 *
 * A function takes vectors in rows and gives vectors in rows. What a reader may want to see on the way
 * is in what it returns.
 */
import { concatenated, dot, scaledDotProductAttention, split } from "../attention-math.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("./model-file.js").Tensors} Tensors */
/** @typedef {ReturnType<typeof scaledDotProductAttention>} Head */
/** @typedef {{ Q: Matrix, K: Matrix, V: Matrix, heads: Head[], concatenated: Matrix, output: Matrix }} Attention */
/** @typedef {{ K: Matrix, V: Matrix }} Cache keys and values, a row for each token so far */
/** @typedef {{ inner: Matrix, output: Matrix }} FeedForwardSteps */

/** x Wᵀ + b, as in `torch.nn.Linear`. */
export class Linear {
  /** @param {Tensors} tensors @param {string} name */
  constructor(tensors, name) {
    this.weight = tensors.matrix(`${name}.weight`);
    this.bias = tensors.named.has(`${name}.bias`) ? tensors.vector(`${name}.bias`) : null;
  }

  /** @param {Matrix} X @returns {Matrix} */
  of(X) {
    return X.map((x) => this.weight.map((w, i) => dot(w, x) + (this.bias ? this.bias[i] : 0)));
  }
}

/** Each vector minus its mean, divided by its standard deviation; then a gain and a bias. */
export class LayerNorm {
  /** @param {Tensors} tensors @param {string} name */
  constructor(tensors, name) {
    this.gain = tensors.vector(`${name}.weight`);
    this.bias = tensors.vector(`${name}.bias`);
  }

  /** @param {Matrix} X @returns {Matrix} */
  of(X) {
    return X.map((x) => {
      const mean = x.reduce((sum, a) => sum + a) / x.length;
      const variance = x.reduce((sum, a) => sum + (a - mean) ** 2, 0) / x.length;
      const scale = 1 / Math.sqrt(variance + 1e-5);
      return x.map((a, i) => (a - mean) * scale * this.gain[i] + this.bias[i]);
    });
  }
}

/** Multi-head attention over the keys and values of a cache. */
export class MultiHeadAttention {
  /** @param {Tensors} tensors @param {string} name as in PyTorch, "decoder.1.cross_attention" @param {number} heads */
  constructor(tensors, name, heads) {
    this.name = name;
    this.heads = heads;
    this.W_q = new Linear(tensors, `${name}.W_q`);
    this.W_k = new Linear(tensors, `${name}.W_k`);
    this.W_v = new Linear(tensors, `${name}.W_v`);
    this.W_o = new Linear(tensors, `${name}.W_o`);
  }

  /**
   * Append keys and values, to which later calls of `of` attend.
   * @param {Matrix} memory
   * @param {Cache} [cache]
   * @returns {Cache}
   */
  remember(memory, cache = { K: [], V: [] }) {
    return { K: [...cache.K, ...this.W_k.of(memory)], V: [...cache.V, ...this.W_v.of(memory)] };
  }

  /**
   * No mask is needed: in decoding, the tokens that a causal mask would hide don't exist yet.
   * @param {Matrix} X one query for each row
   * @param {Cache} cache
   * @param {Set<string>} ablated heads whose output is set to zero, as "decoder.1.cross_attention.0"
   * @returns {Attention}
   */
  of(X, { K, V }, ablated) {
    const Q = this.W_q.of(X);
    const [q, k, v] = [Q, K, V].map((M) => split(M, this.heads));
    const heads = q.map((queries, head) => scaledDotProductAttention(queries, k[head], v[head]));
    const outputs = heads.map(({ output }, head) =>
      ablated.has(`${this.name}.${head}`) ? output.map((row) => row.map(() => 0)) : output,
    );
    const joined = concatenated(outputs);
    return { Q, K, V, heads, concatenated: joined, output: this.W_o.of(joined) };
  }
}

/** Two linear layers with an activation function between them. */
export class FeedForward {
  /** @param {Tensors} tensors @param {string} name @param {(x: number) => number} activation */
  constructor(tensors, name, activation) {
    this.W_1 = new Linear(tensors, `${name}.W_1`);
    this.W_2 = new Linear(tensors, `${name}.W_2`);
    this.activation = activation;
  }

  /** @param {Matrix} X @returns {FeedForwardSteps} */
  of(X) {
    const inner = this.W_1.of(X).map((row) => row.map(this.activation));
    return { inner, output: this.W_2.of(inner) };
  }
}

/** GELU, as GPT-2 approximates it. @param {number} x */
export function gelu(x) {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** The names of all heads of some layers, as `ablated` has them. @param {MultiHeadAttention[]} layers */
export function headNames(layers) {
  return layers.flatMap(({ name, heads }) => [...Array(heads).keys()].map((h) => `${name}.${h}`));
}

/** @param {Matrix} A @param {Matrix} B @returns {Matrix} */
export function plus(A, B) {
  return A.map((row, t) => row.map((a, i) => a + B[t][i]));
}
