"""Learning-rate schedules: each returns a function of the step 0, 1, ..., steps − 1.

lr = cosine(1e-3, steps, warmup=100)
optimizer.lr = lr(i)
"""

import math
from collections.abc import Callable

from minigen import checks


def constant(lr: float, steps: int = 1, warmup: int = 0) -> Callable[[int], float]:
    """`lr` throughout, after a linear rise over the first `warmup` steps."""
    _check(lr, steps, warmup)
    return lambda i: lr * _rise(i, warmup)


def linear_decay(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Callable[[int], float]:
    """A straight line from `lr` to `final` over `steps`, after a linear rise over the first `warmup` steps."""
    _check(lr, steps, warmup, final)
    return lambda i: _rise(i, warmup) * (lr + (final - lr) * _progress(i, steps, warmup))


def cosine(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Callable[[int], float]:
    """Half a cosine from `lr` to `final` over `steps`, after a linear rise over the first `warmup` steps.

    Loshchilov and Hutter 2017, without restarts.
    """
    _check(lr, steps, warmup, final)
    return lambda i: (
        _rise(i, warmup) * (final + (lr - final) * 0.5 * (1 + math.cos(math.pi * _progress(i, steps, warmup))))
    )


def warmup_cosine(lr: float, steps: int, warmup: int, final: float = 0.0) -> Callable[[int], float]:
    """`cosine` with the warm-up spelled in the name."""
    return cosine(lr, steps, warmup, final)


def _rise(i: int, warmup: int) -> float:
    return min(1.0, (i + 1) / warmup) if warmup else 1.0


def _progress(i: int, steps: int, warmup: int) -> float:
    return min(1.0, max(0.0, (i - warmup) / max(1, steps - warmup)))


def _check(lr: float, steps: int, warmup: int, final: float = 0.0) -> None:
    checks.number("lr", lr, 0)
    checks.number("final", final, 0)
    checks.whole("warmup", warmup, 0, most=checks.whole("steps", steps))
