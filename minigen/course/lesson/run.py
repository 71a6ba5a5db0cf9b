"""Running a lesson file in this process, and saying clearly how it ended.

In this process, because a figure window, the terminal's Ctrl-C and a student's function in place of the package's then
need no special path; `minigen run --all` gives each lesson a process of its own.
"""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from minigen.course.console import UsageError, color
from minigen.course.lesson.claims import CheckFailed
from minigen.course.lesson.declare import Run
from minigen.course.lesson.options import RunOptions

if TYPE_CHECKING:
    from minigen.course.lesson.declare import Lesson

__all__ = ["run_file", "stopped_by"]


def run_file(path: Path, options: RunOptions) -> int:
    """Run a lesson file; the exit code: 0, 1 (failed claim, check or error), 2 (usage), 130 (Ctrl-C)."""
    with Run(options) as run:
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
            if run.lesson is not None:
                run.lesson.close("stopped" if run.lesson.status == "running" else None)
            return code
        except BaseException as error:
            if run.lesson is None and isinstance(error, KeyboardInterrupt):
                raise
            return stopped_by(run.lesson, error, path)
    lesson = run.lesson
    if lesson is None or lesson.status == "running":
        missing = "lesson = Lesson(...)" if lesson is None else "lesson.finish()"
        return stopped_by(lesson, CheckFailed(f"{path} has no {missing}"))
    return 0


def stopped_by(lesson: Lesson | None, error: BaseException, path: Path | None = None) -> int:
    """Report the error that ended a lesson, close the lesson's files, and return the exit code."""
    if isinstance(error, KeyboardInterrupt):
        text, status, code = "interrupted", "interrupted", 130
        if lesson is not None and lesson.mode == "run":
            text += f"; to continue: {lesson.options.command(lesson.id)} --resume"
        elif lesson is not None:
            text += "; to continue, repeat the command with --resume"
    elif isinstance(error, UsageError):
        text, status, code = f"minigen: {error}", "error", 2
    elif isinstance(error, CheckFailed):
        text, status, code = str(error), "failed", 1
    else:
        text, status, code = _trace(error, path).rstrip(), "error", 1
    if lesson is not None and not lesson._log.closed:
        lesson._log.write(text + "\n")
    if lesson is not None:
        lesson.close(status)
    print(color(text, "red", sys.stderr), file=sys.stderr, flush=True)
    return code


def _trace(error: BaseException, path: Path | None) -> str:
    """The traceback from the lesson's own lines on, without those of the machinery that runs it."""
    trace = error.__traceback__
    start = trace
    while start is not None and path is not None and Path(start.tb_frame.f_code.co_filename) != Path(path):
        start = start.tb_next
    return "".join(traceback.format_exception(type(error), error, start or trace))
