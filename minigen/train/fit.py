"""The training loop around a step function.

`fit(step, steps)` calls `step(0)`, `step(1)`, ... and keeps what each call returns. What it adds is everything that has
nothing to do with the model: a progress bar, a record of every quantity, the loss on held-out data with early stopping,
a limit in seconds, and a checkpoint from which an interrupted run goes on as if nothing had happened, down to the last
bit.

    history = fit(step, 3000, held_out=x_held_out, patience=5)      # step is a Descent
    history["held_out"], history.at("held_out")                     # the loss, and after which steps it was measured
    history.best_step                                               # where it was lowest: the model is that of then
    history = fit(step, 1000, history=history)                      # 1,000 steps more
"""

from __future__ import annotations

import gc
import json
import math
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from minigen import checks
from minigen.progress import bar_is_seen, progress_bar
from minigen.tensor.storage import save_arrays
from minigen.train import checkpoint as checkpoints
from minigen.train.descend import Descent
from minigen.train.held_out import QUANTITY, HeldOut, checked_patience, measurement, what_is_kept

MEASUREMENTS = 50  # on held-out data in a run, unless `every` is given
LEAST_PAUSE = 1.0  # seconds between two saves, unless `every` is given


class Stop(Exception):
    """Raised by `on_step` to end a training after the step: `fit` returns its history, and raises nothing."""


class NonFiniteError(FloatingPointError):
    """A step returned, or left behind in the training state, a NaN or an infinity.

    Attributes: `name` of the quantity, its `value`, the `step` at which it appeared, the `history` up to there.
    """

    def __init__(self, message: str, name: str, value: float, step: int, history: History):
        super().__init__(message)
        self.name, self.value, self.step, self.history = name, value, step, history


