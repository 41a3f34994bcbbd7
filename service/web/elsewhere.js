/** What a view asks, as other doors are asked it: the command line, curl and Python. */
import { address } from "./api.js";
import { auditBody, readAudit } from "./auditing.js";
import { asCli, asCurl, asPython, fileWord, literal, quoted } from "./commands.js";
import { labelsJob, readLabels } from "./labelling.js";
import { certain, readOrder, readPart, redrawOf, strengthOf } from "./making.js";
import { guardOf, jobOf } from "./ordering.js";
import { mapCommand, readMap } from "./mapping.js";
import { fromQuery } from "./question.js";
import { texts } from "./texts.js";

/** @import { Order } from "./making.js" */
/** @import { ImagePart } from "./types.js" */

/**
 * @typedef {{ cli: string, curl: string, python: string }} Elsewhere
 * @typedef {{ id: number | null, search: string, origin: string, nameOf: (token: string) => string }} Seen
 *   `id` of the image that is shown, `search` of the address, `nameOf` an uploaded file's own name
 * @typedef {(seen: Seen) => { words: string[], rest?: string[], to: string, body?: unknown, python: string[] }} Asks
 *   words of a command and, after all options, what it is about; address and body of a request
 */

const OPENED = ["from vitrail import Collection", "", 'pictures = Collection.open("my-pictures")'];
const UNKNOWN = { name: "image.jpg", token: "0".repeat(64) }; // where no image was chosen yet
const MASK = "mask.png"; // what is painted stands in no address

const BEGUN = { generate: [], "image-to-image": ["image"], inpaint: ["image"], style: ["content", "style"] }; // images of a task

/**
 * @param {string} view
 * @param {Seen} seen
 * @returns {Elsewhere}
 */
export function elsewhere(view, seen) {
  if (view === "map") {
    const map = readMap(seen.search);
    return { cli: mapCommand("cli", map, seen.origin), curl: mapCommand("curl", map, seen.origin), python: mapCommand("python", map, seen.origin) };
  }
  const asks = ASKS[view];
  if (!asks) {
    const question = fromQuery(seen.search);
    return { cli: asCli(question, seen.nameOf), curl: asCurl(question, seen.origin), python: asPython(question, seen.nameOf) };
  }
  const { words, rest = [], to, body, python } = asks(seen);
  const about = rest.some((one) => one.startsWith("-")) ? ["--", ...rest] : rest;
  const json = body === undefined ? "" : ` --json ${quoted(JSON.stringify(body))}`;
  return {
    cli: ["vitrail", ...words, ...about].map(quoted).join(" "),
    curl: `curl ${quoted(seen.origin + to)}${json}`,
    python: python.join("\n"),
  };
}

