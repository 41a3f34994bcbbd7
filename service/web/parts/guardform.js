/** What becomes of images that copy what is in the collection: kept, refused, drawn anew, or marked. */
import { html, nothing } from "../vendor/lit/index.js";
import { blank, GUARD_WAYS, LEAST_RATE, MOST, within } from "../making.js";
import { texts } from "../texts.js";

/** @import { Order } from "../making.js" */
/** @typedef {(to: Partial<Order>) => void} Turn */

const usual = blank();

/**
 * @param {Order} order
 * @param {Turn} turn
 */
export function guardForm({ guard, rate, retries, mark, against }, turn) {
  return html`<fieldset class="guard"><legend>${texts.guard}</legend>
    <label class="field"><span class="hidden">${texts.guard}</span><select id="make-guard" @change=${(/** @type {Event} */ event) => turn({ guard: GUARD_WAYS.find((one) => one === read(event)) ?? null })}>
      <option value="" ?selected=${!guard}>${texts.guardWays.none}</option>
      ${GUARD_WAYS.map((one) => html`<option value=${one} ?selected=${one === guard}>${texts.guardWays[one]}</option>`)}</select></label>
    <p class="soft">${texts.guardNotes[guard ?? "none"]}</p>
    ${guard
      ? html`<div class="pair"><label class="field"><span>${texts.guardRate}</span><input id="make-rate" class="input short" type="number" min=${inPercent(LEAST_RATE)} max=${inPercent(MOST.rate)} step="any" .value=${inPercent(rate)}
          @change=${(/** @type {Event} */ event) => turn({ rate: fromPercent(read(event)) ?? usual.rate })}></label>
        ${guard === "reseed" ? html`<label class="field"><span>${texts.guardRetries}</span><input id="make-retries" class="input short" type="number" min="1" max=${MOST.retries} step="1" .value=${String(retries)}
          @change=${(/** @type {Event} */ event) => turn({ retries: within(read(event), 1, MOST.retries, true) ?? usual.retries })}></label>` : nothing}
        ${guard === "mark" ? html`<label class="field"><span>${texts.guardMark}</span><input id="make-mark" class="input short" maxlength=${MOST.column} spellcheck="false" .value=${mark}
          @change=${(/** @type {Event} */ event) => turn({ mark: read(event).trim() || usual.mark })}></label>` : nothing}</div>
        <label class="field"><span>${texts.guardAgainst}</span><input id="make-against" class="input short" maxlength="4000" spellcheck="false" .value=${against}
          @change=${(/** @type {Event} */ event) => turn({ against: read(event).trim() || usual.against })}></label>`
      : nothing}
  </fieldset>`;
}

/** @param {number} rate as a number of hundredths, without what binary fractions add */
function inPercent(rate) {
  return String(Number((rate * 100).toPrecision(6)));
}

/** @param {string} text */
function fromPercent(text) {
  const read = within(text, LEAST_RATE * 100, MOST.rate * 100, false);
  return read === null ? null : Number((read / 100).toPrecision(6));
}

/** @param {Event} event */
function read(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}
