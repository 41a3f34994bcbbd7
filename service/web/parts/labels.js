/** Columns of the user's own on some images: set, changed, cleared, and taken back. */
import { html, nothing } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { address, post } from "../api.js";
import { annotate, ownColumn, refusal, takeBack, valueOf } from "../annotating.js";
import { texts } from "../texts.js";
import { shownValue } from "../words.js";
import { icon } from "./icons.js";
import { SessionPart } from "./part.js";

/** @import { Change, Value } from "../annotating.js" */

const OFFERED = 50; // values of a column

export class Labels extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    ids: { attribute: false },
    own: { attribute: false },
    _column: { state: true },
    _offered: { state: true },
    _refused: { state: true },
    _changes: { state: true },
    _busy: { state: true },
    _told: { state: true },
  };

  constructor() {
    super();
    /** @type {number[]} of the images that are labelled */
    this.ids = [];
    /** @type {Record<string, any>} columns that the one image has */
    this.own = {};
    this._column = localStorage.getItem("label-column") ?? "";
    /** @type {string[]} values that others have */
    this._offered = [];
    /** @type {string | null} why nothing may be written; null until that is known */
    this._refused = null;
    /** @type {Change[]} the last made last */
    this._changes = [];
    this._busy = false;
    this._told = "";
  }

  connectedCallback() {
    super.connectedCallback();
    this._try(async () => { this._refused = await refusal(); }, true);
    this._offer();
  }

  /** What was said and done about other images is no matter of these. */
  /** @param {Map<string, any>} changed */
  willUpdate(changed) {
    const before = changed.get("ids");
    if (before && String(before) !== String(this.ids)) [this._told, this._wrong, this._changes] = ["", "", []];
  }

  get _columns() {
    return this.session.columns.filter(({ own, kind }) => own && !kind.endsWith("[]"));
  }

  /** What others have in this column. */
  async _offer() {
    const column = this._column;
    this._offered = [];
    if (!ownColumn(this._columns, column)) return;
    const asked = { columns: [column], most: OFFERED };
    const { facets } = await post(address("/facets", { collection: this.session.question.collection }), asked).catch(() => ({ facets: [] }));
    if (column === this._column) this._offered = (facets[0]?.values ?? []).map((/** @type {any} */ one) => String(one.value));
  }

  /** @type {(column: string, value: Value) => Promise<void>} */
  async _set(column, value) {
    const { ids } = this;
    this._busy = true;
    await this._try(async () => {
      const change = await annotate(this.session, ids, column, value);
      this._changes = [...this._changes, change];
      this._told = value === null ? texts.cleared(column, change.set) : texts.labelled(column, shownValue(value), change.set);
    });
    this._busy = false;
    this._offer();
  }

  async undo() {
    const change = this._changes.at(-1);
    if (!change || this._busy) return;
    this._busy = true;
    await this._try(async () => {
      const others = await takeBack(this.session, change);
      const back = change.ids.length - others;
      this._changes = this._changes.slice(0, -1);
      this._told = [back ? texts.labelsBack(change.column, back) : "", others ? texts.changedSince(change.column, others) : ""].filter(Boolean).join(" ");
    });
    this._busy = false;
    this._offer();
  }

  /** @param {SubmitEvent} event */
  _submit(event) {
    event.preventDefault();
    const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const column = String(given.get("column")).trim(), text = String(given.get("value")).trim();
    if (!column || !text) {
      this._wrong = column ? texts.lacksValue : texts.lacksColumn;
      return;
    }
    this._set(column, valueOf(text, ownColumn(this.session.columns, column)));
  }

  render() {
    if (this._refused) return html`<p class="soft labels-refused">${this._refused}</p>`;
    const busy = this._busy || this._refused === null;
    return html`<div class="labels">
      ${this._held(busy)}
      <form class="labels-form" @submit=${this._submit}>
        <label><span>${texts.labelColumn}</span><input class="input short" name="column" list="labels-columns" maxlength="100" autocomplete="off" spellcheck="false"
          placeholder=${texts.labelColumnHint} .value=${live(this._column)} @input=${this._named}></label>
        <label><span>${texts.labelValue}</span><input class="input short" name="value" list="labels-values" maxlength="1000" autocomplete="off"></label>
        <span class="labels-acts"><button class="button" ?disabled=${busy}>${texts.setLabel}</button>
          <button type="button" class="button" ?disabled=${busy || !ownColumn(this._columns, this._column)}
            @click=${() => this._set(this._column, null)}>${texts.clearLabel}</button></span>
        <datalist id="labels-columns">${this._columns.map(({ name }) => html`<option value=${name}></option>`)}</datalist>
        <datalist id="labels-values">${this._offered.map((value) => html`<option value=${value}></option>`)}</datalist>
      </form>
      ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
      <p class="labels-told" role="status">${this._told}${this._changes.length
        ? html` <button type="button" class="button small quiet text" ?disabled=${busy} @click=${() => this.undo()}>${texts.undo}</button>` : nothing}</p>
    </div>`;
  }

  /** @param {Event} event */
  _named(event) {
    this._column = /** @type {HTMLInputElement} */ (event.target).value.trim();
    localStorage.setItem("label-column", this._column);
    this._offer();
  }

  /** What the one image has already. */
  /** @param {boolean} busy */
  _held(busy) {
    const held = this._columns.filter(({ name }) => this.own[name] !== null && this.own[name] !== undefined);
    if (this.ids.length !== 1 || !held.length) return nothing;
    return html`<ul class="chips">${held.map(({ name }) => html`<li><button type="button" class="chip" ?disabled=${busy}
      aria-label=${texts.clearOf(name, shownValue(this.own[name]))} @click=${() => this._set(name, null)}>
      <span>${name}: ${shownValue(this.own[name])}</span>${icon("close")}</button></li>`)}</ul>`;
  }
}
customElements.define("vitrail-labels", Labels);
