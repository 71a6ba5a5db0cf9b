"""Grade a class: one document for each student of the roster, whatever was handed in, then the gradebook and reports.

The documents are the state of a run: each is written whole as soon as it is ready and records what it was made from, so
that a run which was stopped goes on where it was, and nothing is kept for the whole class but counts.
"""

from __future__ import annotations

import datetime
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigen.classroom import collect
from minigen.classroom.assignment import Assignment, graded_seeds, moment, with_private
from minigen.classroom.collect import AnswerFile, Submitted
from minigen.classroom.decisions import Decision
from minigen.classroom.grade import pool
from minigen.classroom.grade.grader import row_of
from minigen.classroom.grade.pool import Failed, Graded, Job, Setup
from minigen.classroom.results import documents, feedback, gradebook, lms, similarity
from minigen.classroom.results.report import Tally
from minigen.classroom.roster import Student
from minigen.course.console import UsageError, plural
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.outcome import CaseOutcome
from minigen.course.exercise.grading.report import same_for_every_case
from minigen.course.exercise.grading.submission import Submission
from minigen.course.templates import environment
from minigen.files import locked, write_text
from minigen.progress import progress_bar

__all__ = ["Options", "Summary", "grade_class"]

CHANGED = ("student_id", "exercise", "before", "after")
Run = Callable[[Iterable[Job], Setup], Iterator[Graded | Failed]]


@dataclass(frozen=True)
class Options:
    """How a class is graded.

    times: "files" for the times of the files, or when each student handed in, by id; None: nobody is late.
    decisions: the teacher's, by id. lms: the platform's gradebook to be written.
    sandbox: that of the answers, "" for none; see `Limits`. again: grade what was graded before, too. bar: whether to
    show a progress bar.
    """

    jobs: int = 1
    times: str | Mapping[str, str] | None = None
    decisions: Mapping[str, Sequence[Decision]] = field(default_factory=dict)
    lms: lms.Gradebook | None = None
    sandbox: str = ""
    again: bool = False
    bar: bool = False


@dataclass
class Summary:
    """The result of a class. retries: (student, exercise, reason); unmatched: (file, reason).

    files: of the tables and pages by name. complete: students whose points are complete, of whom `mean` is. changed:
    (student, exercise or "all", before, after) of what counts otherwise than after the run before. remarks: on grades
    that were made with another seed, on lateness, and on the gradebook for a platform.
    """

    assignment: Assignment
    seeds: list[int]
    out: Path
    students: int = 0
    graded: int = 0
    kept: int = 0
    retries: list[tuple[str, str, str]] = field(default_factory=list)
    unmatched: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    mean: float | None = None
    complete: int = 0
    changed: list[tuple[str, str, float | None, float | None]] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            **documents.head("grading", self.assignment, self.seeds),
            "students": self.students,
            "graded": self.graded,
            "kept": self.kept,
            "mean": self.mean,
            "complete": self.complete,
            "possible": self.assignment.possible,
            "changed": [dict(zip(CHANGED, row)) for row in self.changed],
            "retries": [dict(zip(("student_id", "exercise", "reason"), row)) for row in self.retries],
            "unmatched": [dict(zip(("file", "reason"), row)) for row in self.unmatched],
            "remarks": list(self.remarks),
            "files": self.files,
            "seconds": round(self.seconds, 3),
            "error": None,
            "code": None,
            "exit_code": 3 if self.retries else 0,
        }


def grade_class(
    submissions: Path,
    assignment: Assignment,
    students: Sequence[Student],
    secret: str,
    out: Path,
    options: Options = Options(),
    run: Run | None = None,
) -> Summary:
    """Grade all submissions into the folder `out`. Raises UsageError for what the teacher can correct.

    run: grades jobs elsewhere than in processes of this machine; see `cluster`.
    """
    started = time.monotonic()
    environment(feedback.TEMPLATES)  # without Jinja2 the run ends here, not after the first student
    if out.resolve().is_relative_to(submissions.resolve()):
        raise UsageError(f"the grades cannot go into the submissions: --out {out} is within {submissions}")

    def another_run() -> None:
        raise UsageError(f"another run is grading into {out}")

    if isinstance(options.times, Mapping):
        for id, text in options.times.items():
            if text:
                moment(text, f"the time of {id}")
    seeds, assignment = graded_seeds(assignment, secret), with_private(assignment, secret)
    summary = Summary(assignment, seeds, out, students=len(students))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with locked(out / ".lock", busy=another_run):
            for folder in (out / "results", out / "feedback"):
                if options.again:
                    shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(exist_ok=True)
            _grade_all(submissions, students, summary, options, run)
            _write_tables(students, summary, options)
    except OSError as error:
        kept = "; what is graded is kept: run this again" if (out / "results").is_dir() else ""
        raise UsageError(f"cannot write into {out}: {error.strerror or error}{kept}") from None
    summary.seconds = time.monotonic() - started
    return summary


