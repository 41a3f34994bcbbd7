/** What images are told to be: how often each label, and each image with how sure that is. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { toQuery, nothing as blank } from "../question.js";
import { placed } from "../routes.js";
import { texts } from "../texts.js";
import { imageOf } from "./asked.js";
import { go } from "./auditpairs.js";
import { follow } from "./part.js";
import { shot } from "./shot.js";

/** @import { Classified, LabelOrder, Told } from "../labelling.js" */
/** @import { Session } from "../session.js" */

/** @type {(session: Session, made: Classified, order: LabelOrder, shown: number, more: () => void) => unknown} */
export function told(session, made, order, shown, more) {
  const { images } = made;
  return html`${sums(session, made, order)}
    <ul class="told-list">${images.slice(0, shown).map((one, at) => image(session, one, order, at))}</ul>
    ${images.length > shown ? html`<p class="state-acts"><button type="button" class="button" @click=${more}>${texts.moreImages(images.length - shown)}</button></p>` : nothing}`;
}

/** How many images have which label; where it was written, each opens them. */
/** @type {(session: Session, made: Classified, order: LabelOrder) => unknown} */
function sums(session, { images, written }, { write }) {
  const counts = /** @type {Map<string | null, number>} */ (new Map());
  for (const { label, error } of images) if (!error) counts.set(label, (counts.get(label) ?? 0) + 1);
  const all = [...counts].sort(([one, few], [other, many]) => Number(one === null) - Number(other === null) || many - few);
  const chip = (/** @type {string | null} */ label, /** @type {number} */ count) => {
    const text = html`<span>${label ?? texts.notTold}</span> <b>${texts.number(count)}</b>`;
    if (written === null || label === null) return html`<li class="told-sum">${text}</li>`;
    const query = toQuery({ ...blank(), collection: session.question.collection, conditions: [{ column: write, comparison: "is", value: label }] });
    return html`<li><a class="told-sum" href=${placed(`/?${query}`)} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(`/?${query}`))}>${text}</a></li>`;
  };
  return html`<p class="sets-sizes"><b>${texts.imagesOf(images.length)}</b>${written === null ? nothing : html` <span>${texts.written(written, write)}</span>`}</p>
    <ul class="told-sums" aria-label=${texts.labelsTold}>${all.map(([label, count]) => chip(label, count))}</ul>`;
}

/** @type {(session: Session, told: Told, order: LabelOrder, at: number) => unknown} */
function image(session, { id, name, label, guesses, error }, { images }, at) {
  const part = images[at];
  const named = name || (id === null ? texts.uploaded : texts.image(id));
  const source = id === null ? (part ? imageOf(session, part, "small") : "") : thumbnail({ id }, "small", session.question.collection);
  const small = shot(source);
  return html`<li class="labelled">${id === null
      ? html`<span class="sets-shot shot">${small}</span>`
      : html`<a class="sets-shot shot" href=${session.here(`/image/${id}`)} aria-label=${texts.open(named)} title=${named} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(`/image/${id}`))}>${small}</a>`}
    <div class="told-about">${error
      ? html`<span class="refine-error">${error}</span>`
      : html`<b class=${label === null ? "soft" : ""}>${label ?? texts.notTold}</b>
        <ul>${guesses.map((guess) => html`<li><span>${guess.label}</span><i class="share-bar"><i .style=${`width:${guess.probability * 100}%`}></i></i><span>${texts.inShares(guess.probability)}</span></li>`)}</ul>
        ${id === null ? html`<span class="soft">${named}</span>` : go(session, `/?like=${id}`, texts.more, "soft")}`}</div></li>`;
}
