/** A search by a prompt, as a job: it tells how far it is, and can be left. */
import { address, post, Problem } from "./api.js";
import { cancelJob, followJob, isOver, resultOf } from "./jobs.js";
import { searchBody } from "./request.js";

/** @import { Answer, Question } from "./types.js" */
/** @import { Job } from "./jobs.js" */

/** @param {Question} question */
export function promptOf({ positive }) {
  return positive.find((part) => part.kind === "prompt") ?? null;
}

/**
 * @param {Question} question
 * @param {number} k
 * @param {AbortSignal} signal by which the job is cancelled, too
 * @param {(job: Job) => void} changed told where it is
 * @returns {Promise<Answer | null>} null where whoever asks may not let jobs be done
 */
export async function searchByJob(question, k, signal, changed) {
  const { collection } = question;
  let begun;
  try {
    const body = { kind: "prompt-search", ...searchBody(question, { k }) };
    begun = /** @type {Job} */ (await post(address("/jobs", { collection }), body, { signal }));
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return null;
    throw error;
  }
  const ended = await over(begun.id, signal, changed);
  if (ended.state === "done") return resultOf(ended.id);
  const { code, detail, remedy } = ended.problem ?? { code: ended.state, detail: ended.state, remedy: "" };
  throw new Problem(code, detail, remedy ?? "");
}

/** @type {(id: string, signal: AbortSignal, changed: (job: Job) => void) => Promise<Job>} */
function over(id, signal, changed) {
  return new Promise((resolve, reject) => {
    const stop = followJob(id, (job) => {
      if (signal.aborted) return;
      changed(job);
      if (isOver(job)) resolve(job);
    });
    signal.addEventListener("abort", () => {
      stop();
      cancelJob(id).catch(() => {}); // it may be over by now
      reject(new DOMException("left", "AbortError"));
    });
  });
}
