/** A question as the service takes it. */
import { address } from "./api.js";

/** @import { Condition, Part, Question } from "./types.js" */

export const FIELDS = ["name", "width", "height", "format", "content_hash"];

/**
 * The body of a search.
 *
 * @param {Question} question
 * @param {{ k: number, after?: string | null, fields?: string[] }} page
 * @returns {Record<string, unknown>}
 */
export function searchBody(question, { k, after = null, fields = FIELDS }) {
  return present({
    positive: question.positive.map(partBody),
    negative: question.negative.map(partBody),
    ...filterBody(question),
    k,
    spaces: question.spaces,
    min_score: question.minScore,
    group_by: question.groupBy,
    diverse: question.diverse,
    sort: question.sort ? [question.sort] : null,
    after,
    fields,
  });
}

/**
 * The body that asks why an image is found.
 *
 * @param {Question} question
 * @param {number} id
 */
export function explainBody({ positive, negative, spaces }, id) {
  return present({ positive: positive.map(partBody), negative: negative.map(partBody), spaces, id });
}

/**
 * The body that asks how all images score.
 *
 * @param {Question} question
 * @param {number} bins
 */
export function spreadBody(question, bins) {
  const { positive, negative, spaces } = question;
  const asked = { positive: positive.map(partBody), negative: negative.map(partBody), spaces };
  return present({ ...asked, ...filterBody(question), bins });
}

/** What narrows the images down, of a search, a list or facets. */
/** @param {Question} question */
export function filterBody(question) {
  return present({
    where: question.where || null,
    filter: filterOf(question.conditions),
    only: question.only === "all" ? null : question.only,
  });
}

/**
 * The address of a list of images, where nothing is asked.
 *
 * @param {Question} question
 * @param {{ k: number, after?: string | null }} page
 */
export function listAddress(question, { k, after = null }) {
  const { filter, where, only } = filterBody(question);
  return address("/images", {
    collection: question.collection,
    query: {
      k,
      after,
      where: /** @type {string} */ (where),
      only: /** @type {string} */ (only),
      filter: filter ? JSON.stringify(filter) : null,
      sort: question.sort ?? (question.drawn === null ? "-id" : null),
      draw: question.drawn,
      fields: FIELDS.join(","),
    },
  });
}

/** @param {Part} part */
function partBody(part) {
  if (part.kind === "text") return { text: part.text };
  if (part.kind === "prompt") return { prompt: part.prompt, seeds: part.seeds };
  const box = part.box ? { box: part.box } : {};
  return part.kind === "image" ? { id: part.id, ...box } : { upload: part.token, ...box };
}

/**
 * @param {Condition[]} conditions
 * @returns {Record<string, unknown> | null}
 */
export function filterOf(conditions) {
  const all = conditions.map(({ column, comparison, value }) => ({ column, [comparison]: value }));
  if (all.length < 2) return all[0] ?? null;
  return { all };
}

/**
 * @param {Record<string, unknown>} body
 * @returns {Record<string, unknown>} without what is not given
 */
function present(body) {
  return Object.fromEntries(
    Object.entries(body).filter(
      ([name, value]) => value !== null && !(name === "negative" && !(/** @type {any[]} */ (value).length)),
    ),
  );
}
