/** The current view as a link, and as what asks the same elsewhere. */
import { html, nothing } from "../vendor/lit/index.js";
import { asLink } from "../commands.js";
import { elsewhere } from "../elsewhere.js";
import { texts } from "../texts.js";
import { icon } from "./icons.js";
import { SessionPart } from "./part.js";
import { copyButton } from "./copying.js";

const KINDS = /** @type {const} */ (["link", "cli", "curl", "python"]);

export class Share extends SessionPart {
  static properties = { ...SessionPart.properties, _kind: { state: true } };

  constructor() {
    super();
    /** @type {typeof KINDS[number]} */
    this._kind = "cli";
  }

  show() {
    this.requestUpdate(); // a view may have changed the address since
    /** @type {HTMLDialogElement} */ (this.querySelector("dialog")).showModal();
  }

  render() {
    const text = this._text();
    return html`<dialog class="dialog share" aria-labelledby="share-title">
      <header><h2 id="share-title">${texts.share}</h2>
        <form method="dialog"><button class="button quiet" aria-label=${texts.close}>${icon("close")}</button></form>
      </header>
      <div class="tabs" role="tablist" @keydown=${this._key}>
        ${KINDS.map((kind) => html`<button type="button" role="tab" id="share-${kind}"
          aria-selected=${this._kind === kind} aria-controls="share-text" tabindex=${this._kind === kind ? 0 : -1}
          @click=${() => { this._kind = kind; }}>${texts.shareKinds[kind]}</button>`)}
      </div>
      <div id="share-text" role="tabpanel" aria-labelledby="share-${this._kind}">
        <p class="soft">${texts.shareNote[this._kind]}${this._lacks() ? html` ${texts.shareMask}` : nothing}</p>
        <pre class="code" tabindex="0"><code>${text}</code></pre>
        ${copyButton(text, "main")}
      </div>
    </dialog>`;
  }

  /** Whether what is marked to be repainted has to be given beside. */
  _lacks() {
    const { route } = this.session;
    return this._kind !== "link" && route.view === "make" && new URLSearchParams(location.search).get("task") === "inpaint";
  }

  _text() {
    const { question, route } = this.session;
    if (this._kind === "link") return route.view === "search" ? asLink(question, location.origin) : location.href;
    const nameOf = (/** @type {string} */ token) => this.session.nameOf(token);
    return elsewhere(route.view, { id: route.id, search: location.search, origin: location.origin, nameOf })[this._kind];
  }

  /** @param {KeyboardEvent} event */
  async _key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this._kind = KINDS[(KINDS.indexOf(this._kind) + step + KINDS.length) % KINDS.length];
    await this.updateComplete;
    /** @type {HTMLElement} */ (this.querySelector(`#share-${this._kind}`)).focus();
  }
}
customElements.define("vitrail-share", Share);
