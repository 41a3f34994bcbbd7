/** A copy beside the image that would be kept: what is better of it, and what was decided. */

/**
 * @typedef {{ id: number, content_hash: string, width: number, height: number, bytes: number, name: string, path?: string }} Twin
 * @typedef {Twin & { tier: "identical" | "re-encoded" | "altered" | "decided" | "look-alike", says: string[], agreeing: number, decided: boolean }} Copy
 * @typedef {{ keeper: Twin, reason: string, copies: Copy[] }} Group
 * @typedef {"same" | "not-duplicates" | "keep"} Verdict
 * @typedef {{ token: string, at: string, kind: Verdict, images: number[], contents: string[], undone: boolean }} Decision
 * @typedef {"better" | "worse" | "equal"} Judged
 * @typedef {{ group: number, copy: number }} Place
 */

/**
 * How a copy compares with the keeper: more pixels, more bytes and an earlier date are better.
 *
 * @param {{ width: number, height: number, bytes: number, taken_at?: string | null }} copy
 * @param {{ width: number, height: number, bytes: number, taken_at?: string | null }} keeper
 * @returns {{ pixels: Judged, bytes: Judged, age: Judged | null }}
 */
export function judged(copy, keeper) {
  const [mine, other] = [copy.taken_at, keeper.taken_at].map((at) => (at ? Date.parse(at) : null));
  return {
    pixels: more(copy.width * copy.height, keeper.width * keeper.height),
    bytes: more(copy.bytes, keeper.bytes),
    age: mine === null || other === null ? null : more(other, mine),
  };
}

/** @type {(one: number, other: number) => Judged} */
function more(one, other) {
  if (one === other) return "equal";
  return one > other ? "better" : "worse";
}

/**
 * The decision that holds about a copy and its keeper, the last one made.
 *
 * @param {Decision[]} decisions the first made first
 * @param {Twin} keeper
 * @param {Twin} copy
 */
export function decisionOf(decisions, keeper, copy) {
  const about = (/** @type {Decision} */ { kind, contents }) =>
    contents.includes(copy.content_hash) && (kind === "keep" || contents.includes(keeper.content_hash));
  return decisions.findLast((one) => !one.undone && about(one)) ?? null;
}

/**
 * Where the next or the previous copy is, across groups; the same place at the ends.
 *
 * @param {Group[]} groups
 * @param {Place} place
 * @param {1 | -1} step
 * @returns {Place}
 */
export function stepped(groups, { group, copy }, step) {
  const places = groups.flatMap(({ copies }, at) => copies.map((_, one) => ({ group: at, copy: one })));
  const now = places.findIndex((one) => one.group === group && one.copy === copy);
  return places[Math.min(Math.max(now + step, 0), places.length - 1)] ?? { group: 0, copy: 0 };
}

/**
 * The next copy that nothing was decided about, from a place on and round; the same place where
 * there is none.
 *
 * @param {Group[]} groups
 * @param {Place} place
 * @param {Decision[]} decisions
 * @returns {Place}
 */
export function nextOpen(groups, place, decisions) {
  const places = groups.flatMap(({ copies }, at) => copies.map((_, one) => ({ group: at, copy: one })));
  const now = places.findIndex((one) => one.group === place.group && one.copy === place.copy);
  const round = [...places.slice(now + 1), ...places.slice(0, now)];
  const open = (/** @type {Place} */ { group, copy }) => !decisionOf(decisions, groups[group].keeper, groups[group].copies[copy]);
  return round.find(open) ?? place;
}
