/** Copies of images, which of each to keep, and what is decided about them, by keys alone if wanted. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask, post, said } from "../api.js";
import { cancelJob, followJob, isOver, resultOf } from "../jobs.js";
import { nextOpen, stepped } from "../judging.js";
import { placed } from "../routes.js";
import { texts } from "../texts.js";
import { date } from "../words.js";
import { notice, SessionPart } from "../parts/part.js";
import { twins } from "../parts/twins.js";

/** @import { Job } from "../jobs.js" */
/** @import { Copy, Decision, Group, Place, Verdict } from "../judging.js" */

const PAGE = 20; // groups that are shown at a time
const KEYS = /** @type {Record<string, Verdict>} */ ({ s: "same", n: "not-duplicates", k: "keep" });
const STEPS = /** @type {Record<string, 1 | -1>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 });

export class DuplicatesView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _job: { state: true },
    _groups: { state: true },
    _first: { state: true },
    _decisions: { state: true },
    _taken: { state: true },
    _at: { state: true },
    _shown: { state: true },
    _alike: { state: true },
    _asking: { state: true },
  };

  constructor() {
    super();
    /** @type {Job | null | undefined} the newest; undefined until that is known */
    this._job = undefined;
    /** @type {Group[] | null} copies, and then look-alikes */
    this._groups = null;
    this._first = 0; // of the look-alikes
    /** @type {Decision[]} */
    this._decisions = [];
    /** @type {Map<number, string | null>} when images were taken */
    this._taken = new Map();
    /** @type {Place} */
    this._at = { group: 0, copy: 0 };
    this._shown = PAGE;
    this._alike = new URLSearchParams(location.search).has("alike");
    this._asking = false; // whether looking is asked for just now
    this._end = () => {};
    this._keys = this._keys.bind(this);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", this._keys);
    this._try(() => this._read(), true).then(() => { this._job ??= null; });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this._keys);
    this._end();
  }

  get _to() {
    return { collection: this.session.question.collection };
  }

  async _read() {
    const name = this._to.collection ?? (await ask(address("/collections"))).collections[0].name;
    const [{ jobs }] = await Promise.all([
      ask(address("/jobs", { query: { kind: "duplicates", collection: name, limit: 1 } })),
      this._readDecisions(),
    ]);
    const newest = /** @type {Job | undefined} */ (jobs[0]);
    if (newest && isOver(newest)) await this._over(newest);
    else if (newest) this._follow(newest);
  }

  async _readDecisions() {
    this._decisions = (await ask(address("/duplicates/decisions", this._to))).decisions;
  }

  /** @param {Job} begun */
  _follow(begun) {
    this._job = begun;
    this._end = followJob(begun.id, (job) => {
      if (isOver(job)) this._try(() => this._over(job), true);
      else this._job = job;
    });
  }

  /** Told with what was found, lest looking is offered between the two. */
  /** @param {Job} job */
  async _over(job) {
    try {
      const found = job.state === "done" ? await resultOf(job.id) : null;
      if (found) this._take(found, Boolean(job.parameters.look_alikes));
    } finally {
      this._job = job;
    }
    if (this._groups) await this._show();
  }

  /** @type {(found: { groups: Group[], look_alikes: Group[] }, alike: boolean) => void} */
  _take(found, alike) {
    this._groups = [...found.groups, ...found.look_alikes];
    this._first = found.groups.length;
    this._shown = PAGE;
    this._too(alike);
    this._find();
  }

  async _show() {
    await this._readDates();
    await this.updateComplete;
    if (this._at.group) this.querySelector(`[data-group="${this._at.group}"]`)?.scrollIntoView();
  }

  /** The group that the address names. */
  _find() {
    const at = new URLSearchParams(location.search).get("at");
    const place = (this._groups ?? []).flatMap(({ copies }, group) => copies.map((copy, one) => ({ id: `${copy.id}`, group, copy: one })));
    const { group, copy } = place.find((one) => one.id === at) ?? { group: 0, copy: 0 };
    this._shown = Math.max(this._shown, group + 1);
    this._at = { group, copy };
  }

  /** When the images that are shown were taken. */
  async _readDates() {
    const shown = (this._groups ?? []).slice(0, this._shown).flatMap(({ keeper, copies }) => [keeper.id, ...copies.map(({ id }) => id)]);
    const lacking = shown.filter((id) => !this._taken.has(id)).slice(0, 200);
    if (!lacking.length) return;
    const where = `id IN (${lacking.join(", ")})`;
    const { images } = await ask(address("/images", { ...this._to, query: { where, fields: "taken_at", k: lacking.length } }));
    const told = new Map(images.map((/** @type {any} */ one) => [one.id, one.metadata.taken_at]));
    this._taken = new Map([...this._taken, ...lacking.map((id) => /** @type {[number, string | null]} */ ([id, told.get(id) ?? null]))]);
  }

  /** @param {boolean} alike whether look-alikes are looked for, too */
  _too(alike) {
    this._alike = alike;
    const query = new URLSearchParams(location.search);
    query.delete("alike");
    if (alike) query.set("alike", "1");
    const asked = query.toString();
    history.replaceState(history.state, "", placed(asked ? `/duplicates?${asked}` : "/duplicates"));
  }

  async _look() {
    if (this._asking) return;
    this._asking = true;
    await this._try(async () => {
      const job = /** @type {Job} */ (await post(address("/duplicates", this._to), this._alike ? { look_alikes: true } : {}));
      this._groups = null;
      this._follow(job);
    });
    this._asking = false;
  }

  /** @type {(kind: Verdict, group: Group, copies: Copy[]) => Promise<void>} */
  _decide(kind, { keeper }, copies) {
    const ids = copies.map(({ id }) => id);
    return this._try(async () => {
      await post(address("/duplicates/decisions", this._to), { kind, images: kind === "keep" ? ids : [keeper.id, ...ids] });
      await this._readDecisions();
      notice(texts.decidedNotice[kind]);
      this._choose(nextOpen(this._groups ?? [], this._at, this._decisions), true);
    });
  }

  /** @type {(kind: Verdict, all: boolean) => Promise<void> | null} */
  _decideChosen(kind, all) {
    const group = this._groups?.[this._at.group];
    const copy = group?.copies[this._at.copy];
    return group && copy ? this._decide(kind, group, all ? group.copies : [copy]) : null;
  }

  /** @param {string | null} token the last one where it is not named */
  _undo(token) {
    return this._try(async () => {
      await post(address("/duplicates/decisions/undo", this._to), token ? { token } : {});
      await this._readDecisions();
      notice(texts.undone);
    });
  }

  /** @type {(place: Place, focus?: boolean) => Promise<void>} */
  async _choose(place, focus = false) {
    const copy = this._groups?.[place.group]?.copies[place.copy];
    if (!copy) return;
    this._at = place;
    this._shown = Math.max(this._shown, place.group + 1);
    const query = new URLSearchParams(location.search);
    query.set("at", `${copy.id}`);
    history.replaceState(history.state, "", placed(`/duplicates?${query}`));
    if (!focus) return;
    await this.updateComplete;
    const link = /** @type {HTMLElement | null} */ (this.querySelector(`[data-group="${place.group}"] [data-copy="${copy.id}"] .twin-shot`));
    link?.focus({ preventScroll: true });
    link?.closest(".twins")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  _keys(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const group = this._groups?.[this._at.group];
    const copy = group?.copies[this._at.copy];
    const kind = KEYS[event.key.toLowerCase()];
    const step = STEPS[event.key];
    if (step && group) this._choose(stepped(this._groups ?? [], this._at, step), true);
    else if (kind && group && copy) this.inTurn(() => this._decideChosen(kind, event.shiftKey));
    else if (event.key === "u") this.inTurn(() => (this._decisions.some((one) => !one.undone) ? this._undo(null) : null));
    else if (event.key === "o" && group && copy) this.session.open(`/compare?a=${group.keeper.id}&b=${copy.id}`);
    else return;
    event.preventDefault();
  }

  render() {
    const { _job: job, _groups: groups } = this;
    const busy = Boolean(job && !isOver(job));
    return html`<article class="duplicates ${groups ? "done" : ""}" aria-busy=${job === undefined}>
      <header class="duplicates-head"><h1>${texts.views.duplicates}</h1>
        <p class="soft" role="status">${this._told()}</p>
        <span class="duplicates-acts">
          <label class="check"><input type="checkbox" .checked=${this._alike} ?disabled=${busy} @change=${(/** @type {Event} */ event) => this._too(/** @type {HTMLInputElement} */ (event.target).checked)}> ${texts.lookAlikesToo}</label>
          ${busy && job
            ? html`<button type="button" class="button" @click=${() => this._try(() => cancelJob(job.id))}>${texts.cancel}</button>`
            : html`<button type="button" class="button ${groups ? "" : "main"}" ?disabled=${job === undefined || this._asking} @click=${() => this._look()}>${groups ? texts.lookAgain : texts.lookForCopies}</button>`}
        </span></header>
      ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
      ${busy ? html`<progress class="duplicates-progress" aria-label=${texts.lookingForCopies} .value=${job?.progress?.total ? job.progress.done / job.progress.total : 0} max="1"></progress>` : nothing}
      ${groups ? this._list(groups) : busy || job === undefined ? nothing : html`<div class="state"><p>${texts.duplicatesNote}</p></div>`}
      ${this._log()}
    </article>`;
  }

  _told() {
    const { _job: job, _groups: groups } = this;
    if (job && !isOver(job)) return [texts.lookingForCopies, job.progress?.stage ?? ""].filter(Boolean).join(": ");
    if (job && !groups && job.state !== "done") return job.problem ? said(job.problem) : texts.workStates[/** @type {"failed"} */ (job.state)];
    if (!groups) return nothing;
    return texts.copiesFound(groups.slice(0, this._first).reduce((sum, { copies }) => sum + copies.length, 0), this._first);
  }

  /** @param {Group[]} groups */
  _list(groups) {
    if (!groups.length) return html`<div class="state"><h2>${texts.noCopies}</h2><p>${texts.noCopiesNote}</p></div>`;
    const item = (/** @type {Group} */ group, /** @type {number} */ at) => twins(group, at, {
      session: this.session,
      decisions: this._decisions,
      taken: this._taken,
      chosen: this._at.group === at ? this._at.copy : null,
      choose: (copy) => { if (this._at.group !== at || this._at.copy !== copy) this._choose({ group: at, copy }); },
      decide: (kind, copies) => this._decide(kind, group, copies),
      undo: (token) => this._undo(token),
    });
    const shown = groups.slice(0, this._shown);
    return html`<p class="soft duplicates-keys">${texts.duplicatesKeys}</p>
      <ul class="duplicates-list">${shown.slice(0, this._first).map(item)}</ul>
      ${shown.length > this._first ? html`<h2>${texts.lookAlikes}</h2><ul class="duplicates-list">${shown.slice(this._first).map((group, at) => item(group, at + this._first))}</ul>` : nothing}
      ${groups.length > this._shown ? html`<p class="state-acts"><button type="button" class="button" @click=${() => { this._shown += PAGE; this._try(() => this._readDates(), true); }}>${texts.moreGroups(groups.length - this._shown)}</button></p>` : nothing}`;
  }

  /** All decisions that hold, each to be taken back. */
  _log() {
    const held = this._decisions.filter((one) => !one.undone).reverse();
    if (!held.length) return nothing;
    return html`<details class="decisions"><summary>${texts.decisions(held.length)}</summary><ul>${held.map((one) => html`<li>
      <span><b>${texts.decided[one.kind]}</b> ${one.images.map((id) => texts.image(id)).join(", ")} <span class="soft">${date(one.at)}</span></span>
      <button type="button" class="button small quiet text" @click=${() => this._undo(one.token)}>${texts.undo}</button></li>`)}</ul></details>`;
  }
}
customElements.define("vitrail-duplicates", DuplicatesView);
