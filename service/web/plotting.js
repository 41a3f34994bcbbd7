/** Colours and measures of a plane of points, worked out without drawing anything. */

/** @typedef {[number, number]} Point */

// Colours that stay apart for most eyes, light and dark (after Okabe and Ito, and Tol).
export const HUES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7ae6", "#a6761d",
                     "#44aa99", "#aa4499", "#ddaa33", "#666fb0", "#b5544f", "#7f8c3b", "#3b8ea5", "#c97b3d"];
export const GREY = "#9a9da3";
const STRAIGHT = 1e-6; // twice the area of a corner that is none

/** @param {number} share of the way from the lowest to the highest */
export const ramp = (share) => `hsl(${250 - 200 * share} 62% ${44 + 12 * share}%)`;

/** @param {Float32Array} values @returns {Point} */
export function ends(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return values.length ? [low, high] : [0, 1];
}

/** @type {(ring: Point[], x: number, y: number) => boolean} */
export function isWithin(ring, x, y) {
  let inside = false;
  for (let a = 0, b = ring.length - 1; a < ring.length; b = a++) {
    const [xa, ya] = ring[a], [xb, yb] = ring[b];
    if (ya > y !== yb > y && x < ((xb - xa) * (y - ya)) / (yb - ya) + xa) inside = !inside;
  }
  return inside;
}

/**
 * A line without the corners that hardly turn it, and with so many at most.
 *
 * @type {(line: Point[], most: number) => Point[]}
 */
export function thinned(line, most) {
  const kept = line.slice();
  const bulge = (/** @type {number} */ i) => {
    const [[ax, ay], [bx, by], [cx, cy]] = [kept.at(i - 1) ?? kept[0], kept[i], kept[(i + 1) % kept.length]];
    return Math.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay));
  };
  while (kept.length > 3) {
    let least = 0;
    for (let i = 1; i < kept.length; i++) if (bulge(i) < bulge(least)) least = i;
    if (kept.length <= most && bulge(least) > STRAIGHT) break;
    kept.splice(least, 1);
  }
  return kept;
}

/** @type {(x: number, y: number, gap: number) => number} the square of the plane, in which one image has room */
export function cellOf(x, y, gap) {
  return Math.floor(x / gap) * 65536 + Math.floor(y / gap);
}

/** @type {(taken: Map<number, Point>, x: number, y: number, gap: number) => boolean} */
export function isTaken(taken, x, y, gap) {
  for (const a of [0, -1, 1]) {
    for (const b of [0, -1, 1]) {
      const other = taken.get(cellOf(x + a * gap, y + b * gap, gap));
      if (other && Math.abs(other[0] - x) < gap && Math.abs(other[1] - y) < gap) return true;
    }
  }
  return false;
}

/** @type {(corner: Point, other: Point) => Point[]} the box between two corners */
export function boxBetween([x, y], [ox, oy]) {
  return [[x, y], [ox, y], [ox, oy], [x, oy]];
}
