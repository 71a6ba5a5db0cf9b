"""Running a lesson file: its folder, where its events go, and how it ends.

`run_file` runs a file for `minigen run` and for `python lesson.py` alike: what ends it becomes one message and an exit
code. The file runs in this process, because a figure window, Ctrl-C and a student's function in place of the package's
then need nothing special; `minigen run --all` gives each lesson a process of its own. A notebook, and other code that
makes a `Lesson`, opens a `Run` too, which has a folder and sinks and ends with `lesson.finish()`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TextIO, cast

from minigen.course.console import UsageError, color, safe_streams, silence_stdout
from minigen.course.index.lesson_source import LessonSource
from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import CheckFailed
from minigen.course.lesson.folder import RunFolder, slug
from minigen.course.lesson.options import RunOptions, script_options
from minigen.course.lesson.predict import Prediction, at_terminal
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.settings import check_settings
from minigen.course.lesson.shipped import SHIPPED, origin_of
from minigen.course.lesson.sinks.pictures import Pictures
from minigen.course.lesson.sinks.record import FILE_NAME, Recorder
from minigen.course.lesson.sinks.summary import Summary
from minigen.course.lesson.sinks.text import Log, Terminal, show_window

__all__ = ["FINISHED", "Finished", "Run", "default_folder_sinks", "folder_name", "run_file", "run_of_script"]

DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

FINISHED = ("passed", "failed", "not judged")  # of the statuses of a lesson

FolderSinks = Callable[[RunFolder, "Path | None"], list[events.Sink]]


class Finished(BaseException):
    """Ends a lesson early, without an error: its samples are drawn. `except Exception` does not catch it."""


def default_folder_sinks(folder: RunFolder, lesson_file: Path | None) -> list[events.Sink]:
    """Return the sinks of the folder: pictures, log and, where the lesson's file is known, the record."""
    sinks: list[events.Sink] = [Pictures(folder), Log(folder.file("log.txt"))]
    if lesson_file is not None:
        sinks.append(Recorder(lesson_file, folder.file(FILE_NAME)))
    return sinks


class Run:
    """One run of a lesson: its options, its folder and the stream of its events.

    path:           the lesson's file, if it is known.
    screen:         the sinks that show the lesson, from before it begins to after its end.
    folder_sinks:   makes those that write to the folder, from the lesson's beginning to its end.
    repeats:        a notebook: cells are run again, after the end too; its folder is its own and always overwritten.
    wait:           called with a sentence while another process holds the folder; without it that is an error.
    extra_metrics:  called at the end, for more entries of metrics.json.
    resume_command: what continues an interrupted run; by default the command line of `minigen run`.
    """

    current: ClassVar[Run | None] = None  # the one that `run_file` has under way: the lesson that is made joins it

    def __init__(
        self,
        path: Path | None,
        options: RunOptions,
        screen: Sequence[events.Sink],
        *,
        folder_sinks: FolderSinks = default_folder_sinks,
        repeats: bool = False,
        wait: Callable[[str], None] | None = None,
        extra_metrics: Callable[[], Mapping[str, Any]] = dict,
        resume_command: str = "",
    ):
        self.path, self.options, self.repeats, self.resume_command = path, options, repeats, resume_command
        self.summary = Summary(repeats)
        self.events = events.Stream(screen)
        self._screen, self._folder_sinks, self._wait, self._extra = list(screen), folder_sinks, wait, extra_metrics
        self._folder: RunFolder | None = None
        self.origin = SHIPPED

    @property
    def goes_on(self) -> bool:
        """Whether a check that fails is reported and the lesson goes on: in a notebook, and where it was changed."""
        return self.repeats or self.options.even_if_wrong or bool(self.origin.edit) or not self.origin.known

    @property
    def asks(self) -> bool:
        """Whether the reader is asked each prediction."""
        return self.options.ask and not self.repeats and at_terminal()

    @property
    def is_edited(self) -> bool:
        """Whether the reader has changed the lesson: its file, or a cell of its notebook."""
        return bool(self.origin.edit)

    def prediction_above(self) -> Prediction | None:
        """Return the prediction above the cell that runs, by the lesson's file; None if that is not known."""
        return None

    @property
    def folder(self) -> RunFolder:
        """The folder of a run that is open."""
        assert self._folder is not None, "the run has not been opened"
        return self._folder

    def open(self, lesson: events.Declaration) -> None:
        """Open the folder and all sinks. Raises UsageError if the folder cannot be used."""
        if self.summary.start is not None:
            raise ValueError(f"a lesson file makes one Lesson, and {self.summary.start.lesson.id} is there already")
        options = self.options
        settings = {"set": dict(options.settings)} if options.settings else {}
        folder = self._folder = RunFolder(
            options.out / folder_name(lesson.id, options.quick, self.repeats),
            {
                "lesson": lesson.id,
                "seed": options.seed,
                "scale": options.scale,
                "quick": options.quick,
                "with": options.with_hash(),
                "train_shared": options.train_shared,
                **settings,
            },
            recipe_of(self.path),
            resume=options.resume,
            even_if_changed=options.even_if_changed,
            overwrite=options.overwrite or self.repeats,
            wait=self._wait,
        )
        self.events.sinks = [*self._folder_sinks(folder, self.path), self.summary, *self._screen, self._end]
        if options.resume and not folder.resumed:
            self.events.emit(events.Note(f"nothing to resume in {folder.path}: starting from the beginning"))
        if folder.kept is not None:
            self.events.emit(events.Note(f"the run that was in {folder.path} is kept in {folder.kept}"))
        self.events.emit(events.Start(lesson, options, folder.path, folder.recipe))
        if Run.current is self and self.path is not None and not options.strict:
            self.origin = origin_of(self.path, lesson.id)
        if self.origin.edit:
            self.events.emit(events.Edited(self.origin.edit, self.origin.note))

    def _end(self, event: events.Event) -> None:
        """Serve as the last sink: at the end write metrics.json and let others use the folder.

        A notebook may go on, run cells again and write to its folder; in any other run nothing writes there any more.
        """
        if not isinstance(event, events.End):
            return
        try:
            self.folder.write_json("metrics.json", self.summary.metrics(self._extra()))
            if event.status in FINISHED:
                self.folder.finish()
        finally:
            self.folder.release()
            if not self.repeats:
                self.events.sinks = self._screen

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """While the lesson's file runs: it is the current run, and what the file prints becomes events."""
        outer, Run.current = Run.current, self  # a lesson may load another lesson's model
        try:
            with contextlib.redirect_stdout(cast(TextIO, StandardOutput(sys.stdout, self.events))):
                yield
        finally:
            Run.current = outer


