/** What an audit found, in a sentence and in numbers, and what that means and what not. */
import { html, nothing } from "../vendor/lit/index.js";
import { deciding, isFew, isTold } from "../auditing.js";
import { texts } from "../texts.js";
import { roc } from "./roc.js";

/** @import { Audit, AuditLine, AuditMeasure, Interval, MeasureName } from "../auditing.js" */

/** @type {(audit: Audit) => unknown} the sentence, and what was compared */
export function auditVerdict(audit) {
  const { name, measure } = deciding(audit);
  const [line] = measure.lines;
  const unread = audit.scores.filter(({ fpr }) => fpr === null).length;
  const told = [
    texts.auditCompared(audit.images, audit.references, audit.space, audit.recall),
    texts.auditInnocent(measure.innocent, audit.references_that_are_copies),
    unread ? texts.auditUnread(unread) : "",
    isFew(line) ? texts.auditFew(line.rate_of_pairs ?? 0, line.rate) : "",
    name === "pixels" ? "" : texts.auditBlind,
  ];
  return html`<p class="audit-verdict ${isTold(line) ? "is-told" : ""}">${audit.verdict}.</p>
    <ul class="audit-told">${told.filter(Boolean).map((one) => html`<li class="soft">${one}</li>`)}</ul>
    ${table(texts.auditLines, texts.auditLineHeads, measure.lines.map(lineRow))}`;
}

/** @type {(audit: Audit) => unknown} */
export function auditMeasures(audit) {
  const { measure } = deciding(audit);
  const caught = Object.entries(measure.caught);
  return html`<section class="sets-part"><h2>${texts.measured}</h2>
      ${table(texts.measured, texts.auditHeads, /** @type {[MeasureName, AuditMeasure][]} */ (Object.entries(audit.measures)).map(measureRow))}
      <div class="audit-beside">${roc(audit)}
        ${caught.length ? html`<div><h3>${texts.auditCaught}</h3>
          ${table(texts.auditCaught, texts.auditCaughtHeads, caught.map(([kind, one]) => [kind, texts.inShares(one.mean), between(one)]))}</div>` : nothing}</div>
    </section>
    <section class="sets-part audit-means"><h2>${texts.auditMeans}</h2>${texts.auditMeaning.map((line) => html`<p>${line}</p>`)}</section>`;
}

/** @type {(label: string, heads: string[], rows: unknown[][]) => unknown} */
export function table(label, heads, rows) {
  return html`<div class="scrolls" tabindex="0" role="region" aria-label=${label}><table class="told-table sets-table">
    <thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
    <tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((one) => html`<td class="number">${one}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** @param {AuditLine} line */
function lineRow({ rate, score, innocent_needed: needed, above, share, expected, by_chance_at_most: most, planted_caught: caught }) {
  const name = texts.percent(rate);
  if (score === null || !share || most === null) return [name, texts.auditNeeds(needed), "", "", ""];
  return [
    name,
    score.toPrecision(3),
    html`<b>${texts.number(above ?? 0)}</b>: ${texts.percent(share.mean)} (${between(share)})`,
    texts.byChance(expected ?? 0, most),
    caught === null ? "" : texts.inShares(caught),
  ];
}

/** @param {[MeasureName, AuditMeasure]} given */
function measureRow([name, { lines: [line], auc }]) {
  const { score, above, expected, by_chance_at_most: most, planted_caught: caught } = line;
  return [
    texts.auditMeasures[name],
    score === null ? texts.unknown : score.toPrecision(3),
    score === null ? "" : texts.number(above ?? 0),
    most === null ? "" : texts.byChance(expected ?? 0, most),
    caught === null ? "" : texts.inShares(caught),
    auc ? auc.mean.toFixed(3) : "",
  ];
}

/** @param {Interval} interval */
function between({ low, high }) {
  return texts.between(low, high);
}
