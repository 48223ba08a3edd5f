// @ts-check
/**
 * `<frame-stepper label="…">`: a row of figures, shown one at a time.
 *
 * The page holds plain `<figure>`s, picture and caption: that is what a reader without JavaScript,
 * or on paper, gets. This element hides all of them but one, and adds two buttons and a count.
 * Arrow keys, Home and End work while the focus is inside. The look is in frame-stepper.css.
 */
class FrameStepper extends HTMLElement {
  /** @type {HTMLElement[]} */
  #frames = [];
  #current = 0;
  #count = document.createElement("p");
  #previous = this.#button("Previous", -1);
  #next = this.#button("Next", 1);

  connectedCallback() {
    if (this.#frames.length) return; // built before, and only moved
    this.#frames = [...this.querySelectorAll("figure")];
    if (!this.#frames.length) return;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.getAttribute("label") ?? "Figures, one at a time");
    this.addEventListener("keydown", (event) => this.#onKey(event));
    this.#count.className = "frame-stepper-count";
    this.#count.setAttribute("aria-live", "polite");
    this.#show(0);
    // Whatever else is inside goes: in a copy of a built stepper, the copied buttons are dead.
    this.replaceChildren(
      box("stage", ...this.#frames),
      box("bar", this.#previous, this.#count, this.#next),
    );
  }

  /**
   * @param {string} name
   * @param {number} step
   */
  #button(name, step) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => this.#show(this.#current + step));
    return button;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const wanted = {
      ArrowLeft: this.#current - 1,
      ArrowRight: this.#current + 1,
      Home: 0,
      End: this.#frames.length - 1,
    }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    this.#show(wanted);
  }

  /** @param {number} wanted */
  #show(wanted) {
    const last = this.#frames.length - 1;
    this.#current = Math.min(Math.max(wanted, 0), last);
    this.#frames.forEach((frame, i) => frame.toggleAttribute("data-current", i === this.#current));
    // Not `disabled`: a button that is disabled while it has the focus loses it.
    this.#previous.setAttribute("aria-disabled", String(this.#current === 0));
    this.#next.setAttribute("aria-disabled", String(this.#current === last));
    this.#count.textContent = `Frame ${this.#current + 1} of ${last + 1}`;
  }
}

/**
 * @param {string} name
 * @param {HTMLElement[]} children
 */
function box(name, ...children) {
  const element = document.createElement("div");
  element.className = `frame-stepper-${name}`;
  element.append(...children);
  return element;
}

if (!customElements.get("frame-stepper")) customElements.define("frame-stepper", FrameStepper);
