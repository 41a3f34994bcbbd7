/** A part of an image, chosen by a frame that is dragged or moved by keys. */
import { html, render } from "../vendor/lit/index.js";
import { texts } from "../texts.js";

const STEP = 0.02;
/** @typedef {{ x: number, y: number, width: number, height: number }} Frame shares of the image */

/**
 * Let a part be chosen.
 *
 * @param {string} source of the image
 * @param {string | null} box the part that is chosen already
 * @returns {Promise<string | null | undefined>} the part in percent; null for all of the image,
 *     undefined where nothing is to change
 */
export async function cropDialog(source, box) {
  await import("../vendor/cropperjs/dist/cropper.esm.min.js");
  const image = await loaded(source);
  const dialog = document.createElement("dialog");
  dialog.className = "dialog crop";
  dialog.setAttribute("aria-label", texts.crop);
  document.body.append(dialog);
  return new Promise((resolve) => {
    /** @param {string | null | undefined} chosen */
    const end = (chosen) => {
      dialog.remove();
      resolve(chosen);
    };
    const size = fit(image);
    render(content(source, size, () => end(boxOf(frameOf(dialog, size))), () => end(null), () => end(undefined)), dialog);
    dialog.addEventListener("cancel", () => end(undefined));
    dialog.showModal();
    place(dialog, size, read(box) ?? { x: 0.2, y: 0.2, width: 0.6, height: 0.6 });
  });
}

/** @type {(source: string, size: [number, number], use: () => void, whole: () => void, leave: () => void) => unknown} */
function content(source, [width, height], use, whole, leave) {
  return html`<h2>${texts.crop}</h2>
    <div class="crop-stage" .style=${`width:${width}px;height:${height}px`}>
      <img src=${source} alt="" width=${width} height=${height}>
      <cropper-canvas .style=${`width:${width}px;height:${height}px`}>
        <cropper-shade theme-color="rgba(0, 0, 0, 0.55)"></cropper-shade>
        <cropper-handle action="select" plain></cropper-handle>
        <cropper-selection movable resizable tabindex="0" role="application" aria-label=${texts.cropHint}>
          <cropper-handle action="move" theme-color="transparent"></cropper-handle>
          ${["n", "e", "s", "w", "ne", "nw", "se", "sw"].map((side) => html`<cropper-handle action="${side}-resize"></cropper-handle>`)}
        </cropper-selection>
      </cropper-canvas>
    </div>
    <form method="dialog" class="dialog-foot">
      <small class="soft">${texts.cropHint}</small>
      <button type="button" class="button quiet" @click=${leave}>${texts.cancel}</button>
      <button type="button" class="button quiet" @click=${whole}>${texts.cropWhole}</button>
      <button type="button" class="button main" @click=${use}>${texts.search}</button>
    </form>`;
}

/** @type {(dialog: HTMLDialogElement, size: [number, number], frame: Frame) => void} */
function place(dialog, [width, height], frame) {
  const selection = /** @type {any} */ (dialog.querySelector("cropper-selection"));
  const set = (/** @type {Frame} */ to) =>
    selection.$change(to.x * width, to.y * height, to.width * width, to.height * height);
  // a frame that would leave the image stays where it is
  selection.addEventListener("change", (/** @type {CustomEvent} */ event) => {
    const { x, y, width: wide, height: high } = event.detail;
    const out = x < -0.5 || y < -0.5 || x + wide > width + 0.5 || y + high > height + 0.5;
    if (out || wide < 8 || high < 8) event.preventDefault();
  });
  customElements.whenDefined("cropper-selection").then(() => requestAnimationFrame(() => set(frame)));
  selection.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const to = moved(frameOf(dialog, [width, height]), event.key, event.shiftKey);
    if (!to) return;
    event.preventDefault();
    set(to);
  });
}

/**
 * The frame moved by an arrow key; with shift, wider, narrower, higher or lower.
 *
 * @type {(frame: Frame, key: string, sized: boolean) => Frame | null}
 */
export function moved(frame, key, sized) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [0, 0];
  if (!dx && !dy) return null;
  if (sized) {
    const width = Math.min(Math.max(frame.width + dx * STEP, 0.05), 1 - frame.x);
    return { ...frame, width, height: Math.min(Math.max(frame.height + dy * STEP, 0.05), 1 - frame.y) };
  }
  const x = Math.min(Math.max(frame.x + dx * STEP, 0), 1 - frame.width);
  return { ...frame, x, y: Math.min(Math.max(frame.y + dy * STEP, 0), 1 - frame.height) };
}

/** @type {(dialog: HTMLDialogElement, size: [number, number]) => Frame} */
function frameOf(dialog, [width, height]) {
  const at = /** @type {any} */ (dialog.querySelector("cropper-selection"));
  return { x: at.x / width, y: at.y / height, width: at.width / width, height: at.height / height };
}

/**
 * A frame as the service takes it, never beyond the image.
 *
 * @param {Frame} frame
 */
export function boxOf({ x, y, width, height }) {
  const percent = (/** @type {number} */ share) => Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10;
  const left = percent(x);
  const top = percent(y);
  const wide = Math.min(percent(width), Math.round((100 - left) * 10) / 10);
  const high = Math.min(percent(height), Math.round((100 - top) * 10) / 10);
  return [left, top, wide, high].map((one) => `${one}%`).join(",");
}

/**
 * @param {string | null} box
 * @returns {Frame | null}
 */
function read(box) {
  const parts = (box ?? "").split(",").map((one) => Number.parseFloat(one) / 100);
  if (parts.length !== 4 || parts.some(Number.isNaN)) return null;
  const [x, y, width, height] = parts;
  return { x, y, width, height };
}

/** @param {string} source */
async function loaded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

/**
 * @param {HTMLImageElement} image
 * @returns {[number, number]} pixels on the page, in which it fits
 */
function fit({ naturalWidth: width, naturalHeight: height }) {
  const scale = Math.min((innerWidth - 72) / width, (innerHeight - 220) / height, Math.max(1, 480 / Math.max(width, height)));
  return [Math.round(width * scale), Math.round(height * scale)];
}
