/* Python in a page, in a worker of its own: it can be ended when an answer does not end.

From the page: {kind: "start", folder} once, then {kind: "check" | "train" | "run", id, scipy, request}, and
               {kind: "pause", id} for a training, which then replies after its next frame.
To the page:   {kind: "status", text} while Python loads, {kind: "ready"} or {kind: "failed", text} once,
               {kind: "begun", id} when an answer begins to run, {kind: "frame", id, frame} while it trains, or before a cell,
               {kind: "reply", id, reply}, or {kind: "crashed", id, text} after which this Python is not to be used.

Nothing is loaded that does not stand in python.json, and nothing whose bytes differ from the hash there. */

const say = (text) => postMessage({ kind: "status", text });

/* The files that may be loaded: address -> hash. Whatever else Python asks the network for is refused. */
const allowed = new Map();
const plainFetch = self.fetch.bind(self);

const guardedFetch = async (resource, options = {}) => {
  const address = new URL(resource.url ?? resource, self.location.href).href;
  const integrity = allowed.get(address);
  if (!integrity) throw new TypeError(`this page does not load ${address}`);
  const response = await plainFetch(address, { ...options, integrity, credentials: "omit" });
  if (!response.ok) throw new TypeError(`${address}: ${response.status} ${response.statusText}`);
  if (!address.endsWith(".wasm")) return response;
  return new Response(response.body, { headers: { "Content-Type": "application/wasm" } }); // whatever the server calls it
};

/* A module whose bytes have been checked. */
const importChecked = async (address) => {
  const code = await (await guardedFetch(address)).blob();
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
};

const quiet = { messageCallback: () => {} };
let py = null;
let page = null; // minigen.course.book.browser.page_worker
let hasScipy = false;

const start = async (folder) => {
  say("Loading Python …");
  const response = await plainFetch(new URL("python.json", folder), { cache: "no-cache" });
  if (!response.ok) throw new Error(`python.json: ${response.status} ${response.statusText}`);
  const { base, files, lock, wheels } = await response.json();
  const pyodide = new URL(base, folder).href;
  const lockFileURL = new URL("lock.json", folder).href;
  for (const [name, hash] of Object.entries(files)) allowed.set(new URL(name, pyodide).href, hash);
  for (const [name, hash] of Object.entries(wheels)) allowed.set(new URL(name, folder).href, hash);
  allowed.set(lockFileURL, lock);
  self.fetch = guardedFetch;
  const [{ loadPyodide }] = await Promise.all(["pyodide.mjs", "pyodide.asm.js"].map((name) => importChecked(pyodide + name)));
  const silent = () => {};
  py = await loadPyodide({ indexURL: pyodide, lockFileURL, stdout: silent, stderr: silent });
  say("Loading NumPy …");
  await py.loadPackage(["numpy", "threadpoolctl"], quiet);
  say("Loading minigen …");
  const extractDir = py.runPython("import site; site.getsitepackages()[0]");
  for (const name of Object.keys(wheels)) {
    const wheel = await guardedFetch(new URL(name, folder), { cache: "no-cache" });
    py.unpackArchive(await wheel.arrayBuffer(), "wheel", { extractDir });
  }
  py.pyimport("minigen_wasm").destroy(); // before autograd
  page = py.pyimport("minigen.course.book.browser.page_worker");
};

const loadScipy = async () => {
  say("Loading SciPy …");
  await py.loadPackage("scipy", quiet);
  page.scipy_arrived();
  hasScipy = true;
};

const paused = new Set(); // the ids of trainings that are to pause
const messagesAreHeard = () => new Promise((resolve) => { setTimeout(resolve); });

/* A training makes one frame at a time, so that a message to pause it is heard in between. */
const train = async (text, show, id) => {
  let reply = JSON.parse(page.train(text, show, 1));
  for (await messagesAreHeard(); reply.more && !paused.has(id); await messagesAreHeard()) {
    reply = JSON.parse(page.train('{"resume": true}', show, 1));
  }
  return reply;
};

const answer = async ({ kind, id, scipy, request }) => {
  if (scipy && !hasScipy) await loadScipy();
  const text = JSON.stringify(request);
  const show = (frame) => postMessage({ kind: "frame", id, frame: JSON.parse(frame) });
  const call = () => {
    postMessage({ kind: "begun", id });
    if (kind === "train") return train(text, show, id);
    return JSON.parse(kind === "check" ? page.check(text) : page.run(text, show));
  };
  let reply = await call();
  if (reply.needs === "scipy" && !hasScipy) { // the answer itself asked for it
    await loadScipy();
    reply = await call();
  }
  postMessage({ kind: "reply", id, reply });
};

let started = null;
let before = Promise.resolve(); // one answer at a time, in their order

self.onmessage = ({ data }) => {
  if (data.kind === "pause") {
    paused.add(data.id);
    return;
  }
  if (data.kind === "start") {
    started = start(data.folder);
    started.then(
      () => postMessage({ kind: "ready" }),
      (error) => postMessage({ kind: "failed", text: String(error?.message ?? error) }),
    );
    return;
  }
  before = before.then(async () => {
    try {
      await started;
      await answer(data);
    } catch (error) {
      postMessage({ kind: "crashed", id: data.id, text: String(error?.message ?? error).trim().split("\n").at(-1) });
    }
  });
};
