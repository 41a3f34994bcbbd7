/** How well each measure parts planted copies from innocent images, drawn at every line. */
import { html, nothing, svg } from "../vendor/lit/index.js";
import { curvePoints } from "../auditing.js";
import { texts } from "../texts.js";

/** @import { Audit, AuditMeasure, MeasureName } from "../auditing.js" */

const WIDTH = 320;
const HEIGHT = 220;

/** @param {Audit} audit */
export function roc({ measures }) {
  const drawn = /** @type {[MeasureName, AuditMeasure][]} */ (Object.entries(measures)).filter(([, one]) => one.curve);
  if (!drawn.length) return nothing;
  const area = (/** @type {AuditMeasure} */ { auc }) => (auc ? texts.areaUnder(auc.mean) : "");
  const line = (/** @type {[MeasureName, AuditMeasure]} */ [name, one], /** @type {number} */ at) => one.curve
    ? svg`<polyline class="roc-line ${at === drawn.length - 1 ? "is-first" : ""}" points=${curvePoints(one.curve, WIDTH, HEIGHT)}><title>${texts.auditMeasures[name]}: ${area(one)}</title></polyline>`
    : nothing;
  return html`<figure class="roc">
    <svg viewBox="-26 -8 ${WIDTH + 36} ${HEIGHT + 34}" role="img" aria-label=${texts.rocLabel}>
      <rect class="roc-axis" width=${WIDTH} height=${HEIGHT}></rect>
      <line class="roc-chance" x1="0" y1=${HEIGHT} x2=${WIDTH} y2="0"></line>
      ${[...drawn].reverse().map(line)}
      <text x="0" y=${HEIGHT + 17}>0</text><text x=${WIDTH} y=${HEIGHT + 17} text-anchor="end">1</text>
      <text x=${WIDTH / 2} y=${HEIGHT + 17} text-anchor="middle">${texts.rocAcross}</text>
      <text x="-6" y=${HEIGHT} text-anchor="end">0</text><text x="-6" y="10" text-anchor="end">1</text>
    </svg>
    <figcaption class="soft">${texts.rocUp} <b class="roc-first">${texts.auditMeasures[drawn[0][0]]}</b> ${area(drawn[0][1])}${drawn.slice(1).map(([name, one]) => html`, ${texts.auditMeasures[name]} ${area(one)}`)}.</figcaption></figure>`;
}
