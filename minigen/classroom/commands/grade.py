"""`minigen grade`: a class's submissions into a gradebook.

Exit codes: 0 all graded, 2 wrong usage, 3 some answers could not be graded and are listed in retries.csv.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import minigen
from minigen.classroom import assignment as assignments
from minigen.classroom.results import lms, similarity
from minigen.classroom.results.documents import SCHEMA_VERSION
from minigen.course.console import UsageError, cleaning_up, color, plural, print_json
from minigen.course.exercise.format import AuthorError
from minigen.course.lesson.options import Parser, add_json, parsed, whole_number
from minigen.progress import bar_is_seen

if TYPE_CHECKING:
    from minigen.classroom.grade.batch import Summary

__all__ = ["main", "parser"]

UNPROTECTED = (
    "answers ran without a sandbox: one that takes its own interpreter apart could read and change your files; "
    "on Linux, apt install bubblewrap gives one"
)
MOST_NAMED = 8  # students whose points are others than before
NOT_NAMED = (
    "gradebook.csv",
    "retries.csv",
    "unmatched.csv",
    "changed.csv",
)  # files that the summary names elsewhere, or first


def parser() -> Parser:
    """Return the arguments of `minigen grade`."""
    result = Parser(
        prog="minigen grade",
        description="Grade what a class handed in: a folder of folders, or the zip of a learning platform.",
        example="minigen grade SUBMISSIONS --assignment hw1.toml --roster roster.csv --seed SECRET --out grades/",
    )
    add = result.add_argument
    add("submissions", type=Path, metavar="SUBMISSIONS", help="a folder or a zip; it is only read")
    add("--assignment", type=Path, required=True, metavar="FILE", help="the assignment, hw1.toml")
    add("--roster", type=Path, required=True, metavar="FILE", help="CSV: student_id, ...; or Canvas's, Moodle's")
    assignments.add_secret(result, "any text, from which the graded inputs follow (or the variable MINIGEN_SEED)")
    add("--out", type=Path, required=True, metavar="DIR", help="the folder for the grades; a stopped run goes on in it")
    add("--jobs", type=whole_number(1), default=1, metavar="N", help="submissions at a time (default 1)")
    add(
        "--times",
        metavar="files|FILE",
        help="when they were handed in: by the files' times, or CSV: student_id, submitted",
    )
    add("--lms", choices=lms.KINDS, help="also write a gradebook that this platform imports, from its own export")
    add("--lms-column", metavar="NAME", help="the assignment's column there (default: the one with its title)")
    add("--adjust", type=Path, metavar="FILE", help="your decisions (default: adjust.csv beside the assignment)")
    add("--sandbox", choices=("none", "bwrap"), help="what answers run in (default: bwrap where it runs)")
    add("--dask", metavar="ADDRESS", help="grade on the workers of a Dask scheduler (needs the extra cluster)")
    add("--again", action="store_true", help="grade all of it again, also what was graded before")
    add_json(result)
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen grade ...`; returns the exit code."""
    as_json = "--json" in argv
    try:
        args = parsed(parser(), argv)
        with cleaning_up():
            summary = _grade(args)
    except UsageError as error:
        return _failed(2, "usage", str(error), as_json)
    except (AuthorError, ImportError) as error:
        return _failed(3, "exercises_broken", f"the exercises themselves are broken: {error}", as_json)
    if as_json:
        print_json(summary.to_json())
    else:
        _print_summary(summary)
    return 3 if summary.retries else 0


def _failed(code: int, kind: str, message: str, as_json: bool) -> int:
    """Print the error, with `as_json` as JSON too; the exit code."""
    if as_json:
        head = {"schema_version": SCHEMA_VERSION, "kind": "error", "minigen": minigen.__version__}
        print_json({**head, "error": message, "code": kind, "exit_code": code}, indent=None)
    print(color(f"minigen: {message}", "red", sys.stderr), file=sys.stderr)
    return code


