/* What a reader's browser does on every page: predictions, ticks, "continue", cards, printing, and saving answers.
   Everything is kept in localStorage, under keys that begin with "minigen:". */
(() => {
  "use strict";

  const book = window.minigenBook || { lessons: [], equations: {}, symbols: [] };
  const root = document.documentElement.dataset.content_root || "./";
  const here = location.href.split("#")[0];

  /* -- storage: a browser may forbid it, and the page then only forgets -------------------------------------------- */

  const read = (key) => {
    try { return localStorage.getItem(`minigen:${key}`); } catch { return null; }
  };
  const keep = (key, value) => {
    try { localStorage.setItem(`minigen:${key}`, value); } catch { /* forgotten with the page */ }
  };
  const passed = (id) => read(`passed:${id}`) === "1";
  const address = (page) => new URL(root + page, here).href;
  const lessonHere = () => book.lessons.find((lesson) => address(lesson.page) === here);

  const element = (name, kind, text = "") => {
    const made = document.createElement(name);
    made.className = kind;
    made.textContent = text;
    return made;
  };

  const loadScript = (name) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}_static/${name}`;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${name} cannot be loaded`));
    document.head.append(script);
  });

  /* -- mathematics: in the page it is HTML already; KaTeX is loaded for a card, or for what a run in the page has said --- */

  const waiting = (place) => [...place.querySelectorAll(".math")].filter((formula) => !formula.querySelector(".katex"));

  let library = null;
  const typeset = async (place) => {
    if (!waiting(place).length) return;
    library ||= loadScript("katex/katex.min.js");
    await library;
    for (const formula of waiting(place)) { // another call may have set some of them meanwhile
      const text = formula.textContent.trim();
      window.katex.render(text.slice(2, -2), formula, { displayMode: text.startsWith("\\["), throwOnError: false });
    }
  };
  window.minigenTypeset = typeset;

  /* An equation, a line of code or a table that is wider than a phone is scrolled, with the keyboard too. To measure what is
     folded would lay it out. */
  const letScroll = () => {
    const all = document.querySelectorAll(".katex-display, div.highlight pre, .table-wrapper");
    const parts = [...all].filter((part) => part.checkVisibility());
    const wide = parts.map((part) => part.scrollWidth > part.clientWidth);
    parts.forEach((part, k) => { if (wide[k]) part.tabIndex = 0; else part.removeAttribute("tabindex"); });
  };

  const isPhone = matchMedia("(max-width: 640px)").matches;

  /* On a phone the sections that may be skipped are folded below the sentence that says so, and those at the end in which
     nothing is told below their titles. */
  const foldBelow = (part, words) => {
    const fold = element("details", "mg-aside");
    fold.append(element("summary", "", words));
    while (part.nextSibling && part.nextElementSibling?.matches(":not(.mg-run)")) fold.append(part.nextSibling);
    part.after(fold);
  };
  const foldAsides = () => {
    for (const why of document.querySelectorAll("article section > p:has(> em:only-child)")) {
      if (why.textContent.startsWith("You may skip this section")) foldBelow(why, "Read this section");
    }
    const ends = {
      "what-this-lesson-does-differently": "Compared with the post and the papers", "now-from-an-empty-file": "Read the task", sources: "Papers and posts",
    };
    for (const [id, words] of Object.entries(ends)) {
      const title = document.querySelector(`section section#${id} > h2`);
      if (title) foldBelow(title, words);
    }
  };

  /* So is the box of each exercise, below its name, with the package's own code of it. */
  const foldExercises = () => {
    for (const box of document.querySelectorAll(".mg-exercise")) {
      const fold = element("details", "mg-phone mg-phone-exercise");
      const head = box.previousElementSibling;
      fold.append(element("summary", ""), box);
      fold.firstChild.append(...head.childNodes);
      head.replaceWith(fold);
    }
    for (const source of document.querySelectorAll(".mg-phone-exercise + .mg-source, .mg-source + .mg-source")) {
      source.previousElementSibling.closest(".mg-phone-exercise")?.append(source);
    }
  };

  /* So is an invitation to change code, since a phone is no place to write it. */
  const foldInvitations = () => {
    for (const box of document.querySelectorAll(".mg-change")) {
      const fold = element("details", "mg-phone mg-phone-exercise");
      box.before(fold);
      fold.append(element("summary", "", "Try it: change the code above"), box);
    }
  };

  /* So is code, with the checks that held and the lines of a training: a phone shows half of each line. What stands between
     two paragraphs is one fold, above its figures and tables. A few lines of code by themselves stay. */
  const CODE = "details.mg-code, .mg-cell, .mg-code-block, .mg-where, .mg-trains, .mg-log, ul.mg-checks:not(:has(.mg-failed))";
  const isCode = (part) => part.matches(CODE) || (part.matches(".mg-recorded") && [...part.children].every(isCode));
  const isPassedOver = (part) => part.matches(".mg-figure, .mg-play, .mg-table, .mg-recorded");
  const foldCode = () => {
    for (const place of document.querySelectorAll("article :is(section, .mg-aside, .mg-outcome)")) {
      let run = [];
      for (const part of [...place.children, null]) {
        if (part && isCode(part)) run.push(part);
        else if (!part || !isPassedOver(part)) {
          if (run.length) foldRun(run);
          run = [];
        }
      }
    }
  };
  const foldRun = (parts) => {
    if (parts.length === 1 && parts[0].matches("details")) return;
    const all = (kind) => parts.flatMap((part) => part.matches(kind) ? [part] : [...part.querySelectorAll(kind)]);
    const lines = all(".mg-code-block").reduce((sum, code) => sum + code.textContent.trim().split("\n").length, 0);
    const checks = all(".mg-checks > li").length;
    if (parts.length === 1 && lines && lines <= 4 && !checks) return;
    const counted = [lines && `code: ${lines} line${lines > 1 ? "s" : ""}`, checks && `✓ ${checks} check${checks > 1 ? "s" : ""}`];
    const fold = element("details", "mg-phone mg-code");
    parts[0].before(fold);
    fold.append(element("summary", "", counted.filter(Boolean).join(", ") || "the training"));
    for (const part of parts) {
      if (!part.matches("details")) { fold.append(part); continue; }
      part.querySelector(":scope > summary").remove();
      fold.append(...part.childNodes);
      part.remove();
    }
  };

  /* -- predictions: what came out opens once a choice is made ------------------------------------------------------ */

  const showPrediction = (box) => {
    const choice = read(`prediction:${box.dataset.key}`);
    if (choice === null) return;
    const { answer } = box.dataset;
    for (const button of box.querySelectorAll(".mg-choice")) {
      button.setAttribute("aria-pressed", String(button.dataset.choice === choice));
      button.classList.toggle("mg-right", button.dataset.choice === answer);
    }
    const result = box.querySelector(".mg-came-out");
    if (result) result.hidden = false;
    for (const part of document.querySelectorAll(`details.mg-outcome[data-prediction="${box.dataset.key}"]`)) {
      part.open = true;
    }
  };

  const startPredictions = () => {
    for (const box of document.querySelectorAll(".mg-predict")) {
      for (const button of box.querySelectorAll(".mg-choice")) {
        button.addEventListener("click", () => {
          keep(`prediction:${box.dataset.key}`, button.dataset.choice);
          showPrediction(box);
        });
      }
      showPrediction(box);
    }
  };

  /* -- progress ----------------------------------------------------------------------------------------------------- */

  const tick = (place, done, words) => {
    place.querySelector(":scope > .mg-tick")?.remove();
    if (!done) return;
    const mark = element("span", `mg-tick mg-${done}`, done === "passed" ? "✓" : "•");
    mark.title = words;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", words);
    place.append(mark);
  };

  const showProgress = () => {
    for (const lesson of book.lessons) {
      const count = lesson.exercises.filter(passed).length;
      const all = lesson.exercises.length;
      const wasRead = read(`read:${lesson.id}`) === "1";
      const done = all && count === all ? "passed" : wasRead || count ? "read" : "";
      const words = all ? `${count} of ${all} exercises passed` : "read";
      const page = address(lesson.page);
      for (const link of document.querySelectorAll(".sidebar-tree a.reference")) {
        if (link.href.split("#")[0] === page) tick(link, done, words);
      }
      for (const item of document.querySelectorAll(`ol.mg-lessons li[data-lesson="${lesson.id}"] > a`)) tick(item, done, words);
    }
    for (const item of document.querySelectorAll("li[data-exercise]")) {
      tick(item, passed(item.dataset.exercise) ? "passed" : "", "passed");
    }
    for (const part of document.querySelectorAll("details.mg-source[data-exercise]")) {
      if (part.dataset.exercise.split(" ").every(passed)) part.open = true;
    }
    const total = document.querySelector(".mg-total");
    if (total) {
      const ids = book.lessons.flatMap((lesson) => lesson.exercises);
      total.textContent = `${ids.filter(passed).length} of ${ids.length} exercises passed`;
    }
  };

  const watchTheEnd = () => {
    const end = document.querySelector(".mg-run");
    const lesson = lessonHere();
    if (!end || !lesson) return;
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      keep(`read:${lesson.id}`, "1");
      observer.disconnect();
      showProgress();
    }).observe(end);
  };

  /* -- "continue where you stopped" --------------------------------------------------------------------------------- */

  const rememberPlace = () => {
    const lesson = lessonHere();
    if (!lesson) return;
    const sections = [...document.querySelectorAll("article section[id]")];
    let waiting = 0;
    const note = () => {
      waiting = 0;
      const above = sections.filter((section) => section.getBoundingClientRect().top < innerHeight / 2);
      const place = above.length ? `#${above[above.length - 1].id}` : "";
      keep("last", lesson.page + place);
    };
    note();
    addEventListener("scroll", () => { waiting ||= setTimeout(note, 400); }, { passive: true });
  };

  const offerToContinue = () => {
    const line = document.querySelector(".mg-continue");
    const last = read("last");
    const lesson = last && book.lessons.find((one) => last.split("#")[0] === one.page);
    if (!line || !lesson) return;
    const link = element("a", "", `${lesson.id} ${lesson.title}`);
    link.href = root + last;
    line.replaceChildren("Continue where you stopped: ", link);
    line.hidden = false;
  };

  /* -- cards over equations and symbols ------------------------------------------------------------------------------ */

  const card = element("div", "mg-hover");
  card.setAttribute("role", "tooltip");
  card.id = "mg-hover";
  card.hidden = true;
  let shownFor = null;

  const hideCard = () => {
    card.hidden = true;
    shownFor?.removeAttribute("aria-describedby");
    shownFor = null;
  };

  const place = (target) => {
    const box = target.getBoundingClientRect();
    const width = card.offsetWidth;
    const left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - width - 8));
    const below = box.bottom + card.offsetHeight + 8 < innerHeight || box.top < card.offsetHeight + 8;
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(below ? box.bottom + 6 : box.top - card.offsetHeight - 6) + scrollY}px`;
  };

  const showCard = (target, title, words, latex) => {
    if (shownFor === target) return;
    hideCard();
    shownFor = target;
    const text = element("p", "");
    text.append(element("strong", "", title), ` ${words}`);
    card.replaceChildren(text);
    if (latex) card.append(element("div", "mg-formula math", `\\[${latex}\\]`));
    card.hidden = false;
    if (target.matches("a")) target.setAttribute("aria-describedby", card.id);
    place(target);
    typeset(card).then(() => { if (shownFor === target) place(target); });
  };

  const equationOf = (link) => {
    const found = /#eq-([a-z]+)-(\d\d)$/.exec(link.getAttribute("href") || "");
    return found ? `${found[1]}.${found[2]}` : null;
  };

  const hover = (event) => {
    const link = event.target.closest?.("a[href*='#eq-']");
    const equation = link && book.equations[equationOf(link)];
    if (equation) return showCard(link, `Eq. ${equationOf(link)}`, equation[0], equation[1]);
    if (event.target.closest?.(".mg-hover")) return undefined;
    const symbol = event.target.closest?.("[data-symbol]");
    if (!symbol) return hideCard();
    const [code, meaning] = book.symbols[symbol.dataset.symbol];
    return showCard(symbol, meaning, code ? `(${code} in the code)` : "");
  };

  const startCards = () => {
    document.body.append(card);
    document.addEventListener("pointerover", (event) => { if (event.pointerType !== "touch") hover(event); });
    document.addEventListener("focusin", (event) => { if (event.target.matches("a[href*='#eq-']")) hover(event); });
    document.addEventListener("focusout", hideCard);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideCard(); });
  };

  /* -- folded parts: a link into one opens it; on paper derivations are open, and results in the edition with all of them --- */

  const openAround = (id) => {
    const target = id && document.getElementById(decodeURIComponent(id));
    if (!target) return;
    let folded = false;
    for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) {
      folded ||= !part.open;
      part.open = true;
    }
    if (folded) target.scrollIntoView();
  };

  const startPrinting = () => {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("article details:is(:not([class]), .mg-aside, .mg-claims-fold, .mg-phone-exercise):not([open])")];
      for (const part of opened) part.open = true;
    });
    addEventListener("afterprint", () => { for (const part of opened) part.open = false; });
  };

  /* "?results=all" is the edition in which all results are open, on paper too. */
  const openResults = () => {
    if (new URLSearchParams(location.search).get("results") !== "all") return;
    document.body.classList.add("mg-all-results");
    for (const part of document.querySelectorAll("details:is(.mg-outcome, .mg-change-answer, .mg-claims-fold)")) part.open = true;
    for (const box of document.querySelectorAll(".mg-predict")) { // its result says the same, where there is one
      const answer = box.querySelector(".mg-came-out");
      answer.hidden = Boolean(document.querySelector(`[data-prediction="${box.dataset.key}"] .mg-verdict`));
    }
  };

  /* -- answers as files ---------------------------------------------------------------------------------------------- */

  const answered = () => book.lessons.flatMap((lesson) => lesson.exercises).filter((id) => read(`answer:${id}`));

  /* {file: text} of the lessons in which something was written: each answer, and the stub where there is none. */
  const answerFiles = (stubs) => {
    const files = {};
    for (const { file, head, stubs: functions } of Object.values(stubs)) {
      const ids = Object.keys(functions);
      if (!ids.some((id) => read(`answer:${id}`))) continue;
      const texts = ids.map((id) => (read(`answer:${id}`) || functions[id]).trim());
      files[file] = `${[head, ...texts].join("\n\n\n")}\n`;
    }
    return files;
  };

  const startSaving = () => {
    const button = document.querySelector(".mg-save");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const note = document.querySelector(".mg-total");
      if (!answered().length) { note.textContent = "You have written no answer yet."; return; }
      try {
        if (!window.minigenStubs) await Promise.all(["book-stubs.js", "bundles/fflate.js"].map(loadScript));
        const { strToU8, zipSync } = window.fflate;
        const texts = Object.entries(answerFiles(window.minigenStubs));
        const zipped = zipSync(Object.fromEntries(texts.map(([name, text]) => [name, strToU8(text)])));
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([zipped], { type: "application/zip" }));
        link.download = "minigen-exercises.zip";
        link.click();
        URL.revokeObjectURL(link.href);
      } catch (error) {
        note.textContent = `The answers could not be saved: ${error.message}`;
      }
    });
  };

  /* -- versions: where several books are published side by side, the same page of another one ------------------------ */

  const startVersions = () => {
    const versions = window.minigenVersions || [];
    const brand = document.querySelector(".sidebar-brand");
    if (versions.length < 2 || !brand) return;
    const label = element("label", "mg-versions", "Version ");
    const choice = document.createElement("select");
    for (const { name, here: current } of versions) choice.add(new Option(name, name, current, current));
    choice.addEventListener("change", async () => {
      const { root: there } = versions.find(({ name }) => name === choice.value);
      const first = new URL(root + there, here);
      const page = new URL(here.slice(new URL(root, here).href.length), first).href;
      const known = location.protocol !== "file:" && (await fetch(page, { method: "HEAD" }).catch(() => null))?.ok;
      location.href = known ? page : `${first.href}index.html`;
    });
    label.append(choice);
    brand.after(label);
  };

  /* Furo gives its two columns no names. */
  document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "Sections of this page");
  document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "Pages of the book");

  /* Furo calls the captions of its list of pages headings, without saying of which level. */
  for (const caption of document.querySelectorAll("[role=heading]:not([aria-level])")) caption.setAttribute("aria-level", "2");

  if (isPhone) { foldAsides(); foldExercises(); foldCode(); foldInvitations(); }
  letScroll();
  addEventListener("resize", letScroll);
  document.addEventListener("toggle", letScroll, true); // a fold was opened
  startPredictions();
  openResults();
  showProgress();
  watchTheEnd();
  rememberPlace();
  offerToContinue();
  startCards();
  startPrinting();
  startSaving();
  startVersions();
  openAround(location.hash.slice(1));
  addEventListener("hashchange", () => openAround(location.hash.slice(1)));
  document.addEventListener("minigen:passed", showProgress);
  addEventListener("storage", ({ key }) => { if (/^minigen:(passed|read):/.test(key)) showProgress(); }); // from another tab
})();
