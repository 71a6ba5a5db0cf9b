"""The teacher's page: how the class did, which mistakes it made, what needs attention."""

from __future__ import annotations

import base64
import hashlib
import heapq
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from minigen.classroom.assignment import Assignment
from minigen.classroom.results.feedback import TEMPLATES
from minigen.classroom.results.gradebook import printable
from minigen.course.console import plural
from minigen.course.exercise.grading import status
from minigen.course.templates import render

__all__ = ["Tally"]

BINS = 10
SLOWEST = 10
LISTED = 200  # rows of a table; more are counted. The table of students has them all
NOT_RUN = (status.MISSING_FILE, status.GRADER_ERROR)  # of an answer that is not among those that fail a case
SCRIPT = TEMPLATES.joinpath("sort.js").read_text(encoding="utf-8")


class Tally:
    """Counts over a class, document by document: what the page needs, and no more, is kept."""

    def __init__(self, assignment: Assignment, file_names: Mapping[str, str] | None = None):
        """file_names: of the students' feedback, by id."""
        self.assignment = assignment
        self.file_names = file_names or {}
        self.students: list[dict[str, Any]] = []
        self.totals: list[float] = []
        self.shares: list[float] = []
        self.late = 0
        self.statuses: dict[str, Counter[str]] = defaultdict(Counter)
        self.points: dict[str, list[float]] = defaultdict(list)
        self.cases: dict[str, Counter[str]] = defaultdict(Counter)
        self.failed: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.decisions: list[tuple[str, str, str]] = []
        self.mistakes: Counter[tuple[str, str]] = Counter()
        self.changes: Counter[tuple[str, str]] = Counter()
        self.slow: list[tuple[float, str, str]] = []
        self.retries: list[tuple[str, str, str]] = []
        self.notes: list[tuple[str, str, str]] = []

    def add(self, document: Mapping[str, Any]) -> None:
        """Count one student."""
        student = document["student"]
        id = student["student_id"]
        self.late += document["days_late"] > 0
        if document["total"] is not None:
            self.totals.append(document["total"])
            self.shares.append(document["total"] / document["possible"])
        hints = [row["hints_used"] for row in document["exercises"] if row["hints_used"] is not None]
        self.students.append(
            {
                "id": printable(id),
                "name": printable(", ".join(filter(None, [student["last_name"], student["first_name"]]))),
                "feedback": f"feedback/{self.file_names[id]}.html" if id in self.file_names else "",
                "total": "excused" if document["excused"] else document["total"],
                "possible": document["possible"],
                "minutes": document["minutes_after_due"],
                "hints": sum(hints) if hints else None,
                "parts": [self._part(row) for row in document["exercises"]],
            }
        )
        self.decisions += [(id, "all", decision) for decision in document["decisions"]]
        self.decisions += [(id, row["id"], decision) for row in document["exercises"] for decision in row["decisions"]]
        for row in document["exercises"]:
            self._add_row(id, row)

    @staticmethod
    def _part(row: Mapping[str, Any]) -> Any:
        """Return what the table of students shows of an exercise: a number, None if it is not graded, or words."""
        if row["excused"]:
            return "excused"
        if row["open"]:
            return "not due yet"
        return "dropped" if row["dropped"] else row["total"]

    def _add_row(self, id: str, row: Mapping[str, Any]) -> None:
        exercise = row["id"]
        self.statuses[exercise][row["status"]] += 1
        if row["status"] == status.GRADER_ERROR:
            self.retries.append((id, exercise, row["message"]))
        if row["points"] is not None and not row["excused"] and not row["open"]:
            self.points[exercise].append(row["points"])
        for case in row["cases"]:
            self.cases[exercise][case["case"]] += case["passed"]
            if not case["passed"] and row["status"] not in NOT_RUN:
                self.failed[exercise, case["case"]].append(printable(id))
        if row["hint"]:
            (self.mistakes if row["listed"] else self.changes)[exercise, row["cure"] or row["hint"]] += 1
        heapq.heappush(self.slow, (row["seconds"], id, exercise))
        if len(self.slow) > SLOWEST:
            heapq.heappop(self.slow)
        self.notes += [(id, exercise, note) for note in row["notes"]]
        if row["reaches"]:
            self.notes.append((id, exercise, f"the answer reaches for the interpreter: {', '.join(row['reaches'])}"))

    # ------------------------------------------------------------------------------------------- the page

    def html(self, unmatched: Sequence[tuple[str, str]], timed: bool) -> str:
        """Return the page, complete in one file; templates/report.html has its sections."""
        return render(
            TEMPLATES,
            "report.html",
            most=LISTED,
            title=f"{self.assignment.title}: report",
            script=SCRIPT,
            # The page runs this script and no other, whatever is in an answer.
            script_hash=base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode(),
            summary=self._summary(timed),
            parts=self.assignment.parts,
            students=self.students,
            decisions=_printable(self.decisions),
            retries=_printable(self.retries),
            distribution=self._distribution(),
            exercises=list(self._exercises()),
            private=[(each.id, each.exercise.changed) for each in self.assignment.exercises if each.exercise.changed],
            mistakes=_most_common(self.mistakes),
            changes=_most_common(self.changes),
            statuses=self._statuses(),
            notes=_printable(self.notes),
            unmatched=_printable(unmatched),
            slowest=[(printable(id), exercise, seconds) for seconds, id, exercise in sorted(self.slow, reverse=True)],
        )

    def _summary(self, timed: bool) -> str:
        words = [
            f"{plural(len(self.students), 'student')}, {len(self.totals)} graded in full",
            f"{self._quartiles()} of {self.assignment.possible:g} points",
            f"{self.late} late" if timed else "lateness was not judged (see minigen grade --times)",
        ]
        return f"{'; '.join(words)}."

    def _quartiles(self) -> str:
        """Mean, median and quartiles of the points in words."""
        if not self.totals:
            return "mean 0.00"
        words = f"mean {statistics.fmean(self.totals):.2f}, median {statistics.median(self.totals):.2f}"
        if len(self.totals) < 2:
            return words
        low, _, high = statistics.quantiles(self.totals, n=4, method="inclusive")
        return f"{words}, quartiles {low:.2f} and {high:.2f}"

    def _distribution(self) -> list[tuple[int, int, int, float]]:
        """(from, to, students, length of the bar) of each tenth of the points, in percent."""
        counts = Counter(min(BINS - 1, int(share * BINS)) for share in self.shares)
        largest = max(counts.values(), default=1)
        return [
            (100 * number // BINS, 100 * (number + 1) // BINS, counts[number], counts[number] / largest)
            for number in range(BINS)
        ]

    def _exercises(self) -> Iterator[tuple[str, str, str, int, float, list[str]]]:
        """(exercise, case, points, students who pass, their share, who fails): each exercise, then its cases.

        Who handed in nothing is not among those who fail a case.
        """
        students = max(1, len(self.students))
        for assigned in self.assignment.exercises:
            passed = self.statuses[assigned.id][status.PASS]
            graded = self.points[assigned.id]
            mean = f"{statistics.fmean(graded):.2f} of {assigned.points:g}" if graded else "none graded"
            yield assigned.id, "", mean, passed, passed / students, []
            for case in assigned.exercise.cases:
                count = self.cases[assigned.id][case.name]
                failed = self.failed[assigned.id, case.name]
                yield "", case.name, f"{case.points} raw", count, count / students, failed

    def _statuses(self) -> list[tuple[str, str, int]]:
        return [
            (part, status.WORDS[state], count)
            for part in self.assignment.parts
            for state, count in self.statuses[part].most_common()
        ]


def _printable(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    return [tuple(map(printable, row)) for row in rows]


def _most_common(counts: Counter[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """(exercise, mistake, answers), the most frequent first."""
    return [(exercise, printable(mistake), count) for (exercise, mistake), count in counts.most_common()]
