/** The images of a map that lie farthest from all others. */
import { html } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { texts } from "../texts.js";
import { follow } from "./part.js";
import { shot } from "./shot.js";

/** @import { ImageMap } from "../mapping.js" */
/** @import { Session } from "../session.js" */

const SHOWN = 12;

/** @type {(session: Session, map: ImageMap) => unknown} */
export function alone(session, { places }) {
  const odd = [...places].sort((a, b) => b.outlier - a.outlier).slice(0, SHOWN);
  return html`<section class="map-alone"><h2>${texts.alone}</h2><p class="soft">${texts.aloneNote}</p>
    <ul>${odd.map(({ id, name, outlier }) => {
      const href = session.here(`/image/${id}`);
      return html`<li><a class="shot" href=${href} title=${texts.outlier(outlier)} aria-label=${texts.open(name || texts.unnamed(id))}
        @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>
        ${shot(thumbnail({ id }, "small", session.question.collection))}</a><small>${outlier.toFixed(2)}</small></li>`;
    })}</ul></section>`;
}
