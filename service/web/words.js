/** Scores, receipts and values in words. */
import { texts } from "./texts.js";

/** @import { Evidence, Hit, Metadata, Receipt, Condition } from "./types.js" */

const ALIKE = 0.25; // of the usual variety, under which drawn images are nearly the same
const COMMON = 10; // pairs, of which one is as near: nothing is told by that

/**
 * How rare so near an image is between unrelated ones; null where that is not known.
 *
 * @param {number | null} fpr
 * @returns {number | null} so many pairs hold one
 */
export function pairs(fpr) {
  if (fpr === null || !(fpr > 0)) return null;
  const exact = 1 / fpr;
  const step = 10 ** Math.max(0, Math.floor(Math.log10(exact)) - 1);
  return Math.round(exact / step) * step;
}

/**
 * What a hit's score means, in a word, as a rarity, and in a sentence.
 *
 * @param {Hit} hit
 * @returns {{ word: string, rarity: string, note: string }}
 */
export function meaning(hit) {
  const word = hit.closeness ? texts.closeness[hit.closeness] : "";
  const count = pairs(hit.fpr);
  const notes = [
    hit.closeness ? `${word}: ${texts.closenessNote[hit.closeness]}` : "",
    count === null || count < COMMON ? "" : texts.rarityNote(count),
    hit.score === null ? "" : texts.score(hit.score),
  ];
  return { word, rarity: rarityOf(hit, count), note: notes.filter(Boolean).join("; ") };
}

/** @type {(hit: Hit, count: number | null) => string} */
function rarityOf({ closeness, score }, count) {
  if (count !== null) return count < COMMON ? "" : texts.rarity(count);
  return closeness || score === null ? "" : score.toFixed(3);
}

/**
 * @param {Receipt} receipt
 * @returns {{ short: string, long: string[] }}
 */
export function vouched(receipt) {
  const { exact, estimated_recall: recall, candidates, allowed, seconds, encoder } = receipt;
  const total = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  return {
    short: exact ? texts.exact : texts.recall(recall),
    long: [
      exact ? texts.exactNote(candidates) : texts.recallNote(candidates),
      ...(allowed === null ? [] : [texts.passed(allowed)]),
      texts.took(total),
      texts.encoder(encoder.checkpoint, encoder.variant ?? ""),
    ],
  };
}

/**
 * How far to trust the hits of a prompt, or of several images.
 *
 * @param {Evidence | null} evidence
 * @param {boolean} prompted
 * @returns {string}
 */
export function trusted(evidence, prompted) {
  if (!evidence) return "";
  if (!prompted) return evidence.overlap === null ? "" : texts.overlap(evidence.overlap);
  const said = [];
  if (evidence.verdict) said.push(texts.verdict[evidence.verdict]);
  if (evidence.verdict && evidence.nearer_than !== null) {
    said.push(texts.nearerThan(evidence.nearer_than, evidence.background));
  }
  if (evidence.spread !== null && evidence.spread < ALIKE) said.push(texts.alike);
  else if (evidence.agreement !== null) said.push(texts.agreement(evidence.agreement));
  return said.join("; ");
}

/**
 * What the service says, as a sentence; but what begins with a name or a number stays as it is spelt.
 *
 * @param {string} text
 */
export function sentence(text) {
  return /^[a-z]{2,}[ ,;:']/.test(text) || /^a /.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
}

/** @param {string} column */
export function columnName(column) {
  const known = /** @type {Record<string, string>} */ (texts.columnNames)[column];
  return known ?? column.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());
}

/**
 * A value as people read it.
 *
 * @param {unknown} value
 * @param {string} [column]
 * @returns {string}
 */
export function shownValue(value, column = "") {
  if (value === null || value === undefined || value === "") return texts.withoutValue;
  if (typeof value === "boolean") return value ? texts.yes : texts.no;
  if (Array.isArray(value)) return value.join(", ");
  if (column === "bytes") return bytes(Number(value));
  if (/_at$/.test(column)) return date(String(value));
  if (typeof value === "number") {
    if (column === "seed") return String(value);
    return Number.isInteger(value) ? texts.number(value) : String(Number(value.toFixed(4)));
  }
  return String(value);
}

/** @param {number} count */
export function bytes(count) {
  const [size, unit] =
    count < 1e6 ? [count / 1e3, texts.unit.kB] : count < 1e9 ? [count / 1e6, texts.unit.MB] : [count / 1e9, texts.unit.GB];
  return `${size < 10 ? size.toFixed(1) : texts.number(Math.round(size))} ${unit}`;
}

/** @param {string} text ISO 8601 */
export function date(text) {
  const read = new Date(/[zZ]|[+-]\d\d:\d\d$/.test(text) || text.length <= 10 ? text : `${text}Z`);
  if (Number.isNaN(read.getTime())) return text;
  const day = read.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const time = read.toISOString().slice(11, 16);
  return text.length <= 10 || time === "00:00" ? day : `${day}, ${time}`;
}

/** @param {Metadata} metadata @param {number} id */
export function nameOf(metadata, id) {
  const path = metadata.paths?.[0] ?? metadata.path;
  const name = metadata.name ?? (path ? String(path).split(/[\\/]/).pop() : "");
  return name || texts.unnamed(id);
}

const SIGNS = { is: "", in: "", above: ">", below: "<", at_least: "≥", at_most: "≤", like: "like", has: "", missing: "" };

/** @param {Condition} condition */
export function conditionText({ column, comparison, value }) {
  const name = columnName(column);
  if (comparison === "missing") return `${name}: ${texts.withoutValue}`;
  const said = Array.isArray(value) ? value.map((one) => shownValue(one, column)).join(", ") : shownValue(value, column);
  const sign = SIGNS[comparison];
  return sign ? `${name} ${sign} ${said}` : `${name}: ${said}`;
}