class StandardOutput:
    """Standard output of a lesson's file: text that is written to it becomes an event."""

    def __init__(self, stream: TextIO, stream_of_events: events.Stream):
        self._stream, self._events = stream, stream_of_events

    def write(self, text: str) -> int:
        self._events.emit(blocks.Printed(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:  # flush, isatty, encoding, fileno, ...
        return getattr(self._stream, name)


def folder_name(lesson_id: str, quick: bool = False, notebook: bool = False) -> str:
    """Return the folder of a run below --out: a quick run or a notebook never takes the place of a run in full."""
    return slug(lesson_id) + ("-quick" if quick else "") + ("-notebook" if notebook else "")


def on_screen(options: RunOptions, stream: TextIO | None = None) -> list[events.Sink]:
    """Return the sinks of a terminal: lines of text, and windows under --show."""
    return [Terminal(stream), show_window] if options.show else [Terminal(stream)]


def run_of_script(options: RunOptions | None, caller: Mapping[str, Any]) -> Run:
    """Return the run of a lesson that a script or a module with these globals makes.

    For `python lesson.py` it does not return: the file is run by `run_file` as `minigen run` does, and Python ends with
    its exit code.
    """
    path = Path(caller["__file__"]) if caller.get("__file__") else None
    if options is None and caller.get("__name__") == "__main__" and path is not None:
        options = script_options(sys.argv[1:], prog=path.name)
        resume = f"{options.command(f'python {path}')} --resume"
        raise SystemExit(run_file(path, options, resume_command=resume))
    options = options or RunOptions()
    return Run(path, options, on_screen(options))


def run_file(path: Path, options: RunOptions, screen: Sequence[events.Sink] | None = None, **how: Any) -> int:
    """Run a lesson file; the exit code: 0, 1 (failed claim, check or error), 2 (usage), 130 (Ctrl-C).

    screen: by default the terminal. The other arguments are those of `Run`.
    """
    safe_streams()
    if not options.show and "matplotlib" not in sys.modules:
        os.environ.setdefault("MPLBACKEND", "Agg")  # no window system is needed to draw to files
    run = Run(path, options, on_screen(options, sys.stdout) if screen is None else screen, **how)
    with run.active():
        try:
            if options.settings:
                check_settings(LessonSource.read(path), options.settings)
            runpy.run_path(str(path), run_name="__main__")
        except Finished:
            run.events.emit(events.End("stopped early"))
            return 0
        except SystemExit as error:
            run.events.emit(events.End("stopped"))
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException as error:
            if run.summary.start is None and isinstance(error, KeyboardInterrupt):
                raise
            return _stopped_by(error, run)
        if run.summary.status == "running":
            missing = "lesson = Lesson(...)" if run.summary.start is None else "lesson.finish()"
            return _stopped_by(CheckFailed(f"{path} has no {missing}"), run)
        return int(run.summary.status == "failed")


def _stopped_by(error: BaseException, run: Run) -> int:
    """Report the error that ended a lesson, end the run, and return the exit code."""
    text, status, code = _verdict(error, run)
    with contextlib.suppress(OSError, UsageError):  # the folder is what failed
        run.events.emit(events.End(status, text))
    if isinstance(error, BrokenPipeError):
        silence_stdout()
    print(color(text, "red", sys.stderr), file=sys.stderr, flush=True)
    return code


def _verdict(error: BaseException, run: Run) -> tuple[str, str, int]:
    """Return what to print, the lesson's status and the exit code for an error."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted; to continue: {_resume_command(run)}", "interrupted", 130
    if isinstance(error, BrokenPipeError):
        return f"minigen: the output has been closed; to continue: {_resume_command(run)}", "interrupted", 1
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        why = error.strerror or "the disk is full"
        return f"minigen: {why}: free some space, then {_resume_command(run)}", "interrupted", 2
    if isinstance(error, OSError) and run.summary.start is not None and not run.folder.path.exists():
        return f"minigen: {run.folder.path} has been deleted or moved while the lesson ran", "error", 2
    if isinstance(error, UsageError):
        return f"minigen: {error}", "error", 2
    if isinstance(error, CheckFailed):
        return str(error), "failed", 1
    return _trace(error, run.path).rstrip(), "error", 1


def _resume_command(run: Run) -> str:
    if run.resume_command:
        return run.resume_command
    lesson = "" if run.summary.start is None else run.summary.start.lesson.id
    return f"{run.options.command(f'minigen run {lesson}')} --resume"


def _trace(error: BaseException, path: Path | None) -> str:
    """Return the traceback from the lesson's own lines on, without those of the machinery that runs it."""
    start = error.__traceback__
    while start is not None and path is not None and Path(start.tb_frame.f_code.co_filename) != path:
        start = start.tb_next
    return "".join(traceback.format_exception(type(error), error, start or error.__traceback__))
