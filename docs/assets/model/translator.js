// @ts-check
/** A trained Transformer with its two tokenizers: from a sentence to its translation. */
import { weightsOf } from "./attention-weights.js";
import { argmax, withoutSpecial } from "./decoding.js";
import { ModelFileError, loadModel } from "./model-file.js";
import { Transformer } from "./transformer.js";
import { WordTokenizer } from "./words.js";

const { bos, eos } = WordTokenizer.special;

/** @typedef {import("./transformer.js").Decoded} Decoded */

export class Translator {
  /**
   * @param {{ arch: string, config: any, source: any, target: any }} saved translator.json
   * @param {import("./model-file.js").Tensors} tensors
   */
  constructor(saved, tensors) {
    if (saved?.arch !== "transformer")
      throw new ModelFileError("The model file is of another version: it holds no Transformer.");
    this.model = new Transformer(saved.config, tensors);
    this.source = new WordTokenizer(saved.source);
    this.target = new WordTokenizer(saved.target);
  }

  /**
   * Fetch the two files that `Translator.save` of the package writes.
   * @param {URL} folder its address, which ends in a slash; what follows a `?` goes to both files
   * @param {string} [checksum] of the weights that this page was built with
   * @param {(bytes: number, total: number) => void} [onProgress]
   */
  static async load(folder, checksum, onProgress) {
    const { saved, tensors } = await loadModel(folder, "translator.json", checksum, onProgress);
    return new Translator(saved, tensors);
  }

  /** @param {string} text @param {Set<string>} [ablated] the heads that add nothing */
  begin(text, ablated) {
    return new Translation(this, this.source.tokenize(text), ablated);
  }

  /** Greedy search: the most probable token at each step. @param {string} text @param {Set<string>} [ablated] */
  translate(text, ablated) {
    const translation = this.begin(text, ablated);
    while (!translation.ended) translation.write(argmax(translation.logits));
    return translation;
  }
}

/** A translation in the making: the source is encoded, and one token after the other is decoded. */
export class Translation {
  /** @type {number[]} the tokens so far, without `<s>` and `</s>` */
  ids = [];
  /** @type {Decoded[]} what was computed to predict each token, and the next one */
  steps = [];
  ended = false;
  #state;

  /** @param {Translator} translator @param {string[]} source its tokens, of which there is at least one @param {Set<string>} [ablated] */
  constructor(translator, source, ablated) {
    this.translator = translator;
    this.source = source;
    this.ablated = ablated;
    this.encoded = translator.model.encode(translator.source.encode(source), ablated);
    this.#state = translator.model.start(this.encoded);
    this.#step(bos);
  }

  /** The logits of the next token; padding and `<s>` are never generated. */
  get logits() {
    return withoutSpecial(this.steps[this.steps.length - 1].logits);
  }

  /** Of the translation without its `</s>`. */
  get tokens() {
    return this.translator.target.tokens(this.ids);
  }

  /** The token that each query of the decoder reads. */
  get inputs() {
    return ["<s>", ...this.tokens].slice(0, this.steps.length);
  }

  /** The token that each of them predicted. */
  get targets() {
    return [...this.tokens, this.ended ? "</s>" : "…"].slice(0, this.steps.length);
  }

  /** The first query whose target is French. */
  get french() {
    return 0;
  }

  get layers() {
    return this.translator.model.layers;
  }

  /** Of what is generated. */
  get tokenizer() {
    return this.translator.target;
  }

  get text() {
    return this.translator.target.detokenize(this.tokens);
  }

  /** The most tokens of a translation, as in the package. */
  get limit() {
    return 2 * this.source.length + 10;
  }

  /** @param {number} id the next token, predicted or chosen */
  write(id) {
    if (id !== eos) this.ids.push(id);
    this.ended = id === eos || this.ids.length >= this.limit;
    if (!this.ended) this.#step(id);
  }

  /**
   * The attention weights of a head, a row for each query: those of the source in the encoder, and
   * in the decoder those that predicted the tokens of the translation, and the next one.
   * @param {string} layer "decoder.1.cross_attention"
   * @param {number} [head] the mean of all heads unless given
   * @returns {number[][]}
   */
  weights(layer, head) {
    return weightsOf(layer.startsWith("encoder") ? [this.encoded] : this.steps, layer, head);
  }

  /** @param {number} id */
  #step(id) {
    const [decoded, state] = this.translator.model.step(this.#state, id, this.ablated);
    this.steps.push(decoded);
    this.#state = state;
  }
}
