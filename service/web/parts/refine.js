/** The panel beside the images: what counts, where to cut, which columns, in what order. */
import { html, nothing } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { texts } from "../texts.js";
import { icon } from "./icons.js";
import { notice, SessionPart } from "./part.js";
import "./cutoff.js";
import "./facets.js";
import "./layers.js";

/** @import { Question } from "../types.js" */

const DIVERSE = [0, 0.25, 0.5, 0.75];

export class Refine extends SessionPart {
  render() {
    const { question, ranked } = this.session;
    return html`<aside class="refine" tabindex="-1" aria-label=${texts.refine} @keydown=${this._key}>
      <header><h2>${texts.refine}</h2>
        <button type="button" class="button quiet" aria-label=${texts.close} @click=${this._close}>${icon("close")}</button></header>
      ${ranked ? html`<vitrail-layers .session=${this.session}></vitrail-layers>
        <vitrail-cutoff .session=${this.session}></vitrail-cutoff>` : nothing}
      ${this._arrange()}
      <fieldset class="refine-part"><legend>${texts.filter}</legend>
        ${this._kinds()}
        <vitrail-facets .session=${this.session}></vitrail-facets>
        <details class="sql" ?open=${question.where !== ""}><summary>${texts.expert}</summary>${this._sql()}</details>
      </fieldset>
    </aside>`;
  }

  _arrange() {
    const { question, ranked } = this.session;
    const sort = question.sort ?? (ranked ? "score" : question.drawn === null ? "newest" : "random");
    const names = ranked ? ["score"] : ["newest", "random"];
    const known = { ...Object.fromEntries(names.concat("-taken_at", "taken_at", "-width").map((name) => [name, /** @type {any} */ (texts.sorts)[name]])) };
    if (!(sort in known)) known[sort] = sort;
    return html`<fieldset class="refine-part"><legend>${texts.arrange}</legend>
      <div class="row"><label for="sort">${texts.sort}</label>
        <select id="sort" .value=${live(sort)} @change=${(/** @type {Event} */ event) => this._sort(chosen(event))}>
          ${Object.entries(known).map(([value, label]) => html`<option value=${value} ?selected=${value === sort}>${label}</option>`)}
        </select></div>
      ${ranked ? html`<div class="row"><label for="group">${texts.group}</label>
        <select id="group" .value=${live(question.groupBy ?? "none")} @change=${(/** @type {Event} */ event) => this._group(chosen(event))}>
          ${Object.entries(texts.groups).map(([value, label]) => html`<option value=${value} ?selected=${value === (question.groupBy ?? "none")}>${label}</option>`)}
        </select></div>
      <div class="row"><label for="diverse">${texts.diverse}</label>
        <input id="diverse" type="range" min="0" max="3" step="1" .value=${live(String(DIVERSE.indexOf(question.diverse ?? 0)))}
          aria-valuetext=${question.diverse ? `${question.diverse}` : texts.nearest}
          @input=${(/** @type {Event} */ event) => this._diverse(DIVERSE[Number(chosen(event))])}></div>` : nothing}
    </fieldset>`;
  }

  _kinds() {
    const { question } = this.session;
    return html`<div class="segments" role="radiogroup" aria-label=${texts.kindsLabel}>
      ${/** @type {const} */ (["all", "real", "generated"]).map((kind) => html`<label>
        <input type="radio" name="only" value=${kind} .checked=${live(question.only === kind)}
          @change=${() => this.session.turn({ ...question, only: kind })}><span>${texts.kinds[kind]}</span></label>`)}
    </div>`;
  }

  _sql() {
    const { question, problem } = this.session;
    const wrong = problem?.code === "bad-filter" ? problem.detail : "";
    return html`<form @submit=${(/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const where = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("where")).trim();
      this.session.go({ ...this.session.question, where });
    }}>
      <label class="hidden" for="where">${texts.expert}</label>
      <textarea id="where" class="input" name="where" rows="3" spellcheck="false" placeholder=${texts.expertPlaceholder}
        aria-invalid=${wrong !== ""} aria-describedby=${wrong ? "where-wrong" : nothing} .value=${question.where}></textarea>
      ${wrong ? html`<p class="refine-error" id="where-wrong">${wrong}</p>` : nothing}
      <button class="button">${texts.apply}</button>
    </form>`;
  }

  /** @param {string} value */
  _sort(value) {
    const { question } = this.session;
    if (value === "random") {
      this.session.turn({ ...question, sort: null, drawn: 1 + Math.floor(Math.random() * 99999) });
      return;
    }
    const sort = value === "score" || value === "newest" ? null : value;
    this._turn({ ...question, sort, drawn: null }, "sort");
  }

  /** @param {string} value */
  _group(value) {
    this._turn({ ...this.session.question, groupBy: value === "none" ? null : value }, "group");
  }

  /** @param {number} value */
  _diverse(value) {
    this._turn({ ...this.session.question, diverse: value || null }, "diverse");
  }

  /** What the service refuses together is not asked together: the newest choice holds. */
  /** @type {(question: Question, by: "sort" | "group" | "diverse") => void} */
  _turn(question, by) {
    const next = { ...question };
    if (next.groupBy && next.diverse) {
      const off = by === "group" ? "diverse" : "groupBy";
      notice(texts.apart(by === "group" ? texts.group : texts.diverse, by === "group" ? texts.diverse : texts.group));
      next[off] = null;
    }
    this.session.turn(next);
  }

  _close() {
    this.dispatchEvent(new Event("close"));
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this._close();
  }
}
customElements.define("vitrail-refine", Refine);

/** @param {Event} event */
function chosen(event) {
  return /** @type {HTMLSelectElement | HTMLInputElement} */ (event.target).value;
}
