/** The long work that a view asks for: begun or found again, followed, cancelled, and what came of it. */
import { address, ask, post, Problem, said } from "./api.js";
import { cancelJob, followJob, isOver, resultOf } from "./jobs.js";
import { texts } from "./texts.js";

/** @import { Job } from "./jobs.js" */
/** @import { SessionPart } from "./parts/part.js" */

const LOOKED = 20; // jobs among which one that did the same is looked for

/** Of one view, which is rendered anew whenever something is to be told. */
export class Work {
  /** @param {SessionPart} view */
  constructor(view) {
    this._view = view;
    /** @type {Job | null} */
    this.job = null;
    /** @type {any} what came of it */
    this.found = null;
    this.wrong = "";
    this.waiting = false; // until it is known whether there is such a job, or one has begun
    this._begun = 0;
    this._end = () => {};
  }

  /** Whether nothing else may be asked for now. */
  get busy() {
    return this.waiting || Boolean(this.job && !isOver(this.job));
  }

  get _to() {
    return { collection: this._view.session.question.collection };
  }

  /**
   * Ask for it.
   *
   * @param {string} kind of job
   * @param {Record<string, unknown>} body
   */
  async begin(kind, body) {
    const mine = this._anew();
    await this._try(mine, async () => {
      const job = /** @type {Job} */ (await post(address(`/${kind}`, this._to), body));
      if (mine === this._begun) this._follow(job, mine);
    });
  }

  /**
   * What did the same before is not done again: the newest such job is followed, or its result told.
   *
   * @param {string} kind of job
   * @param {Record<string, unknown>} body
   * @returns {Promise<boolean>} whether nothing did, nor was asked for meanwhile
   */
  async resume(kind, body) {
    const mine = this._anew();
    await this._try(mine, async () => {
      const collection = this._to.collection ?? (await ask(address("/collections"))).collections[0].name;
      const { jobs } = await ask(address("/jobs", { collection, query: { kind, limit: LOOKED } }));
      const same = jobs.find((/** @type {Job} */ job) => canonical(job.parameters) === canonical(body) && (job.state === "done" || !isOver(job)));
      if (mine !== this._begun) return;
      if (!same) this._rest();
      else if (isOver(same)) await this._told(same, mine);
      else this._follow(same, mine);
    }, () => this.resume(kind, body));
    return mine === this._begun && !this.job && !this.wrong;
  }

  cancel() {
    const { job } = this;
    if (job) this._try(this._begun, () => cancelJob(job.id));
  }

  /** Follow it no longer; it goes on. */
  leave() {
    this._begun += 1;
    this._end();
  }

  _anew() {
    this.leave();
    this.job = null;
    this.found = null;
    this.wrong = "";
    this.waiting = true;
    this._view.requestUpdate();
    return this._begun;
  }

  _rest() {
    this.waiting = false;
    this._view.requestUpdate();
  }

  /** @type {(begun: Job, mine: number) => void} */
  _follow(begun, mine) {
    this.job = begun;
    this._rest();
    this._end = followJob(begun.id, (job) => this._tell(job, mine));
  }

  /** @type {(job: Job, mine: number) => void} */
  _tell(job, mine) {
    this._try(mine, () => this._told(job, mine), () => this._tell(job, mine));
  }

  /** @type {(job: Job, mine: number) => Promise<void>} */
  async _told(job, mine) {
    const found = job.state === "done" ? await resultOf(job.id) : null;
    if (mine !== this._begun) return;
    this.job = job;
    this.found = found;
    if (isOver(job) && !found) this.wrong = job.problem ? said(job.problem) : texts.workStates[/** @type {"failed"} */ (job.state)];
    this._rest();
  }

  /** What the service did not answer is done `again`, if told how, once it does. */
  /** @type {(mine: number, does: () => Promise<unknown>, again?: () => unknown) => Promise<void>} */
  async _try(mine, does, again) {
    this.wrong = "";
    try {
      await does();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (mine !== this._begun) return;
      this.wrong = said(error);
      if (error.isSilence && again) this._view.later(() => (mine === this._begun ? again() : null));
      this._rest();
    }
  }
}

/**
 * A body as text that is the same whatever the order of its members.
 *
 * @param {unknown} body
 * @returns {string}
 */
export function canonical(body) {
  if (Array.isArray(body)) return `[${body.map(canonical).join(",")}]`;
  if (body === null || typeof body !== "object") return JSON.stringify(body);
  const members = Object.entries(body).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${canonical(value)}`).join(",")}}`;
}
