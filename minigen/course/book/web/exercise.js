/* Exercises in the page: an editor, Check, Hint, Stop, Start again, Train with it.

Each `div.mg-exercise` holds a stub to read and what there is to know of the exercise as JSON. Python is loaded by the
first Check or training, in a worker (worker.mjs beside this file), which is ended when an answer does not end.
The script element may say where Python is: data-python="ADDRESS OF THE FOLDER" (unless given, ../_python/ from here),
or data-python="none" for a book without Python; data-longest is for tests. What is written and passed is kept in the reader's browser:
minigen:answer:<id>, minigen:passed:<id>. A pass is told as the event "minigen:passed", {detail: {id}}. */

(() => {
  const script = document.currentScript;
  const folder = new URL(script.dataset.python ?? "../_python/", script.src).href;
  const withoutPython = script.dataset.python === "none";
  const fromFile = location.protocol === "file:";
  const LONGEST = Number(script.dataset.longest ?? 20); // seconds after which an answer that has not come back is ended

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

  const times = (n) => (n === 1 ? "once" : `${n.toLocaleString("en")} times`);

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
      if (kind === "crashed") this.end(`Python broke down in your code (${text}). It starts again with the next check.`);
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
      for (const id of [...this.waiting.keys()]) this.done(id, { ended: why });
    },

    ask(kind, data, text, { status, frame = () => {} }) {
      const id = this.next++;
      const busy = kind === "train" ? "Training with your function …" : "Checking …";
      return new Promise((resolve) => {
        const job = { resolve, status, frame, busy, timer: 0 };
        job.watch = () => { // an answer has so long to come back; a training shows a frame now and then
          clearTimeout(job.timer);
          const why = `Your code had not come back after ${LONGEST} s: an endless loop? `
            + "Python was ended; the next check starts it again.";
          job.timer = setTimeout(() => this.end(why), LONGEST * 1000);
        };
        this.waiting.set(id, job);
        status(this.worker ? "Waiting for Python …" : "Loading Python …");
        this.start();
        const request = { exercise: data.id, text, others: otherAnswers(data) };
        this.worker.postMessage({ kind, id, scipy: data.scipy, request });
      });
    },
  };

  /* What the reader has written for the other exercises of a lesson and passed with: an answer may call it. */
  const otherAnswers = ({ id, lesson }) => {
    const others = {};
    try {
      for (const key of Object.keys(localStorage)) {
        const other = key.startsWith(`minigen:answer:${lesson}/`) ? key.slice("minigen:answer:".length) : "";
        if (other && other !== id && storage.read(`passed:${other}`) === "1") others[other] = localStorage.getItem(key);
      }
    } catch { /* a browser that keeps nothing */ }
    return others;
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

  const makeEditor = (name, changed) => {
    const frame = element("div", "mg-editor");
    const shown = element("pre", "mg-colors");
    shown.setAttribute("aria-hidden", "true");
    const area = element("textarea", "mg-area");
    Object.assign(area, { spellcheck: false, autocomplete: "off", autocapitalize: "off", wrap: "soft", rows: 1 });
    area.setAttribute("aria-label", `Your answer: the function ${name}. Tab indents; Escape, then Tab, leaves the editor.`);
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

  /* -- reports ------------------------------------------------------------------------------------------------------- */

  const listOf = (lines, className) => {
    const list = element("ul", className);
    for (const line of lines) list.append(element("li", "", line));
    return list;
  };

  const showReport = (place, report) => {
    const good = report.passed;
    place.className = `mg-report ${good ? "mg-good" : "mg-bad"}`;
    const points = `${report.points} of ${report.possible} points`;
    const head = element("p", "mg-report-head");
    head.append(element("strong", "", good ? "Passed" : `Not yet: ${report.words}`), element("span", "mg-points", points));
    place.replaceChildren(head);
    if (report.about.length) place.append(listOf(report.about, "mg-story"));
    if (report.cases.length) {
      const cases = element("ul", "mg-cases");
      for (const found of report.cases) {
        const row = element("li", found.passed ? "mg-case mg-case-good" : "mg-case mg-case-bad");
        const words = found.passed ? "pass" : found.words;
        row.append(element("span", "mg-case-name", found.name), element("span", "mg-case-words", words));
        row.append(element("span", "mg-points", `${found.points}/${found.possible}`));
        if (found.about) row.append(element("p", "mg-case-about", found.about));
        if (found.lines.length) row.append(listOf(found.lines, "mg-story"));
        cases.append(row);
      }
      place.append(cases);
    }
    if (report.hint) {
      const hint = element("p", "mg-slip");
      hint.append(element("strong", "", report.listed ? "A known slip: " : "It looks as if "), report.hint);
      place.append(hint);
    }
    for (const note of report.notes) place.append(element("p", "mg-note", note));
    if (report.printed.length) {
      place.append(element("p", "mg-note", "Your code printed:"), element("pre", "mg-printed", report.printed.join("\n")));
    }
  };

  const showMessage = (place, text, bad = true) => {
    place.className = `mg-report ${bad ? "mg-bad" : "mg-good"}`;
    place.replaceChildren(element("p", "", text));
  };

  /* -- a training, drawn as it goes on ------------------------------------------------------------------------------- */

  const unpacked = (text, Type) => new Type(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

  const makeStage = () => {
    const figure = element("figure", "mg-training");
    const plane = element("canvas", "mg-plane");
    const curve = element("canvas", "mg-curve");
    const caption = element("figcaption");
    plane.setAttribute("role", "img");
    curve.setAttribute("role", "img");
    figure.append(plane, curve, caption);
    let kept = [];
    let past = [];

    const fit = (canvas, ratio) => {
      const scale = window.devicePixelRatio || 1;
      const width = canvas.clientWidth || 320;
      const [w, h] = [Math.round(width * scale), Math.round(width * ratio * scale)];
      if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
      const context = canvas.getContext("2d");
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, width, width * ratio);
      return [context, width, width * ratio];
    };

    const color = (name) => getComputedStyle(figure).getPropertyValue(name).trim() || "gray";

    const drawPoints = (context, layer, x, y) => {
      const at = unpacked(layer.data, Float32Array);
      const size = { data: 2, model: 2.6, codes: 7 }[layer.role] ?? 2;
      context.fillStyle = color(`--mg-${layer.role}`);
      for (let i = 0; i < at.length; i += 2) context.fillRect(x(at[i]) - size / 2, y(at[i + 1]) - size / 2, size, size);
    };

    const drawPath = (context, layer, x, y) => {
      const at = unpacked(layer.data, Float32Array);
      context.strokeStyle = color(`--mg-${layer.role}`);
      context.lineWidth = layer.role === "data" ? 1.5 : 2;
      context.beginPath();
      for (let i = 0; i < at.length; i += 2) context.lineTo(x(at[i]), y(at[i + 1]));
      context.stroke();
    };

    const drawImages = (context, layer, width, height) => {
      const [count, rows, columns] = layer.size;
      const pixels = unpacked(layer.data, Uint8Array);
      const across = Math.ceil(Math.sqrt(count));
      const one = Math.floor(Math.min(width, height) / across);
      const tile = new OffscreenCanvas(columns, rows);
      context.imageSmoothingEnabled = false;
      for (let k = 0; k < count; k++) {
        const image = new ImageData(columns, rows);
        for (let i = 0; i < rows * columns; i++) image.data.set([0, 0, 0].fill(pixels[k * rows * columns + i]).concat(255), 4 * i);
        tile.getContext("2d").putImageData(image, 0, 0);
        context.drawImage(tile, (k % across) * one, Math.floor(k / across) * one, one - 2, one - 2);
      }
    };

    const drawPlane = (layers, [left, right, low, high]) => {
      const [context, width, height] = fit(plane, 1);
      const x = (a) => ((a - left) / (right - left)) * width;
      const y = (b) => ((high - b) / (high - low)) * height;
      for (const layer of layers) {
        if (layer.kind === "points") drawPoints(context, layer, x, y);
        if (layer.kind === "path") drawPath(context, layer, x, y);
        if (layer.kind === "images") drawImages(context, layer, width, height);
      }
    };

    /* The distance over the steps, on a logarithmic axis: the first picture may be far off. */
    const drawCurve = (steps) => {
      const [context, width, height] = fit(curve, 0.45);
      const values = past.map(([, value]) => Math.log10(Math.max(value, 1e-6)));
      const [low, high] = [Math.min(...values), Math.max(...values, Math.min(...values) + 1e-6)];
      context.strokeStyle = color("--mg-model");
      context.lineWidth = 2;
      context.beginPath();
      past.forEach(([step], k) => {
        const y = 6 + (1 - (values[k] - low) / (high - low)) * (height - 12);
        context.lineTo(4 + (step / steps) * (width - 8), y);
      });
      context.stroke();
      context.fillStyle = color("--mg-pale");
      context.font = "12px sans-serif";
      context.textAlign = "right";
      context.fillText(`${(10 ** high).toPrecision(2)} at most`, width - 6, 15);
      context.fillText(`${(10 ** low).toPrecision(2)} at least`, width - 6, height / 2);
    };

    return {
      figure,
      begin() { kept = []; past = []; caption.textContent = ""; },
      show(frame) {
        if (frame.kept.length) kept = frame.kept;
        past.push([frame.step, frame.distance]);
        drawPlane([...kept, ...frame.layers], frame.box);
        drawCurve(frame.steps);
        const distance = frame.distance.toPrecision(3);
        caption.textContent = `${frame.title}: step ${frame.step.toLocaleString("en")} of ${frame.steps.toLocaleString("en")}; ${frame.measure} ${distance}`;
        plane.setAttribute("aria-label", `${frame.title}, step ${frame.step}`);
        curve.setAttribute("aria-label", `${frame.measure} over the steps: now ${distance}`);
      },
    };
  };

  /* -- a box --------------------------------------------------------------------------------------------------------- */

  const makeHints = (hints, button) => {
    const list = element("ol", "mg-hints");
    list.setAttribute("aria-live", "polite");
    let shown = 0;
    const label = () => {
      button.textContent = shown < hints.length ? `Hint ${shown + 1} of ${hints.length}` : "No more hints";
      button.disabled = shown >= hints.length;
    };
    button.addEventListener("click", () => {
      const item = element("li");
      if (shown === hints.length - 1) {
        item.append("In place of the line that raises:", element("pre", "mg-code-hint", hints[shown]));
      } else {
        item.textContent = hints[shown];
      }
      list.append(item);
      shown += 1;
      label();
    });
    label();
    return list;
  };

  const makeButton = (label, kind = "") => {
    const made = element("button", kind, label);
    made.type = "button";
    return made;
  };

  const makeBox = (box) => {
    const data = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
    const readable = box.querySelector(".mg-stub");
    const bar = element("div", "mg-bar");
    const status = element("p", "mg-status");
    status.setAttribute("role", "status");
    const hint = makeButton("");
    const hints = makeHints(data.hints, hint);
    if (withoutPython) { // the stub stays as it stands, to be read
      status.textContent = "This book was built without Python, so nothing can be checked here: write the function in a "
        + `file with  minigen exercise start ${data.lesson}.`;
      bar.append(hint);
      box.append(bar, status, hints);
      return;
    }

    const [answerKey, passedKey] = [`answer:${data.id}`, `passed:${data.id}`];
    const stub = `${data.stub.trimEnd()}\n`;
    const report = element("div", "mg-report");
    report.setAttribute("aria-live", "polite");
    const stage = makeStage();
    const check = makeButton("Check", "mg-first");
    const stop = makeButton("Stop");
    const again = makeButton("Start again");
    const train = makeButton("Train with it");
    const say = (text) => { status.textContent = text; };

    let before = null; // the answer that "Start again" has taken away, until something new is written
    const editor = makeEditor(data.name, (text) => {
      storage.write(answerKey, text === stub ? null : text);
      if (before !== null && text !== stub) { before = null; again.textContent = "Start again"; }
    });
    const busy = (is) => {
      for (const button of [check, train]) button.disabled = is;
      stop.disabled = !is;
    };

    const ask = async (kind, frame) => {
      busy(true);
      const reply = await python.ask(kind, data, editor.value, { status: say, frame });
      busy(false);
      say(storage.read(passedKey) === "1" ? "You have passed this one." : "");
      return reply;
    };

    check.addEventListener("click", async () => {
      report.replaceChildren();
      report.className = "mg-report";
      const reply = await ask("check");
      if (reply.ended || !reply.report) { showMessage(report, reply.ended ?? "Python gave no report."); return; }
      showReport(report, reply.report);
      box.classList.toggle("mg-passed", reply.report.passed || storage.read(passedKey) === "1");
      if (!reply.report.passed) return;
      storage.write(passedKey, "1");
      say("You have passed this one.");
      document.dispatchEvent(new CustomEvent("minigen:passed", { detail: { id: data.id } }));
    });

    train.addEventListener("click", async () => {
      report.replaceChildren();
      report.className = "mg-report";
      stage.begin();
      const reply = await ask("train", (frame) => {
        if (!stage.figure.isConnected) report.after(stage.figure);
        stage.show(frame);
      });
      if (reply.ended) { showMessage(report, reply.ended); return; }
      if (reply.error) {
        showMessage(report, `The training stopped: ${reply.error}${reply.line ? ` (line ${reply.line} of your answer)` : ""}`);
        return;
      }
      const fell = reply.note || reply.last < reply.first;
      const words = `Your ${data.name} was called ${times(reply.calls)} in ${reply.seconds.toFixed(1)} s. `
        + `The ${reply.measure} went from ${reply.first.toPrecision(3)} to ${reply.last.toPrecision(3)}`;
      showMessage(report, reply.calls ? `${words}${fell ? `. ${reply.note}` : ": it did not fall."}` : `Your ${data.name} was never called.`, !fell);
    });

    stop.addEventListener("click", () => python.end("Stopped. Python starts again with the next check."));

    again.addEventListener("click", () => {
      if (before !== null) {
        const mine = before;
        before = null;
        editor.value = mine;
        again.textContent = "Start again";
        return;
      }
      const mine = editor.value;
      if (mine === stub) return;
      editor.value = stub;
      before = mine;
      again.textContent = "Bring my answer back";
      report.replaceChildren();
      report.className = "mg-report";
    });

    editor.area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !check.disabled) { event.preventDefault(); check.click(); }
    });

    if (data.imports?.length) {
      const given = element("div", "mg-given");
      given.append("At hand:");
      for (const line of data.imports) given.append(element("code", "", line));
      box.append(given);
    }
    readable.hidden = true;
    editor.value = storage.read(answerKey) ?? stub;
    bar.append(check, hint, stop, again);
    if (data.train) bar.append(train);
    busy(false);
    box.append(editor.frame, bar, status, hints, report);
    if (storage.read(passedKey) === "1") { say("You have passed this one."); box.classList.add("mg-passed"); }
    if (fromFile) {
      for (const button of [check, train]) button.disabled = true;
      say("Python needs this page over http: run  minigen book --serve  and open the address that it names.");
    }
  };

  document.querySelectorAll(".mg-exercise").forEach(makeBox);
})();