/** @type {Record<string, Asks>} views whose question is no search */
const ASKS = {
  image({ id, search }) {
    const where = `id = ${id}`;
    const { collection } = fromQuery(search);
    return {
      words: ["list", "--where", where, "--json"],
      to: address(`/images/${id}`, { collection }),
      python: [...OPENED, `[image] = pictures.select(where=${literal(where)})`],
    };
  },
  make(seen) {
    const read = readOrder(seen.search);
    const order = { ...read, prompt: read.prompt.trim() || texts.promptHint };
    const { to, body } = jobOf({ ...order, seed: order.seed ?? 0 }, UNKNOWN.token);
    const images = BEGUN[order.task].map((name) => [name, body[name] ?? { upload: UNKNOWN.token }]);
    return { ...made(order, seen), to, body: { ...body, ...Object.fromEntries(images) } };
  },
  compare({ search, nameOf }) {
    const query = new URLSearchParams(search);
    const collection = query.get("collection");
    const both = [readPart(query.get("a")), readPart(query.get("b"))];
    const [a, b] = both;
    const known = a?.kind === "image" && b?.kind === "image";
    return {
      words: ["compare"],
      rest: both.map((part) => word(part, nameOf)),
      ...(known
        ? { to: address("/compare-images", { collection, query: { a: a.id, b: b.id } }) }
        : { to: address("/compare-images", { collection }), body: { a: reference(a), b: reference(b) } }),
      python: [...OPENED, `found = pictures.compare_images(${both.map((part) => value(part, nameOf)).join(", ")})`],
    };
  },
  sets({ search }) {
    const query = new URLSearchParams(search);
    const a = query.get("a") || "generated";
    const b = query.get("b");
    return {
      words: ["compare", "--a", a, ...(b ? ["--b", b] : [])],
      to: address("/compare", { collection: query.get("collection") }),
      body: b ? { a, b } : { a },
      python: [...OPENED, `found = pictures.compare(${(b ? [a, b] : [a]).map(literal).join(", ")})`],
    };
  },
  duplicates({ search }) {
    const query = new URLSearchParams(search);
    const alike = query.has("alike");
    return {
      words: ["duplicates", ...(alike ? ["--look-alikes"] : [])],
      to: address("/duplicates", { collection: query.get("collection") }),
      body: alike ? { look_alikes: true } : {},
      python: [...OPENED, `found = pictures.duplicates(${alike ? "look_alikes=True" : ""})`],
    };
  },
  audit({ search }) {
    const order = readAudit(search);
    const body = auditBody(order);
    const { generated, against, ...options } = body;
    const planted = "originals" in body ? ["--planted", `${body.originals}`] : [];
    return {
      words: ["audit", "--generated", generated, "--against", against, ...(order.pixels ? [] : ["--no-pixels"]), ...planted],
      to: address("/audit", { collection: order.collection }),
      body,
      python: [...OPENED, `found = pictures.audit(${call([generated, against], options)})`],
    };
  },
  classify({ search, nameOf }) {
    const order = readLabels(search);
    const { what, by, labels, least, images } = order;
    const { kind, body } = labelsJob(order);
    const sure = least > 0 && what !== "suspects" ? { min_probability: least } : {};
    const words = [kind, ...(kind === "labels" ? [what] : []), ...(by === "head" ? [] : ["--labels", labels]), "--by", by];
    if (kind === "classify") words.push("--top", `${body.top}`);
    if (sure.min_probability) words.push("--min-probability", `${least}`);
    if (typeof body.where === "string") words.push("--where", body.where);
    if (typeof body.write === "string") words.push("--write", body.write);
    const { what: _, images: __, labels: column, ...options } = body;
    const name = { tell: "classify", report: "assess_labels", suspects: "suspect_labels" }[what];
    const given = kind === "labels" ? [literal(column)] : images.map((part) => value(part, nameOf));
    const all = kind === "labels" ? options : { ...(column ? { labels: column } : {}), ...options };
    return {
      words,
      rest: kind === "classify" ? images.map((part) => word(part, nameOf)) : [],
      to: address(`/${kind}`, { collection: order.collection }),
      body,
      python: [...OPENED, `found = pictures.${name}(${[...given, call([], all)].filter(Boolean).join(", ")})`],
    };
  },
  collection({ search }) {
    return {
      words: ["info"],
      to: address("/collection", { collection: new URLSearchParams(search).get("collection") }),
      python: [...OPENED, "print(pictures.store.info)"],
    };
  },
};

/** @type {(order: Order, seen: Seen) => { words: string[], rest: string[], python: string[] }} */
function made(order, { nameOf }) {
  const { task, prompt, negative, n, seed, steps, guidance, sampler, model, width, height, image, style } = order;
  const name = { generate: "generate", "image-to-image": "img2img", inpaint: "inpaint", style: "style" }[task];
  const sized = task === "inpaint" ? [] : [["--width", width], ["--height", height]];
  const guard = guardOf(order);
  const guarded = guard ? [["--guard", guard.rate], ["--against", guard.against ?? null], ["--retries", guard.retries ?? null], ["--mark", guard.mark ?? null]] : [];
  const own = {
    generate: guarded,
    "image-to-image": [["--strength", strengthOf(order)]],
    inpaint: [["--mask", MASK], ["--strength", strengthOf(order)], ["--feather", order.feather || null]],
    style: [["--prompt", prompt], ["--style-strength", order.look], ["--content-strength", redrawOf(order)], ["--method", order.method]],
  }[task];
  const chance = certain(order) ? [["--n", 1]] : [["--n", n], ["--seed", seed], ["--scheduler", sampler]];
  const options = [...chance, ["--negative", negative || null], ["--steps", steps], ["--guidance", guidance], ["--model", model], ...sized, ...own];
  const begun = { generate: [], "image-to-image": [image], inpaint: [image], style: [image, style] }[task].map((part) => word(part, nameOf));
  return {
    words: [name, ...options.filter(([, given]) => given !== null).map(([option, given]) => [`${option}`, `${given}`]).flat()],
    rest: task === "style" ? begun : [...begun, prompt],
    python: drawn(order, nameOf),
  };
}