def _grade_all(
    submissions: Path, students: Sequence[Student], summary: Summary, options: Options, run: Run | None
) -> None:
    """Write a document for each student; answers that were graded before are not run again."""
    found = collect.find(submissions, students, summary.assignment)
    similarity.begin(summary.out, summary.assignment)
    summary.unmatched = found.unmatched
    summary.remarks += _remarks_on_lateness(found.marked_late, summary.assignment, options)
    setup = Setup.of(summary.assignment, summary.seeds, options.sandbox)
    with progress_bar(total=len(students), unit="student", disable=not options.bar) as bar:
        graded = _Students(students, summary, options, bar.update)
        jobs = graded.jobs(found.entries)
        results = pool.run(jobs, setup, options.jobs) if run is None else run(jobs, setup)
        for result in results:
            graded.take(result)


def _remarks_on_lateness(marked: int, assignment: Assignment, options: Options) -> tuple[str, ...]:
    """Return what is said where Canvas marked files as late, and nothing tells when they were handed in."""
    if not (marked and options.times is None and assignment.due is not None and str(assignment.late)):
        return ()
    return (f"{plural(marked, 'file')} marked LATE by Canvas, and no --times: nobody loses points for being late",)


class _Students:
    """The students of a class, from what they handed in to the document that is written for each.

    Whatever fails for one student becomes the rows of that student, and the next one is graded.
    """

    def __init__(self, students: Sequence[Student], summary: Summary, options: Options, done: Callable[[], Any]):
        self.students, self.summary, self.options, self.done = students, summary, options, done
        self.assignment, self.names = summary.assignment, documents.file_names(students)
        self.pending: dict[str, tuple[Submitted, str]] = {}  # of those that are being graded
        self.counted: dict[str, dict[str, float | None]] = {}  # what counted after the run before

    def jobs(self, entries: dict[str, Any]) -> Iterator[Job]:
        """Yield the answers that must be run; the documents of the others are written at once."""
        for student in self.students:
            try:
                submitted = collect.answers_of(student, entries.pop(student.student_id), self.assignment)
            except Exception as error:
                submitted = Submitted(student, [AnswerFile(Submission(""))] * len(self.assignment.exercises), None)
                self._write(submitted, "", self._not_graded(submitted, error))
                continue
            submitted = self._as_decided(submitted)
            key = documents.key_of(submitted, self.assignment, self.summary.seeds, self.options.sandbox)
            if self._is_kept(submitted, key):
                continue
            self.pending[student.student_id] = submitted, key
            answers = [(answer.submission, answer.sha256, answer.notes) for answer in submitted.answers]
            yield Job(student.student_id, answers)

    def take(self, result: Graded | Failed) -> None:
        """Write the document of a student whose answers have been run."""
        submitted, key = self.pending.pop(result.student_id)
        if isinstance(result, Graded):
            rows = result.rows
        else:
            rows = _rows_not_graded(submitted, self.assignment, self.summary.seeds, result.reason)
        self._write(submitted, key, rows)

    def _as_decided(self, submitted: Submitted) -> Submitted:
        """Return what is graded: with the time of handing in, and with the files that the teacher repaired."""
        student = submitted.student.student_id
        similarity.write_answers(self.summary.out, self.names[student], submitted, self.assignment)
        submitted.handed_in = _handed_in(submitted, self.options.times)
        decided = self.options.decisions.get(student, ())
        files = {decision.part: decision.file for decision in decided if decision.file is not None}
        return collect.repaired(submitted, files, self.assignment)

    def _is_kept(self, submitted: Submitted, key: str) -> bool:
        """Whether the answers were graded before; then their document is only brought up to date."""
        student, summary = submitted.student.student_id, self.summary
        before = documents.read(summary.out / "results" / f"{self.names[student]}.json")
        if before is None:
            return False
        self.counted[student] = _counts(before)
        if before.get("seeds") != summary.seeds:
            remark = f"{summary.out} had grades of another seed: their answers were graded again"
            summary.remarks = tuple(dict.fromkeys([*summary.remarks, remark]))
        if before["key"] != key or documents.to_retry(before):
            return False
        now = self._document(submitted, key, before["exercises"])
        self._note_changes(now)
        if now != before:  # the due date, for example, or the student's name in the roster
            _write_document(summary.out, self.names[student], now)
        summary.kept += 1
        self.done()
        return True

    def _write(self, submitted: Submitted, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
        name = self.names[submitted.student.student_id]
        try:
            made = self._document(submitted, key, rows)
            _write_document(self.summary.out, name, made)
        except OSError:  # a failure of the disk, which every student would have
            raise
        except Exception as error:
            made = self._document(submitted, key, self._not_graded(submitted, error))
            _write_document(self.summary.out, name, made)
        self._note_changes(made)
        self.summary.graded += 1
        self.done()

    def _document(self, submitted: Submitted, key: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        decisions = self.options.decisions.get(submitted.student.student_id, ())
        return documents.submission(submitted, self.assignment, self.summary.seeds, rows, key, decisions)

    def _not_graded(self, submitted: Submitted, error: Exception) -> list[dict[str, Any]]:
        words = f"the grader failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return _rows_not_graded(submitted, self.assignment, self.summary.seeds, words)

    def _note_changes(self, document: Mapping[str, Any]) -> None:
        """Note what counts otherwise than after the run before."""
        student = document["student"]["student_id"]
        before, after = self.counted.get(student, {}), _counts(document)
        for part in [part for part in after if part in before and before[part] != after[part]]:
            self.summary.changed.append((student, part, before[part], after[part]))


def _counts(document: Mapping[str, Any]) -> dict[str, float | None]:
    """Return what counts of a student's exercises and in all, by the id of the exercise."""
    rows = document["exercises"]
    return {**{row["id"]: None if row["excused"] else row["total"] for row in rows}, "all": document["total"]}


def _rows_not_graded(
    submitted: Submitted, assignment: Assignment, seeds: Sequence[int], reason: str
) -> list[dict[str, Any]]:
    """Return the rows of a submission that the grader failed on."""
    rows = []
    for assigned, answer in zip(assignment.exercises, submitted.answers, strict=True):
        report = same_for_every_case(assigned.exercise, CaseOutcome(status.GRADER_ERROR, reason))
        rows.append(row_of(assigned, answer.submission, answer.sha256, answer.notes, [report], seeds))
    return rows


def _handed_in(submitted: Submitted, times: str | Mapping[str, str] | None) -> datetime.datetime | None:
    """When a student handed in; None if that is not judged or not known."""
    if times is None:
        return None
    if isinstance(times, str):
        return submitted.handed_in
    text = times.get(submitted.student.student_id, "")
    return moment(text, f"the time of {submitted.student.student_id}").astimezone() if text else None


def _write_document(out: Path, name: str, document: Mapping[str, Any]) -> None:
    """Write a student's document and feedback; the document last, since it marks all as complete."""
    write_text(out / "feedback" / f"{name}.md", feedback.as_markdown(document))
    write_text(out / "feedback" / f"{name}.html", feedback.as_html(document))
    write_text(out / "results" / f"{name}.json", documents.dump(document))


def _write_tables(students: Sequence[Student], summary: Summary, options: Options) -> None:
    """Write the gradebooks, the pages and the lists, from the documents in the order of the roster."""
    assignment, out = summary.assignment, summary.out
    tally = Tally(assignment, documents.file_names(students))

    def each() -> Iterator[dict[str, Any]]:
        return documents.in_order(out / "results", students)

    def write(name: str, text: str) -> None:
        write_text(out / name, text)
        summary.files[name] = str(out / name)

    for document in each():
        tally.add(document)
    write("gradebook.csv", gradebook.table(gradebook.LONG, gradebook.long_rows(each())))
    write("gradebook-wide.csv", gradebook.table(gradebook.wide_header(assignment.parts), gradebook.wide_rows(each())))
    if options.lms is not None:
        write(f"{options.lms.kind}.csv", options.lms.text(each()))
        summary.remarks += tuple(options.lms.notes)
    write("report.html", tally.html(summary.unmatched, timed=options.times is not None))
    write("retries.csv", gradebook.table(("student_id", "exercise", "reason"), tally.retries))
    write("changed.csv", gradebook.table(CHANGED, summary.changed))
    write("unmatched.csv", gradebook.table(("file", "reason"), summary.unmatched))
    summary.retries = tally.retries
    summary.complete = len(tally.totals)
    summary.mean = round(statistics.fmean(tally.totals), 4) if tally.totals else None
