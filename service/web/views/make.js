/** Images made: from a prompt, from an image, within a part of one, in the look of another. */
import { html, nothing } from "../vendor/lit/index.js";
import { address, ask, post, Problem, said, upload } from "../api.js";
import { certain, hrefOf, lacking, METHODS, MOST, randomSeed, readOrder, redrawOf, SAMPLERS, strengthOf, TASKS, within } from "../making.js";
import { jobOf } from "../ordering.js";
import { texts } from "../texts.js";
import { guardForm } from "../parts/guardform.js";
import { icon } from "../parts/icons.js";
import { SessionPart } from "../parts/part.js";
import "../parts/masker.js";
import "../parts/queue.js";
import "../parts/well.js";

/** @import { Order } from "../making.js" */
/** @import { Masker } from "../parts/masker.js" */
/** @import { Queue } from "../parts/queue.js" */
/** @import { Well } from "../parts/well.js" */
/** @import { ImagePart } from "../types.js" */

export class MakeView extends SessionPart {
  static properties = {
    ...SessionPart.properties,
    _order: { state: true },
    _models: { state: true },
    _sending: { state: true },
    _masked: { state: true },
  };

  constructor() {
    super();
    this._order = readOrder(location.search);
    /** @type {string[]} */
    this._models = [];
    this._sending = false;
    this._masked = false;
    this._address = location.search;
    this._files = this._files.bind(this);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("vitrail-files", this._files);
    this._learn();
  }

