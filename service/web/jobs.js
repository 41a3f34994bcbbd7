/** Long work that the service does: asked for, and followed until it is over. */
import { address, ask, Problem } from "./api.js";

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

const AGAIN = 2000; // ms
const REFUSED = new Set([401, 403, 404]); // it is of no use to ask again

/**
 * Follow a job: told of each change, the last time when it is over. Where it cannot be followed any
 * more, as it is forgotten or a key is needed by now, it is told as one that failed by that.
 *
 * @param {string} id
 * @param {(job: Job) => void} changed
 * @returns {() => void} ends that
 */
export function followJob(id, changed) {
  const following = new Following(id, changed);
  following.listen();
  return () => following.end();
}

class Following {
  /**
   * @param {string} id
   * @param {(job: Job) => void} changed
   */
  constructor(id, changed) {
    this._id = id;
    this._changed = changed;
    /** @type {EventSource | null} */
    this._events = null;
    this._timer = 0;
    this._ended = false;
    /** @type {Job} as it was told last */
    this._job = { id, kind: "", collection: "", state: "queued", position: null, waiting_for: null, progress: null, notes: [], problem: null, result: false, parameters: {} };
  }

  listen() {
    const events = new EventSource(address(`/jobs/${this._id}/events`));
    this._events = events;
    events.addEventListener("job", (event) => this._tell(JSON.parse(event.data)));
    // where nobody answers the browser itself comes again, but not where the answer is no stream: as
    // of a proxy whose service is started anew, or of a service that has forgotten who is signed in
    events.addEventListener("error", () => { if (events.readyState === EventSource.CLOSED) this._ask(); });
  }

  end() {
    this._ended = true;
    this._events?.close();
    clearTimeout(this._timer);
  }

  /** @param {Job} job */
  _tell(job) {
    if (this._ended) return;
    this._job = job;
    if (isOver(job)) this.end();
    this._changed(job);
  }

  async _ask() {
    try {
      const job = await ask(address(`/jobs/${this._id}`));
      if (isOver(job)) return this._tell(job);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { code, detail, remedy, status } = error;
      if (REFUSED.has(status)) return this._tell({ ...this._job, state: "failed", problem: { code, detail, remedy } });
    }
    if (!this._ended) this._timer = window.setTimeout(() => this.listen(), AGAIN);
  }
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
