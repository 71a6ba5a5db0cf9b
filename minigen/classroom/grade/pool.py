"""Processes of this machine that grade, one submission at a time each.

If a process dies or does not return, another takes its place and grades the submission once more. A submission that
this happens to twice has crashed. However the run ends, no process and no folder is left.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from minigen.classroom.assignment import Assignment, rebuilt
from minigen.classroom.grade.grader import Grader
from minigen.course.exercise.grading.runner import STOPPED, remove_folder
from minigen.course.exercise.grading.starvation import Starvation
from minigen.course.exercise.grading.submission import Submission
from minigen.course.exercise.grading.worker import end_with_parent

__all__ = ["Failed", "Graded", "Job", "Setup", "run"]

SLICE = 1.0  # seconds of a wait
PATIENCE = 120.0  # seconds beyond the limit of a submission, after which its process is ended
LOOK = 1.0  # seconds, at most, between two looks at how long other processes keep the graders from running


class Job(NamedTuple):
    """A submission to be graded: whose it is, and (submission, sha256, notes) for each exercise."""

    student_id: str
    answers: Sequence[tuple[Submission, str, Sequence[str]]]


class Graded(NamedTuple):
    """The rows of a submission."""

    student_id: str
    rows: list[dict[str, Any]]


class Failed(NamedTuple):
    """A submission that the grader could not grade. died: the process that graded it ended, or did not come back."""

    student_id: str
    reason: str
    died: bool = False


@dataclass(frozen=True)
class Setup:
    """What a process needs in order to grade: the assignment as text and files, seeds, and whether in a sandbox."""

    slug: str
    text: str
    files: Mapping[str, bytes]
    seeds: tuple[int, ...]
    sandbox: str = ""
    seconds: float = field(default=300.0)
    numbers: Mapping[str, int] = field(default_factory=dict)  # of private variants

    @classmethod
    def of(cls, assignment: Assignment, seeds: Sequence[int], sandbox: str = "") -> Setup:
        files = dict(assignment.files)
        return cls(
            assignment.slug, assignment.text, files, tuple(seeds), sandbox, assignment.seconds, assignment.numbers
        )

    def grader(self) -> Grader:
        return Grader(rebuilt(self.slug, self.text, self.files, self.numbers), self.seeds, self.sandbox)


def run(jobs: Iterable[Job], setup: Setup, count: int) -> Iterator[Graded | Failed]:
    """Grade with `count` processes; results come as they are ready. Jobs are taken only when a process is free."""
    waiting, again = iter(jobs), deque[Job]()
    second: set[str] = set()  # students whose submission has had its first process
    folder = tempfile.mkdtemp(prefix="minigen-grade-")
    graders: list[_Process] = []
    try:
        busy: list[_Process] = []
        while True:
            while len(busy) < count:
                job = again.popleft() if again else next(waiting, None)
                if job is None:
                    break
                free = next((each for each in graders if each not in busy), None)
                if free is None:
                    free = _Process(setup, folder)
                    graders.append(free)
                free.give(job)
                busy.append(free)
            if not busy:
                return
            for each in _ready(busy):
                busy.remove(each)
                job, result = each.job, each.take()
                assert job is not None, "a process that is waited for has a job"
                if isinstance(result, Failed):
                    graders.remove(each)
                    each.end()
                    if result.died and job.student_id not in second:
                        second.add(job.student_id)
                        again.append(job)
                        continue
                    if result.died:
                        reason = f"{result.reason}; so did another before it: the answers may end what runs them"
                        result = Graded(job.student_id, setup.grader().crashed(job.answers, reason))
                yield result
    finally:
        for each in graders:
            each.ask_to_end()
        for each in graders:
            each.end()
        remove_folder(folder)


class _Process:
    """One process that grades, as seen from this one."""

    def __init__(self, setup: Setup, folder: str):
        context = multiprocessing.get_context("spawn")
        self.seconds = setup.seconds + PATIENCE
        self.channel, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, setup, folder), name="minigen-grader")
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.deadline = 0.0
        self.starvation = Starvation(self.process.pid or 0)

    def give(self, job: Job) -> None:
        self.job, self.deadline = job, time.monotonic() + self.seconds
        with contextlib.suppress(OSError):  # it has died: `take` reports it
            self.channel.send(job)

    def is_late(self, now: float) -> bool:
        """Whether the job took longer than it may, without the time in which others kept this process from running."""
        self.deadline += self.starvation.since_last()
        return now >= self.deadline

    def take(self) -> Graded | Failed:
        """Return what became of the job."""
        assert self.job is not None, "a process that is waited for has a job"
        try:
            if self.channel.poll():
                rows, error = self.channel.recv()
                return Failed(self.job.student_id, error) if error else Graded(self.job.student_id, rows)
        except (EOFError, OSError):
            self.process.join(timeout=5)
            reason = f"the process that graded it ended (exit code {self.process.exitcode})"
            return Failed(self.job.student_id, reason, died=True)
        reason = f"the process that graded it did not come back within {self.seconds:g} s"
        return Failed(self.job.student_id, reason, died=True)

    def ask_to_end(self) -> None:
        self.channel.close()
        if self.process.is_alive():
            self.process.terminate()

    def end(self) -> None:
        self.ask_to_end()
        self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(timeout=10)


def _ready(busy: Sequence[_Process]) -> list[_Process]:
    """Return the processes that have answered, died, or are late; waits for one."""
    while True:
        before = time.monotonic()
        timeout = max(0.0, min(LOOK, min(each.deadline for each in busy) - before))
        answered = wait([each.channel for each in busy], timeout=timeout)
        now = time.monotonic()
        if now - before - timeout > STOPPED:  # this process was stopped meanwhile, which costs no submission its time
            for each in busy:
                each.deadline += now - before - timeout
        ready = [each for each in busy if each.channel in answered or each.is_late(now)]
        if ready:
            return ready


# ------------------------------------------------------------------------------------------- the other side


def _serve(channel: Connection, setup: Setup, folder: str) -> None:
    """Grade what comes, until there is no more or it is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent ends the others
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent("SIGTERM")  # elsewhere than on Linux the closed channel ends it
    tempfile.tempdir = folder
    try:
        grader = setup.grader()
        while True:
            job = channel.recv()
            channel.send(_graded(grader, job))
    except (EOFError, OSError):
        signal.signal(signal.SIGTERM, _ignore)  # it ends by itself: an exception at the exit would be printed


def _graded(grader: Grader, job: Job) -> tuple[list[dict[str, Any]], str]:
    """(rows, "") or ([], what went wrong in the grader)."""
    try:
        return grader.grade(job.answers), ""
    except Exception as error:
        return [], f"the grader failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _leave(number: int, frame: Any) -> None:
    signal.signal(signal.SIGTERM, _ignore)  # once is enough: the worker is being ended
    raise SystemExit(128 + number)


def _ignore(number: int, frame: Any) -> None:
    """Do nothing. Unlike SIG_IGN it is silent about a signal that came just before it was set."""
