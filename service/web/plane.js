/**
 * Points in a plane that is moved, zoomed and chosen in: how a map is drawn, on the page and in the
 * report that `vitrail map` writes, which embeds this file.
 */
import { boxBetween, cellOf, ends, isTaken, isWithin } from "./plotting.js";

/** @import { Point } from "./plotting.js" */

const HIGH = 11; // half of a name's height in pixels, with what is round it
const SMALLEST = 0.46; // of a thumbnail's side, as long as nothing is zoomed
const RINGED = 200; // chosen images with a ring each; more are told by the others' paleness

/**
 * @typedef {{ image: CanvasImageSource, x: number, y: number, side: number }} Picture a square of an image
 * @typedef {{
 *   colour: (i: number) => string,
 *   isPale: (i: number) => boolean,
 *   isOff: (i: number) => boolean,
 *   chosen: () => ArrayLike<number> | null,
 *   pictured: ArrayLike<number>,
 *   picture: (i: number) => Picture | "waiting" | null,
 *   side: number,
 *   gap: (scale: number) => number,
 *   names: () => { text: string, at: Point }[],
 *   style: (name: "--ink" | "--mark" | "--ground") => string,
 *   touched: (i: number, x: number, y: number) => void,
 *   opened: (i: number, x: number, y: number, by: string) => void,
 *   drew: (ring: Point[]) => void,
 *   moved: () => void,
 *   left: () => boolean,
 * }} Host of the plane: how points look, which of them are out of reach (`isOff`), and who is told:
 *   that an image is pointed at (`touched`, -1 for none), opened by a click or Enter, that a ring was
 *   drawn round some, that the view changed, and that Escape was pressed: true where it had an effect
 */

