/** Which view an address is of. */

/** @typedef {{ view: string, id: number | null }} Route */

export const VIEWS = ["image", "make", "compare", "sets", "duplicates", "audit", "classify", "map", "collection"];

/**
 * @param {string} path
 * @returns {Route}
 */
export function readRoute(path) {
  const [view = "", id = ""] = path.split("/").filter(Boolean);
  if (!VIEWS.includes(view)) return { view: "search", id: null };
  return { view, id: /^\d+$/.test(id) ? Number(id) : null };
}
