"""What all samplers share: the way down through the times, and what is kept of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import numpy as np

from minigen.diffusion import _check


class Trajectory:
    """An `on_step` that keeps copies of what passes: at the times given, or at every so many steps, the end included.

    `times` is the list of times in the order of sampling, `states` the array (K, N, ...) of what was there.
    """

    def __init__(self, times: Iterable[int] | None = None, every: int = 1):
        self.wanted = None if times is None else set(times)
        self.every = _check.whole("every", every)
        self.times: list[int] = []
        self._states: list[np.ndarray] = []

    def __call__(self, t: int, x: np.ndarray) -> None:
        if (t in self.wanted) if self.wanted is not None else (t % self.every == 0):
            self.times.append(t)
            self._states.append(np.array(x))

    @property
    def states(self) -> np.ndarray:
        """(K, N, ...), in the order of `times`."""
        return np.stack(self._states)


def report(on_step: Callable | None, t: int, x: np.ndarray) -> None:
    """Tell `on_step`, if there is one, that x has reached time t."""
    if on_step is not None:
        on_step(t, x)


def countdown(x: np.ndarray, T: int, on_step: Callable | None, progress: str | None) -> Iterable[int]:
    """T, T - 1, ..., 1, with a bar on a terminal if it has a name; first the start is reported."""
    report(on_step, T, x)
    steps = range(T, 0, -1)
    if progress and getattr(sys.stderr, "isatty", lambda: False)():
        from tqdm import tqdm

        return tqdm(steps, desc=progress, unit="step", dynamic_ncols=True)
    return steps
