/** Two images compared: looked at together, and how alike they are. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask, post, Problem } from "../api.js";
import { followJob, isOver, resultOf } from "../jobs.js";
import { readPart } from "../making.js";
import { placed } from "../routes.js";
import { texts } from "../texts.js";
import { imageOf } from "../parts/asked.js";
import { compareTabs } from "../parts/comparetabs.js";
import { likeness } from "../parts/likeness.js";
import { WAYS } from "../parts/pair.js";
import { SessionPart } from "../parts/part.js";
import "../parts/well.js";

/** @import { Job } from "../jobs.js" */
/** @import { Compared } from "../parts/likeness.js" */
/** @import { Way } from "../parts/pair.js" */
/** @import { Well } from "../parts/well.js" */
/** @import { ImagePart } from "../types.js" */

export class CompareView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _a: { state: true },
    _b: { state: true },
    _way: { state: true },
    _found: { state: true },
  };

  constructor() {
    super();
    /** @type {ImagePart | null} */
    this._a = null;
    /** @type {ImagePart | null} */
    this._b = null;
    /** @type {Way} */
    this._way = "slider";
    /** @type {Compared | null} */
    this._found = null;
    this._address = "?";
    this._asked = "";
    this._end = () => {};
    this._files = this._files.bind(this);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("vitrail-files", this._files);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("vitrail-files", this._files);
    this._end();
  }

  /** What the address says, wherever it comes from. */
  willUpdate() {
    if (location.search !== this._address) {
      this._address = location.search;
      const query = new URLSearchParams(location.search);
      [this._a, this._b] = [readPart(query.get("a")), readPart(query.get("b"))];
      this._way = WAYS.find((way) => way === query.get("how")) ?? "slider";
    }
    const asked = JSON.stringify([this._a, this._b]);
    if (asked === this._asked) return;
    this._asked = asked;
    this._compare();
  }

  _compare() {
    this._end();
    this._found = null;
    const [a, b, asked] = [this._a, this._b, this._asked];
    return this._try(async () => {
      try {
        const found = a && b && this._asked === asked ? await this._compared(a, b) : null;
        if (this._asked === asked) this._found = found;
      } catch (error) {
        if (this._asked === asked) throw error; // what was wrong with others says nothing of these
      }
    }, true);
  }

  /** @type {(a: ImagePart, b: ImagePart) => Promise<Compared>} */
  async _compared(a, b) {
    const { collection } = this.session.question;
    if (a.kind === "image" && b.kind === "image") return ask(address("/compare-images", { collection, query: { a: a.id, b: b.id } }));
    return this._asJob(await post(address("/compare-images", { collection }), { a: reference(a), b: reference(b) }));
  }

  /**
   * @param {Job} begun
   * @returns {Promise<any>}
   */
  _asJob({ id }) {
    return new Promise((resolve, reject) => {
      this._end = followJob(id, (job) => {
        if (job.state === "done") resolve(resultOf(id));
        else if (isOver(job)) reject(new Problem(job.state, job.problem?.detail ?? texts.jobStates.failed, job.problem?.remedy ?? ""));
      });
    });
  }

  /** @param {{ a?: ImagePart | null, b?: ImagePart | null, way?: Way }} to */
  _turn({ a = this._a, b = this._b, way = this._way }) {
    const { collection } = this.session.question;
    const query = new URLSearchParams();
    if (collection) query.set("collection", collection);
    for (const [name, part] of /** @type {[string, ImagePart | null][]} */ ([["a", a], ["b", b]])) {
      if (part) query.set(name, part.kind === "image" ? `${part.id}` : `u.${part.token}`);
    }
    if (way !== "slider") query.set("how", way);
    const text = query.toString();
    history.replaceState(history.state, "", placed(text ? `/compare?${text}` : "/compare"));
    this.requestUpdate();
  }

  /** @param {Event} event */
  _files(event) {
    const wells = /** @type {Well[]} */ ([...this.querySelectorAll("vitrail-well")]);
    event.preventDefault();
    /** @type {CustomEvent<File[]>} */ (event).detail.slice(0, 2).forEach((file, at) => {
      const well = wells.filter((one) => !one.image)[at] ?? wells[at];
      well?.take(file);
    });
  }

  render() {
    const { _a: a, _b: b, _found: found } = this;
    return html`<article class="compare ${found ? "done" : ""}">
      <h1 class="hidden">${texts.compareTitle}</h1>${compareTabs(this.session, "compare")}
      <div class="compare-look">${a && b ? this._pair(a, b) : html`<div class="state"><p>${texts.compareNote}</p></div>`}</div>
      <div class="compare-side">
        <div class="pair wells">${this._well("a", a)}${this._well("b", b)}</div>
        ${a && b ? html`<p><button type="button" class="button small" @click=${() => this._turn({ a: b, b: a })}>${texts.exchange}</button></p>` : nothing}
        ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
        ${found ? likeness(found) : a && b && !this._wrong ? html`<p class="soft" role="status">${texts.comparing}</p>` : nothing}
      </div>
    </article>`;
  }

  /** @type {(key: "a" | "b", part: ImagePart | null) => unknown} */
  _well(key, part) {
    return html`<vitrail-well .session=${this.session} .image=${part} .label=${texts.sides[key]}
      @chosen=${(/** @type {CustomEvent} */ event) => this._turn({ [key]: event.detail })}></vitrail-well>`;
  }

  /** @type {(a: ImagePart, b: ImagePart) => unknown} */
  _pair(a, b) {
    const { first, second } = this._found ?? { first: null, second: null };
    const names = [first?.name || texts.sides.a, second?.name || texts.sides.b];
    return html`<vitrail-pair .first=${imageOf(this.session, a, "large")} .second=${imageOf(this.session, b, "large")} .names=${names}
      .way=${this._way} .shape=${first ? first.width / first.height : 1.5}
      @way=${(/** @type {CustomEvent} */ event) => this._turn({ way: event.detail })}></vitrail-pair>`;
  }
}
customElements.define("vitrail-compare", CompareView);

/** @param {ImagePart} part */
function reference(part) {
  return part.kind === "image" ? { id: part.id } : { upload: part.token };
}
