/** A job that makes images: where it is, the image that is being made, and what came of it. */
import { html, nothing } from "../vendor/lit/index.js";
import { thumbnail } from "../api.js";
import { isOver } from "../jobs.js";
import { hrefOf } from "../making.js";
import { orderOf } from "../ordering.js";
import { texts } from "../texts.js";
import { marked, refusals } from "./guarded.js";
import { icon } from "./icons.js";
import { follow } from "./part.js";

/** @import { Job } from "../jobs.js" */
/** @import { TaskName } from "../making.js" */
/** @import { GuardLine, MadeImage, Refused } from "./guarded.js" */
/** @import { Session } from "../session.js" */

/**
 * @typedef {{ cancel: () => void, retry: () => void }} Acts
 * @typedef {{ ids: number[], images: MadeImage[], refused: Refused[], guard: GuardLine | null, lacking: number }} Came
 *   images that a job made, or found to be there, and what a guard found of them
 */

/**
 * @param {Session} session
 * @param {Job} job
 * @param {Came | undefined} came
 * @param {string | null} preview address of the image as it is now
 * @param {Acts} acts
 */
export function madeCard(session, job, came, preview, acts) {
  const { kind, parameters, state } = job;
  const prompt = Array.isArray(parameters.prompt) ? parameters.prompt.join(" · ") : parameters.prompt ?? "";
  const busy = !isOver(job);
  return html`<li class="made is-${state}" data-job=${job.id}>
    <div class="made-head"><h3>${prompt}</h3>
      <p class="soft">${[texts.tasks[/** @type {TaskName} */ (kind)], texts.madeBy(parameters)].filter(Boolean).join(", ")}</p></div>
    ${busy ? working(job) : ended(job)}
    ${came?.ids.length || (busy && preview) ? html`<ul class="made-images">
      ${came?.images.map((one) => (one.id === null ? nothing : image(session, one.id, one)))}
      ${busy && preview ? html`<li class="made-preview"><img src=${preview} alt=${texts.preview}></li>` : nothing}</ul>` : nothing}
    ${came ? refusals(session, came.refused, came.guard, came.lacking) : nothing}
    ${job.notes.map((note) => html`<p class="soft">${note}</p>`)}
    <p class="made-acts">
      ${came?.ids.length ? html`<button type="button" class="button main" @click=${() => session.askLike(came.ids)}>${icon("like")}<span>${texts.findLike(came.ids.length)}</span></button>` : nothing}
      ${busy ? html`<button type="button" class="button" @click=${acts.cancel}>${texts.cancel}</button>` : nothing}
      ${busy || state === "done" ? nothing : html`<button type="button" class="button" @click=${acts.retry}>${texts.retry}</button>`}
      ${again(session, job)}
    </p></li>`;
}

/** @type {(session: Session, id: number, made: MadeImage) => unknown} */
function image(session, id, made) {
  const { collection } = session.question;
  const href = session.here(`/image/${id}`);
  return html`<li><a href=${href} aria-label=${texts.open(texts.image(id))} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>
    <img src=${thumbnail({ id }, "small", collection)} alt="" loading="lazy"></a>${marked(session, made)}</li>`;
}

/** @type {(session: Session, job: Job) => unknown} */
function again(session, job) {
  const href = hrefOf(orderOf(job, session.question.collection));
  return html`<a class="button quiet" href=${href} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>${texts.sameSettings}</a>`;
}

/** @param {Job} job */
function working({ state, position, progress, waiting_for: writer }) {
  const part = progress?.steps ? (progress.step ?? 0) / progress.steps : 0;
  const share = progress?.total ? (progress.done + Math.min(part, 0.99)) / progress.total : 0;
  const said = [
    state === "queued" ? texts.inQueue(position ?? 0) : progress?.stage ?? texts.jobStates[state],
    progress?.total ? texts.indexed(progress.done, progress.total) : "",
    progress?.steps ? texts.stepOf(progress.step ?? 0, progress.steps) : "",
    writer ?? "",
  ];
  return html`${state === "queued" ? nothing : html`<progress aria-label=${texts.making} .value=${share} max="1"></progress>`}
    <p class="soft" role="status">${said.filter(Boolean).join(", ")}</p>`;
}

/** @param {Job} job */
function ended({ state, problem }) {
  if (state === "done") return nothing;
  const why = problem ? [problem.detail, problem.remedy].filter(Boolean).join("; ") : texts.madeStates[/** @type {"failed"} */ (state)];
  return html`<p class=${state === "failed" ? "refine-error" : "soft"}>${why}</p>`;
}
