/** Filters from the collection's own columns: values with counts, numbers as ranges. */
import { html, nothing, svg } from "../vendor/lit/index.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { address, post } from "../api.js";
import { filterBody } from "../request.js";
import { texts } from "../texts.js";
import { columnName, shownValue } from "../words.js";
import { SessionPart } from "./part.js";

/** @import { Comparison, Condition, Facet, FacetValue } from "../types.js" */

const FIRST = ["label", "camera", "taken_at", "rating", "keywords", "format", "width", "model", "tool"];
const NEVER = new Set(["id", "content_hash", "path", "paths", "name", "recipe", "prompt", "negative_prompt", "generated", "missing", "root", "latitude", "longitude", "folder", "seed", "read_version"]);
const MOST = 32; // columns that the service counts at once
const SHOWN = 6; // columns that are shown at once

export class Facets extends SessionPart {
  static properties = { ...SessionPart.properties, _facets: { state: true }, _all: { state: true } };

  constructor() {
    super();
    /** @type {Facet[]} */
    this._facets = [];
    this._all = false;
    this._of = "";
  }

  willUpdate() {
    const { columns, question, answer, status } = this.session;
    if (status !== "done") return; // what is wrong with a filter is asked once
    const usable = columns.filter((one) => !NEVER.has(one.name)).map((one) => one.name).slice(0, MOST);
    const key = JSON.stringify([usable, question.collection, question.where, question.only, answer?.receipt?.commit ?? 0]);
    if (!usable.length || key === this._of) return;
    this._of = key;
    this._read(usable, key);
  }

  /** Of the images that pass what is not chosen here, so that what is chosen can be widened again. */
  /** @type {(columns: string[], key: string) => Promise<void>} */
  async _read(columns, key) {
    const { question } = this.session;
    const body = { columns, ...filterBody({ ...question, conditions: [] }) };
    try {
      const reply = await post(address("/facets", { collection: question.collection }), body);
      if (this._of !== key) return;
      this._facets = reply.facets.filter(tells).sort((/** @type {Facet} */ a, /** @type {Facet} */ b) => order(a) - order(b));
    } catch {
      this._of = ""; // what is wrong with the filter is told beside it
    }
  }

  render() {
    if (!this._facets.length) return nothing;
    const shown = this._all ? this._facets : this._facets.slice(0, SHOWN);
    return html`${shown.map((facet, i) => this._facet(facet, i < 2))}
      ${shown.length < this._facets.length ? html`<button type="button" class="button quiet text"
        @click=${() => { this._all = true; }}>${texts.moreColumns}</button>` : nothing}`;
  }

  /** @type {(facet: Facet, open: boolean) => unknown} */
  _facet(facet, open) {
    const held = this._held(facet.column).length > 0;
    return html`<details class="facet" ?open=${open || held}>
      <summary>${columnName(facet.column)}</summary>
      ${facet.bins?.length ? this._range(facet) : this._values(facet)}
    </details>`;
  }

  /** @param {string} column */
  _held(column) {
    return this.session.question.conditions.filter((one) => one.column === column);
  }

  /** @param {Facet} facet */
  _values(facet) {
    const chosen = this._chosen(facet.column);
    const values = facet.missing ? [...facet.values, { value: null, count: facet.missing }] : facet.values;
    return html`<ul>${values.map((one) => html`<li><label class="facet-value">
        <input type="checkbox" .checked=${live(chosen.some((value) => value === one.value))}
          @change=${() => this._toggle(facet, one)}>
        <span>${shownValue(one.value, facet.column)}</span><small>${texts.number(one.count)}</small></label></li>`)}
      ${facet.others ? html`<li><small>${texts.otherValues(facet.others)}</small></li>` : nothing}</ul>`;
  }

  /**
   * @param {string} column
   * @returns {unknown[]} values that are let through; null among them for images without one
   */
  _chosen(column) {
    return this._held(column).flatMap(({ comparison, value }) =>
      comparison === "missing" ? [null] : comparison === "has" ? [value] : comparison === "in" ? /** @type {unknown[]} */ (value) : comparison === "is" ? [value] : [],
    );
  }

