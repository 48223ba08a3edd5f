// @ts-check
/**
 * `<frame-stepper label="…">`: a row of figures, shown one at a time.
 *
 * The page holds plain `<figure>`s, picture and caption: that is what a reader without JavaScript,
 * or on paper, gets. This element hides all of them but one, and adds two buttons, a count, and a
 * slider to go through them at any pace. Arrow keys, Home and End work while the focus is inside,
 * and a finger can swipe. The look is in frame-stepper.css.
 */
const SWIPE = 40; // pixels: less may be a finger that only rested


class FrameStepper extends HTMLElement {
  /** @type {HTMLElement[]} */
  #frames = [];
  #current = 0;
  #count = document.createElement("p");
  #slider = document.createElement("input");
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
    const last = `${this.#frames.length - 1}`;
    Object.assign(this.#slider, { type: "range", min: "0", max: last, autocomplete: "off" });
    this.#slider.className = "frame-stepper-slider";
    this.#slider.setAttribute("aria-label", "Frame");
    this.#slider.addEventListener("input", () => this.#show(this.#slider.valueAsNumber));
    this.#show(0);
    const stage = box("stage", ...this.#frames);
    this.#listen(stage);
    // Whatever else is inside goes: in a copy of a built stepper, the copied buttons are dead.
    this.replaceChildren(
      stage,
      box("bar", this.#previous, this.#count, this.#next),
      this.#slider,
    );
  }

  /** A finger that moves sideways turns the page. @param {HTMLElement} stage */
  #listen(stage) {
    let [x, y] = [NaN, NaN];
    stage.addEventListener("pointerdown", (event) => {
      [x, y] = event.pointerType === "touch" && event.isPrimary ? [event.x, event.y] : [NaN, NaN];
    });
    stage.addEventListener("pointerup", (event) => {
      const [across, down] = [event.x - x, event.y - y];
      x = NaN;
      if (Math.abs(across) > Math.max(SWIPE, Math.abs(down))) this.#show(this.#current - Math.sign(across));
    });
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
    this.#slider.value = `${this.#current}`;
    this.#slider.setAttribute("aria-valuetext", this.#count.textContent);
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
