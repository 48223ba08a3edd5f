// @ts-check
/** A matrix as a table: a row for each token, shaded cells, and one of them chosen. */
import { moveInTable } from "../attention-tables.js";
import { make } from "../dom.js";
import { two } from "./arithmetic.js";
import { largest } from "./heat-map.js";

/** @typedef {import("./exhibits.js").Axis} Axis */
/** @typedef {import("./exhibits.js").Exhibit} Exhibit */
/** @typedef {{ row: number, column: number }} Place */

/**
 * One cell is in the order of the Tab key; arrow keys move on from it.
 * @param {Exhibit} exhibit
 * @param {Place} place of the chosen cell
 * @param {(place: Place) => void} onChoice
 */
export function matrixView({ name, values, rows, columns, colour }, place, onChoice) {
  const most = largest(values);
  const chosen = () => table.querySelector("[aria-selected='true']");
  const lines = values.map((row, t) => {
    const cells = columns.names.map((_, i) => cell(row[i], most, t === place.row && i === place.column));
    return make("tr", "", header(rows, rows.names[t], "row"), ...cells);
  });
  const corner = make("th", rows.colour ?? "", `${rows.title} ↓`);
  corner.rowSpan = 2;
  corner.scope = "col";
  const over = make("th", columns.colour ?? "", make("span", "", `${columns.title} →`));
  over.colSpan = columns.names.length;
  over.scope = "colgroup";
  const top = columns.names.map((column) => header(columns, column, "col"));
  const head = make("thead", "", make("tr", "", corner, over), make("tr", "", ...top));
  const table = make("table", colour ?? "", make("caption", "hidden", name), head, make("tbody", "", ...lines));
  table.setAttribute("role", "grid");
  table.setAttribute("aria-readonly", "true");
  table.addEventListener("keydown", moveInTable);
  table.addEventListener("focusin", ({ target }) => {
    const cell = target instanceof HTMLTableCellElement ? target : null;
    if (!cell || cell === chosen()) return;
    choose(chosen(), false);
    choose(cell, true);
    onChoice({ row: /** @type {HTMLTableRowElement} */ (cell.parentElement).sectionRowIndex, column: cell.cellIndex - 1 });
  });
  return make("div", "model-map-scroller", table);
}

/** @param {number | undefined} value none where it is masked @param {number} most @param {boolean} chosen */
function cell(value, most, chosen) {
  const element = make("td", value === undefined ? "masked" : "", value === undefined ? "masked" : two(value));
  element.setAttribute("role", "gridcell");
  if (value !== undefined) {
    element.dataset.value = String(value);
    element.dataset.sign = value < 0 ? "negative" : "positive";
    element.style.setProperty("--shade", (Math.abs(value) / most).toFixed(3));
  }
  choose(element, chosen);
  return element;
}

/** @param {Element | null} cell @param {boolean} chosen */
function choose(cell, chosen) {
  cell?.setAttribute("aria-selected", String(chosen));
  cell?.setAttribute("tabindex", chosen ? "0" : "-1");
}

/** @param {Axis} axis @param {string} name @param {string} scope */
function header(axis, name, scope) {
  const element = make("th", axis.colour ?? "", name);
  element.scope = scope;
  if (axis.french) element.lang = "fr";
  return element;
}
