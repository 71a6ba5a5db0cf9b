"""The ways of arrows: lists of points, straight or with corners."""

from __future__ import annotations

from typing import Any

import numpy as np


def straight(a: np.ndarray, b: np.ndarray) -> list[tuple[float, float]]:
    """From the side of `a` that faces `b` to the side of `b` that faces `a`."""
    (ax, ay), (bx, by) = ((r[:2] + r[2:]) / 2 for r in (a, b))
    if b[0] >= a[2] - 1:
        return [(a[2] + 1, ay), (b[0] - 2, by)]
    if b[2] <= a[0] + 1:
        return [(a[0] - 1, ay), (b[2] + 2, by)]
    low, high = max(a[0], b[0]), min(a[2], b[2])
    x = bx if a[0] < bx < a[2] else ax if b[0] < ax < b[2] else (low + high) / 2
    return [(x, a[1] - 1), (x, b[3] + 2)] if by < ay else [(x, a[3] + 1), (x, b[1] - 2)]


def beside(points: list[tuple[float, float]], shift: float = 5.0) -> list[tuple[float, float]]:
    """The segment moved to its left, so that the one that leads back has the other side."""
    (x0, y0), (x1, y1) = points
    along = _unit(np.array([x1 - x0, y1 - y0]))
    dx, dy = -shift * along[1], shift * along[0]
    return [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy)]


def crosses(start: tuple, end: tuple, rectangle: np.ndarray) -> bool:
    """Whether a segment meets a rectangle."""
    t = np.linspace(0, 1, 101)
    x, y = start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])
    return bool(((x > rectangle[0]) & (x < rectangle[2]) & (y > rectangle[1]) & (y < rectangle[3])).any())


def rounded(points: list[tuple[float, float]], radius: float = 6.0) -> Any:
    """A path through the points with rounded corners."""
    from matplotlib.path import Path

    points = np.asarray(points, dtype=float)
    corners, codes = [points[0]], [Path.MOVETO]
    for before, here, after in zip(points, points[1:], points[2:]):
        r = min(radius, np.linalg.norm(here - before) / 2, np.linalg.norm(after - here) / 2)
        corners += [here + r * _unit(before - here), here, here + r * _unit(after - here)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*corners, points[-1]], [*codes, Path.LINETO])


def _unit(v: np.ndarray) -> np.ndarray:
    return v / max(float(np.linalg.norm(v)), 1e-9)
