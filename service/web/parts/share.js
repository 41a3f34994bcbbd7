/** The current view as a link, and as what asks the same elsewhere. */
import { html } from "../vendor/lit/index.js";
import { asCli, asCurl, asLink, asPython } from "../commands.js";
import { mapCommand, readMap } from "../mapping.js";
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
        <p class="soft">${texts.shareNote[this._kind]}</p>
        <pre class="code" tabindex="0"><code>${text}</code></pre>
        ${copyButton(text, "main")}
      </div>
    </dialog>`;
  }

  _text() {
    const { question, route } = this.session;
    if (route.view === "map" && this._kind !== "link") return mapCommand(this._kind, readMap(location.search), location.origin);
    const nameOf = (/** @type {string} */ token) => this.session.nameOf(token);
    if (this._kind === "link") return this.session.route.view === "search" ? asLink(question, location.origin) : location.href;
    if (this._kind === "cli") return asCli(question, nameOf);
    return this._kind === "curl" ? asCurl(question, location.origin) : asPython(question, nameOf);
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
