/** A group of copies: the image that would be kept beside the rest, each judged against it. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { decisionOf, judged } from "../judging.js";
import { texts } from "../texts.js";
import { bytes, date } from "../words.js";
import { follow } from "./part.js";
import { shot as small } from "./shot.js";

/** @import { Copy, Decision, Group, Judged, Twin, Verdict } from "../judging.js" */
/** @import { Session } from "../session.js" */

const SIGNS = { better: "▲", worse: "▼", equal: "" };

/**
 * @typedef {{
 *   session: Session, decisions: Decision[], taken: Map<number, string | null>, chosen: number | null,
 *   choose: (copy: number) => void, decide: (kind: Verdict, copies: Copy[]) => void, undo: (token: string) => void,
 * }} Desk `chosen` is the copy that keys act on, where it is of this group
 */

/** @type {(group: Group, number: number, desk: Desk) => unknown} */
export function twins(group, number, desk) {
  const { keeper, copies, reason } = group;
  return html`<li class="twins" data-group=${number} aria-label=${texts.groupOf(copies.length + 1, keeper.name)}>
    <figure class="twin keeper">${shot(keeper, desk)}
      <figcaption><span class="twin-name">${keeper.name}</span><b class="badge">${texts.keeper}</b>
        <span class="soft">${reason}</span>${plain(keeper, desk)}</figcaption></figure>
    <div class="twins-rest">${copies.map((copy, at) => twin(group, copy, at, desk))}</div>
    ${copies.length > 1 ? html`<p class="twins-acts"><span class="soft">${texts.allOfThem}</span>
      <button type="button" class="button small" @click=${() => desk.decide("same", copies)}>${texts.verdicts.same}</button>
      <button type="button" class="button small" @click=${() => desk.decide("not-duplicates", copies)}>${texts.verdicts["not-duplicates"]}</button></p>` : nothing}
  </li>`;
}

/** @type {(group: Group, copy: Copy, at: number, desk: Desk) => unknown} */
function twin({ keeper }, copy, at, desk) {
  const decision = decisionOf(desk.decisions, keeper, copy);
  const chosen = desk.chosen === at;
  const href = desk.session.here(`/compare?a=${keeper.id}&b=${copy.id}`);
  return html`<figure class="twin ${chosen ? "is-chosen" : ""} ${decision ? "is-decided" : ""}" data-copy=${copy.id} @focusin=${() => desk.choose(at)} @click=${() => desk.choose(at)}>
    ${shot(copy, desk, chosen)}
    <figcaption><span class="twin-name">${copy.name}</span>
      <span>${[texts.tiers[copy.tier], ...copy.says].join(", ")}</span>
      ${measured(copy, keeper, desk)}
      ${decision
        ? html`<span class="twin-acts"><b class="badge">${texts.decided[decision.kind]}</b>
            <button type="button" class="button small quiet text" @click=${() => desk.undo(decision.token)}>${texts.undo}</button></span>`
        : html`<span class="twin-acts">${verdict("same", copy, desk)}${verdict("not-duplicates", copy, desk)}${verdict("keep", copy, desk)}</span>`}
      <a class="twin-link" href=${href} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => desk.session.open(href))}>${texts.lookCloser}</a>
    </figcaption></figure>`;
}

/** @type {(kind: Verdict, copy: Copy, desk: Desk) => unknown} */
function verdict(kind, copy, desk) {
  return html`<button type="button" class="button small" title=${texts.verdictNotes[kind]} aria-label=${`${texts.verdicts[kind]}: ${copy.name}`}
    aria-keyshortcuts=${texts.verdictKeys[kind]} @click=${() => desk.decide(kind, [copy])}>${texts.verdicts[kind]}</button>`;
}

/** @type {(image: Twin, desk: Desk, chosen?: boolean) => unknown} */
function shot(image, { session }, chosen = false) {
  const { collection } = session.question;
  const href = session.here(`/image/${image.id}`);
  return html`<a class="twin-shot shot" href=${href} aria-label=${texts.open(image.name)} aria-current=${chosen ? "true" : nothing}
    @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>
    ${small(thumbnail({ id: image.id, metadata: image }, "medium", collection))}</a>`;
}

/** @type {(image: Twin, desk: Desk) => unknown} */
function plain(image, { taken }) {
  const at = taken.get(image.id);
  return html`<span class="twin-facts"><span>${image.width} × ${image.height}</span><span>${bytes(image.bytes)}</span>${at ? html`<span>${date(at)}</span>` : nothing}</span>`;
}

/** @type {(copy: Copy, keeper: Twin, desk: Desk) => unknown} */
function measured(copy, keeper, { taken }) {
  const at = taken.get(copy.id) ?? null;
  const found = judged({ ...copy, taken_at: at }, { ...keeper, taken_at: taken.get(keeper.id) ?? null });
  return html`<span class="twin-facts">
    ${fact(`${copy.width} × ${copy.height}`, found.pixels, texts.judgedPixels)}
    ${fact(bytes(copy.bytes), found.bytes, texts.judgedBytes)}
    ${at ? fact(date(at), found.age ?? "equal", texts.judgedAge) : nothing}</span>`;
}

/** @type {(said: string, how: Judged, words: Record<Judged, string>) => unknown} */
function fact(said, how, words) {
  return html`<span class=${how} title=${words[how]}>${said}${SIGNS[how] ? html` <i aria-hidden="true">${SIGNS[how]}</i><span class="hidden">, ${words[how]}</span>` : nothing}</span>`;
}
