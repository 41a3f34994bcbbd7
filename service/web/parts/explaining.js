/** Why an image was found, as the service tells it. */
import { address, post } from "../api.js";
import { explainBody } from "../request.js";

/** @import { Session } from "../session.js" */

/** @typedef {{ grid: (number | null)[][], box: [number, number, number, number], size: [number, number] }} Patches */
/** @typedef {{ shares: Record<string, number>, query_image: number | null, query: Patches | null, hit: Patches | null, reason: string | null }} Explained */

/**
 * @param {Session} session
 * @param {number} id of a hit of its question
 * @returns {Promise<Explained>}
 */
export async function explain(session, id) {
  const { question } = session;
  const { collection } = question;
  const reply = await post(address("/search/explain", { collection }), explainBody(question, id));
  return reply.explanation;
}
