/** The images that are marked, to do something with all of them; they stay so from one question to the next. */

export class Marks extends EventTarget {
  constructor() {
    super();
    /** @type {Set<number>} */
    this.ids = new Set();
  }

  /** @param {number} id */
  turn(id) {
    if (!this.ids.delete(id)) this.ids.add(id);
    this.dispatchEvent(new Event("change"));
  }

  clear() {
    if (!this.ids.size) return;
    this.ids.clear();
    this.dispatchEvent(new Event("change"));
  }
}
