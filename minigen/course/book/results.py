"""The results that the book shows: recorded ones, runs of a folder or, on demand, new runs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from minigen.course.child import minigen_command
from minigen.course.console import UsageError
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson import recorded
from minigen.course.lesson.result import Result, is_finished, read_result
from minigen.course.lesson.run import folder_name

__all__ = ["existing", "known_results", "results_of_runs"]


def known_results(lessons: Sequence[LessonInfo], runs: Path | None = None) -> list[Result | None]:
    """Return what is recorded of each lesson, without running any; None where nothing is.

    runs: a folder whose finished full runs of this code are taken before the records.
    """
    return [(existing(lesson, runs) if runs else None) or _recorded(lesson) for lesson in lessons]


def _recorded(lesson: LessonInfo) -> Result | None:
    """Return the record of a lesson, unless its outputs no longer fit the lesson's file."""
    record = recorded.read(lesson)
    return None if record.misfits else record.result


def results_of_runs(lessons: Sequence[LessonInfo], runs: Path, quick: bool = False) -> list[Result]:
    """Return a run of each lesson: one in the folder `runs` that was made by this code, or a new one.

    quick: a new run takes a few seconds, and quick runs in the folder count too; full ones are preferred. Raises
    UsageError if a lesson does not finish.
    """
    found = {lesson.id: existing(lesson, runs, quick) for lesson in lessons}
    missing = [lesson for lesson in lessons if found[lesson.id] is None]
    for number, lesson in enumerate(missing, 1):
        folder = runs / folder_name(lesson.id, quick)
        again = not quick and is_finished(lesson, folder)  # it has no record: a new run loads its trainings
        about = "a few seconds" if quick else "its trainings are kept" if again else f"about {lesson.minutes:g} minutes"
        print(f"  run {number} of {len(missing)}  {lesson.id} ({about})", flush=True)
        _run(lesson, runs, ["--quick"] if quick else ["--resume"] if again else [])
        found[lesson.id] = read_result(lesson, folder)
        if found[lesson.id] is None:
            raise UsageError(f"{lesson.id} did not finish: see {folder / 'log.txt'}, and fix it first")
    return [result for result in found.values() if result is not None]


def existing(lesson: LessonInfo, runs: Path, quick: bool = False) -> Result | None:
    """Return a full run of a lesson that was made by this code or, with `quick`, a quick one;
    None if there is neither.
    """
    for is_quick in (False, True) if quick else (False,):
        result = read_result(lesson, runs / folder_name(lesson.id, is_quick))
        if result is not None:
            return result
    return None


def _run(lesson: LessonInfo, runs: Path, options: Sequence[str]) -> None:
    """Run a lesson in a process of its own; what it prints is in its log, its progress bars are shown."""
    command = minigen_command("run", lesson.id, "--out", str(runs), *options)
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    if code == 130:
        raise KeyboardInterrupt
