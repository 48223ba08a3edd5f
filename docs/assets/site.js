// The frame's own behaviour. Everything here is an addition: without it the site reads just as well.
// @ts-check
import { keep } from "./kept.js";
import { searchOnDemand } from "./search.js";

/** The dark mode switch; the choice is kept in this browser. */
function switchScheme() {
  const button = document.querySelector(".scheme-switch");
  const meta = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=color-scheme]"));
  const dark = () => document.body.dataset.mdColorScheme === "slate";
  const show = () => button?.setAttribute("aria-pressed", String(dark()));
  button?.addEventListener("click", () => {
    document.body.dataset.mdColorScheme = dark() ? "default" : "slate";
    meta.content = dark() ? "dark" : "light"; // the system's own changes no longer count
    keep("scheme", document.body.dataset.mdColorScheme);
  });
  new MutationObserver(show).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
  show();
}

/** A copy button on every block of code, but not on what it printed; one that continues others has a second, for all together. */
function addCopyButtons() {
  const said = document.createElement("p");
  said.className = "hidden";
  said.setAttribute("role", "status");
  document.body.append(said);

  /** @param {HTMLButtonElement} button @param {() => string} text */
  const copies = (button, text) => {
    const label = button.textContent;
    let shown = 0;
    button.addEventListener("click", async () => {
      let words = "Copied";
      try {
        await navigator.clipboard.writeText(text());
      } catch {
        words = "Not copied";
      }
      button.style.minWidth = `${button.offsetWidth}px`; // nothing moves as the words change
      button.textContent = said.textContent = words;
      clearTimeout(shown);
      shown = setTimeout(() => (button.textContent = label, said.textContent = ""), 2000);
    });
  };
  /** @param {Element | null | undefined} block */
  const codeOf = (block) => block?.querySelector("pre > code")?.textContent ?? "";

  const output = ":is(.highlight, .lab-figure, .lab-output) + .language-text"; // as in attention.css
  for (const code of document.querySelectorAll(`.main-content pre > code:not(${output} *)`)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy-button";
    button.textContent = "Copy";
    copies(button, () => code.textContent ?? "");
    code.parentElement?.after(button);
  }
  for (const line of document.querySelectorAll(".continues")) {
    const needed = [...line.querySelectorAll("a")].map((link) => document.querySelector(link.hash));
    const all = [...needed, line.parentElement];
    copies(/** @type {HTMLButtonElement} */ (line.querySelector("button")), () => all.map(codeOf).join("\n"));
  }
}

/** Lets a keyboard reach what is too wide and scrolls by itself. */
function scrollByKeyboard() {
  const observer = new ResizeObserver((boxes) => {
    for (const { target: box } of boxes) {
      if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll(".main-content pre, .table-wrapper")) observer.observe(box);
}

/** Marks the section in view in the page's contents. */
function followContents() {
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".page-contents a"));
  const headings = [...links].map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  const mark = () => {
    const passed = headings.filter((heading) => heading && heading.getBoundingClientRect().top < innerHeight / 4);
    const current = headings.indexOf(passed[passed.length - 1] ?? null);
    links.forEach((link, index) => link.classList.toggle("current", index === current));
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

/** Closes the menu of a phone by Escape. */
function closeMenu() {
  const menu = /** @type {HTMLInputElement} */ (document.querySelector("#menu"));
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.checked || event.defaultPrevented) return;
    menu.checked = false;
    menu.focus();
  });
}

/** Unfolds everything for the printer. */
function unfoldForPrint() {
  /** @type {HTMLDetailsElement[]} */
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [.../** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll(".main-content details:not([open])"))];
    for (const fold of folded) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of folded) fold.open = false;
  });
}

switchScheme();
addCopyButtons();
scrollByKeyboard();
followContents();
closeMenu();
unfoldForPrint();
searchOnDemand();
