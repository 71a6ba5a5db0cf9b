"""Running a lesson file: its options, its folder and log, and how it ends.

`run_file` runs a file for `minigen run` and for `python lesson.py` alike: what the file prints goes to the terminal and
to `log.txt`, what ends it becomes one message and an exit code. The file runs in this process, because a figure window,
Ctrl-C and a student's function in place of the package's then need nothing special; `minigen run --all` gives each
lesson a process of its own. In a notebook, and where other code makes a `Lesson`, there is a `Run` too, which only
keeps the folder and the log.
"""

from __future__ import annotations

import contextlib
import errno
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TextIO, cast

from minigen.course.console import UsageError, color, safe_streams, silence_stdout
from minigen.course.lesson.claims import CheckFailed
from minigen.course.lesson.folder import RunFolder, slug
from minigen.course.lesson.options import RunOptions, script_options
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.record import FILE_NAME, Record
from minigen.progress import in_notebook

__all__ = ["Finished", "Run", "folder_name", "join", "run_file"]

DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

FINISHED = ("passed", "failed", "not judged")  # of the statuses of a lesson

Sampled = Callable[[Any, str, Callable], None]


class Declared(Protocol):
    """What a run needs of the `Lesson` that its file makes."""

    id: str
    status: str

    def metrics(self) -> dict[str, Any]: ...


class Finished(BaseException):
    """Ends a lesson early, without an error: its samples are drawn. `except Exception` does not catch it."""


class Run:
    """One run of a lesson.

    mode:       "run" (`minigen run`), "script" (`python lesson.py`), "notebook" or "code".
    path:       the lesson's file, if it is known.
    on_sampler: for `minigen sample`: called as `on_sampler(lesson, name, draw)` at each sampler that the lesson offers.
                Such a run is for its models only: figures and tables are not made, checkpoints that do not fit are
                replaced.
    record:     more for metrics.json.
    """

    current: ClassVar[Run | None] = None  # the one that `run_file` has under way: the lesson that is made joins it

    def __init__(
        self,
        mode: str,
        options: RunOptions,
        path: Path | None = None,
        on_sampler: Sampled | None = None,
        record: Callable[[], Mapping[str, Any]] = dict,
    ):
        self.mode, self.options, self.path = mode, options, path
        self.on_sampler, self.record = on_sampler, record
        self.recipe = recipe_of(path)
        self.lesson: Declared | None = None
        self.folder: RunFolder
        self.outputs: Record | None = None  # a notebook, whose cells run in any order, has none
        self._saying = False
        self.closed = False

    @property
    def models_only(self) -> bool:
        return self.on_sampler is not None

    @property
    def teed(self) -> bool:
        """Whether all that is printed goes to the log by itself."""
        return self.mode in ("run", "script")

    def open(self, lesson: Declared) -> None:
        """Take on the lesson: open its folder and log. Raises UsageError if the folder cannot be used."""
        if self.lesson is not None:
            raise ValueError(f"a lesson file makes one Lesson, and {self.lesson.id} is there already")
        options = self.options
        self.folder = RunFolder(
            options.out / folder_name(lesson.id, options.quick, self.mode == "notebook"),
            {
                "lesson": lesson.id,
                "seed": options.seed,
                "scale": options.scale,
                "quick": options.quick,
                "with": options.with_hash(),
            },
            self.recipe,
            resume=options.resume,
            anyway=options.anyway,
            overwrite=options.overwrite or self.mode == "notebook",
            wait=self._wait if self.models_only else None,
        )
        self.folder.file("log.txt").write_text("", encoding="utf-8")
        if self.path is not None and not self.models_only:
            self.outputs = Record(self.path, self.folder.file(FILE_NAME))
        self.lesson = lesson
        if options.resume and not self.folder.resumed:
            self.say(f"nothing to resume in {self.folder.path}: starting from the beginning")
        if self.folder.kept is not None:
            self.say(f"the run that was in {self.folder.path} is kept in {self.folder.kept}")

    @staticmethod
    def _wait(text: str) -> None:
        print(f"minigen: {text}", file=sys.stderr, flush=True)

    def say(self, text: str, notebook: bool = True) -> None:
        """Print a line and log it; with notebook=False a notebook only logs it, having displayed it in its own way."""
        self._saying = True
        try:
            if notebook or self.mode != "notebook":
                print(text, flush=True)
        finally:
            self._saying = False
        if not self.teed:
            self.write_log(text + "\n")

    def show(self, kind: str, **payload: Any) -> None:
        """Note an output of the lesson in its record; `minigen.course.lesson.record` lists the kinds."""
        if self.outputs is not None and not self.closed:
            self.outputs.add(kind, **payload)

    def printed(self, text: str) -> None:
        """Log what goes to standard output; what the lesson itself prints is an output of the lesson."""
        self.write_log(text)
        if self.outputs is not None and not self._saying and not self.closed:
            self.outputs.print(text)

    def tell(self, text: str) -> None:
        """Print what takes time; on standard error too in a run for its models only."""
        self.say(text)
        if self.models_only:
            print(text, file=sys.stderr, flush=True)

    def write_log(self, text: str) -> None:
        """Append to log.txt, from the lesson's beginning to its end."""
        if self.lesson is not None and not self.closed:
            with (self.folder.path / "log.txt").open("a", encoding="utf-8") as log:
                log.write(text)

    def close(self, status: str | None = None) -> None:
        """Write metrics.json and let others use the folder; safe to call again.

        A notebook may go on, run cells again and write to its folder; nothing else does.
        """
        if self.lesson is None or self.closed:
            return
        self.closed = self.mode != "notebook"
        if status is not None:
            self.lesson.status = status
        if self.outputs is not None:
            self.outputs.flush()
        try:
            self.folder.write_json("metrics.json", self.lesson.metrics())
            if self.lesson.status in FINISHED:
                self.folder.finish()
        finally:
            self.folder.release()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """While the lesson's file runs: it is the current run, and what it prints is logged."""
        Run.current = self
        try:
            with contextlib.redirect_stdout(cast(TextIO, Tee(sys.stdout, self.printed))):
                yield
        finally:
            Run.current = None


