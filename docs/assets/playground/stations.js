// @ts-check
/** The parts of the model, from the source tokens to the next token, each with its matrices. */
import { softmax } from "../attention-math.js";
import { argmax, candidates } from "../model/decoding.js";
import { WordTokenizer } from "../model/words.js";
import { ofAttention } from "./attention-exhibits.js";
import { ofAddNorm, ofFeedForward } from "./exhibits.js";
import { ofEmbedding, ofOutput } from "./token-exhibits.js";

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {import("../model/layers.js").Attention} Attention */
/** @typedef {import("../model/layers.js").LayerNorm} LayerNorm */
/** @typedef {import("../model/layers.js").MultiHeadAttention} MultiHeadAttention */
/** @typedef {import("./chapters.js").Kind} Kind */
/** @typedef {import("./exhibits.js").Axis} Axis */
/** @typedef {import("./exhibits.js").Exhibit} Exhibit */
/** @typedef {import("./exhibits.js").Input} Input */
/** @typedef {import("./forward-pass.js").ForwardPass} ForwardPass */
/** @typedef {"encoder" | "decoder"} Stack */

/**
 * @typedef {object} Station
 * @property {string} id as in PyTorch, "decoder.1.cross_attention"
 * @property {Kind} kind
 * @property {number} [block] its number, from 1
 * @property {Matrix} tensor its output, or what is shown of it
 * @property {string} shape of its output
 * @property {Matrix[]} maps the weights of each head of an attention layer
 * @property {(head: number) => Exhibit[]} exhibits in the order in which they are computed
 * @property {string} [opens] the exhibit that is shown first; the last, unless given
 */

const BEST = 8; // tokens after the last row that are shown, as beside the attention weights

/** @param {ForwardPass} pass @returns {Record<Stack, Station[]>} */
export function stations(pass) {
  const { model, source } = pass.translator;
  const ids = [WordTokenizer.special.bos, ...pass.translator.target.encode(pass.target.slice(1))];
  return {
    encoder: [
      embedding(pass, "encoder", model.sourceEmbedding, source.encode(pass.source)),
      ...model.encoder.flatMap((_, n) => block(pass, "encoder", n)),
    ],
    decoder: [
      embedding(pass, "decoder", model.targetEmbedding, ids),
      ...model.decoder.flatMap((_, n) => block(pass, "decoder", n)),
      ...output(pass),
    ],
  };
}

/** @param {string} id @param {Kind} kind @param {Matrix} tensor @param {() => Exhibit[]} exhibits @returns {Station} */
function station(id, kind, tensor, exhibits) {
  const block = Number(id.split(".")[1]) + 1 || undefined;
  return { id, kind, block, tensor, shape: shapeOf(tensor), maps: [], exhibits };
}

/** @param {ForwardPass} pass @param {Stack} stack @param {Matrix} table @param {number[]} ids */
function embedding(pass, stack, table, ids) {
  const { embedded } = pass[stack];
  const exhibits = () => ofEmbedding(table, ids, embedded, rowsOf(pass, stack));
  return station(`${stack}.embedding`, "embedding", embedded.x, exhibits);
}

/** The sublayers of a block, and after each its residual connection and norm. @param {ForwardPass} pass @param {Stack} stack @param {number} n @returns {Station[]} */
function block(pass, stack, n) {
  const layers = pass.translator.model[stack][n];
  const steps = pass[stack].blocks[n];
  const id = `${stack}.${n}`;
  const input = into(pass, stack, n);
  const attended = from(`${id}.self_attention_norm`, "Normalised", steps.self_attention_norm);
  const parts = [
    attention(pass, layers.selfAttention, steps.self_attention, input, input),
    norm(pass, `${id}.self_attention`, layers.selfAttentionNorm, input, steps.self_attention.output, attended.values),
  ];
  let x = attended;
  const { cross_attention, cross_attention_norm } = steps;
  if (layers.crossAttention && layers.crossAttentionNorm && cross_attention && cross_attention_norm) {
    const memory = into(pass, "encoder", pass.encoder.blocks.length);
    parts.push(
      attention(pass, layers.crossAttention, cross_attention, x, memory),
      norm(pass, `${id}.cross_attention`, layers.crossAttentionNorm, x, cross_attention.output, cross_attention_norm),
    );
    x = from(`${id}.cross_attention_norm`, "Normalised", cross_attention_norm);
  }
  const { feed_forward } = steps;
  const name = `${id}.feed_forward`;
  const exhibits = () => ofFeedForward(layers.feedForward, x, feed_forward, rowsOf(pass, stack));
  return [
    ...parts,
    station(name, "feedForward", feed_forward.output, exhibits),
    norm(pass, name, layers.feedForwardNorm, x, feed_forward.output, steps.output),
  ];
}

