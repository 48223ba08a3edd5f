// @ts-check
// The search box. Material's script finds and shows; it is fetched when the reader goes to the box.

/** Runs Material's script, which fetches the index, and puts our worker before its own. */
function fetchSearch() {
  const template = /** @type {HTMLTemplateElement} */ (document.querySelector("#material"));
  const script = template.content.querySelector("script");
  const settings = document.querySelector("#__config");
  if (!script || !settings) return;
  const config = JSON.parse(settings.textContent ?? "");
  const worker = new URL("search-worker.js", import.meta.url);
  worker.hash = String(new URL(config.search, location.href));
  settings.textContent = JSON.stringify({ ...config, search: worker });
  document.body.append(document.importNode(script, true));
}

/** Fetches the search when it is asked for, at the latest by the key `/`. */
export function searchOnDemand() {
  const box = /** @type {HTMLInputElement} */ (document.querySelector("#search-input"));
  box.addEventListener("focus", fetchSearch, { once: true });
  // Material hears keys alone: not what a mouse pastes or clears.
  box.addEventListener("input", () => box.dispatchEvent(new KeyboardEvent("keyup")));
  addEventListener("keydown", (event) => {
    const typing = /** @type {HTMLElement} */ (event.target).closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
  });
}
