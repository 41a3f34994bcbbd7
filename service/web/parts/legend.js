/** What the colours of a map mean; each of them can be chosen, which is the map for who does not see it. */
import { html, nothing, svg } from "../vendor/lit/index.js";
import { ramp } from "../plotting.js";
import { texts } from "../texts.js";
import { Part } from "./part.js";

/** @import { Colouring } from "../colouring.js" */

const LISTED = 24; // of a long legend; the others are there when they are asked for
const TICKS = [0, 0.25, 0.5, 0.75, 1];

export class Legend extends Part {
  static properties = { colouring: { attribute: false }, value: { attribute: false }, _whole: { state: true } };

  constructor() {
    super();
    /** @type {Colouring} */
    this.colouring = /** @type {any} */ (undefined);
    /** @type {string | null} the one that is chosen */
    this.value = null;
    this._whole = false;
  }

  render() {
    const { scale, entries } = this.colouring;
    if (scale) {
      return html`<p class="map-scale"><span>${scale[0]}</span><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <defs><linearGradient id="map-ramp">${TICKS.map((tick) => stop(tick))}</linearGradient></defs>
        <rect width="100" height="10" fill="url(#map-ramp)"></rect></svg><span>${scale[1]}</span></p>`;
    }
    const there = entries.filter(({ count }) => count), shown = this._whole || there.length <= LISTED + 4 ? there : there.slice(0, LISTED);
    return html`<ul class="map-legend" aria-label=${texts.legend}>
      ${shown.map(({ text, colour, count }) => html`<li><button type="button" aria-pressed=${text === this.value} @click=${() => this._choose(text)}>
        <svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" fill=${colour}></rect></svg>
        <span>${text}</span><small>${texts.number(count)}</small></button></li>`)}
      ${there.length > shown.length ? html`<li><button type="button" class="more" @click=${() => { this._whole = true; }}>${texts.moreOnes(there.length - shown.length)}</button></li>` : nothing}
    </ul>`;
  }

  /** @param {string} text */
  _choose(text) {
    this.dispatchEvent(new CustomEvent("chosen", { detail: text === this.value ? null : text }));
  }
}
customElements.define("vitrail-legend", Legend);

/** @param {number} tick */
function stop(tick) {
  return svg`<stop offset=${tick} stop-color=${ramp(tick)}></stop>`;
}
