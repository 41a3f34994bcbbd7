/** The collection laid out in the plane: looked over, coloured, and images chosen in it. */
import { html, nothing } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { readColumn } from "../annotating.js";
import { address, ask, post, Problem } from "../api.js";
import { byCluster, byValue } from "../colouring.js";
import { cancelJob, followJob, isOver, resultOf } from "../jobs.js";
import { isMapOf, mapBody, mapHref, readMap, settled, stateOf } from "../mapping.js";
import { isWithin } from "../plotting.js";
import { texts } from "../texts.js";
import { columnName } from "../words.js";
import { alone } from "../parts/alone.js";
import { icon } from "../parts/icons.js";
import { mapForm } from "../parts/mapform.js";
import { SessionPart } from "../parts/part.js";
import "../parts/legend.js";
import "../parts/lot.js";
import "../parts/mapplane.js";

/** @import { Colouring } from "../colouring.js" */
/** @import { Job } from "../jobs.js" */
/** @import { ImageMap, MapState } from "../mapping.js" */
/** @import { MapPlane } from "../parts/mapplane.js" */
/** @import { LotActs } from "../parts/lot.js" */
/** @import { Point } from "../plotting.js" */

const UNTOLD = new Set(["id", "name", "path", "paths", "folder", "content_hash", "recipe", "files", "latitude", "longitude"]);

