"""The teacher's marks for questions in prose: a CSV file beside the assignment with a line for each criterion.

A run adds the lines that are missing. It changes no cell that the teacher has filled in, and removes no line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigen.course.classroom.assignment import Assignment
from minigen.course.classroom.results.gradebook import guarded
from minigen.course.classroom.roster import Student, Table, number, read_table, student_ids
from minigen.course.console import UsageError
from minigen.files import write_text

__all__ = ["Mark", "Marks", "beside", "read", "write"]

COLUMNS = ("question", "student_id", "criterion", "possible", "points", "comment", "answer_id")


@dataclass(frozen=True)
class Mark:
    """What the teacher gave for one criterion. answer_id: of the answer that it is for."""

    points: float | None
    comment: str
    answer_id: str


@dataclass(frozen=True)
class Marks:
    """The marks of a class by (student_id, question, criterion), and the file that they come from."""

    path: Path
    table: Table | None = None
    found: Mapping[tuple[str, str, str], Mark] = field(default_factory=dict)


def beside(assignment: Path) -> Path:
    """The file of an assignment's marks: hw1-questions.csv beside hw1.toml."""
    return assignment.with_name(f"{assignment.stem}-questions.csv")


def read(path: Path, assignment: Assignment, students: Sequence[Student]) -> Marks:
    """The marks of a file; none if there is no file. Raises UsageError that names the line of a wrong cell.

    Lines of students who are not on the roster are passed over.
    """
    if not assignment.questions or not path.exists():
        return Marks(path)
    table = read_table(path)
    missing = [name for name in COLUMNS if name not in table.names]
    if missing:
        raise UsageError(f"{path}: the first line lacks the columns {', '.join(missing)}")
    known = {
        (question.id, _key(guarded(criterion.text))): criterion
        for question in assignment.questions
        for criterion in question.criteria
    }
    ids = student_ids(students)
    found: dict[tuple[str, str, str], Mark] = {}
    for line, row in table.rows:
        question, criterion, points = (table.cell(row, name) for name in ("question", "criterion", "points"))
        where = f"{path}, line {line}"
        student = ids.get(table.cell(row, "student_id"))
        one = known.get((question, _key(criterion)))
        if one is None and points:
            raise UsageError(f"{where}: the assignment has no question {question!r} with criterion {criterion!r}")
        if one is None or student is None:
            continue
        key = student, question, one.text
        if key in found:
            raise UsageError(f"{where}: the student {student!r} has this criterion of {question} twice")
        value = _points(points, one.points, where)
        found[key] = Mark(value, table.cell(row, "comment"), table.cell(row, "answer_id"))
    return Marks(path, table, found)


def _points(text: str, possible: float, where: str) -> float | None:
    if not text:
        return None
    value = number(text)
    if value is None or value > possible:
        raise UsageError(f"{where}: points must be a number of at least 0 and at most {possible:g}, got {text!r}")
    return value


def _key(text: str) -> str:
    """A criterion's text as it is compared: a spreadsheet may change the spaces."""
    return " ".join(text.split())


def write(marks: Marks, documents: Iterable[Mapping[str, Any]]) -> int:
    """Add a line for each criterion of each student that the file lacks; the number of lines that were added.

    Where no points are given yet, the answer_id becomes that of the answer at hand.
    """
    table = marks.table
    header = list(table.header if table else COLUMNS)
    names = [name.strip().lower() for name in header]
    old = [list(row) + [""] * (len(header) - len(row)) for _, row in (table.rows if table else ())]
    lines: dict[tuple[str, str], list[list[str]]] = {}
    for row in old:
        key = row[names.index("student_id")].strip(), row[names.index("question")].strip()
        lines.setdefault(key, []).append(row)
    before = [list(row) for row in old]
    new: list[tuple[str, int, dict[str, str]]] = []
    for place, document in enumerate(documents):
        id = document["student"]["student_id"]
        for question in document["questions"]:
            for row in lines.get((guarded(id), question["id"]), ()):
                if not row[names.index("points")].strip() or not row[names.index("answer_id")].strip():
                    row[names.index("answer_id")] = question["answer_id"]
            for criterion in question["criteria"]:
                if (id, question["id"], criterion["text"]) not in marks.found:
                    values = (question["id"], id, criterion["text"], criterion["possible"], None, "")
                    cells = dict(zip(COLUMNS, [*map(guarded, values), question["answer_id"]], strict=True))
                    new.append((question["id"], place, cells))
    new.sort(key=lambda item: item[:2])  # one question after the other, each in the order of the roster
    if new or old != before:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=table.delimiter if table else ",", lineterminator="\n")
        added = [[cells.get(name, "") for name in names] for _, _, cells in new]
        writer.writerows([header, *old, *added])
        write_text(marks.path, "\ufeff" + text.getvalue())  # by this mark Excel knows UTF-8
    return len(new)
