/** What an image was made from, and what was made from it, as a graph of three columns. */
import { html, nothing, svg } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { texts } from "../texts.js";
import { follow } from "./part.js";

/** @import { Session } from "../session.js" */
/** @typedef {{ id: number | null, role: string | null }} Relative */

const NODE = 76;
const PITCH = 106; // from one image of a column to the next
const ACROSS = 44; // between two columns
const HEAD = 22;
const MOST = 12; // of a column

/** @type {(session: Session, id: number, relatives: { parents: Relative[], children: Relative[] } | null) => unknown} */
export function lineage(session, id, relatives) {
  if (!relatives || (!relatives.parents.length && !relatives.children.length)) return nothing;
  const [parents, children] = [relatives.parents.slice(0, MOST), relatives.children.slice(0, MOST)];
  const more = relatives.parents.length + relatives.children.length - parents.length - children.length;
  const rows = Math.max(parents.length, children.length, 1);
  const own = parents.length ? NODE + ACROSS : 0;
  const after = own + NODE + ACROSS;
  const size = { width: after + NODE, height: HEAD + rows * PITCH };
  /** @type {(count: number, i: number) => number} */
  const top = (count, i) => HEAD + ((rows - count) / 2 + i) * PITCH;
  /** @type {(left: number, top: number, right: number, end: number) => unknown} */
  const line = (left, from, right, to) => {
    const middle = (left + right) / 2;
    const [y, end] = [from + NODE / 2, to + NODE / 2];
    return svg`<path d="M${left} ${y}C${middle} ${y} ${middle} ${end} ${right} ${end}"/>`;
  };
  return html`<section class="one-part"><h2>${texts.lineage}</h2>
    <div class="lineage" .style=${`width:${size.width}px;height:${size.height}px`}>
      <svg viewBox="0 0 ${size.width} ${size.height}" aria-hidden="true">
        ${parents.map((_, i) => line(NODE, top(parents.length, i), own, top(1, 0)))}
        ${children.map((_, i) => line(own + NODE, top(1, 0), after, top(children.length, i)))}
      </svg>
      ${column(session, texts.madeFrom, parents, 0, top, "before")}
      <span class="node own" .style=${`left:${own}px;top:${top(1, 0)}px`}><img src=${thumbnail({ id }, "small", session.question.collection)} alt=${texts.image(id)}></span>
      ${column(session, texts.madeOf, children, after, top, "after")}
    </div>
    ${more ? html`<p class="soft">${texts.furtherRelatives(more, id)}</p>` : nothing}</section>`;
}

/** @type {(session: Session, label: string, relatives: Relative[], left: number, top: (count: number, i: number) => number, side: string) => unknown} */
function column(session, label, relatives, left, top, side) {
  const count = relatives.length;
  if (!count) return nothing;
  return html`<h3 .style=${`left:${left}px;top:${top(count, 0) - HEAD}px`}>${label}</h3><ul class="rank ${side}">
    ${relatives.map((one, i) => html`<li .style=${`left:${left}px;top:${top(count, i)}px`}>${node(session, one)}
      ${one.role ? html`<small>${one.role}</small>` : nothing}</li>`)}
  </ul>`;
}

/** @type {(session: Session, relative: Relative) => unknown} */
function node(session, { id, role }) {
  if (id === null) return html`<span class="node gone">${texts.gone}</span>`;
  const href = session.imageHref(id);
  return html`<a class="node" href=${href} title=${[role, texts.image(id)].filter(Boolean).join(", ")}
    @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>
    <img src=${thumbnail({ id }, "small", session.question.collection)} alt=${texts.image(id)}></a>`;
}
