// @ts-check
/** What each kind of part of the model does, and where the book explains it. */

/** @typedef {keyof typeof KINDS} Kind */

const COLUMNS = "The columns are the most probable token of each row, and the runners-up of the last.";

/** Addresses are from the root of the site. */
export const KINDS = {
  embedding: {
    name: "Embeddings + positions",
    about: "Each token id becomes a vector, and the encoding of its position is added.",
    chapter: "The Transformer: token ids to vectors",
    address: "models/transformer/#token-ids-to-vectors",
  },
  encoder: {
    name: "Self-attention",
    about: "Every source token attends to every source token.",
    chapter: "The matrix math of self-attention",
    address: "attention/self-attention-math/#the-formula",
  },
  decoder: {
    name: "Masked self-attention",
    about: "Every target token attends to itself and to earlier tokens; later ones are masked.",
    chapter: "The matrix math of masked self-attention",
    address: "attention/masked-self-attention-math/#the-mask-as-a-matrix",
  },
  cross: {
    name: "Encoder-decoder attention",
    about: "Queries come from the target, keys and values from the memory: each target token attends to the source.",
    chapter: "Encoder-decoder attention",
    address: "attention/encoder-decoder-attention/#two-sequences-one-attention",
  },
  norm: {
    name: "Add & norm",
    about: "What went into the sublayer is added to what came out of it; then each vector is normalised.",
    chapter: "The Transformer: layer normalisation",
    address: "models/transformer/#layer-normalisation-before-or-after",
  },
  feedForward: {
    name: "Feed-forward",
    about: "The same two linear layers for each token, with ReLU between them.",
    chapter: "The Transformer: the feed-forward network",
    address: "models/transformer/#the-code",
  },
  output: {
    name: "Output projection, tied to the target embedding",
    about: `Logits are dot products of hidden states with the embeddings of all target tokens. ${COLUMNS}`,
    chapter: "The Transformer: weight tying",
    address: "models/transformer/#the-code",
  },
  softmax: {
    name: "Softmax",
    about: `Each row of logits becomes the probabilities of the next token; to sample, the logits are divided by the temperature first, and top-k and top-p leave out improbable tokens. ${COLUMNS}`,
    chapter: "The Transformer: decoding",
    address: "models/transformer/#decoding-with-a-kv-cache",
  },
};
