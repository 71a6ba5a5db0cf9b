"""Learning-rate schedules: each is a function of the step 0, 1, ..., steps − 1.

lr = cosine(1e-3, steps, warmup=100)
optimizer.lr = lr(i)
"""

import math
from collections.abc import Callable

from minigen import checks


class Schedule:
    """A linear rise over the first `warmup` steps, times a curve from `lr` to `final`: called as `schedule(i)`."""

    def __init__(self, curve: Callable[[float, float, float], float], lr: float, steps: int, warmup: int, final: float):
        self.curve, self.lr, self.steps, self.warmup, self.final = curve, lr, steps, warmup, final
        checks.number("lr", lr, 0)
        checks.number("final", final, 0)
        checks.whole("warmup", warmup, 0, most=checks.whole("steps", steps))

    def __call__(self, i: int) -> float:
        progress = min(1.0, max(0.0, (i - self.warmup) / max(1, self.steps - self.warmup)))
        rise = min(1.0, (i + 1) / self.warmup) if self.warmup else 1.0
        return rise * self.curve(self.lr, self.final, progress)

    def __repr__(self) -> str:
        name = self.curve.__name__.strip("_")
        values = f"{self.lr:g}" if self.final == self.lr else f"{self.lr:g} to {self.final:g}"
        warmup = f", warm-up of {self.warmup:,}" if self.warmup else ""
        return f"{name} schedule, {values}, {self.steps:,} step{'' if self.steps == 1 else 's'}{warmup}"


def constant(lr: float, steps: int = 1, warmup: int = 0) -> Schedule:
    """`lr` throughout, after a linear rise over the first `warmup` steps."""
    return Schedule(_constant, lr, steps, warmup, lr)


def linear_decay(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Return a straight line from `lr` to `final` over `steps`, after a linear rise over the first `warmup` steps."""
    return Schedule(_linear, lr, steps, warmup, final)


def cosine(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Half a cosine from `lr` to `final` over `steps`, after a linear rise over the first `warmup` steps.

    Loshchilov and Hutter 2017, without restarts.
    """
    return Schedule(_cosine, lr, steps, warmup, final)


def warmup_cosine(lr: float, steps: int, warmup: int, final: float = 0.0) -> Schedule:
    """`cosine` with the warm-up spelled in the name."""
    return cosine(lr, steps, warmup, final)


def _constant(lr: float, final: float, progress: float) -> float:
    return lr


def _linear(lr: float, final: float, progress: float) -> float:
    return lr + (final - lr) * progress


def _cosine(lr: float, final: float, progress: float) -> float:
    return final + (lr - final) * 0.5 * (1 + math.cos(math.pi * progress))
