"""The runs that the book shows: existing ones that were made by this code, and new ones where there are none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.course.child import minigen_command
from minigen.course.console import UsageError
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson.folder import MARKER
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.run import folder_name
from minigen.course.lesson.sinks.record import FILE_NAME, read_record

__all__ = ["Result", "existing", "results_of"]


@dataclass(frozen=True)
class Result:
    """A finished run of a lesson: its folder, whether it was a quick one, its outputs and what metrics.json says."""

    folder: Path
    quick: bool
    entries: list[dict[str, Any]]
    metrics: dict[str, Any]


def results_of(lessons: Sequence[LessonInfo], runs: Path, quick: bool = False) -> list[Result]:
    """A result of each lesson: a run in the folder `runs` that was made by this code, or a new one.

    quick: a new run takes a few seconds, and quick runs in the folder count too; full ones are preferred. Raises
    UsageError if a lesson does not finish.
    """
    found = {lesson.id: existing(lesson, runs, quick) for lesson in lessons}
    missing = [lesson for lesson in lessons if found[lesson.id] is None]
    for number, lesson in enumerate(missing, 1):
        folder = runs / folder_name(lesson.id, quick)
        again = not quick and _finished(lesson, folder)  # it has no record: a new run loads its trainings
        about = "a few seconds" if quick else "its trainings are kept" if again else f"about {lesson.minutes:g} minutes"
        print(f"  run {number} of {len(missing)}  {lesson.id} ({about})", flush=True)
        _run(lesson, runs, ["--quick"] if quick else ["--resume"] if again else [])
        found[lesson.id] = _read(lesson, folder)
        if found[lesson.id] is None:
            raise UsageError(f"{lesson.id} did not finish: see {folder / 'log.txt'}, and fix it first")
    return [result for result in found.values() if result is not None]


def existing(lesson: LessonInfo, runs: Path, quick: bool = False) -> Result | None:
    """A full run of a lesson that was made by this code or, with `quick`, a quick one; None if there is neither."""
    for is_quick in (False, True) if quick else (False,):
        result = _read(lesson, runs / folder_name(lesson.id, is_quick))
        if result is not None:
            return result
    return None


def _finished(lesson: LessonInfo, folder: Path) -> bool:
    """Whether a folder holds a finished run of this code at scale 1, with no function of a student in it."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        run = marker["run"]
        ours = run["lesson"] == lesson.id and run["scale"] == 1 and run["with"] is None and marker["finished"]
        return bool(ours) and marker["recipe"] is not None and marker["recipe"] == recipe_of(lesson.path)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read(lesson: LessonInfo, folder: Path) -> Result | None:
    if not _finished(lesson, folder):
        return None
    try:
        entries = read_record(folder / FILE_NAME)
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        files = [entry["payload"][name] for entry in entries for name in ("file", "data") if name in entry["payload"]]
        if all((folder / file).is_file() for file in files):
            return Result(folder, bool(metrics["quick"]), entries, metrics)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None  # a damaged result does not count


def _run(lesson: LessonInfo, runs: Path, options: Sequence[str]) -> None:
    """Run a lesson in a process of its own; what it prints is in its log, its progress bars are shown."""
    command = minigen_command("run", lesson.id, "--out", str(runs), *options)
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    if code == 130:
        raise KeyboardInterrupt
