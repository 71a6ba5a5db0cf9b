"""The parent's side of a worker: start it, follow it against the clock, end it, and leave nothing behind.

One process serves one submission and one exercise. If it dies in a case (an endless loop, a crash), that case is lost
and a new process goes on with the next one, so that the other cases still count. A worker never says whether it passed.

No answer is blamed for a slow or busy machine. Limits are of processor time, in proportion to what a worker needs
to start; by the clock, the time in which other processes kept a worker from running does not count.

Where a limit does not exist: Windows has none of the resource limits and no process groups, macOS does not enforce the
one on memory; there the wall clock, which the worker watches too, the cap on output and the end of the worker itself
remain. Processes that left the group are looked for in /proc, which only Linux has. There this process becomes the
parent of those whose own has ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import queue
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from minigen.course.exercise.grading import protocol, sandbox, status
from minigen.course.exercise.grading.observe import start_of
from minigen.course.exercise.grading.outcome import CaseOutcome
from minigen.course.exercise.grading.starvation import Starvation

__all__ = ["Limits", "Task", "WorkerResult", "remove_folder", "run", "running_time"]

WORKER = Path(__file__).with_name("worker.py")
MARK = "MINIGEN_CHECK"  # an environment variable by which children of a worker are found
DEEP = 300  # characters of a path below a folder, from which on what is in it is moved up to be removed
WAITING = 5.0  # times its processor time that a case may take by the clock, starvation by other processes aside
UNKNOWN = 3.0  # times as long it may take where the system does not tell what keeps it from running
PATIENCE = 3.0  # seconds for reading what a stopped worker sent, and for the end of one that is limited by the clock
SIGNALLED = 5.0  # seconds in which a worker writes where its code is, or has ended after it closed its channel
STOPPED = 1.0  # seconds that a wait comes back late, from which on this process was stopped meanwhile
MOST_ENTRIES = 10_000  # files and folders of a worker that are counted
FORGED = "your code wrote into the channel that carries its answers"
SHOWN_OUTPUT = 4000  # characters of printing that are kept for the report
_workers: set[int] = set()  # the processes of all workers of this process that are not over


@dataclass(frozen=True)
class Limits:
    """What a worker may use. Seconds: `case` for one case, `load` for reading the student's file, `boot` to start.

    `case` and `load` are of processor time where the system limits that, else by the clock. They grow in proportion
    where a worker needs more than `worker.USUAL` of it to start. By the clock a case may take `WAITING` times as
    long. `total`, by the clock, is for all cases of a submission together, however many workers they take; None
    adds the others up. The time in which other processes kept the worker from running does not count. Bytes:
    `file` of one file, `disk` of all files that a worker has at a time. `sandbox` is "bwrap" for a worker in a sandbox
    (see `bubblewrap`), or "" for none.
    """

    case: float = 3.0
    load: float = 5.0
    boot: float = 60.0
    total: float | None = None
    memory: int = 768 * 2**20
    file: int = 16 * 2**20
    disk: int = 64 * 2**20
    output: int = 2**20
    sandbox: str = ""


@dataclass(frozen=True)
class Task:
    """What a worker receives: the student's source, the function's name, the drivers and what they call.

    drivers: their text as drivers_file has it. driver_names, forms, shifts: for each case, its driver, the
    forms of the reference's returned values, and the shift of the arguments or None.
    hidden: targets that must not be reachable; hidden_texts: the source of their modules without their bodies, by the
    modules' names; hidden_files: files that must not be read.
    files: what is put into the folder that the worker runs in, and may be imported from there. renamed: see `Impl`.
    """

    source: str
    file_name: str
    name: str
    drivers: str
    drivers_file: str
    driver_names: Sequence[str]
    forms: Sequence[list]
    shifts: Sequence[int | None]
    hidden: Sequence[str] = ()
    hidden_texts: Mapping[str, str] = field(default_factory=dict)
    hidden_files: Sequence[str] = ()
    mutates: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[str] = ()
    seed: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class WorkerResult:
    """What came back: one outcome for each case, what was printed, and what the system could not limit."""

    outcomes: list[CaseOutcome]
    output: str = ""
    missing_limits: list[str] = field(default_factory=list)
    left_process: bool = False
    starved: float = 0.0  # seconds in which other processes kept the workers from running


@dataclass(frozen=True)
class _Frame:
    """A message of the worker."""

    header: dict
    arrays: dict


@dataclass(frozen=True)
class _Broken:
    """The channel is not one of this worker's any more: what is wrong with it."""

    why: str


