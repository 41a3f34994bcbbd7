/** What a guard found of images that were made: which are marked, which were refused, and why. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { follow } from "./part.js";

/** @import { Session } from "../session.js" */

/**
 * @typedef {{ score: number | null, fpr: number | null, copy_of: string | null, refused: number[] }} Found
 * @typedef {{ id: number | null, seed?: number, guard?: Found, copies?: number | null }} MadeImage
 * @typedef {{ prompt: string, seed: number, guard: Found, copies: { id: number } | null, last: boolean }} Refused
 * @typedef {{ line: number, innocent: number }} GuardLine
 */

/**
 * On an image that is held to copy another: which, and how sure that is.
 *
 * @param {Session} session
 * @param {MadeImage} image
 */
export function marked(session, { id, guard, copies }) {
  if (!guard?.copy_of) return nothing;
  const told = texts.guardMarked(guard.fpr);
  if (copies === null || copies === undefined) return html`<p class="made-mark">${told}</p>`;
  return html`<p class="made-mark">${link(session, `/compare?a=${id}&b=${copies}`, texts.guardCopies(guard.score, copies))}<span>${told}</span></p>`;
}

/**
 * What was refused, a line each.
 *
 * @param {Session} session
 * @param {Refused[]} refused
 * @param {GuardLine | null} guard
 * @param {number} lacking images that were asked for, and are not there
 */
export function refusals(session, refused, guard, lacking) {
  if (!guard) return nothing;
  return html`<div class="made-guard">
    <p>${texts.guardTold(refused.length, lacking)}</p>
    <p class="soft">${texts.guardLine(guard.line, guard.innocent)}</p>
    ${refused.length
      ? html`<ul class="made-refused" aria-label=${texts.guardRefused}>${refused.map((one) => html`<li>
          <span>${texts.guardSeed(one.seed)}</span>
          ${one.copies
            ? link(session, session.here(`/image/${one.copies.id}`), texts.guardCopies(one.guard.score, one.copies.id))
            : html`<span>${texts.guardUnread}</span>`}
          <span class="soft">${one.last ? texts.guardLast : texts.guardNext}</span></li>`)}</ul>`
      : nothing}
  </div>`;
}

/** @type {(session: Session, href: string, told: string) => unknown} */
function link(session, href, told) {
  return html`<a href=${href} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>${told}</a>`;
}
