/** The service, asked over HTTP. */
import { silent } from "./reach.js";
import { placed } from "./routes.js";
import { ANSWERED } from "./shots.js";
import { texts } from "./texts.js";

/** Told where the service no longer knows who asks. */
export const SIGNED_OUT = "vitrail-signed-out";

const GATEWAY = new Set([502, 503, 504]); // what a proxy says whose service does not answer

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

  /** Whether nobody answered, so that it is to be asked again once somebody does. */
  get isSilence() {
    return this.code === "unreachable";
  }
}

/** @param {{ detail: string, remedy: string | null }} problem */
export function said({ detail, remedy }) {
  return [detail, remedy].filter(Boolean).join("; ");
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
  let reply, told;
  try {
    reply = await fetch(url, request);
    told = await reply.text(); // which may end halfway, too
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw silence();
  }
  const problem = reply.ok ? null : problemOf(reply.status, told);
  if (!problem?.isSilence) dispatchEvent(new Event(ANSWERED));
  if (!problem) return reply.status === 204 ? null : JSON.parse(told);
  if (problem.code === "no-key") dispatchEvent(new Event(SIGNED_OUT));
  throw problem;
}

function silence() {
  silent();
  return new Problem("unreachable", texts.unreachable, texts.unreachableRemedy);
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

/** @type {(status: number, text: string) => Problem} */
function problemOf(status, text) {
  try {
    const told = JSON.parse(text);
    return new Problem(told.code, told.detail, told.remedy ?? "", status);
  } catch {
    return GATEWAY.has(status) ? silence() : new Problem("failed", texts.failed(status), "", status);
  }
}
