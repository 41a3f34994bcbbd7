/** How well labels can be told: all in all, which is taken for which, and label by label. */
import { html, nothing } from "../vendor/lit/index.js";
import { nothing as blank, toQuery } from "../question.js";
import { texts } from "../texts.js";
import { table } from "./auditreport.js";
import { follow } from "./part.js";

/** @import { Report } from "../labelling.js" */
/** @import { Session } from "../session.js" */

const LABELS = 40; // of the matrix
const OPENED = 400; // images of a cell that are opened: an address is not endless

/** @type {(session: Session, report: Report) => unknown} */
export function confusion(session, report) {
  const { classes } = report;
  const rate = (/** @type {number | null} */ value) => (value === null ? "–" : texts.inShares(value));
  return html`<p class="audit-verdict">${texts.toldRightly(report.accuracy)}</p>
    <ul class="audit-told">${said(report).map((line) => html`<li class="soft">${line}</li>`)}</ul>
    <section class="sets-part"><h2>${texts.confusion}</h2><p class="soft">${texts.confusionNote}</p>${matrix(session, report)}</section>
    <section class="sets-part"><h2>${texts.labelByLabel}</h2>
      ${table(texts.labelByLabel, texts.labelHeads, classes.map((one) => [one.label, texts.number(one.images), texts.number(one.told), rate(one.precision), rate(one.recall)]))}
      <p class="soft">${texts.labelNote}</p></section>`;
}

/** @param {Report} report */
function said({ images, told, classes, labels, space, how, commonest, calibration_error: off, left_out: alone }) {
  return [
    texts.reportOf(images, classes.length, labels, space, how),
    texts.commonest(commonest),
    texts.calibrationError(off),
    images > told ? texts.withheld(images - told) : "",
    alone.length ? texts.leftOut(alone.length) : "",
    classes.length > LABELS ? texts.mostMistaken(LABELS, classes.length) : "",
  ].filter(Boolean);
}

/** The labels of the matrix: all, or of many those most often mistaken, in their order. */
/** @param {number[][]} counts */
function shown(counts) {
  const all = counts.map((_, at) => at);
  if (all.length <= LABELS) return all;
  const mistakes = all.map((at) => counts.reduce((sum, row, other) => (other === at ? sum : sum + row[at] + counts[at][other]), 0));
  return all.sort((one, other) => mistakes[other] - mistakes[one] || one - other).slice(0, LABELS).sort((one, other) => one - other);
}

/** @type {(session: Session, report: Report) => unknown} */
function matrix(session, { classes, confusion: counts, cells }) {
  const kept = shown(counts);
  const ids = new Map(cells.map((cell) => [JSON.stringify([cell.label, cell.told]), cell.ids]));
  const cell = (/** @type {number} */ has, /** @type {number} */ told) => {
    const count = counts[has][told];
    if (!count) return html`<td></td>`;
    const sum = counts[has].reduce((all, one) => all + one, 0);
    const names = [classes[has].label, classes[told].label];
    const href = gridOf(session, ids.get(JSON.stringify(names)) ?? []);
    const label = texts.cell(names[0], names[1], count);
    const strong = 12 + Math.round((88 * count) / sum);
    return html`<td class=${has === told ? "right" : "wrong"}><a href=${href} title=${label} aria-label=${label} class=${strong > 60 ? "is-strong" : ""} .style=${`--part:${strong}%`}
      @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>${texts.number(count)}</a></td>`;
  };
  return html`<div class="scrolls" tabindex="0" role="region" aria-label=${texts.confusion}><table class="matrix">
    <thead><tr><th scope="col">${texts.confusionCorner}</th>${kept.map((at) => html`<th scope="col"><span>${classes[at].label}</span></th>`)}</tr></thead>
    <tbody>${kept.map((has) => html`<tr><th scope="row">${classes[has].label}</th>${kept.map((told) => cell(has, told))}</tr>`)}</tbody></table></div>
    ${cells.some((one) => one.ids.length > OPENED) ? html`<p class="soft">${texts.cellOpens(OPENED)}</p>` : nothing}`;
}

/** The address of a grid of images. */
/** @type {(session: Session, ids: number[]) => string} */
function gridOf(session, ids) {
  const conditions = [/** @type {const} */ ({ column: "id", comparison: "in", value: ids.slice(0, OPENED) })];
  return `/?${toQuery({ ...blank(), collection: session.question.collection, conditions })}`;
}
