"""How far the student is, and what comes next: `.progress.json` beside her files."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from minigen.course.console import plural
from minigen.course.exercise import catalog
from minigen.course.exercise.format import AuthorError, Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import Unreadable, read_bytes
from minigen.course.exercise.limits import assigned
from minigen.course.index.evenings import evening_with, exercises_with, listed
from minigen.course.index.lessons import exercise_names, lesson_folders, short_id
from minigen.files import locked, write_text

if TYPE_CHECKING:
    from minigen.course.exercise.grading.report import Report

__all__ = [
    "FILE_NAME",
    "LessonProgress",
    "Progress",
    "add_folder",
    "answer_file",
    "changed",
    "home",
    "lesson_in_words",
    "lesson_progress",
    "next_exercise",
    "next_step",
    "note",
]

FILE_NAME = ".progress.json"


def home() -> Path:
    """Return the student's folder, `exercises/`: in the current folder, or beside it if that is `notebooks/`."""
    here = Path("exercises")
    return Path("..") / here if Path.cwd().name == "notebooks" and not here.is_dir() else here


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the option --dir, the student's folder."""
    folder = home()
    parser.add_argument("--dir", type=Path, default=folder, metavar="DIR", help=f"your folder (default {folder})")


def answer_file(lesson: str, folder: Path | None = None) -> Path:
    """Where the answers of a lesson are: `exercises/gan_02.py`."""
    return (home() if folder is None else Path(folder)) / f"{lesson.replace('/', '_')}.py"


class LessonProgress(NamedTuple):
    """Exercises passed and points reached, of how many. As text: `2/3`."""

    passed: int
    total: int
    points: int
    possible: int
    started: bool

    def __str__(self) -> str:
        return f"{self.passed}/{self.total}"


class HasId(Protocol):
    """What has an entry in the record: an exercise, or a whole model from an empty file."""

    @property
    def id(self) -> str:
        """ "gan/02/discriminator_loss"."""


