"""From lessons and their results to a folder of HTML: pages are written, pictures are made small, Sphinx is called."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import minigen
from minigen.course.book import conf, overview, references
from minigen.course.book.contents import Chapter, Contents, write_if_changed
from minigen.course.book.lesson_pages import lesson_page
from minigen.course.book.python import PythonSource, write_python
from minigen.course.book.results import Result
from minigen.course.book.sources import SourcePages
from minigen.course.console import UsageError
from minigen.course.index import LessonInfo

__all__ = ["build", "check_out", "check_tools"]

HERE = Path(__file__).parent
MARKER = ".minigen-book.json"
WORK = ".build"  # inside the book's folder: the MyST pages, and Sphinx's cache
NEEDED = {"sphinx": "sphinx", "furo": "furo", "myst_parser": "myst-parser", "sphinx_copybutton": "sphinx-copybutton"}
NEEDED |= {"sphinx_design": "sphinx-design"}
POINTS_PER_PIXEL = 1.5  # figures are saved at 144 dots an inch, a page shows 96


def check_tools() -> None:
    """Raise UsageError, naming the extra, if what the book is built with is not installed."""
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"minigen book needs {', '.join(missing)}, of the extra 'book': "
            f"python -m pip install {' '.join(missing)} brings {'it' if len(missing) == 1 else 'them'}"
        )


def check_out(out: Path) -> None:
    """Raise UsageError if `out` is neither new, nor empty, nor a book that was built before."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder: choose another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise UsageError(f"{out} has files that are not a book of minigen: move them, or choose another --out")


def build(lessons: Sequence[LessonInfo], results: Sequence[Result], out: Path, python: PythonSource) -> int:
    """Build the book of these lessons in the folder `out`; the number of warnings that Sphinx gave.

    python: where its pages get Python from, for the exercises.

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
        _write_pages(pages, out)
        _write_data(contents, out / "_static")
        write_python(python, out)
        return _sphinx(out, python, _outline(pages))
    except OSError as error:
        raise UsageError(f"cannot write the book to {out}: {error.strerror or error}") from error


def _pages(contents: Contents, files: Files) -> dict[str, str]:
    """Every page of the book: document -> MyST text."""
    sources = SourcePages(contents)
    pages = {"index": overview.first_page(contents)}
    pages |= {f"posts/{post}": overview.post_page(contents, post) for post in contents.posts}
    for chapter in contents.chapters:
        pages[chapter.document] = lesson_page(chapter, contents, files.picture, sources.page)
        files.take_data(chapter)
    pages["equations"] = references.equations_page(contents, sources.anchor)
    pages["figures"] = references.figures_page(contents, files.picture)
    pages["symbols"] = references.symbols_page()
    pages["exercises"] = references.exercises_page(contents)
    pages["glossary"] = references.glossary_page(contents)
    return pages | sources.render()


def _write_pages(pages: dict[str, str], out: Path) -> None:
    """Write the pages that have changed, and remove those that the book no longer has."""
    folder = out / WORK / "pages"
    for document, text in pages.items():
        write_if_changed(folder / f"{document}.md", text)
    for path in folder.rglob("*.md"):
        document = path.relative_to(folder).with_suffix("").as_posix()
        if document not in pages:
            path.unlink()
            (out / f"{document}.html").unlink(missing_ok=True)


def _write_data(contents: Contents, folder: Path) -> None:
    """The scripts that hold data: a page read from a file may load a script, but nothing else."""
    data = json.dumps(references.script_data(contents), ensure_ascii=False)
    write_if_changed(folder / "book-data.js", f"window.minigenBook = {data};\n")
    stubs = json.dumps(references.stub_files(contents), ensure_ascii=False)
    write_if_changed(folder / "book-stubs.js", f"window.minigenStubs = {stubs};\n")


class Files:
    """What stands beside the pages: pictures as WebP and the data of sliders, made again only if theirs has changed."""

    def __init__(self, out: Path):
        self.out = out
        self._wanted: dict[Path, Path] = {}  # file of the book -> file of the run

    def picture(self, chapter: Chapter, file: str) -> tuple[str, tuple[int, int]]:
        """The address of a picture of a run, from the book's first folder, and its width and height on a page."""
        from PIL import Image

        path = chapter.result.folder / file
        with Image.open(path) as image:
            width, height = image.size
        ending = ".gif" if path.suffix == ".gif" else ".webp"
        address = f"_figures/{chapter.slug}/{path.stem}{ending}"
        self._wanted[self.out / address] = path
        return address, (round(width / POINTS_PER_PIXEL), round(height / POINTS_PER_PIXEL))

    def take_data(self, chapter: Chapter) -> None:
        """Note the data of the sliders of a chapter."""
        for entry in chapter.result.entries:
            if entry["kind"] == "play":
                name = entry["payload"]["data"]
                self._wanted[self.out / "_play" / chapter.slug / name] = chapter.result.folder / name

    def make(self) -> None:
        """Make what has changed, and remove what no page shows any more."""
        for folder in ("_figures", "_play"):
            for path in list((self.out / folder).rglob("*")):
                if path.is_file() and path not in self._wanted:
                    path.unlink()
        stale = [(made, path) for made, path in self._wanted.items() if not _is_fresh(made, path)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda pair: _make(*pair), stale))


def _is_fresh(made: Path, path: Path) -> bool:
    """Whether a file of the book was made from this file: both have the same modification time."""
    return made.is_file() and made.stat().st_mtime_ns == path.stat().st_mtime_ns


def _make(made: Path, path: Path) -> None:
    from PIL import Image

    made.parent.mkdir(parents=True, exist_ok=True)
    if made.suffix == ".webp":
        with Image.open(path) as image:
            image.convert("RGB").save(made, "WEBP", quality=88, method=4)
    else:
        shutil.copyfile(path, made)
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    os.utime(made, ns=times)


def _outline(pages: dict[str, str]) -> str:
    """Every page with its title: the content of the list of pages beside each page."""
    return "\n".join(f"{document} {text.partition(chr(10))[0]}" for document, text in pages.items())


def _sphinx(out: Path, python: PythonSource, outline: str) -> int:
    """Call Sphinx on the pages; the number of its warnings. Its whole output is in a log beside the pages."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    out = out.resolve()  # Sphinx takes paths of its configuration from the configuration's folder
    work = out / WORK
    tools = _fingerprint(outline)
    built_with = work / "tools.txt"
    anew = not built_with.is_file() or built_with.read_text(encoding="utf-8") != tools
    with (work / "sphinx.log").open("w", encoding="utf-8") as log, docutils_namespace():
        app = Sphinx(
            srcdir=work / "pages",
            confdir=HERE,
            outdir=out,
            doctreedir=work / "doctrees",
            buildername="html",
            confoverrides={"html_js_files": conf.scripts(HERE / "web", "none" if python.none else "")},
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
    return warnings


def _fingerprint(outline: str) -> str:
    """What the look of every page depends on: the list of pages, tools, the configuration, styles and scripts."""
    hashed = hashlib.sha256(f"{minigen.__version__}\n{outline}\n".encode())
    for package in NEEDED.values():
        hashed.update(f"{package} {_version(package)}\n".encode())
    for path in [HERE / "conf.py", *sorted((HERE / "web").glob("*.*"))]:
        hashed.update(path.name.encode() + path.read_bytes())
    return hashed.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
