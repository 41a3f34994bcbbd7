/** What is audited, how it stands in the page's address, and how the service is asked for it. */
import { within } from "./making.js";
import { placed } from "./routes.js";

/**
 * @typedef {{ collection: string | null, generated: string, against: string, pixels: boolean, planted: number }} AuditOrder
 *   filters of those that may copy and those that may have been copied; `planted`: originals of
 *   which copies are planted
 * @typedef {{ mean: number, low: number, high: number }} Interval
 * @typedef {{
 *   rate: number, score: number | null, innocent_needed: number, rate_of_pairs: number | null,
 *   above: number | null, share: Interval | null, expected: number | null,
 *   by_chance_at_most: number | null, planted_caught: number | null,
 * }} AuditLine
 * @typedef {"pixels" | "relative" | "own" | "plain"} MeasureName
 * @typedef {{
 *   innocent: number, lines: AuditLine[], auc: Interval | null,
 *   curve: { false: number[], caught: number[] } | null, caught: Record<string, Interval>,
 * }} AuditMeasure
 * @typedef {{ id: number, name: string | null }} Audited
 * @typedef {{
 *   image: Audited, reference: Audited, cosine: number, score: number, fpr: number, read: boolean,
 *   evidence: { tier: string, says: string[], agreeing: number } | null,
 * }} AuditPair
 * @typedef {{
 *   generated: string, against: string, images: number, references: number,
 *   references_that_are_copies: number, space: string, recall: number, verdict: string,
 *   measures: Record<MeasureName, AuditMeasure>, pairs: AuditPair[],
 *   scores: { id: number, fpr: number | null }[],
 * }} Audit
 */

const PLANTED = 24;
const MOST_PLANTED = 1000;
const FEW = 1.2; // times as many as a rate says, from which on that has to be said

/** @returns {AuditOrder} */
export function usualAudit() {
  return { collection: null, generated: "generated", against: "not generated", pixels: true, planted: PLANTED };
}

/**
 * What an address says; what makes no sense there is as usual.
 *
 * @param {string} text after `?`
 * @returns {AuditOrder}
 */
export function readAudit(text) {
  const query = new URLSearchParams(text);
  const usual = usualAudit();
  return {
    collection: query.get("collection"),
    generated: query.get("generated")?.trim() || usual.generated,
    against: query.get("against")?.trim() || usual.against,
    pixels: query.get("pixels") !== "0",
    planted: within(query.get("planted"), 0, MOST_PLANTED, true) ?? PLANTED,
  };
}

/** @type {(order: AuditOrder, at?: number | null) => string} address, with the chosen image */
export function auditHref({ collection, generated, against, pixels, planted }, at = null) {
  const query = new URLSearchParams({
    ...(collection ? { collection } : {}),
    generated,
    against,
    ...(pixels ? {} : { pixels: "0" }),
    ...(planted === PLANTED ? {} : { planted: String(planted) }),
    ...(at === null ? {} : { at: String(at) }),
  });
  return placed(`/audit?${query}`);
}

/** @param {AuditOrder} order */
export function auditBody({ generated, against, pixels, planted }) {
  return { generated, against, ...(pixels ? {} : { pixels }), ...(planted === PLANTED ? {} : { originals: planted }) };
}

/** @param {Audit} audit the measure that decides, which is the first */
export function deciding({ measures }) {
  const [[name, measure]] = /** @type {[MeasureName, AuditMeasure][]} */ (Object.entries(measures));
  return { name, measure };
}

/** Whether so few innocent images told a line that it may let through much more than it says. */
/** @param {AuditLine} line */
export function isFew({ rate, rate_of_pairs: paired }) {
  return paired !== null && paired > FEW * rate;
}

/** Whether more images reach a line than chance explains. */
/** @param {AuditLine} line */
export function isTold({ above, by_chance_at_most: most }) {
  return above !== null && most !== null && above > most;
}

/**
 * A curve as the points of a drawing.
 *
 * @param {{ false: number[], caught: number[] }} curve
 * @param {number} width
 * @param {number} height
 */
export function curvePoints({ false: false_, caught }, width, height) {
  return false_.map((x, at) => `${(x * width).toFixed(1)},${((1 - caught[at]) * height).toFixed(1)}`).join(" ");
}
