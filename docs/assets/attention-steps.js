// @ts-check
// The six steps of <attention-stepper> and the matrices that they make, in words.

/**
 * @typedef {import("./attention-math.js").Kind} Kind
 * @typedef {object} Step
 * @property {string} name
 * @property {Kind[]} shows what it is made from, then what it makes
 * @property {Kind[]} makes
 * @property {(causal: boolean) => string} tells
 * @property {(width: number, causal: boolean) => string} formula
 */

/** @type {Record<Kind, { caption: string, colour?: string }>} */
export const MATRICES = {
  X: { caption: "X: embeddings" },
  W_q: { caption: "W_q", colour: "query" },
  W_k: { caption: "W_k", colour: "key" },
  W_v: { caption: "W_v", colour: "value" },
  Q: { caption: "Q: queries", colour: "query" },
  K: { caption: "K: keys", colour: "key" },
  V: { caption: "V: values", colour: "value" },
  scores: { caption: "Scores" },
  scaled: { caption: "Scaled scores" },
  masked: { caption: "Masked scores" },
  weights: { caption: "A: weights", colour: "weights" },
  output: { caption: "Output" },
};

/** @type {Step[]} */
export const STEPS = [
  {
    name: "Project",
    shows: ["Q", "K", "V"],
    makes: ["Q", "K", "V"],
    tells: () => "Three matrices project each token's embedding to a query, a key and a value.",
    formula: () => "Q = X W_q,  K = X W_k,  V = X W_v",
  },
  {
    name: "Score",
    shows: ["Q", "K", "scores"],
    makes: ["scores"],
    tells: () => "Each score is the dot product of a query and a key.",
    formula: () => "scores = Q Kᵀ",
  },
  {
    name: "Scale",
    shows: ["scores", "scaled"],
    makes: ["scaled"],
    tells: () => "Each score is divided by the square root of the dimension of a key.",
    formula: (width) => `scaled scores = scores / √d_k = scores / √${width}`,
  },
  {
    name: "Mask",
    shows: ["scaled", "masked"],
    makes: ["masked"],
    tells: (causal) =>
      causal
        ? "A token may attend to itself and to earlier tokens. Every other score becomes −∞."
        : "No mask: every token may attend to every token. The causal mask hides later ones.",
    formula: (_, causal) =>
      `masked scores = scaled scores${causal ? ", but −∞ where the key comes after the query" : ""}`,
  },
  {
    name: "Softmax",
    shows: ["masked", "weights"],
    makes: ["weights"],
    tells: () => "Each row becomes weights: none is below zero, and together they are 1.",
    formula: () => "A = softmax(masked scores), row by row",
  },
  {
    name: "Weighted sum",
    shows: ["weights", "V", "output"],
    makes: ["output"],
    tells: () => "Each token's output is the sum of the values, weighted by its row of weights.",
    formula: () => "output = A V",
  },
];

/** Whether rows and columns are tokens: queries and keys. @param {Kind} kind */
export function isOfWords(kind) {
  return !["Q", "K", "V", "output", "X"].includes(kind);
}

/**
 * What to try first, with what will be seen; true of the numbers of the chapters.
 * @param {number} width
 * @param {number} heads
 * @param {boolean} causal
 */
export function suggestion(width, heads, causal) {
  if (width !== 2 * heads)
    return "The plane draws vectors of dimension 2: choose one head for dimension 2, or two for dimension 4.";
  const first = "Try this first, with the values of the chapter: in Score, drag the";
  if (heads === 2)
    return (
      `${first} query of “the” in head 2. The scores of head 1 stay as they are, because each head ` +
      "has components of its own."
    );
  if (causal)
    return (
      `${first} key of “European” onto the key of “Area”. Its score with the query of “Area” falls ` +
      "from 2 to −2, and in Softmax its weight falls from 0.77 to 0.16."
    );
  return (
    `${first} key of “European” onto the key of “Area”. Its score with the query of “the” rises ` +
    "from −2 to 2, and in Softmax the two share the attention: 0.40 each."
  );
}
