/** A place for one image: chosen from this device, dropped, pasted, or taken from the collection. */
import { html, nothing } from "../vendor/lit/index.js";
import { Problem, thumbnail, upload } from "../api.js";
import { texts } from "../texts.js";
import { nameOf } from "../words.js";
import { imageOf } from "./asked.js";
import { icon } from "./icons.js";
import { notice, SessionPart } from "./part.js";

/** @import { ImagePart } from "../types.js" */

const OFFERED = 12; // images of the answer, to choose from

/** Tells of another image by an event `chosen`, whose detail is the image or null. */
export class Well extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    image: { attribute: false },
    label: { type: String },
    _over: { state: true },
    _busy: { state: true },
  };

  constructor() {
    super();
    /** @type {ImagePart | null} */
    this.image = null;
    this.label = "";
    this._over = false;
    this._busy = false;
  }

  /** @param {ImagePart | null} part */
  _choose(part) {
    this.dispatchEvent(new CustomEvent("chosen", { detail: part, bubbles: true }));
  }

  /** @param {File | undefined} file */
  async take(file) {
    if (!file) return;
    this._busy = true;
    try {
      const { upload: token } = await upload(file);
      this.session.uploads.set(token, { token, name: file.name || texts.pasted, url: URL.createObjectURL(file) });
      this._choose({ kind: "upload", token });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      notice(`${file.name}: ${error.detail}`);
    } finally {
      this._busy = false;
    }
  }

  /** @param {DragEvent} event */
  _drag(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    this._over = event.type === "dragover" || event.type === "dragenter";
    if (event.type === "drop") this.take(event.dataTransfer?.files[0]);
  }

  render() {
    const name = this.image && this._name(this.image);
    return html`<div class="well ${this._over ? "is-over" : ""}" role="group" aria-label=${this.label} aria-busy=${this._busy}
        @dragenter=${this._drag} @dragover=${this._drag} @dragleave=${this._drag} @drop=${this._drag}>
      <p class="well-label">${this.label}</p>
      ${this.image
        ? html`<div class="well-image"><img src=${imageOf(this.session, this.image, "small")} alt=${name}>
            <button type="button" class="button small" title=${texts.wellEmpty} aria-label=${`${texts.wellEmpty}: ${name}`}
              @click=${() => this._choose(null)}>${icon("close")}</button></div>`
        : html`<label class="button well-pick">${icon("image")}<span>${texts.wellPick}</span>
            <input class="hidden" type="file" accept="image/*" @change=${(/** @type {Event} */ event) => this.take(/** @type {HTMLInputElement} */ (event.target).files?.[0])}></label>
          <p class="soft">${texts.wellNote}</p>${this._offered()}`}
    </div>`;
  }

  /** Images that the search shows now. */
  _offered() {
    const hits = this.session.hits.slice(0, OFFERED);
    if (!hits.length) return nothing;
    const { collection } = this.session.question;
    return html`<ul class="well-offered" aria-label=${texts.wellOffered}>${hits.map((hit) => {
      const name = nameOf(hit.metadata, hit.id);
      return html`<li><button type="button" title=${name} aria-label=${texts.wellTake(name)} @click=${() => this._choose({ kind: "image", id: hit.id })}>
        <img src=${thumbnail(hit, "small", collection)} alt="" loading="lazy"></button></li>`;
    })}</ul>`;
  }

  /** @param {ImagePart} part */
  _name(part) {
    return part.kind === "image" ? texts.image(part.id) : this.session.uploads.get(part.token)?.name ?? texts.uploaded;
  }
}
customElements.define("vitrail-well", Well);
