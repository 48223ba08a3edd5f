// @ts-check
/** The attention weights of one head as a table, with the cells marked that a claim is about. */
import { make, scroller } from "../dom.js";

/**
 * @param {object} options
 * @param {string} options.caption
 * @param {string[]} options.tokens of queries and of keys
 * @param {number[][]} options.weights a row for each query, of its own and earlier keys
 * @param {[number, number][]} options.marked queries and keys
 * @param {string} options.mark what they are, for those who listen
 */
export function weightTable({ caption, tokens, weights, marked, mark }) {
  const isMarked = new Set(marked.map(([t, s]) => `${t} ${s}`));
  const rows = weights.map((row, t) => {
    const cells = tokens.map((_, s) => {
      if (s >= row.length) return make("td", "future", make("span", "hidden", "future"));
      const cell = make("td", "", make("span", "", row[s] >= 0.005 ? row[s].toFixed(2).replace(/^0/, "") : ""));
      cell.style.setProperty("--shade", String(row[s]));
      if (isMarked.has(`${t} ${s}`)) {
        cell.className = "marked";
        cell.append(make("span", "hidden", ` ${mark}`));
      }
      return cell;
    });
    return make("tr", "", header(tokens[t], "row"), ...cells);
  });
  const corner = make("td", "", make("span", "query", "query ↓ "), make("span", "key", "key →"));
  const keys = tokens.map((token) => header(token, "col"));
  for (const key of keys) key.className = tokens.some((token) => token.length > 1) ? "upright" : "";
  const top = make("tr", "", corner, ...keys);
  const table = make("table", "weight-table", make("caption", "", make("span", "", caption)), make("thead", "", top), make("tbody", "", ...rows));
  return scroller("playground-scroller weight-map", caption, table);
}

/** @param {string} text @param {"row" | "col"} scope */
export function header(text, scope) {
  const cell = make("th", "", text);
  cell.scope = scope;
  return cell;
}
