"""What a student gets back: her points, case by case, in Markdown and as a page of HTML.

The inputs of graded seeds stay secret, so nothing here shows an expected value, nor the student's own, which a rule
may relate to it; with practice seeds `minigen exercise check` shows both.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from minigen.course.exercise.grading import status

__all__ = ["as_html", "as_markdown", "page"]


class Block(NamedTuple):
    """A piece of the feedback: kind is "title", "heading", "text", "item" or "code"."""

    kind: str
    text: str


def blocks(document: Mapping[str, Any]) -> Iterator[Block]:
    """The feedback of one student, piece by piece."""
    student, total = document["student"], document["total"]
    name = " ".join(filter(None, [student["first_name"], student["last_name"]])) or student["student_id"]
    yield Block("title", f"{document['assignment']['title']}: {name}")
    if total is None:
        yield Block("text", "Not all of it could be graded yet; this is not your doing, and your teacher knows.")
    else:
        yield Block("text", f"{total:g} of {document['possible']:g} points.")
        if document["late"]:
            days = document["days_late"]
            late = f"{days} day{'s' * (days != 1)} late: {document['late']:g} of {document['points']:g} points lost."
            yield Block("text", late)
    for row in document["exercises"]:
        yield from _exercise(row)


def _exercise(row: Mapping[str, Any]) -> Iterator[Block]:
    if row["status"] == status.GRADER_ERROR:
        yield Block("heading", f"{row['id']}: not graded yet")
        return
    yield Block("heading", f"{row['id']}: {row['points']:g} of {row['possible']:g}")
    first = next((case for case in row["cases"] if not case["passed"]), None)
    alike = first is not None and all(
        (case["status"], case["message"]) == (first["status"], first["message"]) for case in row["cases"]
    )
    if first is None:
        yield Block("text", "All cases pass.")
    elif alike or row["status"] == status.PROCESS:
        yield from _story({**first, "message": row["message"], "status": row["status"]}, "")
    else:
        for case in row["cases"]:
            word = "pass" if case["passed"] else status.WORDS[case["status"]]
            yield Block("item", f"{case['case']}: {word} ({case['points']} of {case['possible']})")
        yield from _story(first, f"{first['case']}, the simplest case that fails: ")
    if row["hint"]:
        yield Block("text", f"{'A known slip: ' if row['listed'] else ''}{row['hint']}")
    for note in row["notes"]:
        yield Block("text", f"Note: {note}")
    if first is not None and first["status"] in (status.WRONG_VALUE, status.NAN, status.INF):
        yield Block("text", f"To see values: minigen exercise check {row['id']}")


def _story(case: Mapping[str, Any], before: str) -> Iterator[Block]:
    """Why a case failed, without the values of the graded inputs."""
    words = ": ".join(filter(None, [status.WORDS[case["status"]], case["message"]]))
    yield Block("text", f"{before}{words}")
    if case["relation"]:
        yield Block("text", case["relation"])
    if case["line"] and case["text"]:
        yield Block("code", f"line {case['line']}: {case['text']}")


# ------------------------------------------------------------------------------------------- Markdown


def as_markdown(document: Mapping[str, Any]) -> str:
    """The feedback for a student in Markdown: what `blocks` says, its own text escaped."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    before = ""
    for kind, text in blocks(document):
        text = _clean(text)
        if before and not before == kind == "item":
            yield ""
        if kind in ("title", "heading"):
            yield f"{'#' if kind == 'title' else '##'} {_escaped(text)}"
        elif kind == "code":
            yield f"    {text}"
        else:
            yield f"{'- ' if kind == 'item' else ''}{_escaped(text)}"
        before = kind


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, HTML in it too."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", text)


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


# ------------------------------------------------------------------------------------------- HTML

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #d0d7de; }
pre, code { background: #f3f5f7; padding: 0.1rem 0.3rem; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; } td, th { border: 1px solid #d0d7de; padding: 0.2rem 0.6rem; text-align: left; }
th { background: #f3f5f7; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: #2f6fb0; height: 0.8rem; display: inline-block; min-width: 1px; }
"""
TAGS = {"title": "h1", "heading": "h2", "text": "p", "item": "li", "code": "pre"}


def page(title: str, body: str) -> str:
    """A page of HTML that needs nothing else and runs no script."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def as_html(document: Mapping[str, Any]) -> str:
    """The same as one HTML page that needs nothing else."""
    rows, before, title = [], "", ""
    for kind, text in blocks(document):
        text = _clean(text)
        title = title or text
        if kind == "item" != before:
            rows.append("<ul>")
        if before == "item" != kind:
            rows.append("</ul>")
        rows.append(f"<{TAGS[kind]}>{html.escape(text)}</{TAGS[kind]}>")
        before = kind
    if before == "item":
        rows.append("</ul>")
    return page(title, "\n".join(rows))
