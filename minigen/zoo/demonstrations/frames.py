"""What a page is shown of a training, and the loop that trains and shows it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from minigen.data import toy
from minigen.data.density import Density
from minigen.data.mixture import GaussianMixture
from minigen.metrics.transport import sliced_wasserstein
from minigen.types import Array, Rng

WIDTH = 48  # units of a hidden layer
BATCH = 128
SHOWN = 400  # points in a frame

Layer = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """One picture of a training: what to draw after `step` of `steps` steps, and the distance there.

    kept: layers of the first frame that stay below those of all the others.
    """

    step: int
    steps: int
    distance: float
    layers: Sequence[Layer]
    kept: Sequence[Layer] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data, arrays of numbers in base64."""
        names = ("step", "steps", "distance", "layers", "kept")
        return {name: getattr(self, name) for name in names}


def points(role: str, x: Array) -> Layer:
    """Return a layer of points (N, 2). role: "data", "model", "codes" or "line", which says how they are drawn."""
    return {"kind": "points", "role": role, "data": _packed(x)}


def path(role: str, x: Array) -> Layer:
    """Return a layer with a line through points (N, 2)."""
    return {"kind": "path", "role": role, "data": _packed(x)}


def _packed(x: Array) -> str:
    return base64.b64encode(numpy.ascontiguousarray(x, numpy.float32).tobytes()).decode()


def watch(
    steps: int,
    step: Callable[[int], Any],
    look: Callable[[], tuple[float, list[Layer]]],
    kept: Sequence[Layer] = (),
    frames: int = 24,
) -> Iterator[Frame]:
    """Train: `step(i)` for i = 0 ... steps − 1, with a frame before the first, about `frames` times, and at the end.

    look: the distance and the layers of a frame, as the model is then. kept: layers that stay below them.
    """
    every = max(1, steps // frames)
    for i in range(steps + 1):
        if i % every == 0 or i == steps:
            yield Frame(i, steps, *look(), kept if i == 0 else ())
        if i < steps:
            step(i)


def watch_samples(
    real: Array, steps: int, step: Callable[[int], Any], sample: Callable[[], Array], frames: int = 24
) -> Iterator[Frame]:
    """Train a model, and watch its samples (N, 2) come nearer to points of the data."""

    def look() -> tuple[float, list[Layer]]:
        x = sample()
        return distance(x, real), [points("model", x)]

    return watch(steps, step, look, [points("data", real)], frames)


def distance(x: Array, real: Array) -> float:
    """Return the sliced Wasserstein distance of two sets of points, along the same directions each time."""
    return float(sliced_wasserstein(x, real, 40, numpy.random.default_rng(1)))


def moons() -> Density:
    """Two moons, of mean 0 and variance 1."""
    return toy.two_moons(0.1).standardized()


def ring() -> GaussianMixture:
    """Eight Gaussians on a circle of radius 1.8."""
    return toy.ring(8, 1.8, 0.15)


def spirals() -> Density:
    """Two spirals, of mean 0 and variance 1."""
    return toy.spirals(0.1).standardized()


Data = Callable[[], Density]
DATA: dict[str, Data] = {"two moons": moons, "a ring of eight": ring, "two spirals": spirals}  # a reader's choice


def noise(rng: Rng, n: int = BATCH) -> Array:
    """Return standard normal points (n, 2), float32."""
    return rng.standard_normal((n, 2), dtype=numpy.float32)
