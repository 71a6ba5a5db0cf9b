"""`minigen exercise list | start | check | hint | diff | reset | prove`.

Exit codes: 0 all pass, 1 some fail, 2 wrong usage, 3 the grader itself failed.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import difflib
import hashlib
import os
import re
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import minigen
from minigen.course.console import UsageError, cleaning_up, color, plural, print_json, safe_streams, text_table
from minigen.course.exercise import catalog, functions, stubs
from minigen.course.exercise.format import AuthorError, Exercise
from minigen.course.exercise.given import GivenExercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.calls import note_calls
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_source
from minigen.course.exercise.grading.report import Report, render_all
from minigen.course.exercise.grading.submission import (
    Submission,
    Unreadable,
    defined_names,
    read_bytes,
    read_submission,
)
from minigen.course.exercise.limits import allowed_hints, as_given
from minigen.course.exercise.progress import Progress, answer_file, changed, home, next_exercise, next_step, note
from minigen.course.lesson.options import Parser, add_seed, parsed
from minigen.files import write_new, write_text

__all__ = ["main", "watch"]

SCHEMA_VERSION = 4  # of what `check --json` prints; see course/data/schema/check.json


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="exercise_command", metavar="COMMAND", title="commands", parser_class=Parser)
    parser.set_defaults(run=lambda args: _help(parser))

    def command(name: str, run: Callable, help: str, example: str, where: bool = True) -> Parser:
        added = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.", example=example)
        added.set_defaults(run=run)
        if where:
            default = home()
            added.add_argument(
                "--dir", type=Path, default=default, metavar="DIR", help=f"your folder (default {default})"
            )
        return added

    add = command("list", _list, "show the exercises, and how far you are", "minigen exercise list gan/02")
    add.add_argument("id", nargs="?", metavar="ID", help="a lesson, such as gan/02")
    add = command("start", _start, "write the file that you fill in; never overwrites", "minigen exercise start gan/02")
    add.add_argument("id", metavar="ID", help="a lesson, such as gan/02")
    example = "minigen exercise check gan/02 --watch\n  minigen exercise check exercises/gan_02.py --json"
    add = command("check", _check, "check your answers", example)
    add.add_argument(
        "id", nargs="?", metavar="ID|FILE", help="a lesson, an exercise or a file (default: all your files)"
    )
    add.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the file to check on ID, whatever its name")
    add.add_argument("--watch", action="store_true", help="check again whenever the file is saved, until Ctrl-C")
    add.add_argument("--here", action="store_true", help="in this process, as the book's pages do: no limits")
    add.add_argument("--json", action="store_true", help="the result for a program")
    add_seed(add)
    add = command("hint", _hint, "show the next of three hints", "minigen exercise hint gan/02/discriminator_loss")
    add.add_argument("id", metavar="ID", help="an exercise")
    add = command(
        "diff",
        _diff,
        "show what differs between yours and the package's, once yours passes",
        "minigen exercise diff gan/02",
    )
    add.add_argument("id", metavar="ID", help="a lesson or an exercise")
    add.add_argument("--reveal", action="store_true", help="show the package's answer before yours passes")
    add = command("reset", _reset, "start again; your file is kept as a backup", "minigen exercise reset gan/02")
    add.add_argument("id", metavar="ID", help="a lesson or an exercise")
    add = command(
        "prove", _prove, "for authors: prove that the exercises are sound", "minigen exercise prove gan/02", False
    )
    add.add_argument("id", nargs="?", metavar="ID", help="a lesson or an exercise (default: all)")
    add.add_argument("--seeds", type=int, default=20, metavar="N", help="seeds to prove on (default 20)")
    add.add_argument("--json", action="store_true", help="the result for a program")


def main(argv: Sequence[str] | None = None) -> int:
    """`minigen exercise ...`; returns the exit code."""
    safe_streams()
    parser = Parser(
        prog="minigen exercise",
        description="Write one equation yourself, have it checked, then train the lesson with it.",
        example="minigen exercise start gan/02",
    )
    _add_commands(parser)
    argv = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in argv
    try:
        args = parsed(parser, argv)
        with cleaning_up():
            return args.run(args)
    except UsageError as error:
        return _failed(2, "usage", str(error), as_json)
    except BrokenPipeError:  # `minigen exercise check | head`: the command line handles it
        raise
    except (AuthorError, ImportError) as error:
        return _failed(3, "exercises_broken", f"the exercises themselves are broken: {error}", as_json)
    except Exception as error:
        traceback.print_exc()
        return _failed(3, "grader_error", f"the grader failed: {type(error).__name__}: {error}", as_json)


def _failed(code: int, kind: str, message: str, as_json: bool) -> int:
    """Print what was not possible, with `as_json` as JSON too; the exit code."""
    if as_json:
        print_json({**_json_head("error"), "error": message, "code": kind, "exit_code": code}, indent=None)
    print(color(f"minigen: {message}", "red", sys.stderr), file=sys.stderr)
    return code


# ------------------------------------------------------------------------------------------- the commands


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def _list(args: argparse.Namespace) -> int:
    exercises = catalog.find(args.id) if args.id else catalog.all_exercises()
    record, rows = Progress(args.dir), []
    for exercise in exercises:
        entry = record.of(exercise)
        state = "passed" if entry["passed"] else f"{entry['tries']} tries" if entry["tries"] else ""
        points = f"{min(entry['points'], exercise.points)}/{exercise.points}"
        rows.append([exercise.id, f"{exercise.minutes:g} min", points, state])
    if not rows:
        print("there are no exercises yet")
        return 0
    print(text_table(rows, ["exercise", "time", "points", "state"]))
    left = [exercise for exercise in exercises if not record.of(exercise)["passed"]]
    done = f"{len(exercises) - len(left)} of {len(exercises)} passed"
    print(f"\n{done}; {_duration(exercises)} in all" + (f", {_duration(left)} left" if left else ""))
    print("In order: a lesson needs what those above it in its post explain; run it first, then write its exercises.")
    following = next_exercise(args.dir, begin=exercises[0].id)
    if following:
        print(following)
    return 0


def _duration(exercises: Sequence[Exercise]) -> str:
    """How long exercises take together: "45 min", "13 h 10 min"."""
    hours, minutes = divmod(round(sum(exercise.minutes for exercise in exercises)), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _start(args: argparse.Namespace) -> int:
    exercises = catalog.exercises_of(args.id) or catalog.find(args.id)
    lesson = exercises[0].lesson
    exercises = [as_given(exercise, args.dir) for exercise in catalog.exercises_of(lesson)]
    path = answer_file(lesson, args.dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            raise UsageError(
                f"{path} is there already and stays as it is; to begin again: minigen exercise reset {lesson}"
            )
        write_new(path, stubs.stub_file(exercises).encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    names = ", ".join(exercise.name for exercise in exercises)
    print(f"{path}: to write: {names}")
    print(f"edit it, then: minigen exercise check {lesson}")
    return 0


def _check(args: argparse.Namespace) -> int:
    jobs = [
        (path, [as_given(exercise, path.parent) for exercise in exercises])
        for path, exercises in _jobs(args.id, args.dir, args.file)
    ]
    grade = grade_source if args.here else grade_file
    if not args.json and args.watch:
        print(f"watching {', '.join(str(path) for path, _ in jobs)} (Ctrl-C ends)")

    def again() -> int:
        if args.watch and not args.json:
            print(_ruler(datetime.datetime.now()))
        reports = []
        for path, exercises in jobs:
            submission = read_submission(path)
            graded = [grade(exercise, submission, seed=args.seed) for exercise in exercises]
            note_calls(graded, submission, lambda other, text: grade(other, text, seed=args.seed))
            note(graded, path)
            reports += graded
        if args.json:
            print_json(_document(reports, args.seed))
        else:
            print(render_all(reports, sys.stdout), next_step(reports, args.dir), sep="\n\n", flush=True)
        return _exit_code(reports)

    return watch([path for path, _ in jobs], again) if args.watch else again()


def _ruler(now: datetime.datetime) -> str:
    """The line between two checks of --watch."""
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
    """The exercises that a file answers: by its first lines, else by its name, else by the functions that it defines.

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
    """The first lines of a file, whether or not Python can read the rest; "" if it cannot be read."""
    try:
        return read_bytes(path)[:2000].decode("utf-8-sig", "replace").replace("\r", "")
    except Unreadable:
        return ""


