/** What the points of a map are coloured by: clusters, values of a column, or a scale of numbers or dates. */
import { GREY, HUES, ramp } from "./plotting.js";
import { texts } from "./texts.js";
import { shownValue } from "./words.js";

/** @import { ImageMap } from "./mapping.js" */

/**
 * @typedef {{ text: string, colour: string, count: number }} Entry of a legend
 * @typedef {{ colours: string[], entries: Entry[], kinds: Int32Array, scale: [string, string] | null, said: string[] }} Colouring
 *   `kinds` tells of each image which entry is its; a `scale` of numbers or dates has no entries
 */

const PLAIN = 16; // values with a colour each; the clusters' colours come again
const NAMED = 60;

/** @param {ImageMap} map @returns {Colouring} by cluster; where there are none, all alike */
export function byCluster({ clusters, places }) {
  const names = [...clusters.map(({ name }) => name), texts.inNone];
  const kinds = Int32Array.from(places, ({ cluster }) => (cluster ?? names.length) - 1);
  const entries = names.map((text, i) => ({ text, colour: i < clusters.length ? HUES[i % HUES.length] : GREY, count: 0 }));
  if (!clusters.length) entries[0].text = texts.images;
  return coloured(entries, kinds);
}

/**
 * By the values of a column: a colour for each of the commonest, or a scale.
 *
 * @type {(values: unknown[], column: string) => Colouring}
 */
export function byValue(values, column) {
  const said = values.map((value) => shownValue(value, column));
  const known = values.filter(isKnown);
  if (known.length && known.every((value) => typeof value === "number")) return byScale(values, said, Number);
  if (known.length && known.every(isDate)) return byScale(values, said, (value) => Date.parse(String(value)));
  const counts = /** @type {Map<string, number>} */ (new Map());
  said.forEach((text, i) => { if (isKnown(values[i])) counts.set(text, (counts.get(text) ?? 0) + 1); });
  const named = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, NAMED).map(([text]) => text);
  const entries = named.map((text, i) => ({ text, colour: i < PLAIN ? HUES[i] : GREY, count: 0 }));
  entries.push({ text: texts.withoutValue, colour: GREY, count: 0 }, { text: texts.otherOnes, colour: GREY, count: 0 });
  const number = new Map(named.map((text, i) => [text, i]));
  return coloured(entries, Int32Array.from(said, (text, i) => (isKnown(values[i]) ? number.get(text) ?? named.length + 1 : named.length)));
}

/** @type {(entries: Entry[], kinds: Int32Array) => Colouring} */
function coloured(entries, kinds) {
  for (const kind of kinds) entries[kind].count += 1;
  const texts_ = Array.from(kinds, (kind) => entries[kind].text);
  return { colours: Array.from(kinds, (kind) => entries[kind].colour), entries, kinds, scale: null, said: texts_ };
}

/** @type {(values: unknown[], said: string[], read: (value: unknown) => number) => Colouring} */
function byScale(values, said, read) {
  const numbers = values.map((value) => (isKnown(value) ? read(value) : null));
  let low = -1, high = -1;
  numbers.forEach((value, i) => {
    if (value === null) return;
    if (low < 0 || value < Number(numbers[low])) low = i;
    if (high < 0 || value > Number(numbers[high])) high = i;
  });
  const [least, most] = [Number(numbers[low]), Number(numbers[high])];
  return {
    colours: numbers.map((value) => (value === null ? GREY : ramp((value - least) / (most - least || 1)))),
    entries: [], kinds: new Int32Array(values.length), scale: [said[low], said[high]], said,
  };
}

/** @param {unknown} value */
function isKnown(value) {
  return value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length);
}

/** @param {unknown} value */
function isDate(value) {
  return typeof value === "string" && /^\d{4}-\d\d-\d\d(T|$)/.test(value) && !Number.isNaN(Date.parse(value));
}
