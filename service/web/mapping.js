/** A map of images: how it stands in the page's address, and how it is asked for here and elsewhere. */
import { address } from "./api.js";
import { literal, quoted } from "./commands.js";
import { placed } from "./routes.js";

/** @import { Point } from "./plotting.js" */

/**
 * @typedef {"all" | "generated" | "real"} Only
 * @typedef {{
 *   collection: string | null,
 *   where: string,
 *   only: Only,
 *   space: string | null,
 *   layout: "umap" | "pca",
 *   clusters: number | null,
 *   colour: string | null,
 *   job: string | null,
 *   view: { at: Point, scale: number } | null,
 *   ring: Point[] | null,
 *   value: string | null,
 * }} MapState `colour` is a column, null for the clusters; of what is chosen, `ring` was drawn round it,
 *   and `value` is the colour's, as it is shown
 *
 * @typedef {{ number: number, name: string, words: string[], size: number, typical: number[] }} Cluster
 * @typedef {{ id: number, name: string | null, x: number, y: number, cluster: number | null, outlier: number }} PlacedImage
 * @typedef {{
 *   images: number, matching: number, layout: "umap" | "pca", weights: Record<string, number>, method: string,
 *   neighbour_recall: number, clusters: Cluster[], places: PlacedImage[], values: Record<string, unknown[]>,
 * }} ImageMap
 */

const FINE = 1e4;
const OUTSIDE = 5; // how far beyond the images a line may be drawn

/** @param {string} text after `?` @returns {MapState} what makes no sense there is as usual */
export function readMap(text) {
  const query = new URLSearchParams(text);
  const only = /** @type {Only} */ (query.get("kind"));
  const clusters = Number(query.get("clusters"));
  const layout = query.get("layout") === "pca" ? "pca" : "umap";
  return {
    collection: query.get("collection"),
    where: query.get("of") ?? "",
    only: only === "generated" || only === "real" ? only : "all",
    space: query.get("space") || null,
    layout,
    clusters: query.get("clusters") && Number.isInteger(clusters) && clusters >= 0 && clusters <= 1000 ? clusters : null,
    colour: query.get("colour") || null,
    job: /^[\w-]{1,64}$/.test(query.get("job") ?? "") ? query.get("job") : null,
    view: readView(query.get("at")),
    ring: readRing(query.get("ring")),
    value: query.get("value"),
  };
}

/** @param {MapState} state @returns {string} the view's address */
export function mapHref(state) {
  const query = new URLSearchParams();
  /** @type {(name: string, value: string | number | null) => void} */
  const set = (name, value) => { if (value !== null && value !== "") query.set(name, String(value)); };
  set("collection", state.collection);
  set("of", state.where);
  set("kind", state.only === "all" ? null : state.only);
  set("space", state.space);
  set("layout", state.layout === "umap" ? null : state.layout);
  set("clusters", state.clusters);
  set("colour", state.colour);
  set("job", state.job);
  set("at", state.view && [...state.view.at, state.view.scale].map((one) => Number(one.toFixed(4))).join("_"));
  set("ring", state.ring && state.ring.map((point) => point.map(coded).join("-")).join("_"));
  if (state.value !== null) query.set("value", state.value);
  const text = query.toString();
  return placed(text ? `/map?${text}` : "/map");
}

/** @param {number} value */
function coded(value) {
  return Math.round((Math.min(OUTSIDE + 1, Math.max(-OUTSIDE, value)) + OUTSIDE) * FINE);
}

/** A ring as its address tells it, so that whoever opens that sees the same images within. */
/** @param {Point[]} ring */
export function settled(ring) {
  return ring.map(([x, y]) => /** @type {Point} */ ([coded(x) / FINE - OUTSIDE, coded(y) / FINE - OUTSIDE]));
}

/** @param {string | null} text @returns {Point[] | null} */
function readRing(text) {
  if (!text || text.length > 2000 || !/^\d{1,6}-\d{1,6}(_\d{1,6}-\d{1,6}){2,}$/.test(text)) return null;
  return text.split("_").map((one) => /** @type {Point} */ (one.split("-").map((part) => Number(part) / FINE - OUTSIDE)));
}

/** @param {string | null} text */
function readView(text) {
  const [x, y, scale, ...more] = (text ?? "").split("_").map(Number);
  if (!text || more.length || ![x, y, scale].every(Number.isFinite) || scale < 0.5 || scale > 400) return null;
  return { at: /** @type {Point} */ ([x, y]), scale };
}

/** @param {MapState} state @returns {Record<string, unknown>} as the service is asked */
export function mapBody({ where, only, space, layout, clusters, colour }) {
  const body = {
    where: where.trim() || null,
    only: only === "all" ? null : only,
    spaces: space ? { [space]: 1 } : null,
    layout: layout === "umap" ? null : layout,
    clusters,
    columns: colour ? [colour] : null,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

/** Whether a job drew the map that is asked for, whatever it is coloured by. */
/** @type {(parameters: Record<string, unknown>, state: MapState) => boolean} */
export function isMapOf({ columns: _, ...given }, state) {
  const { columns: __, ...asked } = mapBody(state);
  const plain = (/** @type {Record<string, unknown>} */ one) => JSON.stringify(Object.entries(one).sort());
  return plain(given) === plain(asked);
}

/**
 * What a job was asked with, so that its map is told by its address alone.
 *
 * @param {Record<string, any>} parameters
 * @returns {Partial<MapState>}
 */
export function stateOf({ where, only, spaces, layout, clusters }) {
  return {
    where: where ?? "",
    only: only ?? "all",
    space: Object.keys(spaces ?? {})[0] ?? null,
    layout: layout ?? "umap",
    clusters: clusters ?? null,
  };
}

/** The map elsewhere: on the command line, for curl and in Python. */
/** @type {(kind: "cli" | "curl" | "python", state: MapState, origin: string) => string} */
export function mapCommand(kind, state, origin) {
  const { collection, where, only, space, layout, clusters, colour } = state;
  if (kind === "curl") {
    return `curl ${quoted(origin + address("/map", { collection }))} --json ${quoted(JSON.stringify(mapBody(state)))}`;
  }
  const filter = where.trim();
  if (kind === "cli") {
    const words = [
      "vitrail", "map", ...(filter ? ["--where", filter] : []), ...(only === "all" ? [] : ["--only", only]),
      ...(space ? ["--space", space] : []), ...(layout === "umap" ? [] : ["--layout", layout]),
      ...(clusters === null ? [] : ["--clusters", `${clusters}`]), ...(colour ? ["--color", colour] : []), "--html", "map.html",
    ];
    return words.map(quoted).join(" ");
  }
  const options = [
    filter ? `where=${literal(filter)}` : "", only === "all" ? "" : `only=${literal(only)}`,
    space ? `spaces=${literal({ [space]: 1 })}` : "", layout === "umap" ? "" : `layout=${literal(layout)}`,
    clusters === null ? "" : `clusters=${clusters}`, colour ? `columns=${literal([colour])}` : "",
  ];
  return [
    "from vitrail import Collection", "", 'pictures = Collection.open("my-pictures")',
    `drawn = pictures.map(${options.filter(Boolean).join(", ")})`,
  ].join("\n");
}
