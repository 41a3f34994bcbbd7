/** Mouse, fingers and keys on a plane of points. */
import { boxBetween, thinned } from "./plotting.js";

/** @import { Plane } from "./plane.js" */
/** @import { Point } from "./plotting.js" */

const STEP = 60; // pixels of an arrow key
const CORNERS = 64; // of a line that was drawn, at most
const STILL = 5; // pixels that a pointer moves in a click
const REACH = { cursor: 10, finger: 22 };
const STEPS = /** @type {Record<string, Point>} */ ({ ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] });

export class Hands {
  /** @param {Plane} plane */
  constructor(plane) {
    this.plane = plane;
    this.lassoing = false; // whether a pointer draws round images where it would move the plane
    /** @type {Map<number, Point>} */
    this._pointers = new Map();
    this._way = 0;
    this._listen(plane.canvas);
  }

  /** @param {HTMLCanvasElement} canvas */
  _listen(canvas) {
    /** @type {<K extends keyof HTMLElementEventMap>(kind: K, does: (event: HTMLElementEventMap[K]) => void) => void} */
    const on = (kind, does) => canvas.addEventListener(kind, does, { passive: false });
    on("pointerdown", (event) => this._down(event));
    on("pointermove", (event) => this._move(event));
    on("pointerup", (event) => this._up(event));
    on("pointercancel", (event) => {
      this._pointers.delete(event.pointerId);
      this.plane.line = null;
      this.plane.ask();
    });
    // a finger that was lifted has left too, but what it tapped is to be seen
    on("pointerleave", (event) => { if (event.pointerType === "mouse") this.plane.host.touched(-1, 0, 0); });
    on("wheel", (event) => {
      event.preventDefault();
      this.plane.zoom(Math.exp(-event.deltaY * 0.0015), ...this._at(event));
    });
    on("keydown", (event) => this._key(event));
    on("blur", () => this._aim(false));
  }

  /** @param {MouseEvent} event @returns {Point} */
  _at(event) {
    const box = this.plane.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (event.button) return;
    this.plane.canvas.setPointerCapture(event.pointerId);
    this._pointers.set(event.pointerId, this._at(event));
    this._way = 0;
    this._aim(false);
    const draws = (this.lassoing || event.shiftKey) && this._pointers.size === 1;
    this.plane.line = draws ? [this._at(event)] : null;
  }

  /** @param {PointerEvent} event */
  _move(event) {
    const { plane } = this, [x, y] = this._at(event), before = this._pointers.get(event.pointerId);
    if (!before) {
      plane.host.touched(plane.near(x, y, REACH.cursor), x, y);
      return;
    }
    this._pointers.set(event.pointerId, [x, y]);
    this._way += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    if (plane.line) {
      if (Math.abs(x - before[0]) + Math.abs(y - before[1]) > 1) plane.line.push([x, y]);
      plane.ask();
    } else if (this._pointers.size === 2) {
      const [other] = [...this._pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const apart = (/** @type {Point} */ one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
      plane.zoom(apart([x, y]) / (apart(before) || 1), ...other);
    } else plane.pan(x - before[0], y - before[1]);
  }

  /** @param {PointerEvent} event */
  _up(event) {
    if (!this._pointers.delete(event.pointerId)) return;
    const { plane } = this, [x, y] = this._at(event), { line } = plane;
    plane.line = null;
    const reach = event.pointerType === "mouse" ? REACH.cursor : REACH.finger;
    if (this._way < STILL) plane.host.opened(plane.near(x, y, reach), x, y, event.pointerType);
    else if (line && line.length > 2) plane.host.drew(thinned(line.map((pixels) => plane.point(pixels)), CORNERS));
    plane.ask();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { plane } = this, step = STEPS[event.key];
    if (step) plane.pan(...step);
    else if (event.key === "+" || event.key === "=") plane.zoom(1.6);
    else if (event.key === "-") plane.zoom(0.625);
    else if (event.key === "0") plane.home();
    else if (event.key === " ") this._mark();
    else if (event.key === "Enter") this._open();
    else if (event.key !== "Escape" || !this._leave()) return;
    event.preventDefault();
    if (event.key !== "Enter") this._aim(event.key !== "Escape");
  }

  /** The image nearest to the middle of what is seen. */
  get _aimed() {
    const { plane } = this;
    return plane.near(plane.wide / 2, plane.high / 2, Math.max(plane.wide, plane.high));
  }

  _open() {
    const i = this._aimed;
    if (i >= 0) this.plane.host.opened(i, ...this.plane.place(i), "key");
  }

  /** A corner of a box, and then the one across. */
  _mark() {
    const { plane } = this, { corner } = plane;
    plane.corner = corner ? null : plane.view.at;
    if (corner) plane.host.drew(boxBetween(corner, plane.view.at));
  }

  _leave() {
    const marked = this.plane.corner !== null;
    this.plane.corner = null;
    return marked || this.plane.host.left();
  }

  /** @param {boolean} now whether keys are at the middle of what is seen */
  _aim(now) {
    const { plane } = this;
    plane.aiming = now;
    if (!now) plane.corner = null;
    const i = now ? this._aimed : -1;
    plane.host.touched(i, ...(i < 0 ? /** @type {Point} */ ([0, 0]) : plane.place(i)));
    plane.ask();
  }
}
