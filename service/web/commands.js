/** A question for the command line, for curl, for Python, and as a link. */
import { address } from "./api.js";
import { isRanked, toQuery, weightsText } from "./question.js";
import { listAddress, searchBody } from "./request.js";
import { placed } from "./routes.js";
import { texts } from "./texts.js";

/** @import { Condition, Part, Question } from "./types.js" */

const SYMBOLS = /** @type {Record<string, string>} */ ({ is: "=", above: ">", below: "<", at_least: ">=", at_most: "<=", like: "LIKE" });
const K = 60;
const PLAIN = new Set(["id", "name", ...Object.keys(texts.columnNames)]); // no other name is known to be no word of SQL

/**
 * @param {Question} question
 * @param {string} origin
 */
export function asLink(question, origin) {
  const query = toQuery(question);
  return origin + placed(query ? `/?${query}` : "/");
}

/**
 * @param {Question} question
 * @param {(token: string) => string} nameOf an uploaded file's own name
 */
export function asCli(question, nameOf) {
  const words = isRanked(question) ? searched(question, nameOf) : listed(question);
  return words.map(quoted).join(" ");
}

/** @type {(question: Question, nameOf: (token: string) => string) => string[]} */
function searched(question, nameOf) {
  const words = ["vitrail", "search"];
  for (const part of question.positive) {
    if (part.kind === "text") words.push("--text", part.text);
    else if (part.kind === "prompt") words.push("--prompt", part.prompt, "--seeds", `${part.seeds}`);
    else words.push(named(part, nameOf));
  }
  const [only] = question.positive;
  if (question.positive.length === 1 && "box" in only && only.box) words.push("--box", only.box);
  for (const part of question.negative) words.push("--negative", named(part, nameOf));
  words.push("--k", `${K}`);
  if (question.spaces) words.push("--space", weightsText(question.spaces));
  if (question.minScore !== null) words.push("--min-score", `${question.minScore}`);
  if (question.groupBy) words.push("--group-by", question.groupBy);
  if (question.diverse !== null) words.push("--diverse", `${question.diverse}`);
  return [...words, ...filtered(question)];
}

/** @param {Question} question */
function listed(question) {
  const words = ["vitrail", "list", "--limit", `${K}`];
  if (question.drawn !== null) {
    const drawn = ["vitrail", "list", "--random", `${K}`, "--seed", `${question.drawn}`];
    return [...drawn, ...filtered({ ...question, sort: null })];
  }
  return [...words, ...filtered({ ...question, sort: question.sort ?? "-id" })];
}

/** @param {Question} question */
function filtered(question) {
  const words = [];
  const where = whereOf(question);
  if (where) words.push("--where", where);
  if (question.only !== "all") words.push("--only", question.only);
  if (question.sort) words.push(`--sort=${question.sort}`);
  return words;
}

/** @type {(part: Part, nameOf: (token: string) => string) => string} */
function named(part, nameOf) {
  if (part.kind === "image") return `${part.id}`;
  return part.kind === "upload" ? fileWord(nameOf(part.token)) : "";
}

/** @param {string} name of a file, so that it is taken for neither an option nor an image's id */
export function fileWord(name) {
  return /^(-|\d+$)/.test(name) ? `./${name}` : name;
}

/**
 * @param {Question} question
 * @param {string} origin
 */
export function asCurl(question, origin) {
  if (!isRanked(question)) return `curl ${quoted(origin + listAddress(question, { k: K }))}`;
  const to = origin + address("/search", { collection: question.collection });
  const body = JSON.stringify(searchBody(question, { k: K, fields: [] }));
  return `curl ${quoted(to)} --json ${quoted(body)}`;
}

/**
 * @param {Question} question
 * @param {(token: string) => string} nameOf
 */
