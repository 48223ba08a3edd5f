// @ts-check
import { svg } from "./dom.js";

/**
 * A matrix in a few strokes: one for all cells that look about the same.
 * @param {{ name: string, shade: number }[][]} rows for each cell its class, and how strong it is: 0 to 1
 */
export function thumbnail(rows) {
  /** @type {Map<string, string>} */
  const strokes = new Map();
  rows.forEach((row, t) =>
    row.forEach(({ name, shade }, s) => {
      const look = `${Math.round(8 * shade)} ${name}`;
      if (!look.startsWith("0")) strokes.set(look, `${strokes.get(look) ?? ""}M${s} ${t}h1v1h-1z`);
    }),
  );
  const picture = svg("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
  picture.setAttribute("viewBox", `0 0 ${rows[0].length} ${rows.length}`);
  for (const [look, d] of strokes) {
    const [shade, ...name] = look.split(" ");
    picture.append(svg("path", { d, class: name.join(" "), "fill-opacity": `${Number(shade) / 8}` }));
  }
  return picture;
}