class History(Mapping):
    """Every quantity that the steps returned, by name: `history["loss"]` is a float64 array.

    `history.at("loss")` are the steps at which it was returned (all of them, unless a step returns it only now and
    then), `history.steps_done` the number of steps, `history.seconds` their time including that of resumed runs.
    `history.best_step` is the step after which the loss on held-out data was lowest.
    """

    def __init__(self, label: str = ""):
        self.label = label
        self.steps_done = 0
        self.seconds = 0.0
        self._values: dict[str, list[float]] = {}
        self._steps: dict[str, list[int]] = {}

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Append the values of one step."""
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)
            self._steps.setdefault(name, []).append(step)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._values:
            raise KeyError(f"no quantity {name!r} in the history; it has {', '.join(self._values) or 'none'}")
        return np.array(self._values[name], dtype=np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def at(self, name: str) -> np.ndarray:
        """Return the steps at which `name` was returned, int64."""
        self[name]
        return np.array(self._steps[name], dtype=np.int64)

    @property
    def best_step(self) -> int | None:
        """The step after which `held_out` was lowest, the first of several; None if it was never measured."""
        return int(self.at(QUANTITY)[self[QUANTITY].argmin()]) if QUANTITY in self else None

    def to_dict(self) -> dict[str, Any]:
        """Label, steps, seconds and values as plain Python numbers and lists, ready for JSON."""
        values = {name: list(each) for name, each in self._values.items()}
        return {"label": self.label, "steps_done": self.steps_done, "seconds": self.seconds, "values": values}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """`values/<name>` and `steps/<name>` as arrays, for a checkpoint."""
        return {f"values/{name}": self[name] for name in self} | {f"steps/{name}": self.at(name) for name in self}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], label: str, steps_done: int, seconds: float) -> History:
        """Return the history that `to_arrays` wrote."""
        history = cls(label)
        history.steps_done, history.seconds = steps_done, seconds
        for key, array in arrays.items():
            kind, name = key.split("/", 1)
            (history._values if kind == "values" else history._steps)[name] = array.tolist()
        return history

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self._values.items())
        text = f"{self.label or 'training'}: {self.steps_done} steps in {self.seconds:.1f} s; last {last or '-'}"
        best = self.best_step
        if best is not None:
            text += f"; best {QUANTITY} {self[QUANTITY].min():.4g} after step {best}"
            steps = [-1, *self.at(QUANTITY)]
            if self.steps_done - 1 - steps[-1] >= steps[-1] - steps[-2]:  # a measurement is missing
                text += f", not measured after step {steps[-1]}"
        return f"History({text})"


def fit(
    step: Callable[[int], float | Mapping[str, float]],
    steps: int,
    *,
    state: Mapping[str, Any] | None = None,
    held_out: np.ndarray | tuple[np.ndarray, ...] | Callable[[], float] | None = None,
    patience: int | None = None,
    history: History | None = None,
    label: str = "",
    seconds: float | None = None,
    checkpoint: str | os.PathLike | None = None,
    every: int | None = None,
    resume: bool = False,
    on_step: Callable[[int, dict[str, float]], Mapping[str, float] | None] | None = None,
    quiet: bool | None = None,
) -> History:
    """Call `step(i)` for i = 0, ..., steps - 1 and return the history of what it returned.

    step:       does one training step; returns a number (recorded as "loss") or a dictionary of numbers.
    state:      everything the steps change, by name: modules, optimizers, moving averages, random generators, arrays.
                Unless given, that of a `Descent`, `step.state`.
    held_out:   data that the steps do not use, an array or a tuple of arrays as in a batch. After every `every` steps
                the loss of the averaged model on them is recorded as "held_out" (`Descent.evaluate`). Or a function
                that returns a number to be recorded, the lower the better. At the end, however it comes, the model is
                that of the lowest one, and so is all else in `state` but optimizers, generators and batches.
    patience:   end the training when this many values of "held_out" in a row were not lower than the lowest before.
    history:    of an earlier `fit`: `step` is called `steps` times more, with i counted on from there, and the result
                holds both parts.
    label:      what the progress bar and the errors call this run.
    seconds:    stop after the step at which the run, resumed parts included, has taken this long.
    checkpoint: file that receives `state` and the history every `every` steps (unless given, a tenth of `steps`, but
                not within a second of the save before) and at the end. It is replaced whole, so a kill or a full disk
                leaves the one before.
    every:      steps from one save to the next, and from one measurement on held-out data to the next, which is a
                fiftieth of `steps` unless given.
    resume:     go on from `checkpoint` if it exists. Parameters, history and random streams then come out exactly as
                without the interruption, provided that `state` names all that the steps change. `steps` may be more
                than before. Without `resume` a file that is there already is replaced at the first save.
    on_step:    called as `on_step(i, values)` after each step; a dictionary it returns is recorded with the values.
                It ends the training by `raise minigen.train.Stop`.
    quiet:      no progress bar; by default there is one on a terminal and in a notebook, and nowhere else.

    Ctrl-C during a run with a checkpoint lets the step finish, saves, and raises KeyboardInterrupt; a second one stops
    at once. Raises NonFiniteError, naming the step and the quantity, when a value or the state to be saved is NaN or
    infinite, and keeps the last good checkpoint. Raises ResumeError (of `minigen.train.checkpoint`) for a checkpoint
    that cannot be resumed from, ValueError or OSError for bad arguments, before the first step.
    """
    if state is None and isinstance(step, Descent):
        state = step.state
    if state is not None and not isinstance(state, Mapping):
        kind = type(state).__name__
        raise ValueError(f'state must be a dictionary with a name for each thing, such as {{"net": net}}, got {kind}')
    state = {} if state is None else dict(state)
    _check_arguments(step, steps, state, label, seconds, every, on_step, history)
    path = _checked_path(checkpoint, state, resume)
    if every is not None and path is None and held_out is None:
        raise ValueError("every= needs checkpoint=, the file to save to, or held_out=, the data to measure on")
    selection = _selection(held_out, patience, step, steps, state, every)
    run = _Run(label, steps, history)
    saved_at: int | None = None  # steps done at the last save
    if resume and path is not None and path.exists():
        _resume(path, state, run, selection, every)
        saved_at = run.history.steps_done
    elif selection is not None:
        _follow(selection, run)
    history = run.history
    name = label or "training"
    pause = 0.0 if every else LEAST_PAUSE
    every = every or max(1, steps // 10)
    before, start = history.seconds, time.perf_counter()
    last_save = start
    quiet = not bar_is_seen() if quiet is None else quiet

    def save() -> None:
        nonlocal saved_at, last_save
        if path is None or saved_at == history.steps_done:
            return
        arrays = checkpoints.collect(state)
        bad = checkpoints.first_non_finite(arrays)
        if bad is not None:
            last = history.steps_done - 1
            raise _non_finite(name, f"state {bad}", math.nan, last, history, path, saved_at, "has become non-finite")
        _save(path, run, arrays, selection)
        saved_at, last_save = history.steps_done, time.perf_counter()

    with (
        _Progress(name, run.end, history.steps_done, quiet) as progress,
        _DeferredInterrupt(path is not None) as interrupt,
        _collection_between_steps() as collect,
        _best_at_the_end(selection),
    ):
        for i in range(history.steps_done, run.end):
            if run.is_over(selection) or (seconds is not None and history.seconds >= seconds):
                break
            values = _as_values(step(i), i)
            if selection is not None and selection.is_due(i):
                values = _with_measurement(values, selection)
            if on_step is not None:
                try:
                    values |= _as_additions(on_step(i, dict(values)), i)
                except Stop:
                    run.stopped = True
            history.record(i, values)
            for quantity, value in values.items():
                if not math.isfinite(value):
                    raise _non_finite(name, quantity, value, i, history, path, saved_at, f"is {value}")
            history.steps_done = i + 1
            history.seconds = before + time.perf_counter() - start
            progress.update(values)
            collect()
            if interrupt.requested:
                save()
                raise KeyboardInterrupt
            if (i + 1) % every == 0 and time.perf_counter() - last_save >= pause:
                save()
        save()
    return history


class _Run:
    """Where a run begins and ends, and its history, which begins with that of an earlier one."""

    def __init__(self, label: str, steps: int, earlier: History | None):
        self.history = History(label)
        if earlier is not None:
            past = earlier.to_arrays()
            self.history = History.from_arrays(past, label or earlier.label, earlier.steps_done, earlier.seconds)
        self.begun = self.history.steps_done
        self.end = self.begun + int(steps)
        self.stopped = False  # by `on_step`

    def is_over(self, selection: HeldOut | None) -> bool:
        return self.stopped or (selection is not None and selection.is_over())


def _check_arguments(
    step: Any, steps: Any, state: dict[str, Any], label: Any, seconds: Any, every: Any, on_step: Any, history: Any
) -> None:
    if not callable(step):
        raise ValueError(f"step must be a function of the step number, got {type(step).__name__}")
    if on_step is not None and not callable(on_step):
        raise ValueError(f"on_step must be a function of the step number and its values, got {type(on_step).__name__}")
    checks.whole("steps", steps)
    if every is not None:
        checks.whole("every", every)
    if not isinstance(label, str):
        raise ValueError(f"label must be a string, got {type(label).__name__}")
    if seconds is not None:
        checks.positive("seconds", seconds)
    if history is not None and not isinstance(history, History):
        raise ValueError(f"history must be the History that an earlier fit returned, got {type(history).__name__}")
    for name, thing in state.items():
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(f"names in state must be non-empty strings without '/', got {name!r}")
        checkpoints.kind_of(name, thing)


def _selection(
    held_out: Any, patience: Any, step: Any, steps: int, state: dict[str, Any], every: int | None
) -> HeldOut | None:
    """Return the measurements on held-out data, if there are any. Raises ValueError for arguments that do not fit."""
    patience = checked_patience(patience)
    if held_out is None:
        if patience is not None:
            raise ValueError("patience= needs held_out=, the data to measure on")
        return None
    measure = measurement(held_out, step)
    return HeldOut(measure, what_is_kept(state), every or max(1, steps // MEASUREMENTS), patience)


def _checked_path(checkpoint: str | os.PathLike | None, state: dict[str, Any], resume: bool) -> Path | None:
    """Where to save, if anywhere: a file in a folder that can be written in."""
    if checkpoint is None:
        if resume:
            raise ValueError("resume=True needs checkpoint=, the file to resume from")
        return None
    if not state:
        raise ValueError("checkpoint= needs state=, the objects to save: without them nothing could be resumed")
    path = Path(checkpoint)
    if path.is_dir():
        raise IsADirectoryError(f"checkpoint must be a file, {path} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder of the checkpoint, {path.parent}, does not exist")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise type(error)(f"cannot write in {path.parent}, the folder of the checkpoint: {error.strerror}") from error
    return path


def _resume(path: Path, state: Mapping[str, Any], run: _Run, selection: HeldOut | None, every: int | None) -> None:
    """Put what a checkpoint holds into `state`, `run` and `selection`. Raises ResumeError if it does not fit them."""
    meta, past, arrays, best = checkpoints.read(path)
    now = {"label": run.history.label, "held_out": selection is not None}
    then = {"label": meta["label"], "held_out": "every" in meta}
    different = [f"{what}={then[what]!r}, this one has {now[what]!r}" for what in now if then[what] != now[what]]
    if meta["steps"] > run.end:
        different.append(f"steps={meta['steps']}, this one has {run.end}")
    if different:
        raise checkpoints.ResumeError(f"cannot resume from {path}: it is of a run with {different[0]}")
    try:
        checkpoints.restore(state, arrays)
    except ValueError as error:
        raise checkpoints.ResumeError(f"cannot resume from {path}: {error}") from error
    run.history = History.from_arrays(past, meta["label"], meta["steps_done"], meta["seconds"])
    run.begun = meta.get("begun", 0)
    run.stopped = meta.get("stopped", False) and meta["steps"] == run.end
    if selection is not None:
        selection.every = every or meta["every"]  # more steps do not change it
        _follow(selection, run, best)


def _follow(selection: HeldOut, run: _Run, best: Mapping[str, np.ndarray] | None = None) -> None:
    """Go on with the measurements that the history holds."""
    history = run.history
    if QUANTITY in history:
        selection.follow(history[QUANTITY], history.at(QUANTITY), run.begun, best)


def _save(path: Path, run: _Run, arrays: Mapping[str, np.ndarray], selection: HeldOut | None) -> None:
    history = run.history
    meta = {"format": checkpoints.FORMAT, "label": history.label, "steps": run.end, "begun": run.begun}
    meta |= {"steps_done": history.steps_done, "seconds": history.seconds, "stopped": run.stopped}
    if selection is not None:
        meta["every"] = selection.every
    content = {"meta": np.array(json.dumps(meta))}
    content |= {f"history/{key}": value for key, value in history.to_arrays().items()}
    content |= {f"state/{key}": value for key, value in arrays.items()}
    content |= {f"best/{key}": value for key, value in (selection.best if selection is not None else {}).items()}
    save_arrays(path, content)


def _with_measurement(values: dict[str, float], selection: HeldOut) -> dict[str, float]:
    if QUANTITY in values:
        raise ValueError(f"a step must not return a quantity {QUANTITY!r}, which is that of held_out=")
    return values | {QUANTITY: selection.measured()}


@contextmanager
def _best_at_the_end(selection: HeldOut | None) -> Iterator[None]:
    """However the training ends, its best model is put back."""
    try:
        yield
    finally:
        if selection is not None:
            selection.restore()


def _as_additions(returned: Any, i: int) -> dict[str, float]:
    """Return what `on_step` returned, as a dictionary of Python floats."""
    if returned is not None and not isinstance(returned, Mapping):
        hint = "; to end the training, raise minigen.train.Stop" if isinstance(returned, (bool, np.bool_)) else ""
        raise ValueError(
            f"on_step({i}, values) must return None or a dictionary of numbers, got {returned!r:.40}{hint}"
        )
    return {} if returned is None else _as_values(returned, i)


def _as_values(returned: Any, i: int) -> dict[str, float]:
    """Return what a step returned, as a dictionary of Python floats."""
    named = returned if isinstance(returned, Mapping) else {"loss": returned}
    values = {}
    for name, value in named.items():
        if not isinstance(name, str):
            raise ValueError(f"step({i}) must name its quantities by strings, got {name!r}")
        if np.shape(value) != ():
            raise ValueError(f"step({i}) must return scalars, got {name!r} of shape {np.shape(value)}")
        try:
            values[name] = float(value)
        except (TypeError, ValueError):
            what = f"{name!r} of type {type(value).__name__}"
            raise ValueError(f"step({i}) must return a number or a dictionary of numbers, got {what}") from None
    return values


def _non_finite(
    name: str,
    quantity: str,
    value: float,
    i: int,
    history: Any,
    path: Path | None,
    saved_at: int | None,
    verdict: str,
) -> NonFiniteError:
    kept = ""
    if path is not None and saved_at is not None:
        kept = f"; {path} keeps the state after {saved_at} steps"
    hint = (
        "data that are far from standardized, a learning rate that is too high, or a constant column may be the cause"
    )
    return NonFiniteError(f"{name}: {quantity} {verdict} at step {i}{kept}; {hint}", quantity, value, i, history)


@contextmanager
def _collection_between_steps() -> Iterator[Callable[[], Any]]:
    """Python's collector of cycles off, unless it is off already; yields the function that runs it after a step.

    In the middle of a step it would look at each node of autograd's record, several times a step, and find nothing.
    After the step the record is gone, and what is left to look at are the cycles that the step has made, if any.
    """
    if not gc.isenabled():
        yield lambda: None
        return
    gc.disable()
    try:
        yield lambda: gc.collect(0)
    finally:
        gc.enable()


class _Progress:
    """A bar with a smoothed first quantity and the time left, or nothing at all."""

    def __init__(self, name: str, steps: int, done: int, quiet: bool):
        self.bar: Any = None
        self.smooth: float | None = None
        self.shown = 0.0
        if not quiet:
            self.bar = progress_bar(total=steps, initial=done, desc=name, unit="step")

    def update(self, values: Mapping[str, float]) -> None:
        if self.bar is None:
            return
        for name, value in values.items():  # the first quantity only
            self.smooth = value if self.smooth is None else 0.98 * self.smooth + 0.02 * value
            if time.perf_counter() - self.shown > 0.2:
                self.bar.set_postfix_str(f"{name} {self.smooth:.4g}", refresh=False)
                self.shown = time.perf_counter()
            break
        self.bar.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()


class _DeferredInterrupt:
    """While active, the first Ctrl-C only sets `requested`: no step is cut in half. The second one interrupts."""

    def __init__(self, active: bool):
        self.requested = False
        self.active = active and threading.current_thread() is threading.main_thread()
        self.previous: Any = None

    def __enter__(self) -> Self:
        if self.active:
            self.previous = signal.getsignal(signal.SIGINT)
            self.active = self.previous is signal.default_int_handler
        if self.active:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def _handle(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.previous)
        self.requested = True

    def __exit__(self, *_: object) -> None:
        if self.active:
            signal.signal(signal.SIGINT, self.previous)
