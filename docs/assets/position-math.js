// @ts-check
// The sinusoidal encodings of <position-explorer>, and how they are written: pure functions.

/**
 * Number j of position t, in a vector of d numbers.
 * @param {number} t
 * @param {number} j
 * @param {number} d
 */
export function wave(t, j, d) {
  const angle = t / 10000 ** (even(j) / d);
  return j % 2 ? Math.cos(angle) : Math.sin(angle);
}

/**
 * @param {number} t
 * @param {number} u
 * @param {number} d
 */
export function dot(t, u, d) {
  return range(d).reduce((sum, j) => sum + wave(t, j, d) * wave(u, j, d), 0);
}

/**
 * The 2i that numbers 2i and 2i + 1 share.
 * @param {number} j
 */
export function even(j) {
  return j - (j % 2);
}

/** @param {number} j */
function sineOrCosine(j) {
  return j % 2 ? "cos" : "sin";
}

/**
 * @param {number} j
 * @param {number} d
 */
export function formula(j, d) {
  const slowness = plain(10000 ** (even(j) / d), 4);
  return j < 2 ? `${sineOrCosine(j)}(t)` : `${sineOrCosine(j)}(t / ${slowness})`;
}

/**
 * @param {number} t
 * @param {number} j
 * @param {number} d
 */
export function arithmetic(t, j, d) {
  const angle = plain(t / 10000 ** (even(j) / d), 7);
  const start = `${sineOrCosine(j)}(${t} / 10000^(${even(j)}/${d}))`;
  return `${start} = ${sineOrCosine(j)}(${angle}) = ${shown(wave(t, j, d))}`;
}

/**
 * A number with so many digits, and none that say nothing.
 * @param {number} value
 * @param {number} digits
 */
export function plain(value, digits) {
  return String(Number(value.toPrecision(digits)));
}

/**
 * @param {number} value
 * @param {number} decimals
 */
export function shown(value, decimals = 4) {
  const text = value.toFixed(decimals);
  return Number(text) ? text.replace("-", "−") : text.replace("-", ""); // no −0.0000
}

/** @param {number} count */
export function range(count) {
  return [...Array(count).keys()];
}
