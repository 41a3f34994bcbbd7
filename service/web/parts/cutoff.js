/** A histogram of the scores of the nearest images, whose edge is the cutoff. */
import { html, nothing, svg } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { address, post } from "../api.js";
import { searchBody } from "../request.js";
import { toQuery } from "../question.js";
import { texts } from "../texts.js";
import { SessionPart } from "./part.js";

const MOST = 1000; // scores that the histogram is of
const BINS = 48;

export class Cutoff extends SessionPart {
  static properties = { ...SessionPart.properties, _scores: { state: true } };

  constructor() {
    super();
    /** @type {number[]} falling */
    this._scores = [];
    this._of = "";
  }

  willUpdate() {
    const { question, ranked, status } = this.session;
    const whole = { ...question, minScore: null, sort: null, diverse: null };
    const key = toQuery(whole);
    if (!ranked || status === "waiting" || key === this._of) return;
    this._of = key;
    this._read(whole, key);
  }

  /** @type {(question: import("../types.js").Question, key: string) => Promise<void>} */
  async _read(question, key) {
    try {
      const { collection } = question;
      const answer = await post(address("/search", { collection }), searchBody(question, { k: MOST, fields: [] }));
      if (this._of !== key) return;
      this._scores = answer.hits.map((/** @type {any} */ hit) => hit.score).sort((/** @type {number} */ a, /** @type {number} */ b) => b - a);
    } catch {
      if (this._of === key) this._scores = []; // the answer itself says what is wrong
    }
  }

  render() {
    const { question } = this.session;
    const scores = this._scores;
    if (!this.session.ranked || scores.length < 2) return nothing;
    const [high, low] = [scores[0], scores[scores.length - 1]];
    if (!(high > low)) return nothing;
    const edge = question.minScore ?? low;
    const kept = scores.filter((one) => one >= edge).length;
    const said = question.minScore === null ? texts.cutoffNone : texts.cutoffAt(edge, kept, scores.length);
    return html`<fieldset class="refine-part cutoff">
      <legend>${texts.cutoff}</legend>
      ${this._chart(scores, low, high, edge)}
      <label class="hidden" for="cutoff">${texts.cutoffSlider}</label>
      <input id="cutoff" type="range" .min=${String(low)} .max=${String(high)} step="any" aria-valuetext=${said}
        .value=${live(String(edge))} @input=${this._moved}>
      <p class="soft" role="status">${said}</p>
      ${question.minScore === null ? nothing : html`<button type="button" class="button quiet text" @click=${() => this._cut(null)}>${texts.withoutCutoff}</button>`}
    </fieldset>`;
  }

  /** @type {(scores: number[], low: number, high: number, edge: number) => unknown} */
  _chart(scores, low, high, edge) {
    const counts = binned(scores, low, high);
    const most = Math.max(...counts);
    const marks = this._marks(low, high);
    return html`<svg class="histogram" viewBox="0 0 ${BINS * 5} 64" role="img" aria-label=${texts.histogram} preserveAspectRatio="none">
      ${counts.map((count, i) => {
        const height = count ? Math.max(2, Math.sqrt(count / most) * 60) : 0;
        const out = low + ((i + 1) / BINS) * (high - low) < edge;
        return svg`<rect class=${out ? "out" : ""} x=${i * 5} y=${64 - height} width="4" height=${height}/>`;
      })}
      ${marks.map((at) => svg`<line x1=${at * BINS * 5} x2=${at * BINS * 5} y1="0" y2="64"/>`)}
    </svg>`;
  }

  /** Where the words begin, as shares of the width. */
  /** @type {(low: number, high: number) => number[]} */
  _marks(low, high) {
    const scale = this.session.answer?.scale;
    const lines = [scale?.copy, scale?.look_alike, scale?.related];
    return lines.filter((one) => typeof one === "number").map((one) => (/** @type {number} */ (one) - low) / (high - low)).filter((at) => at > 0 && at < 1);
  }

  /** @param {Event} event */
  _moved(event) {
    const { value, min } = /** @type {HTMLInputElement} */ (event.target);
    this._cut(Number(value) <= Number(min) ? null : Math.floor(Number(value) * 1e4) / 1e4);
  }

  /** @param {number | null} minScore */
  _cut(minScore) {
    this.session.turn({ ...this.session.question, minScore });
  }
}
customElements.define("vitrail-cutoff", Cutoff);

/** @type {(scores: number[], low: number, high: number) => number[]} */
export function binned(scores, low, high) {
  const counts = new Array(BINS).fill(0);
  for (const score of scores) {
    counts[Math.min(BINS - 1, Math.floor(((score - low) / (high - low)) * BINS))] += 1;
  }
  return counts;
}
