// @ts-check
/**
 * `<gpt-playground checksum="… …">`: the GPT of the book, writing on from the reader's words, and the
 * model with an induction head.
 *
 * What is inside is what a reader without JavaScript gets, and what stands there until the reader asks
 * for the models. Then the weights of both are fetched, and all is computed on this machine. The
 * arithmetic is in model/, the parts of the page in playground/; the look is in gpt-playground.css.
 */
import { make } from "./dom.js";
import "./alignment-view.js";
import "./head-view.js";
import { LanguageModel } from "./model/language-model.js";
import { ModelFileError, download, explained, parsedJSON } from "./model/model-file.js";
import { inductionView } from "./playground/induction.js";
import { button } from "./playground/sentence.js";
import { writingView } from "./playground/writing.js";

const NAMES = ["gpt", "induction"]; // in the order of the checksums

class GPTPlayground extends HTMLElement {
  #status = make("p", "playground-note");
  #stop = () => {};

  connectedCallback() {
    if (this.#status.isConnected) return; // built before, and only moved
    this.#status.setAttribute("role", "status");
    const ask = button("Load the models", () => this.#load(ask));
    ask.classList.add("playground-load");
    const size = Math.round(Number(this.getAttribute("bytes") ?? 0) / 1000);
    const about = make("span", "", size ? ` ${size} KB. All is computed on your machine; nothing is sent anywhere.` : "");
    this.prepend(make("div", "playground-start", ask, about), this.#status);
  }

  disconnectedCallback() {
    this.#stop();
  }

  /** @param {HTMLButtonElement} ask */
  async #load(ask) {
    ask.disabled = true;
    this.#status.textContent = "Loading the models";
    try {
      const checksums = (this.getAttribute("checksum") ?? "").split(" ");
      if (checksums.length < NAMES.length) throw new ModelFileError("This copy of the site was built without the models.");
      const folders = NAMES.map((name, i) => new URL(`weights/${name}/?${checksums[i]}`, import.meta.url));
      const [gpt, induction] = await Promise.all(folders.map((folder, i) => LanguageModel.load(folder, checksums[i])));
      const prompts = await download(new URL("sentences.json", folders[0])).then(parsedJSON);
      this.#show(gpt, induction, prompts);
    } catch (error) {
      this.#status.textContent = explained(error);
      ask.disabled = false;
      ask.textContent = "Try again";
      if (document.activeElement === document.body) ask.focus(); // it had lost the focus
    }
  }

  /** @param {LanguageModel} gpt @param {LanguageModel} induction @param {string[]} prompts */
  #show(gpt, induction, prompts) {
    const writing = writingView(gpt, prompts);
    this.#stop = writing.stop;
    /** @type {[string, () => HTMLElement[]][]} */
    const modes = [
      ["Write on", () => writing.elements],
      ["Find the induction head", once(() => inductionView(induction))],
      ["The same test for the GPT", once(() => inductionView(gpt))],
    ];
    const stage = make("div", "");
    const radios = modes.map(([name, elements], i) => {
      const radio = make("input", "");
      Object.assign(radio, { type: "radio", name: "gpt-playground-mode", autocomplete: "off", checked: i === 0 });
      radio.addEventListener("change", () => (this.#stop(), stage.replaceChildren(...elements())));
      return make("label", "", radio, name);
    });
    stage.replaceChildren(...writing.elements);
    this.replaceChildren(make("fieldset", "playground-modes", make("legend", "hidden", "Experiment"), ...radios), stage);
    // The reader may have gone on meanwhile.
    if (document.activeElement === document.body) radios[0].querySelector("input")?.focus();
    this.dispatchEvent(new CustomEvent("playground-ready", { bubbles: true, detail: writing.experiment }));
  }
}

/**
 * @template T
 * @param {() => T} make
 * @returns {() => T} what is made at the first call
 */
function once(make) {
  /** @type {T | undefined} */
  let made;
  return () => (made ??= make());
}

if (!customElements.get("gpt-playground")) customElements.define("gpt-playground", GPTPlayground);
