/** How two sets of images differ: in sentences, in numbers with intervals, and in images. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { texts } from "../texts.js";
import { meaning } from "../words.js";
import { follow } from "./part.js";
import { shot as small } from "./shot.js";

/** @import { Session } from "../session.js" */

/**
 * @typedef {"frechet" | "kernel" | "precision" | "recall" | "density" | "coverage" | "vendi_a" | "vendi_b"} MeasureName
 * @typedef {{ value: number | null, low: number | null, high: number | null, images_a: number, images_b: number, needed: number | null }} Measure
 * @typedef {{ id: number, name?: string }} Shown
 * @typedef {{
 *   a: { set: string, images: number, compared: number }, b: { set: string, images: number, compared: number },
 *   spaces: { weights: Record<string, number>, measures: Record<string, Measure> }[],
 *   copies: number, look_alikes: number, outside: number, uncovered: number, verdict: string[],
 *   pairs: { a: Shown, b: Shown, score: number, fpr: number | null, closeness: any }[],
 *   hurting: (Shown & { influence: number, among_b: boolean })[],
 *   lacking: { count: number, named: { name: string, count: number }[], typical: Shown[] }[],
 * }} Sets
 */

/** @type {(session: Session, sets: Sets, notes: string[]) => unknown} */
export function measures(session, sets, notes) {
  return html`<p class="sets-sizes">${[sets.a, sets.b].map((one, at) => html`<span><b>${at ? texts.setB : texts.setA}</b> ${texts.setHolds(one.images, one.compared)}</span>`)}</p>
    ${sets.verdict.length ? html`<ul class="sets-verdict">${sets.verdict.map((line) => html`<li>${line}</li>`)}</ul>` : nothing}
    ${notes.map((note) => html`<p class="soft">${note}</p>`)}
    ${sets.spaces.map((space, at) => html`<details class="sets-space" ?open=${at === 0}><summary>${at === 0 ? texts.allLayers : Object.keys(space.weights).join(", ")}</summary>${table(space.measures)}</details>`)}
    ${lacking(session, sets)}${pairs(session, sets)}${hurting(session, sets)}`;
}

/** @param {Record<string, Measure>} all */
function table(all) {
  return html`<div class="scrolls" tabindex="0" role="region" aria-label=${texts.measured}><table class="told-table sets-table">
    <thead><tr>${texts.measureHeads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
    <tbody>${Object.entries(all).map(([name, one]) => {
      const [label, note] = texts.measures[/** @type {MeasureName} */ (name)] ?? [name, ""];
      return html`<tr><th scope="row">${label}</th><td class="number">${one.value === null ? "–" : texts.measure(one.value)}</td>
        <td class="number">${one.low === null || one.high === null ? texts.needs(one.needed) : `${texts.measure(one.low)} – ${texts.measure(one.high)}`}</td><td class="soft">${note}</td></tr>`;
    })}</tbody></table></div>`;
}

/** @type {(session: Session, sets: Sets) => unknown} */
function lacking(session, { lacking: all }) {
  if (!all.length) return nothing;
  return html`<section class="sets-part"><h2>${texts.lacking}</h2><ul class="sets-groups">${all.map(({ count, named, typical }) => html`<li>
    <p>${texts.imagesOf(count)}${named.length ? html` <span class="soft">${named.slice(0, 3).map((one) => `${one.name} ${one.count}`).join(", ")}</span>` : nothing}</p>
    <div class="sets-row">${typical.map((one) => shot(session, one))}</div></li>`)}</ul></section>`;
}

/** @type {(session: Session, sets: Sets) => unknown} */
function pairs(session, { pairs: all }) {
  if (!all.length) return nothing;
  return html`<section class="sets-part"><h2>${texts.nearestPairs}</h2><ul class="sets-pairs">${all.map((pair) => {
    const { word, rarity } = meaning({ id: 0, scores: {}, group: null, metadata: {}, ...pair });
    const href = session.here(`/compare?a=${pair.a.id}&b=${pair.b.id}`);
    return html`<li><div class="sets-row">${shot(session, pair.a)}${shot(session, pair.b)}</div>
      <p class="soft"><span class="word ${pair.closeness}">${word}</span> ${rarity} <a href=${href} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>${texts.lookCloser}</a></p></li>`;
  })}</ul></section>`;
}

/** @type {(session: Session, sets: Sets) => unknown} */
function hurting(session, { hurting: all }) {
  if (!all.length) return nothing;
  return html`<section class="sets-part"><h2>${texts.hurting}</h2><p class="soft">${texts.hurtingNote}</p><div class="sets-row">${all.map((one) => shot(session, one))}</div></section>`;
}

/** @type {(session: Session, image: Shown) => unknown} */
function shot(session, { id, name }) {
  const label = texts.open(name || texts.image(id));
  return html`<a class="sets-shot shot" href=${session.here(`/image/${id}`)} title=${name ?? ""} aria-label=${label} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(`/image/${id}`))}>
    ${small(thumbnail({ id }, "small", session.question.collection))}</a>`;
}
