/**
 * Small copies of images for a canvas: those that are seen are fetched, a few at a time, and kept for a while. Where
 * there is none, that is kept, too; where nobody answered, they are asked for again once somebody does.
 */
import { AGAIN, ANSWERED, ask } from "./shots.js";

/** @import { Picture } from "./plane.js" */

const AT_ONCE = 6;
const KEPT = 600;
const BACK = ["online", ANSWERED]; // what tells that somebody may answer again

export class Pictures {
  /**
   * @param {(i: number) => string} source address of an image's small copy
   * @param {() => void} came told when one has come
   */
  constructor(source, came) {
    this._source = source;
    this._came = came;
    /** @type {Map<number, Picture | null>} null where there is none */
    this._known = new Map();
    /** @type {Set<number>} what the last drawing asked for */
    this._wanted = new Set();
    this._coming = /** @type {Set<number>} */ (new Set());
    this._asked = false;
    /** @type {Set<number>} what nobody answered for */
    this._away = new Set();
    /** @type {Set<number>} what is there and did not come, once */
    this._tried = new Set();
    this._timer = 0;
    this._closed = false;
    this._again = this._again.bind(this);
    for (const one of BACK) addEventListener(one, this._again);
  }

  /** Ask for nothing any more. */
  close() {
    clearTimeout(this._timer);
    for (const one of BACK) removeEventListener(one, this._again);
    this._closed = true;
  }

  /** @param {number} i @returns {Picture | "waiting" | null} */
  get(i) {
    const known = this._known.get(i);
    if (known !== undefined) return known;
    if (!this._coming.has(i) && !this._away.has(i)) this._want(i);
    return "waiting";
  }

  /** What an earlier drawing asked for, and has not begun to come, is wanted no longer. */
  /** @param {number} i */
  _want(i) {
    if (!this._asked) {
      this._asked = true;
      this._wanted.clear();
      queueMicrotask(() => this._fetch());
    }
    this._wanted.add(i);
  }

  _fetch() {
    this._asked = false;
    for (const i of this._wanted) {
      if (this._coming.size >= AT_ONCE) return;
      this._load(i);
    }
  }

  /** @param {number} i */
  async _load(i) {
    this._coming.add(i);
    const image = new Image();
    image.src = this._source(i);
    try {
      await image.decode();
      this._keep(i, squareOf(image));
    } catch {
      const told = await ask(image.src);
      if (told === "silent") this._wait(i);
      else if (told === "none" || this._tried.has(i)) this._keep(i, null);
      else this._tried.add(i); // somebody answers again by now
    }
    this._coming.delete(i);
    this._came();
  }

  /** @param {number} i */
  _wait(i) {
    this._away.add(i);
    if (!this._closed) this._timer ||= window.setTimeout(this._again, AGAIN);
  }

  /** Let the next drawing ask for all that nobody answered for. */
  _again() {
    clearTimeout(this._timer);
    this._timer = 0;
    if (!this._away.size) return;
    this._away.clear();
    this._came();
  }

  /** @type {(i: number, picture: Picture | null) => void} */
  _keep(i, picture) {
    this._known.set(i, picture);
    const [oldest] = this._known.keys();
    if (this._known.size > KEPT) this._known.delete(oldest);
  }
}

/** @param {HTMLImageElement} image @returns {Picture} its middle */
function squareOf(image) {
  const { naturalWidth: width, naturalHeight: height } = image, side = Math.min(width, height);
  return { image, x: (width - side) / 2, y: (height - side) / 2, side };
}
