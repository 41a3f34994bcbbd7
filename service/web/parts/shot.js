/** A small copy of an image within an element of the class `shot`; where none comes, why. */
import { html } from "../vendor/lit/index.js";
import { came, lost } from "../shots.js";
import { texts } from "../texts.js";

/** @param {string} source */
export function shot(source) {
  return html`<img src=${source} alt="" loading="lazy" @error=${lost} @load=${came}>
    <span class="gone">${texts.gone}</span><span class="away">${texts.away}</span>`;
}
