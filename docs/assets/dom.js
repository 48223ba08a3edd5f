// @ts-check
// What the custom elements make what they show with.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} name
 * @param {(Node | string)[]} children
 */
export function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} attributes
 */
export function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/**
 * @template {Element} Kind
 * @param {Kind} element
 * @param {Record<string, string>} attributes
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/**
 * @param {string} name
 * @param {() => void} act
 */
export function button(name, act) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = name;
  element.addEventListener("click", act);
  return element;
}

/**
 * Put other elements into a part of the page. The focus stays on the control of the same place, or on
 * the part if there is none that can have it.
 * @param {HTMLElement} part
 * @param {(Node | string)[]} children
 */
export function redraw(part, ...children) {
  const controls = () => /** @type {HTMLElement[]} */ ([...part.querySelectorAll("a, button, input, summary, [tabindex]")]);
  const place = controls().findIndex((control) => control === document.activeElement);
  part.replaceChildren(...children);
  if (place < 0) return;
  controls()[place]?.focus({ preventScroll: true });
  if (!part.contains(document.activeElement)) part.focus({ preventScroll: true });
}

/**
 * A part of the page that scrolls by itself, by keyboard, too.
 * @param {string} className
 * @param {string} name what it holds
 * @param {(Node | string)[]} content
 */
export function scroller(className, name, ...content) {
  const box = make("div", className, ...content);
  box.tabIndex = 0;
  return set(box, { role: "group", "aria-label": name });
}

/**
 * A formula with its indices and powers in place: "W_o", "e^−1.41", "10000^(2/4)".
 *
 * What stands in “quotes” is left alone. The signs that are replaced stay, too small to be seen:
 * whoever copies or listens needs them.
 * @param {string} text
 */
export function maths(text) {
  const parts = text.split(/(“[^”]*”|_\w+|\^\([^)]*\)|\^[−\d.]*[\d∞])/);
  return parts.flatMap((part) => {
    /** @type {(Node | string)[]} */
    const whole = [part];
    const [, sign, inner, end] = /^(_|\^\(?)(.*?)(\)?)$/.exec(part) ?? [];
    if (!sign) return whole;
    const raised = make(sign === "_" ? "sub" : "sup", "", inner);
    return [make("span", "typed", sign), raised, ...(end ? [make("span", "typed", end)] : [])];
  });
}

/**
 * Bring what has changed into view, gently, unless most of it is in view.
 * @param {HTMLElement} changed
 */
export function bringIntoView(changed) {
  const { top, bottom, height } = changed.getBoundingClientRect();
  const inView = Math.min(bottom, innerHeight) - Math.max(top, 0);
  if (inView > 0.6 * Math.min(height, innerHeight)) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  changed.scrollIntoView({ behavior: calm ? "instant" : "smooth", block: "start" });
}
