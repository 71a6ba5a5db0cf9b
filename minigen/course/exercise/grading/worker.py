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


class Channel:
    """Where results go. What it needs is kept here, so that replacing it elsewhere changes nothing."""

    def __init__(self, descriptor: int, nonce: bytes, encode):
        self._descriptor, self._nonce, self._encode, self._write = descriptor, nonce, encode, os.write

    def send(self, header: dict, arrays=None) -> None:
        data = memoryview(self._encode(self._nonce, header, arrays))
        while data:
            data = data[self._write(self._descriptor, data) :]


def main() -> None:
    """Read the request, put the channels in their places, run."""
    end_with_parent()
    request = json.loads(sys.stdin.buffer.read())
    results = os.dup(1)
    os.dup2(2, 1)  # from here on, printing is only text
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8", errors="backslashreplace", line_buffering=True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    sys.path[:] = [*request["path"], *(entry for entry in sys.path[1:])]  # instead of this file's folder
    from minigen.course.exercise.grading import protocol

    channel = Channel(results, bytes.fromhex(request["nonce"]), protocol.encode)
    stack = os.open(request["stack"], os.O_WRONLY | os.O_CREAT)
    faulthandler.enable(file=stack, all_threads=False)
    if hasattr(faulthandler, "register"):  # with this signal the parent requests the traceback of a loop
        faulthandler.register(signal.SIGUSR1, file=stack, all_threads=False)
    Run(request, channel).all()


def end_with_parent() -> None:
    """Request SIGKILL when the process that started this one dies (Linux; elsewhere the limits remain)."""
    if sys.platform == "linux":
        with contextlib.suppress(Exception):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Run:
    """Loads the student's function, then observes the cases that the request names."""

    def __init__(self, request: dict, channel: Channel):
        from minigen.course.exercise.grading import observe, sandbox, status

        self.request, self.channel, self.observe, self.status = request, channel, observe, status
        self.file, self.name = request["file"], request["name"]
        self.incidents: list[tuple[str, str]] = []
        hider = sandbox.Hider(request["hidden"], request["hidden_files"], self.note)
        sys.meta_path.insert(0, hider)
        importlib.import_module("minigen.tensor")  # with NumPy and autograd, whose imports may start processes
        self.drivers = self.load_drivers()
        sandbox.install_hooks(hider, self.note)
        builtins.input = sandbox.no_input
        self.keeper = sandbox.NumpyKeeper(self.note)
        self.missing_limits = sandbox.set_limits(**request["limits"])

    def note(self, state: str, message: str) -> None:
        """Something that a swallowed exception must not hide."""
        self.incidents.append((state, message))

    def load_drivers(self) -> list:
        """The drivers of the exercise, in order; without them the worker reports it and ends."""
        from minigen.course.exercise.grading.drivers import load_drivers

        try:
            return load_drivers(self.request.pop("drivers"), self.request["drivers_file"], self.name)
        except Exception as error:
            self.channel.send({"type": "broken", "message": f"the exercise's file cannot be loaded here: {error!r}"})
            os._exit(0)

    def all(self) -> None:
        self.channel.send({"type": "ready", "missing_limits": self.missing_limits})
        ballast = bytearray(2**22)  # given back when memory runs out, so that the message can be sent
        outcome = self.load()
        if outcome is not None:
            ballast.clear()
            self.channel.send(self.header("load_failed", outcome))
            self.leave()
        self.channel.send({"type": "loaded"})
        for case in self.request["cases"]:
            self.channel.send({"type": "start", "case": case["number"]})
            impl = self.observe.Impl(
                self.function, case["forms"], [self.file], self.keeper.restore, self.request["mutates"]
            )
            driver = self.drivers[case["number"]]
            outcome = self.observe.observe(driver, impl, self.request["seed"], case["number"])
            outcome = self.worst(outcome)
            if outcome.status == self.status.MEMORY:
                ballast.clear()
            self.channel.send({**self.header("outcome", outcome), "case": case["number"]}, outcome.values)
            if outcome.status == self.status.MEMORY:
                os._exit(0)  # the parent starts afresh with the next case
        self.channel.send({"type": "done"})
        self.leave()

    def leave(self) -> None:
        """End at once: no exit handlers, no waiting for threads."""
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(0)

    def worst(self, outcome):
        """An incident that the student's code swallowed still decides; the exception itself has the line."""
        incidents, self.incidents = self.incidents, []
        if not incidents or outcome.status == incidents[0][0]:
            return outcome
        state, message = incidents[0]
        return self.observe.Outcome(state, message, outcome.line, outcome.text)

    def load(self):
        """Run the student's file; None if it gave a function, else the outcome for every case."""
        from minigen.course.exercise.grading import loading

        with open(self.file, encoding="utf-8") as file:
            source = file.read()
        module = loading.answer_module(self.file)
        sys.modules["student"] = module
        outcome = loading.run(source, self.file, module)
        self.keeper.restore()
        outcome = self.worst(outcome)
        if not outcome.answered:
            return outcome
        self.function = module.__dict__.get(self.name)
        return None if callable(self.function) else loading.missing(self.name)

    def header(self, kind: str, outcome) -> dict:
        return {
            "type": kind,
            "status": outcome.status,
            "message": outcome.message[:2000],
            "line": outcome.line,
            "text": outcome.text[:200],
            "precision": outcome.precision,
            "scale": outcome.scale,
            "draws": outcome.draws,
            "given": outcome.given,
            "returned": outcome.returned,
        }


if __name__ == "__main__":
    main()
