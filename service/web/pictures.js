/** Small copies of images for a canvas: those that are seen are fetched, a few at a time, and kept for a while. */

/** @import { Picture } from "./plane.js" */

const AT_ONCE = 6;
const KEPT = 600;

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
  }

  /** @param {number} i @returns {Picture | "waiting" | null} */
  get(i) {
    const known = this._known.get(i);
    if (known !== undefined) return known;
    if (!this._coming.has(i)) this._want(i);
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
      this._keep(i, null);
    }
    this._coming.delete(i);
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
