/** What is asked, and how it stands in the page's address. */

/** @import { Condition, ImagePart, Part, Question } from "./types.js" */

export const SEEDS = 4;
const COMPARISONS = ["is", "in", "above", "below", "at_least", "at_most", "like", "has", "missing"];

/** @returns {Question} */
export function nothing() {
  return {
    collection: null,
    positive: [],
    negative: [],
    conditions: [],
    where: "",
    only: "all",
    spaces: null,
    minScore: null,
    groupBy: null,
    diverse: null,
    sort: null,
    drawn: null,
  };
}

/**
 * Whether the images are ranked by anything; else the collection is browsed.
 *
 * @param {Question} question
 */
export function isRanked(question) {
  return question.positive.length > 0;
}

/**
 * How many filters hold.
 *
 * @param {Question} question
 */
export function filters(question) {
  const others = [question.where, question.only !== "all", question.minScore !== null];
  return question.conditions.length + others.filter(Boolean).length;
}

/** @param {Part} part */
export function isImage(part) {
  return part.kind === "image" || part.kind === "upload";
}

/**
 * Whether two parts name the same image, whatever is cut out of it.
 *
 * @param {Part} one
 * @param {Part} other
 */
export function isSame(one, other) {
  return JSON.stringify({ ...one, box: null }) === JSON.stringify({ ...other, box: null });
}

/**
 * The question with an image on one of its sides, and on that one alone.
 *
 * @param {Question} question
 * @param {ImagePart} part
 * @param {"positive" | "negative"} side
 * @returns {Question}
 */
export function withImage(question, part, side) {
  const without = withoutPart(question, part);
  return { ...without, [side]: [...without[side], part], drawn: null };
}

/**
 * @param {Question} question
 * @param {Part} part
 * @returns {Question}
 */
export function withoutPart(question, part) {
  /** @param {Part[]} side */
  const others = (side) => side.filter((one) => !isSame(one, part));
  return { ...question, positive: others(question.positive), negative: others(question.negative) };
}

/**
 * The same filters, asked by something else.
 *
 * @param {Question} question
 * @param {Part[]} positive
 * @returns {Question}
 */
export function askedBy(question, positive) {
  const sort = question.sort === "score" || question.positive.length === 0 ? null : question.sort;
  return { ...question, positive, negative: [], sort, drawn: null, minScore: null };
}

/**
 * @param {Question} question
 * @returns {string} the part of the address after `?`
 */
export function toQuery(question) {
  const query = new URLSearchParams();
  /** @type {(name: string, value: unknown) => void} */
  const set = (name, value) => {
    if (value !== null && value !== "") query.append(name, String(value));
  };
  set("collection", question.collection);
  for (const part of question.positive) set(partName(part, "like"), partText(part));
  for (const part of question.negative) set(partName(part, "unlike"), partText(part));
  const prompt = question.positive.find((part) => part.kind === "prompt");
  if (prompt?.kind === "prompt" && prompt.seeds !== SEEDS) set("seeds", prompt.seeds);
  for (const one of question.conditions) {
    set("f", JSON.stringify([one.column, one.comparison, one.value]));
  }
  set("where", question.where);
  set("only", question.only === "all" ? null : question.only);
  set("spaces", question.spaces && weightsText(question.spaces));
  set("min", question.minScore);
  set("group", question.groupBy);
  set("diverse", question.diverse);
  set("sort", question.sort);
  set("drawn", question.drawn);
  return query.toString().replace(/%(40|2C|3A|2F)/g, (code) => decodeURIComponent(code)); // these may stand
}

/**
 * @param {string} text
 * @returns {Question}
 */
export function fromQuery(text) {
  const query = new URLSearchParams(text);
  const seeds = whole(query.get("seeds")) ?? SEEDS;
  const only = query.get("only");
  return {
    collection: query.get("collection"),
    positive: [
      ...query.getAll("like").flatMap(readImage),
      ...query.getAll("text").filter(Boolean).map((one) => /** @type {Part} */ ({ kind: "text", text: one })),
      ...query.getAll("prompt").filter(Boolean).map((one) => /** @type {Part} */ ({ kind: "prompt", prompt: one, seeds })),
    ],
    negative: query.getAll("unlike").flatMap(readImage),
    conditions: query.getAll("f").flatMap(readCondition),
    where: query.get("where") ?? "",
    only: only === "generated" || only === "real" ? only : "all",
    spaces: readWeights(query.get("spaces")),
    minScore: number(query.get("min")),
    groupBy: query.get("group") || null,
    diverse: number(query.get("diverse")),
    sort: query.get("sort") || null,
    drawn: whole(query.get("drawn")),
  };
}

/** @type {(part: Part, side: "like" | "unlike") => string} */
function partName(part, side) {
  return isImage(part) ? side : part.kind;
}

/** @param {Part} part */
function partText(part) {
  if (part.kind === "text") return part.text;
  if (part.kind === "prompt") return part.prompt;
  const name = part.kind === "image" ? String(part.id) : `u.${part.token}`;
  return part.box ? `${name}@${part.box.replaceAll("%", "")}` : name;
}

/**
 * @param {string} text
 * @returns {ImagePart[]}
 */
function readImage(text) {
  const [, name, box] = /^(\d+|u\.[0-9a-f]+)(?:@(\d[\d.]*(?:,\d[\d.]*){3}))?$/.exec(text) ?? [];
  if (name === undefined) return [];
  const part = /** @type {ImagePart} */ (
    name.startsWith("u.")
      ? { kind: "upload", token: name.slice(2) }
      : { kind: "image", id: Number(name) }
  );
  return [box ? { ...part, box: box.split(",").map((one) => `${one}%`).join(",") } : part];
}

/**
 * @param {string} text
 * @returns {Condition[]}
 */
function readCondition(text) {
  try {
    const [column, comparison, value] = JSON.parse(text);
    if (typeof column !== "string" || !COMPARISONS.includes(comparison)) return [];
    return [{ column, comparison, value }];
  } catch {
    return [];
  }
}

/** @param {Record<string, number>} weights */
export function weightsText(weights) {
  return Object.entries(weights)
    .map(([space, weight]) => `${space}:${Number(weight.toFixed(3))}`)
    .join(",");
}

/**
 * @param {string | null} text
 * @returns {Record<string, number> | null}
 */
function readWeights(text) {
  if (!text) return null;
  const found = /** @type {Record<string, number>} */ ({});
  for (const one of text.split(",")) {
    const [space, weight] = one.split(":");
    if (space && Number(weight) > 0) found[space] = Number(weight);
  }
  return Object.keys(found).length ? found : null;
}

/** @param {string | null} text */
function number(text) {
  if (text === null || text.trim() === "") return null;
  const read = Number(text);
  return Number.isFinite(read) ? read : null;
}

/** @param {string | null} text */
function whole(text) {
  const read = number(text);
  return read !== null && Number.isInteger(read) && read >= 0 ? read : null;
}