def _grade(args: argparse.Namespace) -> Summary:
    from minigen.classroom import decisions, roster
    from minigen.classroom.grade import batch

    assignment = assignments.load(args.assignment)
    table = roster.read_table(args.roster)
    students = [student for _, student in roster.members(table)]
    times = args.times
    if times is not None and times != "files":
        times = roster.read_times(Path(times))
    if args.adjust is not None and not args.adjust.exists():
        raise UsageError(f"cannot read {args.adjust}: there is no such file")
    path = args.adjust or args.assignment.with_name("adjust.csv")
    decided = decisions.read(path, assignment, students)
    book = lms.plan(args.lms, table, assignment, args.lms_column) if args.lms else None
    secret = assignments.secret_of(args.seed, args.seed_file)
    if secret is None:
        raise UsageError("grade needs a secret: --seed SECRET, --seed-file FILE or the variable MINIGEN_SEED")
    sandbox, unprotected = _sandbox(args.sandbox, args.dask is not None)
    run = None
    if args.dask is not None:
        from minigen.classroom.grade import cluster

        run = cluster.runner(args.dask)
    bar = not args.json and bar_is_seen()
    options = batch.Options(
        jobs=args.jobs,
        times=times,
        decisions=decided,
        lms=book,
        sandbox=sandbox,
        again=args.again,
        bar=bar,
    )
    summary = batch.grade_class(args.submissions, assignment, students, secret, args.out, options, run)
    summary.remarks += (unprotected,) if unprotected else ()
    return summary


def _sandbox(text: str | None, elsewhere: bool) -> tuple[str, str]:
    """Return the sandbox for answers, "" for none, and then what they are not kept from, in a sentence.

    Without a request it is bubblewrap where that runs; elsewhere: answers do not run on this machine. Raises UsageError
    if a requested one is not available here.
    """
    from minigen.course.exercise.grading import bubblewrap

    if text is None:
        why_not = "the workers of --dask may have none" if elsewhere else bubblewrap.why_not()
        return ("", f"{UNPROTECTED} ({why_not})") if why_not else ("bwrap", "")
    if text == "none":
        return "", f"{UNPROTECTED} (--sandbox none)"
    why_not = bubblewrap.why_not()
    if why_not:
        raise UsageError(f"--sandbox {text}: {why_not}")
    return text, ""


def _print_summary(summary: Summary) -> None:
    kept = f", {summary.kept} of them before" if summary.kept else ""
    print(f"{summary.assignment.title}: {plural(summary.graded + summary.kept, 'student')} graded{kept}")
    if summary.mean is not None:
        all_of_them = "" if summary.complete == summary.students else f", over {summary.complete} of {summary.students}"
        print(f"mean {summary.mean:.2f} of {summary.assignment.possible:g} points{all_of_them}")
    _print_changed(summary)
    others = [name for name in summary.files if name.endswith((".csv", ".html")) and name not in NOT_NAMED]
    print(f"{summary.out / 'gradebook.csv'}, {', '.join(others)}, feedback/, {similarity.FOLDER}/")
    print("to look for code that is alike:", *similarity.commands(summary.out), sep="\n    ")
    for remark in summary.remarks:
        print(remark)
    if summary.unmatched:
        print(f"{plural(len(summary.unmatched), 'file')} of no student of the roster: {summary.out / 'unmatched.csv'}")
    if summary.retries:
        text = f"{len(summary.retries)} could not be graded, see {summary.out / 'retries.csv'}: run this again"
        print(color(f"minigen: {text}", "red", sys.stderr), file=sys.stderr)


def _print_changed(summary: Summary) -> None:
    """Print whose points are others than after the run before."""
    moved = [(student, before, after) for student, part, before, after in summary.changed if part == "all"]
    if moved:
        shown = [f"{student} {_points(before)} -> {_points(after)}" for student, before, after in moved[:MOST_NAMED]]
        shown += ["..."] if len(moved) > MOST_NAMED else []
        print(f"{plural(len(moved), 'total')} changed: {', '.join(shown)}; see {summary.out / 'changed.csv'}")


def _points(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
