// Where the reader is: how far down the page, where in the list of chapters, and which are finished.
// @ts-check
import { keep, recall } from "./kept.js";

const KEY = "finished-pages"; // a list of addresses, so that sites of one host don't meet

/** A bar under the header that grows as the reader gets to the end of the text. */
function showProgress() {
  const text = /** @type {HTMLElement} */ (document.querySelector(".main-content"));
  const bar = document.createElement("div");
  bar.className = "progress";
  document.querySelector(".main-header")?.append(bar);
  const mark = () => {
    const { top, height } = text.getBoundingClientRect();
    const way = height - innerHeight; // short pages need no bar
    bar.style.transform = `scaleX(${way > innerHeight ? Math.min(Math.max(-top / way, 0), 1) : 0})`;
  };
  addEventListener("scroll", mark, { passive: true });
  addEventListener("resize", mark);
  mark();
}

/** Brings the page that is open into view in the list of chapters. */
function findChapter() {
  const list = document.querySelector(".site-nav");
  const here = list?.querySelector("[aria-current]");
  if (!list || !here) return;
  const below = here.getBoundingClientRect().bottom - list.getBoundingClientRect().bottom;
  if (below > 0) list.scrollTop += below + list.clientHeight / 2;
}

/** @returns {Set<string>} the addresses of the pages that the reader has finished */
function finished() {
  try {
    return new Set(JSON.parse(recall(KEY) ?? "[]"));
  } catch {
    return new Set(); // something else stands under this name
  }
}

/** Ticks the pages that are finished, in the list of chapters and under this page. */
function tickPages() {
  const box = /** @type {HTMLInputElement | null} */ (document.querySelector(".done input"));
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".nav-list-link"));
  const show = () => {
    const pages = finished();
    if (box) box.checked = pages.has(location.pathname);
    for (const link of links) link.classList.toggle("finished", pages.has(link.pathname));
  };
  box?.addEventListener("change", () => {
    const pages = finished();
    if (box.checked) pages.add(location.pathname);
    else pages.delete(location.pathname);
    if (keep(KEY, JSON.stringify([...pages]))) show();
    else box.closest(".done")?.replaceChildren("This browser is set to keep nothing, so this page can't be marked.");
  });
  for (const event of ["pageshow", "storage"]) addEventListener(event, show); // another page may have changed it
  show();
}

/** Closes the contents of the page, where they opened from the header, once one is chosen. */
function closeContents() {
  const contents = /** @type {HTMLElement | null} */ (document.querySelector(".page-contents"));
  contents?.addEventListener("click", (event) => {
    const chosen = /** @type {Element} */ (event.target).closest("a");
    if (chosen && contents.matches(":popover-open")) contents.hidePopover();
  });
}

showProgress();
findChapter();
tickPages();
closeContents();
