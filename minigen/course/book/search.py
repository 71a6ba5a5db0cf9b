"""The index of the book's search, made by pagefind: a record for each section, term, equation and function.

    write_index(records(app.env, contents), out / "pagefind")

A record is found by its words, and most of all by those of its title; the first section of a lesson is found by the
terms of the glossary that are explained there, too. Results of a lesson are left out: a prediction comes before them.
The records are read from Sphinx's documents, where formulas are nodes of their own and can be left out.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigen.course.book.contents import Contents
from minigen.course.book.files import fill_folder
from minigen.course.console import UsageError
from minigen.course.index import posts

if TYPE_CHECKING:
    from docutils.nodes import Node  # comes with Sphinx; at run time nodes are told apart by the names of their tags

__all__ = ["KINDS", "Record", "records", "write_index"]

KINDS = ("lesson", "term", "equation", "code", "other")  # as search.js groups them
USED = ("pagefind-entry.json", "pagefind-worker.js")
TAG = re.compile(r"<[^>]+>")
FORMULA = re.compile(r"\\\[.*?\\\]|\\\(.*?\\\)", re.DOTALL)  # in HTML
PART = re.compile(r'<div class="mg-\w+" id="(code-[^"]+)">')  # a function or class of a source page
LEFT_OUT = ("literal_block", "raw", "target")


@dataclass(frozen=True)
class Record:
    """Something to be found: its address from the book's first folder, its title and text, and words that it is
    found by as by its title.
    """

    kind: str
    address: str
    title: str
    text: str
    words: str = ""


def records(environment: Any, contents: Contents) -> Iterator[Record]:
    """Yield the records of all pages of a book. environment: that of Sphinx, after it has read the pages."""
    for document in sorted(environment.found_docs):
        tree = environment.get_doctree(document)
        page = f"{document}.html"
        if document == "glossary":
            yield from _terms(tree, page)
        elif document == "equations":
            yield from _equations(tree, page)
        elif document.startswith("source/"):
            yield from _functions(tree, page)
        elif document.startswith("lessons/"):
            yield from _sections(tree, page, contents)
        elif document not in ("404", "names"):  # the names are those of the source
            yield from _whole(tree, page)


def _inside(tree: Node, *tags: str) -> Iterator[Any]:
    """Yield the nodes below (and with) a node that have one of these tags."""
    yield from tree.findall(lambda node: node.tagname in tags)


def _sections(tree: Node, page: str, contents: Contents) -> Iterator[Record]:
    chapter = next(chapter for chapter in contents.chapters if f"{chapter.document}.html" == page)
    terms = [row["term"] for row in posts.glossary() if row["lesson"] == chapter.short]
    for number, section in enumerate(_inside(tree, "section")):
        heading = _title(section)
        if number == 0:
            words = f"Explained here: {', '.join(terms)}." if terms else ""
            yield Record("lesson", page, f"{chapter.short} {heading}", _own_text(section), words)
        else:
            title = f"{heading} · {chapter.short}"
            yield Record("lesson", f"{page}#{section['ids'][0]}", title, _own_text(section))


def _terms(tree: Node, page: str) -> Iterator[Record]:
    for item in _inside(tree, "definition_list_item"):
        term = next(_inside(item, "term"))
        meaning = " ".join(_text(part) for part in _inside(item, "definition"))
        yield Record("term", f"{page}#{term['ids'][0]}", _text(term), meaning)


def _equations(tree: Node, page: str) -> Iterator[Record]:
    for paragraph in _inside(tree, "paragraph"):
        ids = [id for id in paragraph["ids"] if id.startswith("eq-")]
        if ids:
            name = _text(next(_inside(paragraph, "strong")))
            yield Record("equation", f"{page}#{ids[0]}", name, _text(paragraph).removeprefix(name).strip())


def _functions(tree: Node, page: str) -> Iterator[Record]:
    """Yield a record for the top of a source page, and one for each function or class."""
    file = _title(next(_inside(tree, "section")))
    title, address, texts = file, page, []  # type: ignore[var-annotated]
    for node in _inside(tree, "raw", "literal_block"):
        part = PART.match(node.astext())
        if part:
            yield Record("code", address, title, " ".join(texts))
            title, address, texts = f"{part[1].removeprefix('code-')} · {file}", f"{page}#{part[1]}", []
        texts.append(_bare(node.astext()) if node.tagname == "raw" else node.astext())
    yield Record("code", address, title, " ".join(texts))


def _whole(tree: Node, page: str) -> Iterator[Record]:
    """Yield a record for each section of a page that is a list, with its HTML."""
    for number, section in enumerate(_inside(tree, "section")):
        address = f"{page}#{section['ids'][0]}" if number else page
        yield Record("other", address, _title(section), _own_text(section, "target"))


def _title(section: Node) -> str:
    return _text(next(_inside(section, "title")))


def _own_text(section: Node, *left_out: str) -> str:
    """Return the text of a section without its title and the sections inside it."""
    parts = [part for part in section.children if part.tagname not in ("section", "title")]
    return " ".join(filter(None, (_text(part, *left_out) for part in parts)))


def _text(node: Node, *left_out: str) -> str:
    """Return the words of a node, without code and HTML, or without what is given; three dots stand for a formula."""
    if node.tagname in (left_out or LEFT_OUT):
        return ""
    if node.tagname in ("math", "math_block"):
        return "…"
    if node.tagname == "raw":
        return _bare(node.astext())
    if node.tagname == "#text":
        return node.astext()
    inner = [_text(child, *left_out) for child in node.children]
    between = "" if node.child_text_separator == "" else " "  # inside a paragraph, or between paragraphs
    return " ".join(between.join(inner).split())


def _bare(markup: str) -> str:
    """Return the words of HTML, without formulas, too."""
    return " ".join(html.unescape(TAG.sub(" ", FORMULA.sub("…", markup))).split())


def write_index(found: Iterable[Record], folder: Path) -> int:
    """Make a folder hold the index of these records and nothing else, and return their number.

    Raises UsageError if pagefind fails.
    """
    with tempfile.TemporaryDirectory() as work:
        pages, made = Path(work, "pages"), Path(work, "index")
        pages.mkdir()
        for count, record in enumerate(found, 1):
            (pages / f"{count}.html").write_text(_page(record), encoding="utf-8")
        command = [sys.executable, "-m", "pagefind_bin", "--site", str(pages), "--output-path", str(made)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
        if done.returncode:
            raise UsageError(f"pagefind could not make the index of the search: {done.stderr.strip()[-300:]}")
        files = {path.relative_to(made).as_posix(): path for path in made.rglob("*") if path.is_file()}
        interfaces = [name for name in files if name.startswith("pagefind-") and name not in USED]  # that come with it
        fill_folder(folder, {name: path.read_bytes() for name, path in files.items() if name not in interfaces})
    return count


def _page(record: Record) -> str:
    """Return the small page that pagefind reads for a record."""
    title, words, text, address = map(html.escape, (record.title, record.words, record.text, record.address))
    weighted = f'<p data-pagefind-weight="7">{words}</p>' if words else ""
    return (
        f'<!DOCTYPE html><html lang="en"><head><title>{title}</title></head>'
        f'<body data-pagefind-body data-pagefind-filter="kind:{record.kind}" data-pagefind-meta="address:{address}">'
        f'<h1 data-pagefind-meta="title" data-pagefind-ignore>{title}</h1>{weighted}<p>{text}</p></body></html>'
    )
