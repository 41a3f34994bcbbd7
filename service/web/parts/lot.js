/** What is done with several images at once, and the images themselves. */
import { html, nothing } from "../vendor/lit/index.js";
import { Problem } from "../api.js";
import { readImages } from "../annotating.js";
import { conditionSql } from "../commands.js";
import { FIELDS } from "../request.js";
import { TOGETHER } from "../session.js";
import { texts } from "../texts.js";
import { copyButton } from "./copying.js";
import { ROWS } from "./grid.js";
import { icon } from "./icons.js";
import { notice, SessionPart } from "./part.js";
import "./labels.js";

/** @import { Hit } from "../types.js" */

const PAGE = 60;

/** What is done with images that are chosen: search by them, copy them as a filter, label them. */
export class LotActs extends SessionPart {
  static properties = { ...SessionPart.properties, ids: { attribute: false }, _labelling: { state: true } };

  constructor() {
    super();
    /** @type {number[]} */
    this.ids = [];
    this._labelling = false;
  }

  /** Open the form that sets a column on them, or close it. */
  async label() {
    this._labelling = !this._labelling;
    await this.updateComplete;
    if (this._labelling) /** @type {HTMLElement | null} */ (this.querySelector("input"))?.focus();
  }

  render() {
    const { ids } = this;
    const where = conditionSql({ column: "id", comparison: "in", value: ids });
    return html`<div class="lot-acts">
        <button type="button" class="button main" @click=${() => this.session.askLike(spread(ids, TOGETHER))}>${icon("like")}<span>${texts.searchLike(ids.length, TOGETHER)}</span></button>
        ${copyButton(where, "", texts.copyFilter)}
        <button type="button" class="button ${this._labelling ? "on" : ""}" aria-expanded=${this._labelling} @click=${() => this.label()}>${texts.labelThese}</button>
      </div>
      ${this._labelling ? html`<vitrail-labels .session=${this.session} .ids=${ids}></vitrail-labels>` : nothing}`;
  }
}
customElements.define("vitrail-lot-acts", LotActs);

/** The images that are marked, while any are. */
export class Marked extends SessionPart {
  render() {
    const { marks } = this.session, ids = [...marks.ids];
    if (!ids.length) return nothing;
    return html`<section class="marked" aria-label=${texts.markedTitle}>
      <p role="status"><b>${texts.marked(ids.length)}</b>
        <button type="button" class="button small quiet text" @click=${() => marks.clear()}>${texts.unmark}</button></p>
      <vitrail-lot-acts .session=${this.session} .ids=${ids}></vitrail-lot-acts>
    </section>`;
  }
}
customElements.define("vitrail-marked", Marked);

/** Some images of the collection, as a grid. */
export class Lot extends SessionPart {
  static properties = { ...SessionPart.properties, ids: { attribute: false }, _hits: { state: true }, _gone: { state: true } };

  constructor() {
    super();
    /** @type {number[]} */
    this.ids = [];
    /** @type {Hit[]} */
    this._hits = [];
    this._gone = 0; // of those that were asked for so far
    this._asked = 0;
    /** @type {number[] | null} those whose next page is on its way */
    this._busy = null;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("ids")) return;
    [this._hits, this._asked, this._gone] = [[], 0, 0];
    this._more();
  }

  async _more() {
    const { ids } = this, some = ids.slice(this._asked, this._asked + PAGE);
    if (!some.length || this._busy === ids) return;
    this._busy = ids;
    try {
      const found = await readImages(this.session, some, FIELDS);
      if (ids !== this.ids) return;
      this._asked += some.length;
      this._gone += some.length - found.length;
      this._hits = [...this._hits, ...found.map(({ id, metadata }) => ({ id, score: null, fpr: null, closeness: null, scores: {}, group: null, metadata }))];
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      notice(error.detail);
    } finally {
      if (this._busy === ids) this._busy = null;
    }
  }

  render() {
    return html`<div class="lot" aria-busy=${this._asked < Math.min(this.ids.length, PAGE)}>
      ${this._gone ? html`<p class="soft">${texts.goneSince(this._gone)}</p>` : nothing}
      <vitrail-grid .session=${this.session} .hits=${this._hits} .row=${ROWS.small} .more=${() => this._more()}></vitrail-grid></div>`;
  }
}
customElements.define("vitrail-lot", Lot);

/** So many of them, from all over. */
/** @type {(ids: number[], most: number) => number[]} */
function spread(ids, most) {
  if (ids.length <= most) return ids;
  return Array.from({ length: most }, (_, n) => ids[Math.floor((n * ids.length) / most)]);
}