class Tee:
    """Standard output that also goes elsewhere: to `write`, a function of the text."""

    def __init__(self, stream: TextIO, write: Callable[[str], Any]):
        self.stream, self._also = stream, write

    def write(self, text: str) -> int:
        self._also(text)
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:  # flush, isatty, encoding, fileno, ...
        return getattr(self.stream, name)


def folder_name(lesson_id: str, quick: bool = False, notebook: bool = False) -> str:
    """The folder of a run below --out: a quick run or a notebook never takes the place of a run in full."""
    return slug(lesson_id) + "-quick" * quick + "-notebook" * notebook


def join(options: RunOptions | None, caller: Mapping[str, Any]) -> Run:
    """The run that a lesson, made in a file or cell with these globals, belongs to.

    For `python lesson.py` it does not return: the file is run by `run_file` as `minigen run` does, and Python ends with
    its exit code. A notebook is quick if the environment variable MINIGEN_QUICK is set, as by `%env MINIGEN_QUICK=1`.
    """
    if Run.current is not None:
        return Run.current
    if in_notebook():
        return Run("notebook", options or RunOptions(quick=bool(os.environ.get("MINIGEN_QUICK"))))
    if options is None and caller.get("__name__") == "__main__" and caller.get("__file__"):
        path = Path(caller["__file__"])
        raise SystemExit(run_file(path, script_options(sys.argv[1:], prog=path.name), mode="script"))
    return Run("code", options or RunOptions(), Path(caller["__file__"]) if caller.get("__file__") else None)


def run_file(
    path: Path,
    options: RunOptions,
    on_sampler: Sampled | None = None,
    record: Callable[[], Mapping[str, Any]] = dict,
    mode: str = "run",
) -> int:
    """Run a lesson file; the exit code: 0, 1 (failed claim, check or error), 2 (usage), 130 (Ctrl-C).

    The other arguments are those of `Run`.
    """
    safe_streams()
    if not options.show and "matplotlib" not in sys.modules:
        os.environ.setdefault("MPLBACKEND", "Agg")  # no window system is needed to draw to files
    run = Run(mode, options, path, on_sampler, record)
    with run.active():
        try:
            runpy.run_path(str(path), run_name="__main__")
        except Finished:
            run.close("stopped early")
            return 0
        except SystemExit as error:
            run.close("stopped" if run.lesson is not None and run.lesson.status == "running" else None)
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException as error:
            if run.lesson is None and isinstance(error, KeyboardInterrupt):
                raise
            return _stopped_by(error, run)
        if run.lesson is None or run.lesson.status == "running":
            missing = "lesson = Lesson(...)" if run.lesson is None else "lesson.finish()"
            return _stopped_by(CheckFailed(f"{path} has no {missing}"), run)
        run.close()
        return int(run.lesson.status == "failed")


def _stopped_by(error: BaseException, run: Run) -> int:
    """Report the error that ended a lesson, close the run, and return the exit code."""
    text, status, code = _verdict(error, run)
    try:
        run.write_log(text + "\n")
        run.close(status)
    except (OSError, UsageError):
        pass  # the folder is what failed
    if isinstance(error, BrokenPipeError):
        silence_stdout()
    print(color(text, "red", sys.stderr), file=sys.stderr, flush=True)
    return code


def _verdict(error: BaseException, run: Run) -> tuple[str, str, int]:
    """What to print, the lesson's status and the exit code for an error."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted; to continue: {_resume_command(run)}", "interrupted", 130
    if isinstance(error, BrokenPipeError):
        return f"minigen: the output has been closed; to continue: {_resume_command(run)}", "interrupted", 1
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        why = error.strerror or "the disk is full"
        return f"minigen: {why}: free some space, then {_resume_command(run)}", "interrupted", 2
    if isinstance(error, OSError) and run.lesson is not None and not run.folder.path.exists():
        return f"minigen: {run.folder.path} has been deleted or moved while the lesson ran", "error", 2
    if isinstance(error, UsageError):
        return f"minigen: {error}", "error", 2
    if isinstance(error, CheckFailed):
        return str(error), "failed", 1
    return _trace(error, run.path).rstrip(), "error", 1


def _resume_command(run: Run) -> str:
    if run.models_only:
        return "the same command"
    start = f"python {run.path}" if run.mode == "script" else f"minigen run {run.lesson.id if run.lesson else ''}"
    return f"{run.options.command(start)} --resume"


def _trace(error: BaseException, path: Path | None) -> str:
    """The traceback from the lesson's own lines on, without those of the machinery that runs it."""
    start = error.__traceback__
    while start is not None and path is not None and Path(start.tb_frame.f_code.co_filename) != path:
        start = start.tb_next
    return "".join(traceback.format_exception(type(error), error, start or error.__traceback__))
