/** Columns of the user's own, set on images, cleared and taken back. */
import { address, ask, post, Problem } from "./api.js";
import { texts } from "./texts.js";

/** @import { Session } from "./session.js" */
/** @import { Column } from "./types.js" */

/**
 * @typedef {string | number | boolean | null} Value
 * @typedef {{ column: string, ids: number[], before: Value[], after: Value[], set: number }} Change of a column: what was there
 *   before, and what it holds of that; on how many images it was set, as some may have been taken out
 */

const TOGETHER = 200; // ids of one request's address
const PAGE = 1000;

/**
 * Why nothing may be written from here; empty where it may.
 *
 * @returns {Promise<string>}
 */
export async function refusal() {
  const { scope, read_only: only } = await ask(address("/session"));
  if (only) return texts.onlyReads;
  return scope === "write" || scope === "admin" ? "" : texts.readKey;
}

/**
 * What is typed, as the column holds it; a new one holds numbers where they are given.
 *
 * @type {(text: string, column: Column | undefined) => Value}
 */
export function valueOf(text, column) {
  const number = text.trim() === "" ? NaN : Number(text);
  const kind = column?.kind.toLowerCase() ?? "";
  if (/bool/.test(kind) && /^(true|yes|false|no)$/i.test(text.trim())) return /^(true|yes)$/i.test(text.trim());
  const numeric = !column || /int|double|float|number|decimal/.test(kind);
  return numeric && Number.isFinite(number) ? number : text.trim();
}

/**
 * The column of the user's own that a name means: upper and lower case are the same.
 *
 * @type {(columns: Column[], name: string) => Column | undefined}
 */
export function ownColumn(columns, name) {
  return columns.find((one) => one.own && one.name.toLowerCase() === name.toLowerCase());
}

/**
 * Set a column on images in one commit, to one value for all or to one for each; told to whoever shows it by an event `labelled` of the session.
 *
 * @type {(session: Session, ids: number[], column: string, value: Value | Value[]) => Promise<Change>}
 */
export async function annotate(session, ids, column, value) {
  const { name, values: before } = await heldOf(session, ids, column);
  const set = await write(session, ids, name, value);
  if (!set) throw new Problem("not-found", texts.takenOut(ids.length));
  const { values: after } = await heldOf(session, ids, name);
  return { column: name, ids, before, after, set };
}

/**
 * Set what was there before, where nobody has changed it since; of how many images somebody has.
 *
 * @type {(session: Session, change: Change) => Promise<number>}
 */
export async function takeBack(session, { ids, column, before, after }) {
  const { values: now } = await heldOf(session, ids, column);
  const mine = [...ids.keys()].filter((at) => JSON.stringify(now[at]) === JSON.stringify(after[at]));
  if (mine.length) await write(session, mine.map((at) => ids[at]), column, mine.map((at) => before[at]));
  return ids.length - mine.length;
}

/** @type {(session: Session, ids: number[], column: string, value: Value | Value[]) => Promise<number>} */
async function write(session, ids, column, value) {
  const { collection } = session.question;
  const { images } = await post(address("/annotations", { collection }), { ids, columns: { [column]: value } });
  await session.learn();
  session.dispatchEvent(new CustomEvent("labelled", { detail: column }));
  return images;
}

/**
 * A column as it is now, which another page may have made since this one was opened: its name as it
 * is spelt, and what images hold of it.
 *
 * @type {(session: Session, ids: number[], column: string) => Promise<{ name: string, values: Value[] }>}
 */
async function heldOf(session, ids, column) {
  const { columns } = await ask(address("/columns", { collection: session.question.collection }));
  const known = ownColumn(columns, column);
  if (!known) return { name: column, values: ids.map(() => null) };
  return { name: known.name, values: await valuesOf(session, ids, known.name) };
}

/** @type {(session: Session, ids: number[], column: string) => Promise<Value[]>} */
async function valuesOf(session, ids, column) {
  const told = await readImages(session, ids, [column]);
  const values = new Map(told.map(({ id, metadata }) => [id, valueIn(metadata, column)]));
  return ids.map((id) => values.get(id) ?? null);
}

/**
 * Images by their ids, in that order, without those that are gone.
 *
 * @type {(session: Session, ids: number[], fields: string[]) => Promise<{ id: number, metadata: Record<string, any> }[]>}
 */
export async function readImages(session, ids, fields) {
  const found = new Map();
  for (let at = 0; at < ids.length; at += TOGETHER) {
    const some = ids.slice(at, at + TOGETHER);
    const query = { filter: JSON.stringify({ column: "id", in: some }), fields: fields.join(","), k: some.length };
    const { images } = await ask(address("/images", { collection: session.question.collection, query }));
    for (const one of images) found.set(one.id, one);
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

/**
 * A column of all images that pass a filter, by id.
 *
 * @type {(session: Session, column: string, passing: { where: string, only: string }) => Promise<Map<number, any>>}
 */
export async function readColumn(session, column, { where, only }) {
  const values = new Map();
  /** @type {string | null} */
  let after = null;
  do {
    const query = { where: where.trim(), only: only === "all" ? null : only, fields: column, sort: "id", k: PAGE, after };
    const page = await ask(address("/images", { collection: session.question.collection, query }));
    for (const { id, metadata } of page.images) values.set(id, valueIn(metadata, column));
    after = page.next;
  } while (after);
  return values;
}

/** @type {(metadata: Record<string, any>, column: string) => any} */
export function valueIn(metadata, column) {
  return metadata[column] ?? metadata.own?.[column] ?? null;
}
