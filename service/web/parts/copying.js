/** A button that copies a text. */
import { html } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { notice } from "./part.js";

/**
 * @param {string} text
 * @param {string} [kind]
 * @param {string} [label]
 */
export function copyButton(text, kind = "quiet", label = texts.copy) {
  return html`<button type="button" class="button ${kind}" @click=${() => copy(text)}>${label}</button>`;
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // where the page is not served from this machine, or permission is refused
  }
  notice(texts.copied);
}

/** @param {string} text */
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
