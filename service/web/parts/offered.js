/** Filters that are offered where a set of images is named: kinds, and the labels that are there. */
import { address, post } from "../api.js";
import { conditionSql } from "../commands.js";

/** @import { Session } from "../session.js" */

/**
 * @param {Session} session
 * @returns {Promise<string[]>}
 */
export async function offeredFilters(session) {
  const { collection } = session.question;
  const { facets } = await post(address("/facets", { collection }), { columns: ["label"] }).catch(() => ({ facets: [] }));
  const values = /** @type {{ value: unknown }[]} */ (facets[0]?.values ?? []).filter(({ value }) => value !== null);
  return ["generated", "not generated", ...values.map(({ value }) => conditionSql({ column: "label", comparison: "is", value }))];
}
