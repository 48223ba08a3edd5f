// @ts-check
/**
 * `<translator-playground checksum="…">`: the Transformer of the book, translating in the browser.
 *
 * What is inside is what a reader without JavaScript gets, and what stands there until the reader asks
 * for the model. Then its weights are fetched, and every sentence is translated on this machine.
 * The arithmetic is in model/, the parts of the page in playground/; the look is in
 * translator-playground.css.
 */
import { make, redraw, scroller } from "./dom.js";
import "./alignment-view.js";
import "./head-view.js";
import { ModelFileError, download, explained, parsedJSON } from "./model/model-file.js";
import { Translator } from "./model/translator.js";
import { beamTree } from "./playground/beam-tree.js";
import { comparison } from "./playground/comparison.js";
import { decodingControls, headSwitches, viewControls } from "./playground/controls.js";
import { DEFAULTS, Experiment, problem } from "./playground/experiment.js";
import { modelMap } from "./playground/model-map.js";
import { nextToken } from "./playground/next-token.js";
import { Player } from "./playground/player.js";
import { button, sentenceField } from "./playground/sentence.js";
import { addressOf, asPython, fromHash, isExperiment, toHash } from "./playground/share.js";
import { alignmentView, allHeads, named, tokensOf } from "./playground/tables.js";

class TranslatorPlayground extends HTMLElement {
  #status = make("p", "playground-note");
  #live = make("p", "hidden"); // says each token to those who listen
  /** @type {Player | undefined} */
  #player;
  #open = () => {}; // what a link to an experiment opens
  #follow = () => isExperiment(location.hash) && this.#open();
  #folder = new URL("weights/translator/", import.meta.url);