def _json_head(kind: str) -> dict[str, Any]:
    """How the documents of `check --json` begin."""
    return {"schema_version": SCHEMA_VERSION, "kind": kind, "minigen": minigen.__version__}


def _sha256(file: str) -> str:
    """The hash of a file that was graded; "" if it cannot be read."""
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
        **_json_head("check"),
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


def _one(text: str) -> Exercise:
    found = catalog.find(text)
    if len(found) > 1:
        raise UsageError(f"{text!r} has several exercises: say which ({', '.join(e.id for e in found)})")
    return found[0]


def _hint(args: argparse.Namespace) -> int:
    exercise = as_given(_one(args.id), args.dir)
    entry = Progress(args.dir).of(exercise)
    allowed = allowed_hints(exercise, args.dir)
    level = min(entry["hints"] + 1, allowed)
    if entry["cure"]:
        print(
            textwrap.fill(f"the mistake of your last check: {entry['cure']}", 100, subsequent_indent="   "), end="\n\n"
        )
    for number, hint in enumerate(exercise.hints[:level], start=1):
        print(_hint_text(number, hint))
    if args.dir.is_dir():
        with contextlib.suppress(OSError), changed(args.dir) as record:
            record.update(exercise, hints=level)
    else:
        print(f"(to have the next one, begin: minigen exercise start {exercise.lesson})", file=sys.stderr)
    left = allowed - level
    if left:
        print(f"\n{left} more: minigen exercise hint {exercise.id}")
    elif allowed < len(exercise.hints):
        print(f"\nthis assignment allows {plural(allowed, 'hint')} for this exercise")
    else:
        print("\nthat was the last hint")
    return 0


