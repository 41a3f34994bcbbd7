/** What the page is at: the question in its address, the answer so far, and what is known beside. */
import { address, ask, post, Problem, upload } from "./api.js";
import { readAbout } from "./about.js";
import { Marks } from "./marks.js";
import { promptOf, searchByJob } from "./drawing.js";
import { BACK } from "./reach.js";
import { askedBy, fromQuery, isRanked, nothing, toQuery, withImage } from "./question.js";
import { listAddress, searchBody } from "./request.js";
import { placed, readRoute } from "./routes.js";
import { texts } from "./texts.js";

/** @import { Route } from "./routes.js" */
/** @import { Answer, Column, Hit, ImagePart, Part, Question } from "./types.js" */

/**
 * @typedef {{ token: string, name: string, url: string }} Uploaded
 * @typedef {"waiting" | "done" | "failed"} Status
 */

const PAGE = 60;
export const TOGETHER = 8; // images that one question is asked with
const SETTLED = 160; // ms without a further change, before sliders are asked with

/** Changes are told by an event `change`. */
export class Session extends EventTarget {
  constructor() {
    super();
    /** @type {Route} */
    this.route = readRoute(location.pathname);
    /** @type {Question} */
    this.question = fromQuery(location.search);
    /** @type {Hit[]} */
    this.hits = [];
    /** @type {Answer | null} of the last page */
    this.answer = null;
    /** @type {number | null} how many images pass, where that is told */
    this.total = null;
    /** @type {Status} */
    this.status = "waiting";
    this.turned = false; // whether the question was turned and has yet to be asked
    /** @type {Problem | null} */
    this.problem = null;
    /** @type {string | null} what is being done beside searching */
    this.doing = null;
    /** @type {import("./jobs.js").Job | null} that draws what is asked with */
    this.drawing = null;
    this._drew = "";
    /** @type {any} what the collection holds, once it is known */
    this.about = null;
    /** @type {Column[]} */
    this.columns = [];
    /** @type {string[]} */
    this.collections = [];
    /** @type {Map<string, Uploaded>} */
    this.uploads = new Map();
    this.marks = new Marks();
    this.marks.addEventListener("change", () => this._tell());
    this.began = 0;
    /** @type {AbortController | null} */
    this._asking = null;
    this._more = false;
    this._lacks = false; // whether nobody answered for the next page
    this._timer = 0;
    addEventListener("popstate", () => this._moved());
    addEventListener(BACK, () => this._returned());
  }

  get ranked() {
    return isRanked(this.question);
  }

  /** Ask what the address says, and what the collection is. */
  async begin() {
    this.search();
    await this.learn();
  }

  /** What is known of the collection, read anew. */
  async learn() {
    try {
      const known = await readAbout(this.question.collection);
      [this.about, this.columns, this.collections] = [known.about, known.columns, known.collections];
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (this.status !== "failed") this._fail(error);
    }
    this._tell();
  }

  /**
   * Ask something else: a step that the browser can go back from.
   *
   * @param {Question} question
   */
  go(question) {
    this._leave();
    this.question = question;
    history.pushState(null, "", this.href(question));
    this.route = readRoute(location.pathname);
    scrollTo(0, 0);
    this.search();
  }

