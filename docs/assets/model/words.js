// @ts-check
/** The package's word-level tokenizer: a token for each word or punctuation mark. */

const SPECIAL = { pad: 0, unk: 1, bos: 2, eos: 3 };
const WORD = /[\p{L}\p{M}\p{N}_]+(?:-[\p{L}\p{M}\p{N}_]+)*['’]?|[^\p{L}\p{M}\p{N}_\s]/gu;

/** @typedef {{ tokenizer: { model: { vocab: Record<string, number> } }, joins_left: string[], joins_right: string[] }} Saved */

export class WordTokenizer {
  static special = SPECIAL;

  /** @param {Saved} saved by `WordTokenizer.to_dict` */
  constructor({ tokenizer, joins_left, joins_right }) {
    this.ids = new Map(Object.entries(tokenizer.model.vocab));
    /** @type {string[]} */
    this.vocabulary = [];
    for (const [word, id] of this.ids) this.vocabulary[id] = word;
    this.joinsLeft = new Set(joins_left);
    this.joinsRight = new Set(joins_right);
  }

  /** The words of the vocabulary, without the special tokens. */
  get words() {
    return this.vocabulary.slice(SPECIAL.eos + 1);
  }

  /** @param {string} text @returns {string[]} */
  tokenize(text) {
    return text.normalize("NFC").match(WORD) ?? [];
  }

  /** @param {string} word */
  knows(word) {
    return (this.ids.get(word) ?? 0) > SPECIAL.eos;
  }

  /** @param {string[]} tokens @returns {number[]} */
  encode(tokens) {
    return tokens.map((token) => (this.knows(token) ? Number(this.ids.get(token)) : SPECIAL.unk));
  }

  /** @param {number[]} ids @returns {string[]} */
  tokens(ids) {
    return ids.map((id) => this.vocabulary[id]);
  }

  /** @param {string[]} tokens @returns {string} spaced as the training data was */
  detokenize(tokens) {
    return tokens.reduce((text, token, t) => {
      const joined = !text || this.joinsLeft.has(token) || this.joinsRight.has(tokens[t - 1]);
      return text + (joined ? token : ` ${token}`);
    }, "");
  }

  /** A text with another word in the place of each token that is `word`. @param {string} text @param {string} word @param {string} other */
  replaced(text, word, other) {
    return text.normalize("NFC").replace(WORD, (token) => (token === word ? other : token));
  }

  /** @param {string} word @param {number} [n] @returns {string[]} the most similar words, the most similar first */
  near(word, n = 3) {
    const lower = word.toLowerCase();
    return this.words
      .map((known) => ({ known, distance: editDistance(lower, known.toLowerCase()) }))
      .filter(({ known, distance }) => distance <= Math.max(1, Math.min(known.length, word.length) / 2))
      .filter(({ known, distance }) => distance < Math.max(known.length, word.length)) // a letter is the same
      .sort((a, b) => a.distance - b.distance)
      .slice(0, n)
      .map(({ known }) => known);
  }
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789";

/** A vocabulary of letters, and then digits, for a model that was trained on token ids alone. */
export class LetterTokenizer {
  /** @param {number} size */
  constructor(size) {
    this.words = [...LETTERS.slice(0, size)];
  }

  /** @param {string} text @returns {string[]} the letters of the vocabulary that are in it */
  tokenize(text) {
    return [...text.toUpperCase()].filter((letter) => this.words.includes(letter));
  }

  /** @param {string[]} tokens @returns {number[]} */
  encode(tokens) {
    return tokens.map((token) => this.words.indexOf(token));
  }

  /** @param {number[]} ids @returns {string[]} */
  tokens(ids) {
    return ids.map((id) => this.words[id]);
  }

  /** @param {string[]} tokens */
  detokenize(tokens) {
    return tokens.join(" ");
  }
}

/** Levenshtein's: the fewest letters to insert, delete or replace. @param {string} a @param {string} b */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const above = row;
    row = [i + 1];
    for (let j = 0; j < b.length; j++)
      row.push(Math.min(above[j] + Number(a[i] !== b[j]), above[j + 1] + 1, row[j] + 1));
  }
  return row[b.length];
}
