/** One image: large, with all that is known of it, and why it was found. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask, original, Problem, thumbnail } from "../api.js";
import { withImage } from "../question.js";
import { blank, hrefOf } from "../making.js";
import { placed } from "../routes.js";
import { texts } from "../texts.js";
import { meaning, nameOf, sentence } from "../words.js";
import { facts, files } from "../parts/facts.js";
import { icon } from "../parts/icons.js";
import { lineage } from "../parts/lineage.js";
import { follow, SessionPart } from "../parts/part.js";
import { recipe } from "../parts/recipe.js";
import { zoom } from "../parts/zoom.js";
import "../parts/labels.js";
import "../parts/why.js";

/** @import { Hit, ImagePart } from "../types.js" */

export class ImageView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    image: { type: Number },
    _known: { state: true },
    _relatives: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    this.image = 0;
    /** @type {any} */
    this._known = null;
    /** @type {any} */
    this._relatives = null;
    /** @type {Problem | null} */
    this._problem = null;
    this._keys = this._keys.bind(this);
    this._labelled = () => { this._again(); };
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", this._keys);
    this.session.addEventListener("labelled", this._labelled);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this._keys);
    this.session.removeEventListener("labelled", this._labelled);
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("image")) this._read(this.image);
  }

  /** @param {number | null} id none where the address tells something else in its place */
  async _read(id) {
    this._known = null;
    this._relatives = null;
    this._problem = id === null ? new Problem("unknown-image", texts.noNumber) : null;
    if (id === null) return;
    const { collection } = this.session.question;
    try {
      const known = await ask(address(`/images/${id}`, { collection }));
      if (this.image !== id) return;
      this._known = known;
      this._relatives = await ask(address(`/images/${id}/lineage`, { collection }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.image === id) this._problem = error;
    }
  }

  returned() {
    super.returned();
    if (this._problem?.isSilence) this._read(this.image);
  }

  /** What is known of it, after it was labelled. */
  async _again() {
    const { image } = this;
    const known = await ask(address(`/images/${image}`, { collection: this.session.question.collection })).catch(() => null);
    if (known && this.image === image) this._known = known;
  }

  /** @returns {Hit | null} the image as it was found */
  get hit() {
    return this.session.hits.find((hit) => hit.id === this.image) ?? null;
  }

  /** @returns {[number | null, number | null]} ids of the images before and after in the answer */
  get _beside() {
    const { hits } = this.session;
    const at = hits.findIndex((hit) => hit.id === this.image);
    return at < 0 ? [null, null] : [hits[at - 1]?.id ?? null, hits[at + 1]?.id ?? null];
  }

  render() {
    if (this._problem) return this._failed(this._problem);
    const metadata = this._known?.metadata ?? this.hit?.metadata ?? {};
    const name = nameOf(metadata, this.image);
    return html`<article class="one">
      <div class="one-stage">
        ${this._stage(name, metadata)}
      </div>
      <div class="one-side ${this._known ? "done" : ""}">
        <h1>${name}</h1>
        ${this._score()}
        ${this._acts()}
        ${this.session.ranked ? html`<vitrail-why .session=${this.session} .image=${this.image}></vitrail-why>` : nothing}
        ${this._known ? [facts(metadata), this._labels(metadata), recipe(metadata, this.session), lineage(this.session, this.image, this._relatives), files(metadata)] : nothing}
      </div>
    </article>`;
  }

  /** @param {Record<string, any>} metadata */
  _labels(metadata) {
    return html`<section class="one-part"><h2>${texts.labels}</h2>
      <vitrail-labels .session=${this.session} .ids=${[this.image]} .own=${{ ...metadata, ...metadata.own }}></vitrail-labels></section>`;
  }

  /** @type {(name: string, metadata: Record<string, any>) => unknown} */
  _stage(name, { width = 1, height = 1 }) {
    const [before, after] = this._beside;
    const source = thumbnail({ id: this.image, metadata: this._known?.metadata ?? this.hit?.metadata }, "large", this.session.question.collection);
    return html`<nav class="one-nav" aria-label=${texts.back}>
        <a class="button quiet" href=${this.session.href(this.session.question)} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => this.back())}>
          ${icon("back")}<span>${texts.back}</span></a>
        <span class="one-steps">
          ${this._step(before, "back", texts.previous)}${this._step(after, "forth", texts.next)}
        </span>
      </nav>
      <button type="button" class="one-shot" aria-label=${`${texts.zoom}: ${name}`} .style=${stageStyle(width, height)}
        @click=${() => zoom(this.session, this.image, (id) => this._go(id))}>
        <img src=${source} alt="" width=${width} height=${height}></button>`;
  }

  /** @type {(id: number | null, sign: "back" | "forth", label: string) => unknown} */
  _step(id, sign, label) {
    return html`<button type="button" class="button quiet" ?disabled=${id === null} title=${label} aria-label=${label}
      @click=${() => id !== null && this._go(id)}>${icon(sign)}</button>`;
  }

  _score() {
    const { hit } = this;
    if (!hit || hit.score === null) return nothing;
    const { word, rarity, note } = meaning(hit);
    return html`<p class="one-score"><span class="word ${hit.closeness}">${word}</span> <span>${rarity}</span>
      <small>${note}</small></p>`;
  }

  _acts() {
    const part = /** @type {ImagePart} */ ({ kind: "image", id: this.image });
    const { session } = this;
    const { question, ranked } = session;
    const from = hrefOf({ ...blank(), collection: question.collection, task: "image-to-image", image: part });
    return html`<p class="one-acts">
      <button type="button" class="button main" @click=${() => session.askBy(part)}>${icon("like")}<span>${texts.moreLikeThis}</span></button>
      ${ranked ? html`<button type="button" class="button" title=${texts.plus} aria-label=${texts.plus} @click=${() => session.go(withImage(question, part, "positive"))}>${icon("plus")}</button>
      <button type="button" class="button" title=${texts.minus} aria-label=${texts.minus} @click=${() => session.go(withImage(question, part, "negative"))}>${icon("minus")}</button>` : nothing}
      <a class="button" href=${original({ id: this.image }, question.collection)} target="_blank" rel="noopener">${icon("file")}<span>${texts.original}</span></a>
      <a class="button" href=${from} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(from))}>${icon("brush")}<span>${texts.makeFrom}</span></a>
    </p>`;
  }

  /** @param {Problem} problem */
  _failed(problem) {
    return html`<div class="state" role="alert"><h2>${sentence(problem.detail)}</h2><p>${sentence(problem.remedy)}</p>
      <p class="state-acts"><a class="button main" href=${placed("/")} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => this.back())}>${texts.back}</a></p></div>`;
  }

  /** @param {number} id */
  _go(id) {
    history.replaceState(history.state, "", this.session.imageHref(id));
    this.session.route = { view: "image", id };
    this.session.dispatchEvent(new Event("change"));
  }

  back() {
    if (["search", "map"].includes(history.state?.from)) history.back();
    else this.session.open(this.session.href(this.session.question));
  }

  /** @param {KeyboardEvent} event */
  _keys(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open], .pswp--open")) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select")) return;
    const [before, after] = this._beside;
    const to = { ArrowLeft: before, ArrowRight: after }[event.key] ?? null;
    if (event.key === "l") /** @type {HTMLElement | null} */ (this.querySelector(".labels-form input"))?.focus();
    else if (event.key === "m") this.session.askBy({ kind: "image", id: this.image });
    else if (to !== null) this._go(to);
    else return;
    event.preventDefault();
  }
}
/** As large as there is room, small images not larger than they can bear. */
/** @type {(width: number, height: number) => string} */
function stageStyle(width, height) {
  const most = Math.max(width, 480 * Math.min(1, width / height));
  return `aspect-ratio:${width}/${height};width:min(100%, ${most}px, calc((100dvh - 150px) * ${width / height}))`;
}
customElements.define("vitrail-image", ImageView);
