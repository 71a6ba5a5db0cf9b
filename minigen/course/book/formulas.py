"""Formulas as HTML and MathML when a page is built: KaTeX, run by V8. A page shows them without a script.

It is an extension of Sphinx. Sphinx writes a formula as `\\(...\\)` or `\\[...\\]` in an element of the class "math",
and so do the templates; when all pages are written, KaTeX's HTML takes the place of these texts.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigen.course.book.files import unpack
from minigen.course.index import posts

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["KATEX", "marked", "parts_of", "render", "setup", "typeset"]

KATEX = Path(__file__).with_name("katex.zip")
FOLDER = "katex"  # of the unpacked archive, in _static
STYLES = re.compile(r'<link rel="stylesheet"')
FOLDER_OF = re.compile(r'href="([^"]*/katex/)katex\.min\.css')
ELEMENT = re.compile(r'<(span|div) class="math notranslate nohighlight">\s*\\([(\[])([^<]*?)\\[)\]]\s*</\1>')
DISPLAYED = re.compile(r'^<span class="katex-display">(.*)</span>$', re.S)
ANNOTATION = re.compile(r"<annotation[^>]*>.*?</annotation>", re.S)  # the source, once more
PLACE = re.compile(r"(?:lessons|posts|source)/([a-z]+)")
OTHER = re.compile(r"\.|v\d")  # Sphinx's cache, other versions
TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\S", re.S)
OPENING, CLOSING = {"{", r"\left", r"\begin"}, {"}", r"\right", r"\end"}  # of a group, which is not divided
# A symbol is not looked for in what follows these: it would be another symbol, a part of a word, or no argument of its
# own. (A group in braces after _ or ^ may hold symbols.)
ACCENTS = {rf"\{name}" for name in "bar hat tilde vec dot ddot overline underline widehat widetilde check".split()}
WORDS = {rf"\{name}" for name in "text mathrm mathbf mathcal mathbb mathit mathsf operatorname begin end tag".split()}
BARE = {"_", "^", r"\frac", r"\tfrac", r"\dfrac", r"\sqrt"}  # whose argument needs no braces

# The fonts of a page's first formulas are asked for before its styles, or lines of text change when they arrive. (A
# browser does not load a font in this way from a file.)
FIRST = 12
FONTS = {"mathbb": "AMS-Regular", "mathbf": "Main-Bold", "mathcal": "Caligraphic-Regular"}
FONTS |= {"small-op": "Size1-Regular", "large-op": "Size2-Regular"}
FONTS |= {f"delimsizing size{size}": f"Size{size}-Regular" for size in range(1, 5)}
ASKED = """<script>if (location.protocol !== "file:") for (const name of NAMES) {
    const [rel, as, href] = ["preload", "font", `FOLDERfonts/KaTeX_${name}.woff2`];
    const given = {rel, as, href, type: "font/woff2", crossOrigin: ""};
    document.head.append(Object.assign(document.createElement("link"), given));
}</script>
"""

# A formula in which symbols are marked is rendered without the marks where KaTeX refuses them.
RENDER = """(formulas) => JSON.stringify(formulas.map(([latex, marked, displayMode]) => {
    const options = { displayMode, trust: ({ command }) => command === "\\\\htmlData", strict: "ignore" };
    try { return katex.renderToString(marked, options); }
    catch { return katex.renderToString(latex, { ...options, throwOnError: false }); }
}))"""


def render(formulas: Sequence[tuple[str, str, bool]]) -> list[str]:
    """Return the HTML of formulas, each (LaTeX, the same with its symbols marked, whether it is displayed)."""
    from py_mini_racer import mini_racer

    split = [_parts_of(*formula) for formula in formulas]
    with mini_racer() as v8:
        v8.eval(_script())
        found = json.loads(str(v8.eval(f"({RENDER})({json.dumps([part for parts in split for part in parts])})")))
    made = iter(ANNOTATION.sub("", each) for each in found)
    return [_joined([next(made) for _ in parts]) for parts in split]


def _parts_of(latex: str, marked: str, shown: bool) -> list[tuple[str, str, bool]]:
    """Return a displayed formula as the formulas in it that quads separate, between which a long line ends first."""
    parts, marks = parts_of(latex), parts_of(marked)
    whole = not shown or len(parts) != len(marks) or r"\tag" in latex
    return [(latex, marked, shown)] if whole else [(a, b, True) for a, b in zip(parts, marks, strict=True)]


def parts_of(latex: str) -> list[str]:
    r"""Return the parts of a formula between each `\quad` that is in no group."""
    parts, start, depth = [], 0, 0
    for token in TOKEN.finditer(latex):
        if token[0] in OPENING:
            depth += 1
        elif token[0] in CLOSING:
            depth -= 1
        elif token[0] in (r"\quad", r"\qquad") and depth == 0:
            parts.append(latex[start : token.start()].strip())
            start = token.end()
    return [part for part in (*parts, latex[start:].strip()) if part]


def _joined(parts: list[str]) -> str:
    """Return the HTML of formulas that are displayed beside each other."""
    if len(parts) == 1:
        return parts[0]
    bare = [DISPLAYED.sub(r"\1", part).replace('class="katex"', 'class="katex mg-part"', 1) for part in parts]
    return f'<span class="katex-display">{" ".join(bare)}</span>'


@lru_cache
def _script() -> str:
    import zipfile

    with zipfile.ZipFile(KATEX) as packed:
        return packed.read("katex.min.js").decode("utf-8")


def typeset(pages: Iterable[Path], root: Path) -> None:
    """Put the HTML of every formula in its place, in pages below the folder `root`."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    found = {
        page: [(html.unescape(latex), bracket == "[") for _, bracket, latex in ELEMENT.findall(text)]
        for page, text in texts.items()
    }
    tables = {page: _symbols(page.relative_to(root).as_posix()) for page in texts}
    wanted = list({(latex, marked(latex, tables[page]), shown) for page in texts for latex, shown in found[page]})
    if not wanted:
        return
    made = dict(zip(wanted, render(wanted), strict=True))
    for page, text in texts.items():

        def replaced(match: re.Match[str], table: Symbols = tables[page]) -> str:
            name, bracket, latex = match[1], match[2], html.unescape(match[3])
            return f'<{name} class="math">{made[latex, marked(latex, table), bracket == "["]}</{name}>'

        if found[page]:
            page.write_text(_with_fonts(ELEMENT.sub(replaced, text)), encoding="utf-8")


