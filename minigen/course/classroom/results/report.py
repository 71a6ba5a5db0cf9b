"""The teacher's page: how the class did, which mistakes it made, what needs attention."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from minigen.course.classroom.assignment import Assignment
from minigen.course.classroom.results import originality
from minigen.course.classroom.results.documents import printable
from minigen.course.classroom.results.feedback import TEMPLATES
from minigen.course.console import plural
from minigen.course.exercise.grading import status
from minigen.course.templates import render

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
        self.by_fingerprint: dict[tuple[str, str], list[str]] = defaultdict(list)
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
            (self.mistakes if row["listed"] else self.changes)[exercise, row["cure"] or row["hint"]] += 1
        heapq.heappush(self.slow, (row["seconds"], id, exercise))
        if len(self.slow) > SLOWEST:
            heapq.heappop(self.slow)
        self.notes += [(id, exercise, note) for note in row["notes"]]
        if row["fingerprint"]:
            self.by_fingerprint[exercise, row["fingerprint"]].append(id)
            self.sizes[exercise, row["fingerprint"]] = row["size"]

    # ------------------------------------------------------------------------------------------- the page

    def html(self, unmatched: Sequence[tuple[str, str]], timed: bool) -> str:
        """The page, complete in one file; templates/report.html has its sections."""
        return render(
            TEMPLATES,
            "report.html",
            most=LISTED,
            title=f"{self.assignment.title}: report",
            summary=self._summary(timed),
            retries=_printable(self.retries),
            distribution=self._distribution(),
            exercises=list(self._exercises()),
            mistakes=_most_common(self.mistakes),
            changes=_most_common(self.changes),
            statuses=self._statuses(),
            notes=_printable(self.notes),
            unmatched=_printable(unmatched),
            equal_code=self._equal_code(),
            slowest=[(printable(id), exercise, seconds) for seconds, id, exercise in sorted(self.slow, reverse=True)],
        )

    def _summary(self, timed: bool) -> str:
        mean = self.sum / self.graded if self.graded else 0.0
        words = [
            f"{plural(self.students, 'student')}, {self.graded} graded in full",
            f"mean {mean:.2f} of {self.assignment.possible:g} points",
            f"{self.late} late" if timed else "lateness was not judged (see minigen grade --times)",
        ]
        return f"{'; '.join(words)}."

    def _distribution(self) -> list[tuple[int, int, int, float]]:
        """(from, to, students, length of the bar) of each tenth of the points, in percent."""
        largest = max(1, *self.totals)
        return [
            (100 * number // BINS, 100 * (number + 1) // BINS, count, count / largest)
            for number, count in enumerate(self.totals)
        ]

    def _exercises(self) -> Iterator[tuple[str, str, str, int, float]]:
        """(exercise, case, points, students who pass, their share): each exercise as a whole, then its cases."""
        students = max(1, self.students)
        for assigned in self.assignment.exercises:
            passed = self.statuses[assigned.id][status.PASS]
            mean = self.points[assigned.id] / students
            yield assigned.id, "", f"{mean:.2f} of {assigned.points:g}", passed, passed / students
            for case in assigned.exercise.cases:
                count = self.cases[assigned.id][case.name]
                yield "", case.name, f"{case.points} raw", count, count / students

    def _equal_code(self) -> list[tuple[str, str, str, list[str]]]:
        """(exercise, what is equal, remark, students) of trees that several have, or that are known."""
        found = []
        for assigned in self.assignment.exercises:
            known = originality.known(assigned.exercise)
            for (exercise, hash_), ids in self.by_fingerprint.items():
                if exercise != assigned.id or (len(ids) < 2 and hash_ not in known):
                    continue
                size = self.sizes[exercise, hash_]
                short = f"{size} nodes: short, so that many write the same" if size < originality.SHORT else ""
                students = list(map(printable, ids))
                found.append((exercise, known.get(hash_, "one another"), short or f"{size} nodes", students))
        return sorted(found, key=lambda row: (row[2].endswith("same"), -len(row[3]), row[0], row[3]))

    def _statuses(self) -> list[tuple[str, str, int]]:
        return [
            (assigned.id, status.WORDS[state], count)
            for assigned in self.assignment.exercises
            for state, count in self.statuses[assigned.id].most_common()
        ]


def _printable(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    return [tuple(map(printable, row)) for row in rows]


def _most_common(counts: Counter[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """(exercise, mistake, answers), the most frequent first."""
    return [(exercise, printable(mistake), count) for (exercise, mistake), count in counts.most_common()]
