/** Small copies that did not come: whether there is none, or nobody answered, and those are tried again. */

export const ANSWERED = "vitrail-answered"; // told to the window whenever the service has answered
export const AGAIN = 4000; // ms, after which one of them tries whether the service is back

/** @type {Set<HTMLImageElement>} */
const waiting = new Set();
/** @type {WeakMap<HTMLImageElement, string>} what came after all, and could not be drawn */
const tried = new WeakMap();
let timer = 0;

/** @param {Event} event of an image that could not be shown */
export async function lost(event) {
  const image = /** @type {HTMLImageElement} */ (event.target);
  const source = image.src;
  const told = await ask(source);
  if (image.src !== source || image.naturalWidth) return; // another one stands there meanwhile
  if (told === "there" && tried.get(image) !== source) {
    tried.set(image, source);
    image.src = source;
    return;
  }
  mark(image, told === "silent" ? "is-away" : "is-gone");
  if (told === "silent") wait(image);
}

/** @param {Event} event of an image that is shown */
export function came(event) {
  const image = /** @type {HTMLImageElement} */ (event.target);
  waiting.delete(image);
  mark(image, null);
  retry();
}

/**
 * Why a small copy does not come: it is there all the same, there is none, or nobody answers now.
 *
 * @param {string} source
 * @returns {Promise<"there" | "none" | "silent">}
 */
export async function ask(source) {
  try {
    const { ok, status } = await fetch(source, { method: "HEAD" });
    if (ok) return "there";
    return status >= 500 || status === 401 || status === 429 ? "silent" : "none";
  } catch {
    return "silent";
  }
}

/** @param {HTMLImageElement} image */
function wait(image) {
  waiting.add(image);
  timer ||= window.setTimeout(probe, AGAIN);
}

function probe() {
  timer = 0;
  for (const image of waiting) {
    waiting.delete(image);
    if (!image.isConnected) continue;
    again(image); // one is enough: if it comes, all others are asked for
    break;
  }
  if (waiting.size) timer = window.setTimeout(probe, AGAIN);
}

function retry() {
  const all = [...waiting];
  waiting.clear();
  for (const image of all) if (image.isConnected) again(image);
}

/** @param {HTMLImageElement} image */
function again(image) {
  const { src } = image;
  image.src = src; // read anew, as it is set
}

/** @type {(image: HTMLImageElement, as: "is-gone" | "is-away" | null) => void} */
function mark(image, as) {
  const shot = image.closest(".shot");
  for (const one of ["is-gone", "is-away"]) shot?.classList.toggle(one, one === as);
}

addEventListener("online", retry);
addEventListener(ANSWERED, retry);