export class MapView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _state: { state: true },
    _job: { state: true },
    _map: { state: true },
    _colouring: { state: true },
    _chosen: { state: true },
    _setting: { state: true },
  };

  constructor() {
    super();
    /** @type {MapState} */
    this._state = readMap(location.search);
    /** @type {Job | null | undefined} undefined until it is known whether there is one */
    this._job = undefined;
    /** @type {ImageMap | null} */
    this._map = null;
    /** @type {Colouring | null} */
    this._colouring = null;
    /** @type {number[] | null} places of the chosen images in the map */
    this._chosen = null;
    /** @type {number[]} ids of these */
    this._ids = [];
    this._setting = false; // whether another map is about to be asked for
    this._end = () => {};
    this._keys = this._keys.bind(this);
    this._labelled = (/** @type {Event} */ event) => {
      if (/** @type {CustomEvent<string>} */ (event).detail === this._state.colour) this._try(() => this._recolour(false), true);
    };
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", this._keys);
    this.session.addEventListener("labelled", this._labelled);
    this._try(() => this._begin(), true).then(() => { this._job ??= null; });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this._keys);
    this.session.removeEventListener("labelled", this._labelled);
    this._end();
  }

  /** The map that the address names; or one that was drawn of the same before. */
  async _begin() {
    const { job } = this._state;
    const found = job ? await this._named(job) : await this._before();
    if (!found) return;
    this._turn({ ...stateOf(found.parameters), job: found.id });
    if (isOver(found)) await this._told(found);
    else this._follow(found);
  }

  /** @param {string} id @returns {Promise<Job | null>} */
  async _named(id) {
    try {
      return await ask(address(`/jobs/${id}`));
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      this._wrong = texts.mapGone;
      return null;
    }
  }

  /** @returns {Promise<Job | null>} */
  async _before() {
    const { collection } = this._state;
    const name = collection ?? (await ask(address("/collections"))).collections[0].name;
    const { jobs } = await ask(address("/jobs", { query: { kind: "map", collection: name, limit: 20 } }));
    const bare = mapHref(this._state) === mapHref({ ...readMap(""), collection });
    return jobs.find((/** @type {Job} */ { state, parameters }) =>
      (state === "done" || !isOver(/** @type {Job} */ ({ state }))) && (bare || isMapOf(parameters, this._state))) ?? null;
  }

  /** @param {Job} begun */
  _follow(begun) {
    this._end();
    this._job = begun;
    this._end = followJob(begun.id, (job) => {
      if (isOver(job)) this._try(() => this._told(job), true);
      else this._job = job;
    });
  }

  /** A job that is over; told with its map, lest the form flashes up between the two. */
  /** @param {Job} job */
  async _told(job) {
    const { id, state, problem } = job;
    try {
      const map = /** @type {ImageMap | null} */ (state === "done" ? await resultOf(id) : null);
      if (map) [this._map, this._colouring] = [map, byCluster(map)];
      else if (state !== "cancelled") this._wrong = [problem?.detail ?? texts.jobStates[state], problem?.remedy].filter(Boolean).join("; ");
    } finally {
      this._job = job;
    }
    await this._recolour();
  }

  async _draw() {
    const before = this._job;
    this._job = undefined; // nor can another one be asked for meanwhile
    await this._try(async () => {
      const job = /** @type {Job} */ (await post(address("/map", { collection: this._state.collection }), mapBody(this._state)));
      [this._map, this._chosen, this._setting] = [null, null, false];
      this._turn({ job: job.id, view: null, ring: null, value: null });
      this._follow(job);
    });
    this._job ??= before;
  }

  /** Another state, which the address tells at once. */
  /** @param {Partial<MapState>} some */
  _turn(some) {
    this._state = { ...this._state, ...some };
    history.replaceState(history.state, "", mapHref(this._state));
  }

  /** Colour by the column that is asked for, as it is now. */
  /** @param {boolean} [anew] whether the images are chosen anew; those that were labelled just now stay chosen */
  async _recolour(anew = true) {
    const { _map: map, _state: { colour } } = this;
    if (!map) return;
    const values = colour ? await readColumn(this.session, colour, this._state) : null;
    if (this._state.colour !== colour || this._map !== map) return;
    this._colouring = values && colour ? byValue(map.places.map(({ id }) => values.get(id) ?? null), colour) : byCluster(map);
    if (anew) this._choose();
  }

  /** @param {string} colour */
  _colour(colour) {
    this._turn({ colour: colour || null, value: null });
    this._try(() => this._recolour(), true);
  }

  /** The images within the ring, or of the colour, that the address tells. */
  _choose() {
    const { _map: map, _colouring: colouring, _state: { ring, value } } = this;
    if (!map || !colouring) return;
    const among = (/** @type {number} */ i) => (ring ? isWithin(ring, map.places[i].x, 1 - map.places[i].y) : colouring.said[i] === value);
    const found = ring || value !== null ? [...map.places.keys()].filter(among) : null;
    this._chosen = found && found.length ? found : null;
  }

  /** @param {Point[] | null} ring */
  _drew(ring) {
    this._turn({ ring: ring && settled(ring), value: null });
    this._choose();
    if (ring && !this._chosen) this._turn({ ring: null });
  }

  /** @param {string | null} value */
  _pick(value) {
    this._turn({ value, ring: null });
    this._choose();
  }

  _see() {
    const heading = /** @type {HTMLElement} */ (this.querySelector(".map-chosen h2"));
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  _keys(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select")) return;
    const plane = /** @type {MapPlane | null} */ (this.querySelector("vitrail-map-plane"));
    const acts = /** @type {LotActs | null} */ (this.querySelector("vitrail-lot-acts"));
    if (event.key === "s" && plane) plane.lasso();
    else if (event.key === "l" && acts) acts.label();
    else if (event.key === "Escape" && this._chosen) this._drew(null);
    else return;
    event.preventDefault();
  }

  render() {
    const { _job: job, _map: map } = this;
    const busy = Boolean(job && !isOver(job));
    const looking = job === undefined && !map;
    return html`<article class="map ${map ? "done" : ""}" aria-busy=${looking}>
      <h1 class="hidden">${texts.views.map}</h1>
      ${map ? this._head(map) : nothing}
      ${looking || (map && !this._setting) ? nothing : mapForm(this.session, this._state, {
        busy,
        change: (some) => { this._state = { ...this._state, ...some }; },
        draw: () => this._draw(),
      })}
      ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
      ${busy && job ? this._progress(job) : nothing}
      ${map && this._colouring ? [this._main(map, this._colouring), this._below(map)] : nothing}
      ${map || busy || looking ? nothing : html`<div class="state"><p>${texts.mapNote}</p></div>`}
    </article>`;
  }

  /** @param {ImageMap} map */
  _head(map) {
    return html`<div class="bar"><p class="bar-told"><b>${texts.mapTold(map)}</b><span class="wide">${texts.mapHow(map)}</span></p>
      <div class="bar-acts"><button type="button" class="button quiet" aria-label=${texts.share} @click=${() => this.dispatchEvent(new Event("share", { bubbles: true }))}>
          ${icon("code")}<span class="wide">${texts.share}</span></button>
        <button type="button" class="button ${this._setting ? "on" : ""}" aria-expanded=${this._setting} @click=${() => { this._setting = !this._setting; }}>${texts.otherMap}</button></div></div>`;
  }

  /** @param {Job} job */
  _progress({ id, progress }) {
    return html`<div class="map-progress"><p role="status">${progress?.stage ?? texts.mapWaiting}</p>
      ${progress?.total ? html`<progress aria-label=${texts.drawingMap} .value=${progress.done / progress.total} max="1"></progress>`
        : html`<progress aria-label=${texts.drawingMap}></progress>`}
      <button type="button" class="button" @click=${() => this._try(() => cancelJob(id))}>${texts.cancel}</button></div>`;
  }

  /** @type {(map: ImageMap, colouring: Colouring) => unknown} */
  _main(map, colouring) {
    const { ring, view, value } = this._state;
    return html`<div class="map-main">
      <vitrail-map-plane .session=${this.session} .map=${map} .colouring=${colouring} .chosen=${this._chosen} .ring=${ring} .start=${view}
        @drew=${(/** @type {CustomEvent} */ event) => this._drew(event.detail)} 
        @seen=${() => this._see()} @moved=${(/** @type {CustomEvent} */ event) => this._turn({ view: event.detail })}></vitrail-map-plane>
      <aside class="map-side" aria-label=${texts.mapSide}>
        <label class="map-by"><span>${texts.colourBy}</span>${this._columns()}</label>
        <vitrail-legend .colouring=${colouring} .value=${value} @chosen=${(/** @type {CustomEvent} */ event) => this._pick(event.detail)}></vitrail-legend>
      </aside></div>`;
  }

  _columns() {
    const { colour } = this._state;
    const names = this.session.columns.map(({ name }) => name).filter((name) => !UNTOLD.has(name));
    if (colour && !names.includes(colour)) names.push(colour);
    return html`<select .value=${live(colour ?? "")} @change=${(/** @type {Event} */ event) => this._colour(/** @type {HTMLSelectElement} */ (event.target).value)}>
      <option value="" ?selected=${!colour}>${texts.byClusters}</option>
      ${names.map((name) => html`<option value=${name} ?selected=${name === colour}>${columnName(name)}</option>`)}</select>`;
  }

  /** The chosen images; where none are, those that lie alone. */
  /** @param {ImageMap} map */
  _below(map) {
    const chosen = this._chosen;
    if (!chosen) return alone(this.session, map);
    const ids = chosen.map((i) => map.places[i].id);
    return html`<section class="map-chosen" aria-label=${texts.chosenTitle}>
      <header><h2 tabindex="-1">${texts.chosen(ids.length)}${this._state.value === null ? nothing : html`<small>${this._state.value}</small>`}</h2>
        <button type="button" class="button quiet" @click=${() => this._drew(null)}>${icon("close")}<span>${texts.chooseNone}</span></button></header>
      <vitrail-lot-acts .session=${this.session} .ids=${ids}></vitrail-lot-acts>
      <vitrail-lot .session=${this.session} .ids=${this._same(ids)}></vitrail-lot>
      <vitrail-marked .session=${this.session}></vitrail-marked>
    </section>`;
  }

  /** The same list for the same images, so that they are not read anew. */
  /** @param {number[]} ids */
  _same(ids) {
    if (JSON.stringify(ids) !== JSON.stringify(this._ids)) this._ids = ids;
    return this._ids;
  }
}
customElements.define("vitrail-map", MapView);
