"""What a student gets back: points, case by case, in Markdown and as a page of HTML.

The inputs of graded seeds stay secret. So the feedback shows no expected value, and no value of the student's, which
a relation may connect with the expected one, and no text of an exception, which her code chooses; with practice seeds
`minigen exercise check` shows all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from minigen.classroom.results.gradebook import printable
from minigen.course.console import plural
from minigen.course.exercise.grading import status
from minigen.course.templates import render

__all__ = ["TEMPLATES", "Block", "as_html", "as_markdown", "as_text", "blocks", "title"]

NOT_YET = "Not all of it could be graded yet; this is not your doing, and your teacher knows."
TEMPLATES = Path(__file__).with_name("templates")


class Block(NamedTuple):
    """A piece of the feedback: kind is "heading", "text", "code", or "list", which has `items` in place of a text."""

    kind: str
    text: str = ""
    items: tuple[str, ...] = ()


def title(document: Mapping[str, Any]) -> str:
    """Return the assignment and the student's name."""
    student = document["student"]
    name = " ".join(filter(None, [student["first_name"], student["last_name"]])) or student["student_id"]
    return printable(f"{document['assignment']['title']}: {name}")


def blocks(document: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the feedback of one student below its title, piece by piece."""
    exercises = [block for row in document["exercises"] for block in _exercise(row, document["counting"])]
    for block in [*_points(document), *exercises]:
        yield Block(block.kind, printable(block.text), tuple(map(printable, block.items)))


def _points(document: Mapping[str, Any]) -> Iterator[Block]:
    for decision in document["decisions"]:
        yield Block("text", f"Decided by your teacher: {decision}")
    if document["excused"]:
        yield Block("text", "You are excused from this assignment.")
        return
    if document["total"] is not None:
        yield Block("text", f"{document['total']:g} of {document['possible']:g} points.")
    else:
        yield from _so_far(document["exercises"])
    if document["days_late"]:
        late, total = document["late"], document["total"]
        if total is None:
            graded = [row for row in document["exercises"] if row["total"] is not None and not row["excused"]]
            late, total = (round(sum(row[name] for row in graded), 2) for name in ("late", "total"))
        cost = f"{late:g} of {round(total + late, 2):g} points lost" if late else "no points lost"
        yield Block("text", f"{plural(document['days_late'], 'day')} late: {cost}.")


def _so_far(rows: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    """Yield the points of what is graded, where some is not graded or not due yet."""
    graded = [row for row in rows if row["total"] is not None and not row["excused"]]
    missing = [row for row in rows if row["total"] is None and not row["excused"]]
    words = [f"{row['id']} is not {'due' if row['open'] else 'graded'} yet" for row in missing]
    if graded:
        total, possible = (sum(row[name] for row in graded) for name in ("total", "possible"))
        words.insert(0, f"{total:g} of {possible:g} points so far")
    yield Block("text", f"{'; '.join(words)}.")
    if any(not row["open"] for row in missing):
        yield Block("text", NOT_YET)


def _heading(row: Mapping[str, Any]) -> Block:
    """Return the name and points of an exercise: what the teacher decided, else what the answer earned."""
    points = row["points"] if row["given"] is None else row["given"]
    if points is not None and row["given"] is None:
        points = max(0.0, points - row["minus"])
    shown = "not graded yet" if points is None else f"{points:g} of {row['possible']:g}"
    shown = "not due yet" if row["open"] else shown
    return Block("heading", f"{row['id']}: {'excused' if row['excused'] else shown}")


def _exercise(row: Mapping[str, Any], counting: str) -> Iterator[Block]:
    yield _heading(row)
    if "private" in row:
        yield Block("text", f"Changed for this assignment: {row['private']}")
    yield from (Block("text", f"Decided by your teacher: {decision}") for decision in row["decisions"])
    if row["dropped"]:
        yield Block("text", f"This exercise does not count: {counting}.")
    yield from _result(row)


def _result(row: Mapping[str, Any]) -> Iterator[Block]:
    """Yield what the answer to an exercise did, as the grader reports it."""
    if row["status"] == status.GRADER_ERROR:
        return
    first = next((case for case in row["cases"] if not case["passed"]), None)
    if row["hint"]:
        yield Block("text", f"{_before_hint(row)}{row['hint']}")
    same_failure = (
        first is not None
        and not any(case["form"] for case in row["cases"])
        and all((case["status"], case["message"]) == (first["status"], first["message"]) for case in row["cases"])
    )
    if first is None:
        yield Block("text", "All cases pass.")
    elif same_failure or row["status"] == status.PROCESS:
        yield from _failure({**first, "public": row["public"], "status": row["status"]}, "")
    else:
        yield Block("list", items=tuple(_outcome(case, row["about"].get(case["case"], "")) for case in row["cases"]))
        yield Block("text", f"{_by_kind(row)}.")
        yield from _failure(first, f"{first['case']}, the simplest case that fails: ")
    for note in row["notes"]:
        yield Block("text", f"Note: {note}")
    if first is not None and first["status"] in (status.WRONG_VALUE, status.NAN, status.INF):
        yield Block("text", f"To see values: minigen exercise check {row['id']}")


def _by_kind(row: Mapping[str, Any]) -> str:
    """Return the points of each kind of case: "for the equation 3 of 5, for shapes 2 of 2"."""
    words = {"equation": "the equation", "shapes": "shapes", "extremes": "extremes", "gradient": "the gradient"}
    kinds = {words[kind]: of for kind, of in row["kinds"].items() if of["possible"]}
    parts = [f"for {kind} {of['points']:g} of {of['possible']:g}" for kind, of in kinds.items()]
    return f"Points of the exercise itself: {', '.join(parts)}"


def _before_hint(row: Mapping[str, Any]) -> str:
    """How the hint of a listed mistake is introduced: it holds of the simplest case that fails.

    Where another case fails in another way, with NaN instead of a wrong value, the hint need not hold of that case.
    """
    if not row["listed"]:
        return ""
    first, *others = [case for case in row["cases"] if not case["passed"]]
    other = next((case for case in others if case["status"] != first["status"]), None)
    if other is None:
        return "Known mistake: "
    return f"Known mistake in {first['case']} ({other['case']} fails in another way): "


def _outcome(case: Mapping[str, Any], about: str) -> str:
    """How a case ended and its points, with the sentence of what the case is about."""
    word = "pass" if case["passed"] else status.WORDS[case["status"]]
    word += ", right values" if case["form"] else ""
    return f"{case['case']}: {word} ({case['points']:g} of {case['possible']:g}){'. ' if about else ''}{about}"


def _failure(case: Mapping[str, Any], before: str) -> Iterator[Block]:
    """Why a case failed, without the values of the graded inputs."""
    words = ": ".join(filter(None, [status.WORDS[case["status"]], case["public"]]))
    yield Block("text", f"{before}{words}")
    if case["relation"]:
        yield Block("text", case["relation"])
    if case["line"] and case["text"]:
        yield Block("code", f"line {case['line']}: {case['text']}")


# ------------------------------------------------------------------------------------------- plain text


def as_text(row: Mapping[str, Any]) -> str:
    """Return the feedback on one exercise for a terminal or the output of a notebook's cell."""
    lines = []
    for block in [_heading({**row, "given": None, "excused": False, "minus": 0, "open": False}), *_result(row)]:
        lines += [f"- {item}" for item in block.items] or [f"    {block.text}" if block.kind == "code" else block.text]
    return "\n".join(map(printable, lines))


# ------------------------------------------------------------------------------------------- Markdown


def as_markdown(document: Mapping[str, Any]) -> str:
    """Return the feedback for a student in Markdown, which shows the text of `blocks` as it is."""
    paragraphs = [f"# {_escaped(title(document))}"]
    for block in blocks(document):
        if block.kind == "heading":
            paragraphs.append(f"## {_escaped(block.text)}")
        elif block.kind == "list":
            paragraphs.append("\n".join(f"- {_escaped(item)}" for item in block.items))
        elif block.kind == "code":
            paragraphs.append(f"    {block.text}")
        else:
            paragraphs.append(_escaped(block.text))
    return "\n\n".join(paragraphs) + "\n"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, HTML in it too."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", text)


# ------------------------------------------------------------------------------------------- HTML


def as_html(document: Mapping[str, Any]) -> str:
    """Return the same as one HTML page that needs no other file."""
    return render(TEMPLATES, "feedback.html", title=title(document), blocks=blocks(document))
