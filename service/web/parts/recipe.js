/** How an image was made, to copy and to make again. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { columnName, shownValue } from "../words.js";
import { hrefOf } from "../making.js";
import { orderAgain } from "../ordering.js";
import { copyButton } from "./copying.js";
import { follow } from "./part.js";

/** @import { Session } from "../session.js" */

const COLUMNS = ["negative_prompt", "model", "seed", "sampler", "steps", "guidance", "lora", "task", "tool"];

/** @type {(metadata: Record<string, any>, session: Session) => unknown} */
export function recipe(metadata, session) {
  const known = COLUMNS.filter((name) => metadata[name] !== null && metadata[name] !== undefined && metadata[name] !== "");
  if (!metadata.prompt && !known.length) return nothing;
  return html`<section class="one-part"><h2>${texts.recipe}</h2>
    ${metadata.prompt ? html`<p class="recipe-prompt">${metadata.prompt}</p>` : nothing}
    <dl class="facts">${known.map((name) => html`<div><dt>${columnName(name)}</dt><dd>${shownValue(metadata[name], name)}</dd></div>`)}</dl>
    <p class="one-acts">
      ${copyButton(recipeText(metadata), "", texts.copy)}
      ${metadata.prompt ? again(metadata, session) : nothing}
      ${metadata.id !== undefined && metadata.recipe ? html`<span title=${texts.reproduce}>${copyButton(`vitrail reproduce ${metadata.id}`, "quiet", "vitrail reproduce")}</span>` : nothing}
    </p></section>`;
}

/** @type {(metadata: Record<string, any>, session: Session) => unknown} */
function again(metadata, session) {
  const href = hrefOf(orderAgain(metadata, session.question.collection));
  return html`<a class="button" title=${texts.makeAgainNote} href=${href} @click=${(/** @type {MouseEvent} */ event) => follow(event, () => session.open(href))}>${texts.makeAgain}</a>`;
}

/**
 * A recipe as other tools paste it in: prompt, what is not wanted, and the settings in a line.
 *
 * @param {Record<string, any>} metadata
 */
export function recipeText(metadata) {
  const settings = [
    ["Steps", metadata.steps],
    ["Sampler", metadata.sampler],
    ["CFG scale", metadata.guidance],
    ["Seed", metadata.seed],
    ["Size", metadata.width && `${metadata.width}x${metadata.height}`],
    ["Model", metadata.model],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return [
    metadata.prompt ?? "",
    metadata.negative_prompt ? `Negative prompt: ${metadata.negative_prompt}` : "",
    settings.map(([name, value]) => `${name}: ${value}`).join(", "),
  ].filter(Boolean).join("\n");
}
