// @ts-check
/** The settings of the playground as form controls: decoding, layer and head, and ablation. */
import { make } from "../dom.js";
import { RANGES, within } from "./generating.js";
import { named } from "./tables.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {import("./experiment.js").Settings} Settings */
/** @typedef {import("./generating.js").Generating<any, import("./generating.js").Generation>} Generating */

/**
 * What has heads to show and to ablate.
 * @typedef {object} WithHeads
 * @property {{ ablated: string[], layer: string, head: number }} settings
 * @property {{ layers: import("../model/layers.js").MultiHeadAttention[] }} generation
 * @property {(settings: { ablated?: string[], layer?: string, head?: number }) => void} set
 */

const METHODS = { greedy: "greedy search", sample: "sampling", beam: "beam search" };

/** How the next token is chosen. @param {Experiment} experiment */
export function decodingControls(experiment) {
  const { settings } = experiment;
  const method = choice("Decoding", Object.entries(METHODS), settings.method, (value) => {
    experiment.set({ method: /** @type {Settings["method"]} */ (value) });
    show();
  });
  const sampling = samplingControls(experiment);
  const beam = make("div", "playground-row", numberField(experiment, "beam size", "beam"));
  const show = () => {
    sampling.hidden = experiment.settings.method !== "sample";
    beam.hidden = experiment.settings.method !== "beam";
  };
  show();
  return make("div", "playground-row", method, sampling, beam);
}

/** How the distribution is reshaped from which the next token is sampled. @param {Generating} experiment */
export function samplingControls(experiment) {
  return make(
    "div",
    "playground-row",
    numberField(experiment, "temperature", "temperature"),
    numberField(experiment, "top-k (0: all)", "topK"),
    numberField(experiment, "top-p", "topP"),
    numberField(experiment, "seed", "seed"),
  );
}

/**
 * @param {Generating} experiment
 * @param {string} name
 * @param {string} key of the setting
 */
function numberField(experiment, name, key) {
  const [min, max, step] = RANGES[key];
  const field = make("input", "");
  Object.assign(field, { type: "number", min, max, step, value: experiment.settings[key], autocomplete: "off" });
  field.addEventListener("change", () => {
    const value = field.value ? within(key, Number(field.value)) : experiment.settings[key];
    field.value = String(value);
    experiment.set({ [key]: value });
  });
  return make("label", "", name, field);
}

/** Which layer and which head is shown. @param {WithHeads} experiment */
export function viewControls(experiment) {
  const { layers } = experiment.generation;
  const { layer, head } = experiment.settings;
  const names = layers.map(({ name }) => /** @type {[string, string]} */ ([name, named(name).title]));
  const heads = Array.from({ length: layers[0].heads }, (_, h) => /** @type {[string, string]} */ ([`${h}`, `head ${h + 1}`]));
  return make(
    "div",
    "playground-row",
    choice("Layer", names, layer, (value) => experiment.set({ layer: value })),
    choice("Head", heads.length > 1 ? [["-1", "mean of all heads"], ...heads] : heads, String(head), (value) => experiment.set({ head: Number(value) })),
  );
}

/** A box for each head; a head whose box is empty adds nothing. @param {WithHeads} experiment */
export function headSwitches(experiment) {
  const { layers } = experiment.generation;
  const rows = layers.map(({ name, heads }) => {
    const { title } = named(name);
    const cells = Array.from({ length: heads }, (_, h) => {
      const box = make("input", "");
      Object.assign(box, { type: "checkbox", autocomplete: "off", checked: !experiment.settings.ablated.includes(`${name}.${h}`) });
      box.setAttribute("aria-label", `${title}, head ${h + 1}`);
      box.addEventListener("change", () => {
        const others = experiment.settings.ablated.filter((one) => one !== `${name}.${h}`);
        experiment.set({ ablated: box.checked ? others : [...others, `${name}.${h}`] });
      });
      return make("td", "", box);
    });
    const label = make("th", "", title);
    label.scope = "row";
    return make("tr", "", label, ...cells);
  });
  const top = make("tr", "", make("td", ""), ...Array.from({ length: layers[0].heads }, (_, h) => {
    const label = make("th", "", `${h + 1}`);
    label.scope = "col";
    return label;
  }));
  const caption = make("caption", "", "Heads that are on");
  return make("table", "playground-heads", caption, make("thead", "", top), make("tbody", "", ...rows));
}

/**
 * @param {string} name
 * @param {[string, string][]} options
 * @param {string} value
 * @param {(value: string) => void} onChoice
 */
function choice(name, options, value, onChoice) {
  const select = make("select", "", ...options.map(([value, text]) => new Option(text, value)));
  select.value = value;
  select.autocomplete = "off";
  select.addEventListener("change", () => onChoice(select.value));
  return make("label", "", name, select);
}
