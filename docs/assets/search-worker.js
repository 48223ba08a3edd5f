// @ts-check
// Material's search worker, which is told better words than those typed. Its address follows the #.

const worker = /** @type {any} */ (self);
const QUERY = 2; // the type of the message in which Material asks
/** @type {any} */
let index; // lunr's, once Material has built it

/** The words of the index that an automaton of lunr's accepts. @param {any} automaton @returns {string[]} */
const accepted = (automaton) => index.tokenSet.intersect(automaton).toArray();

/** What to ask for instead of a word: Material finds all that begins with one. @param {string} typed @returns {string} */
function asked(typed) {
  const { TokenSet } = worker.lunr;
  const word = typed.toLowerCase();
  const singular = word.replace(/(..[^s])s$/, "$1");
  if (singular in index.invertedIndex) return `${singular}^9 ${singular}`; // itself first
  if (word.length < 4 || accepted(TokenSet.fromString(`${word}*`)).length) return word;
  /** @param {string} other */
  const uses = (other) => Object.keys(index.invertedIndex[other].text).length;
  const [meant] = accepted(TokenSet.fromFuzzyString(word, 1)).sort((a, b) => uses(b) - uses(a));
  return meant ? `${word} ${asked(meant)}` : word; // Material says that the first is missing
}

/** A query without words like "why" and "by", unless it has no others. @param {string} query */
function understood(query) {
  const words = query.split(/\s+/);
  const telling = words.filter((word) => worker.lunr.stopWordFilter(word.toLowerCase()));
  return (telling.length ? telling : words).join(" ").replace(/[^\s-]+/g, asked);
}

addEventListener("message", ({ data: message }) => {
  if (message.type === QUERY) message.data = understood(message.data); // Material's listener comes later
});
worker.importScripts(location.hash.slice(1));

const { build } = worker.lunr.Builder.prototype;
worker.lunr.Builder.prototype.build = function () {
  return (index = build.call(this));
};
