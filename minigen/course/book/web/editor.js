/* The editor of answers and cells: a plain text area and, from the first time that it gets the focus, CodeMirror 6
   (bundles/codemirror.js, loaded then). Where that cannot be loaded, the text area stays.

   `window.minigenEditor(options)` makes one: {frame, value, show(), focus()}. exercise.js and cell.js use it. */

(() => {
  const bundle = new URL("bundles/codemirror.js", document.currentScript.src).href;
  const KEYS = "Once you have typed or selected something, Tab indents. To leave with the keyboard, press Escape, then Tab.";
  let count = 0;

  let loaded = null;
  const loadCodeMirror = () => {
    loaded ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = bundle;
      script.onload = () => resolve(window.CodeMirror);
      script.onerror = () => { loaded = null; reject(new Error("the editor cannot be loaded")); };
      document.head.append(script);
    });
    return loaded;
  };

  const colorsOf = ({ HighlightStyle, syntaxHighlighting, tags }) => syntaxHighlighting(HighlightStyle.define([
    { tag: tags.comment, class: "mg-comment" },
    { tag: tags.string, class: "mg-string" },
    { tag: [tags.keyword, tags.operatorKeyword, tags.bool, tags.null], class: "mg-keyword" },
    { tag: tags.number, class: "mg-number" },
  ]));

  /* Tab indents once something was typed or selected; Escape, or leaving, gives Tab back to the page. */
  const tabKeys = ({ EditorView, keymap, indentLess, indentMore }) => {
    let indents = false;
    const isEdit = (change) => ["input", "delete", "undo", "redo", "move"].some((kind) => change.isUserEvent(kind));
    const once = (command) => (view) => indents && command(view);
    return [
      keymap.of([
        { key: "Tab", run: once(indentMore), shift: once(indentLess) },
        { key: "Escape", run: () => { indents = false; return false; } },
      ]),
      EditorView.updateListener.of(({ transactions, selectionSet, state }) => {
        indents ||= transactions.some(isEdit) || (selectionSet && !state.selection.main.empty);
      }),
      EditorView.domEventHandlers({ blur: () => { indents = false; } }),
    ];
  };

  /* label: what the editor is, for those who do not see it. note: a sentence that is shown below it, with the keys.
     changed(text) is called after each change of the reader's, run() at Control-Enter. */
  const makeEditor = ({ label, note = "", changed, run }) => {
    const frame = document.createElement("div");
    const box = document.createElement("div");
    const area = document.createElement("textarea");
    const keys = document.createElement("p");
    frame.className = "mg-writing";
    box.className = "mg-editor";
    Object.assign(area, { className: "mg-area", spellcheck: false, autocomplete: "off", autocapitalize: "off", wrap: "soft" });
    count += 1;
    Object.assign(keys, { className: "mg-keys", id: `mg-keys-${count}`, textContent: note, hidden: true });
    const described = { "aria-label": label, "aria-describedby": keys.id };
    for (const [name, value] of Object.entries(described)) area.setAttribute(name, value);
    box.append(area);
    frame.append(box, keys);
    let view = null;
    let isShowing = false; // a text that the reader has not typed

    const fit = () => { area.rows = Math.max(area.value.split("\n").length, 1); };

    const makeView = (library) => {
      const { EditorState, EditorView, keymap } = library;
      view = new EditorView({
        doc: area.value,
        selection: { anchor: area.selectionStart, head: area.selectionEnd },
        extensions: [
          keymap.of([{ key: "Mod-Enter", run: () => { run(); return true; } }]),
          tabKeys(library),
          library.lineNumbers(),
          library.history(),
          library.closeBrackets(),
          library.bracketMatching(),
          library.indentOnInput(),
          library.indentUnit.of("    "),
          EditorState.tabSize.of(4),
          library.pythonLanguage,
          colorsOf(library),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ ...described, autocapitalize: "off", autocorrect: "off" }),
          keymap.of([...library.closeBracketsKeymap, ...library.historyKeymap, ...library.defaultKeymap]),
          EditorView.updateListener.of((update) => { if (update.docChanged && !isShowing) changed(view.state.doc.toString()); }),
        ],
      });
    };

    const becomeCodeMirror = async () => {
      try {
        const library = await loadCodeMirror();
        await new Promise(requestAnimationFrame); // a click has put its cursor by then
        if (view) return;
        makeView(library);
      } catch {
        return; // the text area is an editor, too
      }
      const hadFocus = document.activeElement === area;
      keys.textContent = [KEYS, note].filter(Boolean).join(" ");
      area.replaceWith(view.dom);
      if (hadFocus) view.focus();
    };

    frame.addEventListener("focusin", () => { keys.hidden = !keys.textContent; });
    area.addEventListener("focus", becomeCodeMirror);
    area.addEventListener("input", () => { fit(); changed(area.value); });
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      run();
    });

    return {
      frame,
      get value() { return view ? view.state.doc.toString() : area.value; },
      /* Show a text that the reader has not typed here, without a call of `changed`; with CodeMirror, undo takes it back. */
      show(text) {
        isShowing = true;
        if (view) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
        else area.value = text;
        isShowing = false;
        fit();
      },
      focus() { (view ?? area).focus(); },
    };
  };

  window.minigenEditor = makeEditor;
})();
