/** An image on which is marked what to repaint: by brush, eraser and box, by mouse, finger, pen or keys. */
import { html } from "../vendor/lit/index.js";
import { address, ask } from "../api.js";
import { isMarked, maskOf, paint } from "../masking.js";
import { texts } from "../texts.js";
import { imageOf } from "./asked.js";
import { icon } from "./icons.js";
import { SessionPart } from "./part.js";

/** @import { Stroke, Tool } from "../masking.js" */
/** @import { ImagePart } from "../types.js" */

const TOOLS = /** @type {Tool[]} */ (["brush", "eraser", "box"]);
const KEYS = /** @type {Record<string, Tool>} */ ({ b: "brush", e: "eraser", x: "box" });
const SHARP = 1024; // pixels of the canvas that is painted on
const STEP = 0.03;

/** Tells of what is marked by an event `marked`. */
export class Masker extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    image: { attribute: false },
    _size: { state: true },
    _tool: { state: true },
    _radius: { state: true },
    _strokes: { state: true },
    _at: { state: true },
  };

  constructor() {
    super();
    /** @type {ImagePart | null} */
    this.image = null;
    /** @type {[number, number] | null} of the image in pixels */
    this._size = null;
    /** @type {Tool} */
    this._tool = "brush";
    this._radius = 0.06; // of the longer side
    /** @type {Stroke[]} */
    this._strokes = [];
    /** @type {Stroke | null} one that is being made */
    this._now = null;
    /** @type {[number, number] | null} where keys are, in shares of the image */
    this._at = null;
  }

  get marked() {
    return isMarked(this._strokes);
  }

  /** @returns {Promise<Blob | null>} the mask, as large as the image */
  async mask() {
    return this._size ? maskOf(this._strokes, this._size) : null;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("image") || JSON.stringify(changed.get("image") ?? null) === JSON.stringify(this.image)) return;
    this._size = null;
    this._set([]);
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    if (changed.has("_strokes") || changed.has("_size")) this._paint();
  }

  /** @param {Event} event */
  async _loaded(event) {
    const { naturalWidth: wide, naturalHeight: high } = /** @type {HTMLImageElement} */ (event.target);
    const { image } = this;
    if (image?.kind !== "image") {
      this._size = [wide, high];
      return;
    }
    const { metadata } = await ask(address(`/images/${image.id}`, { collection: this.session.question.collection, query: { fields: "width,height" } }));
    if (this.image === image) this._size = [metadata.width ?? wide, metadata.height ?? high];
  }

  /** @param {Stroke[]} strokes */
  _set(strokes) {
    this._strokes = strokes;
    this.dispatchEvent(new Event("marked", { bubbles: true }));
  }

  _paint() {
    const canvas = this.querySelector("canvas");
    const context = canvas?.getContext("2d");
    if (!canvas || !context || !this._size) return;
    context.clearRect(0, 0, canvas.width, canvas.height);
    paint(context, this._now ? [...this._strokes, this._now] : this._strokes, this._size, "#e0452f");
  }

  /**
   * @param {PointerEvent} event
   * @returns {[number, number]} in pixels of the image
   */
  _point(event) {
    const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    const [width, height] = this._size ?? [1, 1];
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (event.button || !event.isPrimary || !this._size) return;
    const canvas = /** @type {Element} */ (event.currentTarget);
    canvas.setPointerCapture(event.pointerId);
    this._at = null;
    this._begin(this._point(event));
  }

  /** @param {[number, number]} point */
  _begin(point) {
    this._now = { tool: this._tool, radius: this._pixels, points: [point] };
    if (this._tool === "box") this._now.points.push(point);
    this._paint();
  }

  /** @param {PointerEvent} event */
  _move(event) {
    if (!this._now || this._at || !event.isPrimary) return;
    if (this._now.tool === "box") this._now.points[1] = this._point(event);
    else for (const one of event.getCoalescedEvents?.() ?? [event]) this._now.points.push(this._pointOf(one, event));
    this._paint();
  }

  /** @type {(one: PointerEvent, event: PointerEvent) => [number, number]} */
  _pointOf({ clientX, clientY }, { currentTarget }) {
    return this._point(/** @type {any} */ ({ clientX, clientY, currentTarget }));
  }

  _up() {
    if (!this._now || this._at) return;
    this._end();
  }

  _end() {
    const done = this._now;
    this._now = null;
    if (done) this._set([...this._strokes, done]);
  }

  get _pixels() {
    return this._radius * Math.max(...(this._size ?? [1, 1]));
  }

  undo() {
    this._now = null;
    this._set(this._strokes.slice(0, -1));
    this._paint();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if ((event.ctrlKey || event.metaKey) && event.key === "z") this.undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (step) this._walk(step[0], step[1]);
    else if (event.key === " " || event.key === "Enter") this._press();
    else if (event.key === "z" || event.key === "Backspace") this.undo();
    else if (event.key === "Escape") { this._now = null; this._paint(); } // and the view is not left
    else if (event.key === "[" || event.key === "]") this._radius = Math.min(Math.max(this._radius * (event.key === "[" ? 0.8 : 1.25), 0.01), 0.25);
    else if (KEYS[event.key]) this._tool = KEYS[event.key];
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @type {(dx: number, dy: number) => void} */
  _walk(dx, dy) {
    const [x, y] = this._at ?? [0.5, 0.5];
    const held = (/** @type {number} */ one) => Math.min(Math.max(one, 0), 1);
    this._at = [held(x + dx * STEP), held(y + dy * STEP)];
    if (this._now?.tool === "box") {
      this._now.points[1] = this._there;
      this._paint();
    }
  }

  /** Keys mark a dab, or one corner of a box and then the other. */
  _press() {
    if (!this._size) return;
    this._at ??= [0.5, 0.5];
    if (this._now) this._end();
    else {
      this._begin(this._there);
      if (this._tool !== "box") this._end();
    }
  }

  /** @returns {[number, number]} */
  get _there() {
    const [width, height] = this._size ?? [1, 1];
    const [x, y] = this._at ?? [0.5, 0.5];
    return [x * width, y * height];
  }

  render() {
    if (!this.image) return html``;
    const [width, height] = this._size ?? [1, 1];
    const scale = Math.min(1, SHARP / Math.max(width, height)) * (Math.max(width, height) < 512 ? 512 / Math.max(width, height) : 1);
    const shape = `aspect-ratio:${width}/${height};width:min(100%, calc(62dvh * ${width / height}), ${Math.max(width, 640 * Math.min(1, width / height))}px)`;
    return html`<section class="masker" aria-label=${texts.mask}>
      ${this._tools()}
      <div class="masker-stage" .style=${shape}>
        <img src=${imageOf(this.session, this.image, "large")} alt="" draggable="false" @load=${this._loaded}>
        <canvas width=${Math.round(width * scale)} height=${Math.round(height * scale)} tabindex="0" role="application"
          aria-label=${texts.maskHint} class=${this._tool} @pointerdown=${this._down} @pointermove=${this._move}
          @pointerup=${this._up} @pointercancel=${this._up} @keydown=${this._key}></canvas>
        ${this._at ? html`<i class="masker-at" .style=${`left:${this._at[0] * 100}%;top:${this._at[1] * 100}%`}></i>` : html``}
      </div>
      <p class="soft">${texts.maskHint}</p>
    </section>`;
  }

  _tools() {
    return html`<div class="masker-tools" role="toolbar" aria-label=${texts.mask}>
      <fieldset class="segments"><legend class="hidden">${texts.tool}</legend>${TOOLS.map((tool) => html`<label><input type="radio" name="tool" .checked=${this._tool === tool}
        @change=${() => { this._tool = tool; }}><span>${texts.tools[tool]}</span></label>`)}</fieldset>
      <label class="masker-size"><span class="soft">${texts.brushSize}</span><input type="range" min="0.01" max="0.25" step="0.005"
        .value=${String(this._radius)} ?disabled=${this._tool === "box"}
        @input=${(/** @type {Event} */ event) => { this._radius = Number(/** @type {HTMLInputElement} */ (event.target).value); }}></label>
      <span class="masker-acts"><button type="button" class="button" ?disabled=${!this._strokes.length} @click=${() => this.undo()}>${icon("undo")}<span>${texts.undo}</span></button>
      <button type="button" class="button" ?disabled=${!this._strokes.length} @click=${() => this._set([])}>${texts.maskClear}</button></span>
    </div>`;
  }
}
customElements.define("vitrail-masker", Masker);
