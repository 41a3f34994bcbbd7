/** Two images seen together: by a slider, in turn, beside one another, or by what differs. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { icon } from "./icons.js";
import { Part } from "./part.js";

/** @typedef {"slider" | "flicker" | "beside" | "difference"} Way */

export const WAYS = /** @type {Way[]} */ (["slider", "flicker", "beside", "difference"]);
const TURN = 700; // ms for which each is seen in turn
const MOST = 16;

/** Tells of another way to look by an event `way`. */
export class Pair extends Part {
  static properties = {
    first: { attribute: false },
    second: { attribute: false },
    names: { attribute: false },
    way: { type: String },
    shape: { type: Number },
    _at: { state: true },
    _second: { state: true },
    _turning: { state: true },
    _gain: { state: true },
    _view: { state: true },
  };

  constructor() {
    super();
    this.first = "";
    this.second = "";
    /** @type {[string, string]} */
    this.names = ["", ""];
    /** @type {Way} */
    this.way = "slider";
    this.shape = 1; // width by height of the first
    this._at = 50;
    this._second = false;
    this._turning = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this._gain = 2;
    this._view = { scale: 1, x: 0, y: 0 }; // x and y in shares of a pane
    /** @type {Map<number, [number, number]>} pointers that are down */
    this._down = new Map();
    this._clock = 0;
    this._key = this._key.bind(this);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", this._key);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this._key);
    clearInterval(this._clock);
  }

