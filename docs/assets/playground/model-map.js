// @ts-check
/**
 * A map of the whole model, with the reader's own tokens on their way through it.
 *
 * The parts stand in the order of figure 1 of the paper, each a picture of its output. One that is
 * chosen opens its matrices below, and a cell of a matrix its arithmetic. What the parts are is in
 * stations.js, what their matrices are in exhibits.js; the look is in model-map.css.
 */
import { button, make } from "../dom.js";
import { KINDS } from "./chapters.js";
import { forwardPass } from "./forward-pass.js";
import { heatMap, paint } from "./heat-map.js";
import { MatrixPanel } from "./matrix-panel.js";
import { stations } from "./stations.js";
import { tokensOf } from "./tables.js";
import { around, drawWires, intoSide } from "./wires.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {import("./forward-pass.js").ForwardPass} ForwardPass */
/** @typedef {import("./stations.js").Station} Station */

/** A section that unfolds, and draws itself again when the experiment changes. @param {Experiment} experiment */
export function modelMap(experiment) {
  const details = make("details", "model-map", make("summary", "", "Map of the whole model"));
  /** @type {ModelMap | undefined} */
  let map;
  const draw = () => {
    if (!details.open) return; // what nobody sees is not computed
    map ??= new ModelMap(experiment, details);
    map.draw();
  };
  details.addEventListener("toggle", draw);
  experiment.addEventListener("change", draw);
  return details;
}

class ModelMap {
  #step = make("select", "");
  #diagram = make("div", "model-map-diagram");
  /** @type {Record<"source" | "target" | "next", HTMLElement>} */
  #words = { source: make("p", "source"), target: make("p", "target"), next: make("p", "") };
  /** @type {Map<string, { button: HTMLButtonElement, strip: HTMLCanvasElement, maps: HTMLCanvasElement[], shape: HTMLElement }>} by the ids of their stations */
  #shown = new Map();
  #wire = () => {};

  /** @param {Experiment} experiment @param {HTMLElement} parent */
  constructor(experiment, parent) {
    this.experiment = experiment;
    this.panel = new MatrixPanel((id) => this.#shown.get(id)?.button);
    this.#step.autocomplete = "off";
    this.#step.addEventListener("change", () => this.draw());
    const about = make(
      "p",
      "playground-note",
      "Each picture is the output of a part: a row for each token, a column for each component " +
        "(in the last two parts, for some tokens of the vocabulary), ",
      make("span", "model-map-positive", "positive"),
      " or ",
      make("span", "model-map-negative", "negative"),
      ". An attention layer has the weights of its heads above its output. " +
        "Grey arrows are residual connections. Choose a part to see its numbers.",
    );
    const row = make("div", "playground-row", make("label", "", "Decoder step", this.#step));
    parent.append(about, row, this.#diagram, this.panel.element);
    parent.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.panel.close();
    });
  }

  draw() {
    const { translation } = this.experiment;
    const pass = forwardPass(translation, this.#chosenStep());
    const { encoder, decoder } = stations(pass);
    if (!this.#shown.size) this.#build(encoder, decoder);
    for (const [words, text, lang] of /** @type {const} */ ([
      [this.#words.source, pass.source, "en"],
      [this.#words.target, pass.target, "fr"],
      [this.#words.next, [pass.next], "fr"],
    ]))
      words.replaceChildren(...text.map((token) => Object.assign(make("span", "", token), { lang })));
    for (const { id, tensor, shape, maps } of [...encoder, ...decoder]) {
      const shown = this.#shown.get(id);
      if (!shown) continue;
      paint(shown.strip, tensor);
      shown.maps.forEach((map, head) => paint(map, maps[head]));
      shown.shape.textContent = shape;
    }
    this.panel.draw([...encoder, ...decoder]);
    this.#wire();
  }

  /** The step of the select, whose options are those of the translation. */
  #chosenStep() {
    const { translation } = this.experiment;
    const { queries } = tokensOf(translation, "decoder");
    const steps = queries.slice(0, translation.steps.length);
    const kept = Number(this.#step.value || -1);
    const last = steps.length - 1;
    this.#step.replaceChildren(
      new Option("the last", "-1"),
      ...steps.map(([input, target], t) => new Option(`${t + 1}: “${input}” → “${target}”`, String(t))),
    );
    const step = kept > last ? -1 : kept;
    this.#step.value = String(step);
    return step < 0 ? last : step;
  }

  /** @param {Station[]} encoder @param {Station[]} decoder */
  #build(encoder, decoder) {
    const memory = make("p", "model-map-memory", "Memory: from it, the decoder computes keys and values");
    const next = make("div", "model-map-next", make("span", "", "Next token"), this.#words.next);
    this.#diagram.append(
      make("section", "", make("h3", "", "Encoder"), this.#words.source, ...this.#blocks(encoder), memory),
      make("section", "", make("h3", "", "Decoder"), this.#words.target, ...this.#blocks(decoder), next),
    );
    const targets = decoder.filter(({ kind }) => kind === "cross").map(({ id }) => this.#shown.get(id)?.button);
    this.#wire = drawWires(this.#diagram, () => [
      ...targets.flatMap((to) => (to ? intoSide(memory, to) : [])),
      ...[...this.#diagram.querySelectorAll("[data-kind='norm']")].map((norm) =>
        around(/** @type {Element} */ (norm.previousElementSibling), norm),
      ),
    ]);
  }

  /** The parts, those of a block together. @param {Station[]} list */
  #blocks(list) {
    /** @type {HTMLElement[]} */
    const boxes = [];
    let latest = 0;
    for (const station of list) {
      const { block = 0 } = station;
      if (block && block !== latest)
        boxes.push(make("div", "model-map-block", make("p", "model-map-block-name", `Block ${block}`)));
      const part = this.#part(station);
      if (block) boxes[boxes.length - 1].append(part);
      else boxes.push(part);
      latest = block;
    }
    return boxes;
  }

  /** @param {Station} station */
  #part({ id, kind, maps: { length: heads } }) {
    const [strip, shape] = [heatMap(), make("span", "model-map-shape")];
    const maps = Array.from({ length: heads }, heatMap);
    const weights = heads ? [make("span", "model-map-heads", ...maps)] : [];
    const part = button("", () => this.panel.open(id));
    part.append(make("span", "model-map-name", KINDS[kind].name), shape, ...weights, strip);
    part.className = "model-map-part";
    part.dataset.part = id;
    part.dataset.kind = kind;
    part.setAttribute("aria-expanded", "false");
    this.#shown.set(id, { button: part, strip, maps, shape });
    return part;
  }
}
