/** Where each image of a justified grid lies: rows that fill the width, worked out without the page. */

/**
 * @typedef {{ left: number, top: number, width: number, height: number }} Place
 * @typedef {{ width: number, row: number, gap: number, caption: number, break?: number, breakHeight?: number }} Room
 */

export const NARROWEST = 0.45; // what is narrower or wider is shown on a mat
export const WIDEST = 2.8;
const LOWEST = 0.72; // of the height that is asked for, so that no image is left alone in a row

/**
 * Places of images in rows, each about as high as asked for and as wide as the room; the last row of
 * all, and that before the break, stay as high as asked for.
 *
 * @param {number[]} aspects width by height of each image
 * @param {Room} room pixels: its width, the height wished for a row, the gap between images, the
 *     height of the caption below each; `break`: before which image a line of `breakHeight` lies
 * @returns {{ places: Place[], height: number, breakTop: number | null }}
 */
export function justify(aspects, room) {
  const places = /** @type {Place[]} */ ([]);
  let top = 0;
  let breakTop = null;
  let first = 0;
  let before = 0; // where the row before begins, of the same side of the break
  const stop = room.break ?? -1;
  for (let next = 0; next <= aspects.length; next += 1) {
    const ends = next === aspects.length || next === stop;
    if (ends || overfull(aspects, first, next, room)) {
      if (ends && next > first && before < first && joined(aspects, before, next, room)) {
        top = places[before].top;
        places.length = before;
        first = before;
      }
      if (next > first) {
        top = lay(aspects.slice(first, next), top, room, places, ends);
        before = first;
        first = next;
      }
    }
    if (next === stop && next < aspects.length) {
      breakTop = top;
      top += room.breakHeight ?? 0;
      before = next;
    }
  }
  return { places, height: Math.max(0, top - room.gap), breakTop };
}

/** @param {number} aspect */
export function shown(aspect) {
  return Math.min(WIDEST, Math.max(NARROWEST, aspect || 1));
}

/**
 * Whether the row that begins at `first` is best without image `next`: it fills the width already.
 *
 * @param {number[]} aspects
 * @param {number} first
 * @param {number} next
 * @param {Room} room
 */
function overfull(aspects, first, next, room) {
  if (next === first) return false;
  let sum = 0;
  for (let i = first; i < next; i += 1) sum += shown(aspects[i]);
  const without = fitting(sum, next - first, room);
  if (without <= room.row) return true;
  const withIt = fitting(sum + shown(aspects[next]), next - first + 1, room);
  return withIt < room.row && without - room.row < room.row - withIt;
}

/** Whether what is left at the end is best taken into the row before it, which gets lower by that. */
/** @type {(aspects: number[], before: number, next: number, room: Room) => boolean} */
function joined(aspects, before, next, room) {
  const sum = aspects.slice(before, next).reduce((total, aspect) => total + shown(aspect), 0);
  return fitting(sum, next - before, room) >= LOWEST * room.row;
}

/**
 * The height at which so many images fill the width.
 *
 * @param {number} sum of their aspects
 * @param {number} count
 * @param {Room} room
 */
function fitting(sum, count, room) {
  return (room.width - room.gap * (count - 1)) / sum;
}

/**
 * @param {number[]} row aspects
 * @param {number} top
 * @param {Room} room
 * @param {Place[]} places to which those of the row are added
 * @param {boolean} loose whether it need not fill the width
 * @returns {number} where the next row begins
 */
function lay(row, top, room, places, loose) {
  const sum = row.reduce((total, aspect) => total + shown(aspect), 0);
  const filling = fitting(sum, row.length, room);
  const height = loose ? Math.min(filling, room.row) : filling;
  let left = 0;
  for (const aspect of row) {
    const width = shown(aspect) * height;
    places.push({ left, top, width, height });
    left += width + room.gap;
  }
  return top + height + room.caption + room.gap;
}

/**
 * Which images are to be drawn: those between two heights.
 *
 * @param {Place[]} places
 * @param {number} from
 * @param {number} to
 * @returns {[number, number]} first, and one past the last
 */
export function between(places, from, to) {
  let first = lowest(places, (place) => place.top + place.height >= from);
  const last = lowest(places, (place) => place.top > to);
  while (first > 0 && places[first - 1].top === places[first]?.top) first -= 1;
  return [Math.min(first, last), last];
}

/**
 * @param {Place[]} places
 * @param {(place: Place) => boolean} holds false of some first ones, true of all others
 */
function lowest(places, holds) {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(places[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
