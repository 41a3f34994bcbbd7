/** What is asked with: images that hits shall be like and unlike, each to be cut, turned or removed. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, thumbnail } from "../api.js";
import { isImage, isSame, withImage, withoutPart } from "../question.js";
import { texts } from "../texts.js";
import { trusted } from "../words.js";
import { cropDialog } from "./crop.js";
import { HalfMade } from "./halfmade.js";
import { icon } from "./icons.js";
import { SessionPart } from "./part.js";

/** @import { ImagePart, Part } from "../types.js" */
/** @import { Session } from "../session.js" */

const DRAWN = "generating"; // stage of a job, in which the images of a prompt are made

export class Asked extends SessionPart {
  constructor() {
    super();
    this._half = new HalfMade(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._half.follow(null);
  }

  willUpdate() {
    const { drawing } = this.session;
    const draws = drawing?.state === "running" && drawing.progress?.stage === DRAWN;
    this._half.follow(draws ? drawing.id : null);
  }

  render() {
    const { question } = this.session;
    if (!this.session.ranked && !question.negative.length) return nothing;
    return html`<section class="asked" aria-label=${texts.asked}>
      <ul>
        ${question.positive.map((part) => this._part(part, "positive"))}
        ${question.negative.map((part) => this._part(part, "negative"))}
      </ul>
      ${this._trust()}
    </section>`;
  }

  /** @type {(part: Part, side: "positive" | "negative") => unknown} */
  _part(part, side) {
    if (isImage(part)) return this._image(/** @type {ImagePart} */ (part), side);
    const text = part.kind === "text" ? part.text : part.kind === "prompt" ? part.prompt : "";
    const made = part.kind === "prompt" ? this._made() : [];
    return html`<li class="asked-part said">
      <span class="asked-text"><small>${part.kind === "prompt" ? texts.drawnFrom("").split("“")[0] : texts.like}</small>
        <b>${texts.words(text)}</b></span>
      ${made.length ? html`<span class="asked-made" role="img" aria-label=${texts.made(made.length)}>
        ${made.map((one) => html`<img src=${one} alt="">`)}</span>` : nothing}
      ${part.kind === "prompt" && this._half.url ? html`<span class="asked-made is-half"><img src=${this._half.url} alt=${texts.preview}></span>` : nothing}
      ${this._remove(part)}
    </li>`;
  }

  /** @type {(part: ImagePart, side: "positive" | "negative") => unknown} */
  _image(part, side) {
    const unlike = side === "negative";
    const label = `${unlike ? texts.unlike : texts.like} ${this._name(part)}`;
    return html`<li class="asked-part ${unlike ? "unlike" : ""}">
      <span class="asked-shot">
        <img src=${imageOf(this.session, part, "small")} alt=${label} @error=${vanish}>
        ${part.box ? html`<i class="asked-box" .style=${boxStyle(part.box)}></i>` : nothing}
        <span class="asked-side" aria-hidden="true">${icon(unlike ? "minus" : "plus")}</span>
      </span>
      <span class="asked-about">${this._alone ? html`<b class="asked-name">${this._title(part)}</b>` : nothing}
      <span class="asked-acts">
        ${unlike ? nothing : this._act("crop", texts.crop, () => this._crop(part), Boolean(part.box))}
        ${this.session.question.positive.length > 1 || unlike
          ? this._act("swap", unlike ? texts.makeLike : texts.makeUnlike, () => this._turn(part, side))
          : nothing}
        ${this._remove(part)}
      </span></span>
    </li>`;
  }

  /** Whether nothing else is asked with, so that there is room for a name. */
  get _alone() {
    const { positive, negative } = this.session.question;
    return positive.length + negative.length === 1;
  }

  /** @param {ImagePart} part */
  _title(part) {
    if (part.kind === "upload") return this._name(part);
    const name = this.session.answer?.query?.title?.split(", ")[1];
    return name ?? this._name(part);
  }

  /** @param {ImagePart} part */
  _name(part) {
    const name = part.kind === "image" ? texts.image(part.id) : this.session.uploads.get(part.token)?.name ?? texts.uploaded;
    return part.box ? `${name}, ${texts.cropped}` : name;
  }

  /** @type {(sign: "crop" | "swap" | "close", label: string, go: () => void, pressed?: boolean) => unknown} */
  _act(sign, label, go, pressed = false) {
    return html`<button type="button" class="button quiet small ${pressed ? "on" : ""}" title=${label}
      aria-label=${label} @click=${go}>${icon(sign)}</button>`;
  }

  /** @param {Part} part */
  _remove(part) {
    return this._act("close", texts.remove, () => this.session.go(withoutPart(this.session.question, part)));
  }

  /** @type {(part: ImagePart, side: "positive" | "negative") => void} */
  _turn(part, side) {
    const other = side === "positive" ? "negative" : "positive";
    this.session.go(withImage(this.session.question, { ...part, box: undefined }, other));
  }

  /** @param {ImagePart} part */
  async _crop(part) {
    const box = await cropDialog(imageOf(this.session, part, "large"), part.box ?? null);
    if (box === undefined) return;
    const { question } = this.session;
    const cut = { ...part, box: box ?? undefined };
    const positive = question.positive.map((one) => (isSame(one, part) ? cut : one));
    this.session.go({ ...question, positive });
  }

  /** @returns {string[]} addresses of the images that a prompt made */
  _made() {
    if (this.session.drawing) return []; // those that are there are another's
    const images = this.session.answer?.query?.images ?? [];
    return images.map((one) => address(`/uploads/${one.upload}`, { query: { size: "small" } }));
  }

  _trust() {
    const { question, answer } = this.session;
    const prompted = question.positive.some((part) => part.kind === "prompt");
    const said = question.positive.length + question.negative.length > 1 || prompted
      ? trusted(answer?.evidence ?? null, prompted && question.positive.length === 1)
      : "";
    return said ? html`<p class="asked-trust" role="status">${said}</p>` : nothing;
  }
}
customElements.define("vitrail-asked", Asked);

/** @type {(session: Session, part: ImagePart, size: "small" | "large") => string} */
export function imageOf(session, part, size) {
  if (part.kind === "image") return thumbnail(part, size, session.question.collection);
  return session.uploads.get(part.token)?.url ?? address(`/uploads/${part.token}`, { query: { size } });
}

/** @param {string} box x, y, width and height in percent */
function boxStyle(box) {
  const [x, y, width, height] = box.split(",");
  return `left:${x};top:${y};width:${width};height:${height}`;
}

/** @param {Event} event */
function vanish(event) {
  /** @type {HTMLElement} */ (event.target).classList.add("is-gone");
}
