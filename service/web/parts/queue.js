/** The jobs that make images, the newest first; the one whose turn it is, followed as it goes. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask, Problem, said } from "../api.js";
import { cancelJob, followJob, isOver, resultOf } from "../jobs.js";
import { TASKS } from "../making.js";
import { texts } from "../texts.js";
import { HalfMade } from "./halfmade.js";
import { madeCard } from "./made.js";
import { notice, SessionPart } from "./part.js";

/** @import { Job } from "../jobs.js" */
/** @import { Came } from "./made.js" */

const SHOWN = 12;

export class Queue extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _jobs: { state: true },
    _came: { state: true },
  };

  constructor() {
    super();
    /** @type {Job[] | null} */
    this._jobs = null;
    /** @type {Map<string, Came>} by job */
    this._came = new Map();
    this._half = new HalfMade(this);
    /** @type {string | null} the job that is followed: one, as browsers hold few connections */
    this._followed = null;
    this._end = () => {};
  }

  connectedCallback() {
    super.connectedCallback();
    this.read();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._leave();
  }

  /** Read the list anew, and follow whose turn it is. */
  read() {
    return this._try(async () => {
      const { collection } = this.session.question;
      const kinds = TASKS.map((task) => `&kind=${task}`).join("");
      const name = collection ?? (await ask(address("/collections"))).collections[0].name;
      this._jobs = (await ask(address("/jobs", { query: { limit: SHOWN, collection: name } }) + kinds)).jobs;
      this._follow();
      await Promise.all((this._jobs ?? []).map((job) => (job.result && isOver(job) && !this._came.has(job.id) ? this._read(job) : null)));
    }, true);
  }

  /** @param {Job} job */
  async _read({ id }) {
    const { images, refused = [], guard = null, lacking = 0 } = await resultOf(id);
    const ids = images.map((/** @type {any} */ one) => one.id).filter((/** @type {number | null} */ one) => one !== null);
    this._came = new Map(this._came).set(id, { ids, images, refused, guard, lacking });
  }

  _follow() {
    const next = [...(this._jobs ?? [])].reverse().find((job) => !isOver(job));
    if (!this.isConnected || next?.id === this._followed) return;
    this._leave();
    if (!next) return;
    this._followed = next.id;
    this._end = followJob(next.id, (job) => this._told(job));
  }

  _leave() {
    this._end();
    this._followed = null;
    this._half.follow(null);
  }

  /** @param {Job} job */
  _told(job) {
    this._jobs = (this._jobs ?? []).map((one) => (one.id === job.id ? job : one));
    this._half.follow(job.state === "running" ? job.id : null);
    if (!isOver(job)) return;
    this._leave();
    this.session.learn();
    this.session.search();
    this.read();
  }

  /** @param {() => Promise<unknown>} does */
  async _act(does) {
    try {
      await does();
      await this.read();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      notice(said(error));
    }
  }

  render() {
    return html`${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}${this._list()}`;
  }

  _list() {
    if (!this._jobs) return nothing;
    if (!this._jobs.length) return html`<p class="soft made-none">${texts.madeNone}</p>`;
    return html`<ul class="queue" aria-label=${texts.queue}>${this._jobs.map((job) =>
      madeCard(this.session, job, this._came.get(job.id), job.id === this._followed ? this._half.url : null, {
        cancel: () => this._act(() => cancelJob(job.id)),
        retry: () => this._act(() => ask(address(`/jobs/${job.id}/retry`), { method: "POST" })),
      }))}</ul>`;
  }
}
customElements.define("vitrail-queue", Queue);
