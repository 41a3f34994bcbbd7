/** How the layers of the encoder weigh: one slider over all, or one of each. */

/**
 * The spaces that a slider from texture to meaning goes through: of each layer one, lower ones first.
 *
 * @param {string[]} spaces names such as `gem@9/w`
 * @param {Record<string, number>} usual weights that the collection has as its default
 */
export function ladder(spaces, usual) {
  const byLayer = /** @type {Map<number, string>} */ (new Map());
  for (const space of spaces) {
    if (space.startsWith("proj@")) continue;
    const layer = layerOf(space);
    const now = byLayer.get(layer);
    if (now === undefined || rank(space, usual) > rank(now, usual)) byLayer.set(layer, space);
  }
  return [...byLayer].sort(([a], [b]) => a - b).map(([, space]) => space);
}

/** @param {string} space */
export function layerOf(space) {
  return Number(/@(\d+)/.exec(space)?.[1] ?? 0);
}

/** @type {(space: string, usual: Record<string, number>) => number} */
function rank(space, usual) {
  return (usual[space] ? 2 : 0) + (space.includes("/") ? 1 : 0);
}

/**
 * Weights for a place on the ladder: those of the two rungs beside it, shared by nearness.
 *
 * @param {string[]} rungs
 * @param {number} place from 0, the lowest, to 1, the highest
 * @returns {Record<string, number>} they sum to 1
 */
export function weightsAt(rungs, place) {
  const at = Math.min(Math.max(place, 0), 1) * (rungs.length - 1);
  const weights = /** @type {Record<string, number>} */ ({});
  rungs.forEach((space, i) => {
    const weight = Math.round(Math.max(0, 1 - Math.abs(at - i)) * 1000) / 1000;
    if (weight > 0) weights[space] = weight;
  });
  return weights;
}

/**
 * Where on the ladder weights lie: the mean of their rungs.
 *
 * @param {string[]} rungs
 * @param {Record<string, number>} weights
 */
export function placeOf(rungs, weights) {
  const layers = rungs.map(layerOf);
  let sum = 0;
  let total = 0;
  for (const [space, weight] of Object.entries(weights)) {
    const rung = layers.indexOf(layerOf(space));
    if (rung < 0) continue;
    sum += rung * weight;
    total += weight;
  }
  return total && rungs.length > 1 ? sum / total / (rungs.length - 1) : 0.5;
}
