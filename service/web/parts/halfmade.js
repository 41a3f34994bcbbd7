/** The image that a job makes, as it is now: asked for again and again while somebody looks. */
import { address } from "../api.js";

/** @import { SessionPart } from "./part.js" */

const LOOK = 700; // ms between two looks

/** Of one view or part of one, which is rendered anew whenever there is another image. */
export class HalfMade {
  /** @param {SessionPart} part */
  constructor(part) {
    this._part = part;
    /** @type {string | null} address of the image */
    this.url = null;
    /** @type {string | null} */
    this._job = null;
    this._looking = 0;
  }

  /** @param {string | null} job whose image is looked at; null for none */
  follow(job) {
    if (job === this._job) return;
    clearInterval(this._looking);
    this._job = job;
    this._show(null);
    if (job) this._looking = window.setInterval(() => this._look(job), LOOK);
  }

  /** @param {string} job */
  async _look(job) {
    if (document.hidden) return;
    const reply = await fetch(address(`/jobs/${job}/preview`)).catch(() => null);
    if (reply?.status !== 200) return;
    const image = await reply.blob();
    if (this._job === job) this._show(URL.createObjectURL(image));
  }

  /** @param {string | null} url */
  _show(url) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = url;
    this._part.requestUpdate();
  }
}
