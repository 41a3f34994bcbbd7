/** What is to be made, as the service takes it; read back from a job, or from an image's recipe. */
import { address } from "./api.js";
import { blank, certain, randomSeed, redrawOf, SAMPLERS, strengthOf } from "./making.js";

/** @import { Order, TaskName } from "./making.js" */
/** @import { ImagePart } from "./types.js" */

/**
 * Address and body of the job.
 *
 * @param {Order} order
 * @param {string | null} mask token of the uploaded mask
 * @returns {{ to: string, body: Record<string, unknown> }}
 */
export function jobOf(order, mask) {
  const { task, image, style } = order;
  const sized = task === "inpaint" ? {} : { width: order.width, height: order.height };
  const own = {
    generate: { guard: guardOf(order) },
    "image-to-image": { image: reference(image), strength: strengthOf(order) },
    inpaint: {
      image: reference(image), strength: strengthOf(order), feather: order.feather, mask: { image: { upload: mask } },
    },
    style: {
      content: reference(image), style: reference(style), style_strength: order.look, content_strength: redrawOf(order),
      method: order.method,
    },
  }[task];
  const chance = certain(order) ? { n: 1 } : { n: order.n, seed: order.seed ?? randomSeed(), scheduler: order.sampler };
  const body = {
    prompt: order.prompt.trim(), negative_prompt: order.negative.trim() || null,
    steps: order.steps, guidance: order.guidance, model: order.model, ...chance, ...sized, ...own,
  };
  const given = Object.entries(body).filter(([, value]) => value !== null && value !== undefined);
  return { to: address(`/${task}`, { collection: order.collection }), body: Object.fromEntries(given) };
}

/**
 * What the images of an order are held against before they are kept, as the service takes it.
 *
 * @param {Order} order
 * @returns {{ rate: number, against?: string, retries?: number, mark?: string } | null}
 */
export function guardOf({ task, guard, rate, retries, mark, against }) {
  if (task !== "generate" || !guard) return null;
  return {
    rate,
    ...(against === blank().against ? {} : { against }),
    ...(guard === "reseed" ? { retries } : {}),
    ...(guard === "mark" ? { mark } : {}),
  };
}

/**
 * The guard of a job.
 *
 * @param {Record<string, any> | null | undefined} given
 * @returns {Partial<Order>}
 */
function guardIn(given) {
  if (!given) return {};
  const usual = blank();
  const against = typeof given.against === "string" ? given.against : given.against?.where ?? usual.against;
  return {
    guard: given.mark ? "mark" : given.retries ? "reseed" : "refuse",
    rate: given.rate,
    retries: given.retries || usual.retries,
    mark: given.mark ?? usual.mark,
    against,
  };
}

/**
 * What a job was asked with, to be asked again or turned a little.
 *
 * @param {{ kind: string, collection: string, parameters: Record<string, any> }} job
 * @param {string | null} collection as the page names it
 * @returns {Order}
 */
export function orderOf({ kind, parameters: given }, collection) {
  const usual = blank();
  return {
    ...usual,
    collection,
    task: /** @type {TaskName} */ (kind),
    prompt: Array.isArray(given.prompt) ? given.prompt[0] : given.prompt ?? "",
    negative: given.negative_prompt ?? "",
    n: given.n ?? 1,
    seed: given.seed ?? 0,
    steps: given.steps ?? null,
    guidance: given.guidance ?? null,
    sampler: given.scheduler ?? null,
    model: given.model ?? null,
    width: given.width ?? null,
    height: given.height ?? null,
    image: partOf(given.image ?? given.content),
    style: partOf(given.style),
    strength: given.strength ?? null,
    feather: given.feather ?? 0,
    look: given.style_strength ?? usual.look,
    redraw: given.content_strength ?? null,
    method: given.method ?? usual.method,
    ...guardIn(given.guard),
  };
}

/**
 * What makes an image again, as far as its recipe tells.
 *
 * @param {Record<string, any>} metadata
 * @param {string | null} collection
 * @returns {Order}
 */
export function orderAgain(metadata, collection) {
  const sampler = String(metadata.sampler ?? "").toLowerCase();
  return {
    ...blank(),
    collection,
    prompt: metadata.prompt ?? "",
    negative: metadata.negative_prompt ?? "",
    n: 1,
    seed: Number.isSafeInteger(metadata.seed) ? metadata.seed : null,
    steps: metadata.steps ?? null,
    guidance: metadata.guidance ?? null,
    sampler: SAMPLERS.includes(sampler) ? sampler : null,
  };
}

/** @param {ImagePart | null} part */
function reference(part) {
  if (!part) return null;
  return part.kind === "image" ? { id: part.id } : { upload: part.token };
}

/**
 * @param {{ id?: number, upload?: string } | undefined} given
 * @returns {ImagePart | null}
 */
function partOf(given) {
  if (given?.id !== undefined) return { kind: "image", id: given.id };
  return given?.upload ? { kind: "upload", token: given.upload } : null;
}
