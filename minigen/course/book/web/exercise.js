/* Exercises in the page: an editor, Check, Hint, Stop, Start again, Train with it, Pause, Resume.

Each `div.mg-exercise` holds the prompt and a stub to read, and what there is to know of the exercise as JSON. Python is that of
python.js, which is ended when an answer does not end. What is written and passed, and the last training, are kept in the
reader's browser: minigen:answer:<id>, minigen:passed:<id>, minigen:training:<id>. Another tab that shows the same exercise
shows what is written here. A pass is told as the event "minigen:passed", {detail: {id}}. */

(() => {
  const {
    element, storage, python, makeButton, showMessage, startEarly, forgetPaused, withoutPython, fromFile,
  } = window.minigenPython;

  const times = (n) => (n === 1 ? "once" : `${n.toLocaleString("en")} times`);

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

  /* -- reports ------------------------------------------------------------------------------------------------------- */

  const listOf = (lines, className) => {
    const list = element("ul", className);
    for (const line of lines) list.append(element("li", "", line));
    return list;
  };

  /* The points of each kind of case: the equation, shapes, extremes and the gradient. */
  const barsOf = (kinds) => {
    const list = element("ul", "mg-kinds");
    for (const [kind, of] of Object.entries(kinds)) {
      if (!of.possible) continue;
      const bar = element("meter", "");
      [bar.max, bar.value] = [of.possible, of.points];
      bar.setAttribute("aria-label", `${kind}: ${of.points} of ${of.possible} points`);
      const row = element("li");
      row.append(element("span", "", kind), bar, element("span", "mg-points", `${of.points}/${of.possible}`));
      list.append(row);
    }
    return list;
  };

  const showReport = (place, report) => {
    const good = report.passed;
    place.className = `mg-report ${good ? "mg-good" : "mg-bad"}`;
    const points = `${report.points} of ${report.possible} points`;
    const head = element("p", "mg-report-head");
    head.append(element("strong", "", good ? "Passed" : `Not yet: ${report.words}`), element("span", "mg-points", points));
    place.replaceChildren(head);
    if (report.hint) {
      const hint = element("p", "mg-mistake");
      if (report.listed) hint.append(element("strong", "", "Known mistake: "));
      hint.append(report.hint);
      place.append(hint);
      if (report.cure && report.cure !== report.hint) { // what to do about it, on request
        const cure = element("details", "mg-cure");
        cure.append(element("summary", "", "What to do about it"), element("p", "", report.cure));
        place.append(cure);
      }
    }
    if (!good) place.append(barsOf(report.kinds));
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
    for (const note of report.notes) place.append(element("p", "mg-note", note));
    if (report.printed.length) {
      place.append(element("p", "mg-note", "Your code printed:"), element("pre", "mg-printed", report.printed.join("\n")));
    }
  };

  /* -- a training, drawn as it goes on ------------------------------------------------------------------------------- */

  const unpacked = (text, Type) => new Type(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

  /* Round numbers between two others, about `count` of them. */
  const roundTicks = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(6)));
  };

  /* The same on a logarithmic axis: 1, 2 and 5 times powers of ten, or only the powers where there are many. */
  const logTicks = (low, high) => {
    const from = Math.floor(Math.log10(low));
    const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, k) => from + k);
    const all = powers.flatMap((power) => [1, 2, 5].map((times) => Number(`${times}e${power}`)));
    const inside = all.filter((value) => value >= low && value <= high);
    return inside.length > 5 ? inside.filter((value) => String(value).replace(/[0.]/g, "") === "1") : inside;
  };

  const short = (value) => (Math.abs(value) >= 1e4 || (value && Math.abs(value) < 1e-3) ? value.toExponential(0) : String(value));

  const makeStage = (legend) => {
    const figure = element("figure", "mg-training");
    const [plane, curve] = [element("canvas", "mg-plane"), element("canvas", "mg-curve")];
    const names = element("p", "mg-legend");
    const caption = element("figcaption");
    plane.setAttribute("role", "img");
    curve.setAttribute("role", "img");
    figure.append(plane, curve, names, caption);
    let kept = [];
    let past = [];
    let last = null; // the frame that is shown
    let mark = ""; // what is said of it before its caption

    /* A canvas of the size at which it is shown, cleared: its pen, width and height. */
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

    /* The frame of a drawing with its ticks: x and y take a value to its place. */
    const drawAxes = (context, box, { x, y, xs, ys, xName = "" }) => {
      Object.assign(context, { strokeStyle: color("--mg-edge"), fillStyle: color("--mg-pale"), lineWidth: 1, font: "11px sans-serif" });
      context.strokeRect(box.left + 0.5, box.top + 0.5, box.width, box.height);
      context.textAlign = "center";
      context.textBaseline = "top";
      for (const value of xs) context.fillText(short(value), x(value), box.top + box.height + 4);
      context.textAlign = "right";
      context.fillText(xName, box.left + box.width, box.top + box.height + 16);
      context.textBaseline = "middle";
      for (const value of ys) {
        context.fillText(short(value), box.left - 4, y(value));
        context.fillRect(box.left - 3, Math.round(y(value)), 3, 1);
      }
      for (const value of xs) context.fillRect(Math.round(x(value)), box.top + box.height, 1, 3);
    };

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

    const drawPlane = (layers, [left, right, low, high]) => {
      const [context, width, height] = fit(plane, 1);
      const box = { left: 28, top: 6, width: width - 36, height: height - 28 };
      const x = (a) => box.left + ((a - left) / (right - left)) * box.width;
      const y = (b) => box.top + ((high - b) / (high - low)) * box.height;
      drawAxes(context, box, { x, y, xs: roundTicks(left, right, 5), ys: roundTicks(low, high, 5) });
      context.save();
      context.beginPath();
      context.rect(box.left, box.top, box.width, box.height);
      context.clip();
      for (const layer of layers) (layer.kind === "path" ? drawPath : drawPoints)(context, layer, x, y);
      context.restore();
    };

    /* The distance over the steps, on a logarithmic axis, since it may begin far off; and where it was smallest. */
    const drawCurve = (steps) => {
      const [context, width, height] = fit(curve, 0.55);
      const most = Math.max(...past.map(([, value]) => value), 1e-12);
      const values = past.map(([, value]) => Math.max(value, most / 1e4));
      const least = Math.min(...values);
      const [low, high] = [least / 1.6, most * 1.3];
      const box = { left: 40, top: 6, width: width - 54, height: height - 38 };
      const x = (step) => box.left + (step / steps) * box.width;
      const y = (value) => box.top + (Math.log(high / value) / Math.log(high / low)) * box.height;
      drawAxes(context, box, { x, y, xs: roundTicks(0, steps, 4), ys: logTicks(low, high), xName: "step" });
      context.strokeStyle = color("--mg-model");
      context.lineWidth = 2;
      context.beginPath();
      past.forEach(([step], k) => context.lineTo(x(step), y(values[k])));
      context.stroke();
      const k = values.indexOf(least);
      const [atX, atY] = [x(past[k][0]), y(least)];
      context.fillStyle = color("--mg-model");
      context.beginPath();
      context.arc(atX, atY, 3.5, 0, 2 * Math.PI);
      context.fill();
      context.fillStyle = color("--mg-ink");
      const isRight = atX > box.left + box.width / 2;
      context.textAlign = isRight ? "right" : "left";
      context.textBaseline = "top"; // below the point, where no part of the curve is
      context.fillText(`lowest ${past[k][1].toPrecision(2)}`, atX + (isRight ? -6 : 6), atY + 3);
      curve.dataset.lowest = `${atX} ${atY}`; // for tests
    };

    /* Which color is what, of the roles that are drawn. */
    const showLegend = (roles) => {
      if (names.dataset.roles === roles.join()) return;
      names.dataset.roles = roles.join();
      names.replaceChildren();
      for (const role of roles) {
        const mark = element("span", "mg-mark");
        mark.style.background = `var(--mg-${role})`;
        const name = element("span", "", legend[role] ?? role);
        name.prepend(mark);
        names.append(name);
      }
    };

    const draw = () => {
      const layers = [...kept, ...last.layers];
      showLegend([...new Set(layers.map((layer) => layer.role))]);
      drawPlane(layers, last.box);
      drawCurve(last.steps);
      const distance = last.distance.toPrecision(3);
      caption.textContent = `${mark}${last.title}: step ${last.step.toLocaleString("en")} of ${last.steps.toLocaleString("en")}. `
        + `The curve: ${last.measure}, now ${distance}.`;
      plane.setAttribute("aria-label", `${last.title}, step ${last.step}`);
      curve.setAttribute("aria-label", `${last.measure} over the steps: now ${distance}`);
    };

    new ResizeObserver(() => { if (last) draw(); }).observe(figure);

    return {
      figure,
      begin() { kept = []; past = []; mark = ""; last = null; caption.textContent = ""; },
      show(frame) {
        if (frame.kept.length) kept = frame.kept;
        past.push([frame.step, frame.distance]);
        last = frame;
        draw();
      },
      /* What is drawn, as plain data, and the same drawn again, with a mark in its caption. */
      get state() { return last && { kept, past, last }; },
      restore(state, words) {
        ({ kept, past, last } = state);
        mark = words;
        draw();
      },
    };
  };

  /* -- what a reader may change of a training --------------------------------------------------------------------------- */

  const FACTORS = { lr: [0.03, 0.1, 0.3, 1, 3, 10], steps: [0.25, 0.5, 1, 2, 4] };
  const SETTING = { data: "data", lr: "learning rate", steps: "steps" };

  const choicesOf = (name, usual, densities) => (
    name === "data" ? densities : FACTORS[name].map((factor) => {
      const value = factor === 1 ? usual : usual * factor;
      return name === "steps" ? Math.max(1, Math.round(value)) : Number(value.toPrecision(2));
    })
  );

  /* A folded row with a choice for each setting; `values()` are those that have been chosen. */
  const makeKnobs = (settings, densities) => {
    const folded = element("details", "mg-knobs");
    folded.append(element("summary", "", "Settings of the training"));
    const inputs = Object.entries(settings).map(([name, usual]) => {
      const select = element("select");
      for (const value of choicesOf(name, usual, densities)) {
        const label = typeof value === "number" ? value.toLocaleString("en", { maximumSignificantDigits: 4 }) : value;
        const option = new Option(value === usual ? `${label} (usual)` : label, value, value === usual, value === usual);
        select.append(option);
      }
      const row = element("label", "", SETTING[name]);
      row.append(select);
      folded.append(row);
      return [name, select];
    });
    const value = (name, select) => (name === "data" ? select.value : Number(select.value));
    return { folded, values: () => Object.fromEntries(inputs.map(([name, select]) => [name, value(name, select)])) };
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

  const makeBox = (box) => {
    const data = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
    const readable = box.querySelector(".mg-stub");
    const bar = element("div", "mg-bar");
    const status = element("p", "mg-status");
    status.setAttribute("role", "status");
    const hint = makeButton("");
    const hints = makeHints(data.hints, hint);
    if (withoutPython) { // the stub stays, to be read
      status.textContent = "This book was built without Python, so nothing can be checked here: write the function in a "
        + `file with  minigen exercise start ${data.lesson}.`;
      bar.append(hint);
      box.append(bar, status, hints);
      return;
    }

    const [answerKey, passedKey, trainingKey] = ["answer", "passed", "training"].map((kind) => `${kind}:${data.id}`);
    const stub = `${data.stub.trimEnd()}\n`;
    const report = element("div", "mg-report");
    report.setAttribute("aria-live", "polite");
    const stage = makeStage(data.legend ?? {});
    const check = makeButton("Check", "mg-first");
    const stop = makeButton("Stop");
    const again = makeButton("Start again");
    const train = makeButton("Train with it");
    const pause = makeButton("Pause");
    const resume = makeButton("Resume the training", "mg-resume");
    resume.hidden = true;
    pause.hidden = true;
    const knobs = data.train && makeKnobs(data.train, data.densities);
    const say = (text) => { status.textContent = text; };

    let before = null; // the answer that "Start again" has taken away, until something new is written
    const keep = (text) => {
      storage.write(answerKey, text === stub ? null : text);
      if (before !== null && text !== stub) { before = null; again.textContent = "Start again"; }
    };
    const editor = window.minigenEditor({
      label: `Your answer: the function ${data.name}`,
      changed: keep,
      run() { if (!check.disabled) check.click(); },
    });
    const replace = (text) => { editor.show(text); keep(text); };
    const setBusy = (is) => {
      for (const button of [check, train, resume]) button.disabled = is;
      stop.disabled = !is;
      pause.hidden = true;
    };

    /* The same answer in two tabs is one answer: what is written in the other one is shown here, and it is said. */
    storage.watch(`answer:${data.id}`, (rest) => {
      const text = storage.read(answerKey) ?? stub;
      if (rest || text === editor.value) return;
      editor.show(text);
      say("This is the answer as it was just changed in another tab.");
    });

    const ask = async (kind, frame, more = {}, asked = () => {}) => {
      setBusy(true);
      const busy = kind === "train" ? "Training with your function …" : "Checking …";
      const request = { exercise: data.id, text: editor.value, others: otherAnswers(data), ...more };
      const reply = await python.ask(kind, request, { status: say, busy, frame, scipy: data.scipy, asked });
      setBusy(false);
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

    /* What is said below the editor of a training that has ended or is paused: words, and whether they are good. */
    const saidOf = (reply) => {
      if (reply.ended) return [reply.ended, false];
      if (reply.error) {
        return [`The training stopped: ${reply.error}${reply.line ? ` (line ${reply.line} of your answer)` : ""}`, false];
      }
      const place = reply.more ? `Paused at step ${reply.step.toLocaleString("en")} of ${reply.steps.toLocaleString("en")}. ` : "";
      if (!reply.calls) return [`${place}Your ${data.name} was never called.`, false];
      const fell = reply.note || reply.last < reply.first;
      const words = `${place}Your ${data.name} was called ${times(reply.calls)} in ${reply.seconds.toFixed(1)} s. `
        + `The ${reply.measure} went from ${reply.first.toPrecision(3)} to ${reply.last.toPrecision(3)}`;
      return [`${words}${fell ? `. ${reply.note}` : ": it did not fall."}`, Boolean(fell)];
    };

    let trained = ""; // the answer of the training that is shown
    let isTraining = false;
    const keepTraining = (words, good) => {
      if (stage.state) storage.write(trainingKey, JSON.stringify({ answer: trained, words, good, stage: stage.state }));
    };
    addEventListener("pagehide", () => { if (isTraining) keepTraining("The page was left during the training.", false); });

    const showStage = () => { if (!stage.figure.isConnected) report.after(stage.figure); };

    const goOn = async (more) => {
      report.replaceChildren();
      report.className = "mg-report";
      forgetPaused();
      isTraining = true;
      const frame = (shown) => {
        showStage();
        stage.show(shown);
        pause.hidden = false;
      };
      const reply = await ask("train", frame, more, (id) => { pause.onclick = () => python.pause(id); });
      resume.hidden = !reply.more;
      const [words, good] = saidOf(reply);
      showMessage(report, words, !good);
      keepTraining(reply.more ? `${words} A page that was loaded again cannot resume it.` : words, good);
      isTraining = false;
    };

    train.addEventListener("click", () => {
      stage.begin();
      trained = editor.value;
      goOn({ settings: knobs.values() });
    });
    resume.addEventListener("click", () => goOn({ resume: true }));

    const restoreTraining = () => {
      try {
        const { answer, words, good, stage: state } = JSON.parse(storage.read(trainingKey));
        trained = answer;
        showStage();
        stage.restore(state, answer === editor.value ? "From before. " : "From before, with another version of your answer. ");
        showMessage(report, words, !good);
      } catch { // nothing is kept, or something that this version does not draw
        stage.begin();
        stage.figure.remove();
      }
    };

    stop.addEventListener("click", () => python.end("Stopped. Python starts again with the next check."));

    again.addEventListener("click", () => {
      if (before !== null) {
        const mine = before;
        before = null;
        replace(mine);
        again.textContent = "Start again";
        return;
      }
      const mine = editor.value;
      if (mine === stub) return;
      replace(stub);
      before = mine;
      again.textContent = "Bring my answer back";
      report.replaceChildren();
      report.className = "mg-report";
    });

    startEarly(editor);

    if (data.imports?.length) {
      const given = element("div", "mg-given");
      given.append("At hand:");
      for (const line of data.imports) given.append(element("code", "", line));
      box.append(given);
    }
    readable.hidden = true;
    editor.show(storage.read(answerKey) ?? stub);
    bar.append(check, hint, stop, again);
    if (knobs) bar.append(train, pause, resume);
    setBusy(false);
    box.append(editor.frame, bar, ...(knobs ? [knobs.folded] : []), status, hints, report);
    if (knobs) restoreTraining();
    if (storage.read(passedKey) === "1") { say("You have passed this one."); box.classList.add("mg-passed"); }
    if (fromFile) {
      for (const button of [check, train]) button.disabled = true;
      say("Python needs this page over http: run  minigen book --serve  and open the address that it names.");
    }
  };

  document.querySelectorAll(".mg-exercise").forEach(makeBox);
})();
