/** The map itself: a canvas that is moved, zoomed and chosen in, with what is pointed at beside it. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { Hands } from "../hands.js";
import { Pictures } from "../pictures.js";
import { Plane } from "../plane.js";
import { texts } from "../texts.js";
import { icon } from "./icons.js";
import { follow, SessionPart } from "./part.js";

/** @import { Colouring } from "../colouring.js" */
/** @import { ImageMap } from "../mapping.js" */
/** @import { Point } from "../plotting.js" */

const SIDE = 92; // pixels of a thumbnail, at most
const FEW = 300; // images, up to which thumbnails may stand close
const NAMED = 24; // clusters whose names are on the map
const SETTLED = 250; // ms without a further move, before the address tells it
const ODD = 1.5; // the outlier factor from which it is worth a look

export class MapPlane extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    map: { attribute: false },
    colouring: { attribute: false },
    chosen: { attribute: false },
    ring: { attribute: false },
    start: { attribute: false },
    _tip: { state: true },
    _lassoing: { state: true },
  };

  constructor() {
    super();
    /** @type {ImageMap} */
    this.map = /** @type {any} */ (undefined);
    /** @type {Colouring} */
    this.colouring = /** @type {any} */ (undefined);
    /** @type {number[] | null} places of the images that are chosen */
    this.chosen = null;
    /** @type {Point[] | null} */
    this.ring = null;
    /** @type {{ at: Point, scale: number } | null} where to begin; null for all of it */
    this.start = null;
    /** @type {{ i: number, x: number, y: number, linked: boolean } | null} */
    this._tip = null;
    this._lassoing = false;
    /** @type {Set<number>} */
    this._among = new Set();
    /** @type {Plane | null} */
    this._plane = null;
    /** @type {Pictures | null} */
    this._pictures = null;
    this._moved = 0;
    this._resized = new ResizeObserver(() => this._plane?.resize());
    this._theme = new MutationObserver(() => this._plane?.ask());
  }

  connectedCallback() {
    super.connectedCallback();
    this._theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._resized.disconnect();
    this._theme.disconnect();
    this._pictures?.close();
    clearTimeout(this._moved);
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("chosen")) this._among = new Set(this.chosen ?? []);
    if (changed.has("map")) this._tip = null;
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    if (changed.has("map")) this._draw();
    if (!this._plane || !this._hands) return;
    this._plane.ring = this.ring;
    this._hands.lassoing = this._lassoing;
    this._plane.ask();
    this._place();
  }

  _draw() {
    const canvas = /** @type {HTMLCanvasElement} */ (this.querySelector("canvas"));
    const { places, clusters } = this.map;
    const { collection } = this.session.question;
    const names = namesOf(this.map);
    const style = getComputedStyle(document.documentElement);
    this._pictures?.close();
    const pictures = new Pictures((i) => thumbnail(places[i], "small", collection), () => this._plane?.ask());
    this._pictures = pictures;
    this._plane = new Plane(canvas, Float32Array.from(places, ({ x }) => x), Float32Array.from(places, ({ y }) => 1 - y), {
      colour: (i) => this.colouring.colours[i],
      isPale: (i) => this.chosen !== null && !this._among.has(i),
      isOff: () => false,
      chosen: () => this.chosen,
      pictured: inOrder(this.map),
      picture: (i) => pictures.get(i),
      side: SIDE,
      gap: (scale) => (places.length <= FEW ? 1.1 : Math.max(1.1, 3 - 0.6 * Math.log2(Math.max(1, scale)))),
      names: () => (clusters.length ? names : []),
      style: (name) => resolved(style, name),
      touched: (i, x, y) => this._touch(i, x, y),
      opened: (i, x, y, by) => this._open(i, x, y, by),
      drew: (ring) => this._send("drew", ring),
      moved: () => this._move(),
      left: () => this._leave(),
    });
    this._hands = new Hands(this._plane);
    if (this.start) this._plane.look(this.start);
    this._resized.disconnect();
    this._resized.observe(canvas);
  }

  /** @type {(kind: string, detail: unknown) => void} */
  _send(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  _move() {
    this._tip = null;
    clearTimeout(this._moved);
    this._moved = window.setTimeout(() => this._plane && this._send("moved", this._plane.isHome ? null : this._plane.view), SETTLED);
  }

  /** @type {(i: number, x: number, y: number, linked?: boolean) => void} */
  _touch(i, x, y, linked = false) {
    if (i < 0 && !this._tip) return;
    this._tip = i < 0 ? null : { i, x, y, linked };
  }

  /** A tap tells of an image, and has a link to open it; a click and Enter open it. */
  /** @type {(i: number, x: number, y: number, by: string) => void} */
  _open(i, x, y, by) {
    if (by !== "mouse" && by !== "key") this._touch(i, x, y, true);
    else if (i >= 0) this.session.open(this._href(i));
  }

  /** @param {number} i */
  _href(i) {
    return this.session.here(`/image/${this.map.places[i].id}`);
  }

  _leave() {
    if (!this._tip && this.chosen === null) return false;
    if (this.chosen !== null) this._send("drew", null);
    this._tip = null;
    return true;
  }

  render() {
    const told = texts.mapCanvas(this.map.places.length, this.map.clusters.length);
    return html`<div class="map-plane ${this._lassoing ? "is-choosing" : ""}">
      <canvas tabindex="0" role="application" aria-label=${told} aria-describedby="map-keys"></canvas>
      <span class="hidden" id="map-keys">${texts.mapKeys}</span>
      <button type="button" class="button map-lasso ${this._lassoing ? "on" : ""}" aria-pressed=${this._lassoing} title=${texts.lassoNote}
        @click=${() => this.lasso()}>${icon("lasso")}<span>${texts.lasso}</span></button>
      <span class="map-zoom">
        ${this._zoom(1.6, "plus", texts.zoomIn)}${this._zoom(0.625, "minus", texts.zoomOut)}${this._zoom(0, "whole", texts.zoomWhole)}
      </span>
      ${this.chosen === null ? nothing : html`<p class="map-told"><b>${texts.chosen(this.chosen.length)}</b>
        <button type="button" class="button small" @click=${() => this._send("seen", null)}>${texts.seeThem}</button>
        <button type="button" class="button small quiet" aria-label=${texts.chooseNone} title=${texts.chooseNone} @click=${() => this._send("drew", null)}>${icon("close")}</button></p>`}
      <div class="map-tip ${this._tip?.linked ? "is-linked" : ""}" role="status" ?hidden=${!this._tip}>${this._tip ? this._told(this._tip.i, this._tip.linked) : nothing}</div>
    </div>`;
  }

  /** Draw round images from now on, or move the map again. */
  lasso() {
    this._lassoing = !this._lassoing;
  }

  /** @type {(factor: number, sign: "plus" | "minus" | "whole", label: string) => unknown} */
  _zoom(factor, sign, label) {
    return html`<button type="button" class="button" title=${label} aria-label=${label}
      @click=${() => (factor ? this._plane?.zoom(factor) : this._plane?.home())}>${icon(sign)}</button>`;
  }

  /** @type {(i: number, linked: boolean) => unknown} */
  _told(i, linked) {
    const { id, name, outlier } = this.map.places[i], href = this._href(i);
    return html`<img src=${thumbnail({ id }, "small", this.session.question.collection)} alt="">
      <b>${name || texts.unnamed(id)}</b>
      <span>${this.colouring.said[i]}</span>
      ${outlier >= ODD ? html`<span>${texts.outlier(outlier)}</span>` : nothing}
      ${linked ? html`<a href=${href} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => this.session.open(href))}>${texts.openIt}</a>` : nothing}`;
  }

  /** The tip lies beside what it tells of, within the map. */
  _place() {
    const tip = /** @type {HTMLElement} */ (this.querySelector(".map-tip"));
    if (!this._tip || !this._plane) return;
    const { x, y } = this._tip, { wide, high } = this._plane;
    const left = x + 18 + tip.offsetWidth > wide ? x - 18 - tip.offsetWidth : x + 18;
    tip.style.left = `${Math.max(6, Math.min(left, wide - tip.offsetWidth - 6))}px`;
    tip.style.top = `${Math.max(6, Math.min(y - 20, high - tip.offsetHeight - 6))}px`;
  }
}
customElements.define("vitrail-map-plane", MapPlane);

