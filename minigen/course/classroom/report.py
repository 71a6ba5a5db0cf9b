"""The teacher's page: how the class did, which mistakes it made, what needs attention."""

from __future__ import annotations

import heapq
import html
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minigen.course.classroom import originality
from minigen.course.classroom.assignment import Assignment
from minigen.course.classroom.feedback import page
from minigen.course.console import format_number, plural
from minigen.course.exercise.grading import status

__all__ = ["Tally"]

BINS = 10
SLOWEST = 10
LISTED = 200  # rows of a table; more are counted


class Tally:
    """Counts over a class, document by document: what the page needs, and no more, is kept."""

    def __init__(self, assignment: Assignment):
        self.assignment = assignment
        self.students = 0
        self.totals = [0] * BINS
        self.sum = 0.0
        self.graded = 0
        self.late = 0
        self.statuses: dict[str, Counter[str]] = defaultdict(Counter)
        self.points: dict[str, float] = defaultdict(float)
        self.cases: dict[str, Counter[str]] = defaultdict(Counter)
        self.mistakes: Counter[tuple[str, str]] = Counter()
        self.changes: Counter[tuple[str, str]] = Counter()
        self.slow: list[tuple[float, str, str]] = []
        self.retries: list[tuple[str, str, str]] = []
        self.notes: list[tuple[str, str, str]] = []
        self.alike: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.sizes: dict[tuple[str, str], int] = {}

    def add(self, document: Mapping[str, Any]) -> None:
        """Count one student."""
        id = document["student"]["student_id"]
        self.students += 1
        self.late += document["days_late"] > 0
        if document["total"] is not None:
            self.graded += 1
            share = document["total"] / document["possible"]
            self.totals[min(BINS - 1, int(share * BINS))] += 1
            self.sum += document["total"]
        for row in document["exercises"]:
            self._add_row(id, row)

    def _add_row(self, id: str, row: Mapping[str, Any]) -> None:
        exercise = row["id"]
        self.statuses[exercise][row["status"]] += 1
        if row["status"] == status.GRADER_ERROR:
            self.retries.append((id, exercise, row["message"]))
        self.points[exercise] += row["points"] or 0.0
        for case in row["cases"]:
            self.cases[exercise][case["case"]] += case["passed"]
        if row["hint"]:
            (self.mistakes if row["listed"] else self.changes)[exercise, row["hint"]] += 1
        heapq.heappush(self.slow, (row["seconds"], id, exercise))
        if len(self.slow) > SLOWEST:
            heapq.heappop(self.slow)
        self.notes += [(id, exercise, note) for note in row["notes"]]
        if row["fingerprint"]:
            self.alike[exercise, row["fingerprint"]].append(id)
            self.sizes[exercise, row["fingerprint"]] = row["size"]

    def originality(self) -> list[tuple[str, str, str, list[str]]]:
        """(exercise, what is equal, remark, students) of trees that several have, or that are known."""
        found = []
        for asked in self.assignment.asked:
            known = originality.known(asked.exercise)
            for (exercise, hash_), ids in self.alike.items():
                if exercise != asked.id or (len(ids) < 2 and hash_ not in known):
                    continue
                size = self.sizes[exercise, hash_]
                short = f"{size} nodes: short, so that many write the same" if size < originality.SHORT else ""
                found.append((exercise, known.get(hash_, "one another"), short or f"{size} nodes", ids))
        return sorted(found, key=lambda row: (row[2].endswith("same"), -len(row[3]), row[0], row[3]))

    # ------------------------------------------------------------------------------------------- the page

    def html(self, unmatched: Sequence[tuple[str, str]], timed: bool) -> str:
        """The page, complete in one file."""
        title = f"{self.assignment.title}: report"
        parts = [f"<h1>{html.escape(title)}</h1>", self._summary(timed)]
        parts += [_section("Retries", "What the grader itself could not do; run the command again.", self._retries())]
        parts += [_section("Points", "Students by their share of all points.", self._distribution())]
        parts += [_section("Exercises and cases", "", self._exercises())]
        parts += [_section("Known mistakes", "How many answers make them.", self._hints(self.mistakes))]
        words = "Not listed by the authors, but the values are those of the equation with this change."
        parts += [_section("Other changes of an equation", words, self._hints(self.changes))]
        parts += [_section("How answers ended", "", self._statuses())]
        words = "Files that are not where the assignment requires them, second files, missing limits."
        parts += [_section("To look at", words, _table(("student", "exercise", "note"), self.notes))]
        words = "Files that belong to no student of the roster; they are not graded."
        parts += [_section("Unmatched", words, _table(("file", "why"), unmatched))]
        words = "Equal code once names, comments and layout are taken away. A reason to look, not a verdict."
        parts += [_section("Originality", words, self._alike())]
        slow = [(id, exercise, seconds) for seconds, id, exercise in sorted(self.slow, reverse=True)]
        parts += [_section("Slowest", "", _table(("student", "exercise", "seconds"), slow))]
        return page(title, "\n".join(parts))

    def _summary(self, timed: bool) -> str:
        mean = self.sum / self.graded if self.graded else 0.0
        words = [
            f"{plural(self.students, 'student')}, {self.graded} graded in full",
            f"mean {mean:.2f} of {self.assignment.possible:g} points",
            f"{self.late} late" if timed else "lateness was not judged (see minigen grade --times)",
        ]
        return f"<p>{html.escape('; '.join(words))}.</p>"

    def _retries(self) -> str:
        return _table(("student", "exercise", "reason"), self.retries)

    def _distribution(self) -> str:
        rows = []
        for number, count in enumerate(self.totals):
            low, high = 100 * number // BINS, 100 * (number + 1) // BINS
            rows.append((f"{low}–{high} %", count, _Bar(count / max(1, *self.totals))))
        return _table(("share", "students", ""), rows)

    def _exercises(self) -> str:
        rows: list[tuple] = []
        for asked in self.assignment.asked:
            passed = self.statuses[asked.id][status.PASS]
            mean = self.points[asked.id] / max(1, self.students)
            share = passed / max(1, self.students)
            rows.append((asked.id, "", f"{mean:.2f} of {asked.points:g}", passed, _Bar(share)))
            for case in asked.exercise.cases:
                count = self.cases[asked.id][case.name]
                rows.append(("", case.name, f"{case.points} raw", count, _Bar(count / max(1, self.students))))
        return _table(("exercise", "case", "points (mean)", "passed", ""), rows)

    def _hints(self, counts: Counter[tuple[str, str]]) -> str:
        rows = [(exercise, hint, count) for (exercise, hint), count in counts.most_common()]
        return _table(("exercise", "mistake", "answers"), rows)

    def _statuses(self) -> str:
        rows = [
            (asked.id, status.WORDS[state], count)
            for asked in self.assignment.asked
            for state, count in self.statuses[asked.id].most_common()
        ]
        return _table(("exercise", "ended", "answers"), rows)

    def _alike(self) -> str:
        rows = [(exercise, what, remark, ", ".join(ids)) for exercise, what, remark, ids in self.originality()]
        return _table(("exercise", "equal to", "size", "students"), rows)


class _Bar(float):
    """A share that a table shows as a bar."""


def _section(title: str, words: str, body: str) -> str:
    words = f"<p>{html.escape(words)}</p>\n" if words else ""
    return f"<h2>{html.escape(title)}</h2>\n{words}{body}"


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    rows = list(rows)
    if not rows:
        return "<p>None.</p>"
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    lines = [f"<table>\n<tr>{cells}</tr>"]
    lines += [f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:LISTED]]
    more = f"\n<p>and {len(rows) - LISTED} more</p>" if len(rows) > LISTED else ""
    return "\n".join([*lines, f"</table>{more}"])


def _cell(value: Any) -> str:
    if isinstance(value, _Bar):
        return f'<td><span class="bar" style="width: {12 * float(value):.2f}rem"></span></td>'
    if isinstance(value, (int, float)):
        return f'<td class="number">{format_number(value)}</td>'
    text = "".join(character if character.isprintable() else " " for character in str(value))
    return f"<td>{html.escape(text)}</td>"
