"""From lessons and their results to a folder of HTML: write the pages, shrink the pictures, call Sphinx."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import minigen
from minigen.course.book import conf, site
from minigen.course.book.browser.pyodide import PythonSource, write_python
from minigen.course.book.contents import Contents
from minigen.course.book.files import Files, write_if_changed
from minigen.course.book.formulas import KATEX
from minigen.course.book.pages import overview, references
from minigen.course.book.pages.lesson import lesson_page
from minigen.course.book.pages.moving_figure import FRONT, moving_figure
from minigen.course.book.pages.names import names_page
from minigen.course.book.pages.papers import papers_page
from minigen.course.book.pages.sources import SourcePages
from minigen.course.book.search import records, write_index
from minigen.course.console import UsageError
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson.result import Result
from minigen.course.repository import CHECKOUT, repository_address

__all__ = ["build", "check_out", "check_tools"]

HERE = Path(__file__).parent
MARKER = ".minigen-book.json"
WORK = ".build"  # inside the book's folder: the MyST pages, and Sphinx's cache
NEEDED = {"sphinx": "sphinx", "furo": "furo", "myst_parser": "myst-parser", "sphinx_copybutton": "sphinx-copybutton"}
NEEDED |= {"pagefind_bin": "pagefind-bin", "py_mini_racer": "mini-racer"}


def check_tools() -> None:
    """Raise UsageError if a package that builds the book is not installed; it names the extra that has it."""
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"minigen book needs {', '.join(missing)}, of the extra 'book': "
            f"python -m pip install {' '.join(missing)} brings {'it' if len(missing) == 1 else 'them'}"
        )


def check_out(out: Path) -> None:
    """Raise UsageError unless `out` is new, empty, or a book that was built before."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder: choose another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise UsageError(f"{out} has files that are not a book of minigen: move them, or choose another --out")


def build(
    lessons: Sequence[LessonInfo], results: Sequence[Result | None], out: Path, python: PythonSource, address: str = ""
) -> int:
    """Build the book of these lessons in the folder `out`, and return the number of Sphinx's warnings.

    results: one for each lesson; None for one that has not been run, whose page has no outputs.
    python: where the pages get Python from, for the exercises.
    address: where the book will be published, with a slash at its end; "" if that is not known.

    Raises UsageError if the folder holds other files or cannot be written, or if Sphinx fails.
    """
    check_tools()
    check_out(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / MARKER).write_text(json.dumps({"minigen": minigen.__version__}) + "\n", encoding="utf-8")
        contents = Contents(lessons, results)
        files = Files(out)
        pages = _pages(contents, files)
        files.make()
        _write_pages(
            {document: _described(contents, files, document, pages[document], address) for document in pages}, out
        )
        _write_data(contents, out / "_static")
        write_python(python, out)
        warnings = _sphinx(out, python, _outline(pages), address, contents)
        site.write_site(out, [document for document in pages if document != "404"], address, CHECKOUT / "CHANGELOG.md")
        return warnings
    except OSError as error:
        raise UsageError(f"cannot write the book to {out}: {error.strerror or error}") from error


def _pages(contents: Contents, files: Files) -> dict[str, str]:
    """Every page of the book: document -> MyST text."""
    sources = SourcePages(contents)
    pages = {"index": overview.first_page(contents, files.thumbnail, moving_figure(files))}
    pages |= {f"posts/{post}": overview.post_page(contents, post, files.thumbnail) for post in contents.posts}
    for chapter in contents.chapters:
        pages[chapter.document] = lesson_page(chapter, contents, files.picture, sources.page)
        files.take_data(chapter)
    pages["equations"] = references.equations_page(contents, sources.anchor)
    pages["figures"] = references.figures_page(contents, files.thumbnail)
    pages["symbols"] = references.symbols_page()
    pages["exercises"] = references.exercises_page(contents)
    pages["glossary"] = references.glossary_page(contents)
    pages["names"] = names_page(sources.anchor)
    pages["open_questions"] = references.open_questions_page(contents)
    pages["sources"] = papers_page(contents)
    return pages | sources.render() | {"404": site.NOT_FOUND}


