// @ts-check
/** The parts of the model, from the source tokens to the next token, each with its matrices. */
import { softmax } from "../attention-math.js";
import { argmax, candidates } from "../model/decoding.js";
import { WordTokenizer } from "../model/words.js";
import { ofAddNorm, ofAttention, ofEmbedding, ofFeedForward, ofOutput, tokens } from "./exhibits.js";
import { KINDS } from "./tables.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("./exhibits.js").Axis} Axis */
/** @typedef {import("./exhibits.js").Exhibit} Exhibit */
/** @typedef {import("./forward-pass.js").ForwardPass} ForwardPass */

/**
 * @typedef {object} Station
 * @property {string} id as in PyTorch, "decoder.1.cross_attention"
 * @property {string} name
 * @property {number} [block] its number, from 1
 * @property {number} heads 0 where there is no attention
 * @property {Matrix} tensor its output, or what is shown of it
 * @property {string} shape of its output
 * @property {Matrix[]} maps the weights of each head of an attention layer
 * @property {string} about what it does
 * @property {keyof typeof CHAPTERS} chapter that explains it
 * @property {(head: number) => Exhibit[]} exhibits in the order in which they are computed
 * @property {number} opens the exhibit that is shown first
 */

/** Where each part is explained, from the root of the site. */
export const CHAPTERS = {
  embedding: ["The Transformer: token ids to vectors", "models/transformer/#token-ids-to-vectors"],
  encoder: ["The matrix math of self-attention", "attention/self-attention-math/#the-formula"],
  decoder: ["The matrix math of masked self-attention", "attention/masked-self-attention-math/#the-mask-as-a-matrix"],
  cross: ["Encoder-decoder attention", "attention/encoder-decoder-attention/#two-sequences-one-attention"],
  norm: ["The Transformer: layer normalisation", "models/transformer/#layer-normalisation-before-or-after"],
  feedForward: ["The Transformer: the feed-forward network", "models/transformer/#the-code"],
  output: ["The Transformer: weight tying", "models/transformer/#the-code"],
  softmax: ["The Transformer: decoding", "models/transformer/#decoding-with-a-kv-cache"],
};

const ABOUT = {
  encoder: "Every source token attends to every source token.",
  decoder: "Every target token attends to itself and to earlier tokens; later ones are masked.",
  cross: "The queries are of the target, the keys and values of the memory: each target token attends to the source.",
};

const BEST = 8; // tokens after the last row that are shown, as beside the attention weights

/** @param {ForwardPass} pass @returns {{ encoder: Station[], decoder: Station[] }} */
export function stations(pass) {
  const { model } = pass.translator;
  return {
    encoder: [
      embedding(pass, "encoder", model.sourceEmbedding, pass.translator.source.encode(pass.source)),
      ...model.encoder.flatMap((_, n) => block(pass, "encoder", n)),
    ],
    decoder: [
      embedding(pass, "decoder", model.targetEmbedding, targetIds(pass)),
      ...model.decoder.flatMap((_, n) => block(pass, "decoder", n)),
      ...output(pass),
    ],
  };
}

/** @param {ForwardPass} pass */
function targetIds({ target, translator }) {
  return [WordTokenizer.special.bos, ...translator.target.encode(target.slice(1))];
}

/** @param {ForwardPass} pass @param {"encoder" | "decoder"} stack @param {Matrix} table @param {number[]} ids @returns {Station} */
function embedding(pass, stack, table, ids) {
  const { embedded } = pass[stack];
  return {
    id: `${stack}.embedding`,
    name: "Embeddings + positions",
    heads: 0,
    tensor: embedded.x,
    shape: shapeOf(embedded.x),
    maps: [],
    about: "Each token id becomes a vector, and the encoding of its position is added.",
    chapter: "embedding",
    exhibits: () => ofEmbedding(table, ids, embedded, rowsOf(pass, stack)),
    opens: 2,
  };
}

