/** The service, asked over HTTP. */
import { placed } from "./routes.js";
import { ANSWERED } from "./shots.js";
import { texts } from "./texts.js";

/** Told where the service no longer knows who asks. */
export const SIGNED_OUT = "vitrail-signed-out";

/** What the service says is wrong, or that it cannot be reached. */
export class Problem extends Error {
  /**
   * @param {string} code
   * @param {string} detail
   * @param {string} remedy
   * @param {number} status
   */
  constructor(code, detail, remedy = "", status = 0) {
    super(detail);
    this.code = code;
    this.detail = detail;
    this.remedy = remedy;
    this.status = status;
  }
}

/**
 * @param {string} path
 * @param {{ collection?: string | null, query?: Record<string, string | number | null | undefined> }} [to]
 * @returns {string}
 */
export function address(path, { collection = null, query = {} } = {}) {
  const asked = new URLSearchParams();
  if (collection) asked.set("collection", collection);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") asked.set(name, String(value));
  }
  const text = asked.toString();
  return placed(`/v1${path}${text ? `?${text}` : ""}`);
}

/**
 * @param {string} url
 * @param {RequestInit} [request]
 * @returns {Promise<any>}
 * @throws {Problem}
 */
export async function ask(url, request = {}) {
  let reply;
  try {
    reply = await fetch(url, request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem("unreachable", texts.unreachable, texts.unreachableRemedy);
  }
  dispatchEvent(new Event(ANSWERED));
  if (reply.ok) return reply.status === 204 ? null : reply.json();
  const problem = await problemOf(reply);
  if (problem.code === "no-key") dispatchEvent(new Event(SIGNED_OUT));
  throw problem;
}

/**
 * @param {string} url
 * @param {unknown} body
 * @param {RequestInit} [request]
 * @returns {Promise<any>}
 */
export function post(url, body, request = {}) {
  return ask(url, {
    ...request,
    method: "POST",
    headers: { "Content-Type": "application/json", ...(request.headers ?? {}) },
    body: JSON.stringify(body),
  });
}

/**
 * @param {Blob} file
 * @returns {Promise<{ upload: string, width: number, height: number, format: string, bytes: number }>}
 */
export function upload(file) {
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  return ask(address("/uploads"), { method: "POST", headers, body: file });
}

/**
 * The address of an image's small copy; of a known content it is kept by the browser.
 *
 * @param {{ id: number, metadata?: Record<string, any> }} image
 * @param {"small" | "medium" | "large"} size
 * @param {string | null} collection
 */
export function thumbnail({ id, metadata = {} }, size, collection) {
  return address(`/images/${id}/thumbnail`, { collection, query: { size, v: version(metadata) } });
}

/**
 * The address of an image's own file.
 *
 * @param {{ id: number, metadata?: Record<string, any> }} image
 * @param {string | null} collection
 */
export function original({ id, metadata = {} }, collection) {
  return address(`/images/${id}/file`, { collection, query: { v: version(metadata) } });
}

/** @param {Record<string, any>} metadata */
function version({ content_hash: hash }) {
  return typeof hash === "string" ? hash.slice(0, 16) : null;
}

/** @param {Response} reply */
async function problemOf(reply) {
  try {
    const told = await reply.json();
    return new Problem(told.code, told.detail, told.remedy ?? "", reply.status);
  } catch {
    return new Problem("failed", texts.failed(reply.status), "", reply.status);
  }
}