class Progress:
    """The record of one folder of answers. A damaged file is put aside, never an error."""

    def __init__(self, folder: Path):
        self.path = Path(folder) / FILE_NAME
        self.entries: dict[str, dict[str, Any]] = {}
        try:
            text = read_bytes(self.path).decode("utf-8")  # an answer may have put a pipe or a huge file there
        except (Unreadable, UnicodeDecodeError):
            return
        try:
            entries = json.loads(text)["exercises"]
            self.entries = {str(key): dict(value) for key, value in entries.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            with contextlib.suppress(OSError):
                os.replace(self.path, self.path.with_suffix(".json.damaged"))

    def of(self, exercise: HasId) -> dict[str, Any]:
        """points, passed (ever), tries, hints (levels seen) and cure (of the last check's mistake) of an exercise."""
        entry = self.entries.get(exercise.id, {})
        numbers = {key: entry[key] if type(entry.get(key)) is int else 0 for key in ("points", "tries", "hints")}
        cure = entry["cure"] if type(entry.get("cure")) is str else ""
        return {"passed": entry.get("passed") is True, "cure": cure, **numbers}

    def update(self, exercise: HasId, **changes: Any) -> None:
        self.entries[exercise.id] = {**self.of(exercise), **changes}

    def checked(self, exercise: HasId, points: int, passed: bool, cure: str = "") -> None:
        """Note the result of a check; what was once passed stays passed."""
        before = self.of(exercise)
        best = max(points, before["points"]) if before["passed"] else points
        self.update(exercise, points=best, passed=passed or before["passed"], tries=before["tries"] + 1, cure=cure)

    def save(self) -> None:
        """Write the file as a whole or not at all. Raises OSError."""
        write_text(self.path, json.dumps({"version": 1, "exercises": self.entries}, indent=1, sort_keys=True) + "\n")


@contextlib.contextmanager
def changed(folder: Path) -> Iterator[Progress]:
    """Give the record of a folder, to be changed in the block and saved at its end; other processes wait meanwhile.

    Raises OSError if the folder cannot be written: before the block, or at its end.
    """
    with locked(Path(folder) / f"{FILE_NAME}.lock"):
        record = Progress(folder)
        yield record
        record.save()


def lesson_progress(exercises: Iterable[Exercise], folder: Path) -> LessonProgress:
    """How far the exercises of a lesson are."""
    exercises, record = list(exercises), Progress(folder)
    rows = [record.of(exercise) for exercise in exercises]
    started = bool(exercises) and answer_file(exercises[0].lesson, folder).exists()
    return LessonProgress(
        sum(row["passed"] for row in rows),
        len(exercises),
        sum(min(row["points"], exercise.points) for row, exercise in zip(rows, exercises, strict=True)),
        sum(exercise.points for exercise in exercises),
        started or any(row["tries"] for row in rows),
    )


def lesson_in_words(lesson_id: str, folder: Path | None = None) -> str:
    """How far the student is in a lesson's exercises: "1/2 exercises passed"; "" if the lesson has none."""
    try:
        exercises = catalog.exercises_of(lesson_id)
    except AuthorError as error:
        return f"exercises broken: {error}"
    if not exercises:
        return ""
    row = lesson_progress(exercises, home() if folder is None else folder)
    return f"{row} exercises passed" if row.started else plural(row.total, "exercise")


def note(reports: Sequence[Report], file: Path) -> None:
    """Add the results of a file to the record beside it, if it has the name of its lesson's file of answers.

    A folder that cannot be written is no error: it is said on standard error. The grader's own errors are not noted.
    """
    if not reports or file.name != answer_file(reports[0].exercise.lesson).name:
        return
    try:
        with changed(file.parent) as record:
            for report in reports:
                if report.status != status.GRADER_ERROR:
                    record.checked(report.exercise, report.points, report.passed, report.cure)
    except OSError:
        print(f"minigen: your progress cannot be saved in {file.parent}", file=sys.stderr)


# ------------------------------------------------------------------------------------------- what comes next


def next_step(reports: Sequence[Report], folder: Path | None = None) -> str:
    """Return what to do after a check: see a hint, or train with the answers, compare them and go on; by a folder's
    record.
    """
    failed = [report for report in reports if not report.passed]
    if failed:
        return f"stuck? minigen exercise hint {failed[0].exercise.id}"
    folder = home() if folder is None else folder
    lesson, last = reports[0].exercise.lesson, reports[-1].exercise.id
    shown = reports[0].exercise.id if len(reports) == 1 else lesson
    lines = [
        f"now train with it: minigen run {lesson} --with {reports[0].file}",
        f"beside the package's version: minigen exercise diff {shown}",
        _evening_step(folder, last),
        next_exercise(folder, after=last),
    ]
    return "\n".join(filter(None, lines))


def next_exercise(folder: Path | None = None, after: str = "", begin: str = "") -> str:
    """Which exercise comes next, by the record of a folder, and how to begin it; "" if there is none at all.

    after: the id of an exercise; the next one is the first behind it that has not passed, else the first of all.
    begin: the same, but the exercise itself may be the next one.
    """
    folder = home() if folder is None else folder
    found = _following(folder, after, begin)
    if not found:
        return "all exercises have passed" if _ids(folder) else ""
    lesson = found.rpartition("/")[0]
    path = answer_file(lesson, folder)
    how = f"in {path}" if os.path.lexists(path) else f"minigen exercise start {lesson}"
    return f"next exercise: {found} ({how})"


def _following(folder: Path, after: str = "", begin: str = "") -> str:
    """Return the id of the exercise that comes next; "" if all have passed."""
    ids = _ids(folder)
    start = ids.index(after) + 1 if after in ids else ids.index(begin) if begin in ids else 0
    return _first_open(folder, ids[start:] + ids[:start])


def _evening_step(folder: Path, after: str) -> str:
    """Say which exercise comes next for who reads the post's evening, or that all of these have passed; "" if neither,
    and where the next one of all is the same.
    """
    post = "" if assigned(folder) else evening_with(after)
    if not post:
        return ""
    ids = exercises_with(after)
    if found := _first_open(folder, ids[ids.index(after) + 1 :]):
        return "" if found == _following(folder, after) else f"next of the post's evening: {found}"
    if _first_open(folder, ids):
        return ""
    model = listed()[post]["model"]
    return f"all exercises of the post's evening have passed; with another hour: minigen exercise start {model}"


def _first_open(folder: Path, ids: Sequence[str]) -> str:
    """Return the first of these ids that has not passed, by the record of a folder; "" if there is none."""
    entries = Progress(folder).entries
    return next((id for id in ids if entries.get(id, {}).get("passed") is not True), "")


def _ids(folder: Path) -> list[str]:
    """Return the ids of all exercises in order, or of those that a task of the folder assigns."""
    ids = [f"{lesson}/{name}" for lesson, path in _lesson_folders() for name in exercise_names(path)]
    given = assigned(folder)
    return [id for id in ids if id in given] or ids


def _lesson_folders() -> list[tuple[str, Path]]:
    """Return the lessons that have exercises, in order, with their folders; none of their files is run."""
    return [(short_id(folder), folder) for folder in lesson_folders("exercise.py")]
