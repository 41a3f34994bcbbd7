/** Long work that the service does: asked for, and followed until it is over. */
import { address, ask } from "./api.js";

/**
 * @typedef {{
 *   id: string, kind: string, collection: string,
 *   state: "queued" | "waiting" | "running" | "done" | "failed" | "cancelled" | "interrupted",
 *   position: number | null, waiting_for: string | null,
 *   progress: {
 *     stage: string, done: number, total: number, unit: string,
 *     step: number | null, steps: number | null, counts: Record<string, number> | null,
 *   } | null,
 *   notes: string[],
 *   problem: { code: string, detail: string, remedy: string | null } | null,
 *   result: boolean,
 *   parameters: Record<string, any>,
 * }} Job
 */

/** @param {Job} job */
export function isOver({ state }) {
  return state !== "queued" && state !== "waiting" && state !== "running";
}

/**
 * Follow a job: told of each change, the last time when it is over. The browser itself comes again
 * where the connection is lost.
 *
 * @param {string} id
 * @param {(job: Job) => void} changed
 * @returns {() => void} ends that
 */
export function followJob(id, changed) {
  const events = new EventSource(address(`/jobs/${id}/events`));
  events.addEventListener("job", (event) => {
    const job = /** @type {Job} */ (JSON.parse(event.data));
    if (isOver(job)) events.close();
    changed(job);
  });
  return () => events.close();
}

/** @param {string} id */
export function cancelJob(id) {
  return ask(address(`/jobs/${id}`), { method: "DELETE" });
}

/**
 * What a job came to.
 *
 * @param {string} id
 * @returns {Promise<any>}
 */
export function resultOf(id) {
  return ask(address(`/jobs/${id}/result`));
}
