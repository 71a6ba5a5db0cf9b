"""`minigen run`: a lesson, or all of them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from minigen.course.child import minigen_command
from minigen.course.console import UsageError, cleaning_up, text_table
from minigen.course.index.lessons import LessonInfo, all_lessons
from minigen.course.index.names import find_lesson
from minigen.course.lesson import sweep
from minigen.course.lesson.options import Parser, RunOptions, add_lesson, add_run_options, whole_number
from minigen.course.lesson.run import folder_name, run_file

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the arguments of `minigen run`."""
    result = Parser(
        prog="minigen run",
        description="Run a lesson, or all of them.",
        example="minigen run gan/02 --seed 1\n  minigen run gan/02 --set width=32 --scale 0.2\n"
        "  minigen run --all --quick\n  minigen run --all --seeds 0-9 --jobs 2",
    )
    add_lesson(result, optional=True)
    result.add_argument("--all", action="store_true", help="every lesson, one after the other")
    add_run_options(result)
    result.add_argument(
        "--with", dest="with_file", type=Path, metavar="FILE", help="use the functions of your exercise file"
    )
    result.add_argument("--seeds", metavar="0-9", help="with each of these seeds, and in how many each claim held")
    result.add_argument(
        "--jobs", type=whole_number(1), default=1, metavar="N", help="with --seeds: runs at a time (default 1)"
    )
    result.add_argument(
        "--dask", default="", metavar="ADDRESS", help="with --seeds: on the workers of a Dask scheduler"
    )
    result.add_argument(
        "--even-if-wrong",
        action="store_true",
        help="with --with: report a check that fails and go on, to see what a bug does",
    )
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen run ...`; the exit code: 0, 1 (a lesson failed), 2 (usage), 130 (Ctrl-C)."""
    args = vars(parser().parse_args(argv))
    id, everything = args.pop("id"), args.pop("all")
    seeds, jobs, dask = args.pop("seeds"), args.pop("jobs"), args.pop("dask")
    if everything == (id is not None):
        raise UsageError("run one lesson by its ID, or all of them with --all (see minigen run -h)")
    options = RunOptions(**args)
    if options.even_if_wrong and options.with_file is None:
        raise UsageError("--even-if-wrong goes with --with FILE: it lets a wrong function of yours train the lesson")
    if seeds is not None:
        return _sweep(all_lessons() if everything else [find_lesson(id)], seeds, options, jobs, dask)
    if dask or jobs != 1:
        raise UsageError("--jobs and --dask go with --seeds")
    if everything:
        return _run_all(all_lessons(), options)
    lesson = find_lesson(id)
    if options.with_file is None:
        return run_file(lesson.path, options)
    if not options.with_file.is_file():
        raise UsageError(f"there is no file {options.with_file}")
    from minigen.course.exercise.substitute import calls, substituted

    with substituted(options.with_file, lesson.id, options.even_if_wrong):
        return run_file(lesson.path, options, extra_metrics=lambda: {"calls": calls()})


def _sweep(lessons: Sequence[LessonInfo], seeds: str, options: RunOptions, jobs: int, dask: str) -> int:
    """Lessons with many seeds: a table of how often each claim held."""
    if options.with_file is not None or options.show or options.seed or options.settings:
        raise UsageError("--with, --show, --seed and --set do not go with --seeds")
    with cleaning_up():
        return sweep.sweep(lessons, sweep.parse_seeds(seeds), options, jobs, dask)


def _run_all(lessons: Sequence[LessonInfo], options: RunOptions) -> int:
    """Every lesson in a process of its own; 1 if any failed. Ctrl-C stops the one that runs, and the rest."""
    if options.with_file is not None or options.show or options.settings:
        raise UsageError("--with, --show and --set go with one lesson, not with --all")
    arguments = ["--seed", str(options.seed), "--scale", repr(options.scale), "--out", str(options.out), "--no-ask"]
    flags = {
        "--quick": options.quick,
        "--overwrite": options.overwrite,
        "--resume": options.resume,
        "--even-if-changed": options.even_if_changed,
        "--train-shared": options.train_shared,
        "--strict": options.strict,
    }
    arguments += [flag for flag, given in flags.items() if given]
    rows, failed = [], 0
    for lesson in lessons:
        metrics = options.out / folder_name(lesson.id, options.quick) / "metrics.json"
        before = _stamp(metrics)
        code = subprocess.run(minigen_command("run", lesson.id, *arguments)).returncode
        if code in (2, 130):
            return code
        if code == 0 and _stamp(metrics) == before:
            result = "failed (no metrics.json)"
        else:
            result = "ok" if code == 0 else f"failed (exit {code})"
        failed += result != "ok"
        rows.append([lesson.id, result])
        print(flush=True)
    print(text_table(rows, ["lesson", "result"]))
    return 1 if failed else 0


def _stamp(path: Path) -> int | None:
    """When a file was last written; None if it is not there."""
    return path.stat().st_mtime_ns if path.exists() else None
