"""Pictures with sliders: what a lesson has computed for every position of one to three axes.

`Lesson.play` writes such a picture twice: as a still of a few positions, for print and for notebooks, and as a data
file in JavaScript, which the book's `play.js` draws on a canvas with a slider or a choice for each axis.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen import checks, plot
from minigen.plot.planes import view_box

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Axis", "Film", "images_film", "points_film", "read_axes"]

MOST_BYTES = 1_000_000  # of a data file: a page with several of them stays quick to load
STILLS = 5  # positions in the still picture
LEVELS = 32767  # of a coordinate, on either side of 0


@dataclass(frozen=True)
class Axis:
    """One axis that a reader moves along.

    kind:  "choice" (of names), "slider" (numbers), or "time" (numbers that can be played through).
    start: the position at which it stands first.
    """

    name: str
    labels: list[str]
    kind: str
    start: int

    def text(self, position: int) -> str:
        """What stands there, as "t = 40", or the name that is chosen."""
        label = self.labels[position]
        return label if self.kind == "choice" else f"{self.name} = {label}"


@dataclass(frozen=True)
class Film:
    """Points or images at every position of some axes.

    points: (*axes, N, 2), or None. truth: (M, 2), drawn underneath, or None. bounds: (xmin, xmax, ymin, ymax).
    images: uint8 (*axes, n, H, W, C), or None. cols: how many of the n stand beside each other.
    """

    axes: list[Axis]
    points: np.ndarray | None = None
    truth: np.ndarray | None = None
    bounds: tuple[float, ...] = ()
    images: np.ndarray | None = None
    cols: int = 1

    def script(self, key: str) -> str:
        """The data file: a call of the book's `minigenPlay` with the key and the data.

        Numbers are base64 of little-endian int16 (points: coordinates in units of `reach` / 32767) or uint8 (images).
        Raises ValueError if it has more than a million bytes.
        """
        data: dict[str, Any] = {"axes": [vars(axis) for axis in self.axes]}
        if self.points is not None:
            truth = self.points[:0] if self.truth is None else self.truth
            reach = float(max(np.abs(part).max(initial=0.0) for part in (self.points, truth))) or 1.0
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

    def still(self) -> Figure:
        """A figure of a few positions in one row: along the time, else the last axis of numbers, the others at rest."""
        moving = max(range(len(self.axes)), key=lambda k: (["choice", "slider", "time"].index(self.axes[k].kind), k))
        count = len(self.axes[moving].labels)
        shown = np.unique(np.linspace(0, count - 1, min(STILLS, count)).round().astype(int))
        at_rest = [axis.text(axis.start) for k, axis in enumerate(self.axes) if k != moving]
        fig, panels = plot.figure(1, len(shown), size=self._panel_size(), title=", ".join(at_rest))
        for ax, position in zip(np.atleast_1d(panels), shown):
            where = tuple(position if k == moving else axis.start for k, axis in enumerate(self.axes))
            self._draw(ax, where, self.axes[moving].text(position))
        return fig

    def _panel_size(self) -> tuple[float, float]:
        """Width and height of one panel of the still, in inches, its title included."""
        if self.images is None:
            xmin, xmax, ymin, ymax = self.bounds
            return 2.2, 2.2 * (ymax - ymin) / (xmax - xmin) + 0.2
        n, height, width = self.images.shape[-4:-1]
        rows = -(-n // self.cols)
        return 2.2, 2.2 * rows * height / (self.cols * width) + 0.3

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


def points_film(axes: list[Axis], points: Any, truth: Any = None, bounds: Any = None) -> Film:
    """A film of points (*axes, N, 2), the same N points at each position, over points of the truth (M, 2).

    bounds: the part of the plane that is seen, as for `plot.samples`; by default a box around nearly all of both.
    """
    sizes = [len(axis.labels) for axis in axes]
    points = checks.array("points", points, *sizes, "N", 2, dtype=np.float32)
    everything = points.reshape(-1, 2)
    if truth is not None:
        truth = checks.array("truth", truth, "M", 2, dtype=np.float32)
        everything = np.concatenate([everything, truth])
    return Film(axes, points=points, truth=truth, bounds=view_box(bounds, None, everything))


def images_film(axes: list[Axis], images: Any, cols: int | None = None) -> Film:
    """A film of images: one at each position, (*axes, H, W) or (*axes, H, W, C), or n of them, (*axes, n, H, W[, C]).

    Values are floats in [0, 1], or uint8; C is 1 or 3. cols: how many of the n stand beside each other.
    """
    sizes = tuple(len(axis.labels) for axis in axes)
    images = np.asarray(images)
    if images.dtype != np.uint8:
        images = checks.between("images", checks.floats("images", images), 0, 1)
        images = (255 * images).round().astype(np.uint8)
    rest = images.shape[len(sizes) :]  # of one position
    colored = len(rest) > 2 and rest[-1] in (1, 3)
    several = len(rest) - colored == 3
    if images.shape[: len(sizes)] != sizes or len(rest) - colored not in (2, 3) or not images.size:
        head = "".join(f"{size}, " for size in sizes)
        raise ValueError(f"images must have shape ({head}H, W[, C]) or ({head}n, H, W[, C]), got {images.shape}")
    n, (height, width) = rest[0] if several else 1, rest[several : several + 2]
    images = images.reshape(*sizes, n, height, width, rest[-1] if colored else 1)
    cols = min(n, 5) if cols is None else checks.whole("cols", cols, most=n)
    return Film(axes, images=images, cols=cols)


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
        raise ValueError(f"{argument} must be different values (to four digits), got {', '.join(labels)}")
    return labels, names > 0


def _label(value: Any) -> str:
    """A value as readers see it; numbers to four digits."""
    return value if isinstance(value, str) else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def _packed(points: np.ndarray, reach: float) -> str:
    """Coordinates within ±reach as base64 of int16."""
    return _base64((points.astype(np.float64) * (LEVELS / reach)).round().astype("<i2"))


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
