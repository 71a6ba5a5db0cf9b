"""The results of a class as JSON documents: one for each student, one for the whole run. See schema/*.json."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import minigen
from minigen.classroom.assignment import Assignment
from minigen.classroom.collect import Submitted
from minigen.classroom.decisions import Decision
from minigen.classroom.roster import Student
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status

__all__ = [
    "SCHEMA_VERSION",
    "file_names",
    "in_order",
    "key_of",
    "read",
    "sentences",
    "submission",
    "to_retry",
]

SCHEMA_VERSION = 5
RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)  # no file may be called so on Windows


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
    submitted: Submitted,
    assignment: Assignment,
    seeds: Sequence[int],
    rows: Sequence[Mapping[str, Any]],
    key: str,
    decisions: Sequence[Decision] = (),
    now: datetime.datetime | None = None,
) -> dict[str, Any]:
    """Return the document of one student: rows as `grader.row_of` gives them, and what follows from them by arithmetic.

    That is what counts by the points of the assignment, lateness, the teacher's decisions, and the rule for the lowest
    exercises. now: what is not handed in does not count as zero before a due date that the teacher gave this student.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    exercises: list[dict[str, Any]] = []
    for assigned, row in zip(assignment.exercises, rows, strict=True):
        hints = submitted.hints.get(assigned.id)
        more = {"about": sentences(assigned.exercise), "hints_used": hints, "dropped": False}
        points = None if row["raw"] is None else assigned.scaled(row["cases"], bool(row["renamed"]))
        row = {**row, "points": points, "possible": assigned.points}
        exercises.append({**row, **more, **_counted(row, submitted, assignment, decisions, now)})
    graded = [row for row in exercises if not row["excused"]]
    if all(row["total"] is not None for row in graded):
        for place in assignment.counting.dropped([row["total"] for row in graded]):
            graded[place]["dropped"] = True
    counted = [row for row in graded if not row["dropped"]]
    points = late = total = None
    if counted and all(row["total"] is not None for row in counted):
        late = round(sum(row["late"] for row in counted), 2)
        total = round(sum(row["total"] for row in counted), 2)
        points = round(total + late, 2)
    general = [decision for decision in decisions if not decision.part]
    due = _due(general, assignment)
    return {
        **head("submission", assignment, seeds),
        "key": key,
        "student": submitted.student.to_json(),
        "handed_in": submitted.handed_in.isoformat() if submitted.handed_in else None,
        "due": due.isoformat() if due else None,
        "minutes_after_due": _minutes(submitted.handed_in, due),
        "days_late": assignment.late.days_late(due, submitted.handed_in),
        "points": points,
        "late": late,
        "total": total,
        "possible": round(sum(row["possible"] for row in counted), 2),
        "excused": not counted,
        "counting": str(assignment.counting),
        "decisions": [str(decision) for decision in general],
        "exercises": exercises,
    }


def _due(decisions: Sequence[Decision], assignment: Assignment) -> datetime.datetime | None:
    return next((decision.due for decision in decisions if decision.due is not None), assignment.due)


def _minutes(handed_in: datetime.datetime | None, due: datetime.datetime | None) -> int | None:
    """Minutes from the due date until it was handed in, negative before; None if either is not known."""
    if handed_in is None or due is None:
        return None
    return math.ceil((handed_in - due) / datetime.timedelta(minutes=1))


def _counted(
    row: Mapping[str, Any],
    submitted: Submitted,
    assignment: Assignment,
    decisions: Sequence[Decision],
    now: datetime.datetime,
) -> dict[str, Any]:
    """Return what counts of an exercise. A decision on it is before one on all.

    Points that the teacher decides are not reduced by being late. What the teacher takes off is, before that.
    """
    part, points = row["id"], row["points"]
    own = [decision for decision in decisions if decision.part == part]
    both = [*own, *(decision for decision in decisions if not decision.part)]
    given = next((decision.points for decision in own if decision.points is not None), None)
    minus = sum(decision.minus for decision in own)
    due = next((decision.due for decision in both if decision.due is not None), None)
    is_open = given is None and row["status"] == status.MISSING_FILE and due is not None and now < due
    late, total = 0.0, given
    if is_open:
        late = None
    elif given is None:
        share = assignment.late.share(_due(both, assignment), submitted.handed_in)
        kept = None if points is None else max(0.0, points - minus)
        late = None if kept is None else round(kept * share, 2)
        total = None if kept is None or late is None else round(kept - late, 2)
    return {
        "late": late,
        "minus": minus,
        "open": is_open,
        "given": given,
        "total": total,
        "excused": any(decision.excused for decision in both),
        "decisions": [str(decision) for decision in own],
    }


def sentences(exercise: Exercise) -> dict[str, str]:
    """Return what each case is about, by its name; a case without a sentence is left out."""
    return {case.name: case.about for case in exercise.cases if case.about}


def key_of(submitted: Submitted, assignment: Assignment, seeds: Sequence[int], sandbox: str) -> str:
    """Return a key that changes with all that the points depend on: answers with the same key are not run again.

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
    """Return a file name for each student, by id: the id where every system allows it and no other has it,
    up to case.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for student in students:
        id = student.student_id
        name = re.sub(r"[^A-Za-z0-9._-]", "_", id).lstrip(".-")[:60] or "student"
        if RESERVED.fullmatch(name.split(".")[0]):
            name = f"student-{name}"
        if name != id or name.casefold() in taken:
            name = f"{name}-{hashlib.sha256(id.encode()).hexdigest()[:8]}"
        taken.add(name.casefold())
        found[id] = name
    return found


def read(path: Path) -> dict[str, Any] | None:
    """Return a document, or None if there is none or it is damaged."""
    with contextlib.suppress(OSError, ValueError):
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and document.get("schema_version") == SCHEMA_VERSION:
            return document
    return None


def dump(document: Mapping[str, Any]) -> str:
    """Return the document as JSON text that ends with a line break; ValueError for NaN and infinity."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def in_order(folder: Path, students: Sequence[Student]) -> Iterator[dict[str, Any]]:
    """Yield the documents of the students in the order of the roster, read one after the other."""
    names = file_names(students)
    for student in students:
        document = read(folder / f"{names[student.student_id]}.json")
        if document is not None:
            yield document
