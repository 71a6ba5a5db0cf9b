"""Pictures with sliders: what a lesson has computed for every position of one to three axes.

`Lesson.play` writes such a picture twice: as a still of a few positions, for print and for notebooks, and as a data
file in JavaScript, which the book's `play.js` draws on a canvas with a slider or a choice for each axis.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen import checks, plot
from minigen.plot.planes import view_box

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Axis", "Film", "film_of", "read_axes"]

MOST_BYTES = 1_000_000  # of a data file: a page with several of them stays quick to load
STILLS = 5  # positions in the still picture
LEVELS = 32767  # of a coordinate, on either side of 0


@dataclass(frozen=True)
class Axis:
    """One axis that a reader moves along.

    kind:  "choice" (of names), "slider" (numbers), or "time" (numbers that can be played through).
    start: the position at which it is first.
    """

    name: str
    labels: list[str]
    kind: str
    start: int

    def text(self, position: int) -> str:
        """What is there, as "t = 40", or the name that is chosen."""
        label = self.labels[position]
        return label if self.kind == "choice" else f"{self.name} = {label}"


@dataclass(frozen=True)
class Film:
    """Points or images at every position of some axes.

    points: (*axes, N, 2), or None. truth: (M, 2), drawn underneath, or None. bounds: (xmin, xmax, ymin, ymax).
    images: uint8 (*axes, n, H, W, C), or None. cols: how many of the n are beside each other.
    moving: the axis along which the still goes.
    """

    axes: list[Axis]
    moving: int
    points: np.ndarray | None = None
    truth: np.ndarray | None = None
    bounds: tuple[float, ...] = ()
    images: np.ndarray | None = None
    cols: int = 1

    def script(self, key: str) -> str:
        """The data file: a call of the book's `minigenPlay` with the key and the data.

        Numbers are base64 of little-endian int16 (points: coordinates in units of `reach` / 32767) or uint8 (images).
        Points farther out than ten times the bounds are moved to that distance.
        Raises ValueError if it has more than a million bytes.
        """
        data: dict[str, Any] = {"axes": [vars(axis) for axis in self.axes]}
        if self.points is not None:
            truth = self.points[:0] if self.truth is None else self.truth
            reach = self._reach()
            data |= {"shape": self.points.shape, "reach": reach, "bounds": self.bounds}
            data |= {"points": _packed(self.points, reach), "truth": _packed(truth, reach)}
        else:
            assert self.images is not None
            data |= {"shape": self.images.shape, "cols": self.cols, "images": _base64(self.images)}
        text = f"minigenPlay({json.dumps(key)}, {json.dumps(data)});\n"
        if len(text) > MOST_BYTES:
            what = "images" if self.points is None else "points"
            raise ValueError(
                f"{what} must fit into a data file of {MOST_BYTES:,} bytes, got {len(text):,}:"
                f" give fewer {what}, or fewer values of an axis"
            )
        return text

    def _reach(self) -> float:
        """The largest coordinate of the data file, limited so that an outlier does not cost the others precision."""
        parts = [part for part in (self.points, self.truth) if part is not None]
        largest = max(float(np.abs(part).max()) for part in parts)
        return min(largest, 10 * max(abs(bound) for bound in self.bounds)) or 1.0

    @cached_property
    def still(self) -> Figure:
        """A figure of a few positions along one axis, in one row; the others stay where they start."""
        moving = self.axes[self.moving]
        count = len(moving.labels)
        shown = np.unique(np.linspace(0, count - 1, min(STILLS, count)).round().astype(int))
        at_rest = ", ".join(axis.text(axis.start) for axis in self.axes if axis is not moving)
        width, height = 2.2, 2.2 * self._aspect() + 0.35  # inches, with the title of a panel
        fig, panels = plot.figure(1, len(shown), size=(width, height + 0.3 * bool(at_rest)), title=at_rest)
        for ax, position in zip(np.atleast_1d(panels), shown):
            where = tuple(position if axis is moving else axis.start for axis in self.axes)
            self._draw(ax, where, moving.text(position))
        return fig

    def _aspect(self) -> float:
        """Height over width of what is seen at one position."""
        if self.images is None:
            xmin, xmax, ymin, ymax = self.bounds
            return (ymax - ymin) / (xmax - xmin)
        n, height, width = self.images.shape[-4:-1]
        return -(-n // self.cols) * height / (self.cols * width)

    def _draw(self, ax: Axes, where: tuple[int, ...], title: str) -> None:
        if self.images is not None:
            plot.image_grid(self.images[where], cols=self.cols, ax=ax, title=title)
            return
        assert self.points is not None
        if self.truth is not None:
            x, y = self.truth.T
            ax.scatter(x, y, s=3, color=plot.color.real, alpha=0.35, linewidths=0)
        plot.samples(self.points[where], ax=ax, bounds=self.bounds, size=4, title=title)
        ax.set(xticks=[], yticks=[])


def film_of(
    axes: Any,
    points: Any = None,
    images: Any = None,
    truth: Any = None,
    bounds: Any = None,
    cols: int | None = None,
    start: Any = None,
    time: str | None = None,
    still: str | None = None,
) -> Film:
    """A film from the arguments of `Lesson.play`, which describes them; ValueError names the one that is wrong."""
    read = read_axes(axes, start, time)
    moving = _moving(read, still)
    sizes = tuple(len(axis.labels) for axis in read)
    if (points is None) == (images is None):
        raise ValueError("points or images must be given, and not both")
    if images is None:
        if cols is not None:
            raise ValueError("cols goes with images")
        points, truth, box = _points(sizes, points, truth, bounds)
        return Film(read, moving, points=points, truth=truth, bounds=box)
    if truth is not None or bounds is not None:
        raise ValueError("truth and bounds go with points")
    images = _images(sizes, images)
    n = images.shape[-4]
    cols = min(n, 5) if cols is None else checks.whole("cols", cols, most=n)
    return Film(read, moving, images=images, cols=cols)


def _points(sizes: tuple[int, ...], points: Any, truth: Any, bounds: Any) -> tuple[Any, Any, Any]:
    """Points (*sizes, N, 2) and truth (M, 2) in float32, and the box that is seen, around nearly all of both."""
    points = checks.array("points", points, *sizes, "N", 2, dtype=np.float32)
    everything = points.reshape(-1, 2)
    if truth is not None:
        truth = checks.array("truth", truth, "M", 2, dtype=np.float32)
        everything = np.concatenate([everything, truth])
    return points, truth, view_box(bounds, None, everything)


def _images(sizes: tuple[int, ...], images: Any) -> np.ndarray:
    """Images as uint8 (*sizes, n, H, W, C), from one at a time or n, with C or without."""
    floats = checks.floats("images", images)
    images = np.asarray(images)
    if images.dtype != np.uint8:
        images = (255 * checks.between("images", floats, 0, 1)).round().astype(np.uint8)
    rest = images.shape[len(sizes) :]  # of one position
    colored = len(rest) > 2 and rest[-1] in (1, 3)
    several = len(rest) - colored == 3
    if images.shape[: len(sizes)] != sizes or len(rest) - colored not in (2, 3) or not images.size:
        head = "".join(f"{size}, " for size in sizes)
        raise ValueError(f"images must have shape ({head}H, W[, C]) or ({head}n, H, W[, C]), got {images.shape}")
    n, (height, width) = rest[0] if several else 1, rest[several : several + 2]
    return images.reshape(*sizes, n, height, width, rest[-1] if colored else 1)


def read_axes(axes: Any, start: Any = None, time: str | None = None) -> list[Axis]:
    """The axes of a film, in the order of the axes of its array.

    axes:  {name: values}, one to three of them; values are all numbers (a slider), or all names (a choice).
    start: {name: value} for axes that do not start at their first value.
    time:  the name of the axis of numbers that can be played through.
    """
    if not isinstance(axes, Mapping) or not 1 <= len(axes) <= 3:
        raise ValueError(f"axes must be a dictionary of one to three names with their values, got {axes!r}")
    start = {} if start is None else start
    if not isinstance(start, Mapping) or not set(start) <= set(axes):
        raise ValueError(f"start must be a dictionary of axes, {', '.join(map(repr, axes))}, got {start!r}")
    if time is not None:
        checks.choice("time", time, tuple(axes))
    found = []
    for name, values in axes.items():
        labels, named = _labels(f"axes[{name!r}]", values)
        if name == time and named:
            raise ValueError(f"time must be an axis of numbers, got {name!r}")
        kind = "choice" if named else "time" if name == time else "slider"
        first = _label(start[name]) if name in start else labels[0]
        if first not in labels:
            raise ValueError(f"start[{name!r}] must be one of {', '.join(labels)}, got {first}")
        found.append(Axis(name, labels, kind, labels.index(first)))
    return found


def _moving(axes: list[Axis], still: str | None) -> int:
    """Which axis the still goes along."""
    if still is not None:
        names = [axis.name for axis in axes]
        return names.index(checks.choice("still", still, tuple(names)))
    order = ["choice", "slider", "time"]
    return max(range(len(axes)), key=lambda k: (order.index(axes[k].kind), k))


def _labels(argument: str, values: Any) -> tuple[list[str], bool]:
    """The values of an axis as they are shown, and whether they are names."""
    values = values.tolist() if isinstance(values, np.ndarray) else values
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) < 2:
        raise ValueError(f"{argument} must be a sequence of at least two values, got {values!r}")
    names = sum(isinstance(value, str) for value in values)
    if names not in (0, len(values)) or not all(isinstance(value, (str, Real)) for value in values):
        raise ValueError(f"{argument} must be all numbers or all names, got {values!r}")
    labels = [_label(value) for value in values]
    if len(set(labels)) < len(labels):
        raise ValueError(f"{argument} must be different values (to three digits), got {', '.join(labels)}")
    return labels, names > 0


def _label(value: Any) -> str:
    """A value as readers see it; numbers that are not whole to three digits."""
    if isinstance(value, str):
        return value
    rounded = round(float(value), 12) + 0.0  # a 0 that is off by rounding, or -0, is 0
    text = f"{rounded:.0f}" if rounded.is_integer() and abs(rounded) < 1e6 else f"{rounded:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _packed(points: np.ndarray, reach: float) -> str:
    """Coordinates, cut off at ±reach, as base64 of int16."""
    return _base64((points.clip(-reach, reach).astype(np.float64) * (LEVELS / reach)).round().astype("<i2"))


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
