/** How two images are alike: in a word, by layers, by pixels, and by how they were made. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { columnName, meaning, shownValue } from "../words.js";

/**
 * @typedef {{ space: string, cosine: number, usual: number | null, highest: number | null }} Layer
 * @typedef {{
 *   first: { name: string, width: number, height: number }, second: { name: string, width: number, height: number },
 *   same_bytes: boolean, score: number, fpr: number | null, closeness: any, layers: Layer[],
 *   patches: { first: { matching: number }, second: { matching: number } } | null,
 *   alignment: { mirrored: boolean, scale: number, angle: number, shift: number[], correlation: number, overlap: number } | null,
 *   ssim: number | null, recipes: { name: string, first: any, second: any, same: boolean }[],
 * }} Compared
 */

/** @param {Compared} compared */
export function likeness(compared) {
  const { word, rarity, note } = meaning({ id: 0, scores: {}, group: null, metadata: {}, ...compared });
  return html`<section class="likeness-part"><h2>${texts.howAlike}</h2>
      <p>${compared.same_bytes ? texts.sameBytes : html`<span class="word ${compared.closeness}">${word}</span> ${rarity}<br><small>${note}</small>`}</p>
      <dl class="facts">${pixels(compared).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>
    ${layers(compared.layers)}
    ${recipes(compared)}`;
}

/**
 * @param {Compared} compared
 * @returns {[string, string][]}
 */
function pixels({ ssim, alignment, patches, first, second }) {
  return /** @type {[string, string][]} */ ([
    [texts.dimensions, `${first.width} × ${first.height}, ${second.width} × ${second.height}`],
    ssim === null ? null : [texts.ssim, ssim.toFixed(3)],
    patches && [texts.patches, texts.patchShares(patches.first.matching, patches.second.matching)],
    [texts.laid, alignment ? texts.alignment(alignment) : texts.notLaid],
  ].filter(Boolean));
}

/** A line a layer for each pooling, where the usual likeness of unrelated images is marked. */
/** @param {Layer[]} all */
function layers(all) {
  const kinds = [...new Set(all.map(({ space }) => space.split("@")[0]))];
  if (!kinds.length) return nothing;
  return html`<section class="likeness-part"><h2>${texts.byLayer}</h2><p class="soft">${texts.byLayerNote}</p>
    ${kinds.map((kind, at) => html`<details ?open=${at === 0}><summary>${kind}</summary><ul class="layer-list">${all.filter(({ space }) => space.startsWith(`${kind}@`)).map((layer, _, some) => row(layer, leastOf(some)))}</ul></details>`)}</section>`;
}

/**
 * Where the bars begin, so that what tells images apart fills them.
 *
 * @param {Layer[]} some
 */
export function leastOf(some) {
  const least = Math.min(...some.map(({ cosine, usual }) => Math.min(cosine, usual ?? 1)));
  return Math.min(Math.max(Math.floor(least * 20 - 1) / 20, 0), 0.95);
}

/** @type {(layer: Layer, least: number) => unknown} */
function row({ space, cosine, usual, highest }, least) {
  const place = (/** @type {number} */ value) => `${Math.min(Math.max((value - least) / (1 - least), 0), 1) * 100}%`;
  const band = usual === null ? "" : `left:${place(usual)};right:calc(100% - ${place(highest ?? usual)})`;
  return html`<li title=${texts.layerNote(cosine, usual, highest)}><span>${space.split("@")[1]}</span>
    <i class="layer-bar" aria-hidden="true"><i .style=${`width:${place(cosine)}`}></i>
      ${usual === null ? nothing : html`<b class="layer-usual" .style=${band}></b>`}</i>
    <span>${cosine.toFixed(3)}<span class="hidden">, ${texts.layerNote(cosine, usual, highest)}</span></span></li>`;
}

/** @param {Compared} compared */
function recipes({ recipes: all, first, second }) {
  if (!all.length) return nothing;
  return html`<section class="likeness-part"><h2>${texts.recipes}</h2><div class="scrolls" tabindex="0" role="region" aria-label=${texts.recipes}><table class="told-table">
    <thead><tr><th scope="col"><span class="hidden">${texts.recipe}</span></th><th scope="col">${first.name}</th><th scope="col">${second.name}</th></tr></thead>
    <tbody>${all.map(({ name, first: one, second: other, same }) => html`<tr class=${same ? "" : "differs"}><th scope="row">${columnName(name)}</th>
      ${same ? html`<td colspan="2">${shownValue(one, name)}</td>` : html`<td>${shownValue(one, name)}</td><td>${shownValue(other, name)}</td>`}</tr>`)}</tbody></table></div></section>`;
}
