// @ts-check
// What <head-view> reads from the tables of attention.inspection.head_view.

/** @typedef {{ weight: number, hidden: string }} Cell */

/** One layer, as the tables of the page have it. */
export class Layer {
  /** @type {Cell[][][]} for each head its rows */
  heads = [];
  /** @type {number[][]} for each row, the length of what each head adds */
  lengths = [];
  /** @type {number[]} for each row, the length of the sum */
  together = [];
  /** @type {number[][]} for each row, each head's share of the sum */
  shares = [];
  longest = 0;

  /** @param {Element[]} boxes its tables, that of the parts at the end */
  constructor(boxes) {
    const [first] = boxes;
    const [head, ...rows] = first ? [...first.querySelectorAll("tr")] : [];
    const caption = first?.querySelector("caption")?.textContent ?? "";
    this.kind = first instanceof HTMLElement ? (first.dataset.kind ?? "") : "";
    this.number = first instanceof HTMLElement ? (first.dataset.layer ?? "") : "";
    this.title = caption.split(",")[0];
    this.queries = rows.map((row) => [...row.querySelectorAll("th")]);
    const leading = this.queries[0]?.length ?? 0;
    this.corner = [...(head?.cells ?? [])].slice(0, leading).map((cell) => cell.textContent ?? "");
    this.keys = [...(head?.cells ?? [])].slice(leading);
    for (const box of boxes) this.#read(box);
  }

  /** @param {Element} box */
  #read(box) {
    const lines = [...box.querySelectorAll("tbody tr")];
    const rows = lines.map((line) => [...line.querySelectorAll("td")]);
    if (box.getAttribute("data-table") === "weights") {
      this.heads.push(rows.map((row) => row.map(readCell)));
      return;
    }
    const count = this.heads.length;
    const numbers = rows.map((row) => row.map((cell) => Number(cell.textContent)));
    this.lengths = numbers.map((row) => row.slice(0, count));
    this.together = numbers.map((row) => row[count]);
    this.shares = numbers.map((row) => row.slice(count + 1));
    this.longest = Math.max(...this.together, ...this.lengths.flat());
  }

  /**
   * What a row of a head attends to, the most first.
   * @param {number} head
   * @param {number} t
   */
  tell(head, t) {
    const seen = this.heads[head][t].map(({ weight }, s) => ({ word: this.keys[s], weight }));
    seen.sort((a, b) => b.weight - a.weight);
    const most = seen.filter(({ weight }, i) => weight >= 0.1 || (i < 3 && weight >= 0.005));
    const all = most.map(({ word, weight }) => `“${word.textContent}” ${weight.toFixed(2)}`);
    const [first, second] = this.queries[t].map((cell) => `“${cell.textContent}”`);
    const who = second ? `Reads ${first}, writes ${second}, and` : first;
    return `${who} attends to ${all.join(", ")}.`;
  }
}

/**
 * The tables, layer by layer.
 * @param {Element[]} boxes
 */
export function layers(boxes) {
  /** @type {Map<string, Element[]>} */
  const groups = new Map();
  for (const box of boxes) {
    const place = `${box.getAttribute("data-kind")} ${box.getAttribute("data-layer")}`;
    groups.set(place, [...(groups.get(place) ?? []), box]);
  }
  return [...groups.values()].map((group) => new Layer(group));
}

/**
 * @param {HTMLTableCellElement} cell
 * @returns {Cell}
 */
function readCell(cell) {
  return { hidden: cell.className, weight: cell.className ? 0 : Number(cell.textContent) };
}
