"""Pieces of a page's text: references that become links, short texts as HTML, templates as blocks of HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigen.course.index import posts
from minigen.course.reading.descriptions import plain
from minigen.course.templates import render

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["code_block", "html_around", "html_block", "inline_html", "raw", "with_links"]

TEMPLATES = Path(__file__).with_name("templates")
BODY = "\0"  # marks the place of Markdown in a rendered template
# what holds no references: mathematics, code, links, and the line of a fold, which is HTML
MATH_OR_CODE = re.compile(
    r"(<summary>.*?</summary>|\$\$.*?\$\$|\$[^$]+?\$|```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)|https?://\S+)", re.S
)
EQUATION = re.compile(rf"\b(?:Eqs?\.\s+)?({posts.EQUATION_ID})\b")
FIGURE = re.compile(r"\b((?:gan|vae|flow|diffusion)\.f\d\d)\b")
LESSON = re.compile(rf"`((?:{'|'.join(posts.FAMILIES)})/\d\d)`")

Link = Callable[[str], str | None]


def html_block(template: str, /, **values: Any) -> str:
    """Return a template of the book as a block of a MyST page.

    A template may call `inline` and `plain` on a short text.
    """
    return raw(render(TEMPLATES, template, inline=inline_html, plain=plain, **values))


def html_around(template: str, body: str, /, **values: Any) -> str:
    """Return a template as blocks of a MyST page, with Markdown where the template has `{{ body }}`."""
    text = render(TEMPLATES, template, inline=inline_html, plain=plain, body=BODY, **values)
    before, after = text.split(BODY)
    return "\n".join([raw(before.strip()), body, raw(after.strip())])


def raw(code: str) -> str:
    """HTML as a block of a MyST page. It is a directive, since plain HTML would end at its first empty line."""
    fence = _fence(code)
    return f"{fence}{{raw}} html\n{code}\n{fence}\n"


def code_block(code: str, language: str = "python", **options: str | int) -> str:
    """Code as a block of a MyST page; options are those of Sphinx's `code-block`, `class_` for `class`."""
    fence = _fence(code)
    lines = "".join(f":{name.rstrip('_').replace('_', '-')}: {value}\n" for name, value in options.items())
    return f"{fence}{{code-block}} {language}\n{lines}\n{code}\n{fence}\n"


def _fence(code: str) -> str:
    """Return the backticks around a block: one more than the longest row of them inside, and at least three."""
    return "`" * max(3, 1 + max((len(ticks) for ticks in re.findall(r"`+", code)), default=0))


def with_links(text: str, equations: Collection[str], figures: Collection[str], lesson: Link) -> str:
    """Markdown in which equations and figures by their ids, and `gan/04` in code, become links, but not in mathematics.

    lesson: the page (a path of the source, "/lessons/gan/04_....md") of a lesson's short id, or None to leave it alone.
    """

    def equation(match: re.Match[str]) -> str:
        return f"[{match[0]}](#eq-{match[1].replace('.', '-')})" if match[1] in equations else match[0]

    def figure(match: re.Match[str]) -> str:
        return f"[{match[0]}](#fig-{match[1].replace('.', '-')})" if match[1] in figures else match[0]

    parts = MATH_OR_CODE.split(text)
    for i, part in enumerate(parts):
        if i % 2:
            found = LESSON.fullmatch(part)
            page = lesson(found[1]) if found else None
            parts[i] = f"[{part}]({page})" if page else part
        else:
            parts[i] = FIGURE.sub(figure, EQUATION.sub(equation, part))
    return "".join(parts)


def inline_html(text: str, root: str = "", equations: Collection[str] = ()) -> Markup:
    """Return a short text as HTML: mathematics, code, bold and italic letters, and equations of the index as links.

    root: the path from the page to the book's first folder, "../../".
    """
    from markupsafe import Markup, escape

    def equation(match: re.Match[str]) -> str:
        link = f'<a href="{root}equations.html#eq-{match[1].replace(".", "-")}">{match[0]}</a>'
        return link if match[1] in equations else match[0]

    parts = re.split(r"(\$[^$]+\$|`[^`]+`)", text)
    for i, part in enumerate(parts):
        if i % 2 and part.startswith("$"):
            parts[i] = rf'<span class="math notranslate nohighlight">\({escape(part[1:-1])}\)</span>'
        elif i % 2:
            parts[i] = f"<code>{escape(part[1:-1])}</code>"
        else:
            bold = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(part)))
            italic = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", r"<em>\1</em>", bold)
            parts[i] = EQUATION.sub(equation, italic)
    return Markup("".join(parts))
