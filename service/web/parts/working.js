/** How far long work is, a way to end it, and what was wrong with it. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";

/** @import { Work } from "../work.js" */

/** @type {(work: Work, label: string) => unknown} */
export function working(work, label) {
  const { job, busy, wrong } = work;
  if (wrong) return html`<p class="refine-error" role="alert">${wrong}</p>`;
  if (!busy || !job) return nothing;
  const { state, position, progress, waiting_for: writer } = job;
  const told = [
    state === "queued" ? texts.inQueue(position ?? 0) : progress?.stage ?? label,
    progress?.total ? texts.indexed(progress.done, progress.total) : "",
    writer ?? "",
  ];
  return html`<div class="working">
    <progress aria-label=${label} .value=${progress?.total ? progress.done / progress.total : 0} max="1"></progress>
    <p><span class="soft" role="status">${told.filter(Boolean).join(", ")}</span>
      <button type="button" class="button small" @click=${() => work.cancel()}>${texts.cancel}</button></p></div>`;
}
