/* Python in a page, and what its users share: the worker (worker.mjs beside this file) and small things.

The script element may say where Python is: data-python="ADDRESS OF THE FOLDER" (unless given, ../_python/ from here),
or data-python="none" for a book without Python; data-longest is for tests. exercise.js and cell.js take what they need
from `window.minigenPython`. Python is loaded when it is first asked, or when an editor gets the focus. */

(() => {
  const script = document.currentScript;
  const folder = new URL(script.dataset.python ?? "../_python/", script.src).href;
  const withoutPython = script.dataset.python === "none";
  const fromFile = location.protocol === "file:";
  const LONGEST = Number(script.dataset.longest ?? 60); // seconds, also for a slow phone, after which code that has not come back is ended

  /* -- small things -------------------------------------------------------------------------------------------------- */

  const element = (tag, className = "", text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };

  const storage = {
    read(key) { try { return localStorage.getItem(`minigen:${key}`); } catch { return null; } },
    write(key, value) {
      try {
        if (value === null) localStorage.removeItem(`minigen:${key}`);
        else localStorage.setItem(`minigen:${key}`, value);
      } catch { /* a browser that keeps nothing */ }
    },
    /* Hear when another tab has changed one of the keys that begin so: changed(the rest of the key). */
    watch(start, changed) {
      addEventListener("storage", ({ key }) => {
        if (key?.startsWith(`minigen:${start}`)) changed(key.slice(`minigen:${start}`.length));
      });
    },
  };

  /* Python keeps one training that is paused: the button to resume another one is taken away. */
  const forgetPaused = () => {
    for (const button of document.querySelectorAll(".mg-resume")) button.hidden = true;
  };

  /* -- the one Python of the page ------------------------------------------------------------------------------------ */

  const python = {
    worker: null,
    waiting: new Map(), // id -> what is done with its messages
    next: 0,

    start() {
      if (this.worker) return;
      const worker = new Worker(new URL("worker.mjs", script.src), { type: "module" });
      this.worker = worker;
      worker.onmessage = ({ data }) => this.heard(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.end(`Python could not be started: ${event.message || "this browser cannot run it"}.`);
      };
      worker.postMessage({ kind: "start", folder });
    },

    heard({ kind, id, text, frame, reply }) {
      if (kind === "status") for (const job of this.waiting.values()) job.status(text);
      if (kind === "failed") this.end(`Python could not be loaded: ${text}. Press again to try once more.`);
      const job = this.waiting.get(id);
      if (!job) return;
      if (kind === "begun") { job.status(job.busy); job.watch(); }
      if (kind === "frame") { job.watch(); job.frame(frame); }
      if (kind === "crashed") this.end(`Python broke down in your code (${text}). It starts again when it is asked next.`);
      if (kind === "reply") this.done(id, reply);
    },

    done(id, reply) {
      const job = this.waiting.get(id);
      this.waiting.delete(id);
      clearTimeout(job.timer);
      job.resolve(reply);
    },

    /* End Python, whatever it does; everything that waits for it is told why. */
    end(why) {
      this.worker?.terminate();
      this.worker = null;
      forgetPaused();
      for (const id of [...this.waiting.keys()]) this.done(id, { ended: why });
    },

    /* Let a training reply after its next frame. */
    pause(id) {
      this.worker?.postMessage({ kind: "pause", id });
    },

    /* Ask Python for something; `busy` is said while the reader's code runs, which has LONGEST seconds between frames.
       asked(id) is called at once, with what `pause` takes. */
    ask(kind, request, { status, busy, frame = () => {}, scipy = false, asked = () => {} }) {
      const id = this.next++;
      asked(id);
      return new Promise((resolve) => {
        const job = { resolve, status, frame, busy, timer: 0 };
        job.watch = () => { // code has so long to come back; a training, or a row of cells, shows a frame now and then
          clearTimeout(job.timer);
          const why = `Your code had not come back after ${LONGEST} s: an endless loop? `
            + "Python was ended; it starts again when it is asked next.";
          job.timer = setTimeout(() => this.end(why), LONGEST * 1000);
        };
        this.waiting.set(id, job);
        status(this.worker ? "Waiting for Python …" : "Loading Python …");
        this.start();
        this.worker.postMessage({ kind, id, scipy, request });
      });
    },
  };

  const makeButton = (label, kind = "") => {
    const made = element("button", kind, label);
    made.type = "button";
    return made;
  };

  const showMessage = (place, text, bad = true) => {
    place.className = `mg-report ${bad ? "mg-bad" : "mg-good"}`;
    place.replaceChildren(element("p", "", text));
  };

  /* Start Python when an editor gets the focus, so that it is there when the code is written; but not to save data. */
  const startEarly = (editor) => editor.frame.addEventListener("focusin", () => {
    if (!fromFile && !withoutPython && !navigator.connection?.saveData) python.start();
  });

  window.minigenPython = {
    element, storage, python, makeButton, showMessage, startEarly, forgetPaused, withoutPython, fromFile,
  };
})();