def _with_fonts(text: str) -> str:
    """Return a page that asks for the fonts of its first formulas before its styles."""
    folder = FOLDER_OF.search(text)
    if not folder:
        return text
    first = "".join(text.split('<span class="katex">')[1 : FIRST + 1])
    names = ["Main-Regular", "Math-Italic", *sorted({font for kind, font in FONTS.items() if kind in first})]
    script = ASKED.replace("NAMES", json.dumps(names)).replace("FOLDER", folder[1])
    return STYLES.sub(lambda style: script + style[0], text, count=1)


# -- symbols, over which a card says what they mean --------------------------------------------------------------------

Symbols = Mapping[tuple[str, ...], int]  # the tokens of a symbol -> its row in the table of symbols


def _symbols(page: str) -> Symbols:
    """Return the symbols of the post that a page belongs to, and those of all posts."""
    place = PLACE.search(page)
    return _symbols_of(place[1] if place else "")


@lru_cache
def _symbols_of(post: str) -> Symbols:
    rows = [(row["posts"].split(), row["latex"]) for row in posts.symbols()]
    return {_bare(latex): number for number, (where, latex) in enumerate(rows) if {"all", post} & {*where}}


def _bare(latex: str) -> tuple[str, ...]:
    return tuple(token for token in TOKEN.findall(latex) if token not in "{}")


def marked(latex: str, symbols: Symbols) -> str:
    r"""Return a formula with each symbol as `\htmlData{symbol=NUMBER}{...}`: the longest that begins at a place."""
    tokens = [(match[0], match.start(), match.end()) for match in TOKEN.finditer(latex)]
    names = [name for name, _, _ in tokens]
    made, copied, i = [], 0, 0
    while i < len(tokens):
        end, number = _longest(names, i, symbols)
        if end > i:
            first, last = tokens[i][1], tokens[end - 1][2]
            made.append(rf"{latex[copied:first]}\htmlData{{symbol={number}}}{{{latex[first:last]}}}")
            copied, i = last, end
        elif names[i] in ACCENTS | WORDS or (names[i] in BARE and names[i + 1 : i + 2] != ["{"]):
            i = _after_argument(names, i + 1)
        else:
            i += 1
    return "".join([*made, latex[copied:]])


def _longest(names: Sequence[str], start: int, symbols: Symbols) -> tuple[int, int]:
    """Return where the longest symbol that begins at a token ends, and its number; `start` if there is none."""
    best, number = start, -1
    for symbol, row in symbols.items():
        end = _end(names, start, symbol)
        if end > best and names[end : end + 1] not in (["_"], ["^"], ["'"]):
            best, number = end, row
    return best, number


def _end(names: Sequence[str], start: int, symbol: Sequence[str]) -> int:
    """Return where a symbol ends that begins at a token, with the braces in it closed; `start` if it is not there."""
    i, depth, left = start, 0, list(symbol)
    while i < len(names) and (left or depth):
        if names[i] == "{" and i > start:
            depth += 1
        elif names[i] == "}" and depth:
            depth -= 1
        elif left and names[i] == left[0]:
            left.pop(0)
        else:
            return start
        i += 1
    return start if left or depth else i


def _after_argument(names: Sequence[str], start: int) -> int:
    """Return the token after a group in braces or, without braces, after one token."""
    if names[start : start + 1] != ["{"]:
        return start + 1
    depth = 0
    for i in range(start, len(names)):
        depth += (names[i] == "{") - (names[i] == "}")
        if depth == 0:
            return i + 1
    return len(names)


# -- the extension of Sphinx -------------------------------------------------------------------------------------------


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_html_math_renderer(FOLDER, (_inline, None), (_display, None))
    app.add_css_file(f"{FOLDER}/katex.min.css", priority=400)
    app.connect("builder-inited", _unpack)  # before the pages, which name a file by what it holds
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    writer.body.append(rf'<span class="math notranslate nohighlight">\({html.escape(node.astext())}\)</span>')
    raise SkipNode


def _display(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    latex = node.astext().strip()
    if r"\\" in latex and not node.get("no-wrap", node.get("nowrap")):
        latex = rf"\begin{{split}}{latex}\end{{split}}"
    writer.body.append(f'<div class="math notranslate nohighlight">\\[{html.escape(latex)}\\]</div>\n')
    raise SkipNode


def _unpack(app: Sphinx) -> None:
    unpack(KATEX, Path(app.outdir) / "_static" / FOLDER)


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        typeset(_written(Path(app.outdir)), Path(app.outdir))


def _written(folder: Path) -> list[Path]:
    """Return the pages of a book, without those of other versions below it."""
    return [page for page in folder.rglob("*.html") if not OTHER.match(page.relative_to(folder).as_posix())]