  async _learn() {
    try {
      this._models = (await ask(address("/models"))).models;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.isSilence) this.later(() => this._learn());
    }
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("vitrail-files", this._files);
  }

  willUpdate() {
    if (location.search === this._address) return;
    this._address = location.search; // gone back, or forth, or another order was followed
    this._order = readOrder(location.search);
    this._wrong = "";
  }

  /** @param {Partial<Order>} to */
  _turn(to) {
    this._order = { ...this._order, ...to };
    this._wrong = "";
    history.replaceState(history.state, "", hrefOf(this._order));
    this._address = location.search;
  }

  /** Images that are pasted or dropped anywhere on the page go into the first well that is empty. */
  /** @param {Event} event */
  _files(event) {
    const wells = /** @type {Well[]} */ ([...this.querySelectorAll("vitrail-well")]);
    const well = wells.find((one) => !one.image) ?? wells[0];
    if (!well) return;
    event.preventDefault();
    well.take(/** @type {CustomEvent<File[]>} */ (event).detail[0]);
  }

  /** @param {Event} event */
  async _make(event) {
    event.preventDefault();
    if (this._sending) return; // keys come here, too
    const lacks = lacking(this._order, this._masked);
    if (lacks) {
      this._wrong = texts.lacks[lacks];
      if (lacks === "prompt") /** @type {HTMLElement | null} */ (this.querySelector("#make-prompt"))?.focus();
      return;
    }
    this._sending = true;
    try {
      const { to, body } = jobOf(this._order, await this._mask());
      await post(to, body);
      await /** @type {Queue} */ (this.querySelector("vitrail-queue")).read();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this._wrong = said(error);
      this._isSilence = error.isSilence;
    } finally {
      this._sending = false;
    }
  }

  /** @returns {Promise<string | null>} token of the mask */
  async _mask() {
    if (this._order.task !== "inpaint") return null;
    const file = await /** @type {Masker} */ (this.querySelector("vitrail-masker")).mask();
    if (!file) throw new Problem("mask", texts.lacks.mask);
    return (await upload(file)).upload;
  }

  render() {
    const { task, prompt, n } = this._order;
    return html`<div class="make">
      <form class="make-form" aria-label=${texts.views.make} @submit=${this._make}>
        <div class="make-what"><h1 class="hidden">${texts.views.make}</h1>
        <fieldset class="segments make-tasks"><legend class="hidden">${texts.task}</legend>
          ${TASKS.map((one) => html`<label><input type="radio" name="task" value=${one} .checked=${task === one} @change=${() => this._turn({ task: one })}><span>${texts.tasks[one]}</span></label>`)}
        </fieldset>
        <p class="soft">${texts.taskNotes[task]}</p>
        ${this._wells()}</div>
        <div class="make-how"><label class="field"><span>${texts.columnNames.prompt}</span>
          <textarea id="make-prompt" class="input make-prompt" rows="3" maxlength="4000" placeholder=${texts.promptHint} .value=${prompt}
            @input=${(/** @type {Event} */ event) => this._turn({ prompt: read(event) })} @keydown=${this._key}></textarea></label>
        ${this._strengths()}
        ${certain(this._order) ? nothing : html`<div class="pair">${this._number("n", texts.howMany, 1, MOST.n, true, n)}${this._seed()}</div>`}
        <details class="more" ?open=${this._further()}><summary>${texts.options}</summary>${this._options()}</details>
        ${this._wrong ? html`<p class="refine-error" role="alert">${this._wrong}</p>` : nothing}
        <button class="button main make-go" ?disabled=${this._sending}>${texts.make(certain(this._order) ? 1 : n)}</button></div>
      </form>
      <div class="make-out">
        ${task === "inpaint" && this._order.image ? html`<vitrail-masker .session=${this.session} .image=${this._order.image}
          @marked=${(/** @type {Event} */ event) => { this._masked = /** @type {Masker} */ (event.target).marked; }}></vitrail-masker>` : nothing}
        <section aria-label=${texts.queue}><vitrail-queue .session=${this.session}></vitrail-queue></section>
      </div>
    </div>`;
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this._make(event);
  }

  _wells() {
    const { task, image, style } = this._order;
    if (task === "generate") return nothing;
    /** @type {(label: string, part: ImagePart | null, key: "image" | "style") => unknown} */
    const well = (label, part, key) => html`<vitrail-well .session=${this.session} .image=${part} .label=${label}
      @chosen=${(/** @type {CustomEvent} */ event) => this._turn({ [key]: event.detail })}></vitrail-well>`;
    if (task !== "style") return well(texts.startFrom, image, "image");
    return html`<div class="pair wells">${well(texts.contentWell, image, "image")}${well(texts.styleWell, style, "style")}</div>`;
  }

  _strengths() {
    const { task } = this._order;
    if (task === "generate") return nothing;
    if (task === "style") return html`${this._method()}${this._slider("look", texts.look, this._order.look, texts.lookEnds)}${this._slider("redraw", texts.redraw, redrawOf(this._order), texts.redrawEnds)}`;
    return this._slider("strength", texts.redraw, strengthOf(this._order), texts.redrawEnds, task === "inpaint" ? 0.05 : 0);
  }

  _method() {
    const { method } = this._order;
    return html`<label class="field"><span>${texts.method}</span><select @change=${(/** @type {Event} */ event) => this._turn({ method: METHODS[/** @type {HTMLSelectElement} */ (event.target).selectedIndex], redraw: null })}>
      ${METHODS.map((one) => html`<option value=${one} ?selected=${one === method}>${texts.methods[one]}</option>`)}</select></label>
      <p class="soft">${texts.methodNotes[method]}</p>`;
  }

  /** @type {(key: "look" | "redraw" | "strength", label: string, value: number, ends: string[], least?: number) => unknown} */
  _slider(key, label, value, [low, high], least = 0) {
    return html`<div class="field"><label for="make-${key}"><span>${label}</span> <output>${texts.inShares(value)}</output></label>
      <input id="make-${key}" type="range" min=${least} max="1" step="0.05" .value=${String(value)} @input=${(/** @type {Event} */ event) => this._turn({ [key]: Number(read(event)) })}>
      <div class="ends"><span>${low}</span><span>${high}</span></div></div>`;
  }

  /** @type {(key: "n" | "steps" | "guidance" | "width" | "height" | "feather", label: string, least: number, most: number, whole: boolean, value: number | null) => unknown} */
  _number(key, label, least, most, whole, value) {
    const usual = key === "n" ? 4 : key === "feather" ? 0 : null;
    return html`<label class="field"><span>${label}</span><input class="input short" type="number" min=${least} max=${most} step=${whole ? 1 : 0.5}
      placeholder=${texts.asModel} .value=${value === null ? "" : String(value)}
      @change=${(/** @type {Event} */ event) => this._turn({ [key]: within(read(event), least, most, whole) ?? usual })}></label>`;
  }

  _seed() {
    const { seed } = this._order;
    return html`<div class="field"><label for="make-seed"><span>${texts.columnNames.seed}</span></label><span class="with-act">
      <input id="make-seed" class="input short" type="number" min="0" step="1" placeholder=${texts.anySeed} .value=${seed === null ? "" : String(seed)}
        @change=${(/** @type {Event} */ event) => this._turn({ seed: within(read(event), 0, Number.MAX_SAFE_INTEGER, true) })}>
      <button type="button" class="button" title=${texts.newSeed} aria-label=${texts.newSeed} @click=${() => this._turn({ seed: randomSeed() })}>${icon("dice")}</button></span></div>`;
  }

  /** Whether the address names any option that lies behind the fold. */
  _further() {
    const { task, guard, negative, steps, guidance, sampler, model, width, height, feather } = this._order;
    const guarded = task === "generate" && guard;
    return Boolean(guarded || negative || steps || guidance !== null || sampler || model || width || height || feather);
  }

  _options() {
    const { task, negative, steps, guidance, sampler, width, height, feather, model } = this._order;
    return html`<label class="field"><span>${texts.negative}</span><input class="input short" maxlength="4000" .value=${negative}
        @input=${(/** @type {Event} */ event) => this._turn({ negative: read(event) })}></label>
      <div class="pair">${this._number("steps", texts.columnNames.steps, 1, MOST.steps, true, steps)}${this._number("guidance", texts.columnNames.guidance, 0, MOST.guidance, false, guidance)}</div>
      <div class="pair">${certain(this._order) ? nothing : this._choice("sampler", texts.columnNames.sampler, SAMPLERS, sampler)}${this._choice("model", texts.columnNames.model, this._models, model)}</div>
      ${task === "inpaint"
        ? this._number("feather", texts.feather, 0, 256, true, feather)
        : html`<div class="pair">${this._number("width", texts.columnNames.width, 8, MOST.side, true, width)}${this._number("height", texts.columnNames.height, 8, MOST.side, true, height)}</div>`}
      ${task === "generate" ? guardForm(this._order, (to) => this._turn(to)) : nothing}`;
  }

  /** @type {(key: "sampler" | "model", label: string, all: string[], value: string | null) => unknown} */
  _choice(key, label, all, value) {
    return html`<label class="field"><span>${label}</span><select @change=${(/** @type {Event} */ event) => this._turn({ [key]: read(event) || null })}>
      <option value="" ?selected=${value === null}>${key === "sampler" ? texts.asModel : all[0] ?? ""}</option>
      ${(key === "model" ? all.slice(1) : all).map((one) => html`<option value=${one} ?selected=${one === value}>${one}</option>`)}</select></label>`;
  }
}
customElements.define("vitrail-make", MakeView);

/** @param {Event} event */
function read(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}
