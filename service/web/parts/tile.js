/** One image of the grid. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { withImage } from "../question.js";
import { came, lost } from "../shots.js";
import { texts } from "../texts.js";
import { meaning, nameOf } from "../words.js";
import { icon } from "./icons.js";
import { follow } from "./part.js";

/** @import { Hit } from "../types.js" */
/** @import { Session } from "../session.js" */
/** @import { Place } from "../layout.js" */

/**
 * @param {Session} session
 * @param {Hit} hit
 * @param {{ place: Place, number: number, count: number, active: boolean }} at
 */
export function tile(session, hit, { place, number, count, active }) {
  const name = nameOf(hit.metadata, hit.id);
  const { word, rarity, note } = meaning(hit);
  const href = session.imageHref(hit.id);
  const box = `transform:translate(${place.left}px,${place.top}px);width:${place.width}px`;
  const label = [texts.open(name), word, rarity].filter(Boolean).join(", ");
  const marked = session.marks.ids.has(hit.id);
  return html`<div class="tile ${marked ? "is-marked" : ""}" role="listitem" aria-setsize=${count} aria-posinset=${number}
      data-at=${number - 1} data-id=${hit.id} .style=${box}>
    <a class="shot" href=${href} title=${[name, note].filter(Boolean).join("\n")} aria-label=${label}
      tabindex=${active ? 0 : -1} .style=${`height:${place.height}px`}
      @contextmenu=${(/** @type {PointerEvent} */ event) => held(event, () => session.marks.turn(hit.id))}
      @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>
      <img src=${thumbnail(hit, place.height > 420 ? "large" : place.height > 140 ? "medium" : "small", session.question.collection)}
        alt="" decoding="async" draggable="false" @error=${lost} @load=${came}>
      <span class="gone">${texts.gone}</span><span class="away">${texts.away}</span>
      ${hit.group?.more ? html`<span class="folded" title=${texts.moreInGroupNote(hit.group.more, hit.group.by)}>${texts.moreInGroup(hit.group.more)}</span>` : nothing}
    </a>
    <button type="button" class="mark" aria-pressed=${marked} title=${texts.mark} aria-label=${texts.markOf(name)}
      tabindex=${active ? 0 : -1} @click=${() => session.marks.turn(hit.id)}>${icon("check")}</button>
    <div class="told ${session.ranked ? "" : "bare"}">
      ${word && hit.closeness !== "chance" ? html`<span class="word ${hit.closeness}" title=${note}>${word}</span>` : nothing}
      <span class=${rarity ? "rarity" : "name"} title=${note}>${rarity || (session.ranked ? name : "")}</span>
      ${acts(session, hit, active)}
    </div>
  </div>`;
}

/** @type {(session: Session, hit: Hit, active: boolean) => unknown} */
function acts(session, hit, active) {
  const part = /** @type {const} */ ({ kind: "image", id: hit.id });
  const { question } = session;
  /** @type {(sign: "like" | "plus" | "minus", label: string, go: () => void) => unknown} */
  const act = (sign, label, go) => html`<button type="button" class="act" title=${label} aria-label=${label}
    tabindex=${active ? 0 : -1} @click=${go}>${icon(sign)}</button>`;
  return html`<span class="acts">
    ${act("like", texts.more, () => session.askBy(part))}
    ${session.ranked
      ? [
          act("plus", texts.plus, () => session.go(withImage(question, part, "positive"))),
          act("minus", texts.minus, () => session.go(withImage(question, part, "negative"))),
        ]
      : nothing}
  </span>`;
}

/** A finger that is held on an image marks it, where a mouse has the browser's menu. */
/** @type {(event: PointerEvent, mark: () => void) => void} */
function held(event, mark) {
  if (event.pointerType === "mouse") return;
  event.preventDefault();
  mark();
}
