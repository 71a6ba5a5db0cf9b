"""`minigen exercise check`: the student's answers, checked in processes of their own."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError, color, print_json
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.checking import check_file, check_here
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.report import Report, json_head, render_all
from minigen.course.exercise.grading.submission import (
    Submission,
    Unreadable,
    defined_names,
    read_bytes,
    read_submission,
)
from minigen.course.exercise.limits import as_given, assigned, rules
from minigen.course.exercise.progress import add_folder, answer_file, next_step, note
from minigen.course.index.names import FROM_SCRATCH
from minigen.course.lesson.options import Parser, add_json, add_seed

__all__ = ["arguments", "run", "watch"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_folder(parser)
    add = parser.add_argument
    add("id", nargs="?", metavar="ID|FILE", help="a lesson, an exercise or a file (default: all your files)")
    add("file", nargs="?", type=Path, metavar="FILE", help="the file to check on ID, whatever its name")
    add("--watch", action="store_true", help="check again whenever the file is saved, until Ctrl-C")
    add("--here", action="store_true", help="in this process, as the book's pages do: no limits")
    add_json(parser)
    add_seed(parser)
    parser.set_defaults(seed=None)  # that of the assignment, if there is one


def run(args: argparse.Namespace) -> int:
    """Check answers once, or whenever a file is saved; 0 if all pass, 1 if some fail, 3 if the grader itself failed."""
    model = _whole_model(args.id or "")
    if model:
        from minigen.course.commands.exercise import from_scratch  # a check of functions does not need it

        if model != args.id:
            args.file = Path(args.id)
        args.seed = 0 if args.seed is None else args.seed
        return from_scratch.check(model, args)
    jobs = [
        (path, [as_given(exercise, path.parent) for exercise in _assigned(exercises, path.parent)])
        for path, exercises in _jobs(args.id, args.dir, args.file)
    ]
    check = check_here if args.here else check_file
    if not args.json and args.watch:
        print(f"watching {', '.join(str(path) for path, _ in jobs)} (Ctrl-C ends)")

    def again() -> int:
        if args.watch and not args.json:
            print(_ruler(datetime.datetime.now()))
        reports = []
        for path, exercises in jobs:
            graded = check(exercises, path, args.seed)
            note(graded, path)
            reports += graded
        if args.json:
            print_json(_document(reports, args.seed if args.seed is not None else _seed_of(jobs)))
        else:
            print(render_all(reports, sys.stdout), next_step(reports, args.dir), sep="\n\n", flush=True)
        return _exit_code(reports)

    return watch([path for path, _ in jobs], again) if args.watch else again()


def _assigned(exercises: list[Exercise], folder: Path) -> list[Exercise]:
    """Return those of the exercises of a lesson that the assignment in a folder has; all if it has none of them."""
    ids = assigned(folder)
    return [exercise for exercise in exercises if exercise.id in ids] or exercises


def _seed_of(jobs: Sequence[tuple[Path, Sequence[Exercise]]]) -> int:
    """Return the seed of practice, of the first file that is checked."""
    path, exercises = jobs[0]
    return rules(exercises[0], path.parent).seed


def _whole_model(text: str) -> str:
    """Return the id of the whole model that an argument names, as such or as the file that `start` writes, or ""."""
    named = re.fullmatch(r"([a-z]+)_(\d\d)_from_scratch\.py", Path(text).name)
    return text if text.endswith(FROM_SCRATCH) else f"{named[1]}/{named[2]}{FROM_SCRATCH}" if named else ""


def _ruler(now: datetime.datetime) -> str:
    """Return the line between two checks of --watch."""
    return f"\n{color(f'---- {now:%H:%M:%S} '.ljust(60, '-'), 'bold')}\n"


def _jobs(text: str | None, folder: Path, file: Path | None = None) -> list[tuple[Path, list[Exercise]]]:
    """(file, exercises) for the arguments of `check`."""
    if text is not None and file is not None:
        return [(file, catalog.find(text))]
    if text is None:
        jobs = []
        for lesson in catalog.lesson_ids():
            path = answer_file(lesson, folder)
            if path.exists():
                jobs.append((path, catalog.exercises_of(lesson)))
        if not jobs:
            models = [model for path in sorted(folder.glob("*.py")) if (model := _whole_model(path.name))]
            if models:
                raise UsageError(f"a whole model is checked by its name: minigen exercise check {models[0]}")
            raise UsageError(
                f"no answers in {folder}; begin with minigen exercise start ID (see minigen exercise list)"
            )
        return jobs
    if text.endswith(".py") or Path(text).is_file():
        path = Path(text)
        if not path.is_symlink() and not path.exists():
            raise UsageError(f"there is no file {path}")
        return [(path, _exercises_of_file(path, read_submission(path)))]
    exercises = catalog.find(text)
    path = answer_file(exercises[0].lesson, folder)
    if not path.is_symlink() and not path.exists():
        raise UsageError(f"there is no file {path}; minigen exercise start {exercises[0].lesson} writes it")
    return [(path, exercises)]


def _exercises_of_file(path: Path, submission: Submission) -> list[Exercise]:
    """Return the exercises that a file answers: by its first lines, else by its name, else by the functions that it
    defines.

    Raises UsageError if none of them identifies an exercise.
    """
    marked = re.search(rf"(?m)^{re.escape(stubs.MARKER)}(\w+/\w+)", _beginning(path))
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
    if submission.status != status.PASS:  # so the functions that it defines are not known
        where = f", line {submission.line}" if submission.line else ""
        raise UsageError(f"{path}{where}: {status.WORDS[submission.status]}: {submission.message}")
    raise UsageError(f"{path}: which exercise is this? Name the file as minigen exercise start does (gan_02.py)")


def _beginning(path: Path) -> str:
    """Return the first lines of a file, whether or not Python can read the rest; "" if it cannot be read."""
    try:
        return read_bytes(path)[:2000].decode("utf-8-sig", "replace").replace("\r", "")
    except Unreadable:
        return ""


def _sha256(file: str) -> str:
    """Return the hash of a file that was graded; "" if it cannot be read."""
    try:
        return hashlib.sha256(read_bytes(Path(file))).hexdigest()
    except Unreadable:
        return ""


def _exit_code(reports: Sequence[Report]) -> int:
    """0 if all pass, 1 if some fail, 3 if the grader itself failed."""
    if any(report.status == status.GRADER_ERROR for report in reports):
        return 3
    return 0 if all(report.passed for report in reports) else 1


def _document(reports: Sequence[Report], seed: int) -> dict[str, Any]:
    """All reports as one JSON document; seed: of their inputs."""
    return {
        **json_head("check"),
        "seed": seed,
        "passed": all(report.passed for report in reports),
        "points": sum(report.points for report in reports),
        "possible": sum(report.exercise.points for report in reports),
        "exercises": [{**report.to_json(), "sha256": _sha256(report.file)} for report in reports],
        "error": None,
        "code": None,
        "exit_code": _exit_code(reports),
    }


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
