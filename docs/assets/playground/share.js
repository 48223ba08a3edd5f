// @ts-check
/** An experiment as a link, and as Python that computes the same with the package. */
import { DEFAULTS } from "./experiment.js";
import { RANGES, within } from "./generating.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {import("./experiment.js").Settings} Settings */

/** What differs from the defaults, as the part of an address after its `#`. @param {Settings} settings */
export function toHash(settings) {
  const changed = Object.entries(settings).filter(
    ([name, value]) => String(value) !== String(DEFAULTS[/** @type {keyof Settings} */ (name)]),
  );
  return new URLSearchParams(changed.map(([name, value]) => [name, String(value)])).toString();
}

/** The address of an experiment. @param {Settings} settings @param {string} page */
export function addressOf(settings, page) {
  return Object.assign(new URL(page), { hash: toHash(settings) }).href;
}

/** Whether the part of an address after its `#` is an experiment, and no heading. @param {string} hash */
export function isExperiment(hash) {
  return [...new URLSearchParams(hash.replace(/^#/, "")).keys()].some((name) => name in DEFAULTS);
}

/** @param {string} hash @param {string[]} heads those of the model @returns {Partial<Settings>} what is understood of it */
export function fromHash(hash, heads) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {Record<string, any>} */
  const settings = {};
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const text = given.get(name);
    if (text === null) continue;
    if (Array.isArray(value)) settings[name] = text.split(",").filter((head) => heads.includes(head));
    else if (typeof value === "string") settings[name] = text;
    else if (Number.isFinite(Number(text))) settings[name] = name in RANGES ? within(name, Number(text)) : Number(text);
  }
  if (!["greedy", "sample", "beam"].includes(settings.method)) delete settings.method;
  if (!heads.includes(`${settings.layer}.0`)) delete settings.layer;
  const { layer, head } = { ...DEFAULTS, ...settings };
  if (head !== -1 && !heads.includes(`${layer}.${head}`)) delete settings.head;
  return settings;
}

/**
 * Python that loads these weights and computes the same logits and attention weights.
 * @param {Experiment} experiment
 * @param {URL} folder of the weights
 */
export function asPython({ settings, translation, translator }, folder) {
  const { layer, head } = settings;
  const ids = translation.ids.join(", ");
  const ablated = settings.ablated.map((name) => {
    const at = name.lastIndexOf(".");
    return `("${name.slice(0, at)}", ${name.slice(at + 1)})`;
  });
  const ablation = ablated.length
    ? `for name, head in [${ablated.join(", ")}]:  # these heads add nothing
    layer = model.get_submodule(name)
    layer.W_o.weight.data[:, head * layer.d_head : (head + 1) * layer.d_head] = 0
`
    : "";
  const [of, about] = head < 0 ? [".mean(dim=0)", "  # of all heads"] : [`[${head}]`, ""];
  return `from pathlib import Path
from urllib.request import urlretrieve

import torch
from attention import Translator, record_attention
from attention.tokenizers.special_tokens import BOS

folder = Path("playground")
folder.mkdir(exist_ok=True)
for name in ("translator.json", "model.safetensors"):
    urlretrieve("${folder.href.replace(/\?.*/, "")}" + name, folder / name)
translator = Translator.load(folder)
model = translator.model.float()  # the weights were saved with 16 bits
${ablation}
source = translator.source_tokenizer.encode(${JSON.stringify(translation.source.join(" "))})
target = [BOS, ${ids}]
with record_attention(model) as weights, torch.no_grad():
    logits = model(torch.tensor([source]), torch.tensor([target]))
print(translator.target_tokenizer.tokens(target))
print("logits of the next token:", logits[0, -1].topk(5))
print("${layer}:")
print(weights["${layer}"][0]${of})${about}
`.replace("[BOS, ]", "[BOS]");
}
