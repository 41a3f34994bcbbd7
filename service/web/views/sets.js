/** Two sets of images compared, each named by a filter. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask, post, Problem } from "../api.js";
import { followJob, isOver, resultOf } from "../jobs.js";
import { placed } from "../routes.js";
import { texts } from "../texts.js";
import { compareTabs } from "../parts/comparetabs.js";
import { measures } from "../parts/measures.js";
import { offeredFilters } from "../parts/offered.js";
import { SessionPart } from "../parts/part.js";

/** @import { Job } from "../jobs.js" */
/** @import { Sets } from "../parts/measures.js" */

export class SetsView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _a: { state: true },
    _b: { state: true },
    _job: { state: true },
    _found: { state: true },
    _offered: { state: true },
    _wrong: { state: true },
  };

  constructor() {
    super();
    const query = new URLSearchParams(location.search);
    this._a = query.get("a") ?? "generated";
    this._b = query.get("b") ?? "";
    /** @type {Job | null} */
    this._job = null;
    /** @type {Sets | null} */
    this._found = null;
    /** @type {string[]} */
    this._offered = [];
    this._wrong = "";
    this._end = () => {};
  }

  connectedCallback() {
    super.connectedCallback();
    offeredFilters(this.session).then((offered) => { this._offered = offered; });
    if (new URLSearchParams(location.search).has("a")) this._resume();
  }

  /** What was compared already is not compared again for coming back to it. */
  async _resume() {
    const done = await this._before().catch(() => undefined);
    if (done) await this._told(done);
    else await this._compare();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._end();
  }

  /** @returns {Promise<Job | undefined>} that compared the same */
  async _before() {
    const collection = this.session.question.collection ?? (await ask(address("/collections"))).collections[0].name;
    const { jobs } = await ask(address("/jobs", { collection, query: { kind: "compare", limit: 20 } }));
    return jobs.find((/** @type {Job} */ { state, parameters: { a, b = "", ...others } }) =>
      state === "done" && a === this._a && b === this._b && !Object.keys(others).length);
  }

  /** @param {Event} [event] */
  async _compare(event) {
    event?.preventDefault();
    this._end();
    this._found = null;
    this._wrong = "";
    const { collection } = this.session.question;
    const query = new URLSearchParams({ ...(collection ? { collection } : {}), a: this._a, ...(this._b.trim() ? { b: this._b } : {}) });
    history.replaceState(history.state, "", placed(`/sets?${query}`));
    try {
      const body = this._b.trim() ? { a: this._a, b: this._b } : { a: this._a };
      this._job = /** @type {Job} */ (await post(address("/compare", { collection }), body));
      this._end = followJob(this._job.id, (job) => this._told(job));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this._wrong = [error.detail, error.remedy].filter(Boolean).join("; ");
    }
  }

  /** @param {Job} job */
  async _told(job) {
    this._job = job;
    if (job.state === "done") this._found = await resultOf(job.id);
    else if (isOver(job)) this._wrong = [job.problem?.detail ?? texts.jobStates[job.state], job.problem?.remedy].filter(Boolean).join("; ");
  }

  render() {
    const busy = Boolean(this._job && !isOver(this._job));
    return html`<article class="sets ${this._found ? "done" : ""}">
      <h1 class="hidden">${texts.setsTitle}</h1>${compareTabs(this.session, "sets")}
      <form class="sets-form" @submit=${this._compare}>
        ${this._field("_a", texts.setA, texts.setAHint, true)}${this._field("_b", texts.setB, texts.setBHint, false)}
        <button class="button main" ?disabled=${busy}>${texts.compareSets}</button>
        <datalist id="sets-offered">${this._offered.map((one) => html`<option value=${one}></option>`)}</datalist>
      </form>
      ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
      ${busy ? html`<p class="soft" role="status">${this._job?.progress?.stage ?? texts.comparing}</p>` : nothing}
      ${this._found ? measures(this.session, this._found, this._job?.notes ?? []) : busy || this._wrong ? nothing : html`<div class="state"><p>${texts.setsNote}</p></div>`}
    </article>`;
  }

  /** @type {(key: "_a" | "_b", label: string, hint: string, required: boolean) => unknown} */
  _field(key, label, hint, required) {
    return html`<label class="field"><span>${label}</span><input class="input short" list="sets-offered" maxlength="4000" spellcheck="false" placeholder=${hint} ?required=${required}
      .value=${this[key]} @input=${(/** @type {Event} */ event) => { this[key] = /** @type {HTMLInputElement} */ (event.target).value; }}></label>`;
  }
}
customElements.define("vitrail-sets", SetsView);
