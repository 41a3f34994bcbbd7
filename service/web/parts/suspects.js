/** Labels that are likely wrong, each beside the nearest image of both labels, to be decided about. */
import { html, nothing } from "../vendor/lit/index.js";
import { annotate, readImages, takeBack, valueIn } from "../annotating.js";
import { address, ask, thumbnail } from "../api.js";
import { checkedColumn } from "../labelling.js";
import { nothing as blank, toQuery } from "../question.js";
import { texts } from "../texts.js";
import { follow, notice, SessionPart } from "./part.js";
import { shot } from "./shot.js";

/** @import { Change } from "../annotating.js" */
/** @import { Doubts, Near, Suspect } from "../labelling.js" */

const PAGE = 24; // suspects, and outliers, that are shown at a time
const STEPS = /** @type {Record<string, 1 | -1>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 });

export class Suspects extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    doubts: { attribute: false },
    _checked: { state: true },
    _chosen: { state: true },
    _shown: { state: true },
  };

  constructor() {
    super();
    /** @type {Doubts} */
    this.doubts = /** @type {any} */ (undefined);
    /** @type {Map<number, string>} the label that is right, of images about which that was said */
    this._checked = new Map();
    /** @type {Change[]} what was decided here, the last one last */
    this._changes = [];
    this._chosen = 0;
    this._shown = PAGE;
    this._keys = this._keys.bind(this);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", this._keys);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this._keys);
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("doubts")) return;
    this._checked = new Map();
    this._changes = [];
    this._chosen = 0;
    this._shown = PAGE;
    this._try(() => this._read(this.doubts), true);
  }

  get _column() {
    return checkedColumn(this.doubts.labels);
  }

  get _to() {
    return { collection: this.session.question.collection };
  }

  /** What was decided before, of the images that are doubted. */
  /** @param {Doubts} doubts */
  async _read(doubts) {
    const column = this._column;
    const { columns } = await ask(address("/columns", this._to));
    if (!columns.some((/** @type {{ name: string }} */ { name }) => name.toLowerCase() === column.toLowerCase())) return;
    const told = await readImages(this.session, doubts.suspects.map(({ id }) => id), [column]);
    const found = told.map(({ id, metadata }) => /** @type {[number, unknown]} */ ([id, valueIn(metadata, column)]));
    const kept = /** @type {[number, string][]} */ (found.filter(([, value]) => typeof value === "string"));
    if (doubts === this.doubts) this._checked = new Map([...kept, ...this._checked]);
  }

  /** @type {(suspect: Suspect, label: string) => Promise<void>} */
  _decide({ id }, label) {
    return this._try(async () => {
      const change = await annotate(this.session, [id], this._column, label);
      this._checked = new Map(this._checked).set(id, label);
      this._changes.push(change);
      notice(texts.labelDecided(label));
      const all = this.doubts.suspects;
      const next = [...all.keys()].find((at) => at > this._chosen && !this._checked.has(all[at].id));
      if (all[this._chosen]?.id === id && next !== undefined) this._choose(next, true);
    });
  }

  /** @param {(suspect: Suspect) => string} right */
  _decideChosen(right) {
    const suspect = this.doubts.suspects[this._chosen];
    return suspect ? this._decide(suspect, right(suspect)) : null;
  }

  _undoLast() {
    const last = this._changes.at(-1)?.ids[0];
    return last === undefined ? null : this._undo(last);
  }

  /** @param {number} id */
  _undo(id) {
    return this._try(async () => {
      const change = this._changes.findLast(({ ids }) => ids[0] === id);
      const others = change ? await takeBack(this.session, change) : 0;
      if (!change) await annotate(this.session, [id], this._column, null);
      const left = new Map(this._checked);
      left.delete(id);
      this._checked = left;
      this._changes = this._changes.filter((one) => one !== change);
      if (others) await this._read(this.doubts);
      notice(others ? texts.changedSince(this._column, others) : texts.undone);
    });
  }

  /** @type {(at: number, focus?: boolean) => Promise<void>} */
  async _choose(at, focus = false) {
    if (!this.doubts.suspects[at]) return;
    this._chosen = at;
    this._shown = Math.max(this._shown, at + 1);
    if (!focus) return;
    await this.updateComplete;
    const link = /** @type {HTMLElement | null} */ (this.querySelector(`[data-suspect="${at}"] .sets-shot`));
    link?.focus({ preventScroll: true });
    link?.closest("li")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  _keys(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select")) return;
    const suspect = this.doubts.suspects[this._chosen];
    const step = STEPS[event.key];
    if (step && suspect) this._choose(this._chosen + step, true);
    else if (event.key === "s" && suspect) this.inTurn(() => this._decideChosen(({ likely }) => likely));
    else if (event.key === "k" && suspect) this.inTurn(() => this._decideChosen(({ label }) => label));
    else if (event.key === "u") this.inTurn(() => this._undoLast());
    else if (event.key === "o" && suspect) this.session.open(`/image/${suspect.id}`);
    else return;
    event.preventDefault();
  }

  render() {
    const { suspects, outliers, images, labels, space, accuracy } = this.doubts;
    return html`<p class="audit-verdict">${texts.doubted(suspects.length, outliers.length)}</p>
      <ul class="audit-told"><li class="soft">${texts.doubtedOf(images, labels, space)}</li><li class="soft">${texts.toldRightly(accuracy)} ${texts.doubtWorth}</li></ul>
      ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
      ${suspects.length ? html`<section class="sets-part"><h2>${texts.likelyWrong}</h2>
        <p class="soft">${texts.likelyWrongNote(this._column)} ${this._checked.size ? this._opened() : nothing}</p>
        <p class="soft duplicates-keys">${texts.suspectKeys}</p>
        <ol class="suspects">${suspects.slice(0, this._shown).map((one, at) => this._suspect(one, at))}</ol>
        ${suspects.length > this._shown ? html`<p class="state-acts"><button type="button" class="button" @click=${() => { this._shown += PAGE; }}>${texts.moreImages(suspects.length - this._shown)}</button></p>` : nothing}</section>` : nothing}
      ${outliers.length ? html`<section class="sets-part"><h2>${texts.outliers}</h2><p class="soft">${texts.outliersNote}</p>
        <ul class="sets-row">${outliers.slice(0, PAGE).map((one) => html`<li>${this._shot(one)}<span class="soft outlier">${texts.spreads(one.spreads)}</span></li>`)}</ul></section>` : nothing}`;
  }

  /** A way to the images that were decided about. */
  _opened() {
    const conditions = [/** @type {const} */ ({ column: this._column, comparison: "missing", value: false })];
    const href = `/?${toQuery({ ...blank(), ...this._to, conditions })}`;
    return html`<a href=${href} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => this.session.open(href))}>${texts.allChecked}</a>`;
  }

  /** @type {(suspect: Suspect, at: number) => unknown} */
  _suspect(one, at) {
    const { label, likely, id } = one;
    const checked = this._checked.get(id);
    const side = (/** @type {string} */ told, /** @type {Near | Suspect | null} */ image, /** @type {number | null} */ sure) => html`<figure>
      <figcaption><span>${told}</span></figcaption>${image ? this._shot(image) : html`<span class="sets-shot soft">${texts.noOther}</span>`}
      ${sure === null ? nothing : html`<span class="soft">${texts.likely(sure)}</span>`}</figure>`;
    return html`<li class="suspect ${at === this._chosen ? "is-chosen" : ""} ${checked === undefined ? "" : "is-decided"}" data-suspect=${at}
        @focusin=${() => this._choose(at)} @click=${() => this._choose(at)}>
      <div class="suspect-three">${side(texts.suspectSays(label, likely), one, null)}
        ${side(texts.nearestOf(label), one.nearest_of_label, one.label_probability)}${side(texts.nearestOf(likely), one.nearest_of_likely, one.probability)}</div>
      ${checked === undefined
        ? html`<p class="twin-acts"><button type="button" class="button small" aria-keyshortcuts="s" @click=${() => this._decide(one, likely)}>${texts.takeLabel(likely)}</button>
            <button type="button" class="button small" aria-keyshortcuts="k" @click=${() => this._decide(one, label)}>${texts.keepLabel(label)}</button></p>`
        : html`<p class="twin-acts"><b class="badge">${texts.isLabel(checked)}</b>
            <button type="button" class="button small quiet text" @click=${() => this._undo(id)}>${texts.undo}</button></p>`}</li>`;
  }

  /** @param {{ id: number, name: string | null }} image */
  _shot({ id, name }) {
    const named = name || texts.image(id);
    return html`<a class="sets-shot shot" href=${this.session.here(`/image/${id}`)} title=${named} aria-label=${texts.open(named)}
      @click=${(/** @type {MouseEvent} */ event) => follow(event, () => this.session.open(`/image/${id}`))}>
      ${shot(thumbnail({ id }, "small", this._to.collection))}</a>`;
  }
}
customElements.define("vitrail-suspects", Suspects);
