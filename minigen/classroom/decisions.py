"""The teacher's decisions: another due date, points, an excuse, a repaired file, in `adjust.csv` beside the assignment.

They are applied at the end of every run. The file is only read.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from minigen.classroom.assignment import Assignment, moment, zoned
from minigen.classroom.roster import CsvFile, Student, number, read_table, student_ids
from minigen.course.console import UsageError

__all__ = ["Decision", "read"]

COLUMNS = ("student_id", "exercise", "due", "points", "excuse", "reason")
MORE = ("file", "minus")  # columns that need not be there
ALL = "all"
YES, NO = ("yes", "true", "x", "1"), ("", "no", "false", "0")


@dataclass(frozen=True)
class Decision:
    """A line of the file. part: the id of an exercise, "" for all of them.

    file: a copy of the student's file as the teacher repaired it, which is graded in its place. minus: points off.
    """

    line: int
    student_id: str
    part: str
    due: datetime.datetime | None
    points: float | None
    excused: bool
    reason: str
    file: Path | None = None
    minus: float = 0.0

    def __str__(self) -> str:
        """Return what was decided and why, as the student reads it."""
        words = []
        if self.due is not None:
            words.append(f"due {self.due:%Y-%m-%d %H:%M %Z}".strip())
        if self.points is not None:
            words.append(f"{self.points:g} points")
        if self.excused:
            words.append("excused")
        if self.file is not None:
            words.append("graded from a repaired copy of your file")
        if self.minus:
            words.append(f"minus {self.minus:g} points")
        return f"{', '.join(words)}: {self.reason}"


def read(path: Path, assignment: Assignment, students: Sequence[Student]) -> dict[str, list[Decision]]:
    """Return the decisions by student. Raises UsageError that names the line of what is wrong; no file is no decision.

    A column `assignment` is optional: lines with the name of another one are passed over.
    """
    if not path.exists():
        return {}
    table = read_table(path)
    missing = [name for name in COLUMNS if name not in table.names]
    if missing:
        raise UsageError(f"{path}: the first line must name the columns {', '.join(COLUMNS)}; missing: {missing[0]}")
    ids = student_ids(students)
    found: dict[str, list[Decision]] = {}
    taken: dict[tuple[str, str, str], int] = {}
    for line, row in table.rows:
        if table.cell(row, "assignment") not in ("", assignment.slug):
            continue
        where = f"{path}, line {line}"
        decision = _decision(table, row, line, where, assignment, ids)
        kinds = {
            "due": decision.due is not None,
            "points or excuse": decision.excused or decision.points is not None,
            "file": decision.file is not None,
            "minus": decision.minus > 0,
        }
        for kind in (kind for kind, given in kinds.items() if given):
            key = decision.student_id, decision.part, kind
            if key in taken:
                raise UsageError(f"{where}: {kind} of this student is decided in line {taken[key]} already")
            taken[key] = line
        found.setdefault(decision.student_id, []).append(decision)
    return found


def _decision(
    table: CsvFile, row: Sequence[str], line: int, where: str, assignment: Assignment, ids: Mapping[str, str]
) -> Decision:
    student, part, due, points, excuse, reason = (table.cell(row, name) for name in COLUMNS)
    file, minus = (table.cell(row, name) for name in MORE)
    if student not in ids:
        raise UsageError(f"{where}: the roster has no student_id {student!r}")
    if part not in (ALL, *assignment.parts):
        raise UsageError(f"{where}: exercise must be one of {', '.join([ALL, *assignment.parts])}, got {part!r}")
    if excuse.lower() not in YES + NO:
        raise UsageError(f"{where}: excuse must be yes or empty, got {excuse!r}")
    excused = excuse.lower() in YES
    if not (due or points or excused or file or minus):
        raise UsageError(f"{where}: a decision needs due, points, excuse, file or minus")
    if points and excused:
        raise UsageError(f"{where}: a student who is excused gets no points; give points or excuse")
    if (points or minus) and part == ALL:
        what = "points are given for" if points else "minus takes points off"
        raise UsageError(f"{where}: {what} one exercise; name it in place of {ALL}")
    if (points or excused) and (file or minus):
        raise UsageError(f"{where}: file and minus are for points that the answer earns; give them or points or excuse")
    if file and not (table.path.parent / file).is_file():
        raise UsageError(f"{where}: there is no file {table.path.parent / file}")
    if not reason:
        raise UsageError(f"{where}: a decision needs a reason, which the student reads")
    when = zoned(moment(due, f"{where}: due")) if due else None
    return Decision(
        line=line,
        student_id=ids[student],
        part="" if part == ALL else part,
        due=when,
        points=_points(points, where, "points must be the number that counts") if points else None,
        excused=excused,
        reason=reason,
        file=table.path.parent / file if file else None,
        minus=_points(minus, where, "minus must be the number of points to take off") if minus else 0.0,
    )


def _points(text: str, where: str, what: str) -> float:
    """Points as a number. "+1" is refused, because a spreadsheet makes it 1: the points that count are given."""
    value = number(text)
    if value is None:
        raise UsageError(f"{where}: {what}, at least 0 and without a sign, got {text!r}")
    return value
