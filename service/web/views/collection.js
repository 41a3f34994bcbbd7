/** What the collection holds, how it fares, and its folders to be indexed anew. */
import { html, nothing } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import { layerOf } from "../weighing.js";
import { bytes, date } from "../words.js";
import { copyButton } from "../parts/copying.js";
import { SessionPart } from "../parts/part.js";
import "../parts/roots.js";

/** @typedef {{ name: string, dim: number, share: number, base: string | null, fitted_rows: number }} Space */

export class CollectionView extends SessionPart {
  connectedCallback() {
    super.connectedCallback();
    this.session.learn();
  }

  render() {
    const { about } = this.session;
    if (!about) return html`<p class="soft">${texts.searching}</p>`;
    return html`<article class="collection done">
      <h1>${about.name}</h1>
      <div class="collection-parts">
        ${this._holds(about)}${this._health(about)}${this._encoder(about)}
        <vitrail-roots .session=${this.session}></vitrail-roots>
      </div>
    </article>`;
  }

  /** @param {any} about */
  _holds(about) {
    const figures = [
      [texts.images, about.images],
      [texts.filesCount, about.files],
      [texts.generatedCount, about.generated],
      [texts.commits, about.commits],
    ];
    return html`<section><h2>${texts.holds}</h2>
      <dl class="figures">${figures.map(([name, count]) => html`<div><dt>${name}</dt><dd>${texts.number(count)}</dd></div>`)}
        <div><dt>${texts.disk}</dt><dd>${bytes(about.bytes.total)}</dd></div></dl>
      <p class="soft">${texts.since(date(about.created_at.slice(0, 10)))}</p></section>`;
  }

  /** @param {any} about */
  _health(about) {
    /** @type {[string, number, string][]} */
    const troubles = [
      [texts.missing, about.missing_files, "vitrail index"],
      [texts.waiting, about.waiting.images, "vitrail info"],
      [texts.rejects, about.rejects, "vitrail rejects"],
    ];
    const found = troubles.filter(([, count]) => count > 0);
    return html`<section><h2>${texts.health}</h2>
      ${found.length
        ? html`<ul class="troubles">${found.map(([name, count, command]) => html`<li><span><b>${texts.number(count)}</b> ${name.toLowerCase()}</span>
            <span><code class="code">${command}</code> ${copyButton(command, "quiet text")}</span></li>`)}</ul>`
        : html`<p>${texts.allWell}</p>`}
      <p class="verify"><code class="code">vitrail verify</code> ${copyButton("vitrail verify", "quiet text")} <span class="soft">${texts.verifyNote}</span></p>
    </section>`;
  }

  /** @param {any} about */
  _encoder(about) {
    const spaces = /** @type {Space[]} */ (about.spaces);
    return html`<section><h2>${texts.checkpoint}</h2>
      <p>${about.checkpoint}</p>
      <ul class="spaces">${[...spaces].sort((a, b) => layerOf(a.name) - layerOf(b.name)).map((space) => html`<li>
        <b>${space.name}</b> <span class="soft">${texts.dims(space.dim)}${space.base ? `, ${texts.fitted(space.fitted_rows)}` : nothing}</span>
        <i class="share-bar" title=${texts.weighs(space.share)}><i .style=${`width:${space.share * 100}%`}></i></i>
        <span class="soft">${texts.percent(space.share)}</span></li>`)}</ul>
    </section>`;
  }
}
customElements.define("vitrail-collection", CollectionView);
