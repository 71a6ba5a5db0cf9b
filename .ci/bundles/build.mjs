/* The two libraries of the book's pages, each as one file: npm ci --ignore-scripts && npm run build [FOLDER]

Each file begins with the packages that it holds, their versions and their licenses, and is a script that sets one global
name, since a page that is read from a file can load scripts, but no modules. bundles.json lists the files with their
hashes. The same package-lock.json gives the same bytes; tests/book/test_bundles.py builds them again. */

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "../../minigen/course/book/web/bundles"));
const BUNDLES = { codemirror: "CodeMirror", fflate: "fflate" }; // file -> global name

/* The folder of the package that a file of node_modules belongs to: "node_modules/@codemirror/view". */
const packageOf = (file) => file.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];

const described = async (folder) => {
  const { name, version, license } = JSON.parse(await readFile(path.join(here, folder, "package.json"), "utf8"));
  const text = await readFile(path.join(here, folder, "LICENSE"), "utf8");
  return { name, version, license, text: text.trim() };
};

await mkdir(out, { recursive: true });
const listed = {};
for (const [file, globalName] of Object.entries(BUNDLES)) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: here,
    entryPoints: [`${file}.js`],
    bundle: true,
    minify: true,
    format: "iife",
    globalName,
    target: "es2022",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const used = Object.entries(Object.values(metafile.outputs)[0].inputs).filter(([, { bytesInOutput }]) => bytesInOutput);
  const folders = [...new Set(used.map(([input]) => packageOf(input)).filter(Boolean))].sort();
  const packages = await Promise.all(folders.map(described));
  const names = packages.map(({ name, version, license }) => `${name} ${version} (${license})`);
  const licenses = [...new Set(packages.map(({ text }) => text))];
  const text = `/*! ${names.join(", ")}, bundled by .ci/bundles/build.mjs.\n\n${licenses.join("\n\n----\n\n")}\n*/\n${outputFiles[0].text}`;
  await writeFile(path.join(out, `${file}.js`), text);
  listed[`${file}.js`] = { packages: names, sha256: createHash("sha256").update(text).digest("hex") };
}
await writeFile(path.join(out, "bundles.json"), `${JSON.stringify(listed, null, 1)}\n`);
