"""What the drawing functions accept, and the clear errors for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CHUNK = 8192  # points handed to a function at once, so that wide models stay in memory

Bounds = tuple[float, float, float, float]


def finite(name: str, x: Any, *shape: int | None) -> np.ndarray:
    """`x` as a finite float array of this shape (None for any length), or a ValueError that names it."""
    try:
        array = np.asarray(x, dtype=None if getattr(x, "dtype", None) is not None else float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, got {type(x).__name__}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be an array of real numbers, got {_what(x, array)}")
    if shape:
        fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape))
        if not fits:
            wanted = ", ".join("N" if each is None else str(each) for each in shape)
            raise ValueError(f"{name} must have shape ({wanted}{',' * (len(shape) == 1)}), got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} NaN or infinite values")
    return array


def _what(x: Any, array: np.ndarray) -> str:
    return f"dtype {array.dtype}" if isinstance(x, np.ndarray) else type(x).__name__


def box(bounds: Any) -> Bounds:
    """Bounds as (xmin, xmax, ymin, ymax); also from one number r, (-r, r) both ways, or one pair for both axes."""
    try:
        flat = np.asarray(bounds, dtype=float).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"bounds must be numbers (xmin, xmax, ymin, ymax), got {bounds!r}") from None
    if flat.size == 1:
        flat = np.array([-flat[0], flat[0]])
    if flat.size == 2:
        flat = np.concatenate([flat, flat])
    if flat.size != 4 or not np.isfinite(flat).all() or flat[0] >= flat[1] or flat[2] >= flat[3]:
        raise ValueError(f"bounds must be (xmin, xmax, ymin, ymax) with min < max, got {bounds!r}")
    return tuple(float(each) for each in flat)


def box_around(points: np.ndarray, margin: float = 0.08) -> Bounds:
    """A square box around nearly all points (N, 2): stray ones, beyond 0.2 % on a side, do not stretch it."""
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    half = max((high - low).max() / 2, 1e-3) * (1 + 2 * margin)
    (x, y) = (low + high) / 2
    return (float(x - half), float(x + half), float(y - half), float(y + half))


def cell_centers(bounds: Bounds, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The box cut into n x n cells: x (n,), y (n,) and the centers (n*n, 2) float32, x running fastest."""
    whole("n", n)
    xmin, xmax, ymin, ymax = bounds
    steps = (np.arange(n) + 0.5) / n
    x, y = xmin + (xmax - xmin) * steps, ymin + (ymax - ymin) * steps
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)  # (n_y * n_x, 2)
    return x, y, points.astype(np.float32)


def evaluate(name: str, fn: Callable, points: np.ndarray, *outputs: int) -> np.ndarray:
    """fn at (N, 2) points, a few thousand at a time; its shape must be (N, *outputs). float64."""
    if not callable(fn):
        raise ValueError(f"{name} must be a function of points (N, 2), got {type(fn).__name__}")
    parts = []
    for start in range(0, len(points), CHUNK):
        some = points[start : start + CHUNK]
        values = np.asarray(fn(some), dtype=np.float64)
        if values.shape != (len(some), *outputs):
            wanted = f"(N{''.join(f', {each}' for each in outputs) or ','})"
            got = ", ".join(["N" if n == len(some) else str(n) for n in values.shape])
            got = f"({got},)" if values.ndim == 1 else f"({got})"
            raise ValueError(
                f"{name} must map points (N, 2) to values of shape {wanted}, got {got} for N = {len(some)}"
            )
        parts.append(values)
    return np.concatenate(parts)


def probability(d: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The density p(x) of an object with `log_prob`, or the function given as it is."""
    if callable(getattr(d, "log_prob", None)):
        return lambda x: np.exp(np.asarray(d.log_prob(x), dtype=np.float64))
    if callable(d):
        return d
    raise ValueError(f"density must have log_prob(x) or be a function p(x), got {type(d).__name__}")


def whole(name: str, value: Any, at_least: int = 1) -> int:
    """A whole number at least so large."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < at_least:
        raise ValueError(f"{name} must be a whole number >= {at_least}, got {value!r}")
    return int(value)


def choice(name: str, value: Any, options: tuple) -> Any:
    """One of the options."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value