/** Names of the largest clusters, each in the middle of its images. */
/** @param {ImageMap} map @returns {{ text: string, at: Point }[]} */
function namesOf({ clusters, places }) {
  return clusters.slice(0, NAMED).map(({ number, name }) => {
    const own = places.filter(({ cluster }) => cluster === number);
    const middle = (/** @type {number[]} */ values) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
    return { text: name, at: [middle(own.map(({ x }) => x)), middle(own.map(({ y }) => 1 - y))] };
  });
}

/** Images in the order in which they get room for a thumbnail: typical ones of clusters, then all over. */
/** @param {ImageMap} map @returns {number[]} */
function inOrder({ clusters, places }) {
  const first = new Set(clusters.flatMap(({ typical }) => typical.slice(0, 1)));
  const spread = (/** @type {number} */ i) => (i * 0.6180339887) % 1;
  const rank = places.map(({ id }, i) => (first.has(id) ? -1 : spread(i)));
  return [...places.keys()].sort((a, b) => rank[a] - rank[b]);
}

/** A colour of the theme, which a canvas cannot be told by the name of. */
/** @type {(style: CSSStyleDeclaration, name: string) => string} */
function resolved(style, name) {
  const value = style.getPropertyValue(name).trim();
  const [, light, dark] = /^light-dark\(\s*(.+?),\s*(.+?)\s*\)$/.exec(value) ?? [];
  if (!light) return value;
  const { theme } = document.documentElement.dataset;
  const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return isDark ? dark : light;
}
