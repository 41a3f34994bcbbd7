/** What is known of a collection beside its images: what it holds, its columns, and which others there are. */
import { address, ask } from "./api.js";

/** @import { Column } from "./types.js" */

/**
 * @param {string | null} collection
 * @returns {Promise<{ about: any, columns: Column[], collections: string[] }>}
 */
export async function readAbout(collection) {
  const [about, columns, all] = await Promise.all([
    ask(address("/collection", { collection })),
    ask(address("/columns", { collection })),
    ask(address("/collections")),
  ]);
  const { info, default_weights: weights } = about;
  const spaces = Object.entries(info.spaces).map(([space, told]) => ({ name: space, .../** @type {any} */ (told) }));
  return {
    about: { ...info, name: about.name, weights, spaces, reads_texts: readsTexts(spaces) },
    columns: columns.columns,
    collections: all.collections.map((/** @type {any} */ one) => one.name),
  };
}

/** Whether texts are compared with images, which is done in a space of its own. */
/** @param {{ name: string }[]} spaces */
function readsTexts(spaces) {
  return spaces.some(({ name }) => name.startsWith("proj@"));
}
