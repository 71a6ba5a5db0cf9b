"""How far the student is: `.progress.json` beside her files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from minigen.course.exercise.format import Exercise
from minigen.files import locked, write_text

__all__ = ["FILE_NAME", "LessonProgress", "Progress", "changed", "home", "lesson_progress"]

FILE_NAME = ".progress.json"


def home() -> Path:
    """The student's folder, `exercises/`: in the current folder, or beside it if that is `notebooks/`."""
    here = Path("exercises")
    return Path("..") / here if Path.cwd().name == "notebooks" and not here.is_dir() else here


class LessonProgress(NamedTuple):
    """Exercises passed and points reached, of how many. As text: `2/3`."""

    passed: int
    total: int
    points: int
    possible: int
    started: bool

    def __str__(self) -> str:
        return f"{self.passed}/{self.total}"


class Progress:
    """The record of one folder of answers. A damaged file is put aside, never an error."""

    def __init__(self, folder: Path):
        self.path = Path(folder) / FILE_NAME
        self.entries: dict[str, dict[str, Any]] = {}
        if not self.path.is_file():  # a pipe would block
            return
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return
        try:
            entries = json.loads(text)["exercises"]
            self.entries = {str(key): dict(value) for key, value in entries.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            with contextlib.suppress(OSError):
                os.replace(self.path, self.path.with_suffix(".json.damaged"))

    def of(self, exercise: Exercise) -> dict[str, Any]:
        """points, passed (ever), tries and hints (levels seen) of an exercise."""
        entry = self.entries.get(exercise.id, {})
        numbers = {key: entry[key] if type(entry.get(key)) is int else 0 for key in ("points", "tries", "hints")}
        return {"passed": entry.get("passed") is True, **numbers}

    def update(self, exercise: Exercise, **changes: Any) -> None:
        self.entries[exercise.id] = {**self.of(exercise), **changes}

    def checked(self, exercise: Exercise, points: int, passed: bool) -> None:
        """Note the result of a check; what was once passed stays passed."""
        before = self.of(exercise)
        best = max(points, before["points"]) if before["passed"] else points
        self.update(exercise, points=best, passed=passed or before["passed"], tries=before["tries"] + 1)

    def save(self) -> None:
        """Write the file as a whole or not at all. Raises OSError."""
        write_text(self.path, json.dumps({"version": 1, "exercises": self.entries}, indent=1, sort_keys=True) + "\n")


@contextlib.contextmanager
def changed(folder: Path) -> Iterator[Progress]:
    """The record of a folder, to be changed in the block and saved at its end; other processes wait meanwhile.

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
    started = bool(exercises) and (Path(folder) / f"{exercises[0].lesson.replace('/', '_')}.py").exists()
    return LessonProgress(
        sum(row["passed"] for row in rows),
        len(exercises),
        sum(min(row["points"], exercise.points) for row, exercise in zip(rows, exercises, strict=True)),
        sum(exercise.points for exercise in exercises),
        started or any(row["tries"] for row in rows),
    )
