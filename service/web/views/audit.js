/** Whether generated images copy others: asked for, followed, and each suspicious pair looked at. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask } from "../api.js";
import { auditBody, auditHref, readAudit } from "../auditing.js";
import { within } from "../making.js";
import { texts } from "../texts.js";
import { Work } from "../work.js";
import { offeredFilters } from "../parts/offered.js";
import { auditMeasures, auditVerdict } from "../parts/auditreport.js";
import { auditPairs } from "../parts/auditpairs.js";
import { WAYS } from "../parts/pair.js";
import { SessionPart } from "../parts/part.js";
import { working } from "../parts/working.js";

/** @import { Audit, AuditOrder } from "../auditing.js" */
/** @import { Way } from "../parts/pair.js" */

const STEPS = /** @type {Record<string, 1 | -1>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 });

export class AuditView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _order: { state: true },
    _offered: { state: true },
    _chosen: { state: true },
    _way: { state: true },
    _known: { state: true },
  };

  constructor() {
    super();
    this._work = new Work(this);
    this._order = readAudit(location.search);
    /** @type {string[]} */
    this._offered = [];
    this._chosen = 0;
    /** @type {Way} */
    this._way = WAYS[0];
    /** @type {{ shapes: Map<number, number>, prompts: Map<number, string> }} */
    this._known = { shapes: new Map(), prompts: new Map() };
    this._address = "?";
    /** @type {Audit | null} whose images are known */
    this._of = null;
    this._keys = this._keys.bind(this);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", this._keys);
    offeredFilters(this.session).then((offered) => { this._offered = offered; });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this._keys);
    this._work.leave();
  }

  /** What the address says, wherever it comes from; what was done already is told again. */
  willUpdate() {
    if (location.search !== this._address) {
      this._address = location.search;
      this._order = readAudit(location.search);
      this._work.resume("audit", auditBody(this._order));
    }
    const audit = /** @type {Audit | null} */ (this._work.found);
    if (audit === this._of) return;
    this._of = audit;
    if (audit) this._try(() => this._learn(audit), true);
  }

  /** The pair that the address names, and what has to be known of all of them. */
  /** @param {Audit} audit */
  async _learn({ pairs }) {
    const at = Number(new URLSearchParams(location.search).get("at") ?? NaN);
    this._chosen = Math.max(0, pairs.findIndex(({ image }) => image.id === at));
    const ids = [...new Set(pairs.flatMap(({ image, reference }) => [image.id, reference.id]))].slice(0, 200);
    if (!ids.length) return;
    const query = { where: `id IN (${ids.join(", ")})`, fields: "width,height,prompt", k: ids.length };
    const { images } = await ask(address("/images", { collection: this._order.collection, query }));
    const told = /** @type {{ id: number, metadata: Record<string, any> }[]} */ (images);
    this._known = {
      shapes: new Map(told.map(({ id, metadata }) => [id, metadata.width / metadata.height])),
      prompts: new Map(told.filter(({ metadata }) => metadata.prompt).map(({ id, metadata }) => [id, metadata.prompt])),
    };
  }

  /** @type {(to: Partial<AuditOrder>) => void} */
  _turn(to) {
    this._order = { ...this._order, ...to };
  }

  /** @param {Event} event */
  _look(event) {
    event.preventDefault();
    const { collection } = this.session.question;
    history.replaceState(history.state, "", auditHref({ ...this._order, collection }));
    this._address = location.search;
    this._order = readAudit(location.search);
    this._work.begin("audit", auditBody(this._order));
  }

  /** @param {number} at */
  async _choose(at) {
    const pair = /** @type {Audit} */ (this._work.found).pairs[at];
    if (!pair) return;
    this._chosen = at;
    history.replaceState(history.state, "", auditHref(readAudit(location.search), pair.image.id));
    this._address = location.search;
    await this.updateComplete;
    this.querySelector(".audit-pair.is-chosen")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  _keys(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select")) return;
    const pair = /** @type {Audit | null} */ (this._work.found)?.pairs[this._chosen];
    const step = this._way === "beside" ? 0 : STEPS[event.key] ?? 0; // there arrows move what is looked at
    if (pair && step) this._choose(this._chosen + step);
    else if (pair && event.key === "o") this.session.open(`/compare?a=${pair.image.id}&b=${pair.reference.id}`);
    else return;
    event.preventDefault();
  }

  render() {
    const { found, busy, waiting, wrong } = this._work;
    return html`<article class="sets audit ${found ? "done" : ""}" aria-busy=${waiting}>
      <h1>${texts.auditTitle}</h1>
      <form class="sets-form" @submit=${this._look}>
        ${this._filter("generated", texts.auditGenerated)}${this._filter("against", texts.auditAgainst)}
        <button class="button main" ?disabled=${busy}>${texts.auditLook}</button>
        <datalist id="audit-offered">${this._offered.map((one) => html`<option value=${one}></option>`)}</datalist>
        <details class="more audit-more" ?open=${!this._order.pixels || this._order.planted !== 24}><summary>${texts.options}</summary>
          <label class="check"><input type="checkbox" .checked=${this._order.pixels} @change=${(/** @type {Event} */ event) => this._turn({ pixels: /** @type {HTMLInputElement} */ (event.target).checked })}> ${texts.auditPixels}</label>
          <label class="check"><input class="input audit-planted" type="number" min="0" max="1000" step="1" .value=${String(this._order.planted)}
            @change=${(/** @type {Event} */ event) => this._turn({ planted: within(/** @type {HTMLInputElement} */ (event.target).value, 0, 1000, true) ?? 24 })}> ${texts.auditPlanted}</label></details>
      </form>
      ${working(this._work, texts.auditing)}
      ${found ? this._report(found) : busy || wrong ? nothing : html`<div class="state"><p>${texts.auditNote}</p></div>`}
    </article>`;
  }

  /** @type {(key: "generated" | "against", label: string) => unknown} */
  _filter(key, label) {
    return html`<label class="field"><span>${label}</span><input class="input short" list="audit-offered" maxlength="4000" spellcheck="false" required
      .value=${this._order[key]} @input=${(/** @type {Event} */ event) => this._turn({ [key]: /** @type {HTMLInputElement} */ (event.target).value })}></label>`;
  }

  /** @param {Audit} audit */
  _report(audit) {
    return html`${auditVerdict(audit)}
      ${(this._work.job?.notes ?? []).map((note) => html`<p class="soft">${note}</p>`)}
      ${auditPairs(audit, {
        session: this.session, chosen: this._chosen, ...this._known, way: this._way,
        choose: (at) => this._choose(at), turn: (way) => { this._way = way; },
      })}
      ${auditMeasures(audit)}`;
  }
}
customElements.define("vitrail-audit", AuditView);
