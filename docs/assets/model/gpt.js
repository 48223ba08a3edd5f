// @ts-check
/**
 * The GPT of the book, trained: a text goes through its blocks token by token.
 *
 * It is attention.models.gpt in JavaScript, with pre-norm and learned positions, for a batch of one
 * text. What a reader may want to see on the way is in what `step` returns.
 */
import { dot } from "../attention-math.js";
import { FeedForward, LayerNorm, MultiHeadAttention, gelu, headNames, plus } from "./layers.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("./layers.js").Attention} Attention */
/** @typedef {import("./layers.js").Cache} Cache */
/** @typedef {import("./layers.js").FeedForwardSteps} FeedForwardSteps */
/** @typedef {import("./model-file.js").Tensors} Tensors */
/** @typedef {{ vocab_size: number, d_model: number, n_heads: number, n_layers: number, max_len: number }} Config */

/**
 * What a block computed: `x` is what went in, the residual stream; of each sublayer what its norm gave
 * it, and its steps; `middle` is the stream after attention.
 * @typedef {{ x: Matrix, attention_norm: Matrix, attention: Attention, middle: Matrix, feed_forward_norm: Matrix, feed_forward: FeedForwardSteps, output: Matrix }} BlockSteps
 * @typedef {{ embedding: Matrix, positions: Matrix, x: Matrix }} Embedded
 * @typedef {{ embedded: Embedded, blocks: BlockSteps[], hidden: number[], logits: number[] }} Steps
 * @typedef {{ length: number, caches: Cache[] }} State
 */

/** @type {Set<string>} */
const NONE = new Set();

export class GPT {
  /** @param {Config} config @param {Tensors} tensors */
  constructor(config, tensors) {
    this.config = config;
    this.embedding = tensors.matrix("embedding.weight");
    this.positions = tensors.matrix("positions.weight");
    const numbers = [...Array(config.n_layers).keys()];
    this.blocks = numbers.map((n) => new Block(tensors, `layers.${n}`, config.n_heads));
    this.norm = new LayerNorm(tensors, "norm");
  }

  /** The names of all heads, as `ablated` has them. */
  get heads() {
    return headNames(this.layers);
  }

  /** All attention layers. @returns {MultiHeadAttention[]} */
  get layers() {
    return this.blocks.map(({ attention }) => attention);
  }

  /** @returns {State} before the first token */
  start() {
    return { length: 0, caches: this.blocks.map(() => ({ K: [], V: [] })) };
  }

  /**
   * Process one token: its keys and values are appended to the caches, so earlier ones aren't computed
   * again. The state before stays as it was.
   * @param {State} state of fewer than `max_len` tokens
   * @param {number} id
   * @param {Set<string>} [ablated] the heads that add nothing
   * @returns {[Steps, State]} the logits are of the token after it
   */
  step({ length, caches }, id, ablated = NONE) {
    if (length >= this.config.max_len)
      throw new RangeError(`${length + 1} tokens, but this model has ${this.config.max_len} positions`);
    const embedding = [this.embedding[id]];
    const positions = [this.positions[length]];
    const embedded = { embedding, positions, x: plus(embedding, positions) };
    let x = embedded.x;
    /** @type {Cache[]} */
    const after = [];
    const blocks = this.blocks.map((block, n) => {
      const [steps, cache] = block.of(x, caches[n], ablated);
      after.push(cache);
      x = steps.output;
      return steps;
    });
    const [hidden] = this.norm.of(x);
    const logits = this.embedding.map((token) => dot(token, hidden)); // tied to the embedding
    return [
      { embedded, blocks, hidden, logits },
      { length: length + 1, caches: after },
    ];
  }
}

/** A pre-norm decoder block: self-attention, then a feed-forward network, each in a residual connection. */
class Block {
  /** @param {Tensors} tensors @param {string} name "layers.0" @param {number} heads */
  constructor(tensors, name, heads) {
    this.attentionNorm = new LayerNorm(tensors, `${name}.attention_norm`);
    this.attention = new MultiHeadAttention(tensors, `${name}.attention`, heads);
    this.feedForwardNorm = new LayerNorm(tensors, `${name}.feed_forward_norm`);
    this.feedForward = new FeedForward(tensors, `${name}.feed_forward`, gelu);
  }

  /**
   * @param {Matrix} x
   * @param {Cache} before keys and values of earlier tokens
   * @param {Set<string>} ablated
   * @returns {[BlockSteps, Cache]}
   */
  of(x, before, ablated) {
    const attention_norm = this.attentionNorm.of(x);
    const cache = this.attention.remember(attention_norm, before);
    const attention = this.attention.of(attention_norm, cache, ablated);
    const middle = plus(x, attention.output);
    const feed_forward_norm = this.feedForwardNorm.of(middle);
    const feed_forward = this.feedForward.of(feed_forward_norm);
    const output = plus(middle, feed_forward.output);
    return [{ x, attention_norm, attention, middle, feed_forward_norm, feed_forward, output }, cache];
  }
}
