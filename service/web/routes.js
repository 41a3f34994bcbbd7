/** Which view an address is of. */

/** @typedef {{ view: string, id: number | null }} Route */

/** Below which a proxy shows the service, without a slash at its end: what these files lie below. */
export const BASE = new URL("..", import.meta.url).pathname.replace(/\/+$/, "");

/**
 * An address of this service as the browser takes it; one that is placed already stays as it is.
 *
 * @param {string} path such as `/make?words=fox`
 */
export function placed(path) {
  return BASE && path.startsWith(`${BASE}/`) ? path : BASE + path;
}

/** The address at which a key is given, and that leads back to the view that is shown. */
export function loginHref() {
  return placed(`/login?to=${encodeURIComponent(location.pathname.slice(BASE.length) + location.search)}`);
}

export const VIEWS = ["image", "make", "compare", "sets", "duplicates", "audit", "classify", "map", "collection"];

/**
 * @param {string} path as the browser has it
 * @returns {Route}
 */
export function readRoute(path) {
  const [view = "", id = ""] = path.slice(BASE.length).split("/").filter(Boolean);
  if (!VIEWS.includes(view)) return { view: "search", id: null };
  return { view, id: /^\d+$/.test(id) ? Number(id) : null };
}
