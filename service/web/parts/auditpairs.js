/** Generated images, each beside the one that it is most suspected to copy; one pair looked at. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { deciding } from "../auditing.js";
import { texts } from "../texts.js";
import { imageOf } from "./asked.js";
import { follow } from "./part.js";
import "./pair.js";

/** @import { Audit, Audited, AuditPair } from "../auditing.js" */
/** @import { Way } from "./pair.js" */
/** @import { Session } from "../session.js" */

/**
 * @typedef {{
 *   session: Session, chosen: number, shapes: Map<number, number>, prompts: Map<number, string>, way: Way,
 *   choose: (at: number) => void, turn: (way: Way) => void,
 * }} PairDesk `chosen` pair is looked at; `shapes`: width by height of images
 */

/** @type {(audit: Audit, desk: PairDesk) => unknown} */
export function auditPairs(audit, desk) {
  const { pairs } = audit;
  if (!pairs.length) return nothing;
  const at = Math.min(desk.chosen, pairs.length - 1);
  return html`<section class="sets-part"><h2>${texts.auditPairs}</h2>
    <div class="audit-look">${looked(audit, pairs[at], desk)}</div>
    <p class="soft duplicates-keys">${texts.auditKeys}</p>
    <ol class="audit-pairs">${pairs.map((pair, one) => html`<li><button type="button" class="audit-pair ${one === at ? "is-chosen" : ""}" aria-pressed=${one === at}
      aria-label=${texts.auditPair(nameOf(pair.image), nameOf(pair.reference), rateOf(pair, audit))} @click=${() => desk.choose(one)}>
      <span class="audit-two">${shot(pair.image, desk)}${shot(pair.reference, desk)}</span>
      <span class="audit-rate">${rateOf(pair, audit)}</span></button></li>`)}</ol>
  </section>`;
}

/** @type {(audit: Audit, pair: AuditPair, desk: PairDesk) => unknown} */
function looked(audit, pair, { session, shapes, prompts, way, turn }) {
  const { image, reference } = pair;
  const large = (/** @type {Audited} */ { id }) => imageOf(session, { kind: "image", id }, "large");
  const prompt = prompts.get(image.id);
  return html`<vitrail-pair .first=${large(image)} .second=${large(reference)} .names=${[nameOf(image), nameOf(reference)]} .way=${way}
      .shape=${shapes.get(image.id) ?? 1} @way=${(/** @type {CustomEvent} */ event) => turn(event.detail)}></vitrail-pair>
    <div class="audit-facts"><dl class="facts">
      ${row(texts.auditGenerated, link(session, image))}
      ${prompt ? row(texts.columnNames.prompt, prompt) : nothing}
      ${row(texts.auditLike, link(session, reference))}
      ${row(texts.auditShow, shown(pair))}
      ${row(texts.auditMeasures[deciding(audit).name], pair.score.toFixed(3))}
      ${row(texts.auditRate, rateOf(pair, audit))}
      ${row(texts.cosine, pair.cosine.toFixed(4))}</dl>
      <p>${go(session, `/compare?a=${image.id}&b=${reference.id}`, texts.lookCloser, "button")}</p></div>`;
}

/** @type {(name: string, value: unknown) => unknown} */
function row(name, value) {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

/** @type {(session: Session, to: string, text: string, kind?: string) => unknown} */
export function go(session, to, text, kind = "") {
  return html`<a class=${kind} href=${session.here(to)} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(to))}>${text}</a>`;
}

/** @type {(session: Session, image: Audited) => unknown} */
function link(session, image) {
  return go(session, `/image/${image.id}`, nameOf(image));
}

/** @type {(image: Audited, desk: PairDesk) => unknown} */
function shot({ id }, { session }) {
  return html`<img src=${thumbnail({ id }, "small", session.question.collection)} alt="" loading="lazy">`;
}

/** @param {Audited} image */
function nameOf({ id, name }) {
  return name || texts.image(id);
}

/** @param {AuditPair} pair */
function shown({ evidence, read }) {
  if (!read) return texts.gone;
  if (!evidence) return texts.auditNoCopy;
  return [/** @type {Record<string, string>} */ (texts.tiers)[evidence.tier] ?? evidence.tier, ...evidence.says].join(", ");
}

/** How many innocent images score as high; no less than so many of them can tell. */
/** @type {(pair: AuditPair, audit: Audit) => string} */
function rateOf({ fpr }, audit) {
  const least = 1 / (deciding(audit).measure.innocent + 1);
  return texts.fpr(fpr, fpr <= least * 1.0001 ? least : null);
}
