/** What every element of the page is: rendered into the document itself, so that one design holds. */
import { LitElement } from "../vendor/lit/index.js";
import { Problem, said } from "../api.js";
import { BACK } from "../reach.js";

/** @import { Session } from "../session.js" */

export class Part extends LitElement {
  createRenderRoot() {
    return this;
  }
}

/** An element that shows the session, and is rendered anew when that changes. */
export class SessionPart extends Part {
  static properties = { session: { attribute: false }, _wrong: { state: true } };

  constructor() {
    super();
    /** @type {Session} */
    this.session = /** @type {any} */ (undefined);
    this._wrong = ""; // with what was done or read last
    this._isSilence = false; // whether that is but that nobody answered
    /** @type {(() => unknown)[]} done again once the service answers */
    this._unread = [];
    /** @type {Promise<unknown>} what was asked for by keys last */
    this._done = Promise.resolve();
    this._changed = () => this.requestUpdate();
    this._answered = () => this.returned();
  }

  connectedCallback() {
    super.connectedCallback();
    this.session.addEventListener("change", this._changed);
    addEventListener(BACK, this._answered);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.session.removeEventListener("change", this._changed);
    removeEventListener(BACK, this._answered);
  }

  /**
   * Do something, and tell what is wrong with it. What is but read is read once somebody answers.
   *
   * @param {() => Promise<unknown>} does
   * @param {boolean} [reads]
   */
  async _try(does, reads = false) {
    this._wrong = "";
    try {
      await does();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this._wrong = said(error);
      this._isSilence = error.isSilence;
      if (reads && error.isSilence) this.later(() => this._try(does, true));
    }
  }

  /**
   * Do what a key asks for after what keys have asked for before, however fast they are pressed: so
   * that each finds what the one before has chosen.
   *
   * @param {() => unknown} does
   */
  inTurn(does) {
    this._done = this._done.then(does).catch(reportError);
  }

  /** @param {() => unknown} does once the service answers again */
  later(does) {
    this._unread.push(does);
  }

  /** The service answers again. */
  returned() {
    if (this._isSilence) this._wrong = "";
    this._isSilence = false;
    for (const does of this._unread.splice(0)) does();
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
