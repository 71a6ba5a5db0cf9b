"""A gradebook that Canvas or Moodle imports: the rows of its own export, which is the roster, with points."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minigen.classroom.assignment import Assignment
from minigen.classroom.roster import POINTS_POSSIBLE, CsvFile, members, number, words
from minigen.course.console import UsageError

__all__ = ["KINDS", "Gradebook", "plan"]

KINDS = ("canvas", "moodle")
# The columns that Moodle's export has before those of assignments.
PERSON = {"first name", "last name", "surname", "id number", "username", "institution", "department", "email address"}
NUMBER = re.compile(r"\s*\(\d+\)\s*$")  # Canvas: "Homework 1 (12345)"
KIND_OF_GRADE = re.compile(r"(?i)\s*\(Real\)\s*$")  # Moodle: "Assignment: Homework 1 (Real)"
EXCUSED = "EX"  # what Canvas reads as excused


@dataclass(frozen=True)
class Gradebook:
    """What will be written: a header, rows with their student ("" for a row that is kept), and the place of the points.

    possible: the points that the platform has for the assignment, to which points are scaled.
    """

    kind: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    place: int
    possible: float
    delimiter: str
    comma: bool = False  # whether numbers have a decimal comma
    notes: tuple[str, ...] = ()

    def text(self, documents: Iterable[Mapping[str, Any]]) -> str:
        """Return the CSV file. A student whose points are not complete keeps the cell of the export.

        Cells of the export stay as they are, so that the platform finds its students.
        """
        cells = {document["student"]["student_id"]: self._cell(document) for document in documents}
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator="\n")
        writer.writerow(self.header)
        for student, row in self.rows:
            given = cells.get(student, "")
            writer.writerow([*row[: self.place], given or row[self.place], *row[self.place + 1 :]])
        return text.getvalue()

    def _cell(self, document: Mapping[str, Any]) -> str:
        if document["excused"]:
            return EXCUSED if self.kind == "canvas" else ""
        if document["total"] is None:
            return ""
        text = f"{round(document['total'] * self.possible / document['possible'], 2):.10g}"
        return text.replace(".", ",") if self.comma else text


def plan(kind: str, table: CsvFile, assignment: Assignment, column: str | None = None) -> Gradebook:
    """Return the gradebook for a platform, from its export. Raises UsageError if the roster is not that.

    column: the assignment's column, in place of the one that has its title.
    """
    if kind == "canvas":
        return _canvas(table, assignment, column)
    if {"identifier", "grade"} <= set(table.names):
        return _worksheet(table, assignment)
    return _moodle(table, assignment, column)


def _canvas(table: CsvFile, assignment: Assignment, column: str | None) -> Gradebook:
    names = table.names
    if not {"id", "section"} <= set(names) or not {"student", "lastname"} & set(names[:1]):
        raise UsageError(
            "--lms canvas needs the gradebook that Canvas exports as --roster: its first line begins with Student, ID "
            f"and names Section; {table.path} begins with {', '.join(table.header[:3])}"
        )
    first = names.index("section") + 1
    place = _column(table, range(first, len(names)), assignment, column, NUMBER)
    possible, notes = assignment.possible, []
    rows: list[tuple[str, tuple[str, ...]]] = []
    head = next((row for _, row in table.rows if row and row[0].strip() == POINTS_POSSIBLE), None)
    if place is None:
        notes.append(f"the roster has no column {assignment.title!r}: Canvas will ask to create this assignment")
    elif head is not None and place < len(head):
        possible = number(head[place].strip()) or assignment.possible
    kept = head or (f"    {POINTS_POSSIBLE}",)
    rows.append(("", (*_cells(kept, first), f"{possible:.10g}")))
    for row, student in members(table):
        rows.append((student.student_id, (*_cells(row, first), _cells(row, len(names))[place] if place else "")))
    header = (*table.header[:first], assignment.title if place is None else table.header[place])
    notes += _scaled(possible, assignment, header[-1])
    return Gradebook("canvas", header, tuple(rows), first, possible, table.delimiter, notes=tuple(notes))


def _worksheet(table: CsvFile, assignment: Assignment) -> Gradebook:
    """Moodle's grading worksheet of an assignment, which it reads back as a whole."""
    place = table.names.index("grade")
    people = members(table)
    maximum = next((text for row, _ in people if (text := table.cell(row, "maximum grade"))), "")
    possible = number(maximum) or assignment.possible
    rows = tuple((student.student_id, _cells(row, len(table.names))) for row, student in people)
    notes = _scaled(possible, assignment, table.header[place])
    comma = "," in maximum
    return Gradebook("moodle", table.header, rows, place, possible, table.delimiter, comma, tuple(notes))


def _moodle(table: CsvFile, assignment: Assignment, column: str | None) -> Gradebook:
    """Moodle's export of the grades or list of participants: its columns of the person, and the assignment's."""
    own = [n for n, name in enumerate(table.names) if name in PERSON]
    if not {"id number", "username", "email address"} & set(table.names):
        raise UsageError(
            "--lms moodle needs an export of Moodle as --roster: grades with Email address or ID number, or the "
            f"grading worksheet of the assignment; {table.path} begins with {', '.join(table.header[:3])}"
        )
    others = [n for n, name in enumerate(table.names) if n not in own and not name.startswith("feedback: ")]
    place = _column(table, others, assignment, column, KIND_OF_GRADE)
    header = (*(table.header[n] for n in own), assignment.title if place is None else table.header[place])
    rows = []
    for row, student in members(table):
        cells = _cells(row, len(table.names))
        rows.append((student.student_id, (*(cells[n] for n in own), "")))
    notes = [f"Moodle's maximum grade of {header[-1]!r} has to be {assignment.possible:g}"]
    return Gradebook("moodle", header, tuple(rows), len(own), assignment.possible, table.delimiter, notes=tuple(notes))


def _column(
    table: CsvFile, places: Iterable[int], assignment: Assignment, column: str | None, ending: re.Pattern[str]
) -> int | None:
    """Return the place of the assignment's column: the one that is named, or the one that has its title."""
    if column is not None:
        found = [place for place in places if table.header[place].strip() == column.strip()]
        if not found:
            raise UsageError(f"--lms-column: {table.path} has no column {column!r} of an assignment")
        return found[0]

    def is_meant(name: str) -> bool:
        name = ending.sub("", name)
        return words(assignment.title) in (words(name), words(name.partition(": ")[2]))

    found = [place for place in places if is_meant(table.header[place])]
    if len(found) > 1:
        names = ", ".join(repr(table.header[place]) for place in found)
        raise UsageError(f"{table.path} has several columns for {assignment.title!r}: {names}; choose: --lms-column")
    return found[0] if found else None


def _cells(row: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the first cells of a row, as many as asked for."""
    return (*row, *[""] * count)[:count]


def _scaled(possible: float, assignment: Assignment, name: str) -> list[str]:
    if possible == assignment.possible:
        return []
    return [f"points are scaled from {assignment.possible:g} to the {possible:g} that {name!r} has on the platform"]
