/** What a map is drawn of, and how. */
import { html, nothing } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { texts } from "../texts.js";

/** @import { MapState, Only } from "../mapping.js" */
/** @import { Session } from "../session.js" */

/**
 * @param {Session} session
 * @param {MapState} state
 * @param {{ busy: boolean, change: (some: Partial<MapState>) => void, draw: () => void }} does
 */
export function mapForm(session, state, { busy, change, draw }) {
  const spaces = /** @type {{ name: string }[]} */ (session.about?.spaces ?? []);
  const value = (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.target).value;
  return html`<form class="map-form" @submit=${(/** @type {Event} */ event) => { event.preventDefault(); draw(); }}>
    <label class="map-where"><span>${texts.mapOf}</span><input class="input short" maxlength="4000" spellcheck="false" placeholder=${texts.expertPlaceholder}
      .value=${live(state.where)} @input=${(/** @type {Event} */ event) => change({ where: value(event) })}></label>
    <label><span>${texts.kindsLabel}</span><select .value=${live(state.only)} @change=${(/** @type {Event} */ event) => change({ only: /** @type {Only} */ (value(event)) })}>
      ${/** @type {const} */ (["all", "real", "generated"]).map((one) => html`<option value=${one} ?selected=${one === state.only}>${texts.kinds[one]}</option>`)}</select></label>
    ${spaces.length > 1 ? html`<label><span>${texts.mapSpace}</span><select .value=${live(state.space ?? "")} @change=${(/** @type {Event} */ event) => change({ space: value(event) || null })}>
      <option value="" ?selected=${!state.space}>${texts.asSearched}</option>
      ${spaces.map(({ name }) => html`<option value=${name} ?selected=${name === state.space}>${name}</option>`)}</select></label>` : nothing}
    <label><span>${texts.mapLayout}</span><select .value=${live(state.layout)} @change=${(/** @type {Event} */ event) => change({ layout: value(event) === "pca" ? "pca" : "umap" })}>
      ${/** @type {const} */ (["umap", "pca"]).map((one) => html`<option value=${one} ?selected=${one === state.layout}>${texts.layouts[one]}</option>`)}</select></label>
    <label class="map-count"><span>${texts.clusterCount}</span><input class="input short" type="number" min="0" max="1000" step="1" placeholder=${texts.asManyAsThereAre}
      .value=${live(state.clusters === null ? "" : `${state.clusters}`)} @input=${(/** @type {Event} */ event) => change({ clusters: value(event) === "" ? null : Math.round(Number(value(event))) })}></label>
    <button class="button main" ?disabled=${busy}>${texts.drawMap}</button>
  </form>`;
}
