/** What an image was made from, and what was made from it, as a graph of three ranks. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { texts } from "../texts.js";
import { follow } from "./part.js";

/** @import { Session } from "../session.js" */
/** @typedef {{ id: number | null, role?: string | null, content_hash?: string }} Relative */

/** @type {(session: Session, id: number, relatives: { parents: Relative[], children: Relative[] } | null) => unknown} */
export function lineage(session, id, relatives) {
  if (!relatives || (!relatives.parents.length && !relatives.children.length)) return nothing;
  const { parents, children } = relatives;
  return html`<section class="one-part"><h2>${texts.lineage}</h2>
    <div class="lineage">
      ${rank(session, texts.madeFrom, parents, "before")}
      <div class="rank"><span class="node own"><img src=${thumbnail({ id }, "small", session.question.collection)} alt=${texts.image(id)}></span></div>
      ${rank(session, texts.madeOf, children, "after")}
    </div></section>`;
}

/** @type {(session: Session, label: string, relatives: Relative[], side: string) => unknown} */
function rank(session, label, relatives, side) {
  if (!relatives.length) return nothing;
  return html`<div class="rank ${side}"><h3>${label}</h3><ul>
    ${relatives.map((one) => html`<li>${one.id === null || one.id === undefined
      ? html`<span class="node gone">${texts.gone}</span>`
      : html`<a class="node" href=${session.imageHref(one.id)} title=${[one.role, texts.image(one.id)].filter(Boolean).join(", ")}
          @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(session.imageHref(/** @type {number} */ (one.id))))}>
          <img src=${thumbnail({ id: one.id }, "small", session.question.collection)} alt=${texts.image(one.id)}></a>`}
      ${one.role ? html`<small>${one.role}</small>` : nothing}</li>`)}
  </ul></div>`;
}
