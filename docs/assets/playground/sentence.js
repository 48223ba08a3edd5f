// @ts-check
/** The field for what a model reads: words of its vocabulary are completed, unknown ones are named. */
import { make } from "../dom.js";

/**
 * What reads the field: `problem` says what is wrong with a text, nothing if it can be read.
 * @typedef {{ name: string, tokenizer: import("../model/words.js").WordTokenizer, problem: (text: string) => string }} Reader
 */

/**
 * @param {Reader} reader
 * @param {string[]} examples sentences that no model was trained on
 * @param {string} first
 * @param {(text: string) => void} onSentence called with each text that can be read
 */
export function sentenceField(reader, examples, first, onSentence) {
  const field = make("input", "");
  const list = make("datalist", "");
  const note = make("p", "playground-note");
  const id = `playground-sentence-${made++}`;
  Object.assign(field, { id, type: "text", value: first, autocomplete: "off", spellcheck: false, maxLength: 400 });
  field.setAttribute("list", `${id}-words`);
  field.setAttribute("aria-describedby", `${id}-note`);
  field.lang = "en";
  list.id = `${id}-words`;
  note.id = `${id}-note`;
  note.setAttribute("role", "status");

  const read = () => {
    list.replaceChildren(...completions(reader, field.value).map((text) => new Option(text)));
    const wrong = reader.problem(field.value);
    field.setAttribute("aria-invalid", String(wrong !== ""));
    note.replaceChildren(...(wrong ? [wrong] : unknown(reader, field, read)));
    if (!wrong) onSentence(field.value);
  };
  field.addEventListener("input", read);
  read();

  const random = button("Random sentence", () => {
    const others = examples.filter((text) => text !== field.value);
    field.value = others[Math.floor(Math.random() * others.length)];
    read();
  });
  const label = make("label", "", reader.name);
  label.htmlFor = id;
  return make("div", "playground-sentence", label, make("div", "playground-row", field, random), list, note);
}

let made = 0;

/** @param {string} text @param {() => void} act */
export function button(text, act) {
  const element = make("button", "", text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

/** The text with its last word completed. @param {Reader} reader @param {string} text */
function completions({ tokenizer }, text) {
  const last = text.match(/\p{L}+$/u)?.[0] ?? "";
  if (!last) return [];
  const before = text.slice(0, text.length - last.length);
  const matching = tokenizer.words.filter((word) => word.startsWith(last) && word !== last);
  return matching.slice(0, 8).map((word) => before + word);
}

/**
 * For each unknown word, a line with the words that are spelled like it, to be put in its place.
 * @param {Reader} reader
 * @param {HTMLInputElement} field
 * @param {() => void} read
 */
function unknown({ tokenizer }, field, read) {
  const words = new Set(tokenizer.tokenize(field.value).filter((word) => !tokenizer.knows(word)));
  return [...words].map((word) => {
    const near = tokenizer.near(word).map((known) =>
      button(known, () => {
        field.value = tokenizer.replaced(field.value, word, known);
        read();
        field.focus();
      }),
    );
    const hint = near.length ? "; try " : "";
    return make("span", "", `“${word}” is not in the vocabulary, so the model reads <unk>${hint}`, ...near);
  });
}
