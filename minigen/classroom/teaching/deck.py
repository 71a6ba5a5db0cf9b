"""From the Markdown of slides to a folder of HTML that needs no network (Sphinx with reveal.js); and figures alone."""

from __future__ import annotations

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import minigen
from minigen.classroom.teaching.slides import BREAK, LICENCE, PICTURES
from minigen.course.book.markup import raw
from minigen.course.console import UsageError
from minigen.course.lesson.blocks import Heading, Picture
from minigen.course.reading.composition import Reading
from minigen.course.reading.descriptions import describe

__all__ = ["begin", "build", "page_of", "write_figures", "write_pictures"]

HERE = Path(__file__).parent
MARKER = ".minigen-slides.json"
WORK = ".build"
WITHOUT_TITLE = "```{revealjs-break}\n:notitle:\n```"
NOTES = re.compile(r"^::: notes\n(.*?)\n:::$", re.M | re.S)
NEEDED = {"sphinx": "sphinx", "myst_parser": "myst-parser", "sphinx_revealjs": "sphinx-revealjs"}
NEEDED |= {"py_mini_racer": "mini-racer"}  # formulas
SETTINGS = {
    "extensions": ["myst_parser", "minigen.course.book.formulas", "sphinx_revealjs"],
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_dmath_double_inline": True,
    "suppress_warnings": ["myst.header", "myst.xref_missing"],
    "smartquotes": False,
    "html_static_path": [str(HERE / "slides.css")],
    "revealjs_static_path": [str(HERE / "slides.css")],
    "revealjs_css_files": ["katex/katex.min.css", "slides.css"],
    "html_math_renderer": "katex",
    "revealjs_style_theme": "white",
    "revealjs_script_conf": {
        "width": 1280,
        "height": 720,
        "margin": 0.05,
        "center": False,
        "hash": True,
        "slideNumber": "c/t",
        "transition": "none",
        "navigationMode": "linear",
        "pdfMaxPagesPerSlide": 1,
        "pdfSeparateFragments": False,
    },
    "revealjs_script_plugins": [
        {"name": "RevealNotes", "src": "revealjs/plugin/notes/notes.js"},
        {"name": "RevealHighlight", "src": "revealjs/plugin/highlight/highlight.js"},
    ],
}


def build(text: str, pictures: Path, out: Path) -> int:
    """Build slides from their Markdown, `out/index.html`, and return how many there are; pictures: their folder.

    Raises UsageError as `begin` does, or if the folder cannot be written.
    """
    try:
        pages = begin(out) / WORK / "pages"
        shutil.rmtree(pages, ignore_errors=True)
        pages.mkdir(parents=True)
        if pictures.is_dir():
            shutil.copytree(pictures, pages / PICTURES)
        (pages / "index.md").write_text(page_of(text), encoding="utf-8")
        _sphinx(out.resolve())
    except OSError as error:
        raise UsageError(f"cannot write the slides to {out}: {error.strerror or error}") from error
    return len(text.split(BREAK))


def begin(out: Path) -> Path:
    """Make the folder of slides. Raises UsageError if a package is missing, or if it has files that are not slides."""
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"minigen slides needs {', '.join(missing)}, of the extra 'slides': "
            f"python -m pip install {' '.join(missing)} brings {'it' if len(missing) == 1 else 'them'}"
        )
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file()):
        raise UsageError(f"{out} has files that are not slides of minigen: move them, or choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).write_text(json.dumps({"minigen": minigen.__version__}) + "\n", encoding="utf-8")
    return out


def page_of(text: str) -> str:
    """Return the Markdown of slides as one page of MyST, where headings and breaks begin slides."""
    slides = [NOTES.sub(_aside, slide.strip()) for slide in text.split(BREAK)]
    return "\n\n".join(slide if slide.startswith("#") else f"{WITHOUT_TITLE}\n\n{slide}" for slide in slides) + "\n"


def _aside(found: re.Match[str]) -> str:
    return "\n\n".join([raw('<aside class="notes">'), found[1], raw("</aside>")])


def write_pictures(reading: Reading, folder: Path) -> list[Picture]:
    """Copy the pictures of a lesson's recorded run into a folder, and return them. Raises UsageError."""
    pictures = [block for block in reading.blocks if isinstance(block, Picture)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            assert reading.result is not None, "it has a picture"
            shutil.copy(reading.result.folder / picture.file, folder)
    except OSError as error:
        raise UsageError(f"cannot write the pictures to {folder}: {error.strerror or error}") from error
    return pictures


def write_figures(reading: Reading, folder: Path) -> int:
    """Write the pictures of a lesson with `captions.md`, which has their captions, source and licence; how many."""
    title, lesson = reading.blocks[0], reading.lesson.id
    assert isinstance(title, Heading), "a lesson begins with its title"
    pictures = write_pictures(reading, folder)
    rows = [f"## {picture.file}\n\n{picture.caption or describe(picture.file, '')}" for picture in pictures]
    head = f"# Figures of {title.text}\n\n{lesson}. {LICENCE}"
    (folder / "captions.md").write_text("\n\n".join([head, *rows]) + "\n", encoding="utf-8")
    return len(pictures)


def _sphinx(out: Path) -> None:
    """Call Sphinx on the page. Its output is in a log beside the page."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    work = out / WORK
    with (work / "sphinx.log").open("w", encoding="utf-8") as log, docutils_namespace():
        app = Sphinx(
            srcdir=work / "pages",
            confdir=None,
            outdir=out,
            doctreedir=work / "doctrees",
            buildername="revealjs",
            confoverrides={"project": "minigen", **SETTINGS},
            status=None,
            warning=log,
            freshenv=True,
        )
        app.build(force_all=True)
