/* Pyodide in Node, without a network: node in_node.mjs PYTHON_FOLDER JOBS.json RESULTS.jsonl

PYTHON_FOLDER is the folder `_python` of a book. A job is {"call": "check", "train" or "run", "request": {...}}, with a
"limit" in seconds of computing after which Python is interrupted, if it has one; a job whose "skip_after" names one
that was interrupted or has crashed is not done. Its result is the reply with the seconds of computing that it took, and for a
training the number of frames and the last one. SciPy is loaded when a reply asks for it. */

import { readFile, appendFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Worker } from "node:worker_threads";

const [folder, jobsFile, resultsFile] = process.argv.slice(2);
const pyodideFolder = path.join(folder, "pyodide");

globalThis.fetch = (address) => { throw new Error(`a request: ${address}`); };
const { loadPyodide } = await import(path.join(pyodideFolder, "pyodide.mjs"));
const started = performance.now();
const py = await loadPyodide({ indexURL: pyodideFolder, lockFileURL: path.join(folder, "lock.json"), stdout: () => {}, stderr: () => {} });
const quiet = { messageCallback: () => {} };
await py.loadPackage(["numpy", "threadpoolctl"], quiet);
for (const wheel of Object.keys(JSON.parse(await readFile(path.join(folder, "python.json"))).wheels))
  py.unpackArchive(new Uint8Array(await readFile(path.join(folder, wheel))).buffer, "wheel", { extractDir: "/lib/python3.12/site-packages" });
py.pyimport("minigen_wasm");
const page = py.pyimport("minigen.course.book.browser.page_worker");
await writeFile(resultsFile, `${JSON.stringify({ started: (performance.now() - started) / 1000 })}\n`);

/* Another thread looks at the time that was computed, and interrupts Python when it is more than `clock[1]` ms. */
const clock = new Int32Array(new SharedArrayBuffer(8)); // [Python's signal, the end in ms of computing, or 0]
py.setInterruptBuffer(new Uint8Array(clock.buffer, 0, 1));
const watch = `const { workerData: clock } = require("node:worker_threads");
  for (;;) {
    Atomics.wait(clock, 0, -1, 100);
    const { user, system } = process.cpuUsage();
    if (clock[1] && (user + system) / 1000 > clock[1]) { clock[1] = 0; clock[0] = 2; }
  }`;
new Worker(watch, { eval: true, workerData: clock });
const failed = new Set();

let scipy = false;
for (const { call, request, limit = 0, name = "", skip_after = [] } of JSON.parse(await readFile(jobsFile))) {
  if (skip_after.some((other) => failed.has(other))) {
    await appendFile(resultsFile, `${JSON.stringify({ skipped: true })}\n`);
    continue;
  }
  const before = process.cpuUsage();
  let reply, needed = false, frames = [];
  for (let turn = 0; turn < 2; turn++) {
    frames = [];
    try {
      const text = JSON.stringify(request);
      clock[1] = limit && (before.user + before.system) / 1000 + 1000 * limit;
      if (call === "run") reply = JSON.parse(page.run(text, () => { frames.push(null); }));
      else reply = JSON.parse(call === "train" ? page.train(text, (frame) => { frames.push(JSON.parse(frame)); }) : page.check(text));
    } catch (error) {
      reply = { crashed: String(error).trim().split("\n").at(-1) };
      failed.add(name);
    }
    clock[1] = clock[0] = 0;
    if (reply.needs !== "scipy" || scipy) break;
    needed = true;
    await py.loadPackage("scipy", quiet);
    page.scipy_arrived();
    scipy = true;
  }
  const { user, system } = process.cpuUsage(before);
  const line = { ...reply, frames: frames.length, shown: frames.slice(-1), needed, took: (user + system) / 1e6 };
  await appendFile(resultsFile, `${JSON.stringify(line)}\n`);
}
process.exit(0);
