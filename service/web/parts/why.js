/** Why an image was found: each layer's share of its score, and what looks alike in both images. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { isImage } from "../question.js";
import { texts } from "../texts.js";
import { imageOf } from "./asked.js";
import { explain } from "./explaining.js";
import { SessionPart } from "./part.js";

/** @import { Explained, Patches } from "./explaining.js" */

export class Why extends SessionPart {
  static properties = { ...SessionPart.properties, image: { type: Number }, _why: { state: true }, _wrong: { state: true }, _busy: { state: true } };

  constructor() {
    super();
    this.image = 0;
    /** @type {Explained | null} */
    this._why = null;
    this._wrong = "";
    this._busy = false;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("image")) return;
    this._why = null;
    this._wrong = "";
  }

  async _ask() {
    const id = this.image;
    this._busy = true;
    try {
      const why = await explain(this.session, id);
      if (id === this.image) this._why = why;
    } catch (error) {
      if (id === this.image) this._wrong = /** @type {Error} */ (error).message;
    } finally {
      this._busy = false;
    }
  }

  render() {
    return html`<section class="one-part why"><h2>${texts.why}</h2>
      ${this._why ? this._told(this._why) : html`<button type="button" class="button" ?disabled=${this._busy} @click=${this._ask}>
        ${this._busy ? texts.whyBusy : texts.whyAsk}</button>`}
      ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
    </section>`;
  }

  /** @param {Explained} why */
  _told(why) {
    const shares = Object.entries(why.shares).sort(([, a], [, b]) => b - a);
    const most = Math.max(...shares.map(([, share]) => Math.abs(share)), 1e-9);
    const images = this.session.question.positive.filter(isImage);
    const asked = /** @type {any} */ (images[why.query_image ?? 0] ?? images[0]);
    return html`
      ${why.query && why.hit && asked ? html`<div class="why-pair">
        ${side(texts.whyQuery, imageOf(this.session, asked, "large"), why.query)}
        ${side(texts.whyHit, thumbnail({ id: this.image }, "large", this.session.question.collection), why.hit)}
      </div><p class="soft">${texts.whyMaps} ${isWhole(why.query) && isWhole(why.hit) ? nothing : texts.whyUnseen}</p>` : nothing}
      ${why.reason ? html`<p class="soft">${why.reason}</p>` : nothing}
      <h3>${texts.whyShares}</h3>
      <ul class="shares">${shares.map(([space, share]) => html`<li><span>${space}</span>
        <i class="share-bar"><i .style=${`width:${(Math.abs(share) / most) * 100}%`}></i></i><span>${share.toFixed(3)}</span></li>`)}</ul>`;
  }
}
customElements.define("vitrail-why", Why);

/** @param {Patches} patches */
function isWhole({ box: [left, top, right, bottom], size: [width, height] }) {
  return left <= 0 && top <= 0 && right >= width && bottom >= height;
}

/** @type {(label: string, source: string, patches: Patches) => unknown} */
function side(label, source, patches) {
  const [width, height] = patches.size;
  const [left, top, right, bottom] = patches.box;
  const at = `left:${(left / width) * 100}%;top:${(top / height) * 100}%;width:${((right - left) / width) * 100}%;height:${((bottom - top) / height) * 100}%`;
  return html`<figure><span class="why-image" .style=${`aspect-ratio:${width}/${height}`}><img src=${source} alt="">
    <img class="veil" src=${veil(patches.grid)} alt="" .style=${at}></span><figcaption>${label}</figcaption></figure>`;
}

/**
 * What is no better than chance as dark, what is the same as clear.
 *
 * @param {(number | null)[][]} grid
 */
function veil(grid) {
  const canvas = document.createElement("canvas");
  canvas.width = grid[0].length;
  canvas.height = grid.length;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = context.createImageData(canvas.width, canvas.height);
  grid.flat().forEach((value, i) => {
    pixels.data[4 * i + 3] = value === null ? 215 : Math.round((1 - Math.min(Math.max(value, 0), 1)) * 215);
  });
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}
