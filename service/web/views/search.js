/** The images: those of an answer, or those of the collection where nothing is asked. */
import { html, nothing } from "../vendor/lit/index.js";
import { filters } from "../question.js";
import { ROWS } from "../parts/grid.js";
import { icon } from "../parts/icons.js";
import { SessionPart } from "../parts/part.js";
import { failed, none } from "../parts/states.js";
import { texts } from "../texts.js";
import { conditionText, vouched } from "../words.js";
import "../parts/asked.js";
import "../parts/lot.js";
import "../parts/refine.js";

/** @import { Condition } from "../types.js" */

const SIZES = /** @type {const} */ (["small", "medium", "large"]);

export class SearchView extends SessionPart {
  static properties = { ...SessionPart.properties, _refining: { state: true }, _size: { state: true } };

  constructor() {
    super();
    this._refining = localStorage.getItem("refine") === "open" && innerWidth > 900;
    /** @type {keyof typeof ROWS} */
    this._size = SIZES.find((size) => size === localStorage.getItem("size")) ?? "medium";
    this._ticking = 0;
  }

  /** The seconds of a long wait are told. */
  updated() {
    const waiting = this.session.status === "waiting";
    if (waiting && !this._ticking) this._ticking = window.setInterval(() => this.requestUpdate(), 1000);
    if (!waiting && this._ticking) {
      clearInterval(this._ticking);
      this._ticking = 0;
    }
  }

  get grid() {
    return /** @type {import("../parts/grid.js").Grid | null} */ (this.querySelector("vitrail-grid"));
  }

  refine() {
    this._refining = !this._refining;
    localStorage.setItem("refine", this._refining ? "open" : "closed");
    if (this._refining) this.updateComplete.then(() => /** @type {HTMLElement | null} */ (this.querySelector(".refine"))?.focus());
    else this.updateComplete.then(() => /** @type {HTMLElement | null} */ (this.querySelector(".refine-toggle"))?.focus());
  }

  render() {
    const { status, turned, hits } = this.session;
    const waiting = status === "waiting";
    return html`<div class="search ${this._refining ? "refining" : ""}">
      <vitrail-asked .session=${this.session}></vitrail-asked>
      ${this._bar()}
      ${this._conditions()}
      <div class="search-body">
        ${this._refining ? html`<vitrail-refine .session=${this.session} @close=${() => this.refine()}></vitrail-refine>` : nothing}
        <div class="search-hits ${waiting ? "is-waiting" : ""}" aria-busy=${waiting || turned}>
          ${status === "failed" ? failed(this.session) : nothing}
          ${status === "done" && !hits.length ? none(this.session) : nothing}
          ${waiting && !hits.length ? html`<div class="skeleton" aria-hidden="true">${Array.from({ length: 12 }, () => html`<i></i>`)}</div>` : nothing}
          <vitrail-grid .session=${this.session} .hits=${hits} .row=${ROWS[this._size]}></vitrail-grid>
          <vitrail-marked .session=${this.session}></vitrail-marked>
        </div>
      </div>
    </div>`;
  }

  _bar() {
    const { question } = this.session;
    return html`<div class="bar">
      <p class="bar-told" role="status">${this._told()}</p>
      <div class="bar-acts">
        ${this._sizes()}
        <button type="button" class="button quiet" aria-label=${texts.share} @click=${() => this.dispatchEvent(new Event("share", { bubbles: true }))}>
          ${icon("code")}<span class="wide">${texts.share}</span></button>
        <button type="button" class="button refine-toggle ${this._refining ? "on" : ""}" aria-expanded=${this._refining}
          @click=${() => this.refine()}>${icon("sliders")}<span>${texts.refining(filters(question))}</span></button>
      </div>
    </div>`;
  }

  _sizes() {
    return html`<label class="sizes" title=${texts.size}><span class="hidden">${texts.size}</span>
      <input type="range" min="0" max="2" step="1" .value=${String(SIZES.indexOf(this._size))}
        @input=${(/** @type {Event} */ event) => {
          this._size = SIZES[Number(/** @type {HTMLInputElement} */ (event.target).value)];
          localStorage.setItem("size", this._size);
        }}></label>`;
  }

  _told() {
    const { status, ranked, hits, answer, total, question, doing, began } = this.session;
    if (doing) return doing;
    if (status === "waiting") {
      const prompt = question.positive.find((part) => part.kind === "prompt");
      const seconds = Math.floor((performance.now() - began) / 1000);
      return prompt?.kind === "prompt" ? this._drawing(prompt.seeds, seconds) : texts.searching;
    }
    if (!answer || !hits.length) return nothing;
    const order = question.sort ?? (question.drawn === null ? "newest" : "random");
    const sorted = /** @type {Record<string, string>} */ (texts.sorts)[order] ?? order;
    if (!ranked) return html`<span><b>${texts.browsing(total ?? hits.length)}</b>, ${sorted}</span>`;
    return html`<b>${texts.hits(hits.length, answer.next !== null)}</b>${this._receipt()}`;
  }

  /** @type {(seeds: number, seconds: number) => unknown} */
  _drawing(seeds, seconds) {
    const { drawing } = this.session;
    const progress = drawing?.progress;
    const told = progress?.total ? texts.drawingStage(progress.stage, progress.done, progress.total) : texts.drawing(seeds, seconds);
    const first = drawing?.position ? texts.before(drawing.position) : "";
    return html`<span>${first || told}</span>
      <button type="button" class="button quiet text" @click=${() => this.session.leave()}>${texts.cancel}</button>`;
  }

  _receipt() {
    const receipt = this.session.answer?.receipt;
    if (!receipt) return nothing;
    const { short, long } = vouched(receipt);
    return html`<details class="receipt"><summary title=${texts.receipt}>${short}</summary>
      <ul>${[...long, ...(this.session.answer?.notes ?? [])].map((line) => html`<li>${line}</li>`)}</ul></details>`;
  }

  _conditions() {
    const { question } = this.session;
    if (!filters(question)) return nothing;
    /** @type {(text: string, without: Partial<typeof question>) => unknown} */
    const chip = (text, without) => html`<li><button type="button" class="chip" aria-label=${texts.removeFilter(text)}
      @click=${() => this.session.go({ ...question, ...without })}><span>${text}</span>${icon("close")}</button></li>`;
    /** @param {Condition} one */
    const others = (one) => question.conditions.filter((other) => other !== one);
    return html`<ul class="chips" aria-label=${texts.conditions}>
      ${question.conditions.map((one) => chip(conditionText(one), { conditions: others(one) }))}
      ${question.only === "all" ? nothing : chip(texts.kinds[question.only], { only: "all" })}
      ${question.where ? chip(question.where, { where: "" }) : nothing}
      ${question.minScore === null ? nothing : chip(`${texts.cutoff} ${question.minScore.toFixed(2)}`, { minScore: null })}
    </ul>`;
  }
}
customElements.define("vitrail-search", SearchView);