def _hint_text(number: int, hint: str) -> str:
    """A hint in words, wrapped, or the last one, which is code, as it is to be typed in."""
    if number < 3:
        return textwrap.fill(f"{number}. {hint}", 100, subsequent_indent="   ")
    return f"{number}. In place of the line that raises:\n\n{textwrap.indent(hint, '    ')}"


def _diff(args: argparse.Namespace) -> int:
    exercises = [as_given(exercise, args.dir) for exercise in catalog.find(args.id)]
    path = answer_file(exercises[0].lesson, args.dir)
    submission = read_submission(path) if os.path.lexists(path) else None  # what was passed in a notebook has no file
    if submission is not None and submission.status != status.PASS:
        raise UsageError(f"{path}: {submission.message}")
    record = Progress(args.dir)
    closed = {exercise.id for exercise in exercises if allowed_hints(exercise, args.dir) < len(exercise.hints)}
    private = {exercise.id for exercise in exercises if isinstance(exercise, GivenExercise)}
    if private or args.reveal and closed:
        raise UsageError(f"this assignment does not show the answers to {', '.join(sorted(private or closed))}")
    shown = [exercise for exercise in exercises if args.reveal or record.of(exercise)["passed"]]
    hidden = [exercise.id for exercise in exercises if exercise not in shown]
    if not shown:
        raise UsageError(f"{', '.join(hidden)}: not passed yet; check it first (or show it with --reveal)")
    for exercise in shown:
        written = stubs.function_source(submission.source, exercise.name) if submission is not None else None
        theirs = functions.bare(stubs.solution(exercise))
        print(color(exercise.id, "bold"))
        if written is not None:
            mine = functions.bare(written)
            print(_difference(mine, theirs, f"yours, {path}", f"the package's, {exercise.target}"))
        else:
            print(f"the package's, {exercise.target} (yours is not in {path})\n\n{theirs}")
        print()
    if hidden:
        print(f"not passed yet: {', '.join(hidden)}")
    return 0


def _difference(mine: str, theirs: str, mine_title: str, theirs_title: str) -> str:
    """What to change in one text to have the other, as a unified diff of all lines."""
    lines = difflib.unified_diff(
        mine.split("\n"), theirs.split("\n"), mine_title, theirs_title, n=mine.count("\n") + 1, lineterm=""
    )
    tones = {"-": "red", "+": "green"}
    shown = [line for line in lines if not line.startswith("@@")]
    if not shown:
        return "the same, line by line"
    return "\n".join(color(line.rstrip(), tones[line[0]]) if line[:1] in tones else line.rstrip() for line in shown)


def _reset(args: argparse.Namespace) -> int:
    exercises = [as_given(exercise, args.dir) for exercise in catalog.find(args.id)]
    lesson = exercises[0].lesson
    path = answer_file(lesson, args.dir)
    if not path.exists():
        raise UsageError(f"there is no file {path}; minigen exercise start {lesson} writes it")
    everything = [as_given(exercise, args.dir) for exercise in catalog.exercises_of(lesson)]
    if len(exercises) < len(everything):
        submission = read_submission(path)
        if submission.status != status.PASS:
            raise UsageError(f"{path} cannot be read as Python ({submission.message}); reset all of it: {lesson}")
        text = submission.source
        for exercise in exercises:
            text = stubs.replace_function(text, exercise.name, stubs.stub(exercise))
    else:
        text = stubs.stub_file(everything)
    backup = _backup(path)
    write_text(path, text)
    record = Progress(args.dir)
    passed = [exercise.name for exercise in exercises if record.of(exercise)["passed"]]
    with contextlib.suppress(OSError), changed(args.dir) as record:
        for exercise in exercises:
            record.entries.pop(exercise.id, None)
    print(f"{path} starts again ({', '.join(exercise.name for exercise in exercises)}); yours is kept in {backup}")
    if passed:
        print(f"the recorded pass of {', '.join(passed)} is forgotten; it comes back when {path.name} passes again")
    return 0


def _backup(path: Path) -> Path:
    """Copy a file to a free name beside it."""
    if not path.is_file():
        raise UsageError(f"{path} is not a regular file; nothing was changed")
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        backup = path.with_name(f"{path.name}.{stamp}{f'-{number}' if number else ''}.bak")
        try:
            write_new(backup, path.read_bytes())
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(
                f"cannot keep your file as {backup}: {error.strerror or error}; nothing was changed"
            ) from None
        return backup
    raise UsageError(f"too many backups of {path}; nothing was changed")


def _prove(args: argparse.Namespace) -> int:
    from minigen.course.exercise import prove

    exercises = catalog.find(args.id) if args.id else catalog.all_exercises()
    if args.seeds < 1:
        raise UsageError(f"--seeds must be at least 1, got {args.seeds}")
    return prove.run(exercises, args.seeds, args.json)


if __name__ == "__main__":
    sys.exit(main())
