/** An image as large as it is, among the others of the answer. */
import { original, thumbnail } from "../api.js";
import { nameOf } from "../words.js";

/** @import { Session } from "../session.js" */

/**
 * @param {Session} session
 * @param {number} id of the image to begin with
 * @param {(id: number) => void} arrived told of the image that was looked at last
 */
export async function zoom(session, id, arrived) {
  const { default: PhotoSwipe } = await import("../vendor/photoswipe/dist/photoswipe.esm.min.js");
  const { collection } = session.question;
  const known = session.hits.some((hit) => hit.id === id);
  const hits = known ? session.hits : [{ id, metadata: await sizeOf(id, collection) }];
  const index = hits.findIndex((hit) => hit.id === id);
  const shown = new PhotoSwipe({
    dataSource: hits.map((hit) => ({
      src: sourceOf(hit, collection),
      msrc: thumbnail(hit, "large", collection),
      width: hit.metadata.width ?? 1024,
      height: hit.metadata.height ?? 1024,
      alt: nameOf(hit.metadata, hit.id),
    })),
    index,
    bgOpacity: 0.96,
    showHideAnimationType: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "fade",
    wheelToZoom: true,
  });
  shown.on("close", () => arrived(hits[shown.currIndex].id));
  shown.init();
}

/** The file itself, where every browser shows its kind and the server gives it; else a large copy. */
/** @type {(image: { id: number, metadata: Record<string, any> }, collection: string | null) => string} */
function sourceOf(image, collection) {
  const shown = /^(jpe?g|png|webp|gif|avif)$/i.test(image.metadata.format ?? "");
  return shown ? original(image, collection) : thumbnail(image, "large", collection);
}

/** @type {(id: number, collection: string | null) => Promise<Record<string, any>>} */
async function sizeOf(id, collection) {
  const image = new Image();
  image.src = thumbnail({ id }, "large", collection);
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}
