/**
 * Brings the libraries of the page into this folder, and writes manifest.json of them.
 *
 *     node service/web/vendor/fetch.mjs
 *
 * To change a version, change it below and run this again: npm checks the package's own checksum.
 * Browsers know no package names, and a map of them would be an inline script, which the page's
 * policy refuses: so every import of a package by its name is written as a path.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
/** Package -> its version, and the files to begin with; what these import comes along. */
const PACKAGES = {
  lit: { version: "3.3.3", files: ["index.js"] },
  "lit-html": {
    version: "3.3.3",
    files: ["directives/live.js", "directives/ref.js", "directives/repeat.js", "directives/keyed.js"],
  },
  "lit-element": { version: "4.2.2", files: [] },
  "@lit/reactive-element": { version: "2.1.2", files: [] },
  photoswipe: {
    version: "5.4.4",
    files: ["dist/photoswipe.esm.min.js", "dist/photoswipe.css"],
  },
  cropperjs: { version: "2.2.0", files: ["dist/cropper.esm.min.js"] },
  // the page of the API's documentation, at /docs
  "swagger-ui-dist": {
    version: "5.35.0",
    files: ["swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css", "NOTICE"],
  },
};
/** What only the tests need, and where it goes. */
const FOR_TESTS = { name: "axe-core", version: "4.14.1", files: ["axe.min.js", "LICENSE"] };
const TESTS = path.join(HERE, "../../../tests/service/web/vendor");
/** Files that are meant where a package is imported by its name alone, and their types. */
const MAIN = {
  lit: "index.js",
  "lit-html": "lit-html.js",
  "lit-element": "index.js",
  "@lit/reactive-element": "reactive-element.js",
};
const TYPES = {
  "photoswipe/dist/photoswipe.esm.min.js": "dist/types/photoswipe.d.ts",
  "cropperjs/dist/cropper.esm.min.js": "dist/cropper.d.ts",
};
const IMPORTS = /((?:\bfrom|\bimport)\s*\(?\s*)(["'])([^"']+)\2/g;

const work = fs.mkdtempSync(path.join(os.tmpdir(), "vitrail-vendor-"));
const taken = new Map();
const integrity = {};
for (const [name, { version }] of Object.entries(PACKAGES)) unpack(name, version);
for (const [name, { files }] of Object.entries(PACKAGES)) {
  for (const file of files) take(name, file);
}
write();
unpack(FOR_TESTS.name, FOR_TESTS.version);
for (const file of FOR_TESTS.files) {
  const to = path.join(TESTS, FOR_TESTS.name, file);
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(path.join(work, FOR_TESTS.name, file), to);
}
fs.rmSync(work, { recursive: true });

/** @type {(name: string, version: string) => void} */
function unpack(name, version) {
  const packed = execFileSync(
    "npm",
    ["pack", "--json", "--pack-destination", work, `${name}@${version}`],
    { encoding: "utf-8", cwd: work },
  );
  const told = JSON.parse(packed);
  const { filename, integrity: checksum } = Array.isArray(told) ? told[0] : Object.values(told)[0];
  integrity[name] = checksum;
  fs.mkdirSync(path.join(work, name), { recursive: true });
  execFileSync("tar", ["xzf", filename, "-C", path.join(work, name), "--strip-components=1"], {
    cwd: work,
  });
}

/** Take a file, its types where it has them, and all that they import. */
function take(name, file) {
  const key = `${name}/${file}`;
  const source = path.join(work, name, file);
  if (taken.has(key)) return;
  let text = fs.readFileSync(source, "utf-8").replace(/\n?\/\/# sourceMappingURL=.*\n?/g, "\n");
  taken.set(key, text);
  if (!/\.(js|ts)$/.test(file)) return;
  text = text.replace(IMPORTS, (whole, before, quote, wanted) => {
    const [other, inner] = resolve(name, file, wanted);
    if (other === null) return whole;
    take(other, inner);
    return before + quote + relative(name, file, other, inner) + quote;
  });
  taken.set(key, text);
  const types = TYPES[key] ?? file.replace(/\.js$/, ".d.ts");
  if (file.endsWith(".js") && fs.existsSync(path.join(work, name, types))) {
    take(name, types);
    const beside = `${name}/${file.replace(/\.js$/, ".d.ts")}`;
    if (!taken.has(beside)) {
      const to = `./${path.posix.relative(path.posix.dirname(file), types)}`.replace(".d.ts", ".js");
      taken.set(beside, `export * from "${to}";\nexport { default } from "${to}";\n`);
    }
  }
}

/** The package and the file that an import means; null for a package that is not ours to bring. */
function resolve(name, file, wanted) {
  const types = file.endsWith(".d.ts");
  const named = (inner) => (types ? inner.replace(/(\.js)?$/, ".d.ts") : inner);
  if (wanted.startsWith(".")) {
    return [name, named(path.posix.join(path.posix.dirname(file), wanted))];
  }
  const other = Object.keys(PACKAGES).find((one) => `${wanted}/`.startsWith(`${one}/`));
  if (other === undefined) return [null, ""];
  return [other, named(wanted.slice(other.length + 1) || MAIN[other])];
}

function relative(name, file, other, inner) {
  const to = path.posix.relative(path.posix.dirname(`${name}/${file}`), `${other}/${inner}`);
  return (to.startsWith(".") ? to : `./${to}`).replace(/\.d\.ts$/, ".js");
}

function write() {
  for (const name of fs.readdirSync(HERE)) {
    if (fs.statSync(path.join(HERE, name)).isDirectory()) {
      fs.rmSync(path.join(HERE, name), { recursive: true });
    }
  }
  const manifest = {};
  for (const [name, { version }] of Object.entries(PACKAGES)) {
    const about = JSON.parse(fs.readFileSync(path.join(work, name, "package.json"), "utf-8"));
    const licence = fs.readdirSync(path.join(work, name)).find((one) => /^licen[cs]e/i.test(one));
    if (licence) taken.set(`${name}/LICENSE`, fs.readFileSync(path.join(work, name, licence), "utf-8"));
    const files = {};
    for (const [key, text] of [...taken].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!key.startsWith(`${name}/`)) continue;
      const to = path.join(HERE, key);
      fs.mkdirSync(path.dirname(to), { recursive: true });
      fs.writeFileSync(to, text);
      files[key] = createHash("sha256").update(text).digest("hex");
    }
    manifest[name] = { version, licence: about.license, npm: integrity[name], files };
  }
  fs.writeFileSync(path.join(HERE, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