/** The sublayers of a block, and after each its residual connection and norm. @param {ForwardPass} pass @param {"encoder" | "decoder"} stack @param {number} n @returns {Station[]} */
function block(pass, stack, n) {
  const layers = pass.translator.model[stack][n];
  const steps = pass[stack].blocks[n];
  const rows = rowsOf(pass, stack);
  const id = `${stack}.${n}`;
  /** @param {"self_attention" | "cross_attention" | "feed_forward"} sublayer @param {Parameters<typeof ofAddNorm>[0]} layer @param {Matrix} x @param {Matrix} added @param {Matrix} tensor @returns {Station} */
  const norm = (sublayer, layer, x, added, tensor) => ({
    id: `${id}.${sublayer}_norm`,
    name: "Add & norm",
    block: n + 1,
    heads: 0,
    tensor,
    shape: shapeOf(tensor),
    maps: [],
    about: "What went into the sublayer is added to what came out of it; then each vector is normalised.",
    chapter: "norm",
    exhibits: () => ofAddNorm(layer, x, added, tensor, rows),
    opens: 1,
  });
  /** @param {"self_attention" | "cross_attention"} sublayer @param {Parameters<typeof ofAttention>[0]["layer"]} layer @param {import("../model/layers.js").Attention} attention @param {Matrix} x @param {Matrix} memory @returns {Station} */
  const attention = (sublayer, layer, attention, x, memory) => {
    const kind = sublayer === "cross_attention" ? "cross" : stack;
    const names = kind === "decoder" ? pass.target : pass.source;
    const call = {
      layer,
      steps: attention,
      x,
      memory,
      queries: { ...rows, title: "query (token)", colour: "query" },
      keys: tokens("key (token)", names, kind === "decoder", "key"),
      ablated: pass.ablated,
    };
    return {
      id: layer.name,
      name: kind === "encoder" ? "Self-attention" : kind === "decoder" ? "Masked self-attention" : KINDS.cross,
      block: n + 1,
      heads: layer.heads,
      tensor: attention.output,
      shape: shapeOf(attention.output),
      maps: attention.heads.map(({ weights }) => weights),
      about: ABOUT[kind],
      chapter: kind,
      exhibits: (head) => ofAttention(call, head),
      opens: 5,
    };
  };
  const attended = steps.self_attention_norm;
  const list = [
    attention("self_attention", layers.selfAttention, steps.self_attention, steps.x, steps.x),
    norm("self_attention", layers.selfAttentionNorm, steps.x, steps.self_attention.output, attended),
  ];
  let x = attended;
  if (layers.crossAttention && layers.crossAttentionNorm && steps.cross_attention && steps.cross_attention_norm) {
    const { cross_attention, cross_attention_norm } = steps;
    list.push(
      attention("cross_attention", layers.crossAttention, cross_attention, x, pass.memory),
      norm("cross_attention", layers.crossAttentionNorm, x, cross_attention.output, cross_attention_norm),
    );
    x = cross_attention_norm;
  }
  return [
    ...list,
    {
      id: `${id}.feed_forward`,
      name: "Feed-forward",
      block: n + 1,
      heads: 0,
      tensor: steps.feed_forward.output,
      shape: shapeOf(steps.feed_forward.output),
      maps: [],
      about: "The same two linear layers for each token, with ReLU between them.",
      chapter: "feedForward",
      exhibits: () => ofFeedForward(layers.feedForward, x, steps.feed_forward, rows),
      opens: 1,
    },
    norm("feed_forward", layers.feedForwardNorm, x, steps.feed_forward.output, steps.output),
  ];
}

/** @param {ForwardPass} pass @returns {Station[]} */
function output(pass) {
  const { translator, hidden, logits } = pass;
  const shape = shapeOf(logits);
  const ids = best(logits);
  const columns = tokens("next token", translator.target.tokens(ids), true);
  const shown = ofOutput(translator.model.targetEmbedding, hidden, logits, ids, rowsOf(pass, "decoder"), columns);
  const which = `Of the ${logits[0].length} columns you see the most probable token of each row, and the runners-up of the last.`;
  return [
    {
      id: "output",
      name: "Output projection",
      heads: 0,
      tensor: shown.logits.values,
      shape,
      maps: [],
      about: `Logits are dot products of hidden states with the target embeddings, to which the projection is tied. ${which}`,
      chapter: "output",
      exhibits: () => [shown.hidden, shown.logits],
      opens: 1,
    },
    {
      id: "softmax",
      name: "Softmax",
      heads: 0,
      tensor: shown.softmax.values,
      shape,
      maps: [],
      about: `Each row of logits becomes the probabilities of the next token. ${which}`,
      chapter: "softmax",
      exhibits: () => [shown.logits, shown.softmax],
      opens: 1,
    },
  ];
}

/** The most probable token of each row, then those of the last row. @param {Matrix} logits @returns {number[]} ids */
function best(logits) {
  const runnersUp = candidates(logits[logits.length - 1], softmax(logits[logits.length - 1]), BEST);
  return [...new Set([...logits.map(argmax), ...runnersUp.map(({ id }) => id)])];
}

/** @param {Matrix} matrix */
function shapeOf(matrix) {
  return `${matrix.length} × ${matrix[0].length}`;
}

/** @param {ForwardPass} pass @param {"encoder" | "decoder"} stack */
function rowsOf(pass, stack) {
  return stack === "encoder" ? tokens("token", pass.source, false, "source") : tokens("token", pass.target, true, "target");
}
