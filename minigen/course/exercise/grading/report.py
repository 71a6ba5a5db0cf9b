"""The result of an exercise as data, as JSON and in words: what passed, the simplest case that fails, what may help."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import minigen
from minigen.course.console import color
from minigen.course.exercise.format import KINDS, Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.compare import Verdict
from minigen.course.exercise.grading.outcome import CaseOutcome

__all__ = [
    "ABOUT_VALUES",
    "Report",
    "bars",
    "failure_lines",
    "json_head",
    "points_by_kind",
    "printed",
    "render",
    "render_all",
    "same_failure",
    "same_for_every_case",
]

SCHEMA_VERSION = 4  # of the documents of `minigen exercise check --json`; see data/schema/check.json
ABOUT_VALUES = {status.WRONG_VALUE, status.NAN, status.INF}  # where it helps to know what a case is about
SHOWN_LINES = 8  # of what the student's code printed


@dataclass
class Report:
    """How an answer to one exercise did.

    hint, listed: the first clause of a listed mistake; else, not listed, what one change of the equation it is.
    cure: the author's words in full for a listed mistake, if they say more than the first clause.
    """

    exercise: Exercise
    verdicts: list[Verdict]
    file: str = ""
    status: str = status.PASS
    message: str = ""
    hint: str = ""
    listed: bool = False
    cure: str = ""
    output: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    starved: float = 0.0  # of these, in which other processes kept the worker from running

    @property
    def passed(self) -> bool:
        return self.status == status.PASS

    @property
    def points(self) -> int:
        """None for a file that leaves a process running, whatever its function computes."""
        return 0 if self.status == status.PROCESS else sum(verdict.points for verdict in self.verdicts)

    @property
    def first_failure(self) -> Verdict | None:
        """The simplest case that fails: cases are written from simple to hard."""
        return next((verdict for verdict in self.verdicts if not verdict.passed), None)

    def to_json(self) -> dict[str, Any]:
        """Return the one JSON form of a report, plain data: a row of `exercises` in data/schema/check.json.

        `cases` are those of `Verdict.to_json`. What a gradebook or a page needs besides is added to it there.
        """
        cases = [verdict.to_json() for verdict in self.verdicts]
        return {
            "id": self.exercise.id,
            "file": self.file,
            "status": self.status,
            "passed": self.passed,
            "points": self.points,
            "possible": self.exercise.points,
            "kinds": points_by_kind(cases),
            "message": self.message,
            "hint": self.hint,
            "listed": self.listed,
            "cure": self.cure,
            "cases": cases,
            "output": self.output,
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }


def json_head(kind: str) -> dict[str, Any]:
    """Return how a document of `minigen exercise check --json` begins; kind: "check" or "error"."""
    return {"schema_version": SCHEMA_VERSION, "kind": kind, "minigen": minigen.__version__}


def points_by_kind(cases: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the points of each kind, of the cases of a report's JSON: {"equation": {"points": 3, "possible": 5},
    ...}.
    """
    found: dict[str, dict[str, Any]] = {kind: {"points": 0, "possible": 0} for kind in KINDS}
    for case in cases:
        for name in ("points", "possible"):
            found[case["kind"]][name] = round(found[case["kind"]][name] + case[name], 2)
    return found


