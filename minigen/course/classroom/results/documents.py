"""The results of a class as JSON documents: one for each student, one for the whole run. See schema/*.json."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import minigen
from minigen.course.classroom.assignment import Assignment
from minigen.course.classroom.collect import Submitted
from minigen.course.classroom.roster import Student
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status

__all__ = [
    "SCHEMA_VERSION",
    "file_names",
    "in_order",
    "key_of",
    "printable",
    "read",
    "sentences",
    "submission",
    "to_retry",
]

SCHEMA_VERSION = 2


def head(kind: str, assignment: Assignment, seeds: Sequence[int]) -> dict[str, Any]:
    """How every document begins."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "minigen": minigen.__version__,
        "assignment": {"slug": assignment.slug, "title": assignment.title, "sha256": assignment.sha256},
        "seeds": list(seeds),
    }


def submission(
    submitted: Submitted, assignment: Assignment, seeds: Sequence[int], rows: Sequence[Mapping[str, Any]], key: str
) -> dict[str, Any]:
    """The document of one student: rows as `grader.row_of` gives them, with what is lost by being late."""
    share = assignment.late.share(assignment.due, submitted.handed_in)
    exercises = []
    for assigned, row in zip(assignment.exercises, rows, strict=True):
        points = row["points"]
        late = None if points is None else round(points * share, 2)
        exercises.append({**row, "late": late, "about": sentences(assigned.exercise)})
    points = late = total = None
    if all(row["points"] is not None for row in exercises):
        points = round(sum(row["points"] for row in exercises), 2)
        late = round(sum(row["late"] for row in exercises), 2)
        total = round(points - late, 2)
    return {
        **head("submission", assignment, seeds),
        "key": key,
        "student": submitted.student.to_json(),
        "handed_in": submitted.handed_in.isoformat() if submitted.handed_in else None,
        "days_late": assignment.late.days_late(assignment.due, submitted.handed_in),
        "points": points,
        "late": late,
        "total": total,
        "possible": assignment.possible,
        "exercises": exercises,
    }


def sentences(exercise: Exercise) -> dict[str, str]:
    """What each case is about, by its name; a case without a sentence is left out."""
    return {case.name: case.about for case in exercise.cases if case.about}


def key_of(submitted: Submitted, assignment: Assignment, seeds: Sequence[int], sandbox: str) -> str:
    """Changes when anything does that the points of the answers depend on: answers with the same key are not run again.

    What is computed from the points afterwards, such as the loss of a late submission, is not part of it.
    """
    answers = [
        [answer.sha256, answer.submission.status, answer.submission.message, list(answer.notes)]
        for answer in submitted.answers
    ]
    parts = [assignment.graded_by, list(seeds), sandbox, answers]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def to_retry(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(exercise, reason) of what the grader itself could not do."""
    rows = document["exercises"]
    return [(row["id"], row["message"]) for row in rows if row["status"] == status.GRADER_ERROR]


# ------------------------------------------------------------------------------------------- files


def file_names(students: Sequence[Student]) -> dict[str, str]:
    """A file name for each student, by id: the id itself where that is safe and not another's, up to case."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for student in students:
        id = student.student_id
        name = re.sub(r"[^A-Za-z0-9._-]", "_", id).lstrip(".-")[:60] or "student"
        if name != id or name.casefold() in taken:
            name = f"{name}-{hashlib.sha256(id.encode()).hexdigest()[:8]}"
        taken.add(name.casefold())
        found[id] = name
    return found


def read(path: Path) -> dict[str, Any] | None:
    """A document, or None if there is none or it is damaged."""
    with contextlib.suppress(OSError, ValueError):
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and document.get("schema_version") == SCHEMA_VERSION:
            return document
    return None


def printable(text: str) -> str:
    """The text with a space for each character that cannot be printed, line breaks among them."""
    return "".join(character if character.isprintable() else " " for character in text)


def dump(document: Mapping[str, Any]) -> str:
    """The document as JSON text that ends with a line break; ValueError for NaN and infinity."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def in_order(folder: Path, students: Sequence[Student]) -> Iterator[dict[str, Any]]:
    """The documents of the students in the order of the roster, read one after the other."""
    names = file_names(students)
    for student in students:
        document = read(folder / f"{names[student.student_id]}.json")
        if document is not None:
            yield document
