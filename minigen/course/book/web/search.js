/* The search: while one types, in groups, each found section with its address. The index is that of pagefind, of which
   a search fetches some ten kilobytes. From a file a page can fetch nothing: there Sphinx's search is loaded, whose index is a
   script. The address holds the words, ?q=, as the form beside every page sends them. */

(() => {
  const GROUPS = { lesson: "Lessons", term: "Glossary", equation: "Equations", code: "Code", other: "Other pages" };
  const FIRST = 5; // results of a group that are shown at once
  const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
  const form = document.querySelector("form.mg-search");
  const [field, status] = [form.querySelector("input"), form.querySelector("[role=status]")];
  const place = document.querySelector("#search-results");

  const element = (tag, className = "", text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };

  const loadScript = (name) => new Promise((resolve, reject) => {
    const script = element("script");
    script.src = new URL(name, root).href;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });

  const searchAsSphinxDoes = async () => {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; // it would fetch the pages that it has found
    for (const name of ["_static/language_data.js", "_static/searchtools.js", "searchindex.js"]) await loadScript(name);
  };

  const item = ({ meta, excerpt }) => {
    const [made, link, words] = [element("li"), element("a", "", meta.title), element("p", "mg-excerpt")];
    link.href = new URL(meta.address, root).href;
    words.innerHTML = excerpt; // of pagefind, which escapes the text and marks the words
    made.append(link, words);
    return made;
  };

  const group = async (name, results) => {
    const [section, list] = [element("section", "mg-found"), element("ol")];
    section.append(element("h2", "", `${name} (${results.length})`), list);
    const add = async (some) => list.append(...(await Promise.all(some.map((each) => each.data()))).map(item));
    await add(results.slice(0, FIRST));
    if (results.length > FIRST) {
      const more = element("button", "", "Show more");
      more.type = "button";
      more.addEventListener("click", async () => {
        const shown = list.childElementCount;
        more.disabled = true;
        await add(results.slice(shown, shown + 2 * FIRST));
        more.disabled = false;
        more.hidden = list.childElementCount === results.length;
        list.children[shown].querySelector("a").focus();
      });
      section.append(more);
    }
    return section;
  };

  let last = 0; // the search that is to be shown: an earlier one may answer later
  const search = async (pagefind, words) => {
    last += 1;
    const mine = last;
    const found = Object.keys(GROUPS).map((kind) => pagefind.search(words, { filters: { kind } }));
    const all = await Promise.all(words.trim() ? found : []);
    const kinds = Object.keys(GROUPS).filter((kind, k) => all[k]?.results.length);
    const shown = await Promise.all(kinds.map((kind) => group(GROUPS[kind], all[Object.keys(GROUPS).indexOf(kind)].results)));
    if (mine !== last) return;
    const count = all.reduce((sum, { results }) => sum + results.length, 0);
    status.textContent = !words.trim() ? "" : count ? `${count} ${count === 1 ? "place" : "places"} found` : "Nothing found.";
    place.replaceChildren(...shown);
  };

  const start = async () => {
    const words = new URLSearchParams(location.search).get("q") ?? "";
    let pagefind;
    try {
      if (location.protocol === "file:") throw new Error("a page that is read from a file can load no module");
      pagefind = await import(new URL("pagefind/pagefind.js", root).href);
      await pagefind.options({ excerptLength: 26 });
    } catch {
      form.hidden = false; // it is sent, and opens this page again
      field.value = words;
      await searchAsSphinxDoes();
      return;
    }
    form.hidden = false;
    field.value = words;
    let waiting = 0;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
        search(pagefind, field.value);
      }, 150);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    if (words) await search(pagefind, words);
    else field.focus();
  };

  start();
})();
