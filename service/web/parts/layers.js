/** Sliders that weigh the layers of the encoder, and rank anew while they move. */
import { html, nothing } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { texts } from "../texts.js";
import { ladder, placeOf, weightsAt } from "../weighing.js";
import { copyButton } from "./copying.js";
import { SessionPart } from "./part.js";

export class Layers extends SessionPart {
  render() {
    const { about, question, answer } = this.session;
    const spaces = /** @type {string[]} */ ((about?.spaces ?? []).map((/** @type {any} */ one) => one.name));
    const usual = /** @type {Record<string, number>} */ (about?.weights ?? {});
    const rungs = ladder(spaces, usual);
    if (!rungs.length) return nothing;
    if (rungs.length === 1) return this._single();
    const weights = question.spaces ?? answer?.weights ?? usual;
    return html`<fieldset class="refine-part">
      <legend>${texts.layers}</legend>
      <label class="hidden" for="ladder">${texts.layersSlider}</label>
      <input id="ladder" type="range" min="0" max="1" step="0.02" .value=${live(String(placeOf(rungs, weights)))}
        @input=${(/** @type {Event} */ event) => this._weigh(weightsAt(rungs, valueOf(event)))}>
      <p class="ends" aria-hidden="true"><span>${texts.texture}</span><span>${texts.meaning}</span></p>
      <details>
        <summary>${texts.layersEach}</summary>
        ${spaces.filter((space) => !space.startsWith("proj@")).map((space) => this._one(space, weights))}
      </details>
      ${question.spaces ? html`<button type="button" class="button quiet text" @click=${() => this._weigh(null)}>${texts.layersReset}</button>` : nothing}
    </fieldset>`;
  }

  _single() {
    return html`<fieldset class="refine-part"><legend>${texts.layers}</legend>
      <p class="soft">${texts.oneLayer}</p>
      <p><code class="code">${texts.oneLayerCommand}</code> ${copyButton(texts.oneLayerCommand, "quiet text")}</p>
    </fieldset>`;
  }

  /** @type {(space: string, weights: Record<string, number>) => unknown} */
  _one(space, weights) {
    const weight = weights[space] ?? 0;
    return html`<label class="one-layer"><span>${space}</span>
      <input type="range" min="0" max="1" step="0.05" .value=${live(String(weight))}
        @input=${(/** @type {Event} */ event) => this._set(space, valueOf(event), weights)}>
      <output>${weight.toFixed(2)}</output></label>`;
  }

  /** @type {(space: string, weight: number, weights: Record<string, number>) => void} */
  _set(space, weight, weights) {
    const { [space]: _, ...others } = weights;
    const next = weight > 0 ? { ...others, [space]: weight } : others;
    if (Object.keys(next).length) this._weigh(next);
    else this.requestUpdate(); // a question needs one layer at least
  }

  /** @param {Record<string, number> | null} spaces */
  _weigh(spaces) {
    // scores of other weights are other scores: a cutoff among them means nothing any more
    this.session.turn({ ...this.session.question, spaces, minScore: null });
  }
}
customElements.define("vitrail-layers", Layers);

/** @param {Event} event */
function valueOf(event) {
  return Number(/** @type {HTMLInputElement} */ (event.target).value);
}
