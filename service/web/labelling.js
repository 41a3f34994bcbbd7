/** What is asked about labels, how it stands in the page's address, and how the service is asked. */
import { readPart } from "./making.js";
import { placed } from "./routes.js";

/** @import { Column, ImagePart } from "./types.js" */

/**
 * @typedef {"tell" | "report" | "suspects"} What
 * @typedef {"knn" | "probe" | "head"} By
 * @typedef {{
 *   collection: string | null, what: What, by: By, labels: string, least: number,
 *   where: string, images: ImagePart[], write: string,
 * }} LabelOrder `least`: probability below which no label is told; `images`, or else those that pass
 *   `where`, all where it is empty; `write`: column that keeps what is told, if any
 * @typedef {{ mean: number | null, low: number, high: number }} Interval
 * @typedef {{ id: number | null, name: string | null, label: string | null, guesses: { label: string, probability: number }[], error: string | null }} Told
 * @typedef {{ by: By, labels: string | null, space: string | null, classes: string[], written: number | null, images: Told[] }} Classified
 * @typedef {{ label: string, images: number, told: number, precision: number | null, recall: number }} LabelRow
 * @typedef {{
 *   labels: string, space: string, by: By, how: string, images: number, told: number, accuracy: Interval,
 *   commonest: number, calibration_error: number, log_loss: number, left_out: string[],
 *   classes: LabelRow[], confusion: number[][], cells: { label: string, told: string, ids: number[] }[],
 * }} Report
 * @typedef {{ id: number, name: string | null, cosine: number }} Near
 * @typedef {{
 *   id: number, name: string | null, label: string, label_probability: number, likely: string,
 *   probability: number, nearest_of_label: Near | null, nearest_of_likely: Near | null,
 * }} Suspect
 * @typedef {{
 *   labels: string, space: string, by: By, images: number, accuracy: Interval, suspects: Suspect[],
 *   outliers: { id: number, name: string | null, cosine: number, spreads: number }[],
 * }} Doubts
 */

export const WHATS = /** @type {What[]} */ (["tell", "report", "suspects"]);
export const WAYS = /** @type {Record<What, By[]>} */ ({ tell: ["knn", "probe", "head"], report: ["knn", "probe"], suspects: ["knn", "probe"] });
const TOP = 3; // labels that are told of each image
const LONGEST = 100; // characters of a column's name
const LABELS = new Set(["VARCHAR", "BOOLEAN", "BIGINT"]);

/** @returns {LabelOrder} */
export function usualLabels() {
  return { collection: null, what: "tell", by: "knn", labels: "label", least: 0, where: "", images: [], write: "" };
}

/**
 * What an address says; what makes no sense there is as usual.
 *
 * @param {string} text after `?`
 * @returns {LabelOrder}
 */
export function readLabels(text) {
  const query = new URLSearchParams(text);
  const usual = usualLabels();
  const what = WHATS.find((one) => one === query.get("what")) ?? usual.what;
  const least = Number(query.get("least"));
  return {
    collection: query.get("collection"),
    what,
    by: WAYS[what].find((one) => one === query.get("by")) ?? usual.by,
    labels: query.get("labels") || usual.labels,
    least: least >= 0 && least <= 1 ? least : usual.least,
    where: query.get("where") ?? "",
    images: query.getAll("image").flatMap((one) => readPart(one) ?? []),
    write: query.get("write") ?? "",
  };
}

/** @param {LabelOrder} order */
export function labelsHref({ collection, what, by, labels, least, where, images, write }) {
  const query = new URLSearchParams();
  const usual = usualLabels();
  const telling = what === "tell";
  /** @type {[string, string, boolean][]} */
  const all = [
    ["collection", collection ?? "", Boolean(collection)],
    ["what", what, what !== usual.what],
    ["by", by, by !== usual.by],
    ["labels", labels, labels !== usual.labels && by !== "head"],
    ["least", String(least), least !== usual.least && what !== "suspects"],
    ["where", where, telling && where.trim() !== "" && !images.length],
    ["write", write, telling && write.trim() !== "" && !images.length],
  ];
  for (const [name, value, given] of all) if (given) query.set(name, value);
  if (telling) for (const part of images) query.append("image", part.kind === "image" ? `${part.id}` : `u.${part.token}`);
  const asked = query.toString();
  return placed(asked ? `/classify?${asked}` : "/classify");
}

/**
 * Kind and body of the job.
 *
 * @param {LabelOrder} order
 * @returns {{ kind: "classify" | "labels", body: Record<string, unknown> }}
 */
export function labelsJob({ what, by, labels, least, where, images, write }) {
  const sure = least > 0 ? { min_probability: least } : {};
  if (what === "report") return { kind: "labels", body: { what, labels, by, ...sure } };
  if (what === "suspects") return { kind: "labels", body: { what, labels, by } };
  const which = images.length
    ? { images: images.map((part) => (part.kind === "image" ? { id: part.id } : { upload: part.token })) }
    : { where: where.trim() || "true", ...(write.trim() ? { write: write.trim() } : {}) };
  return { kind: "classify", body: { ...which, by, ...(by === "head" ? {} : { labels }), top: TOP, ...sure } };
}

/**
 * The columns whose values may be labels.
 *
 * @param {Column[]} columns
 * @param {string} chosen which is among them, whatever it is
 */
export function labelColumns(columns, chosen) {
  const own = columns.filter(({ own, kind, name }) => own && LABELS.has(kind) && !name.endsWith("_probability")).map(({ name }) => name);
  return [...new Set(["label", ...own, chosen])];
}

/**
 * The column that keeps which label is right, as whoever looked at a doubted one has said.
 *
 * @param {string} labels the column that was doubted
 */
export function checkedColumn(labels) {
  const end = "_checked";
  return labels.slice(0, LONGEST - end.length).trimEnd() + end;
}
