// @ts-check
/** What a layer attended to, out of all that a model computed. */

/** @typedef {import("../attention-math.js").Matrix} Matrix */
/** @typedef {{ blocks: Record<string, any>[] }} Call what a model returned for one token, or for several */

/**
 * A row for each query, in order.
 * @param {Call[]} calls
 * @param {string} layer as in PyTorch, "decoder.1.cross_attention"
 * @param {number} [head] the mean of all heads unless given
 * @returns {Matrix}
 */
export function weightsOf(calls, layer, head) {
  return calls.flatMap((call) => {
    const heads = attentionOf(call, layer).heads.map(({ weights }) => weights);
    return head === undefined ? mean(heads) : heads[head];
  });
}

/** All steps of one layer. @param {Call} call @param {string} layer @returns {import("./layers.js").Attention} */
export function attentionOf({ blocks }, layer) {
  const [, number, sublayer] = layer.split(".");
  return blocks[Number(number)][sublayer];
}

/** @param {Matrix[]} tables @returns {Matrix} */
function mean(tables) {
  return tables[0].map((row, t) =>
    row.map((_, s) => tables.reduce((sum, table) => sum + table[t][s], 0) / tables.length),
  );
}
