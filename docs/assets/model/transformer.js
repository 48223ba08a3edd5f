// @ts-check
/**
 * The Transformer of the book, trained: a source is encoded once, a translation decoded token by token.
 *
 * It is attention.models.transformer in JavaScript, with post-norm, for a batch of one sentence. What
 * a reader may want to see on the way is in what `encode` and `step` return.
 */
import { dot } from "../attention-math.js";
import { FeedForward, LayerNorm, MultiHeadAttention, headNames, plus } from "./layers.js";
import { ModelFileError } from "./model-file.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("./layers.js").Attention} Attention */
/** @typedef {import("./layers.js").Cache} Cache */
/** @typedef {import("./layers.js").FeedForwardSteps} FeedForwardSteps */
/** @typedef {import("./model-file.js").Tensors} Tensors */
/** @typedef {{ source_vocab_size: number, target_vocab_size: number, d_model: number, n_heads: number, n_layers: number, norm_first: boolean }} Config */

/**
 * What a block computed: `x` is what went in; of each sublayer its steps, and the vectors after its
 * residual connection and norm.
 * @typedef {{ x: Matrix, self_attention: Attention, self_attention_norm: Matrix, cross_attention?: Attention, cross_attention_norm?: Matrix, feed_forward: FeedForwardSteps, output: Matrix }} BlockSteps
 * @typedef {{ embedding: Matrix, positions: Matrix, x: Matrix }} Embedded
 * @typedef {{ embedded: Embedded, blocks: BlockSteps[], memory: Matrix }} Encoded
 * @typedef {{ embedded: Embedded, blocks: BlockSteps[], hidden: number[], logits: number[] }} Decoded
 * @typedef {{ length: number, caches: Cache[], memories: (Cache | undefined)[] }} State
 */

/** @type {Set<string>} */
const NONE = new Set();

export class Transformer {
  /** @param {Config} config @param {Tensors} tensors */
  constructor(config, tensors) {
    if (config.norm_first) throw new ModelFileError("This page reads models with post-norm only.");
    this.config = config;
    this.sourceEmbedding = tensors.matrix("source_embedding.weight");
    this.targetEmbedding = tensors.matrix("target_embedding.weight");
    const numbers = [...Array(config.n_layers).keys()];
    this.encoder = numbers.map((n) => new Block(tensors, `encoder.${n}`, config.n_heads));
    this.decoder = numbers.map((n) => new Block(tensors, `decoder.${n}`, config.n_heads));
  }

  /** The names of all heads, as `ablated` has them. */
  get heads() {
    return headNames(this.layers);
  }

  /** All attention layers, those of the encoder first. @returns {MultiHeadAttention[]} */
  get layers() {
    const blocks = [...this.encoder, ...this.decoder];
    return blocks.flatMap((block) => [block.selfAttention, block.crossAttention ?? []]).flat();
  }

  /**
   * @param {number[]} ids of the source tokens
   * @param {Set<string>} [ablated] the heads that add nothing
   * @returns {Encoded}
   */
  encode(ids, ablated = NONE) {
    const embedded = embed(this.sourceEmbedding, ids, 0);
    let x = embedded.x;
    const blocks = this.encoder.map((block) => {
      const steps = block.of(x, block.selfAttention.remember(x), ablated);
      x = steps.output;
      return steps;
    });
    return { embedded, blocks, memory: x };
  }

  /** @param {Encoded} encoded @returns {State} before the first token, `<s>` */
  start({ memory }) {
    const caches = this.decoder.map(() => ({ K: [], V: [] }));
    const memories = this.decoder.map(({ crossAttention }) => crossAttention?.remember(memory));
    return { length: 0, caches, memories };
  }

  /**
   * Decode one token: its keys and values are appended to the caches, so earlier ones aren't computed
   * again. The state before stays as it was, for other hypotheses to go on from.
   * @param {State} state
   * @param {number} id
   * @param {Set<string>} [ablated]
   * @returns {[Decoded, State]} the logits are of the token after it
   */
  step(state, id, ablated = NONE) {
    const embedded = embed(this.targetEmbedding, [id], state.length);
    let x = embedded.x;
    const caches = [...state.caches];
    const blocks = this.decoder.map((block, n) => {
      caches[n] = block.selfAttention.remember(x, caches[n]);
      const steps = block.of(x, caches[n], ablated, state.memories[n]);
      x = steps.output;
      return steps;
    });
    const hidden = x[0];
    const logits = this.targetEmbedding.map((token) => dot(token, hidden)); // tied to the embedding
    return [{ embedded, blocks, hidden, logits }, { ...state, length: state.length + 1, caches }];
  }
}

/** Self-attention, in the decoder also cross-attention, and a feed-forward network; each with add and norm. */
class Block {
  /** @param {Tensors} tensors @param {string} name "encoder.0" @param {number} heads */
  constructor(tensors, name, heads) {
    const norm = /** @param {string} sublayer */ (sublayer) =>
      new LayerNorm(tensors, `${name}.${sublayer}_norm.norm`);
    this.selfAttention = new MultiHeadAttention(tensors, `${name}.self_attention`, heads);
    this.selfAttentionNorm = norm("self_attention");
    if (name.startsWith("decoder")) {
      this.crossAttention = new MultiHeadAttention(tensors, `${name}.cross_attention`, heads);
      this.crossAttentionNorm = norm("cross_attention");
    }
    this.feedForward = new FeedForward(tensors, `${name}.feed_forward`, (a) => Math.max(0, a));
    this.feedForwardNorm = norm("feed_forward");
  }

  /**
   * @param {Matrix} x
   * @param {Cache} cache keys and values of self-attention
   * @param {Set<string>} ablated
   * @param {Cache} [memory] those of cross-attention, in a decoder block
   * @returns {BlockSteps}
   */
  of(x, cache, ablated, memory) {
    const self_attention = this.selfAttention.of(x, cache, ablated);
    const self_attention_norm = this.selfAttentionNorm.of(plus(x, self_attention.output));
    /** @type {Pick<BlockSteps, "cross_attention" | "cross_attention_norm">} */
    const cross = {};
    if (this.crossAttention && memory) {
      cross.cross_attention = this.crossAttention.of(self_attention_norm, memory, ablated);
      const sum = plus(self_attention_norm, cross.cross_attention.output);
      cross.cross_attention_norm = this.crossAttentionNorm?.of(sum);
    }
    const attended = cross.cross_attention_norm ?? self_attention_norm;
    const feed_forward = this.feedForward.of(attended);
    const output = this.feedForwardNorm.of(plus(attended, feed_forward.output));
    return { x, self_attention, self_attention_norm, ...cross, feed_forward, output };
  }
}

/** @param {Matrix} table @param {number[]} ids @param {number} first the position of the first @returns {Embedded} */
function embed(table, ids, first) {
  const width = table[0].length;
  const embedding = ids.map((id) => table[id].map((a) => a * Math.sqrt(width)));
  const positions = ids.map((_, t) => sinusoidalPosition(first + t, width));
  return { embedding, positions, x: plus(embedding, positions) };
}

/** @param {number} position @param {number} width @returns {number[]} */
function sinusoidalPosition(position, width) {
  return Array.from({ length: width }, (_, i) => {
    const angle = position / 10000 ** ((i - (i % 2)) / width);
    return i % 2 ? Math.cos(angle) : Math.sin(angle);
  });
}