export class Plane {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Float32Array} xs places from 0 to 1, from the left
   * @param {Float32Array} ys from the top
   * @param {Host} host
   */
  constructor(canvas, xs, ys, host) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.xs = xs;
    this.ys = ys;
    this.host = host;
    this.scale = 1;
    this.left = this.top = this.wide = this.high = 0;
    this.ratio = 1;
    /** @type {Point[] | null} the line that was drawn last, in the plane's own measures */
    this.ring = null;
    /** @type {Point[] | null} the line that is being drawn, in pixels */
    this.line = null;
    /** @type {Point | null} the corner that keys have set, in the plane's own measures */
    this.corner = null;
    this.aiming = false; // whether keys are at the middle of what is seen
    this._due = 0;
    const [west, east] = ends(xs), [north, south] = ends(ys);
    this._middle = /** @type {Point} */ ([(west + east) / 2, (north + south) / 2]);
    this._extent = /** @type {Point} */ ([east - west || 1, south - north || 1]);
    this.resize();
  }

  // what lies where

  /** Pixels of the plane's own measure: all of it is seen at first, and no thumbnail at its edge is cut. */
  get unit() {
    const room = (/** @type {number} */ size) => Math.max(size / 2, Math.min(0.92 * size, size - SMALLEST * this.host.side - 8));
    return Math.min(room(this.wide) / this._extent[0], room(this.high) / this._extent[1]) * this.scale;
  }

  /** @param {number} i @returns {Point} pixels */
  place(i) {
    return this.pixels([this.xs[i], this.ys[i]]);
  }

  /** @param {Point} point @returns {Point} */
  pixels([x, y]) {
    return [this.left + x * this.unit, this.top + y * this.unit];
  }

  /** @param {Point} pixels @returns {Point} in the plane's own measures */
  point([x, y]) {
    return [(x - this.left) / this.unit, (y - this.top) / this.unit];
  }

  /** @returns {{ at: Point, scale: number }} what is in the middle, whatever the size of the window */
  get view() {
    return { at: this.point([this.wide / 2, this.high / 2]), scale: this.scale };
  }

  /** @param {{ at: Point, scale: number }} view */
  look({ at: [x, y], scale }) {
    this.scale = bounded(scale);
    this.left = this.wide / 2 - x * this.unit;
    this.top = this.high / 2 - y * this.unit;
    this._changed();
  }

  get isHome() {
    const { at: [x, y] } = this.view, [mx, my] = this._middle;
    return this.scale === 1 && Math.hypot(x - mx, y - my) < 1e-3;
  }

  home() {
    this.look({ at: this._middle, scale: 1 });
  }

  /** @type {(factor: number, x?: number, y?: number) => void} */
  zoom(factor, x = this.wide / 2, y = this.high / 2) {
    const next = bounded(this.scale * factor), grown = next / this.scale;
    this.left = x - (x - this.left) * grown;
    this.top = y - (y - this.top) * grown;
    this.scale = next;
    this._changed();
  }

  /** @type {(x: number, y: number) => void} */
  pan(x, y) {
    this.left += x;
    this.top += y;
    this._changed();
  }

  /** The size of the canvas, which keeps its middle where it was. */
  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const before = this.wide ? this.view : { at: this._middle, scale: this.scale };
    this.ratio = devicePixelRatio || 1;
    this.wide = box.width;
    this.high = box.height;
    this.canvas.width = Math.round(this.wide * this.ratio);
    this.canvas.height = Math.round(this.high * this.ratio);
    this.look(before);
  }

  /** The image nearest to a place, within a finger's or a cursor's width; -1 for none. */
  /** @type {(x: number, y: number, reach: number) => number} */
  near(x, y, reach) {
    let best = -1, least = reach * reach;
    for (let i = 0; i < this.xs.length; i++) {
      if (this.host.isOff(i)) continue;
      const [px, py] = this.place(i), distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [least, best] = [distance, i];
    }
    return best;
  }

  /** The images within a ring, but for those that are out of reach. */
  /** @param {Point[]} ring @returns {number[]} */
  within(ring) {
    const found = [];
    for (let i = 0; i < this.xs.length; i++) {
      if (!this.host.isOff(i) && isWithin(ring, this.xs[i], this.ys[i])) found.push(i);
    }
    return found;
  }

  // drawing

  ask() {
    this._due ||= requestAnimationFrame(() => {
      this._due = 0;
      this.draw();
    });
  }

  _changed() {
    this.host.moved();
    this.ask();
  }

  draw() {
    const { pen, ratio, host } = this;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.wide, this.high);
    const dot = Math.max(2, Math.min(9, Math.sqrt((this.wide * this.high) / this.xs.length) * 0.14 * Math.sqrt(this.scale)));
    this._dots(dot);
    this._rings(dot);
    const boxes = this._named();
    this._pictures(Math.min(host.side, host.side * SMALLEST + 16 * Math.log2(Math.max(1, this.scale))), boxes);
    this._names(boxes);
    this._shape();
  }

  /** @param {number} dot */
  _dots(dot) {
    const { pen, host, left, top, unit, wide, high } = this;
    for (const pale of [true, false]) {
      let last = "";
      pen.globalAlpha = pale ? 0.12 : 0.85;
      for (let i = 0; i < this.xs.length; i++) {
        const x = left + this.xs[i] * unit, y = top + this.ys[i] * unit;
        if (x < -dot || y < -dot || x > wide + dot || y > high + dot || host.isPale(i) !== pale) continue;
        const colour = host.colour(i);
        if (colour !== last) pen.fillStyle = last = colour; // which is parsed anew each time
        pen.fillRect(x - dot / 2, y - dot / 2, dot, dot);
      }
    }
    pen.globalAlpha = 1;
  }

  /** Images themselves, as there is room: none lies nearer to one before it than the gap. */
  /** @type {(side: number, boxes: { x: number, y: number, half: number }[]) => void} */
  _pictures(side, boxes) {
    const { pen, host } = this;
    const isNamed = (/** @type {number} */ x, /** @type {number} */ y) =>
      boxes.some((one) => Math.abs(one.x - x) < one.half + side / 2 && Math.abs(one.y - y) < HIGH + side / 2);
    const gap = side * host.gap(this.scale), taken = /** @type {Map<number, Point>} */ (new Map());
    pen.lineWidth = 1.5;
    for (let n = 0; n < host.pictured.length; n++) {
      const i = host.pictured[n], [x, y] = this.place(i);
      if (x < 0 || y < 0 || x > this.wide || y > this.high || host.isPale(i) || isTaken(taken, x, y, gap) || isNamed(x, y)) continue;
      const picture = host.picture(i);
      if (picture === null) continue;
      taken.set(cellOf(x, y, gap), [x, y]);
      if (picture === "waiting") continue;
      pen.drawImage(picture.image, picture.x, picture.y, picture.side, picture.side, x - side / 2, y - side / 2, side, side);
      pen.strokeStyle = host.colour(i);
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    }
  }

  /** @param {number} dot */
  _rings(dot) {
    const { pen, host } = this, chosen = host.chosen();
    if (!chosen || chosen.length > RINGED) return;
    pen.strokeStyle = host.style("--ink");
    pen.lineWidth = 1.5;
    for (let n = 0; n < chosen.length; n++) {
      const [x, y] = this.place(chosen[n]);
      pen.strokeRect(x - dot / 2 - 1.5, y - dot / 2 - 1.5, dot + 3, dot + 3);
    }
  }

  /** The names that have room, and how far each of them reaches to either side. */
  _named() {
    const { pen, host, wide, high } = this, boxes = /** @type {{ text: string, x: number, y: number, half: number }[]} */ ([]);
    pen.font = "600 13px system-ui, sans-serif";
    for (const { text, at } of host.names()) {
      const [px, py] = this.pixels(at), half = pen.measureText(text).width / 2 + 6;
      if (px < 0 || py < 0 || px > wide || py > high) continue;
      const x = Math.max(half, Math.min(px, wide - half)), y = Math.max(HIGH, Math.min(py, high - HIGH));
      if (!boxes.some((one) => Math.abs(one.x - x) < half + one.half && Math.abs(one.y - y) < 2 * HIGH)) boxes.push({ text, x, y, half });
    }
    return boxes;
  }

  /** @param {{ text: string, x: number, y: number }[]} boxes */
  _names(boxes) {
    const { pen, host } = this;
    [pen.textAlign, pen.textBaseline, pen.lineJoin, pen.lineWidth] = ["center", "middle", "round", 4];
    [pen.strokeStyle, pen.fillStyle] = [host.style("--ground"), host.style("--ink")];
    for (const { text, x, y } of boxes) {
      pen.strokeText(text, x, y);
      pen.fillText(text, x, y);
    }
  }

  /** The line that is drawn or was drawn last, and where keys are at. */
  _shape() {
    const { pen, host, wide, high } = this;
    const shape = this.line ?? (this.corner ? boxBetween(this.corner, this.view.at) : this.ring)?.map((point) => this.pixels(point));
    pen.strokeStyle = pen.fillStyle = host.style("--mark");
    pen.lineWidth = 2;
    if (shape) {
      pen.beginPath();
      shape.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.closePath();
      pen.stroke();
      pen.globalAlpha = 0.1;
      pen.fill();
      pen.globalAlpha = 1;
    }
    if (!this.aiming) return;
    pen.beginPath();
    for (const [x, y] of [[12, 0], [-12, 0], [0, 12], [0, -12]]) {
      pen.moveTo(wide / 2 + x / 3, high / 2 + y / 3);
      pen.lineTo(wide / 2 + x, high / 2 + y);
    }
    pen.stroke();
  }
}

/** @param {number} scale */
function bounded(scale) {
  return Math.min(400, Math.max(0.5, scale));
}

