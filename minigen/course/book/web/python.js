/* Python in a page, and what its users share: the worker (worker.mjs beside this file), the editor, small things.

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
  };

  /* Python keeps one training that was stopped: the button to resume another one is taken away. */
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

    /* Ask Python for something; `busy` is said while the reader's code runs, which has LONGEST seconds between frames. */
    ask(kind, request, { status, busy, frame = () => {}, scipy = false }) {
      const id = this.next++;
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

  /* -- the editor: a text area over the same text in colors ---------------------------------------------------------- */

  const TOKENS = new RegExp([
    /(?<comment>#.*)/, /(?<string>[rbfRBF]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))/,
    /(?<keyword>\b(?:and|as|assert|break|class|continue|def|del|elif|else|except|False|finally|for|from|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield)\b)/,
    /(?<number>\b\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)/, /(?:\w+)/,
  ].map((part) => part.source).join("|"), "g");

  /* The lines of a text, each as an element; a token that goes over several lines is colored in each of them. */
  const colored = (text) => {
    const lines = [element("span", "mg-line")];
    const add = (part, kind) => part.split("\n").forEach((piece, number) => {
      if (number) lines.push(element("span", "mg-line"));
      if (piece) lines.at(-1).append(kind ? element("span", `mg-${kind}`, piece) : piece);
    });
    let at = 0;
    for (const match of text.matchAll(TOKENS)) {
      const kind = Object.entries(match.groups).find(([, found]) => found !== undefined)?.[0];
      if (!kind) continue;
      add(text.slice(at, match.index));
      add(match[0], kind);
      at = match.index + match[0].length;
    }
    add(text.slice(at));
    for (const line of lines) line.append("\n");
    return lines;
  };

  /* label: what the editor is, for those who do not see it. */
  const makeEditor = (label, changed) => {
    const frame = element("div", "mg-editor");
    const shown = element("pre", "mg-colors");
    shown.setAttribute("aria-hidden", "true");
    const area = element("textarea", "mg-area");
    Object.assign(area, { spellcheck: false, autocomplete: "off", autocapitalize: "off", wrap: "soft", rows: 1 });
    area.setAttribute("aria-label", `${label}. Tab indents; Escape, then Tab, leaves the editor.`);
    frame.append(shown, area);
    const draw = () => shown.replaceChildren(...colored(area.value));

    /* Put a text in the place of a part, as if typed: undo takes it back. */
    const type = (from, to, text) => {
      area.setSelectionRange(from, to);
      const inserted = text ? document.execCommand("insertText", false, text) : from === to || document.execCommand("delete");
      if (!inserted) {
        area.setRangeText(text, from, to, "end");
        area.dispatchEvent(new Event("input"));
      }
    };

    const lineStart = (at) => area.value.lastIndexOf("\n", at - 1) + 1;

    const indentLines = (out) => {
      const [from, to] = [lineStart(area.selectionStart), area.selectionEnd];
      const lines = area.value.slice(from, to).split("\n");
      const moved = lines.map((line) => (out ? line.replace(/^ {1,4}/, "") : line && `    ${line}`)).join("\n");
      if (moved === lines.join("\n")) return;
      type(from, to, moved);
      area.setSelectionRange(from, from + moved.length);
    };

    let leaving = false; // Escape was the last key: Tab goes on to the next control
    const keys = {
      Tab(event) {
        const { selectionStart: from, selectionEnd: to, value } = area;
        if (leaving) return false;
        if (event.shiftKey && from === to) {
          const start = lineStart(from);
          const spaces = Math.min(4, value.slice(start).match(/^ */)[0].length);
          if (spaces) { type(start, start + spaces, ""); area.setSelectionRange(Math.max(start, from - spaces), Math.max(start, from - spaces)); }
        } else if (event.shiftKey || value.slice(from, to).includes("\n")) {
          indentLines(event.shiftKey);
        } else {
          type(from, to, " ".repeat(4 - ((from - lineStart(from)) % 4)));
        }
        return true;
      },
      Enter(event) {
        const { selectionStart: from, selectionEnd: to, value } = area;
        if (event.ctrlKey || event.metaKey || event.isComposing) return false;
        const line = value.slice(lineStart(from), from);
        const deeper = /:\s*(#.*)?$/.test(line) ? "    " : "";
        type(from, to, `\n${line.match(/^ */)[0]}${deeper}`);
        return true;
      },
      Backspace() {
        const { selectionStart: from, selectionEnd: to } = area;
        const before = area.value.slice(lineStart(from), from);
        if (from !== to || !before || before.trim()) return false;
        type(from - (((before.length - 1) % 4) + 1), from, "");
        return true;
      },
    };
    area.addEventListener("keydown", (event) => {
      if (keys[event.key] && !event.altKey && keys[event.key](event)) event.preventDefault();
      leaving = event.key === "Escape" || (leaving && event.key === "Shift");
    });
    area.addEventListener("input", () => { draw(); changed(area.value); });
    return {
      frame,
      area,
      get value() { return area.value; },
      set value(text) { area.value = text; draw(); changed(text); },
    };
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
  const startEarly = (area) => area.addEventListener("focus", () => {
    if (!fromFile && !withoutPython && !navigator.connection?.saveData) python.start();
  });

  window.minigenPython = {
    element, storage, python, makeEditor, makeButton, showMessage, startEarly, forgetPaused, withoutPython, fromFile,
  };
})();