  updated() {
    clearInterval(this._clock);
    if (this.way === "flicker" && this._turning) this._clock = window.setInterval(() => { this._second = !this._second; }, TURN);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest("input:not([type=radio]), textarea, select, button, a")) return;
    const way = WAYS[Number(event.key) - 1];
    const step = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] })[event.key];
    if (way) this._go(way);
    else if (event.key === " " && this.way === "flicker") { this._turning = false; this._second = !this._second; }
    else if (this.way === "beside" && (event.key === "+" || event.key === "-")) this._zoom(event.key === "+" ? 1.5 : 1 / 1.5);
    else if (this.way === "beside" && event.key === "0") this._move({ scale: 1, x: 0, y: 0 });
    else if (this.way === "beside" && step && !(event.target instanceof HTMLInputElement)) this._move({ ...this._view, x: this._view.x + step[0], y: this._view.y + step[1] });
    else return;
    event.preventDefault();
  }

  /** @param {Way} way */
  _go(way) {
    this.dispatchEvent(new CustomEvent("way", { detail: way, bubbles: true }));
  }

  /** @type {(by: number, x?: number, y?: number) => void} around a place, in shares of a pane from its middle */
  _zoom(by, x = 0, y = 0) {
    const scale = Math.min(Math.max(this._view.scale * by, 1), MOST);
    const grown = scale / this._view.scale;
    this._move({ scale, x: x - (x - this._view.x) * grown, y: y - (y - this._view.y) * grown });
  }

  /** No further than the edge of the image. */
  /** @param {{ scale: number, x: number, y: number }} view */
  _move({ scale, x, y }) {
    const room = (scale - 1) / 2;
    const held = (/** @type {number} */ one) => Math.min(Math.max(one, -room), room);
    this._view = { scale, x: held(x), y: held(y) };
  }

  /** @param {WheelEvent} event */
  _wheel(event) {
    event.preventDefault();
    const [x, y] = place(event, /** @type {Element} */ (event.currentTarget));
    this._zoom(Math.exp(-event.deltaY / 300), x, y);
  }

  /** One finger moves, two zoom. */
  /** @param {PointerEvent} event */
  _drag(event) {
    const pane = /** @type {Element} */ (event.currentTarget);
    const before = this._down.get(event.pointerId);
    const now = place(event, pane);
    if (event.type === "pointerdown") pane.setPointerCapture(event.pointerId);
    else if (!before) return;
    if (event.type === "pointerup" || event.type === "pointercancel") {
      this._down.delete(event.pointerId);
      return;
    }
    const other = [...this._down].find(([id]) => id !== event.pointerId)?.[1];
    this._down.set(event.pointerId, now);
    if (!before) return;
    if (!other) this._move({ ...this._view, x: this._view.x + now[0] - before[0], y: this._view.y + now[1] - before[1] });
    else this._zoom(apart(now, other) / Math.max(apart(before, other), 0.01), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  render() {
    return html`<section class="pair-view" aria-label=${texts.together}>
      <div class="pair-bar"><fieldset class="segments"><legend class="hidden">${texts.together}</legend>
        ${WAYS.map((way) => html`<label><input type="radio" name="way" .checked=${this.way === way} @change=${() => this._go(way)}><span>${texts.ways[way]}</span></label>`)}</fieldset>
        ${this._acts()}</div>
      ${this.way === "beside" ? this._beside() : this._over()}
      <p class="soft">${texts.wayNotes[this.way]}</p>
    </section>`;
  }

  _acts() {
    if (this.way === "flicker") {
      return html`<button type="button" class="button" @click=${() => { this._turning = false; this._second = !this._second; }}>${icon("swap")}<span>${texts.otherOne}</span></button>
        <button type="button" class="button ${this._turning ? "on" : ""}" aria-pressed=${this._turning} @click=${() => { this._turning = !this._turning; }}>${texts.byItself}</button>`;
    }
    if (this.way === "difference") {
      return html`<label class="masker-size"><span class="soft">${texts.gain}</span><input type="range" min="1" max="12" step="0.5" .value=${String(this._gain)}
        @input=${(/** @type {Event} */ event) => { this._gain = Number(/** @type {HTMLInputElement} */ (event.target).value); }}></label>`;
    }
    if (this.way !== "beside") return nothing;
    return html`<span class="masker-acts"><button type="button" class="button" aria-label=${texts.zoomIn} title=${texts.zoomIn} @click=${() => this._zoom(1.5)}>${icon("plus")}</button>
      <button type="button" class="button" aria-label=${texts.zoomOut} title=${texts.zoomOut} @click=${() => this._zoom(1 / 1.5)}>${icon("minus")}</button>
      <button type="button" class="button" @click=${() => this._move({ scale: 1, x: 0, y: 0 })}>${texts.zoomWhole}</button></span>`;
  }

  /** Both on one place. */
  _over() {
    const { way } = this;
    const size = `aspect-ratio:${this.shape};width:min(100%, calc(64dvh * ${this.shape}))`;
    const cut = way === "slider" ? `clip-path:inset(0 0 0 ${this._at}%)` : way === "flicker" && !this._second ? "visibility:hidden" : "";
    return html`<div class="pair-stage is-${way}" .style=${`${size}${way === "difference" ? `;filter:brightness(${this._gain})` : ""}`}>
      <img src=${this.first} alt=${this.names[0]} .style=${way === "flicker" && this._second ? "visibility:hidden" : ""}><img src=${this.second} alt=${this.names[1]} .style=${cut}>
      ${way === "slider" ? html`<i class="pair-edge" .style=${`left:${this._at}%`}></i>
        <input class="pair-slide" type="range" min="0" max="100" step="0.5" aria-label=${texts.slide} .value=${String(this._at)}
          @input=${(/** @type {Event} */ event) => { this._at = Number(/** @type {HTMLInputElement} */ (event.target).value); }}>` : nothing}
      ${way === "flicker" ? html`<b class="pair-name" role="status">${this.names[this._second ? 1 : 0]}</b>` : nothing}
    </div>`;
  }

  _beside() {
    const { scale, x, y } = this._view;
    const moved = `transform:translate(${x * 100}%,${y * 100}%) scale(${scale})`;
    return html`<div class="pair-panes">${[this.first, this.second].map((source, at) => html`<figure>
      <div class="pair-pane" .style=${`aspect-ratio:${this.shape};max-height:64dvh`} @wheel=${this._wheel} @pointerdown=${this._drag} @pointermove=${this._drag} @pointerup=${this._drag} @pointercancel=${this._drag}>
        <img src=${source} alt=${this.names[at]} draggable="false" .style=${moved}></div>
      <figcaption class="soft">${this.names[at]}</figcaption></figure>`)}</div>`;
  }
}
customElements.define("vitrail-pair", Pair);

/** @type {(event: { clientX: number, clientY: number }, pane: Element) => [number, number]} */
function place({ clientX, clientY }, pane) {
  const box = pane.getBoundingClientRect();
  return [(clientX - box.left) / box.width - 0.5, (clientY - box.top) / box.height - 0.5];
}

/** @type {(one: [number, number], other: [number, number]) => number} */
function apart([x, y], [u, v]) {
  return Math.hypot(x - u, y - v);
}
