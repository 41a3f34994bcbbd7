/** The keys, and what the page is for. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { icon } from "./icons.js";
import { SessionPart } from "./part.js";

export class Help extends SessionPart {
  show() {
    /** @type {HTMLDialogElement} */ (this.querySelector("dialog")).showModal();
  }

  render() {
    const here = texts.viewKeys[this.session.route.view] ?? [];
    return html`<dialog class="dialog help" aria-labelledby="help-title">
      <header><h2 id="help-title">${texts.keyboard}</h2>
        <form method="dialog"><button class="button quiet" aria-label=${texts.close}>${icon("close")}</button></form>
      </header>
      ${keys(texts.keys)}
      ${here.length ? html`<h3>${texts.keysHere}</h3>${keys(here)}` : nothing}
      <p class="soft">${texts.about}</p>
    </dialog>`;
  }
}
customElements.define("vitrail-help", Help);

/** @param {[string, string][]} all */
function keys(all) {
  return html`<dl class="keys">${all.map(([key, does]) => html`<div><dt>${key.split("  ").map((one) => html`<kbd>${one}</kbd>`)}</dt><dd>${does}</dd></div>`)}</dl>`;
}