  connectedCallback() {
    addEventListener("hashchange", this.#follow);
    if (this.#status.isConnected) return; // built before, and only moved
    this.#folder.search = this.getAttribute("checksum") ?? "";
    this.#status.setAttribute("role", "status");
    this.#live.setAttribute("role", "status");
    const ask = button("Load the model", () => this.#load(ask));
    ask.classList.add("playground-load");
    const size = Math.round(Number(this.getAttribute("bytes") ?? 0) / 1000);
    const about = make("span", "", size ? ` ${size} KB. All is computed on your machine; nothing is sent anywhere.` : "");
    this.prepend(make("div", "playground-start", ask, about), this.#status);
    this.#open = () => void (ask.disabled || this.#load(ask));
    this.#follow();
  }

  disconnectedCallback() {
    removeEventListener("hashchange", this.#follow);
    this.#player?.stop();
  }

  /** @param {HTMLButtonElement} ask */
  async #load(ask) {
    ask.disabled = true;
    let failed = false; // of two files one may fail while the other still arrives
    try {
      const checksum = this.getAttribute("checksum");
      if (!checksum) throw new ModelFileError("This copy of the site was built without the model.");
      const [translator, sentences] = await Promise.all([
        Translator.load(this.#folder, checksum, (bytes, total) => {
          if (!failed) this.#status.textContent = `Loading the model: ${Math.round((100 * bytes) / total)}%`;
        }),
        download(new URL("sentences.json", this.#folder)).then(parsedJSON),
      ]);
      this.#show(translator, sentences);
    } catch (error) {
      failed = true;
      this.#status.textContent = explained(error);
      ask.disabled = false;
      ask.textContent = "Try again";
      if (document.activeElement === document.body) ask.focus(); // it had lost the focus
    }
  }

  /** @param {Translator} translator @param {import("./playground/comparison.js").Sentences} sentences */
  #show(translator, sentences) {
    this.#player?.stop();
    const heads = translator.model.heads;
    const settings = fromHash(location.hash, heads);
    if (problem(translator, settings.text ?? DEFAULTS.text)) delete settings.text;
    const experiment = new Experiment(translator, settings);
    experiment.finish();

    const player = new Player(experiment, "Translate", () => this.#say(experiment));
    this.#player = player;
    const parts = this.#parts(experiment, sentences);
    let hash = toHash(experiment.settings);
    const draw = () => {
      parts.draw();
      const before = hash;
      hash = toHash(experiment.settings);
      // Only then: browsers refuse to change it too often.
      if (hash !== before) history.replaceState(history.state, "", addressOf(experiment.settings, location.href));
    };
    this.#open = () => `#${hash}` !== location.hash && this.#show(translator, sentences);
    const reader = {
      name: "English sentence",
      tokenizer: translator.source,
      problem: (/** @type {string} */ text) => problem(translator, text),
    };
    const sentence = sentenceField(reader, sentences.source, experiment.settings.text, (text) => {
      player.stop();
      experiment.set({ text });
    });
    experiment.addEventListener("change", draw);
    this.replaceChildren(
      sentence,
      decodingControls(experiment),
      player.element,
      ...parts.elements,
      this.#sharing(experiment),
      this.#live,
    );
    draw();
    // The reader may have gone on meanwhile.
    if (document.activeElement === document.body) this.querySelector("input")?.focus();
    this.dispatchEvent(new CustomEvent("playground-ready", { bubbles: true, detail: experiment }));
  }

  /**
   * What follows from the settings, and how to draw it again.
   * @param {Experiment} experiment
   * @param {import("./playground/comparison.js").Sentences} sentences
   */
  #parts(experiment, sentences) {
    const output = make("p", "playground-output");
    output.lang = "fr";
    const intact = make("p", "playground-note");
    const view = make("div", "");
    const next = scroller("playground-scroller", "The next token");
    const all = allHeads(() => experiment.translation);
    const tree = make("div", "");
    const others = make("div", "");
    const draw = () => {
      const { translation, settings, intact: whole } = experiment;
      output.textContent = translation.text + (translation.ended ? "" : " …");
      intact.textContent = whole && `With all heads: ${whole}`;
      intact.hidden = !whole;
      redraw(view, alignmentView(translation, settings.layer, settings.head, latest(experiment)));
      redraw(next, nextToken(experiment));
      redraw(tree, ...(experiment.beams.length ? [beamTree(experiment)] : []));
      redraw(others, comparison(experiment, sentences));
      all.draw();
    };
    const ablation = make("details", "", make("summary", "", "Ablate heads"), headSwitches(experiment));
    const stage = make("div", "playground-stage", view, next);
    const compared = make("details", "", make("summary", "", "The same sentence by earlier translators"), others);
    const map = modelMap(experiment);
    const elements = [output, intact, tree, viewControls(experiment), stage, map, all.element, ablation, compared];
    return { elements, draw };
  }

  /** @param {Experiment} experiment */
  #sharing(experiment) {
    const said = make("span", "playground-said");
    said.setAttribute("role", "status");
    const copy = async (/** @type {string} */ text) => {
      try {
        await navigator.clipboard.writeText(text);
        said.textContent = "Copied";
      } catch {
        said.textContent = "This browser doesn't let the page copy";
      }
    };
    return make(
      "div",
      "playground-row",
      button("Copy a link", () => copy(addressOf(experiment.settings, location.href))),
      button("Copy as Python", () => copy(asPython(experiment, this.#folder))),
      said,
    );
  }

  /** Say the token that was just written, and what its query attended to. @param {Experiment} experiment */
  #say({ translation, settings }) {
    const t = translation.ended ? translation.steps.length - 1 : translation.steps.length - 2;
    const written = translation.targets[t];
    const { kind } = named(settings.layer);
    if (kind === "encoder" || t < 0) return void (this.#live.textContent = `${written}`);
    const { keys } = tokensOf(translation, kind);
    const row = translation.weights(settings.layer, settings.head < 0 ? undefined : settings.head)[t];
    const most = row.indexOf(Math.max(...row));
    this.#live.textContent = `${written}, attended most to ${keys[most]}, ${row[most].toFixed(2)}`;
  }
}

/** The query that is shown: "zone" in a whole translation that has it, or else the latest token. @param {Experiment} experiment */
function latest({ translation, settings }) {
  const { queries } = tokensOf(translation, named(settings.layer).kind);
  const tokens = queries.map((query) => query.at(-1) ?? "");
  if (translation.ended) return Math.max(0, tokens.findIndex((token) => ["zone", "Area"].includes(token)));
  return Math.min(Math.max(0, translation.ids.length - 1), tokens.length - 1);
}

if (!customElements.get("translator-playground"))
  customElements.define("translator-playground", TranslatorPlayground);
