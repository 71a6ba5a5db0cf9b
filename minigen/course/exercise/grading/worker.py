"""The program of a worker process: one submission, one exercise. Started by `runner` as `python -I -S -B worker.py`.

It reads one request from standard input, then moves its channels: results go to a private descriptor (what was standard
output), while standard output, like standard error, becomes text that the parent only shows. It loads the student's
file and runs the drivers on her function, and sends what came out. It judges nothing.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import faulthandler
import importlib
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigen.course.exercise.grading.outcome import CaseOutcome


started = time.monotonic()
USUAL = 0.4  # seconds of processor time that it takes to start, on a core of a small cloud machine of 2026
SLOWEST = 20.0  # times as long that are believed


class Channel:
    """Where results go. What it needs is kept here, so that replacing it elsewhere changes nothing."""

    def __init__(self, descriptor: int, nonce: bytes, encode: Callable):
        self._descriptor, self._nonce, self._encode, self._write = descriptor, nonce, encode, os.write

    def send(self, header: dict, arrays: dict | None = None) -> None:
        data = memoryview(self._encode(self._nonce, header, arrays))
        while data:
            data = data[self._write(self._descriptor, data) :]


def main() -> None:
    """Read the request, put the channels in their places, run."""
    end_with_parent("SIGKILL")
    request = json.loads(sys.stdin.buffer.read())
    results = os.dup(1)
    os.dup2(2, 1)  # from here on, printing is only text
    sys.stdout, sys.stderr = as_text(1), as_text(2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    sys.path[:] = [*request["path"], *(entry for entry in sys.path[1:])]  # instead of this file's folder
    from minigen.course.exercise.grading import protocol

    channel = Channel(results, bytes.fromhex(request["nonce"]), protocol.encode)
    stack = os.open(request["stack"], os.O_WRONLY | os.O_APPEND)
    if sys.version_info >= (3, 14):  # without the stack of C, which would follow that of the student's code
        faulthandler.enable(file=stack, all_threads=False, c_stack=False)
    else:
        faulthandler.enable(file=stack, all_threads=False)
    if hasattr(faulthandler, "register"):  # with the first the parent requests the traceback of a wait
        faulthandler.register(signal.SIGUSR1, file=stack, all_threads=False)
        faulthandler.register(signal.SIGPROF, file=stack, all_threads=False, chain=True)  # the end of `allow`
    Observer(request, channel, stack).all()


def as_text(descriptor: int) -> io.TextIOWrapper:
    """Return a stream that takes any text, and writes it in the same way on every system."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=True)


def end_with_parent(name: str) -> None:
    """Request a signal, by its name, when the process that started this one dies (on Linux only)."""
    if sys.platform == "linux":
        with contextlib.suppress(Exception):
            ctypes.CDLL(None).prctl(1, signal.Signals[name])  # PR_SET_PDEATHSIG


def allow(seconds: float, stack: int) -> None:
    """End this process when it has computed for so long from now on; by the clock where the system does not count that.

    In both cases faulthandler writes to `stack` where the code is, and the process ends also without its parent.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
    else:
        faulthandler.dump_traceback_later(seconds, exit=True, file=stack)


def slowness() -> float:
    """Return how many times as long as usual this process took to import what answers are checked with; at least 1.

    In processor time where that is limited, else by the clock, as the limits are.
    """
    spent = time.process_time() if hasattr(signal, "setitimer") else time.monotonic() - started
    return min(max(1.0, spent / USUAL), SLOWEST)


class Observer:
    """Loads the student's function, then observes the cases that the request names."""

    def __init__(self, request: dict, channel: Channel, stack: int):
        from minigen.course.exercise.grading import audit, observe, outcome, protocol, sandbox, status

        self.request, self.channel, self.stack = request, channel, stack
        self.observe, self.outcome, self.protocol, self.status = observe, outcome, protocol, status
        self.file, self.name = request["file"], request["name"]
        self.incidents: list[tuple[str, str]] = []
        sys.meta_path.insert(0, sandbox.Hider(request.pop("hidden"), request.pop("hidden_texts"), self.note))
        # its imports (NumPy, autograd) may start processes, and it loads libraries: both before that is refused
        importlib.import_module("minigen.tensor.runtime").begin()
        self.drivers = self.load_drivers()
        builtins.input = sandbox.no_input
        self.keeper = sandbox.NumpyKeeper(self.note)
        limits = request["limits"]
        self.slowness = slowness()
        self.seconds_to_load = self.slowness * limits.pop("load_seconds")
        self.seconds = self.slowness * limits.pop("case_seconds")
        limits["cpu_seconds"] *= self.slowness
        folder, readable = request.pop("folder"), request.pop("readable")
        audit.install(request.pop("hidden_files"), folder, readable, limits.pop("disk_bytes"), self.note)
        self.missing_limits = sandbox.set_limits(**limits)

    def note(self, state: str, message: str) -> None:
        """Something that a swallowed exception must not hide."""
        if not self.incidents:  # the first one decides; a thread may cause them without end
            self.incidents.append((state, message))

    def load_drivers(self) -> list:
        """Return the drivers of the exercise, in order; without them the worker reports it and ends."""
        from minigen.course.exercise.grading.drivers import load_drivers

        try:
            text, names = self.request.pop("drivers"), self.request["driver_names"]
            return load_drivers(text, self.request["drivers_file"], names)
        except Exception as error:
            self.channel.send({"type": "broken", "message": f"the exercise's file cannot be loaded here: {error!r}"})
            os._exit(0)

    def all(self) -> None:
        self.channel.send({"type": "ready", "missing_limits": self.missing_limits, "slowness": self.slowness})
        ballast = bytearray(2**22)  # given back when memory runs out, so that the message can be sent
        allow(self.seconds_to_load, self.stack)
        outcome = self.load()
        if outcome is not None:
            ballast.clear()
            self.leave({"type": "load_failed", **self.protocol.fields(outcome)})
        self.channel.send({"type": "loaded"})
        for case in self.request.pop("cases"):
            start = self.observe.Start(case.pop("state"), tuple(case.pop("own")))
            self.channel.send({"type": "start", "case": case["number"]})
            allow(self.seconds, self.stack)
            impl = self.observe.Impl(
                self.function,
                case["forms"],
                [self.file],
                self.keeper.restore,
                self.request["mutates"],
                case["shift"],
                self.request["renamed"],
            )
            driver = self.drivers[case["number"]]
            outcome = self.observe.observe(driver, impl, start)
            outcome = self.outcome.with_incident(outcome, self.incidents)
            if outcome.status == self.status.MEMORY:
                ballast.clear()
            header = {"type": "outcome", "case": case["number"], **self.protocol.fields(outcome)}
            self.channel.send(header, self.protocol.arrays_of(outcome))
            if outcome.status == self.status.MEMORY:
                os._exit(0)  # the parent starts afresh with the next case
        self.leave({"type": "done"})

    def leave(self, header: dict) -> None:
        """Send the last message, after which the parent may kill this process, and end at once: no exit handlers, no
        waiting for threads."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        self.channel.send(header)
        os._exit(0)

    def load(self) -> CaseOutcome | None:
        """Run the student's file; None if it gave a function, else the outcome for every case."""
        with open(self.file, encoding="utf-8") as file:
            source = file.read()
        module = self.observe.answer_module(self.file)
        sys.modules["student"] = module
        function, outcome = self.observe.load(source, self.file, self.name, module)
        self.keeper.restore()
        outcome = self.outcome.with_incident(outcome, self.incidents)
        if function is None or not outcome.answered:
            return outcome
        self.function = function
        return None


if __name__ == "__main__":
    main()
