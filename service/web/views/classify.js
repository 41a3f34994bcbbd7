/** What images are of, how well that can be told, and which labels are likely wrong. */
import { html, nothing } from "../vendor/lit/index.js";
import { labelColumns, labelsHref, labelsJob, readLabels, WAYS, WHATS } from "../labelling.js";
import { texts } from "../texts.js";
import { Work } from "../work.js";
import { imageOf } from "../parts/asked.js";
import { confusion } from "../parts/confusion.js";
import { icon } from "../parts/icons.js";
import { offeredFilters } from "../parts/offered.js";
import { SessionPart } from "../parts/part.js";
import { told } from "../parts/told.js";
import { working } from "../parts/working.js";
import "../parts/suspects.js";
import "../parts/well.js";

/** @import { By, LabelOrder, What } from "../labelling.js" */
/** @import { Well } from "../parts/well.js" */
/** @import { ImagePart } from "../types.js" */

const SHOWN = 60; // images of which labels are shown at a time

export class ClassifyView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _order: { state: true },
    _offered: { state: true },
    _shown: { state: true },
  };

  constructor() {
    super();
    this._work = new Work(this);
    this._order = readLabels(location.search);
    /** @type {string[]} */
    this._offered = [];
    this._shown = SHOWN;
    this._address = "?";
    this._learnt = "";
    this._files = this._files.bind(this);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("vitrail-files", this._files);
    offeredFilters(this.session).then((offered) => { this._offered = offered; });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("vitrail-files", this._files);
    this._work.leave();
  }

  /** What the address says, wherever it comes from; what was done already is told again. */
  willUpdate() {
    const { found, job } = this._work;
    if (found?.written && job && job.id !== this._learnt) {
      this._learnt = job.id;
      this.session.learn(); // there may be a column more
    }
    if (location.search === this._address) return;
    this._address = location.search;
    this._order = readLabels(location.search);
    this._shown = SHOWN;
    const { kind, body } = labelsJob(this._order);
    this._work.resume(kind, body);
  }

  /** @type {(to: Partial<LabelOrder>) => void} */
  _turn(to) {
    this._order = { ...this._order, ...to };
  }

  /** Another question: what was found before is told, where there is anything. */
  /** @param {What} what */
  _what(what) {
    const by = WAYS[what].includes(this._order.by) ? this._order.by : "knn";
    this._go({ ...this._order, what, by });
    this.requestUpdate();
  }

  /** @param {LabelOrder} order */
  _go(order) {
    const { collection } = this.session.question;
    history.replaceState(history.state, "", labelsHref({ ...order, collection }));
  }

  /** @param {Event} event */
  _look(event) {
    event.preventDefault();
    this._go(this._order);
    this._address = location.search;
    this._order = readLabels(location.search);
    this._shown = SHOWN;
    const { kind, body } = labelsJob(this._order);
    this._work.begin(kind, body);
  }

  /** Images that are pasted or dropped anywhere on the page are asked about. */
  /** @param {Event} event */
  async _files(event) {
    const well = /** @type {Well | null} */ (this.querySelector("vitrail-well"));
    if (!well) return;
    event.preventDefault();
    for (const file of /** @type {CustomEvent<File[]>} */ (event).detail) await well.take(file);
  }

  render() {
    const { what } = this._order;
    const { found, busy, waiting, wrong } = this._work;
    return html`<article class="sets classify ${found ? "done" : ""}" aria-busy=${waiting}>
      <h1>${texts.classifyTitle}</h1>
      <fieldset class="segments classify-what"><legend class="hidden">${texts.classifyTitle}</legend>
        ${WHATS.map((one) => html`<label><input type="radio" name="what" value=${one} .checked=${what === one} @change=${() => this._what(one)}><span>${texts.whats[one]}</span></label>`)}</fieldset>
      <form class="classify-form" @submit=${this._look}>
        ${this._by()}${this._labels()}${what === "suspects" ? nothing : this._least()}
        ${what === "tell" ? this._which() : nothing}
        <button class="button main classify-go" ?disabled=${busy}>${texts.whatGo[what]}</button>
      </form>
      ${working(this._work, texts.classifying)}
      ${found ? this._found(found) : busy || wrong ? nothing : html`<div class="state"><p>${texts.whatNotes[what]}</p></div>`}
    </article>`;
  }

  /** @param {any} found */
  _found(found) {
    const { session, _work: { job } } = this;
    const notes = (job?.notes ?? []).map((note) => html`<p class="soft">${note}</p>`);
    if (found.confusion) return [notes, confusion(session, found)];
    if (found.suspects) return [notes, html`<vitrail-suspects .session=${session} .doubts=${found}></vitrail-suspects>`];
    return [notes, told(session, found, readLabels(location.search), this._shown, () => { this._shown += SHOWN; })];
  }

  _by() {
    const { what, by } = this._order;
    return html`<label class="field"><span>${texts.classifyBy}</span><select @change=${(/** @type {Event} */ event) => this._turn({ by: /** @type {By} */ (read(event)) })}>
      ${WAYS[what].map((one) => html`<option value=${one} ?selected=${one === by}>${texts.bys[one]}</option>`)}</select></label>`;
  }

  _labels() {
    const { by, labels } = this._order;
    if (by === "head") return nothing;
    return html`<label class="field"><span>${texts.labelsOf}</span><select @change=${(/** @type {Event} */ event) => this._turn({ labels: read(event) })}>
      ${labelColumns(this.session.columns, labels).map((one) => html`<option value=${one} ?selected=${one === labels}>${one}</option>`)}</select></label>`;
  }

  _least() {
    const { least } = this._order;
    return html`<div class="field"><label for="classify-least"><span>${texts.leastProbability}</span> <output>${least ? texts.inShares(least) : texts.anyProbability}</output></label>
      <input id="classify-least" type="range" min="0" max="0.99" step="0.01" .value=${String(least)} @input=${(/** @type {Event} */ event) => this._turn({ least: Number(read(event)) })}></div>`;
  }

  /** Which images, and whether what is told of them is kept. */
  _which() {
    const { images, where, write } = this._order;
    const given = images.length > 0;
    return html`<label class="field"><span>${texts.whichImages}</span><input class="input short" list="classify-offered" maxlength="4000" spellcheck="false" placeholder=${texts.allImages}
        ?disabled=${given} .value=${given ? "" : where} @input=${(/** @type {Event} */ event) => this._turn({ where: read(event) })}></label>
      <datalist id="classify-offered">${["label IS NULL", ...this._offered].map((one) => html`<option value=${one}></option>`)}</datalist>
      <label class="field"><span>${texts.writeColumn}</span><input class="input short" maxlength="80" spellcheck="false" placeholder=${texts.writeNothing}
        ?disabled=${given} .value=${given ? "" : write} @input=${(/** @type {Event} */ event) => this._turn({ write: read(event) })}></label>
      <details class="more classify-images" ?open=${given}><summary>${texts.orTheseImages}</summary>
        <vitrail-well .session=${this.session} .image=${null} .label=${texts.orTheseImages} @chosen=${(/** @type {CustomEvent<ImagePart | null>} */ event) => this._add(event.detail)}></vitrail-well>
        ${given ? html`<ul class="classify-given">${images.map((part) => this._image(part))}</ul>` : nothing}</details>`;
  }

  /** @param {ImagePart} part */
  _image(part) {
    const name = part.kind === "image" ? texts.image(part.id) : this.session.uploads.get(part.token)?.name ?? texts.uploaded;
    return html`<li><img src=${imageOf(this.session, part, "small")} alt=${name}>
      <button type="button" class="button small" title=${texts.wellEmpty} aria-label=${`${texts.remove}: ${name}`} @click=${() => this._turn({ images: this._order.images.filter((one) => one !== part) })}>${icon("close")}</button></li>`;
  }

  /** @param {ImagePart | null} part */
  _add(part) {
    if (!part || this._order.images.some((one) => JSON.stringify(one) === JSON.stringify(part))) return;
    this._turn({ images: [...this._order.images, part] });
  }
}
customElements.define("vitrail-classify", ClassifyView);

/** @param {Event} event */
function read(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}
