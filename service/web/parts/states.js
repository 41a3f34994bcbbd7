/** What is shown where there are no images: why, and what to do. */
import { html, nothing } from "../vendor/lit/index.js";
import { filters } from "../question.js";
import { loginHref } from "../routes.js";
import { texts } from "../texts.js";
import { sentence } from "../words.js";
import { copyButton } from "./copying.js";

/** @import { Session } from "../session.js" */

/** @param {Session} session */
export function failed(session) {
  const { problem, question } = session;
  if (!problem) return nothing;
  const uploads = question.positive.some((part) => part.kind === "upload");
  const isGone = uploads && problem.status === 404;
  return html`<div class="state" role="alert">
    <h2>${isGone ? texts.uploadGone : sentence(problem.detail)}</h2>
    ${isGone || problem.remedy ? html`<p>${isGone ? texts.uploadGoneRemedy : sentence(problem.remedy)}</p>` : nothing}
    <p class="state-acts">
      ${problem.code === "no-key"
        ? html`<a class="button main" href=${loginHref()}>${texts.keyNeeded}</a>`
        : problem.status === 404 && session.ranked
          ? html`<button type="button" class="button main" @click=${() => session.leave()}>${texts.leave}</button>`
          : html`<button type="button" class="button main" @click=${() => session.search()}>${texts.retry}</button>`}
      ${withoutFilters(session)}
    </p>
  </div>`;
}

/** @param {Session} session */
export function none(session) {
  const { answer, about } = session;
  if (about && about.images === 0) return empty();
  return html`<div class="state">
    <h2>${texts.noneTitle}</h2>
    ${answer?.reason ? html`<p>${sentence(answer.reason)}</p>` : nothing}
    ${answer?.hints?.length ? html`<ul>${answer.hints.map((hint) => html`<li>${sentence(hint)}</li>`)}</ul>` : nothing}
    <p class="state-acts">${withoutFilters(session)}</p>
  </div>`;
}

function empty() {
  return html`<div class="state">
    <h2>${texts.emptyTitle}</h2>
    <p>${texts.emptyText}</p>
    <p class="state-acts"><code class="code">${texts.emptyCommand}</code> ${copyButton(texts.emptyCommand)}</p>
  </div>`;
}

/** @param {Session} session */
function withoutFilters(session) {
  const { question } = session;
  if (!filters(question)) return nothing;
  return html`<button type="button" class="button" @click=${() => session.go({ ...question, conditions: [], where: "", only: "all", minScore: null })}>
    ${texts.withoutFilters}</button>`;
}
