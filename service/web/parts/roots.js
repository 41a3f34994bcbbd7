/** The folders that may be indexed from here, with what is going on; and the files that were refused. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask, post } from "../api.js";
import { cancelJob, followJob, isOver, resultOf } from "../jobs.js";
import { texts } from "../texts.js";
import { copyButton } from "./copying.js";
import { SessionPart } from "./part.js";

/** @import { Job } from "../jobs.js" */
/** @typedef {{ name: string, path: string | null, available: boolean }} Root */
/** @typedef {{ name: string, root: string | null, path: string | null, reason: string, detail: string }} Reject */

export class Roots extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _roots: { state: true },
    _rejects: { state: true },
    _jobs: { state: true },
    _sums: { state: true },
    _asking: { state: true },
  };

  constructor() {
    super();
    /** @type {Root[] | null} */
    this._roots = null;
    /** @type {{ total: number, rejects: Reject[] }} */
    this._rejects = { total: 0, rejects: [] };
    /** @type {Map<string, Job>} the newest of each root */
    this._jobs = new Map();
    /** @type {Map<string, string>} by job, what it came to */
    this._sums = new Map();
    /** @type {Set<string>} roots whose indexing is asked for just now */
    this._asking = new Set();
    /** @type {(() => void)[]} */
    this._ends = [];
  }

  connectedCallback() {
    super.connectedCallback();
    this._read();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const end of this._ends) end();
  }

  async _read() {
    const { collection } = this.session.question;
    await this._try(async () => {
      const [roots, jobs] = await Promise.all([
        ask(address("/roots")),
        ask(address("/jobs", { collection, query: { kind: "index", limit: 20 } })),
        this._readRejects(),
      ]);
      this._roots = roots.roots;
      for (const job of [...jobs.jobs].reverse()) this._take(job);
      for (const job of this._jobs.values()) {
        if (isOver(job)) this._try(() => this._sum(job), true);
        else this._follow(job.id);
      }
    }, true);
  }

  async _readRejects() {
    const { collection } = this.session.question;
    this._rejects = await ask(address("/rejects", { collection, query: { limit: 100 } }));
  }

  /** @param {Job} job */
  _take(job) {
    const root = job.parameters.root;
    if (typeof root === "string") this._jobs = new Map(this._jobs).set(root, job);
  }

  /** @param {string} id */
  _follow(id) {
    this._ends.push(
      followJob(id, (job) => {
        this._take(job);
        if (!isOver(job)) return;
        this._try(() => Promise.all([this._sum(job), this._readRejects()]), true);
        this.session.learn();
        this.session.search();
      }),
    );
  }

  /** What a job that is over came to, told beside it. */
  /** @param {Job} job */
  async _sum({ id, result }) {
    if (!result) return;
    const counts = await resultOf(id);
    this._sums = new Map(this._sums).set(id, texts.jobCounts(counts));
  }

  /** @param {string} root */
  async _index(root) {
    if (this._asking.has(root)) return;
    const { collection } = this.session.question;
    this._asking = new Set(this._asking).add(root);
    await this._try(async () => {
      const job = /** @type {Job} */ (await post(address("/index", { collection }), { root }));
      this._take(job);
      this._follow(job.id);
    });
    this._asking = new Set([...this._asking].filter((one) => one !== root));
  }

  render() {
    return html`<section><h2>${texts.roots}</h2>
        ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
        ${this._roots?.length ? html`<ul class="roots">${this._roots.map((root) => this._root(root))}</ul>` : nothing}
        ${this._roots && !this._roots.length ? html`<p class="soft">${texts.noRoots}</p>
          <p><code class="code">${texts.rootsCommand}</code> ${copyButton(texts.rootsCommand, "quiet text")}</p>` : nothing}
      </section>
      ${this._rejects.total ? this._refused() : nothing}`;
  }

  /** @param {Root} root */
  _root({ name, path, available }) {
    const job = this._jobs.get(name);
    const busy = job !== undefined && !isOver(job);
    return html`<li><span><b>${name}</b> ${path ? html`<small>${path}</small>` : nothing}</span>
      ${busy
        ? html`<button type="button" class="button" @click=${() => this._try(() => cancelJob(job.id))}>${texts.cancel}</button>`
        : html`<button type="button" class="button" ?disabled=${!available || this._asking.has(name)} aria-label=${texts.indexRoot(name)} @click=${() => this._index(name)}>${texts.index}</button>`}
      ${available ? nothing : html`<span class="told-by">${texts.rootAway}</span>`}
      ${job ? this._progress(job) : nothing}</li>`;
  }

  /** @param {Job} job */
  _progress(job) {
    const { progress, problem } = job;
    const counts = progress?.counts ?? {};
    const said = texts.jobCounts(counts);
    if (!isOver(job)) {
      const stage = progress?.stage ?? texts.jobStates[job.state];
      const share = progress?.total ? progress.done / progress.total : null;
      return html`<progress aria-label=${stage} .value=${share ?? 0} max="1"></progress>
        <span class="told-by" role="status">${[stage, progress?.total ? texts.indexed(progress.done, progress.total) : "", said, job.waiting_for ?? ""].filter(Boolean).join(", ")}</span>`;
    }
    const detail = problem ? [problem.detail, problem.remedy].filter(Boolean).join("; ") : this._sums.get(job.id) ?? "";
    return html`<span class="told-by" role="status">${[texts.jobStates[job.state], detail].filter(Boolean).join(": ")}</span>`;
  }

  _refused() {
    const { total, rejects } = this._rejects;
    return html`<section><h2>${texts.rejects}</h2>
      <ul class="rejects">${rejects.map((one) => html`<li><b>${one.name}</b>
        <small>${[one.root && one.path ? `${one.root}/${one.path}` : "", one.detail].filter(Boolean).join(": ")}</small></li>`)}</ul>
      ${total > rejects.length ? html`<p class="soft">${texts.furtherRejects(total - rejects.length)}</p>` : nothing}
    </section>`;
  }
}
customElements.define("vitrail-roots", Roots);
