// @ts-check
// Copying a formula gives its TeX: `$x$` in a sentence, `$$x$$` where it stands on its own. What a
// browser would copy is the formula twice, as it is drawn and as it is spoken, each character alone.

/** The formula that a place lies in. @param {Node} place */
function formulaAt(place) {
  const element = place instanceof Element ? place : place.parentElement;
  return element?.closest(".katex-display") ?? element?.closest("[data-tex]");
}

addEventListener("copy", (event) => {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || !event.clipboardData) return;
  const range = selection.getRangeAt(0).cloneRange();
  const [first, last] = [formulaAt(range.startContainer), formulaAt(range.endContainer)];
  if (first) range.setStartBefore(first); // a part of a formula is no TeX: take all of it
  if (last) range.setEndAfter(last);

  const copied = document.createElement("div");
  copied.append(range.cloneContents());
  const formulas = /** @type {NodeListOf<HTMLElement>} */ (copied.querySelectorAll("[data-tex]"));
  if (formulas.length === 0) return;
  for (const formula of formulas) {
    const mark = formula.parentElement?.matches(".katex-display") ? "$$" : "$";
    formula.replaceWith(`${mark}${formula.dataset.tex}${mark}`);
  }
  for (const button of copied.querySelectorAll("button")) button.remove();
  event.clipboardData.setData("text/html", copied.innerHTML);
  event.clipboardData.setData("text/plain", (copied.textContent ?? "").replace(/\n{3,}/g, "\n\n"));
  event.preventDefault();
});
