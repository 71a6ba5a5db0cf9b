"""From the slides of a lesson to a folder of HTML that needs no network: Sphinx with reveal.js (`sphinx-revealjs`)."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import minigen
from minigen.classroom.teaching.slides import PICTURES, Slide, slides_of
from minigen.course.book.markup import raw
from minigen.course.console import UsageError
from minigen.course.lesson import blocks
from minigen.course.reading.composition import Reading

__all__ = ["build", "markdown_of"]

HERE = Path(__file__).parent
MARKER = ".minigen-slides.json"
WORK = ".build"
WITH_TITLE = "```{revealjs-break}\n```"
WITHOUT_TITLE = "```{revealjs-break}\n:notitle:\n```"
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


def build(reading: Reading, out: Path) -> int:
    """Build the slides of a lesson, `out/index.html`, and return how many there are.

    Raises UsageError if a package is missing, or if the folder has other files or cannot be written.
    """
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"minigen slides needs {', '.join(missing)}, of the extra 'slides': "
            f"python -m pip install {' '.join(missing)} brings {'it' if len(missing) == 1 else 'them'}"
        )
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file()):
        raise UsageError(f"{out} has files that are not slides of minigen: move them, or choose another --out")
    slides = slides_of(reading)
    try:
        pages = out / WORK / "pages"
        shutil.rmtree(pages, ignore_errors=True)
        (pages / PICTURES).mkdir(parents=True)
        (out / MARKER).write_text(json.dumps({"minigen": minigen.__version__}) + "\n", encoding="utf-8")
        for picture in (block for block in reading.blocks if isinstance(block, blocks.Picture)):
            assert reading.result is not None, "it has a picture"
            shutil.copy(reading.result.folder / picture.file, pages / PICTURES)
        (pages / "index.md").write_text(markdown_of(reading, slides), encoding="utf-8")
        _sphinx(out.resolve())
    except OSError as error:
        raise UsageError(f"cannot write the slides to {out}: {error.strerror or error}") from error
    return len(slides)


def markdown_of(reading: Reading, slides: list[Slide]) -> str:
    """Return the slides as one page of MyST: a heading begins a slide, and so does a break."""
    title = reading.blocks[0]
    assert isinstance(title, blocks.Heading)
    parts, section = [f"# {title.text}"], title.text
    for i, slide in enumerate(slides):
        if slide.section != section:
            section = slide.section
            parts.append(f"## {section}")
        elif i > 0:
            parts.append(WITH_TITLE if slide.kind in ("text", "source") else WITHOUT_TITLE)
        parts.append(slide.body)
        if slide.notes:
            parts += [raw('<aside class="notes">'), slide.notes, raw("</aside>")]
    return "\n\n".join(part for part in parts if part) + "\n"


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
