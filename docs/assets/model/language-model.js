// @ts-check
/** A trained GPT with its tokenizer: from a prompt to the text that it continues. */
import { weightsOf } from "./attention-weights.js";
import { GPT } from "./gpt.js";
import { ModelFileError, loadModel } from "./model-file.js";
import { LetterTokenizer, WordTokenizer } from "./words.js";

const { bos, eos } = WordTokenizer.special;

/** @typedef {import("./gpt.js").Steps} Steps */
/** @typedef {import("./gpt.js").State} State */
/** @typedef {WordTokenizer | LetterTokenizer} Tokenizer */

export class LanguageModel {
  /** @param {{ arch: string, config: any, tokenizer?: any }} saved model.json @param {import("./model-file.js").Tensors} tensors */
  constructor(saved, tensors) {
    if (saved?.arch !== "gpt") throw new ModelFileError("The model file is of another version: it holds no GPT.");
    this.model = new GPT(saved.config, tensors);
    /** @type {Tokenizer} a model of letters was trained on token ids alone, without special tokens */
    this.tokenizer = saved.tokenizer ? new WordTokenizer(saved.tokenizer) : new LetterTokenizer(saved.config.vocab_size);
  }

  /**
   * @param {URL} folder see `loadModel`
   * @param {string} [checksum]
   * @param {(bytes: number, total: number) => void} [onProgress]
   */
  static async load(folder, checksum, onProgress) {
    const { saved, tensors } = await loadModel(folder, "model.json", checksum, onProgress);
    return new LanguageModel(saved, tensors);
  }

  /** The most tokens that the model can read, `<s>` among them. */
  get limit() {
    return this.model.config.max_len;
  }

  /** The special tokens with which a text begins and ends, where the model has them. */
  get special() {
    return this.tokenizer instanceof WordTokenizer ? { first: [bos], last: eos } : { first: [], last: -1 };
  }

  /** @param {string} prompt @param {Set<string>} [ablated] the heads that add nothing */
  begin(prompt, ablated) {
    const ids = this.tokenizer.encode(this.tokenizer.tokenize(prompt));
    return new Text(this, [...this.special.first, ...ids], ablated);
  }
}

/** A text in the making: the model has read its prompt, and one token after the other is generated. */
export class Text {
  /** @type {string[]} a decoder alone has no source */
  source = [];
  /** @type {number[]} all tokens, with `<s>`, and with `</s>` at the end of a complete text */
  ids = [];
  /** @type {Steps[]} what was computed at each token that the model has read */
  steps = [];
  /** @type {State} */
  #state;

  /** @param {LanguageModel} writer @param {number[]} prompt at least one token, at most `writer.limit` @param {Set<string>} [ablated] */
  constructor(writer, prompt, ablated) {
    this.writer = writer;
    this.ablated = ablated;
    this.promptLength = prompt.length;
    this.#state = writer.model.start();
    for (const id of prompt) this.write(id);
  }

  /** The logits of the next token. */
  get logits() {
    return this.steps[this.steps.length - 1].logits;
  }

  /** Whether the model has no position left for another token. */
  get full() {
    return this.steps.length === this.writer.limit;
  }

  /** Whether the text is complete, or has as many tokens as the model can write. */
  get ended() {
    return this.ids.length > this.steps.length;
  }

  /** The tokens that were generated. */
  get tokens() {
    return this.tokenizer.tokens(this.ids.slice(this.promptLength));
  }

  /** The token that each query reads. */
  get inputs() {
    return this.tokenizer.tokens(this.ids.slice(0, this.steps.length));
  }

  /** The token that follows each of them, predicted at the earliest after the prompt. */
  get targets() {
    const following = this.tokenizer.tokens(this.ids.slice(1));
    return this.ended ? following : [...following, "…"];
  }

  /** The first query whose target is French: a training line is English, then "=", then French. */
  get french() {
    return this.inputs.indexOf("=") >>> 0; // a number beyond all, if there is none
  }

  get layers() {
    return this.writer.model.layers;
  }

  get tokenizer() {
    return this.writer.tokenizer;
  }

  /** What was generated, without `</s>`. */
  get text() {
    return this.tokenizer.detokenize(this.tokens.filter((token) => token !== "</s>"));
  }

  /** @param {number} id the next token, of the prompt, predicted or chosen; not of a text that has ended */
  write(id) {
    this.ids.push(id);
    if (id === this.writer.special.last || this.full) return;
    const [steps, state] = this.writer.model.step(this.#state, id, this.ablated);
    this.steps.push(steps);
    this.#state = state;
  }

  /** @param {string} layer "layers.0.attention" @param {number} [head] the mean of all heads unless given */
  weights(layer, head) {
    return weightsOf(this.steps, layer, head);
  }
}
