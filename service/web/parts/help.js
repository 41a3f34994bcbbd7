/** The keys, and what the page is for. */
import { html } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { icon } from "./icons.js";
import { Part } from "./part.js";

export class Help extends Part {
  show() {
    /** @type {HTMLDialogElement} */ (this.querySelector("dialog")).showModal();
  }

  render() {
    return html`<dialog class="dialog help" aria-labelledby="help-title">
      <header><h2 id="help-title">${texts.keyboard}</h2>
        <form method="dialog"><button class="button quiet" aria-label=${texts.close}>${icon("close")}</button></form>
      </header>
      <dl class="keys">${texts.keys.map(([key, does]) => html`<div><dt>${key.split("  ").map((one) => html`<kbd>${one}</kbd>`)}</dt><dd>${does}</dd></div>`)}</dl>
      <p class="soft">${texts.about}</p>
    </dialog>`;
  }
}
customElements.define("vitrail-help", Help);