class _End:
    """The channel is closed."""


class _Flood:
    """The worker prints without end."""


class _Full:
    """The worker's folder holds more than it may."""


_Event = _Frame | _Broken | _End | _Flood | _Full
_stopped = 0.0  # seconds in which this process was stopped while it waited for a worker


def running_time() -> float:
    """Return the monotonic clock without the seconds in which this process was stopped, as by SIGSTOP.

    Limits are counted by it, so that a class goes on where it was.
    """
    return time.monotonic() - _stopped


def _note_stop(late: float) -> None:
    """Note that a wait came back so many seconds late: nothing but a stop of this process makes it late by much."""
    global _stopped
    if late > STOPPED:
        _stopped += late


def run(task: Task, limits: Limits | None = None, heard: Callable[[bytes], None] | None = None) -> WorkerResult:
    """Run every case of a task. Never raises for what the student's code does.

    heard: is called, in a thread of its own, with what the student's code prints, as it comes.
    """
    limits = limits or Limits()
    outcomes: dict[int, CaseOutcome] = {}
    result = WorkerResult([])
    whole = limits.total or limits.boot + len(task.forms) * (limits.case + limits.load)
    end = running_time() + whole
    while len(outcomes) < len(task.forms):
        todo = [number for number in range(len(task.forms)) if number not in outcomes]
        with _Worker(task, todo, limits, end, heard) as worker:
            lost = worker.follow()
        end = worker.end
        result.starved += worker.starved
        outcomes.update(worker.outcomes)
        result.output = (result.output + worker.printed())[: SHOWN_OUTPUT + 1]
        result.missing_limits = worker.missing_limits
        result.left_process |= worker.left_process
        if lost is None:
            continue
        if worker.case is not None and not worker.finished_all and running_time() < end:
            outcomes[worker.case] = lost  # the others get a new process
        else:  # it was lost outside a case: the same would happen again
            outcomes.update({number: lost for number in todo if worker.finished_all or number not in outcomes})
    result.outcomes = [outcomes[number] for number in range(len(task.forms))]
    return result


