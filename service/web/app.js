/** The frame of the page: its views, what is dropped on it, and the keys. */
import { html, nothing } from "./vendor/lit/index.js";
import { SIGNED_OUT } from "./api.js";
import { withImage } from "./question.js";
import { loginHref, placed } from "./routes.js";
import { Session } from "./session.js";
import { icon } from "./parts/icons.js";
import { follow, notice, SessionPart } from "./parts/part.js";
import { texts } from "./texts.js";
import { VIEWS } from "./views/views.js";
import "./parts/ask.js";
import "./parts/help.js";
import "./parts/share.js";

/** @import { SearchView } from "./views/search.js" */

class App extends SessionPart {
  static properties = { ...SessionPart.properties, _over: { state: true }, _notice: { state: true }, _out: { state: true } };

  constructor() {
    super();
    this.session = new Session();
    this._over = false;
    this._notice = "";
    this._out = false; // whether the service no longer knows who asks
    this._gone = 0;
    this._seen = "";
    history.scrollRestoration = "manual";
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", (event) => this._key(event));
    addEventListener("paste", (event) => this._paste(/** @type {ClipboardEvent} */ (event)));
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      addEventListener(kind, (event) => this._drag(/** @type {DragEvent} */ (event)));
    }
    addEventListener("vitrail-notice", (event) => this._tell(/** @type {CustomEvent} */ (event).detail));
    addEventListener(SIGNED_OUT, () => { this._out = true; });
    this.session.addEventListener("notice", (event) => this._tell(/** @type {CustomEvent} */ (event).detail));
    this.session.begin();
  }

  render() {
    const { route } = this.session;
    const now = VIEWS.find((one) => one.name === route.view) ?? VIEWS[0];
    document.title = texts.documentTitle(now.title(this.session));
    return html`<a class="skip" href="#content">${texts.skip}</a>
      <header class="top">
        <a class="home" href=${placed("/")} aria-label=${texts.title} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => this.session.open("/"))}>
          <img src=${placed("/assets/icon.svg")} alt="" width="26" height="26"><span>${texts.title}</span></a>
        <vitrail-ask .session=${this.session}></vitrail-ask>
        ${this._nav(now.within ?? now.name)}
        <div class="top-acts">
          ${this._collections()}
          <button type="button" class="button quiet" title=${texts.theme} aria-label=${texts.theme} @click=${turnTheme}>${icon("theme")}</button>
          <button type="button" class="button quiet help-button" title=${texts.help} aria-label=${texts.help} @click=${() => this._help()}>${icon("help")}</button>
        </div>
      </header>
      ${this._signIn()}
      <main id="content" tabindex="-1" @share=${() => this._share()}>
        ${VIEWS.filter((one) => one.kept || one === now).map((one) => html`<div ?hidden=${one !== now}>${one.show(this.session, one === now)}</div>`)}
      </main>
      <vitrail-help .session=${this.session}></vitrail-help>
      <vitrail-share .session=${this.session}></vitrail-share>
      ${this._over ? html`<div class="drop"><p><b>${texts.drop}</b><br>${texts.dropNote}</p></div>` : nothing}
      <p class="notice ${this._notice ? "is-shown" : ""}" role="status">${this._notice}</p>`;
  }

  /** Where the navigation is wider than the page, the view that is shown is in sight. */
  updated() {
    const { route, collections } = this.session;
    const seen = `${route.view} ${collections.length}`; // a choice of collections leaves it less room
    if (this._seen === seen) return;
    this._seen = seen;
    this.querySelector(".views [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /** @param {string} current */
  _nav(current) {
    return html`<nav class="views" aria-label=${texts.menu}><ul>
      ${VIEWS.filter((one) => one.listed).map((one) => html`<li><a href=${this.session.here(one.path)} aria-current=${one.name === current ? "page" : nothing}
        @click=${(/** @type {MouseEvent} */ event) => follow(event, () => this.session.open(one.path))}>${one.label}</a></li>`)}
    </ul></nav>`;
  }

  _collections() {
    const { collections, question } = this.session;
    if (collections.length < 2) return nothing;
    const now = question.collection ?? collections[0];
    return html`<label class="collections"><span class="hidden">${texts.otherCollection}</span>
      <select @change=${(/** @type {Event} */ event) => {
        const name = /** @type {HTMLSelectElement} */ (event.target).value;
        this.session.open(`/?collection=${encodeURIComponent(name)}`);
      }}>${collections.map((name) => html`<option ?selected=${name === now}>${name}</option>`)}</select></label>`;
  }

  /** A failed search has a way to sign in of its own. */
  _signIn() {
    const { route, status } = this.session;
    if (!this._out || (route.view === "search" && status === "failed")) return nothing;
    return html`<p class="signed-out" role="alert">${texts.signedOut} <a href=${loginHref()}>${texts.keyNeeded}</a></p>`;
  }

  _help() {
    /** @type {any} */ (this.querySelector("vitrail-help")).show();
  }

  _label() {
    /** @type {any} */ (this.querySelector(".marked vitrail-lot-acts"))?.label();
  }

  _share() {
    /** @type {any} */ (this.querySelector("vitrail-share")).show();
  }

  /** @param {string} text */
  _tell(text) {
    this._notice = text;
    clearTimeout(this._gone);
    this._gone = window.setTimeout(() => { this._notice = ""; }, 4000);
  }

  get _view() {
    return /** @type {SearchView | null} */ (this.querySelector("vitrail-search"));
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const typing = event.target instanceof Element && event.target.closest("input:not([type=range]), textarea, select");
    if (typing) return;
    const does = this._does(event.key);
    if (!does) return;
    event.preventDefault();
    does();
  }

  /**
   * @param {string} key
   * @returns {(() => void) | null}
   */
  _does(key) {
    const { session } = this;
    const searching = session.route.view === "search";
    const hit = searching ? this._view?.grid?.active : null;
    const part = hit && /** @type {const} */ ({ kind: "image", id: hit.id });
    switch (key) {
      case "/": return () => document.getElementById("field")?.focus();
      case "?": return () => this._help();
      case "c": return () => this._share();
      case "t": return turnTheme;
      case "l": return searching ? () => this._label() : null;
      case "r": return searching ? () => this._view?.refine() : null;
      case "m": return part ? () => session.askBy(part) : null;
      case "+": return part && session.ranked ? () => session.go(withImage(session.question, part, "positive")) : null;
      case "-": return part && session.ranked ? () => session.go(withImage(session.question, part, "negative")) : null;
      case "Escape": return searching ? null : () => this._back();
      case "ArrowDown":
      case "ArrowRight": return searching ? () => this._view?.grid?.focusAt(0) : null;
      default: return null;
    }
  }

  _back() {
    if (history.state?.from) history.back();
    else this.session.open(this.session.href(this.session.question));
  }

  /** @param {ClipboardEvent} event */
  _paste(event) {
    const files = images(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    this._take(files);
  }

  /** Images go to the view that wants them, or else are searched by. */
  /** @param {File[]} files */
  _take(files) {
    if (dispatchEvent(new CustomEvent("vitrail-files", { detail: files, cancelable: true }))) this.session.askWith(files);
  }

  /** @param {DragEvent} event */
  _drag(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    if (event.type === "dragleave") this._over = event.relatedTarget !== null && this._over;
    else this._over = event.type !== "drop";
    if (event.type !== "drop") return;
    const files = images(event.dataTransfer);
    if (files.length) this._take(files);
    else notice(texts.notAnImage([...(event.dataTransfer?.files ?? [])].map((one) => one.name)[0] ?? ""));
  }
}
customElements.define("vitrail-app", App);

/** @param {DataTransfer | null} data */
function images(data) {
  return [...(data?.files ?? [])].filter((file) => file.type.startsWith("image/") || /\.(heic|heif|avif)$/i.test(file.name));
}

function turnTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
}