  /**
   * The same question turned a little: asked once it has settled, and no step of its own.
   *
   * @param {Question} question
   */
  turn(question) {
    this.question = question;
    history.replaceState(history.state, "", this.href(question));
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this.search(), SETTLED);
    this.turned = true;
    this._tell();
  }

  /** @param {Question} question */
  href(question) {
    const query = toQuery(question);
    return placed(query ? `/?${query}` : "/");
  }

  /** @param {number} id of an image, opened from the answer that is there */
  imageHref(id) {
    const query = toQuery(this.question);
    return placed(query ? `/image/${id}?${query}` : `/image/${id}`);
  }

  /**
   * The address of a view over the collection that is looked at; the first one goes without saying.
   *
   * @param {string} path of the view, perhaps with a query
   */
  here(path) {
    const { collection } = this.question;
    if (!collection || /[?&]collection=/.test(path)) return placed(path);
    return placed(`${path}${path.includes("?") ? "&" : "?"}collection=${encodeURIComponent(collection)}`);
  }

  /** @param {string} to a view of this page */
  open(to) {
    const path = this.here(to);
    if (path === location.pathname + location.search) return;
    this._leave();
    history.pushState({ from: this.route.view }, "", path);
    this._moved();
    scrollTo(0, 0);
  }

  /** Ask from the first page on; an answer that is on its way is dropped. */
  async search() {
    clearTimeout(this._timer);
    this._asking?.abort();
    this.drawing = null;
    const asking = new AbortController();
    this._asking = asking;
    this._more = false;
    this.status = "waiting";
    this.turned = false;
    this.problem = null;
    this.began = performance.now();
    this._tell();
    try {
      const answer = await this._page(null, asking.signal);
      if (asking.signal.aborted) return;
      this.answer = answer;
      this.hits = answer.hits;
      this.status = "done";
    } catch (error) {
      if (asking.signal.aborted) return;
      this._fail(error);
    }
    this._draws(null);
    this._tell();
  }

  /** Leave a question that takes long, for the images of the collection. */
  leave() {
    this.go({ ...this.question, positive: [], negative: [] });
  }

  /** The next page of the answer, where there is one. */
  async more() {
    const after = this.answer?.next;
    if (!after || this._more || this.status !== "done" || !this._asking) return;
    this._more = true;
    const { signal } = this._asking;
    try {
      const answer = await this._page(after, signal);
      if (signal.aborted) return;
      this.answer = { ...answer, query: this.answer?.query ?? answer.query };
      const known = new Set(this.hits.map((hit) => hit.id));
      this.hits = [...this.hits, ...answer.hits.filter((hit) => !known.has(hit.id))];
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      this.dispatchEvent(new CustomEvent("notice", { detail: error.detail }));
      this._lacks = error.isSilence;
    } finally {
      if (!signal.aborted) this._more = false;
    }
    this._tell();
  }

  /**
   * Ask with files: the first one anew, or all of them beside what is asked already.
   *
   * @param {Blob[]} files
   * @param {boolean} [beside]
   */
  async askWith(files, beside = false) {
    const parts = /** @type {ImagePart[]} */ ([]);
    for (const file of files) {
      const name = file instanceof File && file.name ? file.name : texts.pasted;
      this.doing = texts.uploading(name);
      this._tell();
      try {
        const { upload: token } = await upload(file);
        this.uploads.set(token, { token, name, url: URL.createObjectURL(file) });
        parts.push({ kind: "upload", token });
      } catch (error) {
        this.dispatchEvent(new CustomEvent("notice", { detail: `${name}: ${/** @type {Problem} */ (error).detail}` }));
      }
    }
    this.doing = null;
    this._tell();
    if (!parts.length) return;
    let question = beside ? this.question : askedBy(this.question, []);
    for (const part of parts) question = withImage(question, part, "positive");
    this.go(question);
  }

  /** @param {Part} part */
  askBy(part) {
    this.go(askedBy(this.question, [part]));
  }

  /**
   * Ask by images that belong together, such as those that one prompt made.
   *
   * @param {number[]} ids
   */
  askLike(ids) {
    const positive = ids.slice(0, TOGETHER).map((id) => /** @type {const} */ ({ kind: "image", id }));
    this.go(askedBy({ ...nothing(), collection: this.question.collection }, positive));
  }

  /** @param {string} token of an upload */
  nameOf(token) {
    return this.uploads.get(token)?.name ?? "photo.jpg";
  }

  /**
   * @param {string | null} after
   * @param {AbortSignal} signal
   * @returns {Promise<Answer>}
   */
  async _page(after, signal) {
    const { question } = this;
    const { collection } = question;
    if (isRanked(question)) {
      this.total = null;
      const drawn = after === null ? await this._drawn(signal) : null;
      return drawn ?? post(address("/search", { collection }), searchBody(question, { k: PAGE, after }), { signal });
    }
    const list = await ask(listAddress(question, { k: PAGE, after }), { signal });
    this.total = list.total ?? null;
    return { ...list, hits: list.images.map(unranked), query: null, scale: null, evidence: null };
  }

  /** The answer to a prompt whose images have yet to be drawn; null to any other question. */
  /** @param {AbortSignal} signal */
  async _drawn(signal) {
    const prompt = JSON.stringify(promptOf(this.question));
    if (prompt === "null" || prompt === this._drew) return null; // its images are kept
    const answer = await searchByJob(this.question, PAGE, signal, (job) => this._draws(job));
    this._drew = prompt;
    return answer;
  }

  /** @param {import("./jobs.js").Job | null} job */
  _draws(job) {
    this.drawing = job;
    this._tell();
  }

  /** @param {unknown} error */
  _fail(error) {
    if (!(error instanceof Problem)) throw error;
    this.status = "failed";
    this.problem = error;
    this.hits = [];
    this.answer = null;
  }

  /** The service answers again: what it did not answer is asked anew. */
  _returned() {
    const { problem, _lacks: lacks } = this;
    this._lacks = false;
    if (!this.about || problem?.isSilence) this.learn();
    if (problem?.isSilence) this.search();
    else if (lacks) this.more();
  }

  /** Remember how far the page was scrolled, for whoever comes back. */
  _leave() {
    history.replaceState({ ...(history.state ?? {}), y: scrollY }, "");
  }

  _moved() {
    const before = toQuery(this.question);
    const { collection } = this.question;
    this.route = readRoute(location.pathname);
    this.question = fromQuery(location.search);
    if (toQuery(this.question) !== before) this.search();
    if (this.question.collection !== collection) {
      this.marks.clear(); // ids mean others there
      this.learn();
    }
    this._tell();
    const y = history.state?.y;
    if (typeof y === "number") requestAnimationFrame(() => requestAnimationFrame(() => scrollTo(0, y)));
  }

  _tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * An image of a list as one of an answer.
 *
 * @param {any} image
 * @returns {Hit}
 */
function unranked({ id, metadata }) {
  return { id, score: null, fpr: null, closeness: null, scores: {}, group: null, metadata };
}
