"""Measurements on held-out data during a training, and the best model so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minigen import checks
from minigen.optim import Optimizer
from minigen.train import checkpoint as checkpoints
from minigen.train.descend import Descent

QUANTITY = "held_out"  # its name in a history


class HeldOut:
    """Measures every `every` steps, keeps a copy of the best, and says when patience has come to an end.

    measure:  returns the number that should fall.
    kept:     the objects of which a copy is kept whenever it is lower than ever before, by name.
    patience: how many measurements in a row may be without a new best; None for any number.
    """

    def __init__(self, measure: Callable[[], float], kept: dict[str, Any], every: int, patience: int | None):
        self.every, self.patience = every, patience
        self.best: dict[str, np.ndarray] = {}  # as `checkpoint.collect` makes it; empty before the first measurement
        self._measure, self._kept = measure, kept
        self._lowest, self._waited = math.inf, 0

    def follow(
        self, past: np.ndarray, steps: np.ndarray, begun: int, best: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Go on after the measurements `past`, made after the `steps`; patience counts those from step `begun` on.

        best: what was best then; unless given, the objects are as an earlier run left them, which was at its best.
        """
        self.best = dict(best) if best is not None else checkpoints.collect(self._kept)
        for step, value in zip(steps, past):
            self._take(float(value), counts=step >= begun)

    def is_due(self, i: int) -> bool:
        """Return whether to measure after step i."""
        return (i + 1) % self.every == 0

    def measured(self) -> float:
        """Return the measurement now, and keep a copy of the objects if it is the lowest so far."""
        value = float(self._measure())
        if self._take(value):
            self.best = checkpoints.collect(self._kept)
        return value

    def is_over(self) -> bool:
        """Return whether the last `patience` measurements were without a new best."""
        return self.patience is not None and self._waited >= self.patience

    def restore(self) -> None:
        """Put the best back into the objects; before the first measurement there is none, and they are left."""
        if self.best:
            checkpoints.restore(self._kept, self.best)

    def _take(self, value: float, counts: bool = True) -> bool:
        lower = value < self._lowest
        if lower:
            self._lowest, self._waited = value, 0
        elif counts:
            self._waited += 1
        return lower


def measurement(held_out: Any, step: Any) -> Callable[[], float]:
    """Return the function that measures: `held_out` itself, or the loss of a `Descent` on these arrays. Raises
    ValueError.
    """
    if callable(held_out):
        return held_out
    arrays = held_out if isinstance(held_out, tuple) else (held_out,)
    if not arrays or not all(isinstance(a, np.ndarray) and a.ndim and len(a) for a in arrays):
        raise ValueError(
            "held_out must be an array, a tuple of arrays as in a batch, or a function that returns a number, "
            f"got {held_out!r:.60}"
        )
    if not isinstance(step, Descent):
        raise ValueError(
            "held_out must be a function that returns a number, unless step is made by `descend`, whose loss is known: "
            f"got {type(held_out).__name__} with a step of type {type(step).__name__}"
        )
    return lambda: step.evaluate(*arrays)


def what_is_kept(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the objects of a training state that make up the model: no optimizers, random generators and batches."""
    kept = {
        name: thing
        for name, thing in state.items()
        if not isinstance(thing, (Optimizer, np.random.Generator)) and not hasattr(thing, "__next__")
    }
    if not kept:
        raise ValueError("held_out= needs state=, with the model whose best is kept")
    return kept


def checked_patience(patience: Any) -> int | None:
    """Return the patience as an integer, or None. Raises ValueError unless it is None or a positive whole number."""
    return None if patience is None else checks.whole("patience", patience)
