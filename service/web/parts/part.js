/** What every element of the page is: rendered into the document itself, so that one design holds. */
import { LitElement } from "../vendor/lit/index.js";

/** @import { Session } from "../session.js" */

export class Part extends LitElement {
  createRenderRoot() {
    return this;
  }
}

/** An element that shows the session, and is rendered anew when that changes. */
export class SessionPart extends Part {
  static properties = { session: { attribute: false } };

  constructor() {
    super();
    /** @type {Session} */
    this.session = /** @type {any} */ (undefined);
    this._changed = () => this.requestUpdate();
  }

  connectedCallback() {
    super.connectedCallback();
    this.session.addEventListener("change", this._changed);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.session.removeEventListener("change", this._changed);
  }
}

/**
 * Tell the user something in a line that goes away by itself.
 *
 * @param {string} text
 */
export function notice(text) {
  dispatchEvent(new CustomEvent("vitrail-notice", { detail: text }));
}

/**
 * A link within the page is followed without loading it anew; with a key held it is the browser's.
 *
 * @param {MouseEvent} event
 * @param {() => void} go
 */
export function follow(event, go) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
  event.preventDefault();
  go();
}