class _Worker:
    """One process, from its start to the removal of its folder."""

    def __init__(
        self,
        task: Task,
        todo: Sequence[int],
        limits: Limits,
        end: float,
        heard: Callable[[bytes], None] | None = None,
    ):
        self.task, self.todo, self.limits, self.end, self.heard = task, todo, limits, end, heard
        self.outcomes: dict[int, CaseOutcome] = {}
        self.case: int | None = None  # the case that is being run
        self.missing_limits: list[str] = []
        self.left_process = self.finished_all = False
        self.deadline = end  # of the phase
        self.slowness, self.starved = 1.0, 0.0  # see `Limits`
        self.nonce, self.mark = secrets.token_bytes(protocol.NONCE_BYTES), secrets.token_hex(8)
        self.events: queue.Queue[_Event] = queue.Queue()
        self.head, self.text_bytes = b"", 0  # of what is printed

    # ---------------------------------------------------------------- start and end

    def __enter__(self) -> _Worker:
        self.folder = tempfile.mkdtemp(prefix="minigen-check-")
        try:
            self._start()
        except BaseException:
            remove_folder(self.folder)
            raise
        return self

    def _start(self) -> None:
        work, copy = os.path.join(self.folder, "empty"), os.path.join(self.folder, "file")
        self.drawing = os.path.join(self.folder, "matplotlib")  # where that keeps its settings
        for each in (work, copy, self.drawing):
            os.mkdir(each)
        if "plot" in self.task.source:
            for name, data in _font_lists().items():
                Path(self.drawing, name).write_bytes(data)
        self.file = os.path.join(copy, self.task.file_name)
        stack = os.path.join(self.folder, "stack")
        self.stack = open(stack, "w+b", buffering=0)  # faulthandler's words: what is at this path later is not read
        Path(self.file).write_text(self.task.source, encoding="utf-8")
        for name, data in self.task.files.items():
            Path(work, name).write_bytes(data)
        request = {
            "nonce": self.nonce.hex(),
            "file": self.file,
            "stack": stack,
            "name": self.task.name,
            "drivers": self.task.drivers,
            "drivers_file": self.task.drivers_file,
            "driver_names": list(self.task.driver_names),
            "cases": [self._case(number) for number in self.todo],
            "hidden": list(self.task.hidden),
            "hidden_texts": dict(self.task.hidden_texts),
            "hidden_files": list(self.task.hidden_files),
            "folder": self.folder,
            "readable": list(self._readable()),
            "mutates": list(self.task.mutates),
            "renamed": dict(self.task.renamed),
            "path": [*self.task.path, *([work] if self.task.files else [])],
            "limits": {
                "case_seconds": self.limits.case,
                "load_seconds": self.limits.load,
                "cpu_seconds": 10 + self.limits.load + self.limits.case * len(self.todo),
                "memory_bytes": self.limits.memory,
                "file_bytes": self.limits.file,
                "disk_bytes": self.limits.disk,
            },
        }
        _adopt_orphans()
        self.others = set(_children())
        self.process = subprocess.Popen(
            self._command(work),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=work,
            env=self._environment(work),
            start_new_session=os.name == "posix",
        )
        _workers.add(self.process.pid)
        self.starvation = Starvation(self.process.pid)
        stdin, stdout, stderr = self.process.stdin, self.process.stdout, self.process.stderr
        assert stdin is not None and stdout is not None and stderr is not None, "all three are pipes"
        self.stdout, self.stderr = stdout, stderr
        self.readers = [threading.Thread(target=f, daemon=True) for f in (self._read_results, self._read_text)]
        for reader in self.readers:
            reader.start()
        with contextlib.suppress(OSError):  # it died at once: `follow` reports it
            stdin.write(json.dumps(request).encode())
            stdin.close()

    def _case(self, number: int) -> dict[str, Any]:
        """Return what a worker receives of a case.

        The seed is not among it: all inputs of an exercise follow from that.
        """
        start = start_of(self.task.seed, number)
        own = {"state": dict(start.state), "own": list(start.own)}
        return {"number": number, "forms": self.task.forms[number], "shift": self.task.shifts[number], **own}

    def _command(self, work: str) -> list[str]:
        """Return the worker's program, in a sandbox if the limits name one."""
        program = [sys.executable, "-I", "-S", "-B", str(WORKER)]
        if self.limits.sandbox == "":
            return program
        if self.limits.sandbox != "bwrap":
            raise ValueError(f'sandbox must be "" or "bwrap", got {self.limits.sandbox!r}')
        from minigen.course.exercise.grading import bubblewrap

        empty = os.path.join(self.folder, "hidden")
        Path(empty).touch()
        return bubblewrap.command(program, self.folder, work, self._readable(), self.task.hidden_files, empty)

    def _readable(self) -> Iterator[str]:
        """Return what a worker may read besides the system's files."""
        targets = {target.partition(".")[0] for target in self.task.hidden}
        return sandbox.readable(self.task.path, sorted({"minigen", "numpy", "autograd", *targets}))

    def _environment(self, work: str) -> dict[str, str]:
        kept = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
        threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            **dict.fromkeys(threads, "1"),
            **dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE"), work),
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": self.drawing,
            MARK: self.mark,
        }

    def __exit__(self, *exception: object) -> None:
        """Kill what is left, in the group and beyond it too; wait; remove the folder."""
        self._kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        _workers.discard(self.process.pid)
        self.stack.close()
        for reader, stream in zip(self.readers, (self.stdout, self.stderr), strict=True):
            reader.join(timeout=1)
            if not reader.is_alive():  # else a process that could not be found holds the other end
                stream.close()
        remove_folder(self.folder)

    def _kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
                self.left_process = (
                    not self.limits.sandbox
                )  # the leader is gone and waited for: another process was in its group
        for _ in range(5):
            left = {*_marked(self.mark, self.folder), *_orphans(self.others)}
            if not left:
                break
            self.left_process = not self.limits.sandbox  # where all end with the first, if a moment later
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    # ---------------------------------------------------------------- reading, in two threads

    def _read_results(self) -> None:
        try:
            while (frame := protocol.read(self.stdout.read, self.nonce)) is not None:
                self.events.put(_Frame(*frame))
            self.events.put(_End())
        except Exception as error:  # whatever a worker sends, this thread does not end without a word
            self.events.put(_Broken(str(error)))

    def _read_text(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while piece := self.stderr.read(2**16):
                self.text_bytes += len(piece)
                self.head += piece[: max(0, SHOWN_OUTPUT - len(self.head))]
                if self.heard is not None:
                    self.heard(piece)
                if self.text_bytes > self.limits.output:
                    self.events.put(_Flood())
                    return  # the worker waits in its printing

    # ---------------------------------------------------------------- following

    def follow(self) -> CaseOutcome | None:
        """Take in outcomes until the worker is done (None) or lost (why)."""
        self.phase = "boot"
        self._allow(self.limits.boot)
        while True:
            event = self._next()
            if event is None:
                return self._too_late()
            if isinstance(event, _Flood):
                return self._flooded()
            if isinstance(event, _Full):
                return self._lost(status.DISK, self._full_message)
            if isinstance(event, _End):
                return self._ended()
            if isinstance(event, _Frame):
                kind = event.header.get("type")
                if kind == "broken" and self.phase == "boot":
                    return CaseOutcome(status.GRADER_ERROR, str(event.header.get("message")))
                if kind == "done" and self.finished_all or kind == "load_failed" and self.phase == "load":
                    self._take(event)
                    return None
                if self._expected(event.header):
                    if not self._take(event):
                        return None
                    continue
            return self._lost(status.CRASHED, FORGED)

    def _expected(self, header: dict) -> bool:
        """Whether a message may come now: each case starts once and gives one outcome, in order."""
        kind = header.get("type")
        if kind in ("start", "outcome"):
            waiting = [number for number in self.todo if number not in self.outcomes]
            in_turn = bool(waiting) and header.get("case") == waiting[0]
            return self.phase == "case" and in_turn and (self.case is None) == (kind == "start")
        return (kind, self.phase) in (("ready", "boot"), ("loaded", "load"))

    def _take(self, event: _Frame) -> bool:
        """Act on a message; whether the worker goes on."""
        header = event.header
        if header["type"] == "ready":
            self.missing_limits, self.phase, self.slowness = header["missing_limits"], "load", header["slowness"]
            self._allow(self._by_the_clock)
        elif header["type"] in ("loaded", "start"):
            self.case, self.phase = header.get("case"), "case"
            self._allow(self._by_the_clock)
        elif header["type"] == "outcome":
            outcome = self._outcome(header, event.arrays)
            full = self._is_full()
            if full:
                outcome = CaseOutcome(status.DISK, self._full_message)
            self.outcomes[header["case"]] = outcome
            self.case, self.finished_all = None, len(self.outcomes) == len(self.todo)
            return outcome.status != status.MEMORY and not full
        elif header["type"] == "load_failed":
            self.outcomes = {number: self._outcome(header, {}) for number in self.todo}
        return True

    def _outcome(self, header: dict, arrays: dict) -> CaseOutcome:
        """Return the outcome of a case in a worker's message; one that no worker writes comes from the student's
        code.
        """
        try:
            outcome = protocol.outcome_of(header, arrays)
        except protocol.ProtocolError:
            return CaseOutcome(status.CRASHED, FORGED)
        outcome.text = self._text_of(outcome.line)  # from the file itself: what a worker sends may be anything
        return outcome

    def _text_of(self, line: int | None) -> str:
        """Return a line of the student's file; "" if it has none of that number."""
        lines = self.task.source.split("\n")
        return lines[line - 1].strip() if line is not None and 0 < line <= len(lines) else ""

    @property
    def _counts(self) -> bool:
        """Whether the system limits a worker's processor time; else the worker ends by the clock."""
        return "cpu" not in self.missing_limits

    @property
    def _by_the_clock(self) -> float:
        """How long this phase may take, starvation aside, after which the worker has not ended by itself."""
        if not self._counts:
            return self._seconds + PATIENCE
        known = self.starvation.known
        return self._seconds * WAITING * (1 if known else UNKNOWN)

    def _allow(self, seconds: float) -> None:
        self._forgive()
        self.deadline = running_time() + seconds

    def _forgive(self) -> None:
        """Put the ends off by the time in which others have kept the worker from running since the last look.

        A worker takes what is known of it along when it ends in a sandbox, so there is a look ten times a second.
        """
        starved = self.starvation.since_last()
        self.starved += starved
        self.end += starved
        self.deadline += starved

    def _next(self) -> _Event | None:
        """Return the next event, or None when the time is up; a dead worker whose pipe a child holds open counts as
        ended.
        """
        while True:
            before = time.monotonic()
            timeout = max(0.0, min(0.1, min(self.deadline, self.end) - running_time()))
            try:
                return self.events.get(timeout=timeout)
            except queue.Empty:
                _note_stop(time.monotonic() - before - timeout)
                self._forgive()
                if running_time() >= min(self.deadline, self.end):
                    return None
                if self._is_full():
                    return _Full()
                if self.process.poll() is not None and self.events.empty():
                    for reader in self.readers[:1]:  # what it wrote before it died is still to be read
                        reader.join(timeout=SIGNALLED)
                    return self.events.get() if not self.events.empty() else _End()

    def _is_full(self) -> bool:
        """Whether the files of the worker's folder are larger together than they may be, or too many to count."""
        total = count = 0
        folders = [self.folder]
        while folders:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        with contextlib.suppress(OSError):
                            total += entry.stat(follow_symlinks=False).st_size
                    if total > self.limits.disk or count > MOST_ENTRIES:
                        return True
        return False

    @property
    def _full_message(self) -> str:
        return f"your code wrote more than {self.limits.disk // 2**20} MB of files"

    def _flooded(self) -> CaseOutcome:
        """Stop the worker where it prints, and take in what it sent before: that tells which case printed.

        If no case runs, the last one has ended with its last printing in the pipe, and that one is charged.
        """
        lost = self._lost(status.OUTPUT, f"your code printed more than {self.limits.output:,} characters")
        self._kill()
        self._allow(PATIENCE)
        while isinstance(event := self._next(), _Frame) and self._expected(event.header):
            self._take(event)
        if self.case is None and self.outcomes:
            self.case, self.finished_all = next(reversed(self.outcomes)), False
        return lost

    def _too_late(self) -> CaseOutcome:
        if self.phase == "boot" and len(self.todo) == len(self.task.forms):
            return CaseOutcome(status.GRADER_ERROR, f"a worker did not start within {self.limits.boot:g} s")
        if running_time() >= self.end:
            return self._lost(status.TIMEOUT, "all cases together took too long: an endless loop?")
        if not self._counts:
            return self._by_its_clock()
        slept = f"of which it computed for less than {self._seconds:.3g} s: does it sleep, or wait for something?"
        after = f"after {self._by_the_clock:.3g} s by the clock"
        return self._lost(status.TIMEOUT, f"{self._unfinished} {after}, {slept}")

    def _by_its_clock(self) -> CaseOutcome:
        return self._lost(status.TIMEOUT, f"{self._unfinished} after {self._seconds:.3g} s: an endless loop?")

    @property
    def _seconds(self) -> float:
        return self.slowness * (self.limits.load if self.phase == "load" else self.limits.case)

    @property
    def _unfinished(self) -> str:
        return "your answer was still being read" if self.phase == "load" else "your function had not returned"

    def _ended(self) -> CaseOutcome:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=SIGNALLED)
        code = self.process.returncode
        if self.limits.sandbox and code is not None and code > 128:
            code = 128 - code  # how a sandbox passes on the signal that ended what it ran
        if self.phase == "boot":
            return CaseOutcome(
                status.GRADER_ERROR, f"a worker did not start (exit code {code}): {self.printed()[-500:]}"
            )
        signals = {-number: number.name for number in signal.Signals}
        name = signals.get(code)
        if not self._counts and code == 1 and self._trace().startswith("Timeout ("):
            return self._by_its_clock()
        if name == "SIGPROF":
            message = f"{self._unfinished} after {self._seconds:.3g} s of processor time: an endless loop?"
            return self._lost(status.TIMEOUT, message)
        if name == "SIGXCPU":
            return self._lost(status.TIMEOUT, "your code used up its processor time: an endless loop?")
        if name == "SIGXFSZ":
            return self._lost(status.BIG_FILE, "your code wrote a file larger than a check may write")
        if name is not None or (code is not None and code > 255):
            return self._lost(status.CRASHED, f"Python itself crashed in your code ({name or f'code {code}'})")
        return self._lost(status.EXITED, f"your code ended the program (exit code {code}) before the check was done")

    def _lost(self, state: str, message: str) -> CaseOutcome:
        """Return an outcome for the case that was running, with the student's line if faulthandler has it."""
        if self.process.poll() is None and hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.process.pid, signal.SIGUSR1)  # faulthandler writes where the code is
                self._wait_for_trace()
        stack = self._trace().rpartition("(most recent call first)")[2]
        file = self.file.encode("ascii", "backslashreplace").decode()  # as faulthandler writes it
        found = re.search(rf'File "{re.escape(file)}", line (\d+)', stack)  # the innermost frame comes first
        text = self._text_of(int(found[1])) if found is not None else ""
        return (
            CaseOutcome(state, message, int(found[1]), text)
            if found is not None and text
            else CaseOutcome(state, message)
        )

    def _wait_for_trace(self) -> None:
        """Wait until faulthandler has written a traceback, which ends with the frame of the module."""
        end = time.monotonic() + SIGNALLED
        while "in <module>" not in self._trace() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)

    def _trace(self) -> str:
        """Return what faulthandler wrote."""
        self.stack.seek(0)
        return self.stack.read(2**16).decode("utf-8", "replace")

    def printed(self) -> str:
        """Return the beginning of what the student's code printed."""
        return self.head.decode("utf-8", "replace").replace(self.file, self.task.file_name)