/** What is made is asked for one floor below the collection's own functions. */
/** @type {(order: Order, nameOf: (token: string) => string) => string[]} */
function drawn(order, nameOf) {
  const { task, prompt, negative, n, seed, steps, guidance, sampler, model, width, height } = order;
  const image = (/** @type {ImagePart | null} */ part) => (part?.kind === "image" ? `ImageId(${part.id})` : `ImageFile(${literal(word(part, nameOf))})`);
  const words = literal(prompt);
  const [name, tasked] = {
    generate: ["TextToImage", `(${words},)`],
    "image-to-image": ["ImageToImage", `${image(order.image)}, ${words}, ${strengthOf(order)}`],
    inpaint: ["Inpaint", `${image(order.image)}, ${words}, ImageFile(${literal(MASK)}), ${strengthOf(order)}, ${order.feather}`],
    style: ["StyleTransfer", `${image(order.image)}, ${image(order.style)}, ${words}, ${order.look}, ${redrawOf(order)}, ${literal(order.method)}`],
  }[task];
  const chance = certain(order) ? {} : { n, seed, scheduler: sampler };
  const sampling = call([], { ...chance, negative_prompt: negative || null, steps, guidance });
  const guard = guardOf(order);
  const { rate, ...more } = guard ?? {};
  const guarded = guard ? `guard=GuardOptions(${call([rate], more)})` : "";
  const options = [call([], { model, ...(task === "inpaint" ? {} : { width, height }) }), guarded].filter(Boolean).join(", ");
  return [
    "from pathlib import Path",
    "",
    "from vitrail.generator.checks import Sampling",
    "from vitrail.service.operations.generating import generate",
    ...(guard ? ["from vitrail.service.operations.guarding import GuardOptions"] : []),
    ...(task === "generate" ? [] : ["from vitrail.service.operations.references import ImageFile, ImageId"]),
    `from vitrail.service.operations.tasks import GenerationOptions, ${name}`,
    "",
    `how = GenerationOptions(${[`Sampling(${sampling})`, options].filter(Boolean).join(", ")})`,
    `made = generate(Path("my-pictures"), ${name}(${tasked}), how)`,
  ];
}

/** Arguments of a call, without those that are not given. */
/** @type {(placed: unknown[], named: Record<string, unknown>) => string} */
function call(placed, named) {
  const given = Object.entries(named).filter(([, one]) => one !== null && one !== undefined);
  return [...placed.map(literal), ...given.map(([name, one]) => `${name}=${literal(one)}`)].join(", ");
}

/** @type {(part: ImagePart | null, nameOf: (token: string) => string) => string} */
function word(part, nameOf) {
  if (!part) return UNKNOWN.name;
  return part.kind === "image" ? `${part.id}` : fileWord(nameOf(part.token));
}

/** @type {(part: ImagePart | null, nameOf: (token: string) => string) => string} */
function value(part, nameOf) {
  return part?.kind === "image" ? `${part.id}` : literal(word(part, nameOf));
}

/** @param {ImagePart | null} part */
function reference(part) {
  if (!part) return { upload: UNKNOWN.token };
  return part.kind === "image" ? { id: part.id } : { upload: part.token };
}
