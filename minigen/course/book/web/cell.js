/* Cells of a lesson that run in the page: Run, Edit, Stop, Reset.

Each `div.mg-cell` holds the code of a cell, and `data-cell` says which. `script.mg-cells` lists the code of all cells
of the lesson as JSON, and for each that runs the chain of cells that it depends on. Run makes that chain anew, with the
reader's own versions of its cells, and shows what the last one shows in place of the recorded outputs, which stand in
`div.mg-recorded` with the same number. Reset brings them and the code back. What the reader has changed is kept in the
browser (minigen:cells:<lesson>), and shown in every tab with the lesson. Python is that of python.js. */

(() => {
  const {
    element, storage, python, makeButton, startEarly, withoutPython, fromFile,
  } = window.minigenPython;
  const listed = document.querySelector("script.mg-cells");
  if (!listed || withoutPython) return;
  const { lesson, code, chains } = JSON.parse(listed.textContent);
  const DRAWING = "Draw with minigen.plot, as the lesson's cells do: matplotlib itself is not in the page.";
  const key = `cells:${lesson}`;

  /* The reader's versions: cell -> text. They are kept with the code that they change, so that one of an earlier version
     of the lesson is not taken for that of another cell. */
  const keptVersions = () => {
    try {
      const kept = JSON.parse(storage.read(key)) ?? [];
      return new Map(kept.filter(([cell, of]) => code[cell] === of).map(([cell, , text]) => [cell, text]));
    } catch {
      return new Map();
    }
  };
  const changed = keptVersions();
  const keepVersions = () => {
    const kept = [...changed].map(([cell, text]) => [cell, code[cell], text]);
    storage.write(key, kept.length ? JSON.stringify(kept) : null);
  };

  /* -- what a cell has shown ----------------------------------------------------------------------------------------- */

  /* A short text with its code, bold letters and mathematics. */
  const withMarks = (tag, className, text) => {
    const made = element(tag, className);
    for (const part of String(text).split(/(`[^`]+`|\$[^$]+\$|\*\*[^*]+\*\*)/)) {
      if (/^`[^`]+`$/.test(part)) made.append(element("code", "", part.slice(1, -1)));
      else if (/^\*\*[^*]+\*\*$/.test(part)) made.append(element("strong", "", part.slice(2, -2)));
      else if (/^\$[^$]+\$$/.test(part)) made.append(element("span", "math notranslate nohighlight", `\\(${part.slice(1, -1)}\\)`));
      else made.append(part);
    }
    return made;
  };

  const checkRow = ({ name, value, bar, status, before }) => {
    const row = element("li");
    const [sign, className] = { passed: ["✓", "mg-passed"], failed: ["✗", "mg-failed"] }[status] ?? ["·", "mg-not-judged"];
    row.append(element("span", className, before ? "changed" : sign), " ", withMarks("span", "", name), ": ");
    row.append(element("code", "", value), before ? ` (before: ${before})` : ` (${bar})`);
    return row;
  };

  const table = ({ title, header, shown }) => {
    const frame = element("div", "mg-table");
    Object.assign(frame, { tabIndex: 0, role: "group", ariaLabel: title || "table" });
    const made = element("table");
    if (title) made.append(withMarks("caption", "", title));
    const head = element("tr");
    for (const name of header) head.append(name ? Object.assign(withMarks("th", "", name), { scope: "col" }) : element("td"));
    made.append(element("thead"), element("tbody"));
    made.tHead.append(head);
    for (const values of shown) {
      const row = element("tr");
      values.forEach((value, k) => {
        const field = withMarks("td", "", value);
        field.dataset.label = header[k] ?? "";
        row.append(field);
      });
      made.tBodies[0].append(row);
    }
    frame.append(made);
    return frame;
  };

  const figure = ({ svg, caption }) => {
    const made = element("figure", "mg-figure");
    const frame = element("div", "mg-frame");
    frame.innerHTML = svg; // written by drawing.py, which escapes every text
    frame.firstElementChild?.setAttribute("aria-label", caption || "figure");
    made.append(frame);
    if (caption) made.append(withMarks("figcaption", "", caption));
    return made;
  };

  const SHOWN = {
    text({ text }) {
      const made = element("pre", "mg-output", text.replace(/\n+$/, ""));
      Object.assign(made, { tabIndex: 0, role: "group", ariaLabel: "what the cell printed" }); // it scrolls
      return made;
    },
    more: ({ text }) => element("p", "mg-more", text),
    table,
    figure,
    outcome({ text, answer }) {
      const made = element("p", "mg-verdict");
      made.append(element("strong", "", answer ? `Answer: ${answer}. ` : "Answer: "), withMarks("span", "", text));
      return made;
    },
  };

  const show = (place, outputs) => {
    let list = null; // of the checks and claims that follow each other
    for (const { kind, payload } of outputs) {
      if (kind === "check" || kind === "claim") {
        if (!list) {
          list = element("ul", "mg-checks");
          list.setAttribute("aria-label", "checks");
          place.append(list);
        }
        list.append(checkRow(payload));
        continue;
      }
      if (!SHOWN[kind]) continue; // a question, an exercise, a source: the page has them
      list = null;
      place.append(SHOWN[kind](payload));
    }
    if (place.querySelector(".math")) window.minigenTypeset?.(place);
  };

  /* -- a cell -------------------------------------------------------------------------------------------------------- */

  const seconds = (value) => `${value < 0.95 ? value.toFixed(1) : Math.round(value)} s`;

  const makeCell = (box) => {
    const cell = Number(box.dataset.cell);
    const chain = chains[cell];
    const readable = box.querySelector(".highlight, div[class*='highlight-']");
    const recorded = document.querySelectorAll(`.mg-recorded[data-cell="${cell}"]`);
    const bar = element("div", "mg-bar");
    const [run, edit] = [makeButton("Run", "mg-first"), makeButton("Edit")];
    const [stop, reset] = [makeButton("Stop"), makeButton("Reset")];
    const status = element("p", "mg-status");
    status.setAttribute("role", "status");
    const place = element("div", "mg-shown");
    place.setAttribute("aria-live", "polite");
    const say = (text) => { status.textContent = text; };
    let editor = null;

    const setBusy = (is) => {
      run.disabled = is;
      stop.hidden = !is;
    };

    /* The recorded outputs, or those of a run. */
    const showRecorded = (is) => {
      for (const part of recorded) part.hidden = !is;
      if (is) place.replaceChildren();
    };

    const offerReset = () => { reset.hidden = !changed.has(cell) && !place.childElementCount && !editor; };

    const openEditor = () => {
      if (editor) return;
      editor = window.minigenEditor({
        label: "The code of this cell",
        note: /\bplot\b/.test(code[cell]) ? DRAWING : "",
        changed(text) {
          if (text === code[cell]) changed.delete(cell);
          else changed.set(cell, text);
          keepVersions();
          offerReset();
        },
        run() { if (!run.disabled) run.click(); },
      });
      startEarly(editor);
      editor.show(changed.get(cell) ?? code[cell]);
      readable.hidden = true;
      readable.after(editor.frame);
      edit.hidden = true;
      offerReset();
    };

    const closeEditor = () => {
      editor?.frame.remove();
      editor = null;
      readable.hidden = false;
      edit.hidden = false;
      showRecorded(true);
      say("");
      offerReset();
    };

    /* Show the version that is kept: from before, or from another tab. */
    const showKept = (words) => {
      const text = changed.get(cell);
      if (text === (editor?.value ?? undefined)) return;
      if (text === undefined) {
        if (editor.value !== code[cell]) closeEditor();
        return;
      }
      openEditor();
      editor.show(text);
      say(`${words} ${place.childElementCount ? "" : "The results are those of the lesson's own code; Run shows yours."}`);
    };

    run.addEventListener("click", async () => {
      if (fromFile) {
        say("Python needs this page over http: run  minigen book --serve  and open the address that it names.");
        return;
      }
      setBusy(true);
      const cells = chain.map((number) => ({ number, text: changed.get(number) ?? code[number] }));
      const mine = chain.filter((number) => changed.has(number));
      const frame = ({ cell: k, of }) => say(k < of ? `Making what this cell needs: cell ${k} of ${of - 1} …` : "Running …");
      const request = { lesson, cells, edited: mine.length > 0 };
      const reply = await python.ask("run", request, { status: say, busy: "Running …", frame });
      setBusy(false);
      place.replaceChildren();
      showRecorded(reply.ended !== undefined);
      if (reply.ended) {
        place.append(element("p", "mg-bad", reply.ended));
        say("");
        offerReset();
        return;
      }
      show(place, reply.outputs);
      if (reply.error) {
        const where = reply.cell === cell ? "" : " of a cell above, which this cell needs";
        place.append(element("p", "mg-bad", `${reply.error}${reply.line ? ` (line ${reply.line}${where})` : ""}`));
      }
      const others = mine.filter((number) => number !== cell).length;
      const own = others ? ` With your version of ${others === 1 ? "a cell" : `${others} cells`} above.` : "";
      const silent = !reply.error && !place.childElementCount ? " This cell shows nothing by itself." : "";
      say(`Ran in ${seconds(reply.seconds)}.${own}${silent}`);
      offerReset();
    });

    edit.addEventListener("click", () => {
      openEditor();
      editor.focus();
    });
    stop.addEventListener("click", () => python.end("Stopped. Python starts again with the next run."));
    reset.addEventListener("click", () => {
      changed.delete(cell);
      keepVersions();
      closeEditor();
    });

    bar.append(run, edit, stop, reset);
    box.append(bar, status, place);
    setBusy(false);
    offerReset();
    if (changed.has(cell)) showKept("This is your version, kept from before.");
    return () => showKept("This is your version as it was just changed in another tab.");
  };

  const showOthers = [...document.querySelectorAll(".mg-cell")].map(makeCell);
  storage.watch(key, (rest) => {
    if (rest) return;
    const kept = keptVersions();
    changed.clear();
    for (const [cell, text] of kept) changed.set(cell, text);
    for (const show of showOthers) show();
  });
})();
