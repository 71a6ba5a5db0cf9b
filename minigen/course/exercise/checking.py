"""Check files of answers, record the results, and name the next exercise."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import minigen
from minigen.course import index
from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.grade import Report, grade_file, references
from minigen.course.exercise.grading.inputs import arguments
from minigen.course.exercise.grading.report import render
from minigen.course.exercise.grading.runner import MARK
from minigen.course.exercise.grading.submission import (
    Submission,
    Unreadable,
    defined_names,
    read_bytes,
    read_submission,
)
from minigen.course.exercise.progress import Progress, changed, home
from minigen.course.exercise.source import grade_source
from minigen.course.exercise.stubs import MARKER

__all__ = [
    "answer_file",
    "check_files",
    "exit_code",
    "inputs",
    "lesson_of_file",
    "next_exercise",
    "summary",
    "watch",
]

SCHEMA_VERSION = 3  # of what `check --json` prints; see classroom/schema/check.json


def answer_file(lesson: str, folder: Path | None = None) -> Path:
    """Where the answers of a lesson are: `exercises/gan_02.py`."""
    return (home() if folder is None else Path(folder)) / f"{lesson.replace('/', '_')}.py"


def inputs(exercise_id: str, case: str, seed: int = 0) -> tuple:
    """The arguments of the first call that a case makes: `my_loss(*inputs("gan/12/critic_loss", "by_hand"))`.

    Raises UsageError for an unknown exercise or case, and in a file that is being checked.
    """
    if MARK in os.environ:
        raise UsageError("inputs(...) is for your own Python session and not available in a check; remove the call")
    exercises = catalog.find(exercise_id)
    if len(exercises) != 1:
        raise UsageError(f"{exercise_id!r} has several exercises: say which")
    for wanted, row in zip(exercises[0].cases, references(exercises[0], seed), strict=True):
        if wanted.name == case and row.calls:
            return tuple(arguments(exercises[0].reference, row.calls[0]).values())
    names = ", ".join(wanted.name for wanted in exercises[0].cases)
    raise UsageError(f"{exercises[0].id} has no case {case!r}; it has {names}")


def lesson_of_file(path: Path, submission: Submission) -> list[Exercise]:
    """The exercises that a file answers: by its first lines, else by its name, else by the functions that it defines.

    Raises UsageError if none of them identifies an exercise.
    """
    marked = re.search(rf"(?m)^{re.escape(MARKER)}(\w+/\w+)", submission.source[:2000])
    named = re.search(r"([a-z]+)[_-](\d\d)(?!\d)", path.stem.lower())
    for lesson in ([marked[1]] if marked else []) + ([f"{named[1]}/{named[2]}"] if named else []):
        exercises = catalog.exercises_of(lesson)
        if exercises:
            return exercises
    if submission.source:
        names = set(defined_names(submission.source))
        found = [exercise for exercise in catalog.all_exercises() if exercise.name in names]
        if found:
            return found
    raise UsageError(f"{path}: which exercise is this? Name the file as minigen exercise start does (gan_02.py)")


def check_files(
    jobs: Iterable[tuple[Path, Sequence[Exercise]]], seed: int = 0, remember: bool = True, here: bool = False
) -> list[Report]:
    """Grade each file on its exercises; the results are noted beside the file.

    here: in this process, as the book's pages do, where a worker process cannot be started or is too slow to wait for.
    """
    grade = grade_source if here else grade_file
    reports = []
    for path, exercises in jobs:
        submission = read_submission(path)
        mine = [grade(exercise, submission, seed=seed) for exercise in exercises]
        reports += mine
        if remember and path.name == answer_file(exercises[0].lesson).name:
            note(mine, path.parent)
    return reports


def note(reports: Sequence[Report], folder: Path) -> None:
    """Add results to the record of a folder; report it if it cannot be written."""
    try:
        with changed(folder) as record:
            for report in reports:
                if report.status != status.GRADER_ERROR:
                    record.checked(report.exercise, report.points, report.passed)
    except OSError:
        print(f"minigen: your progress cannot be saved in {folder}", file=sys.stderr)


def json_head(kind: str) -> dict[str, Any]:
    """How the documents of `check --json` begin."""
    return {"schema_version": SCHEMA_VERSION, "kind": kind, "minigen": minigen.__version__}


def sha256(file: str) -> str:
    """The hash of a file that was graded; "" if it cannot be read."""
    try:
        return hashlib.sha256(read_bytes(Path(file))).hexdigest()
    except Unreadable:
        return ""


def exit_code(reports: Sequence[Report]) -> int:
    """0 if all pass, 1 if some fail, 3 if the grader itself failed."""
    if any(report.status == status.GRADER_ERROR for report in reports):
        return 3
    return 0 if all(report.passed for report in reports) else 1


def summary(
    reports: Sequence[Report], as_json: bool = False, folder: Path | None = None, seed: int | None = None
) -> str:
    """All reports, as text or as one JSON document.

    folder: where the record is that decides what comes next. seed: of the reports, for the document.
    """
    if as_json:
        data = {
            **json_head("check"),
            "seed": seed,
            "passed": all(report.passed for report in reports),
            "points": sum(report.points for report in reports),
            "possible": sum(report.exercise.points for report in reports),
            "exercises": [{**report.to_json(), "sha256": sha256(report.file)} for report in reports],
            "error": None,
            "code": None,
            "exit_code": exit_code(reports),
        }
        return json.dumps(data, indent=2, ensure_ascii=False)
    parts = [render(report, sys.stdout) for report in reports]
    failed = [report for report in reports if not report.passed]
    if len(reports) > 1:
        points, possible = sum(r.points for r in reports), sum(r.exercise.points for r in reports)
        parts.append(f"{len(reports) - len(failed)} of {len(reports)} exercises pass, {points} of {possible} points")
    if failed:
        parts.append(f"stuck? minigen exercise hint {failed[0].exercise.id}")
    elif reports:
        lesson = reports[0].exercise.lesson
        parts.append(f"now train with it: minigen run {lesson} --with {reports[0].file}")
        following = next_exercise(folder, after=reports[-1].exercise.id)
        if following:
            parts[-1] += f"\n{following}"
    return "\n\n".join(parts)


def next_exercise(folder: Path | None = None, after: str = "", begin: str = "") -> str:
    """Which exercise comes next, by the record of a folder, and how to begin it; "" if all have passed.

    after: the id of an exercise; the next one is the first behind it that has not passed, else the first of all.
    begin: the same, but the exercise itself may be the next one.
    """
    folder = home() if folder is None else folder
    lessons = {lesson: index.exercise_names(path) for lesson, path in _lesson_folders()}
    ids = [f"{lesson}/{name}" for lesson, names in lessons.items() for name in names]
    entries = Progress(folder).entries
    start = ids.index(after) + 1 if after in ids else ids.index(begin) if begin in ids else 0
    found = next((id for id in ids[start:] + ids[:start] if entries.get(id, {}).get("passed") is not True), None)
    if found is None:
        return "all exercises have passed" if ids else ""
    lesson = found.rpartition("/")[0]
    path = answer_file(lesson, folder)
    how = f"in {path}" if os.path.lexists(path) else f"minigen exercise start {lesson}"
    return f"next exercise: {found} ({how})"


def _lesson_folders() -> list[tuple[str, Path]]:
    """The lessons that have exercises, in order, with their folders; none of their files is run."""
    return [(index.short_id(folder), folder) for folder in index.folders("exercise.py")]


def watch(
    paths: Sequence[Path],
    again: Callable[[], int],
    interval: float = 0.3,
    stop: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Call `again` now and whenever one of the files is saved, until `stop` or Ctrl-C; the last exit code."""
    code, before = 0, None
    try:
        while not stop():
            now = [_stamp(path) for path in paths]
            if now != before:
                code, before = again(), now
            sleep(interval)
    except KeyboardInterrupt:
        print()
    return code


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size
