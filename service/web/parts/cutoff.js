/** A histogram of how all images score, whose edge is the cutoff. */
import { html, nothing, svg } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { address, post } from "../api.js";
import { spreadBody } from "../request.js";
import { toQuery } from "../question.js";
import { texts } from "../texts.js";
import { SessionPart } from "./part.js";

/** @import { Question, Scale } from "../types.js" */
/** @typedef {{ low: number, high: number, counts: number[], compared: number, images: number, scale: Scale | null }} Spread */

const BINS = 192; // places of the edge
const BARS = 48; // that are drawn, of as many bins each

export class Cutoff extends SessionPart {
  static properties = { ...SessionPart.properties, _spread: { state: true } };

  constructor() {
    super();
    /** @type {Spread | null} */
    this._spread = null;
    this._of = "";
  }

  willUpdate() {
    const { question, ranked, status } = this.session;
    const whole = { ...question, minScore: null, sort: null, diverse: null, groupBy: null };
    const key = toQuery(whole);
    if (!ranked || status !== "done" || key === this._of) return;
    this._of = key;
    this._read(whole, key);
  }

  /** @type {(question: Question, key: string) => Promise<void>} */
  async _read(question, key) {
    try {
      const { collection } = question;
      const spread = await post(address("/search/scores", { collection }), spreadBody(question, BINS));
      if (this._of === key) this._spread = spread;
    } catch {
      if (this._of === key) this._spread = null; // the answer itself says what is wrong
    }
  }

  render() {
    const { question, ranked } = this.session;
    const spread = this._spread;
    if (!ranked || !spread || spread.compared < 2 || !(spread.high > spread.low)) return nothing;
    const at = placeOf(spread, question.minScore);
    const kept = keptFrom(spread, at);
    const said = at === 0 ? texts.cutoffNone : texts.cutoffAt(edgeOf(spread, at), kept, spread.images);
    return html`<fieldset class="refine-part cutoff">
      <legend>${texts.cutoff}</legend>
      ${chart(spread, at)}
      <label class="hidden" for="cutoff">${texts.cutoffSlider}</label>
      <input id="cutoff" type="range" min="0" max=${BINS - 1} step="1" aria-valuetext=${said}
        .value=${live(String(at))} @input=${(/** @type {Event} */ event) => this._moved(spread, event)}>
      <p class="soft" role="status">${said}</p>
      ${question.minScore === null ? nothing : html`<button type="button" class="button quiet text" @click=${() => this._cut(null)}>${texts.withoutCutoff}</button>`}
    </fieldset>`;
  }

  /** @type {(spread: Spread, event: Event) => void} */
  _moved(spread, event) {
    const at = Number(/** @type {HTMLInputElement} */ (event.target).value);
    this._cut(at === 0 ? null : edgeOf(spread, at));
  }

  /** @param {number | null} minScore */
  _cut(minScore) {
    this.session.turn({ ...this.session.question, minScore });
  }
}
customElements.define("vitrail-cutoff", Cutoff);

/** The score at a place; never above the edge of the bin, so that all that is counted is found. */
/** @type {(spread: Spread, at: number) => number} */
export function edgeOf({ low, high }, at) {
  return Math.floor((low + (at / BINS) * (high - low)) * 1e6) / 1e6;
}

/** @type {(spread: Spread, score: number | null) => number} */
export function placeOf({ low, high }, score) {
  if (score === null) return 0;
  const at = Math.ceil(((score - low) / (high - low)) * BINS - 0.01);
  return Math.min(Math.max(at, 0), BINS - 1);
}

/** How many images score as high; of a sample, as many as it stands for. */
/** @type {(spread: Spread, at: number) => number} */
export function keptFrom({ counts, compared, images }, at) {
  const kept = counts.slice(at).reduce((sum, count) => sum + count, 0);
  return Math.round((kept / compared) * images);
}

/** @type {(spread: Spread, at: number) => unknown} */
function chart({ counts, low, high, scale }, at) {
  const each = BINS / BARS;
  const bars = Array.from({ length: BARS }, (_, i) =>
    counts.slice(i * each, (i + 1) * each).reduce((sum, count) => sum + count, 0),
  );
  const most = Math.max(...bars);
  const lines = [scale?.copy, scale?.look_alike, scale?.related]
    .map((score) => (typeof score === "number" ? (score - low) / (high - low) : 0))
    .filter((share) => share > 0 && share < 1);
  return html`<svg class="histogram" viewBox="0 0 ${BARS * 5} 64" role="img" aria-label=${texts.histogram} preserveAspectRatio="none">
    ${bars.map((count, i) => {
      const height = count ? Math.max(2, Math.sqrt(count / most) * 60) : 0;
      return svg`<rect class=${(i + 1) * each <= at ? "out" : ""} x=${i * 5} y=${64 - height} width="4" height=${height}/>`;
    })}
    ${lines.map((share) => svg`<line x1=${share * BARS * 5} x2=${share * BARS * 5} y1="0" y2="64"/>`)}
  </svg>`;
}
