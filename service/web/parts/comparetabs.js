/** From comparing images to comparing sets, and back. */
import { html, nothing } from "../vendor/lit/index.js";
import { placed } from "../routes.js";
import { texts } from "../texts.js";
import { follow } from "./part.js";

/** @import { Session } from "../session.js" */

/** @type {(session: Session, now: "compare" | "sets") => unknown} */
export function compareTabs(session, now) {
  const { collection } = session.question;
  const query = collection ? `?collection=${encodeURIComponent(collection)}` : "";
  return html`<nav class="compare-tabs" aria-label=${texts.views.compare}>${(/** @type {const} */ (["compare", "sets"])).map((one) => html`<a href=${placed(`/${one}${query}`)}
    aria-current=${one === now ? "page" : nothing} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(`/${one}${query}`))}>${texts.compareWhat[one]}</a>`)}</nav>`;
}
