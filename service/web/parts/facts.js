/** What is known of an image, in a table; and its files. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { bytes, columnName, shownValue } from "../words.js";

const FIRST = ["taken_at", "camera", "label", "predicted", "rating", "keywords"];
const RECIPE = new Set(["recipe", "task", "prompt", "negative_prompt", "model", "seed", "sampler", "steps", "guidance", "lora", "tool"]);
const APART = new Set(["id", "name", "path", "paths", "path_bytes", "files", "width", "height", "format", "bytes", "latitude", "longitude", "content_hash", "generated", "missing", "own", "root"]);

/** @param {Record<string, any>} metadata */
export function facts(metadata) {
  const { width, height, format, bytes: size, latitude, longitude } = metadata;
  const others = Object.keys({ ...metadata, ...(metadata.own ?? {}) }).filter((name) => !APART.has(name) && !RECIPE.has(name) && !FIRST.includes(name));
  const rows = [...FIRST, ...others]
    .map((name) => [name, metadata[name] ?? metadata.own?.[name]])
    .filter(([, value]) => value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length) && typeof value !== "object" || Array.isArray(value) && value.length);
  const kind = [width && `${width} × ${height}`, format, size && bytes(size)].filter(Boolean).join(", ");
  return html`<section class="one-part"><h2>${texts.facts}</h2>
    <dl class="facts">
      ${kind ? row(texts.dimensions, kind) : nothing}
      ${rows.map(([name, value]) => row(columnName(name), shownValue(value, name)))}
      ${typeof latitude === "number" ? row(texts.place, `${latitude.toFixed(4)}, ${Number(longitude).toFixed(4)}`) : nothing}
    </dl></section>`;
}

/** @type {(name: string, value: string) => unknown} */
function row(name, value) {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

/** @param {Record<string, any>} metadata */
export function files(metadata) {
  const paths = /** @type {string[]} */ (metadata.paths ?? (metadata.path ? [metadata.path] : []));
  if (!paths.length) return nothing;
  return html`<section class="one-part"><h2>${texts.files}</h2>
    <ul class="files">${paths.map((path) => html`<li><code>${path}</code></li>`)}</ul></section>`;
}