def _described(contents: Contents, files: Files, document: str, text: str, address: str) -> str:
    """Return a page with its description, and the picture of a lesson, or that of the first page."""
    chapter = contents.chapter(document.removeprefix("lessons/"))
    picture = files.thumbnail(chapter, chapter.lead.file)[0] if chapter and chapter.lead else FRONT
    return site.described(document, text, address, picture)


def _write_pages(pages: dict[str, str], out: Path) -> None:
    """Write the pages that have changed, and remove those that the book no longer has."""
    folder = out / WORK / "pages"
    for document, text in pages.items():
        write_if_changed(folder / f"{document}.md", text.encode())
    for path in folder.rglob("*.md"):
        document = path.relative_to(folder).with_suffix("").as_posix()
        if document not in pages:
            path.unlink()
            (out / f"{document}.html").unlink(missing_ok=True)


def _write_data(contents: Contents, folder: Path) -> None:
    """Write the scripts that hold data: a page that is read from a file can load scripts, but no data files."""
    data = json.dumps(references.script_data(contents), ensure_ascii=False)
    write_if_changed(folder / "book-data.js", f"window.minigenBook = {data};\n".encode())
    stubs = json.dumps(references.stub_files(contents), ensure_ascii=False)
    write_if_changed(folder / "book-stubs.js", f"window.minigenStubs = {stubs};\n".encode())


def _outline(pages: dict[str, str]) -> str:
    """Every page with its title: the content of the list of pages beside each page."""
    return "\n".join(f"{document} {text.partition(chr(10))[0]}" for document, text in pages.items())


def _sphinx(out: Path, python: PythonSource, outline: str, address: str, contents: Contents) -> int:
    """Call Sphinx on the pages, and write the index of the search; return the number of Sphinx's warnings.

    Its output is in a log beside the pages.
    """
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    out = out.resolve()  # Sphinx takes paths of its configuration from the configuration's folder
    work = out / WORK
    context = {
        "repository": repository_address(),
        "files": _files_of(line.split()[0] for line in outline.splitlines()),
        "site_path": urlsplit(address).path,
        "first_title": site.TITLE,
    }
    tools = _fingerprint(f"{outline}\n{address}\n{context}")
    built_with = work / "tools.txt"
    anew = not built_with.is_file() or built_with.read_text(encoding="utf-8") != tools
    with (work / "sphinx.log").open("w", encoding="utf-8") as log, docutils_namespace():
        app = Sphinx(
            srcdir=work / "pages",
            confdir=HERE,
            outdir=out,
            doctreedir=work / "doctrees",
            buildername="html",
            confoverrides={
                "html_js_files": conf.scripts(HERE / "web", "none" if python.none else ""),
                "html_baseurl": address,
                "html_context": context,
            },
            status=log,
            warning=log,
            freshenv=anew,
            parallel=os.cpu_count() or 1,
        )
        app.build(force_all=anew)
        warnings, failed = app._warncount, app.statuscode
    if failed:
        raise UsageError(f"Sphinx could not build the book: see {work / 'sphinx.log'}")
    built_with.write_text(tools, encoding="utf-8")
    write_index(records(app.env, contents), out / "pagefind")
    return warnings


def _files_of(documents: Iterable[str]) -> dict[str, str]:
    """Return the file of the repository that each page is made from, of pages that are made from one."""
    files = {document: site.file_of(document) for document in documents}
    return {document: file for document, file in files.items() if (CHECKOUT / file).is_file()}


def _fingerprint(outline: str) -> str:
    """Return a hash of what every page depends on: the list of pages, tools, the configuration, styles and scripts."""
    hashed = hashlib.sha256(f"{minigen.__version__}\n{outline}\n".encode())
    for package in NEEDED.values():
        hashed.update(f"{package} {_version(package)}\n".encode())
    folders = [*sorted(HERE.glob("theme/*.*")), *sorted(HERE.glob("web/**/*.*"))]
    for path in [HERE / "conf.py", HERE / "formulas.py", KATEX, *folders]:
        hashed.update(path.name.encode() + path.read_bytes())
    return hashed.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
