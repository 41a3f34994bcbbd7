/** The field: a description, the number of an image, or image files by choice, camera or clipboard. */
import { html, nothing } from "../vendor/lit/index.js";
import { SEEDS } from "../question.js";
import { texts } from "../texts.js";
import { icon } from "./icons.js";
import { SessionPart } from "./part.js";

/** @import { Part as Asked } from "../types.js" */

export class Ask extends SessionPart {
  static properties = { ...SessionPart.properties, _text: { state: true }, _shown: { state: true } };

  constructor() {
    super();
    this._text = "";
    this._shown = false;
  }

  /** Whether the collection's encoder compares words with images. */
  get _reads() {
    return Boolean(this.session.about?.reads_texts);
  }

  render() {
    return html`<form class="ask" role="search" @submit=${this._submit} @focusout=${this._leave}
        @keydown=${this._key}>
      <span class="ask-sign">${icon("search")}</span>
      <input id="field" class="ask-field" type="text" autocomplete="off" spellcheck="false"
        enterkeyhint="search" aria-label=${texts.fieldLabel} placeholder=${texts.field}
        aria-describedby=${this._open ? "ask-ways" : nothing} .value=${this._text}
        @input=${this._typed} @focus=${() => { this._shown = true; }}>
      ${this._file("pick", "image", texts.pick)}
      ${this._file("photo", "camera", texts.photo)}
      ${this._open ? this._ways() : nothing}
    </form>`;
  }

  get _open() {
    return this._shown && this._text.trim() !== "";
  }

  /** @type {(name: "pick" | "photo", sign: "image" | "camera", label: string) => unknown} */
  _file(name, sign, label) {
    const capture = name === "photo" ? "environment" : nothing;
    return html`<label class="button quiet ask-${name}" title=${label}>
      ${icon(sign)}<span class="hidden">${label}</span>
      <input type="file" class="hidden" accept="image/*,.heic,.heif,.avif" capture=${capture}
        ?multiple=${name === "pick"} @change=${this._picked}>
    </label>`;
  }

  _ways() {
    const text = this._text.trim();
    const id = /^#?(\d{1,18})$/.exec(text)?.[1];
    return html`<div class="ask-ways" id="ask-ways">
      ${id === undefined ? nothing : this._way(texts.byId(Number(id)), texts.byIdNote, { kind: "image", id: Number(id) })}
      ${this._reads ? this._way(texts.byWords(text), texts.byWordsNote, { kind: "text", text }) : nothing}
      ${this._way(texts.byPrompt(text), texts.byPromptNote, { kind: "prompt", prompt: text, seeds: SEEDS })}
      ${this._reads || !this.session.about ? nothing : html`<p class="ask-refused">${texts.noWords(this.session.about.checkpoint)}</p>`}
    </div>`;
  }

  /** @type {(label: string, note: string, part: Asked) => unknown} */
  _way(label, note, part) {
    return html`<button type="button" class="ask-way" @click=${() => this._go(part)}>
      <span>${label}</span><small>${note}</small></button>`;
  }

  /** @param {Event} event */
  _submit(event) {
    event.preventDefault();
    /** @type {HTMLButtonElement | null} */ (this.querySelector(".ask-way"))?.click();
  }

  /** @param {Asked} part */
  _go(part) {
    this._text = "";
    this._shown = false;
    /** @type {HTMLElement | null} */ (document.activeElement)?.blur(); // keys are the images' again
    this.session.askBy(part);
  }

  /** @param {Event} event */
  _typed(event) {
    this._text = /** @type {HTMLInputElement} */ (event.target).value;
    this._shown = true;
  }

  /** @param {FocusEvent} event */
  _leave(event) {
    if (!this.contains(/** @type {Node | null} */ (event.relatedTarget))) this._shown = false;
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && this._open) {
      event.stopPropagation();
      this._shown = false;
      this.querySelector("input")?.focus();
      this._shown = false;
    } else if (step && this._open) {
      event.preventDefault();
      const stops = [this.querySelector("input"), ...this.querySelectorAll("button.ask-way")];
      const now = stops.indexOf(/** @type {any} */ (document.activeElement));
      /** @type {HTMLElement} */ (stops[(now + step + stops.length) % stops.length]).focus();
    }
  }

  /** @param {Event} event */
  _picked(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const files = [...(input.files ?? [])];
    input.value = "";
    this.session.askWith(files);
  }
}
customElements.define("vitrail-ask", Ask);