@lru_cache
def _font_lists() -> dict[str, bytes]:
    """matplotlib's lists of the fonts of this machine, by the names of their files; made here if there are none."""
    try:
        import matplotlib
        import matplotlib.font_manager
    except ImportError:
        return {}
    return {path.name: path.read_bytes() for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json")}


def _marked(mark: str, folder: str) -> Iterable[int]:
    """Yield the processes that come from a worker (Linux only; elsewhere none are found).

    Their environment carries its mark, or, if they were given another one, their current folder is still within its.
    """
    wanted, me, home = f"{MARK}={mark}".encode(), os.getpid(), os.path.realpath(folder) + os.sep
    for entry in os.scandir("/proc") if os.path.isdir("/proc/self") else ():
        if entry.name.isdigit() and int(entry.name) != me:
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry.name}/environ", "rb") as file:
                    found = wanted in file.read()
                if found or os.readlink(f"/proc/{entry.name}/cwd").startswith(home):
                    yield int(entry.name)


def _adopt_orphans() -> None:
    """Make this process the parent of processes below it whose own parent has ended (on Linux only)."""
    if sys.platform == "linux":
        with contextlib.suppress(Exception):
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _children() -> Iterable[int]:
    """Yield the children of this process that are in a session of their own, as all that come from a worker are."""
    for entry in os.scandir("/proc") if os.path.isdir("/proc/self") else ():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                with open(f"/proc/{entry.name}/stat", "rb") as file:
                    _, parent, _, session = file.read().rpartition(b")")[2].split()[:4]
                if int(parent) == os.getpid() and int(session) != os.getsid(0):
                    yield int(entry.name)


def _orphans(others: set[int]) -> Iterable[int]:
    """Yield the processes that a worker has left to this one and that run; those that have ended are taken off the
    system's list.

    others: the children that this process had before the worker. They have neither its mark nor its folder if they
    changed both, and a worker that runs as root may start them whatever its limits are.
    """
    for pid in _children():
        if pid not in others and pid not in _workers:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    yield pid


def remove_folder(folder: str) -> None:
    """Remove a folder, even if parts of it were made unreadable or nested too deep; links are removed, not followed."""
    roots, number = [folder], 0
    while roots:
        root = roots.pop()
        for here, folders, _ in os.walk(root):  # from the top: each folder is unlocked before it is entered
            paths = [path for path in (os.path.join(here, name) for name in folders) if not os.path.islink(path)]
            too_deep = len(here) - len(root) > DEEP
            for path in paths:
                with contextlib.suppress(OSError):
                    os.chmod(path, stat.S_IRWXU)
                    if too_deep:
                        number += 1
                        roots.append(os.path.join(folder, f".deep-{number}"))
                        os.rename(path, roots[-1])
            if too_deep:
                folders.clear()
    shutil.rmtree(folder, ignore_errors=True)
