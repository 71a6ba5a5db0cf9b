"""What others read of the book: search engines, previews of links, feed readers; and the page for a lost link.

Addresses need to be known for most of it (`address`, "https://owner.github.io/name/"). Where it is "", the pages have
their descriptions, and nothing else is written.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from minigen.course.book.files import write_if_changed
from minigen.course.reading.descriptions import plain
from minigen.course.templates import render
from minigen.files import write_text

__all__ = ["NOT_FOUND", "described", "entries_of", "file_of", "write_site"]

TEMPLATES = Path(__file__).with_name("templates")
TITLE = "minigen: generative models from scratch in NumPy"
MOST = 200  # letters of a description
FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1\s*?$", re.M | re.S)
RELEASE = re.compile(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)\n(.*?)(?=^## |\Z)", re.M | re.S)
DATA = {  # page -> the file in minigen/course/data that it is made from
    "equations": "equations.tsv",
    "figures": "figures.tsv",
    "symbols": "symbols.tsv",
    "glossary": "glossary.tsv",
    "open_questions": "open_questions.md",
    "sources": "bibliography.toml",
}

# The page that GitHub Pages shows for an address that leads nowhere, in the folder of a version that is gone, too.
NOT_FOUND = """# This page is not here

The page has another name now, or the address belongs to a version of the book that is not published any more.

```{raw} html
<p><a class="mg-newest" href="index.html">The same page of the newest version</a>, its
<a href="index.html">first page</a>, or a <a href="search.html">search</a>.</p>
<script>
  const newest = location.pathname.replace(/\\/v\\d[^/]*\\//, "/");
  if (newest !== location.pathname) document.querySelector(".mg-newest").href = newest;
</script>
```
"""


def described(document: str, text: str, address: str, picture: str) -> str:
    """Return a page with what search engines and previews of a link show of it, as its first lines.

    picture: its address from the book's first folder, "" for none.
    """
    title = TITLE if document == "index" else plain(text.partition("\n")[0].lstrip("# "))
    about = _description(text) or f"{title}, of {TITLE}"
    meta = {"description": about, "property=og:title": title, "property=og:description": about}
    meta |= {"property=og:type": "website", "property=og:site_name": "minigen"}
    if address:
        meta["property=og:url"] = f"{address}{document}.html"
    if address and picture:
        meta |= {"property=og:image": address + picture, "twitter:card": "summary_large_image"}
    lines = [f"    {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in meta.items()]
    options = ["orphan: true", "nosearch: true"] if document == "404" else []
    return "\n".join(["---", *options, "myst:", "  html_meta:", *lines, "---", text])


def _description(text: str) -> str:
    """Return the first sentences of a page without its marks, one at least; "" if it has no text."""
    paragraphs = (part.strip() for part in FENCED.sub("", text).split("\n\n")[1:])
    first = next((plain(part) for part in paragraphs if part[:1].isalpha()), "")
    ends = [match.end() for match in re.finditer(r"[.?!](?= |$)", first)] or [len(first)]
    return first[: max([end for end in ends if end <= MOST], default=ends[0])]


def file_of(document: str) -> str:
    """Return the file of the repository that a page is made from; "" if it is made from many."""
    if document.startswith("lessons/"):
        return f"{document}/lesson.py"
    if document.startswith("source/") and document.count("/") > 1:
        return f"minigen/{document.removeprefix('source/')}.py"
    return f"minigen/course/data/{DATA[document]}" if document in DATA else ""


def write_site(out: Path, documents: Iterable[str], address: str, changelog: Path) -> None:
    """Write the list of pages for search engines, and the feed of the releases that a changelog names."""
    written = {name: out / name for name in ("sitemap.xml", "robots.txt", "feed.xml")}
    if not address:
        for path in written.values():
            path.unlink(missing_ok=True)
        return
    pages = [f"{address}{'' if document == 'index' else f'{document}.html'}" for document in documents]
    rows = "\n".join(f"<url><loc>{html.escape(page)}</loc></url>" for page in pages)
    namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
    sitemap = f'<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="{namespace}">\n{rows}\n</urlset>\n'
    write_text(written["sitemap.xml"], sitemap)
    write_text(written["robots.txt"], f"User-agent: *\nAllow: /\nSitemap: {address}sitemap.xml\n")
    entries = entries_of(changelog.read_text(encoding="utf-8")) if changelog.is_file() else []
    feed = render(TEMPLATES, "site/feed.xml", address=address, title=TITLE, entries=entries)
    write_if_changed(written["feed.xml"], feed.encode())


def entries_of(changelog: str) -> list[Mapping[str, str]]:
    """Return the releases of a changelog, newest first: version, date, text. A section without a date is none yet."""
    return [{"version": each[1], "date": each[2], "text": each[3].strip()} for each in RELEASE.finditer(changelog)]
