/**
 * The images in justified rows, of which only those near the window are in the document.
 *
 * The service tells how wide and high every image is, so that where all of them lie is arithmetic
 * (`layout.js`) and nothing has to be measured: a general virtual list, which measures, has no such
 * rows, and moves what is read while images come in.
 */
import { html, nothing } from "../vendor/lit/index.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { between, justify } from "../layout.js";
import { texts } from "../texts.js";
import { Part } from "./part.js";
import { tile } from "./tile.js";

/** @import { Hit } from "../types.js" */
/** @import { Session } from "../session.js" */
/** @import { Place } from "../layout.js" */

export const ROWS = { small: 120, medium: 200, large: 320 };
const CAPTION = 28;
const BREAK = 44;

export class Grid extends Part {
  static properties = {
    session: { attribute: false },
    hits: { attribute: false },
    row: { type: Number },
    more: { attribute: false },
    _window: { state: true },
    _active: { state: true },
  };

  constructor() {
    super();
    /** @type {Session} */
    this.session = /** @type {any} */ (undefined);
    /** @type {Hit[]} */
    this.hits = [];
    this.row = ROWS.medium;
    this.more = () => { this.session.more(); };
    this._marked = () => this.requestUpdate();
    this._width = 0;
    this._active = 0;
    /** @type {[number, number]} */
    this._window = [0, 0];
    /** @type {{ places: Place[], height: number, breakTop: number | null }} */
    this._laid = { places: [], height: 0, breakTop: null };
    this._look = this._look.bind(this);
    this._resized = new ResizeObserver(() => {
      if (this.clientWidth !== this._width) this.requestUpdate("row");
    });
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("scroll", this._look, { passive: true });
    addEventListener("resize", this._look);
    this._resized.observe(this);
    this.session.marks.addEventListener("change", this._marked);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("scroll", this._look);
    removeEventListener("resize", this._look);
    this._resized.disconnect();
    this.session.marks.removeEventListener("change", this._marked);
  }

  /** Where images are there by chance from; -1 where none are. */
  get breakAt() {
    if (this.session.question.sort && this.session.question.sort !== "score") return -1;
    const first = this.hits.findIndex((hit) => hit.closeness === "chance");
    return first;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("hits") && !changed.has("row")) return;
    if (changed.has("hits") && this._active >= this.hits.length) this._active = 0;
    if (!this.clientWidth) { // another view is shown
      this._width = 0;
      return;
    }
    this._width = this.clientWidth;
    const narrow = this._width < 620;
    const aspects = this.hits.map(({ metadata: { width = 1, height = 1 } }) => width / height);
    this._laid = justify(aspects, {
      width: Math.max(this._width, 1),
      row: narrow ? this.row * 0.62 : this.row,
      gap: narrow ? 6 : 10,
      caption: this.session.ranked ? CAPTION : 0,
      break: this.breakAt,
      breakHeight: BREAK,
    });
    this._window = this._range();
  }

  render() {
    const [first, last] = this._window;
    const kept = this._active < first || this._active >= last ? [this._active] : [];
    const shown = [...kept, ...this.hits.keys()].filter(
      (i, at) => this.hits[i] && this._laid.places[i] && (at < kept.length || (i >= first && i < last)),
    );
    const { breakTop, height } = this._laid;
    return html`<div class="grid ${this.session.marks.ids.size ? "is-marking" : ""}" role="list" .style=${`height:${height}px`} @keydown=${this._key}
        @focusin=${this._focused}>
      ${breakTop === null ? nothing : html`<p class="grid-break" role="presentation" .style=${`top:${breakTop}px;height:${BREAK}px`}><span>${texts.fromHere}</span></p>`}
      ${repeat(shown, (i) => this.hits[i].id, (i) => tile(this.session, this.hits[i], {
        place: this._laid.places[i],
        number: i + 1,
        count: this.hits.length,
        active: i === this._active,
      }))}
    </div>`;
  }

  updated() {
    if (this.clientWidth && this._laid.height && this._range()[1] >= this.hits.length) this.more();
  }

  /** @returns {[number, number]} */
  _range() {
    const top = this.getBoundingClientRect().top;
    const spare = innerHeight * 0.75;
    return between(this._laid.places, -top - spare, -top + innerHeight + spare);
  }

  _look() {
    if (!this.clientWidth) return;
    const [first, last] = this._range();
    if (first !== this._window[0] || last !== this._window[1]) this._window = [first, last];
  }

  /** @param {FocusEvent} event */
  _focused(event) {
    const at = /** @type {Element} */ (event.target).closest("[data-at]");
    if (at instanceof HTMLElement) this._active = Number(at.dataset.at);
  }

  /** The image that the keyboard is at. */
  get active() {
    return this.hits[this._active] ?? null;
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "x" && this.active) {
      event.preventDefault();
      this.session.marks.turn(this.active.id);
      return;
    }
    const next = this._neighbour(event.key);
    if (next === null) return;
    event.preventDefault();
    this.focusAt(next);
  }

  /** @param {number} at */
  async focusAt(at) {
    if (!this.hits[at]) return;
    this._active = at;
    await this.updateComplete;
    const link = this.querySelector(`[data-at="${at}"] a`);
    if (!(link instanceof HTMLElement)) return;
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} key */
  _neighbour(key) {
    const at = this._active;
    const last = this.hits.length - 1;
    if (key === "ArrowRight") return Math.min(at + 1, last);
    if (key === "ArrowLeft") return Math.max(at - 1, 0);
    if (key === "Home") return 0;
    if (key === "End") return last;
    if (key === "ArrowDown" || key === "ArrowUp") return this._beyond(key === "ArrowDown" ? 1 : -1);
    return null;
  }

  /** The image of the next row that lies most nearly below, or above. */
  /** @param {1 | -1} step */
  _beyond(step) {
    const { places } = this._laid;
    const own = places[this._active];
    const middle = own.left + own.width / 2;
    let best = this._active;
    let row = null;
    for (let i = this._active + step; places[i]; i += step) {
      if (places[i].top === own.top) continue;
      row ??= places[i].top;
      if (places[i].top !== row) break;
      const off = (/** @type {number} */ one) => Math.abs(places[one].left + places[one].width / 2 - middle);
      if (best === this._active || off(i) < off(best)) best = i;
    }
    return best;
  }
}
customElements.define("vitrail-grid", Grid);
