/** What is to be made, and how it stands in the page's address. */
import { placed } from "./routes.js";

/** @import { ImagePart } from "./types.js" */

/**
 * @typedef {"generate" | "image-to-image" | "inpaint" | "style"} TaskName
 * @typedef {"refuse" | "reseed" | "mark"} GuardWay what becomes of an image that copies another
 * @typedef {"statistics" | "attention"} MethodName
 * @typedef {{
 *   collection: string | null,
 *   task: TaskName,
 *   prompt: string,
 *   negative: string,
 *   n: number,
 *   seed: number | null,
 *   steps: number | null,
 *   guidance: number | null,
 *   sampler: string | null,
 *   model: string | null,
 *   width: number | null,
 *   height: number | null,
 *   image: ImagePart | null,
 *   style: ImagePart | null,
 *   strength: number | null,
 *   feather: number,
 *   look: number,
 *   redraw: number | null,
 *   method: MethodName,
 *   guard: GuardWay | null,
 *   rate: number,
 *   retries: number,
 *   mark: string,
 *   against: string,
 * }} Order `seed` null for one at random, `strength` null for the task's own, `redraw` for the method's, `guard` null
 *   to keep all that is drawn, `rate` the share of innocent images that it may take for copies
 */

export const TASKS = /** @type {TaskName[]} */ (["generate", "image-to-image", "inpaint", "style"]);
export const SAMPLERS = ["ddim", "ddpm", "euler", "euler_a", "dpm++2m", "unipc", "lcm", "heun", "pndm"];
export const GUARD_WAYS = /** @type {GuardWay[]} */ (["refuse", "reseed", "mark"]);
export const MOST = { n: 256, steps: 1000, guidance: 30, side: 4096, retries: 1000, rate: 0.999999, column: 200 };
export const LEAST_RATE = 0.000001;
export const METHODS = /** @type {MethodName[]} */ (["statistics", "attention"]);
const REDRAW = { statistics: 0.4, attention: 0.8 };
const STRENGTH = { generate: 1, "image-to-image": 0.6, inpaint: 1, style: 1 };
const SEEDS = 2 ** 31;

/** @returns {Order} */
export function blank() {
  return {
    collection: null, task: "generate", prompt: "", negative: "", n: 4, seed: null, steps: null,
    guidance: null, sampler: null, model: null, width: null, height: null, image: null, style: null,
    strength: null, feather: 0, look: 0.8, redraw: null, method: "statistics", guard: null, rate: 0.01,
    retries: 3, mark: "copying", against: "not generated",
  };
}

/** @param {Order} order */
export function strengthOf({ task, strength }) {
  return strength ?? STRENGTH[task];
}

/** @param {Order} order */
export function redrawOf({ method, redraw }) {
  return redraw ?? REDRAW[method];
}

/**
 * Whether the order leaves nothing to chance, so that it comes to one image.
 *
 * @param {Order} order
 */
export function certain({ task, method }) {
  return task === "style" && method === "attention";
}

/**
 * The view's address.
 *
 * @param {Order} order
 */
export function hrefOf(order) {
  const usual = blank();
  const query = new URLSearchParams();
  const plain = /** @type {const} */ ([
    ["collection", "collection"], ["task", "task"], ["prompt", "words"], ["negative", "not"], ["n", "n"],
    ["seed", "seed"], ["steps", "steps"], ["guidance", "guidance"], ["sampler", "sampler"], ["model", "model"],
    ["width", "width"], ["height", "height"], ["strength", "strength"], ["feather", "feather"],
    ["look", "look"], ["redraw", "redraw"], ["method", "method"], ["guard", "guard"], ["rate", "rate"],
    ["retries", "retries"], ["mark", "mark"], ["against", "against"],
  ]);
  for (const [key, name] of plain) if (order[key] !== usual[key]) query.set(name, String(order[key]));
  for (const key of /** @type {const} */ (["image", "style"])) {
    const part = order[key];
    if (part) query.set(key, part.kind === "image" ? `${part.id}` : `u.${part.token}`);
  }
  const text = query.toString();
  return placed(text ? `/make?${text}` : "/make");
}

/**
 * What an address says; what makes no sense there is as usual.
 *
 * @param {string} text after `?`
 * @returns {Order}
 */
export function readOrder(text) {
  const query = new URLSearchParams(text);
  const usual = blank();
  const task = /** @type {TaskName} */ (query.get("task"));
  const sampler = query.get("sampler") ?? "";
  const guard = /** @type {GuardWay} */ (query.get("guard"));
  /** @type {(name: string, most: number, least?: number) => number | null} */
  const whole = (name, most, least = 1) => within(query.get(name), least, most, true);
  /** @type {(name: string, most?: number) => number | null} */
  const real = (name, most = 1) => within(query.get(name), 0, most, false);
  return {
    collection: query.get("collection"),
    task: TASKS.includes(task) ? task : usual.task,
    prompt: query.get("words") ?? "",
    negative: query.get("not") ?? "",
    n: whole("n", MOST.n) ?? usual.n,
    seed: whole("seed", Number.MAX_SAFE_INTEGER, 0),
    steps: whole("steps", MOST.steps),
    guidance: real("guidance", 1000),
    sampler: SAMPLERS.includes(sampler) ? sampler : null,
    model: query.get("model") || null,
    width: whole("width", MOST.side, 8),
    height: whole("height", MOST.side, 8),
    image: readPart(query.get("image")),
    style: readPart(query.get("style")),
    strength: real("strength"),
    feather: whole("feather", 256, 0) ?? 0,
    look: real("look") ?? usual.look,
    redraw: real("redraw"),
    method: METHODS.find((one) => one === query.get("method")) ?? usual.method,
    guard: GUARD_WAYS.includes(guard) ? guard : null,
    rate: within(query.get("rate"), LEAST_RATE, MOST.rate, false) ?? usual.rate,
    retries: whole("retries", MOST.retries) ?? usual.retries,
    mark: (query.get("mark") ?? "").slice(0, MOST.column) || usual.mark,
    against: query.get("against") || usual.against,
  };
}

/**
 * What is lacking before it can be asked for; null where nothing is.
 *
 * @param {Order} order
 * @param {boolean} masked whether anything is marked to be repainted
 * @returns {"prompt" | "image" | "style" | "mask" | null}
 */
export function lacking(order, masked) {
  if (order.task !== "generate" && !order.image) return "image";
  if (order.task === "style" && !order.style) return "style";
  if (order.task === "inpaint" && !masked) return "mask";
  return order.prompt.trim() ? null : "prompt";
}

export function randomSeed() {
  return Math.floor(Math.random() * SEEDS);
}

/**
 * @param {string | null} text
 * @returns {ImagePart | null}
 */
export function readPart(text) {
  if (/^\d{1,15}$/.test(text ?? "")) return { kind: "image", id: Number(text) };
  const [, token] = /^u\.([0-9a-f]{1,64})$/.exec(text ?? "") ?? [];
  return token ? { kind: "upload", token } : null;
}

/** @type {(text: string | null, least: number, most: number, whole: boolean) => number | null} */
export function within(text, least, most, whole) {
  const read = Number(text);
  if (text === null || text.trim() === "" || !Number.isFinite(read)) return null;
  return read < least || read > most || (whole && !Number.isInteger(read)) ? null : read;
}