  /** @type {(facet: Facet, one: FacetValue) => void} */
  _toggle({ column, kind }, { value }) {
    const chosen = this._chosen(column);
    // images without a value are told by a condition of its own, which no other value goes with
    const rest = chosen.filter((other) => other !== value && other !== null && value !== null);
    const next = chosen.some((other) => other === value) ? rest : [...rest, value];
    this._hold(column, conditionsOf(column, next, kind.endsWith("[]")));
  }

  /** @type {(column: string, conditions: Condition[]) => void} */
  _hold(column, conditions) {
    const { question } = this.session;
    const others = question.conditions.filter((one) => one.column !== column);
    this.session.turn({ ...question, conditions: [...others, ...conditions] });
  }

  /** @param {Facet} facet */
  _range(facet) {
    const { column, bins, kind } = facet;
    const most = Math.max(...bins.map((one) => one.count));
    const dates = /date|time/i.test(kind);
    const from = this._bound(column, "at_least");
    const to = this._bound(column, "at_most");
    /** @type {(bound: Comparison, label: string, value: unknown, hint: number) => unknown} */
    const field = (bound, label, value, hint) => html`<input class="input short" type=${dates ? "date" : "number"} step="any" aria-label=${label}
      .value=${live(value === null ? "" : dates ? String(value).slice(0, 10) : String(value))} placeholder=${dates ? "" : shownValue(hint)}
      @change=${(/** @type {Event} */ event) => this._bind(column, bound, /** @type {HTMLInputElement} */ (event.target).value, dates)}>`;
    return html`<svg class="histogram" viewBox="0 0 ${bins.length * 10} 40" preserveAspectRatio="none" aria-hidden="true">
        ${bins.map((one, i) => {
          const height = one.count ? Math.max(2, (one.count / most) * 38) : 0;
          const out = !dates && ((from !== null && one.high < Number(from)) || (to !== null && one.low > Number(to)));
          return svg`<rect class=${out ? "out" : ""} x=${i * 10} y=${40 - height} width="8.5" height=${height}/>`;
        })}</svg>
      <div class="range">${field("at_least", texts.least(columnName(column)), from, bins[0].low)}
        <span class="soft">${texts.to}</span>${field("at_most", texts.most(columnName(column)), to, bins[bins.length - 1].high)}</div>`;
  }

  /** @type {(column: string, bound: Comparison) => unknown} */
  _bound(column, bound) {
    return this._held(column).find((one) => one.comparison === bound)?.value ?? null;
  }

  /** @type {(column: string, bound: Comparison, text: string, dates: boolean) => void} */
  _bind(column, bound, text, dates) {
    const others = this._held(column).filter((one) => one.comparison !== bound);
    // a day as the last one is meant to its end
    const value = !dates ? Number(text) : bound === "at_most" ? `${text}T23:59:59.999999` : text;
    this._hold(column, text === "" ? others : [...others, { column, comparison: bound, value }]);
  }
}
customElements.define("vitrail-facets", Facets);

/** Any of the values; of a column of lists all of them. */
/** @type {(column: string, values: unknown[], lists: boolean) => Condition[]} */
function conditionsOf(column, values, lists) {
  if (!values.length) return [];
  if (values.includes(null)) return [{ column, comparison: "missing", value: true }];
  if (lists) return values.map((value) => ({ column, comparison: "has", value }));
  if (values.length === 1) return [{ column, comparison: "is", value: values[0] }];
  return [{ column, comparison: "in", value: values }];
}

/** Whether a column parts the images at all. */
/** @param {Facet} facet */
function tells(facet) {
  if (facet.bins?.length) return facet.bins[0].low < facet.bins[facet.bins.length - 1].high;
  return facet.distinct + Math.min(facet.missing, 1) > 1;
}

/** @param {Facet} facet */
function order({ column }) {
  const at = FIRST.indexOf(column);
  return at < 0 ? FIRST.length : at;
}
