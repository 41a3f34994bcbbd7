/** Two sets of images compared, each named by a filter. */
import { html, nothing } from "../vendor/lit/index.js";
import { placed } from "../routes.js";
import { texts } from "../texts.js";
import { Work } from "../work.js";
import { compareTabs } from "../parts/comparetabs.js";
import { measures } from "../parts/measures.js";
import { offeredFilters } from "../parts/offered.js";
import { SessionPart } from "../parts/part.js";
import { working } from "../parts/working.js";

export class SetsView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _a: { state: true },
    _b: { state: true },
    _offered: { state: true },
  };

  constructor() {
    super();
    const query = new URLSearchParams(location.search);
    this._work = new Work(this);
    this._a = query.get("a") ?? "generated";
    this._b = query.get("b") ?? "";
    /** @type {string[]} */
    this._offered = [];
  }

  connectedCallback() {
    super.connectedCallback();
    offeredFilters(this.session).then((offered) => { this._offered = offered; });
    if (new URLSearchParams(location.search).has("a")) this._resume();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._work.leave();
  }

  /** @returns {Record<string, string>} */
  get _body() {
    return this._b.trim() ? { a: this._a, b: this._b } : { a: this._a };
  }

  /** What was compared already is not compared again for coming back to it. */
  async _resume() {
    if (await this._work.resume("compare", this._body)) this._compare();
  }

  /** @param {Event} [event] */
  _compare(event) {
    event?.preventDefault();
    const { collection } = this.session.question;
    history.replaceState(history.state, "", placed(`/sets?${new URLSearchParams({ ...(collection ? { collection } : {}), ...this._body })}`));
    this._work.begin("compare", this._body);
  }

  render() {
    const { found, busy, waiting, wrong, job } = this._work;
    return html`<article class="sets ${found ? "done" : ""}" aria-busy=${waiting}>
      <h1 class="hidden">${texts.setsTitle}</h1>${compareTabs(this.session, "sets")}
      <form class="sets-form" @submit=${this._compare}>
        ${this._field("_a", texts.setA, texts.setAHint, true)}${this._field("_b", texts.setB, texts.setBHint, false)}
        <button class="button main" ?disabled=${busy}>${texts.compareSets}</button>
        <datalist id="sets-offered">${this._offered.map((one) => html`<option value=${one}></option>`)}</datalist>
      </form>
      ${working(this._work, texts.comparingSets)}
      ${found ? measures(this.session, found, job?.notes ?? []) : busy || wrong ? nothing : html`<div class="state"><p>${texts.setsNote}</p></div>`}
    </article>`;
  }

  /** @type {(key: "_a" | "_b", label: string, hint: string, required: boolean) => unknown} */
  _field(key, label, hint, required) {
    return html`<label class="field"><span>${label}</span><input class="input short" list="sets-offered" maxlength="4000" spellcheck="false" placeholder=${hint} ?required=${required}
      .value=${this[key]} @input=${(/** @type {Event} */ event) => { this[key] = /** @type {HTMLInputElement} */ (event.target).value; }}></label>`;
  }
}
customElements.define("vitrail-sets", SetsView);