export function asPython(question, nameOf) {
  const where = whereOf(question);
  /** @type {Record<string, unknown>} */
  const options = {
    k: K,
    spaces: question.spaces,
    min_score: question.minScore,
    where: where || null,
    only: question.only === "all" ? null : question.only,
    group_by: question.groupBy,
    diverse: question.diverse,
    sort: question.sort,
  };
  const given = Object.entries(options)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${literal(value)}`);
  const lines = ["from vitrail import Collection", "", 'pictures = Collection.open("my-pictures")'];
  return [...lines, ...pythonCall(question, nameOf, given)].join("\n");
}

/** @type {(question: Question, nameOf: (token: string) => string, given: string[]) => string[]} */
function pythonCall(question, nameOf, given) {
  if (!isRanked(question)) {
    const sort = literal([question.sort ?? "-id"]);
    const others = given.filter((one) => !/^(k|sort)=/.test(one));
    const drawn = question.drawn === null ? [`limit=${K}`, `sort=${sort}`] : [`sample=${K}`, `seed=${question.drawn}`];
    return [`images = pictures.select(${[...drawn, ...others].join(", ")})`];
  }
  const [first] = question.positive;
  if (first.kind === "text") return [`result = pictures.search_text(${[literal(first.text), ...given].join(", ")})`];
  if (question.positive.some((part) => part.kind === "prompt")) return prompted(question, nameOf, given);
  const asked = question.positive.map((part) => pythonImage(part, nameOf));
  const unlike = question.negative.map((part) => pythonImage(part, nameOf));
  if (unlike.length) asked.push(`negative=[${unlike.join(", ")}]`);
  if (question.positive.length === 1 && "box" in first && first.box) asked.push(`box=${literal(first.box)}`);
  return [`result = pictures.search(${[...asked, ...given].join(", ")})`];
}

/** @type {(part: Part, nameOf: (token: string) => string) => string} */
function pythonImage(part, nameOf) {
  if (part.kind === "image") return `${part.id}`;
  return part.kind === "upload" ? literal(nameOf(part.token)) : "";
}

/** A prompt is asked by one floor below the collection's own functions. */
/** @type {(question: Question, nameOf: (token: string) => string, given: string[]) => string[]} */
function prompted(question, nameOf, given) {
  /** @param {Part} part */
  const query = (part) => {
    if (part.kind === "prompt") return `PromptQuery(${literal(part.prompt)}, seeds=${part.seeds})`;
    if (part.kind === "image") return `ImageQuery(ImageId(${part.id}))`;
    return `ImageQuery(ImageFile(${pythonImage(part, nameOf)}))`;
  };
  const sides = [question.positive, question.negative].map((side) => side.map(query));
  const single = sides[0].length === 1 && !sides[1].length;
  const tuple = (/** @type {string[]} */ side) => `(${side.join(", ")}${side.length === 1 ? "," : ""})`;
  const asked = single ? sides[0][0] : `MixedQuery(${tuple(sides[0])}, ${tuple(sides[1])})`;
  return [
    "from vitrail import SearchOptions",
    "from vitrail.service.operations.query_kinds import ImageQuery, MixedQuery, PromptQuery",
    "from vitrail.service.operations.references import ImageFile, ImageId",
    "from vitrail.service.operations.searching import search",
    "",
    `result = search(pictures, ${asked}, SearchOptions(${given.join(", ")})).result`,
  ];
}

/**
 * A value as Python writes it; none is null.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function literal(value) {
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

/**
 * All filters as one SQL expression.
 *
 * @param {Question} question
 */
export function whereOf(question) {
  const parts = question.conditions.map(conditionSql);
  if (question.where) parts.push(parts.length ? `(${question.where})` : question.where);
  return parts.join(" AND ");
}

/** @param {Condition} condition */
export function conditionSql({ column, comparison, value }) {
  const name = PLAIN.has(column) ? column : `"${column.replaceAll('"', '""')}"`;
  if (comparison === "missing") return `${name} IS ${value === false ? "NOT " : ""}NULL`;
  if (comparison === "has") return `list_contains(${name}, ${sql(value)})`;
  if (comparison === "in") return `${name} IN (${/** @type {unknown[]} */ (value).map(sql).join(", ")})`;
  return `${name} ${SYMBOLS[comparison]} ${sql(value)}`;
}

/** @param {unknown} value */
function sql(value) {
  return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);
}

/** @param {string} word for a shell */
export function quoted(word) {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