def bars(kinds: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One bar for each kind that has points, a mark for each of them: `equation  ###--  3/5`."""
    marks = {kind: "#" * of["points"] + "-" * (of["possible"] - of["points"]) for kind, of in kinds.items()}
    names, width = max(map(len, KINDS)), max(map(len, marks.values()))
    return [
        f"{kind.ljust(names)}  {marks[kind].ljust(width)}  {of['points']}/{of['possible']}"
        for kind, of in kinds.items()
        if of["possible"]
    ]


def same_for_every_case(exercise: Exercise, outcome: CaseOutcome) -> Report:
    """Return the report of an answer whose every case has this outcome: a file that cannot be run, for example."""
    cases = exercise.cases
    verdicts = [
        Verdict(case.name, outcome.status, 0, case.points, outcome.message, outcome.line, outcome.text, kind=case.kind)
        for case in cases
    ]
    return Report(exercise, verdicts, status=outcome.status, message=outcome.message)


# ------------------------------------------------------------------------------------------- in words


def render_all(reports: Sequence[Report], stream: TextIO | None = None) -> str:
    """Return the reports of several exercises as text, and how many pass."""
    parts = [render(report, stream) for report in reports]
    if len(reports) > 1:
        points, possible = sum(r.points for r in reports), sum(r.exercise.points for r in reports)
        passed = sum(report.passed for report in reports)
        parts.append(f"{passed} of {len(reports)} exercises pass, {points} of {possible} points")
    return "\n\n".join(parts)


def render(report: Report, stream: TextIO | None = None) -> str:
    """Return the report of one exercise as text: its points, what is wrong in a line if that is known, then the cases.

    Colors only if `stream` is a terminal and NO_COLOR is not set. What comes from the student's code is shown without
    what could steer the terminal.
    """
    done = report.passed
    state = color("pass", "green", stream) if done else color(status.WORDS[report.status], "red", stream)
    lines = [
        f"{color(report.exercise.id, 'bold', stream)}: {state}, {report.points} of {report.exercise.points} points"
    ]
    if report.hint:
        lines.append(_wrap(f"{'known mistake: ' if report.listed else ''}{report.hint}"))
    first = report.verdicts[0]
    alike = all(same_failure(verdict, first) for verdict in report.verdicts)
    if not done and alike and not report.points:  # say it once
        lines += failure_lines(first, report.file)
    else:
        if report.message:
            lines.append(f"  {report.message}")
        lines += _cases(report, stream)
        lines += [f"  {bar}" for bar in bars(report.to_json()["kinds"])]
    if not done:
        lines += [f"  {note}" for note in report.notes]
        lines += printed(report.output)
    return "\n".join(lines)


def same_failure(one: Verdict, other: Verdict) -> bool:
    """Whether two cases failed for the same reason, with the same words."""
    return (one.status, one.message, one.yours) == (other.status, other.message, None) and not one.passed


def _cases(report: Report, stream: TextIO | None) -> list[str]:
    first, lines = report.first_failure, []
    width = max((len(verdict.case) for verdict in report.verdicts), default=0)
    for case, verdict in zip(report.exercise.cases, report.verdicts, strict=True):
        word = color("pass", "green", stream) if verdict.passed else color("FAIL", "red", stream)
        about = "" if verdict.passed else status.WORDS[verdict.status]
        if case.is_property and verdict.passed:
            about = case.about
        elif verdict.form:
            about += ", right values"
        lines.append(f"  {word}  {verdict.case.ljust(width)}  {verdict.points}/{verdict.possible}  {about}".rstrip())
        if verdict is first:
            if case.about and verdict.status in ABOUT_VALUES:
                lines.append(f"        {'what must hold' if case.is_property else 'this case'}: {case.about}")
            lines += failure_lines(verdict, report.file)
    return lines


def failure_lines(verdict: Verdict, file: str) -> list[str]:
    """Why a case failed: the worst element, the relation, the student's line."""
    lines = []
    if verdict.yours is not None and verdict.expected is not None:
        index = f"[{', '.join(map(str, verdict.index))}]" if verdict.index else ""
        yours, expected = _pair(verdict.yours, verdict.expected)
        lines.append(f"        {verdict.key}{index}: yours {yours}, expected {expected}")
        if verdict.message and verdict.status == status.WRONG_VALUE:
            lines[-1] += f" (the worst; {verdict.message})"
        elif verdict.message:
            lines.append(f"        {verdict.message}")
    elif verdict.message:
        lines.append(f"        {verdict.message}")
    if verdict.relation:
        lines.append(f"        {verdict.relation}")
    lines += [f"        {_cut(text)}" for text in verdict.inputs]
    if verdict.repeat:
        lines.append(f"        repeat it: {verdict.repeat}")
    if verdict.line:
        where = f"{file}, line {verdict.line}" if file and not file.startswith("<") else f"line {verdict.line}"
        lines.append(f"        {where}{': ' + verdict.text if verdict.text else ''}")
    return [_clean(line) for line in lines]


def _clean(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line)


def _cut(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."


def _pair(yours: complex, expected: complex) -> tuple[str, str]:
    """Both numbers with as many digits as it takes to tell them apart, and six at least."""
    for digits in range(6, 18):
        pair = f"{yours:.{digits}g}", f"{expected:.{digits}g}"
        if pair[0] != pair[1]:
            break
    return pair


def _wrap(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  ")


def printed(output: str) -> list[str]:
    """Return the beginning of what her code printed."""
    rows = [_clean(row) for row in output.rstrip().splitlines()]
    if not rows:
        return []
    more = [f"    ... ({len(rows) - SHOWN_LINES} more lines)"] if len(rows) > SHOWN_LINES else []
    return ["  your code printed:", *(f"    {row[:150]}" for row in rows[:SHOWN_LINES]), *more]