/** @param {ForwardPass} pass @param {MultiHeadAttention} layer @param {Attention} steps @param {Input} x @param {Input} memory @returns {Station} */
function attention(pass, layer, steps, x, memory) {
  const stack = stackOf(layer.name);
  const kind = layer.name.endsWith("cross_attention") ? "cross" : stack;
  const queries = { ...rowsOf(pass, stack), title: "query (token)", colour: "query" };
  const keys = { ...rowsOf(pass, kind === "decoder" ? "decoder" : "encoder"), title: "key (token)", colour: "key" };
  const call = { layer, steps, x, memory, queries, keys, ablated: pass.ablated };
  return {
    ...station(layer.name, kind, steps.output, () => []),
    maps: steps.heads.map(({ weights }) => weights),
    exhibits: (head) => ofAttention(call, head),
    opens: "Weights",
  };
}

/** @param {ForwardPass} pass @param {string} sublayer @param {LayerNorm} layer @param {Input} x @param {Matrix} added @param {Matrix} output */
function norm(pass, sublayer, layer, x, added, output) {
  const name = sublayer.endsWith("attention") ? "Layer output" : "Output";
  const rows = rowsOf(pass, stackOf(sublayer));
  const exhibits = () => ofAddNorm(layer, x, from(sublayer, name, added), output, rows);
  return station(`${sublayer}_norm`, "norm", output, exhibits);
}

/** @param {ForwardPass} pass @returns {Station[]} */
function output(pass) {
  const { translator, logits } = pass;
  const ids = best(logits);
  const columns = { title: "next token", names: translator.target.tokens(ids), french: true, colour: "target" };
  const hidden = into(pass, "decoder", pass.decoder.blocks.length);
  const table = translator.model.targetEmbedding;
  const shown = ofOutput(table, hidden, logits, ids, rowsOf(pass, "decoder"), columns);
  return [
    station("output", "output", shown.logits.values, () => [shown.hidden, shown.logits]),
    station("softmax", "softmax", shown.probabilities.values, () => [shown.logits, shown.probabilities]),
  ].map((part) => ({ ...part, shape: shapeOf(logits) }));
}

/** The most probable token of each row, then those of the last row. @param {Matrix} logits @returns {number[]} ids */
function best(logits) {
  const last = logits[logits.length - 1];
  return [...new Set([...logits.map(argmax), ...candidates(last, softmax(last), BEST).map(({ id }) => id)])];
}

/** What goes into a block, or after the last block, into what follows. @param {ForwardPass} pass @param {Stack} stack @param {number} n */
function into(pass, stack, n) {
  const { embedded, blocks } = pass[stack];
  if (n === 0) return from(`${stack}.embedding`, "Sum", embedded.x);
  return from(`${stack}.${n - 1}.feed_forward_norm`, "Normalised", blocks[n - 1].output);
}

/** @param {string} part @param {string} name @param {Matrix} values @returns {Input} */
function from(part, name, values) {
  return { values, place: { part, name } };
}

/** @param {string} id @returns {Stack} */
function stackOf(id) {
  return id.startsWith("encoder") ? "encoder" : "decoder";
}

/** @param {ForwardPass} pass @param {Stack} stack @returns {Axis} */
function rowsOf(pass, stack) {
  if (stack === "encoder") return { title: "token", names: pass.source, colour: "source" };
  return { title: "token", names: pass.target, colour: "target", french: true };
}

/** @param {Matrix} matrix */
function shapeOf(matrix) {
  return `${matrix.length} × ${matrix[0].length}`;
}
