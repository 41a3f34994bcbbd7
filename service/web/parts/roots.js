/** The folders of the collection. */
import { html } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { copyButton } from "./copying.js";
import { SessionPart } from "./part.js";

export class Roots extends SessionPart {
  render() {
    return html`<section><h2>${texts.roots}</h2><p class="soft">${texts.noRoots}</p>
      <p><code class="code">${texts.rootsCommand}</code> ${copyButton(texts.rootsCommand, "quiet text")}</p></section>`;
  }
}
customElements.define("vitrail-roots", Roots);
